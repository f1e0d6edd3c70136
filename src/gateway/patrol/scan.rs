//! One scan of one connection: what is due, the walk over it, and what it comes to.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;

use schemars::JsonSchema;
use serde::Serialize;
use tokio::task::spawn_blocking;

use crate::gateway::Gateway;
use crate::gateway::patrol::due::Due;
use crate::gateway::workers::PoolError;
use crate::graph::Admins;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Time;
use crate::policy::RuleId;
use crate::posture::Catalogue;
use crate::posture::Listing;
use crate::posture::Outcome;
use crate::posture::Scan;
use crate::posture::Tally;
use crate::posture::round::Round;
use crate::posture::touched::Touched;
use crate::store::CountedFindings;
use crate::store::ScanMark;
use crate::store::StoreError;

/// How far a scan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Progress {
    /// Since when it runs.
    pub since: Time,
    /// Subjects that are done.
    pub done: u64,
    /// Subjects there are.
    pub of: u64,
}

/// Why a scan did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The rules cannot be asked.
    #[error("the posture rules cannot be asked: {0}")]
    Pool(#[from] PoolError),
    /// What was found cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The work itself was cut off.
    #[error("the gateway is ending")]
    Ending,
}

/// What a scan works with.
pub(in crate::gateway) struct Beat {
    /// The round it makes.
    pub round: Arc<Round>,
    /// The rules' own words.
    pub catalogue: Catalogue,
    /// Whether it looks at everything.
    pub mark: ScanMark,
    /// Who administers which place, as far as it was worked out.
    pub admins: Arc<Mutex<Admins>>,
}

impl Gateway {
    /// Looks at what is due of a connection and keeps what was found. None: there is nothing to look at.
    pub(in crate::gateway) async fn scan(
        &self,
        connection: &ConnectionId,
        due: &Due,
    ) -> Result<Option<Scan>, ScanError> {
        let _alone = self.patrol.alone.lock().await;
        let graph = self.graph.load_full();
        if self.connections.get(connection).is_none()
            || graph.as_of_connection(connection).is_none()
        {
            return Ok(None);
        }
        let posture = self.policies.posture();
        let since = self.clock.now();
        let round = Round::new(
            Arc::clone(&graph),
            Arc::new(self.held(connection)),
            Arc::clone(&posture.bundle),
            Arc::new(self.patrol_settings.choices.clone()),
            since,
        );
        let round = Arc::new(round.addressed(Arc::new(self.addresses())));
        let due = self.patrol.wanted(connection, due);
        let (ids, mark) = self.subjects_due(&round, connection, &due).await?;
        if ids.is_empty() && mark == ScanMark::Part {
            return Ok(None);
        }
        let beat =
            Beat { catalogue: Catalogue::of(&posture.bundle), round, mark, admins: Arc::default() };
        if mark == ScanMark::Whole {
            self.patrol.strays.begin(connection);
        }
        let began = tokio::time::Instant::now();
        let (pool, asked) =
            tokio::join!(self.patrol.crew.call(&posture), asked_of(&beat.round, connection));
        let (pool, asked) = (pool?, asked?);
        let looked = self.walk_over(&beat, &pool, connection, ids).await;
        self.patrol.note(connection, None);
        let subjects = looked?;
        match mark {
            ScanMark::Part => self.patrol.crew.rest(pool, posture),
            ScanMark::Whole => drop(pool),
        }
        let scan = self.sum_up(&beat, connection, (subjects, asked)).await?;
        self.store.keep_scan(&scan, mark).await?;
        if mark == ScanMark::Whole {
            self.patrol.looked_at_whole(connection);
        }
        self.meters.patrol().done(connection, scan.at, mark);
        tracing::info!(
            %connection,
            subjects,
            whole = mark == ScanMark::Whole,
            took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "scanned"
        );
        Ok(Some(scan))
    }

