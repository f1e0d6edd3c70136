//! What findings are read by: id, subject, rule; and the list, worst first.

use std::collections::BTreeSet;

use rusqlite::Connection;
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
    /// After this finding: its id, or what a page said.
    pub after: Option<String>,
    /// How many at most.
    pub limit: usize,
    /// The time against which acceptances are measured.
    pub now: Time,
}

/// Findings of a list: what fails, then what cannot be told; in each the worst first, by rule and place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingPage {
    /// The findings.
    pub findings: Vec<Kept>,
    /// After what it goes on: the rank and the id of the last one, so that the list goes on from the same place when that
    /// one has been fixed meanwhile. None: these were the last.
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
            let Some(begin) = begin(db, &filter)? else { return Ok(None) };
            let worst = filter.severity.map_or(i64::MAX, severity);
            let sieve = Sieve::of(&filter);
            let sql = format!(
                "SELECT no, rule, outcome, state, subject, place, connection, {ORDER} FROM finding
                 WHERE ({ORDER}) > (?2, ?3, ?4, ?5, ?6) AND severity <= ?7 ORDER BY {ORDER}"
            );
            let mut query = db.prepare_cached(&sql)?;
            let Begin { rank, severity, rule, place, id } = begin;
            let now = filter.now.millis();
            let mut rows = query.query((now, rank, severity, rule, place, id, worst))?;
            // What is sealed is read last: sorting does not carry it along.
            let one = "SELECT id, finding_sealed FROM finding WHERE no = ?1";
            let mut one = db.prepare_cached(one)?;
            let (mut page, mut last) = (FindingPage::default(), None);
            while let Some(row) = rows.next()? {
                if !sieve.lets(row)? {
                    continue;
                }
                let kept = one.query_row([row.get::<_, i64>(0)?], |row| Ok(read(row, &seal)))??;
                if !fits(&kept, &filter) {
                    continue;
                }
                if page.findings.len() == filter.limit {
                    page.next = last;
                    break;
                }
                last = Some(format!("{}.{}", row.get::<_, i64>(7)?, kept.id()));
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

/// What the list is sorted by, at the time `?1`: [`rank`](crate::posture::finding::rank), the worst, the rule, the place,
/// so that what belongs together stands together, and the id.
const ORDER: &str = "CASE outcome WHEN 1 THEN 0 WHEN 2 THEN 4 ELSE 8 END
     + CASE WHEN state IN (0, 4) THEN 0 WHEN state = 1 THEN 1 WHEN state = 3 THEN 3
            WHEN until > ?1 THEN 2 ELSE 1 END,
     severity, rule, coalesce(place, x''), id";

/// After what a page begins.
struct Begin {
    rank: i64,
    severity: i64,
    rule: String,
    place: Vec<u8>,
    id: String,
}

/// None: there is no finding after which the page could begin.
fn begin(db: &Connection, filter: &FindingFilter) -> Result<Option<Begin>, StoreError> {
    let Some(after) = &filter.after else {
        let (rule, place, id) = (String::new(), Vec::new(), String::new());
        return Ok(Some(Begin { rank: -1, severity: -1, rule, place, id }));
    };
    let (rank, id) = match after.split_once('.') {
        Some((rank, id)) => (rank.parse::<i64>().ok(), id),
        None => (None, after.as_str()),
    };
    let sql = format!("SELECT {ORDER} FROM finding WHERE id = ?2");
    let found = db.prepare_cached(&sql)?.query_row((filter.now.millis(), id), |row| {
        Ok(Begin {
            rank: rank.map_or_else(|| row.get(0), Ok)?,
            severity: row.get(1)?,
            rule: row.get(2)?,
            place: row.get(3)?,
            id: row.get(4)?,
        })
    });
    Ok(found.optional()?)
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
        let (rule, connection): (&str, &str) = (text(1)?, text(6)?);
        let (outcome, state): (i64, i64) = (row.get(2)?, row.get(3)?);
        let (subject, place): (Vec<u8>, Option<Vec<u8>>) = (row.get(4)?, row.get(5)?);
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
