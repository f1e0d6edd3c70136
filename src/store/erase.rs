//! Forgetting: what is erased or too old leaves no byte in any file of the store, and every proof still holds.
//!
//! Sealed parts are overwritten with zeros of the same length, in place: the row does not move, so no copy of it stays
//! behind on another page, as a delete and the merging of pages after it could leave one. Rows of zeros are deleted
//! only when their neighbours are zeros too. Then the write-ahead log is cut to nothing.

use rusqlite::Connection;
use rusqlite::OptionalExtension as _;
use serde_json::json;
use uuid::Uuid;

use crate::approval::Ticket;
use crate::graph::Time;
use crate::ledger::Kind;
use crate::store::NewEntry;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::deliveries::REPEATED_WITHIN;
use crate::store::log;
use crate::store::meta;
use crate::store::row;
use crate::store::tickets;
use crate::store::writer::Desk;

/// Entries forgotten in one job, so that deliveries can be kept in between.
const STEP: i64 = 500;

/// Rows of zeros that stay between the deleted and the kept. Deleting moves rows of at most three pages, and a page
/// holds fewer than sixty of these.
const MARGIN: i64 = 1_000 * log::MAX_PARTS.cast_signed() as i64;

/// What stands where a text was.
const ERASED: &str = "(erased)";

impl Store {
    /// Erases every sealed part of every entry that speaks of `identity`, and the texts of the tickets those decisions
    /// opened; the ledger says how many and who wanted it. Returns how many entries lost their parts. When it returns,
    /// the bytes are in no file of the store. [`StoreError::Busy`] after the erasure means that a long reader held the
    /// old bytes: ask again.
    pub async fn erase_mentions(
        &self,
        identity: &str,
        now: Time,
        by: &str,
    ) -> Result<u64, StoreError> {
        let (identity, by) = (identity.to_owned(), by.to_owned());
        let count = self.write(move |desk| erase_mentions(desk, &identity, now, by)).await?;
        self.empty_log().await?;
        Ok(count)
    }

    /// Erases the sealed parts of entries made before `before`. Returns how many entries lost theirs.
    pub async fn sweep_sealed(&self, before: Time, now: Time) -> Result<u64, StoreError> {
        let mut count = 0;
        loop {
            let (swept, done) = self.write(move |desk| sweep(desk, before, now)).await?;
            count += swept;
            if done {
                break;
            }
        }
        if count > 0 {
            self.empty_log().await?;
        }
        Ok(count)
    }

    /// Deletes the bodies of finished deliveries that came in before `before`; the hashes stay. Also what only served
    /// to notice repetitions and is older than that can be. Returns how many bodies.
    pub async fn forget_bodies(&self, before: Time, now: Time) -> Result<u64, StoreError> {
        let mut count = 0;
        loop {
            let gone = self.write(move |desk| forget(desk.db, before)).await?;
            count += gone;
            if gone < row::unsigned(STEP) {
                break;
            }
        }
        let oldest = now.millis().saturating_sub(row::millis(REPEATED_WITHIN));
        self.write(move |desk| desk.recent.forget(desk.db, Time::from_millis(oldest))).await?;
        if count > 0 {
            self.empty_log().await?;
        }
        Ok(count)
    }
}

fn erase_mentions(
    desk: &mut Desk<'_>,
    identity: &str,
    now: Time,
    by: String,
) -> Result<u64, StoreError> {
    let mut query = desk.db.prepare_cached("SELECT entry FROM mention WHERE identity = ?1")?;
    let entries: Vec<i64> =
        query.query_map([identity], |row| row.get(0))?.collect::<Result<_, _>>()?;
    drop(query);
    let mut count: u64 = 0;
    for entry in entries {
        count += u64::from(blank(desk.db, entry, now)?);
        blank_tickets(desk, entry)?;
    }
    desk.db.prepare_cached("DELETE FROM mention WHERE identity = ?1")?.execute([identity])?;
    let entry = NewEntry {
        body: row::members(json!({ "what": "sealed parts erased", "entries": count })),
        sealed: vec![("by".to_owned(), by.into_bytes())],
        ..NewEntry::new(Kind::Admin, now, identity.to_owned())
    };
    log::append(desk, entry.prepare()?)?;
    Ok(count)
}

