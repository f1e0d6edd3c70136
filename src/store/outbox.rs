//! The outbox: what is to be done on Bitbucket, recorded with the decision and carried out afterwards, once each.
//!
//! An action has a key that makes it one: the same key is never recorded twice. Writes to the same slot (the status of
//! a commit under our name) are carried out one after another, and only the newest that nobody has begun: an older one
//! is superseded. What is done keeps its key and its outcome; what it said is deleted.

use std::time::Duration;

use rusqlite::Connection;
use rusqlite::OptionalExtension as _;
use rusqlite::Row;
use serde::Deserialize;
use serde::Serialize;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;
use uuid::Uuid;

use crate::graph::ConnectionId;
use crate::graph::Time;
use crate::ledger::Kind;
use crate::secret::Seal;
use crate::store::NewEntry;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::log;
use crate::store::row;
use crate::store::writer::Desk;

/// Actions handed out at once.
const MAX_DUE: usize = 500;

const TO_DO: i64 = 0;
const DONE: i64 = 1;
const GIVEN_UP: i64 = 2;
const SUPERSEDED: i64 = 3;

/// An action to be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAction {
    /// What makes it this action and no other; recorded once, whatever happens.
    pub key: String,
    /// Where.
    pub connection: ConnectionId,
    /// What, in a word of ours, such as `commit-status`.
    pub kind: String,
    /// What it is about; may hold names, is kept sealed.
    pub subject: String,
    /// What it overwrites when it is carried out: of several with the same slot only the newest counts. None: it
    /// overwrites nothing.
    pub slot: Option<String>,
    /// JSON for whoever carries it out; kept sealed until it is done.
    pub payload: Vec<u8>,
}

/// An action's number, good within this store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionId(i64);

/// An action handed out until its lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueAction {
    /// Its number.
    pub id: ActionId,
    /// The decision it follows from.
    pub decision: Uuid,
    /// What makes it this action.
    pub key: String,
    /// Where.
    pub connection: ConnectionId,
    /// What.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// JSON.
    pub payload: Vec<u8>,
    /// How often it was handed out, this time included.
    pub tries: u32,
}

/// What follows a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// It is tried again from then on.
    Retry(Time),
    /// It is given up; the ledger says so.
    GiveUp,
}

#[derive(Serialize, Deserialize)]
struct Words {
    key: String,
    subject: String,
    payload: Vec<u8>,
}

/// An action ready for its row.
pub(super) struct SealedAction {
    key: [u8; 32],
    connection: ConnectionId,
    kind: String,
    slot: Option<[u8; 32]>,
    sealed: Vec<u8>,
}

impl Store {
    /// Hands out up to `limit` actions that are due, each until `now + lease`; never two of one slot.
    pub async fn due_actions(
        &self,
        limit: usize,
        now: Time,
        lease: Duration,
    ) -> Result<Vec<DueAction>, StoreError> {
        let limit = limit.min(MAX_DUE);
        self.write(move |desk| due(desk, limit, now, now.plus(lease))).await
    }

    /// An action was carried out. `outcome` is a word of ours; what the action said is deleted.
    pub async fn action_done(
        &self,
        id: ActionId,
        outcome: &str,
        now: Time,
    ) -> Result<(), StoreError> {
        let outcome = outcome.to_owned();
        self.write(move |desk| end(desk, id, DONE, &outcome, now)).await
    }

    /// An action failed. `why` may quote what Bitbucket said: it is kept sealed.
    pub async fn action_failed(
        &self,
        id: ActionId,
        why: &str,
        after: After,
        now: Time,
    ) -> Result<(), StoreError> {
        let why = self.seal()?.seal(&why_purpose(id), why.as_bytes())?;
        self.write(move |desk| {
            desk.db
                .prepare_cached("UPDATE action SET why_sealed = ?2 WHERE seq = ?1 AND state = 0")?
                .execute((id.0, why))?;
            match after {
                After::Retry(at) => retry(desk.db, id, at, now),
                After::GiveUp => end(desk, id, GIVEN_UP, "given-up", now),
            }
        })
        .await
    }

    /// How many actions are still to do.
    pub async fn actions_to_do(&self) -> Result<u64, StoreError> {
        self.ask(|db| {
            let sql = "SELECT count(*) FROM action WHERE state = 0";
            Ok(row::unsigned(db.prepare_cached(sql)?.query_row([], |row| row.get(0))?))
        })
        .await
    }
}

pub(super) fn purpose(key: &[u8; 32]) -> String {
    format!("action {}", hex::encode(key))
}

fn why_purpose(id: ActionId) -> String {
    why_purpose_of(id.0)
}

pub(super) fn why_purpose_of(seq: i64) -> String {
    format!("action why {seq}")
}

