//! Erasing: what is erased leaves no byte in any file of the store, and every proof still holds.
//!
//! Sealed parts are overwritten with zeros of the same length, in place: the row does not move, so no copy of it stays
//! behind on another page, as a delete and the merging of pages after it could leave one. Then the write-ahead log is
//! cut to nothing. What is forgotten because it is old is `retention`'s.

pub(in crate::store) mod person;

use std::collections::BTreeSet;

use rusqlite::Connection;
use serde_json::json;
use uuid::Uuid;

use crate::approval::Ticket;
use crate::graph::Time;
use crate::ledger::Kind;
use crate::store::NewEntry;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::log;
use crate::store::row;
use crate::store::tickets;
use crate::store::writer::Desk;

/// What stands where a text was.
pub(in crate::store) const ERASED: &str = "(erased)";

impl Store {
    /// Erases every sealed part of every entry that speaks of `identity`, and the texts of the tickets those decisions
    /// opened, and every name of theirs in a history, in evidence or in a finding and its entries; the ledger says how
    /// many and who wanted it. Returns how many entries lost their parts. When it returns, the bytes are in no file of
    /// the store. [`StoreError::Busy`] after the erasure means that a long reader held the old bytes: ask again.
    pub async fn erase_mentions(
        &self,
        identity: &str,
        now: Time,
        by: &str,
    ) -> Result<u64, StoreError> {
        let (identity, by) = (identity.to_owned(), by.to_owned());
        let (mut statements, mut evidence, mut findings) = (0, 0, 0);
        let mut entries = BTreeSet::new();
        if let Ok(id) = identity.parse() {
            // Before the histories lose it: whom all else means.
            let mut person = self.person(&id).await?;
            evidence = self.erase_from_evidence(&person).await?;
            findings = self.erase_from_findings(&mut person).await?;
            entries = self.entries_of_findings(&person).await?;
            statements = self.erase_from_history(&identity).await?;
        }
        let erasing = Erasing { identity, now, by, entries, statements, evidence, findings };
        let count = self.write(move |desk| erase_mentions(desk, erasing)).await?;
        self.owe_emptying();
        self.leave_nothing_owed().await?;
        Ok(count)
    }
}

/// Who is erased, when, on whose word, which entries speak of them besides those that say so, and how many statements of
/// histories, pieces of evidence and findings lost a name already.
struct Erasing {
    identity: String,
    now: Time,
    by: String,
    entries: BTreeSet<i64>,
    statements: u64,
    evidence: u64,
    findings: u64,
}

fn erase_mentions(desk: &mut Desk<'_>, erasing: Erasing) -> Result<u64, StoreError> {
    let Erasing { identity, now, by, mut entries, statements, evidence, findings } = erasing;
    let mut query = desk.db.prepare_cached("SELECT entry FROM mention WHERE identity = ?1")?;
    for entry in query.query_map([&identity], |row| row.get(0))? {
        entries.insert(entry?);
    }
    drop(query);
    let mut count: u64 = 0;
    for entry in entries {
        if blank(desk.db, entry, now)?.parts > 0 {
            blank_tickets(desk, entry)?;
            count += 1;
        }
    }
    // Of whom the entries themselves name by this id, the id stays: decisions are found by it as before.
    desk.db
        .prepare_cached(
            "DELETE FROM mention WHERE identity = ?1 AND NOT EXISTS
             (SELECT 1 FROM decision WHERE decision.entry = mention.entry AND actor = ?1)",
        )?
        .execute([&identity])?;
    let entry = NewEntry {
        body: row::members(json!({
            "what": "sealed parts erased", "entries": count, "statements": statements,
            "evidence": evidence,
            "findings": findings,
        })),
        sealed: vec![("by".to_owned(), by.into_bytes())],
        ..NewEntry::new(Kind::Admin, now, identity)
    };
    log::append(desk, entry.prepare()?)?;
    Ok(count)
}

/// What was overwritten.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Blanked {
    /// Parts that were there.
    pub parts: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// Overwrites the parts of an entry with zeros.
pub(super) fn blank(db: &Connection, entry: i64, now: Time) -> Result<Blanked, StoreError> {
    let places = log::part_places(entry);
    let parts = db
        .prepare_cached(
            "INSERT OR IGNORE INTO erased (place, name, at)
             SELECT place, name, ?3 FROM sealed WHERE place >= ?1 AND place < ?2",
        )?
        .execute((places.start, places.end, now.millis()))?;
    if parts == 0 {
        return Ok(Blanked::default());
    }
    let bytes = db
        .prepare_cached("SELECT sum(length(bytes)) FROM sealed WHERE place >= ?1 AND place < ?2")?
        .query_row((places.start, places.end), |row| row.get::<_, Option<i64>>(0))?;
    db.prepare_cached(
        "UPDATE sealed SET salt = zeroblob(length(salt)), bytes = zeroblob(length(bytes))
         WHERE place >= ?1 AND place < ?2",
    )?
    .execute((places.start, places.end))?;
    Ok(Blanked { parts, bytes: row::unsigned(bytes.unwrap_or_default()) })
}

/// Tickets are sealed with the store's key, so no file holds their texts; here they go for good.
pub(super) fn blank_tickets(desk: &mut Desk<'_>, entry: i64) -> Result<(), StoreError> {
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
