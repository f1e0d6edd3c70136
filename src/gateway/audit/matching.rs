//! Lines held against changes: which explains which, who did it, and what has no counterpart.
//!
//! A line waits until a reading that began after it is settled. Then it explains changes of that reading, or it is alone:
//! it was undone before anybody read, or Bitbucket shows nothing of it to the credential. A line that is alone is an event
//! all the same, with who did it, and is decided once.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sha2::Digest as _;
use sha2::Sha256;

use crate::decision::record::Surface;
use crate::event::Actor;
use crate::event::ActorKind;
use crate::event::EventKind;
use crate::event::Facts;
use crate::event::Repository;
use crate::event::Resource;
use crate::event::Thing;
use crate::gateway::Gateway;
use crate::gateway::connections::Connection;
use crate::gateway::gather;
use crate::gateway::inbox;
use crate::gateway::road::Matter;
use crate::gateway::road::Offered;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Snapshot;
use crate::graph::Time;
use crate::graph::Why;
use crate::graph::audit;
use crate::graph::audit::AuditLine;
use crate::graph::audit::Deed;
use crate::graph::audit::Names;
use crate::graph::audit::SKEW;
use crate::policy::Document;
use crate::policy::input::Caller;
use crate::policy::input::CallerKind;
use crate::store::KeptChange;
use crate::store::KeptLine;
use crate::store::LinePlace;
use crate::store::RecordError;
use crate::store::StoreError;

/// How long after a line a reading has to begin to tell whether it changed anything: Bitbucket's clock and ours are not the
/// same. A change that is found later all the same is matched then.
const SETTLES: Duration = Duration::from_secs(5);

/// How long a change waits for a line that comes late.
const LATE: Duration = Duration::from_hours(48);

/// A line older than this is listed, and no event any more: a file of last year is history.
const NEWS: Duration = Duration::from_hours(24 * 7);

/// Lines without a change that are decided in one go; the others follow.
const MAX_DECIDED: usize = 500;

const ONLY_TOLD: Why = Why::fixed(
    "only the audit log tells of it: no reading shows it, so it was undone before the next one or is not shown to the connection's credential",
);

/// Why lines and changes were not held against each other.
#[derive(Debug, thiserror::Error)]
pub(in crate::gateway) enum MatchError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Who made changes, by the keys of their decisions.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Actors(BTreeMap<[u8; 32], Vec<Option<Id>>>);

impl Actors {
    /// Who made this one: known, or why not.
    pub(in crate::gateway) fn of(
        &self,
        key: &[u8; 32],
        graph: &Snapshot,
        untold: Why,
    ) -> Known<Actor> {
        let Some(doers) = self.0.get(key) else { return Known::Unknown(untold) };
        match audit::actor(doers) {
            Ok(who) => Known::Value(actor(&who, graph)),
            Err(0) => Known::unknown("the audit log has a line for it that names nobody"),
            Err(_) => Known::unknown(
                "the audit log has lines of more than one person for it between the two readings",
            ),
        }
    }
}

impl Gateway {
    /// Holds what waits against what was found, writes down the pairs, and decides lines that explain nothing.
    pub(in crate::gateway) async fn match_audit(
        &self,
        connection: &Arc<Connection>,
    ) -> Result<(), MatchError> {
        let _alone = self.audits.matching.lock().await;
        let id = &connection.id;
        let graph = self.graph.load_full();
        let names = Names::of(id, &graph);
        let ground = Ground {
            now: self.clock.now(),
            through: self.store.read_through(id).await?,
            since: self.store.known_since(id).await?,
        };
        let mut room = MAX_DECIDED;
        let mut after = None;
        loop {
            let lines = self.store.open_lines(id, after).await?;
            let Some(last) = lines.last().map(place) else { break };
            let pairs = self.pairs(id, &names, &lines).await?;
            let alone = ground.alone(&lines, &pairs, room);
            room -= alone.len();
            for line in &alone {
                if let Some(kind) = ground.news(&line.line) {
                    self.decide_line(connection, (kind, &line.line), (&names, &graph)).await?;
                }
            }
            let alone = alone.into_iter().map(|line| line.no).collect();
            self.store.settle_audit(pairs, alone).await?;
            after = Some(last);
        }
        // A change may be found later than the line that explains it was given up.
        let (late, mut after) = (ground.now.minus(LATE), None);
        loop {
            let lines = self.store.settled_lines(id, (late, after)).await?;
            let Some(last) = lines.last().map(place) else { return Ok(()) };
            let pairs = self.pairs(id, &names, &lines).await?;
            self.store.settle_audit(pairs, Vec::new()).await?;
            after = Some(last);
        }
    }

