//! What findings are read by: id, subject, rule; and the list, worst first.

use std::collections::BTreeSet;

use rusqlite::OptionalExtension as _;
use rusqlite::Row;

use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Time;
use crate::policy::RuleId;
use crate::policy::bundle::Severity;
use crate::posture::Kept;
use crate::posture::Outcome;
use crate::posture::State;
use crate::secret::Seal;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::findings::key;
use crate::store::findings::opened;
use crate::store::findings::outcome;
use crate::store::findings::severity;
use crate::store::findings::state;
use crate::store::row;

/// Rows read in one question when all of a connection are walked.
const LOOK: usize = 1_000;

/// Which findings are asked for. What is left out is not asked.
#[derive(Clone, Debug, Default)]
pub struct FindingFilter {
    /// Of this connection.
    pub connection: Option<ConnectionId>,
    /// With one of these outcomes; none at all: any.
    pub outcomes: Vec<Outcome>,
    /// In this state at `now`.
    pub state: Option<State>,
    /// This bad or worse.
    pub severity: Option<Severity>,
    /// Of one of these rules.
    pub rules: Option<BTreeSet<RuleId>>,
    /// About one of these, or about what belongs to one.
    pub subjects: Option<BTreeSet<Id>>,
    /// Whose owner has this id or name.
    pub owner: Option<String>,
    /// After this finding.
    pub after: Option<String>,
    /// How many at most.
    pub limit: usize,
    /// The time against which acceptances are measured.
    pub now: Time,
}

/// Findings of a list, worst first, then by rule and id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingPage {
    /// The findings.
    pub findings: Vec<Kept>,
    /// The id after which it goes on; none: these were the last.
    pub next: Option<String>,
}

impl Store {
    /// The finding of this id.
    pub async fn finding(&self, id: &str) -> Result<Option<Kept>, StoreError> {
        let (id, seal) = (id.to_owned(), self.seal()?.clone());
        self.ask(move |db| {
            let sql = "SELECT finding_sealed FROM finding WHERE id = ?1";
            let found = db.prepare_cached(sql)?.query_row([&id], |row| row.get::<_, Vec<u8>>(0));
            found.optional()?.map(|sealed| opened(&seal, &id, &sealed)).transpose()
        })
        .await
    }

    /// What is kept about these subjects.
    pub async fn findings_about(&self, subjects: &[Id]) -> Result<Vec<Kept>, StoreError> {
        let (keys, seal) = (subjects.iter().map(key).collect::<Vec<_>>(), self.seal()?.clone());
        self.ask(move |db| {
            let sql = "SELECT id, finding_sealed FROM finding WHERE subject = ?1";
            let mut query = db.prepare_cached(sql)?;
            let mut found = Vec::new();
            for key in keys {
                let mut rows = query.query([key])?;
                while let Some(row) = rows.next()? {
                    found.push(read(row, &seal)?);
                }
            }
            Ok(found)
        })
        .await
    }

    /// The ids of every subject of a connection about which something is kept, in order.
    pub async fn subjects_with_findings(
        &self,
        connection: &ConnectionId,
    ) -> Result<BTreeSet<Id>, StoreError> {
        let (connection, seal) = (connection.clone(), self.seal()?.clone());
        let walk = self.inner.readers.walk(move |db| {
            // One row of each subject tells which it is.
            let sql = "SELECT id, finding_sealed FROM finding WHERE no IN
                       (SELECT min(no) FROM finding WHERE connection = ?1 GROUP BY subject)";
            let mut query = db.prepare_cached(sql)?;
            let mut rows = query.query([connection.as_str()])?;
            let mut ids = BTreeSet::new();
            while let Some(row) = rows.next()? {
                ids.insert(read(row, &seal)?.subject.id);
            }
            Ok(ids)
        });
        walk.await
    }

