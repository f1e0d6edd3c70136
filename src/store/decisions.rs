//! Reading decisions back: each is put together again from its ledger entry and what is left of the parts beside it.

use rusqlite::Connection;
use rusqlite::OptionalExtension as _;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::decision::Effect;
use crate::decision::Record;
use crate::decision::record::Part;
use crate::graph::ConnectionId;
use crate::graph::Time;
use crate::ledger;
use crate::ledger::Entry;
use crate::ledger::Kept;
use crate::policy::RuleId;
use crate::policy::Verdict;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::log;
use crate::store::recent;
use crate::store::recent::Of;
use crate::store::recording::INPUT;
use crate::store::recording::PEOPLE;
use crate::store::recording::TOLD;
use crate::store::row;

/// Decisions on a page.
pub const MAX_PAGE: usize = 200;

/// Which decisions to list. What is left out does not matter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this connection.
    pub connection: Option<ConnectionId>,
    /// With this verdict.
    pub verdict: Option<Verdict>,
    /// With this effect.
    pub effect: Option<Effect>,
    /// About the repository of this id.
    pub repository: Option<String>,
    /// In which this rule matched or could not tell.
    pub rule: Option<RuleId>,
    /// Only those that no rule answers (true), or only the others (false).
    pub uncovered: Option<bool>,
    /// Made at or after.
    pub since: Option<Time>,
    /// Made before.
    pub until: Option<Time>,
}

/// A page of decisions, newest first.
#[derive(Clone, Debug)]
pub struct Page {
    /// The decisions.
    pub items: Vec<Record>,
    /// Give this to see the next page; none: this was the last.
    pub next: Option<u64>,
}

/// How many decisions there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of them.
    pub decisions: u64,
    /// Those that no rule answers.
    pub uncovered: u64,
}

impl Store {
    /// A decision by its id.
    pub async fn decision(&self, id: Uuid) -> Result<Option<Record>, StoreError> {
        self.ask(move |db| {
            let entry: Option<i64> = db
                .prepare_cached("SELECT entry FROM decision WHERE id = ?1")?
                .query_row([id.as_bytes()], |row| row.get(0))
                .optional()?;
            entry.map(|entry| read(db, entry)).transpose()
        })
        .await
    }

    /// Decisions in the order they were recorded, newest first, at most 200; `before` is the `next` of the page
    /// before.
    pub async fn decisions(
        &self,
        filter: Filter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let limit = limit.clamp(1, MAX_PAGE);
        self.ask(move |db| page(db, &filter, before, limit)).await
    }

    /// Whether this question may have been asked before; false is certain. Costs no look into the file.
    pub fn may_have_asked(&self, question: &[u8; 32]) -> bool {
        self.inner.seen.as_ref().is_none_or(|seen| seen.may_hold(question))
    }

    /// The decision that stands for a check's question, and since when.
    pub async fn standing(&self, question: [u8; 32]) -> Result<Option<(Uuid, Time)>, StoreError> {
        if !self.may_have_asked(&question) {
            return Ok(None);
        }
        let stands = match &self.inner.recent {
            Some(recent) => match recent.find(Of::Question, &question) {
                Some(stands) => Some(stands),
                None => self.ask(move |db| recent::settled(db, Of::Question, &question)).await?,
            },
            None => self.ask(move |db| recent::anywhere(db, Of::Question, &question)).await?,
        };
        Ok(stands.map(|stands| (stands.id, stands.at)))
    }

    /// How many decisions there were since `since`.
    pub async fn counts(&self, since: Time) -> Result<Counts, StoreError> {
        self.ask(move |db| {
            let sql = "SELECT count(*), coalesce(sum(uncovered), 0) FROM decision WHERE at >= ?1";
            let counted = db.prepare_cached(sql)?.query_row([since.millis()], |row| {
                Ok(Counts {
                    decisions: row::unsigned(row.get(0)?),
                    uncovered: row::unsigned(row.get(1)?),
                })
            })?;
            Ok(counted)
        })
        .await
    }
}

fn page(
    db: &Connection,
    filter: &Filter,
    before: Option<u64>,
    limit: usize,
) -> Result<Page, StoreError> {
    let mut query = db.prepare_cached(
        "SELECT entry FROM decision
         WHERE entry < ?1
           AND (?2 IS NULL OR connection = ?2) AND (?3 IS NULL OR verdict = ?3)
           AND (?4 IS NULL OR effect = ?4) AND (?5 IS NULL OR repository = ?5)
           AND (?6 IS NULL OR uncovered = ?6)
           AND (?7 IS NULL OR at >= ?7) AND (?8 IS NULL OR at < ?8)
           AND (?9 IS NULL OR EXISTS (SELECT 1 FROM decision_rule asked
                WHERE asked.rule = ?9 AND asked.entry = decision.entry))
         ORDER BY entry DESC LIMIT ?10",
    )?;
    let found = query.query_map(
        (
            before.map_or(i64::MAX, row::signed),
            filter.connection.as_ref().map(ConnectionId::as_str),
            filter.verdict.map(Verdict::as_str),
            filter.effect.map(Effect::as_str),
            &filter.repository,
            filter.uncovered,
            filter.since.map(Time::millis),
            filter.until.map(Time::millis),
            filter.rule.as_ref().map(RuleId::as_str),
            // One more than asked tells whether there is a next page.
            row::signed(limit as u64 + 1),
        ),
        |row| row.get::<_, i64>(0),
    )?;
    let mut entries = found.collect::<Result<Vec<_>, _>>()?;
    let more = entries.len() > limit;
    entries.truncate(limit);
    let next = entries.last().filter(|_| more).map(|entry| row::unsigned(*entry));
    let items = entries.into_iter().map(|entry| read(db, entry)).collect::<Result<_, _>>()?;
    Ok(Page { items, next })
}

fn read(db: &Connection, index: i64) -> Result<Record, StoreError> {
    let missing = || StoreError::Corrupt(format!("entry {index} is missing"));
    let ledger::Record { entry, sealed } = log::record(db, index)?.ok_or_else(missing)?;
    let entry = row::known(Entry::from_bytes(&entry))?;
    Ok(Record {
        public: row::known(serde_json::from_value(Value::Object(entry.body)))?,
        input: part(&sealed, INPUT, |bytes| {
            row::known(String::from_utf8(bytes.to_vec()))
                .and_then(|text| row::known(RawValue::from_string(text)))
        })?,
        names: part(&sealed, PEOPLE, json)?,
        told: part(&sealed, TOLD, json)?,
    })
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    row::known(serde_json::from_slice(bytes))
}

fn part<T>(
    parts: &[Kept],
    name: &str,
    read: impl FnOnce(&[u8]) -> Result<T, StoreError>,
) -> Result<Part<T>, StoreError> {
    match parts.iter().find(|kept| kept.name() == name) {
        Some(Kept::Present(part)) => read(&part.bytes).map(Part::Kept),
        Some(Kept::Erased { at, .. }) => Ok(Part::Erased(Time::from_millis(at.as_millis()))),
        None => Err(StoreError::Unreadable(format!("the part `{name}` of a decision is missing"))),
    }
}