    /// Which of these lines explain which changes: held against every change there is that they could explain, page by
    /// page, so that none is said to explain nothing because there are many.
    async fn pairs(
        &self,
        id: &ConnectionId,
        names: &Names,
        lines: &[KeptLine],
    ) -> Result<Vec<(i64, i64)>, StoreError> {
        let Some(first) = lines.first() else { return Ok(Vec::new()) };
        let from = first.line.at.minus(SKEW);
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let changes = self.store.changes_since(id, (from, after)).await?;
            let Some(last) = changes.last() else { return Ok(found) };
            after = Some(last.no);
            found.extend(pairs(names, lines, &changes));
        }
    }

    /// Who made the changes of a moment, as far as lines tell.
    pub(in crate::gateway) async fn actors(
        &self,
        connection: &Connection,
        moment: i64,
    ) -> Result<Actors, StoreError> {
        let names = Names::of(&connection.id, &self.graph.load());
        let explained = self.store.explained(&connection.id, vec![moment]).await?;
        let doers = |lines: Vec<KeptLine>| {
            lines.iter().map(|line| names.doer(&line.line.who)).collect::<Vec<_>>()
        };
        Ok(Actors(
            explained.into_iter().map(|(change, lines)| (change.key, doers(lines))).collect(),
        ))
    }

    async fn decide_line(
        &self,
        connection: &Arc<Connection>,
        (kind, line): (EventKind, &AuditLine),
        (names, graph): (&Names, &Snapshot),
    ) -> Result<(), MatchError> {
        let parts = ["told by an audit log", connection.id.as_str(), line.id.as_str()];
        let key: [u8; 32] = Sha256::digest(parts.join("\n")).into();
        if self.store.was_decided(&key).await? {
            return Ok(());
        }
        let at = self.clock.now();
        let caller = Caller {
            kind: Known::Value(CallerKind::Discovery),
            id: Known::Value(connection.id.to_string()),
        };
        let document = Document {
            kind,
            connection: connection.id.clone(),
            product: connection.product,
            action: inbox::deed(kind).to_owned(),
            now: Known::Value(at),
            caller: Known::Value(caller),
            facts: facts(line, names, graph),
            claimed: Known::Nothing,
            graph: Known::Nothing,
        };
        let matter = Box::new(Matter {
            document,
            connection: Arc::clone(connection),
            surface: Surface::Discovery,
            delivery: None,
            caller: CallerKind::Discovery,
            authors: Vec::new(),
            own: Vec::new(),
            unread_step: None,
            replayed: None,
            commit: None,
            ground: gather::GroundFacts::default(),
            at,
        });
        let judged = self.judge(matter, async |_, _, _, _| Offered::default()).await;
        Ok(inbox::record(self, judged, Some(key), None).await?)
    }
}

/// What lines are judged by.
struct Ground {
    now: Time,
    /// Until when the connection is read.
    through: Option<Time>,
    /// Since when it is known.
    since: Option<Time>,
}