    /// Findings whose acceptance is over, at most some.
    pub async fn lapsed_findings(&self, now: Time) -> Result<Vec<Kept>, StoreError> {
        let seal = self.seal()?.clone();
        self.ask(move |db| {
            let sql = "SELECT id, finding_sealed FROM finding
                       WHERE until IS NOT NULL AND until <= ?1 ORDER BY until LIMIT ?2";
            let mut query = db.prepare_cached(sql)?;
            let mut rows = query.query((now.millis(), row::signed(LOOK as u64)))?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(read(row, &seal)?);
            }
            Ok(found)
        })
        .await
    }

    /// A page of the list; none: there is no finding `after` which it could go on.
    pub async fn findings(&self, filter: FindingFilter) -> Result<Option<FindingPage>, StoreError> {
        let seal = self.seal()?.clone();
        let walk = self.inner.readers.walk(move |db| {
            let begin = match &filter.after {
                None => Some((-1, String::new(), String::new())),
                Some(after) => {
                    let sql = "SELECT severity, rule, id FROM finding WHERE id = ?1";
                    let place = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
                    db.prepare_cached(sql)?.query_row([after], place).optional()?
                }
            };
            let Some(begin) = begin else { return Ok(None) };
            let sql = "SELECT id, finding_sealed, rule, outcome, state, subject, place, connection
                       FROM finding
                       WHERE (severity, rule, id) > (?1, ?2, ?3) AND severity <= ?4
                       ORDER BY severity, rule, id";
            let worst = filter.severity.map_or(i64::MAX, severity);
            let sieve = Sieve::of(&filter);
            let mut query = db.prepare_cached(sql)?;
            let mut rows = query.query((begin.0, &begin.1, &begin.2, worst))?;
            let mut page = FindingPage::default();
            while let Some(row) = rows.next()? {
                if !sieve.lets(row)? {
                    continue;
                }
                let kept = read(row, &seal)?;
                if !fits(&kept, &filter) {
                    continue;
                }
                if page.findings.len() == filter.limit {
                    page.next = page.findings.last().map(Kept::id);
                    break;
                }
                page.findings.push(kept);
            }
            Ok(Some(page))
        });
        walk.await
    }
}

fn read(row: &Row<'_>, seal: &Seal) -> Result<Kept, StoreError> {
    opened(seal, &row.get::<_, String>(0)?, &row.get::<_, Vec<u8>>(1)?)
}

/// What can be asked of a row before it is opened.
struct Sieve<'f> {
    connection: Option<&'f str>,
    outcomes: Vec<i64>,
    states: Option<Vec<i64>>,
    rules: Option<BTreeSet<&'f str>>,
    subjects: Option<BTreeSet<Vec<u8>>>,
}

impl<'f> Sieve<'f> {
    fn of(filter: &'f FindingFilter) -> Self {
        // One that is accepted in the row may be what it was before: its time is over.
        let states = filter.state.map(|asked| vec![state(asked), state(State::Accepted)]);
        let rules = filter.rules.as_ref();
        let subjects = filter.subjects.as_ref();
        Self {
            connection: filter.connection.as_ref().map(ConnectionId::as_str),
            outcomes: filter.outcomes.iter().map(|one| outcome(*one)).collect(),
            states,
            rules: rules.map(|rules| rules.iter().map(RuleId::as_str).collect()),
            subjects: subjects.map(|subjects| subjects.iter().map(key).collect()),
        }
    }

    fn lets(&self, row: &Row<'_>) -> Result<bool, StoreError> {
        let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
        let (rule, connection): (&str, &str) = (text(2)?, text(7)?);
        let (outcome, state): (i64, i64) = (row.get(3)?, row.get(4)?);
        let (subject, place): (Vec<u8>, Option<Vec<u8>>) = (row.get(5)?, row.get(6)?);
        let about = |subjects: &BTreeSet<Vec<u8>>| {
            subjects.contains(&subject) || place.as_ref().is_some_and(|one| subjects.contains(one))
        };
        Ok(self.connection.is_none_or(|asked| asked == connection)
            && (self.outcomes.is_empty() || self.outcomes.contains(&outcome))
            && self.states.as_ref().is_none_or(|states| states.contains(&state))
            && self.rules.as_ref().is_none_or(|rules| rules.contains(rule))
            && self.subjects.as_ref().is_none_or(about))
    }
}

/// What only the opened finding tells.
fn fits(kept: &Kept, filter: &FindingFilter) -> bool {
    let owned = |asked: &String| {
        kept.owner.name == *asked || kept.owner.id.as_ref().is_some_and(|id| id.as_str() == asked)
    };
    let state = || kept.shown(None, filter.now).state;
    filter.owner.as_ref().is_none_or(owned) && filter.state.is_none_or(|asked| asked == state())
}
