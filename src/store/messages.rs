//! Messages: what goes out to a channel, under one id however often it is tried, and the entry that says how it ended.
//!
//! One process writes a store, and it alone sends; so nothing is leased. A message that was under way when the process
//! died is sent again with the same id: at least once, and whoever receives can drop what it has had.

use rusqlite::Connection;
use rusqlite::OptionalExtension as _;
use rusqlite::Row;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::graph::Time;
use crate::ledger::Kind;
use crate::store::After;
use crate::store::NewEntry;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::log;
use crate::store::notices::Tell;
use crate::store::notices::state;
use crate::store::row;
use crate::store::writer::Desk;

const TO_DO: i64 = 0;
const TOLD: i64 = 1;
const GIVEN_UP: i64 = 2;

/// Ids that the entry of a message names. An entry holds 64 KiB, and this many take six.
const MAX_NAMED: i64 = 150;

/// Messages handed out at once, one a channel. More channels than this wait for the next look.
const MAX_DUE: i64 = 100;

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// Its id, for good.
    pub id: Uuid,
    /// To whom.
    pub channel: String,
    /// What it is, in a word of ours.
    pub kind: &'static str,
    /// Its bytes; kept sealed until it ends.
    pub body: Vec<u8>,
    /// Which notices it tells.
    pub tells: Tells,
}

/// Which notices of a channel a message tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tells {
    /// This one.
    One(u64),
    /// Those told at once, up to this number.
    UpTo(u64),
    /// Those of the digest, from before this time.
    Digest(Time),
}

/// A message that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueMessage {
    /// Its id.
    pub id: Uuid,
    /// To whom.
    pub channel: String,
    /// When it was made.
    pub at: Time,
    /// How often it was tried before.
    pub tries: u32,
    /// Its bytes.
    pub body: Vec<u8>,
}

/// What became of a notice, for whoever reads of what it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hearing {
    /// To whom.
    pub channel: String,
    /// When it was to be told.
    pub tell: Tell,
    /// Id of the message that tells it, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Uuid>,
    /// When that ended: it was taken, or given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
    /// Whether it was taken.
    pub told: bool,
    /// How often it was tried.
    pub tries: u32,
    /// Why the last try failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// How a channel stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Notices and messages that wait to reach it, those of the digest apart.
    pub waiting: u64,
    /// Since when the oldest message to it waits.
    pub since: Option<Time>,
    /// Why its last try failed, if it did.
    pub why: Option<String>,
    /// When it took a message last.
    pub told: Option<Time>,
}

impl Store {
    /// Makes a message of notices, which are told with it: no other message tells them. None were left: nothing is made.
    pub async fn add_message(&self, message: NewMessage, now: Time) -> Result<bool, StoreError> {
        let NewMessage { id, channel, kind, body, tells } = message;
        let sealed = self.seal()?.seal(&purpose(id), &body)?;
        self.write(move |desk| {
            let db = desk.db;
            db.prepare_cached(
                "INSERT INTO message (id, at, channel, kind, due, body_sealed)
                 VALUES (?1, ?2, ?3, ?4, ?2, ?5)",
            )?
            .execute((id.as_bytes(), now.millis(), &channel, kind, sealed))?;
            let seq = db.last_insert_rowid();
            let told = told_with(db, seq, &channel, tells)?;
            if told == 0 {
                db.prepare_cached("DELETE FROM message WHERE seq = ?1")?.execute([seq])?;
            }
            Ok(told > 0)
        })
        .await
    }