pub(super) fn seal(action: NewAction, seal: &Seal) -> Result<SealedAction, StoreError> {
    let NewAction { key: name, connection, kind, subject, slot, payload } = action;
    let key = Sha256::digest(name.as_bytes()).into();
    // The slot is the connection's and the kind's own: two kinds never overwrite each other.
    let slot = slot.map(|slot| {
        let hash = Sha256::new().chain_update(connection.as_str()).chain_update("\n");
        hash.chain_update(&kind).chain_update("\n").chain_update(slot).finalize().into()
    });
    let words = serde_json::to_vec(&Words { key: name, subject, payload })
        .map_err(|error| StoreError::Fault(error.to_string()))?;
    let sealed = seal.seal(&purpose(&key), &words)?;
    Ok(SealedAction { key, connection, kind, slot, sealed })
}

/// Records an action, unless its key was recorded before; older ones of its slot that nobody has begun are superseded.
pub(super) fn enqueue(
    db: &Connection,
    action: SealedAction,
    decision: Uuid,
    at: Time,
) -> Result<(), StoreError> {
    let inserted = db
        .prepare_cached(
            "INSERT INTO action (key, connection, kind, slot, decision, due, action_sealed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (key) DO NOTHING",
        )?
        .execute((
            action.key,
            action.connection.as_str(),
            &action.kind,
            action.slot,
            decision.as_bytes(),
            at.millis(),
            action.sealed,
        ))?;
    if inserted == 1 && action.slot.is_some() {
        db.prepare_cached(
            "UPDATE action SET state = ?4, ended = ?3, outcome = 'superseded', action_sealed = NULL
             WHERE slot = ?1 AND state = 0 AND lease <= ?3 AND seq < ?2",
        )?
        .execute((action.slot, db.last_insert_rowid(), at.millis(), SUPERSEDED))?;
    }
    Ok(())
}

fn due(
    desk: &mut Desk<'_>,
    limit: usize,
    now: Time,
    until: Time,
) -> Result<Vec<DueAction>, StoreError> {
    // A slot in which an earlier one is under way, or waits to be tried again, waits for it.
    let mut query = desk.db.prepare_cached(
        "SELECT seq, decision, key, connection, kind, tries, action_sealed FROM action
         WHERE state = 0 AND due <= ?1 AND lease <= ?1
           AND (slot IS NULL OR NOT EXISTS (SELECT 1 FROM action earlier
                WHERE earlier.slot = action.slot AND earlier.state = 0 AND earlier.seq < action.seq))
         ORDER BY due, seq LIMIT ?2",
    )?;
    let mut rows = query.query((now.millis(), row::signed(limit as u64)))?;
    let mut due = Vec::new();
    while let Some(row) = rows.next()? {
        due.push(handed_out(row, desk.seal)?);
    }
    drop(rows);
    for action in &due {
        desk.db
            .prepare_cached("UPDATE action SET lease = ?2, tries = tries + 1 WHERE seq = ?1")?
            .execute((action.id.0, until.millis()))?;
    }
    Ok(due)
}

fn handed_out(row: &Row<'_>, seal: &Seal) -> Result<DueAction, StoreError> {
    let key: [u8; 32] = row.get(2)?;
    let opened = seal.open(&purpose(&key), &row.get::<_, Vec<u8>>(6)?)?;
    let Words { key, subject, payload } = row::known(serde_json::from_slice(&opened))?;
    Ok(DueAction {
        id: ActionId(row.get(0)?),
        decision: row::uuid(row, 1)?,
        key,
        connection: row::parsed(row, 3)?,
        kind: row.get(4)?,
        subject,
        payload,
        tries: row.get::<_, u32>(5)?.saturating_add(1),
    })
}

/// Lets it be tried again, unless a newer one of its slot made it pointless.
fn retry(db: &Connection, id: ActionId, at: Time, now: Time) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE action SET lease = 0, due = ?2 WHERE seq = ?1 AND state = 0")?
        .execute((id.0, at.millis()))?;
    db.prepare_cached(
        "UPDATE action SET state = ?3, ended = ?2, outcome = 'superseded', action_sealed = NULL
         WHERE seq = ?1 AND state = 0 AND EXISTS (SELECT 1 FROM action newer
               WHERE newer.slot = action.slot AND newer.state = 0 AND newer.seq > action.seq)",
    )?
    .execute((id.0, now.millis(), SUPERSEDED))?;
    Ok(())
}

fn end(
    desk: &mut Desk<'_>,
    id: ActionId,
    state: i64,
    outcome: &str,
    now: Time,
) -> Result<(), StoreError> {
    let ended = desk
        .db
        .prepare_cached(
            "UPDATE action SET state = ?2, ended = ?3, outcome = ?4, lease = 0, action_sealed = NULL
             WHERE seq = ?1 AND state = ?5 RETURNING connection, kind, decision",
        )?
        .query_row((id.0, state, now.millis(), outcome, TO_DO), |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get(2)?))
        })
        .optional()?;
    let Some((connection, kind, decision)) = ended else { return Ok(()) };
    let entry = NewEntry {
        connection: Some(row::known(connection.parse())?),
        body: row::members(json!({ "action": kind, "outcome": outcome })),
        ..NewEntry::new(Kind::Action, now, Uuid::from_bytes(decision).to_string())
    };
    log::append(desk, entry.prepare()?).map(drop)
}