/// Overwrites the parts of an entry with zeros; false if there was none left.
fn blank(db: &Connection, entry: i64, now: Time) -> Result<bool, StoreError> {
    let places = log::part_places(entry);
    let erased = db
        .prepare_cached(
            "INSERT OR IGNORE INTO erased (place, name, at)
             SELECT place, name, ?3 FROM sealed WHERE place >= ?1 AND place < ?2",
        )?
        .execute((places.start, places.end, now.millis()))?;
    db.prepare_cached(
        "UPDATE sealed SET salt = zeroblob(length(salt)), bytes = zeroblob(length(bytes))
         WHERE place >= ?1 AND place < ?2",
    )?
    .execute((places.start, places.end))?;
    Ok(erased > 0)
}

/// Tickets are sealed with the store's key, so no file holds their texts; here they go for good.
fn blank_tickets(desk: &mut Desk<'_>, entry: i64) -> Result<(), StoreError> {
    let mut query = desk.db.prepare_cached(
        "SELECT ticket.id, ticket_sealed FROM ticket
         JOIN decision ON decision.id = ticket.decision WHERE decision.entry = ?1",
    )?;
    let rows = query
        .query_map([entry], |row| Ok((Uuid::from_bytes(row.get(0)?), row.get::<_, Vec<u8>>(1)?)))?;
    for (id, sealed) in rows.collect::<Result<Vec<_>, _>>()? {
        let ticket = without_texts(tickets::opened(desk.seal, id, &sealed)?);
        let sealed = tickets::seal(&ticket, desk.seal)?;
        tickets::replace(desk.db, ticket.version, &ticket, &sealed)?;
    }
    Ok(())
}

fn without_texts(ticket: Ticket) -> Ticket {
    let mut ticket = Ticket {
        reason: ERASED.to_owned(),
        asked_because: ticket.asked_because.map(|_| ERASED.to_owned()),
        ..ticket
    };
    for vote in &mut ticket.votes {
        ERASED.clone_into(&mut vote.reason);
    }
    ticket
}

/// One step of the sweep: how many entries lost their parts, and whether it is done.
fn sweep(desk: &mut Desk<'_>, before: Time, now: Time) -> Result<(u64, bool), StoreError> {
    let db = desk.db;
    let from = meta::number(db, meta::SWEPT)?;
    let mut query =
        db.prepare_cached("SELECT idx, at FROM entry WHERE idx >= ?1 ORDER BY idx LIMIT ?2")?;
    let entries: Vec<(i64, i64)> = query
        .query_map((from, STEP), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let looked_at = entries.len();
    let old: Vec<i64> = entries
        .into_iter()
        .take_while(|(_, at)| *at < before.millis())
        .map(|(entry, _)| entry)
        .collect();
    let mut count: u64 = 0;
    for entry in &old {
        count += u64::from(blank(db, *entry, now)?);
    }
    let swept = old.last().map_or(from, |last| last + 1);
    meta::put(db, meta::SWEPT, &swept.to_be_bytes())?;
    let zeros = log::part_places(swept).start.saturating_sub(MARGIN);
    db.prepare_cached("DELETE FROM sealed WHERE place < ?1")?.execute([zeros])?;
    let done = old.len() < looked_at || row::signed(looked_at as u64) < STEP;
    Ok((count, done))
}

/// Deletes one step of old bodies.
fn forget(db: &Connection, before: Time) -> Result<u64, StoreError> {
    let mut bodies = db.prepare_cached("SELECT min(seq) FROM body")?;
    let Some(first) =
        bodies.query_row([], |row| row.get::<_, Option<i64>>(0)).optional()?.flatten()
    else {
        return Ok(0);
    };
    let gone = db
        .prepare_cached(
            "DELETE FROM body WHERE seq IN (SELECT body.seq FROM body JOIN delivery USING (seq)
             WHERE body.seq >= ?1 AND received < ?2 AND state <> 0 ORDER BY body.seq LIMIT ?3)",
        )?
        .execute((first, before.millis(), STEP))?;
    Ok(gone as u64)
}
