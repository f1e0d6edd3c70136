//! Reading decisions back: each is put together again from its ledger entry and what is left of the parts beside it.

use rusqlite::Connection;
use rusqlite::OptionalExtension as _;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::decision::Record;
use crate::decision::record::Part;
use crate::decision::record::Surface;
use crate::event::EventKind;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Time;
use crate::ledger;
use crate::ledger::Entry;
use crate::ledger::Kept;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::log;
use crate::store::recent;
use crate::store::recent::Of;
use crate::store::recording::INPUT;
use crate::store::recording::PEOPLE;
use crate::store::recording::TOLD;
use crate::store::row;

/// Decisions on one repository looked at for what a webhook told of it.
const MAX_TOLD: i64 = 1_000;

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

    /// Whether an event of this key was decided: by its hash, as [`Recording::event_key`](crate::store::Recording) is.
    pub async fn was_decided(&self, event: &[u8; 32]) -> Result<bool, StoreError> {
        let event = *event;
        let may_be = self.inner.seen.as_ref().is_none_or(|seen| seen.may_hold(&event));
        if !may_be {
            return Ok(false);
        }
        let known = self.inner.recent.as_ref().and_then(|recent| recent.find(Of::Event, &event));
        let known = match known {
            Some(known) => Some(known),
            None => self.ask(move |db| recent::anywhere(db, Of::Event, &event)).await?,
        };
        Ok(known.is_some())
    }

    /// Decisions on webhooks that told of a repository, by one of these kinds, since then; the newest first, at most
    /// `MAX_TOLD`.
    pub async fn told_by_webhook(
        &self,
        repository: &Id,
        kinds: &'static [EventKind],
        since: Time,
    ) -> Result<Vec<Record>, StoreError> {
        let repository = repository.to_string();
        self.ask(move |db| {
            // As the JSON text of a list, so that the statement is one for any number of kinds. Other events of a busy
            // repository do not count towards the limit.
            let words: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
            let words = serde_json::Value::from(words).to_string();
            let sql = "SELECT entry FROM decision
                       WHERE repository = ?1 AND at >= ?2
                         AND event IN (SELECT value FROM json_each(?3))
                       ORDER BY entry DESC LIMIT ?4";
            let mut query = db.prepare_cached(sql)?;
            let mut rows = query.query((repository, since.millis(), words, MAX_TOLD))?;
            let mut records = Vec::new();
            while let Some(row) = rows.next()? {
                records.push(read(db, row.get(0)?)?);
            }
            records.retain(|record: &Record| record.public.surface == Surface::Hook);
            Ok(records)
        })
        .await
    }

    /// Which repositories of a connection events of these kinds told of since then, oldest first.
    pub async fn told_since(
        &self,
        connection: &ConnectionId,
        kinds: &'static [EventKind],
        since: Time,
    ) -> Result<Vec<(Id, EventKind, Time)>, StoreError> {
        let connection = connection.clone();
        self.ask(move |db| {
            let sql = "SELECT repository, event, at FROM decision
                       WHERE entry >= ?1 AND at >= ?2 AND connection = ?3 AND repository IS NOT NULL
                       ORDER BY entry";
            let from = log::first_since(db, since)?;
            let mut query = db.prepare_cached(sql)?;
            let mut rows = query.query((from, since.millis(), connection.as_str()))?;
            let mut told = Vec::new();
            while let Some(row) = rows.next()? {
                let event: String = row.get(1)?;
                if let Some(kind) = kinds.iter().find(|kind| kind.as_str() == event) {
                    told.push((row::parsed(row, 0)?, *kind, Time::from_millis(row.get(2)?)));
                }
            }
            Ok(told)
        })
        .await
    }

    /// How many decisions there were since `since`.
    pub async fn counts(&self, since: Time) -> Result<Counts, StoreError> {
        self.ask(move |db| {
            let sql = "SELECT count(*), coalesce(sum(uncovered), 0) FROM decision
                       WHERE entry >= ?1 AND at >= ?2";
            let from = log::first_since(db, since)?;
            let counted = db.prepare_cached(sql)?.query_row((from, since.millis()), |row| {
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

/// A decision by the place of its entry.
pub(super) fn read(db: &Connection, index: i64) -> Result<Record, StoreError> {
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
