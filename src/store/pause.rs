//! The pause of the whole gate: kept sealed (its reason is written by people), one at most, and every step of it an entry.

use rusqlite::Connection;
use rusqlite::OptionalExtension as _;
use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use crate::decision::Pause;
use crate::graph::Time;
use crate::ledger::Kind;
use crate::store::NewEntry;
use crate::store::NewNotice;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::log;
use crate::store::notices;
use crate::store::notices::SealedNotice;
use crate::store::row;

/// A step of a pause, as its entry tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// One word of ours: `asked`, `started`, `half-time`, `ended`, `resumed`, `lapsed`.
    pub step: &'static str,
    /// When.
    pub at: Time,
    /// Who brought it about; `time` where nobody did.
    pub by: String,
    /// What they wrote, if anything.
    pub reason: String,
    /// Who is to be told of it.
    pub notices: Vec<NewNotice>,
}

impl Store {
    /// The pause that is kept, in force or not.
    pub async fn pause(&self) -> Result<Option<Pause>, StoreError> {
        let found = self
            .ask(|db| {
                let mut query = db.prepare_cached("SELECT id, pause_sealed FROM pause")?;
                let found = query.query_row([], |row| {
                    Ok((Uuid::from_bytes(row.get(0)?), row.get::<_, Vec<u8>>(1)?))
                });
                Ok(found.optional()?)
            })
            .await?;
        let Some((id, sealed)) = found else { return Ok(None) };
        let bytes = self.seal()?.open(&purpose(id), &sealed)?;
        row::known(serde_json::from_slice(&bytes)).map(Some)
    }

    /// Keeps a pause over what was before, with the entry of the step that led to it and who is told of it.
    pub async fn keep_pause(&self, pause: &Pause, mut change: Change) -> Result<(), StoreError> {
        let at = change.at;
        let notices = self.sealed(&mut change)?;
        let bytes =
            serde_json::to_vec(pause).map_err(|error| StoreError::Fault(error.to_string()))?;
        let sealed = self.seal()?.seal(&purpose(pause.id), &bytes)?;
        let (id, entry) = (pause.id, entry(pause, change).prepare()?);
        self.write(move |desk| {
            desk.db
                .prepare_cached(
                    "INSERT OR REPLACE INTO pause (one, id, pause_sealed) VALUES (1, ?1, ?2)",
                )?
                .execute((id.as_bytes(), sealed))?;
            told(desk.db, notices, at)?;
            log::append(desk, entry).map(drop)
        })
        .await
    }

    /// Forgets a pause, with the entry of its end. Only the one it was asked for.
    pub async fn end_pause(&self, pause: &Pause, mut change: Change) -> Result<(), StoreError> {
        let at = change.at;
        let notices = self.sealed(&mut change)?;
        let (id, entry) = (pause.id, entry(pause, change).prepare()?);
        self.write(move |desk| {
            let gone = desk
                .db
                .prepare_cached("DELETE FROM pause WHERE id = ?1")?
                .execute([id.as_bytes()])?;
            if gone == 1 {
                told(desk.db, notices, at)?;
                log::append(desk, entry)?;
            }
            Ok(())
        })
        .await
    }

    fn sealed(&self, change: &mut Change) -> Result<Vec<SealedNotice>, StoreError> {
        let seal = self.seal()?;
        let notices = std::mem::take(&mut change.notices).into_iter();
        notices.map(|notice| notices::seal(notice, seal)).collect()
    }
}

fn told(db: &Connection, notices: Vec<SealedNotice>, at: Time) -> Result<(), StoreError> {
    notices.into_iter().try_for_each(|notice| notices::add(db, notice, at).map(drop))
}

pub(super) fn purpose(id: Uuid) -> String {
    format!("pause {id}")
}

/// Times and words of ours in the open; who and why are sealed beside it.
fn entry(pause: &Pause, change: Change) -> NewEntry {
    let until = pause.span.map_or(Value::Null, |span| json!(span.until));
    let mut sealed = vec![("by".to_owned(), change.by.into_bytes())];
    if !change.reason.is_empty() {
        sealed.push(("reason".to_owned(), change.reason.into_bytes()));
    }
    NewEntry {
        body: row::members(json!({
            "what": "pause", "step": change.step, "until": until, "length_ms": pause.length_ms,
        })),
        sealed,
        ..NewEntry::new(Kind::Admin, change.at, pause.id.to_string())
    }
}