    /// The oldest message of each channel, if it is due.
    pub async fn due_messages(&self, now: Time) -> Result<Vec<DueMessage>, StoreError> {
        let seal = self.seal()?.clone();
        self.ask(move |db| {
            let mut query = db.prepare_cached(
                "SELECT id, channel, at, tries, body_sealed FROM message
                 WHERE seq IN (SELECT min(seq) FROM message WHERE state = 0 GROUP BY channel)
                   AND due <= ?1 ORDER BY seq LIMIT ?2",
            )?;
            let mut rows = query.query((now.millis(), MAX_DUE))?;
            let mut due = Vec::new();
            while let Some(row) = rows.next()? {
                let id = row::uuid(row, 0)?;
                let sealed: Vec<u8> = row.get(4)?;
                due.push(DueMessage {
                    id,
                    channel: row.get(1)?,
                    at: Time::from_millis(row.get(2)?),
                    tries: row.get(3)?,
                    body: seal.open(&purpose(id), &sealed)?,
                });
            }
            Ok(due)
        })
        .await
    }

    /// Channels that still have a message to take.
    pub async fn busy_channels(&self) -> Result<Vec<String>, StoreError> {
        self.ask(|db| {
            let mut query =
                db.prepare_cached("SELECT DISTINCT channel FROM message WHERE state = 0")?;
            let rows = query.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// A message was taken. The ledger says so, and what it told.
    pub async fn message_told(&self, id: Uuid, now: Time) -> Result<(), StoreError> {
        self.write(move |desk| end(desk, id, TOLD, now)).await
    }

    /// A try failed. `why` is in words of ours.
    pub async fn message_failed(
        &self,
        id: Uuid,
        why: &str,
        after: After,
        now: Time,
    ) -> Result<(), StoreError> {
        let why = why.to_owned();
        self.write(move |desk| {
            let due = match after {
                After::Retry(at) => at,
                After::GiveUp => now,
            };
            desk.db
                .prepare_cached(
                    "UPDATE message SET tries = tries + 1, why = ?2, due = ?3
                     WHERE id = ?1 AND state = 0",
                )?
                .execute((id.as_bytes(), why, due.millis()))?;
            match after {
                After::Retry(_) => Ok(()),
                After::GiveUp => end(desk, id, GIVEN_UP, now),
            }
        })
        .await
    }

    /// A channel is known to take messages again: what waits for it is due now.
    pub async fn try_channel(&self, channel: &str, now: Time) -> Result<(), StoreError> {
        let channel = channel.to_owned();
        self.write(move |desk| {
            desk.db
                .prepare_cached(
                    "UPDATE message SET due = ?2 WHERE channel = ?1 AND state = 0 AND due > ?2",
                )?
                .execute((channel, now.millis()))?;
            Ok(())
        })
        .await
    }

    /// Who was told of something, channel by channel.
    pub async fn hearings(&self, about: Uuid) -> Result<Vec<Hearing>, StoreError> {
        self.ask(move |db| {
            let mut query = db.prepare_cached(
                "SELECT notice.channel, notice.state, id, message.state, ended, tries, why
                 FROM notice LEFT JOIN message ON message.seq = notice.message
                 WHERE about = ?1 ORDER BY notice.seq LIMIT ?2",
            )?;
            let rows = query.query_map((about.as_bytes(), MAX_DUE), hearing)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// How a channel stands.
    pub async fn channel(&self, channel: &str) -> Result<Standing, StoreError> {
        let channel = channel.to_owned();
        self.ask(move |db| standing(db, &channel)).await
    }
}

fn purpose(id: Uuid) -> String {
    format!("message {id}")
}

fn told_with(db: &Connection, seq: i64, channel: &str, tells: Tells) -> Result<usize, StoreError> {
    let (which, upto) = match tells {
        Tells::One(number) => ("state = 0 AND seq = ?3", row::signed(number)),
        Tells::UpTo(number) => ("state = 0 AND seq <= ?3", row::signed(number)),
        Tells::Digest(until) => ("state IN (1, 2) AND at < ?3", until.millis()),
    };
    let update = format!(
        "UPDATE notice SET message = ?1, item_sealed = NULL
         WHERE message IS NULL AND channel = ?2 AND {which}"
    );
    Ok(db.prepare_cached(&update)?.execute((seq, channel, upto))?)
}

fn end(desk: &mut Desk<'_>, id: Uuid, state: i64, now: Time) -> Result<(), StoreError> {
    let ended = desk
        .db
        .prepare_cached(
            "UPDATE message SET state = ?2, ended = ?3, body_sealed = NULL,
                    tries = tries + ?4, why = CASE ?4 WHEN 1 THEN NULL ELSE why END
             WHERE id = ?1 AND state = 0 RETURNING seq, channel, kind, tries",
        )?
        .query_row((id.as_bytes(), state, now.millis(), i64::from(state == TOLD)), |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let Some((seq, channel, kind, tries)) = ended else { return Ok(()) };
    let (kind, tries): (String, u32) = (kind, tries);
    let (about, count) = told_of(desk.db, seq)?;
    let outcome = if state == TOLD { "told" } else { "given-up" };
    let entry = NewEntry {
        body: row::members(json!({
            "what": "notice", "channel": channel, "message": kind, "outcome": outcome,
            "tries": tries, "notices": count, "about": about,
        })),
        ..NewEntry::new(Kind::Outbound, now, id.to_string())
    };
    log::append(desk, entry.prepare()?).map(drop)
}

/// Ids of what a message tells of, at most [`MAX_NAMED`], and how many notices it tells.
fn told_of(db: &Connection, seq: i64) -> Result<(Vec<String>, i64), StoreError> {
    let mut query =
        db.prepare_cached("SELECT about FROM notice WHERE message = ?1 ORDER BY seq LIMIT ?2")?;
    let about = query
        .query_map((seq, MAX_NAMED), |row| Ok(Uuid::from_bytes(row.get(0)?).to_string()))?
        .collect::<Result<_, _>>()?;
    let count = db
        .prepare_cached("SELECT count(*) FROM notice WHERE message = ?1")?
        .query_row([seq], |row| row.get(0))?;
    Ok((about, count))
}

fn hearing(row: &Row<'_>) -> Result<Hearing, rusqlite::Error> {
    let when: i64 = row.get(1)?;
    let tell = Tell::ALL.iter().copied().find(|tell| state(*tell) == when).unwrap_or(Tell::Held);
    Ok(Hearing {
        channel: row.get(0)?,
        tell,
        message: row.get::<_, Option<[u8; 16]>>(2)?.map(Uuid::from_bytes),
        told: row.get::<_, Option<i64>>(3)? == Some(TOLD),
        ended: row.get::<_, Option<i64>>(4)?.map(Time::from_millis),
        tries: row.get::<_, Option<u32>>(5)?.unwrap_or_default(),
        why: row.get(6)?,
    })
}

fn standing(db: &Connection, channel: &str) -> Result<Standing, StoreError> {
    let one = |sql: &str| -> Result<Option<i64>, StoreError> {
        Ok(db.prepare_cached(sql)?.query_row([channel], |row| row.get(0)).optional()?.flatten())
    };
    let notices =
        one("SELECT count(*) FROM notice WHERE message IS NULL AND state = 0 AND channel = ?1")?;
    let messages = one("SELECT count(*) FROM message WHERE state = 0 AND channel = ?1")?;
    let since = one("SELECT min(at) FROM message WHERE state = 0 AND channel = ?1")?;
    let told = one("SELECT max(ended) FROM message WHERE state = 1 AND channel = ?1")?;
    let why = db
        .prepare_cached(
            "SELECT why FROM message WHERE channel = ?1 AND state = ?2 ORDER BY seq LIMIT 1",
        )?
        .query_row((channel, TO_DO), |row| row.get::<_, Option<String>>(0))
        .optional()?
        .flatten();
    Ok(Standing {
        waiting: row::unsigned(notices.unwrap_or_default() + messages.unwrap_or_default()),
        since: since.map(Time::from_millis),
        why,
        told: told.map(Time::from_millis),
    })
}