    /// The subjects to look at; where lists were read that may tell it, also those that something is kept about and that
    /// are there no more.
    async fn subjects_due(
        &self,
        round: &Arc<Round>,
        connection: &ConnectionId,
        due: &Due,
    ) -> Result<(Vec<Id>, ScanMark), ScanError> {
        let graph = Arc::clone(&round.graph);
        let (round, wanted, due) = (Arc::clone(round), connection.clone(), due.clone());
        let work = move || {
            let touched = due.of(&wanted, &round.graph);
            let all = matches!(touched, Touched::All).then(|| round.subjects(&wanted));
            (touched, all.unwrap_or_default())
        };
        let (touched, all) = spawn_blocking(work).await.map_err(|_| ScanError::Ending)?;
        let (mut ids, mark) = match touched {
            Touched::Some(ids) => return Ok((ids.into_iter().collect(), ScanMark::Part)),
            Touched::Opened(ids) => (ids.into_iter().collect(), ScanMark::Part),
            Touched::All => (all, ScanMark::Whole),
        };
        let kept = self.store.subjects_with_findings(connection).await?;
        let known: BTreeSet<&Id> = ids.iter().collect();
        let gone = kept.into_iter().filter(|id| graph.find(id).is_none() && !known.contains(id));
        let gone: Vec<Id> = gone.collect();
        ids.extend(gone);
        Ok((ids, mark))
    }

    /// What every rule says of every subject of the connection, those that were looked at earlier included.
    async fn sum_up(
        &self,
        beat: &Beat,
        connection: &ConnectionId,
        (subjects, asked): (u64, BTreeMap<RuleId, u64>),
    ) -> Result<Scan, ScanError> {
        let at = self.clock.now();
        let mut counted = self.store.count_findings(at).await?;
        self.meters.patrol().show(&counted);
        counted.retain(|one| one.connection == connection.as_str());
        Ok(Scan {
            connection: connection.to_string(),
            at,
            graph_revision: beat.round.graph.revision(),
            bundle: beat.round.bundle.revision.clone(),
            subjects,
            tallies: tallies(&beat.catalogue, &asked, &self.patrol.strays.of(connection), &counted),
        })
    }
}

impl Gateway {
    /// Shows on the metrics how many findings there are.
    pub(in crate::gateway) async fn show_findings(&self) -> Result<(), StoreError> {
        let counted = self.store.count_findings(self.clock.now()).await?;
        self.meters.patrol().show(&counted);
        Ok(())
    }
}

/// Of how many subjects of the connection each rule says something.
async fn asked_of(
    round: &Arc<Round>,
    connection: &ConnectionId,
) -> Result<BTreeMap<RuleId, u64>, ScanError> {
    let (round, connection) = (Arc::clone(round), connection.clone());
    let asked = spawn_blocking(move || round.asked_of(&connection)).await;
    asked.map_err(|_| ScanError::Ending)
}

/// A line for every rule that was asked about anything. What was asked and neither fails nor is unknown passes; strays
/// are unknown and were not asked.
fn tallies(
    catalogue: &Catalogue,
    asked: &BTreeMap<RuleId, u64>,
    strays: &BTreeMap<RuleId, u64>,
    counted: &[CountedFindings],
) -> Vec<Tally> {
    let of = |rule: &RuleId, outcome: Outcome| {
        let mine = counted.iter().filter(|one| one.rule == *rule && one.outcome == outcome);
        mine.map(|one| one.count).sum::<u64>()
    };
    let line = |listing: &Listing| {
        let rule = &listing.rule;
        let (fail, unknown) = (of(rule, Outcome::Fail), of(rule, Outcome::Unknown));
        let count = |of: &BTreeMap<RuleId, u64>| of.get(rule).copied().unwrap_or_default();
        let failing = counted.iter().filter(|one| one.outcome == Outcome::Fail);
        Tally {
            rule: rule.clone(),
            severity: listing.severity,
            pass: (count(asked) + count(strays)).saturating_sub(fail + unknown),
            fail,
            unknown,
            accepted: failing.filter(|one| one.rule == *rule).map(|one| one.accepted).sum(),
        }
    };
    catalogue.rules.iter().filter(|one| asked.contains_key(&one.rule)).map(line).collect()
}