impl Ground {
    /// Lines that waited and explain nothing, though a reading that began after them is settled; at most so many.
    fn alone<'l>(
        &self,
        lines: &'l [KeptLine],
        pairs: &[(i64, i64)],
        most: usize,
    ) -> Vec<&'l KeptLine> {
        let explained: BTreeSet<i64> = pairs.iter().map(|(line, _)| *line).collect();
        let is_settled = |line: &AuditLine| {
            line.deed == Deed::Setting
                || self.through.is_some_and(|through| line.at.plus(SETTLES) < through)
        };
        let alone = lines.iter().filter(|line| !explained.contains(&line.no));
        alone.filter(|line| is_settled(&line.line)).take(most).collect()
    }

    /// The event that a line is, unless it is history.
    fn news(&self, line: &AuditLine) -> Option<EventKind> {
        let is_news =
            line.at >= self.now.minus(NEWS) && self.since.is_some_and(|since| line.at >= since);
        event(line.deed).filter(|_| is_news)
    }
}

fn place(line: &KeptLine) -> LinePlace {
    (line.line.at, line.no)
}

fn pairs(names: &Names, lines: &[KeptLine], changes: &[KeptChange]) -> Vec<(i64, i64)> {
    let told: Vec<AuditLine> = lines.iter().map(|line| line.line.clone()).collect();
    let found: Vec<_> = changes.iter().map(|change| change.change.clone()).collect();
    let pairs = audit::matched(names, &told, &found).into_iter();
    pairs
        .filter_map(|(line, change)| Some((lines.get(line)?.no, changes.get(change)?.no)))
        .collect()
}

/// The event that a line is by itself; none: of repositories and projects webhooks and readings tell enough.
const fn event(deed: Deed) -> Option<EventKind> {
    match deed {
        Deed::Permission => Some(EventKind::PermissionChanged),
        Deed::Restriction | Deed::Setting => Some(EventKind::RestrictionChanged),
        Deed::Credential | Deed::App => Some(EventKind::CredentialChanged),
        Deed::Hook => Some(EventKind::HookChanged),
        Deed::Runner => Some(EventKind::RunnerChanged),
        Deed::Variable => Some(EventKind::VariableChanged),
        Deed::Repository | Deed::Project => None,
    }
}

fn actor(who: &Id, graph: &Snapshot) -> Actor {
    let name = graph.find(who).and_then(|no| graph.node(no)).and_then(|node| node.name.clone());
    Actor {
        id: Known::Value(who.clone()),
        kind: Known::or_untold(ActorKind::from_text(who.kind().as_str())),
        name: Known::or_untold(name),
        ..Actor::default()
    }
}

/// What a line says, as a rule sees it: the product's word is the thing's kind; what it was set to nobody kept.
fn facts(line: &AuditLine, names: &Names, graph: &Snapshot) -> Facts {
    let about: Vec<Id> = line.about.iter().filter_map(|party| names.id(party)).collect();
    let of = |kind: Kind| about.iter().find(|id| id.kind() == kind).cloned();
    let holder = of(Kind::User).or_else(|| of(Kind::Group));
    let thing = Thing {
        id: Known::or_untold(of(Kind::Repository).or_else(|| about.first().cloned())),
        kind: Known::Value(line.action.clone()),
        identity: Known::or_untold(holder),
        ..Thing::default()
    };
    let repository =
        of(Kind::Repository).map(|id| Repository { id: Known::Value(id), ..Repository::default() });
    let who = names.doer(&line.who);
    Facts {
        actor: match who {
            Some(who) => Known::Value(actor(&who, graph)),
            None => Known::unknown("the audit log names nobody"),
        },
        resource: Known::Value(Resource {
            repository: Known::or_nothing(repository),
            reference: Known::Nothing,
            environment: Known::Nothing,
            variables: Known::default(),
        }),
        change: Known::Nothing,
        pull_request: Known::Nothing,
        pipeline: Known::Nothing,
        comment: Known::Nothing,
        commit_status: Known::Nothing,
        before: Known::Unknown(ONLY_TOLD),
        after: Known::Value(thing),
    }
}
