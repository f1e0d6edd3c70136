//! The ledger's entries, newest first, for people who look; a kind at a time where they want.
//!
//! Entries are found by their place alone, so a kind is looked for by walking back; a walk ends after so many entries,
//! and the next one goes on where it ended.

use rusqlite::Connection;
use serde::Deserialize;

use crate::ledger;
use crate::ledger::Kind;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::log;
use crate::store::row;

/// Entries on a page.
const MAX_PAGE: usize = 200;

/// Entries walked over for one page, some 2 µs each. Without it, to look for a rare kind would hold a reader for minutes.
const MAX_WALKED: usize = 20_000;

/// A page of entries, newest first.
#[derive(Clone, Debug)]
pub struct Entries {
    /// Each with its place in the record.
    pub items: Vec<(u64, ledger::Record)>,
    /// Give this to go on; none: this was the first of the record.
    pub next: Option<u64>,
}

impl Store {
    /// Entries of these kinds, or of every kind when none is named; `before` is the `next` of the page before.
    pub async fn entries(
        &self,
        kinds: Vec<Kind>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Entries, StoreError> {
        self.ask(move |db| page(db, &kinds, before, limit.clamp(1, MAX_PAGE))).await
    }
}

/// All that is read of an entry to tell its kind.
#[derive(Deserialize)]
struct Sort {
    kind: Kind,
}

fn page(
    db: &Connection,
    kinds: &[Kind],
    before: Option<u64>,
    limit: usize,
) -> Result<Entries, StoreError> {
    let sql = "SELECT idx, bytes FROM entry WHERE idx < ?1 ORDER BY idx DESC LIMIT ?2";
    let mut query = db.prepare_cached(sql)?;
    let from = before.map_or(i64::MAX, row::signed);
    let mut rows = query.query((from, row::signed(MAX_WALKED as u64)))?;
    let (mut found, mut last) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        last = row.get(0)?;
        let bytes: Vec<u8> = row.get(1)?;
        let is_wanted = kinds.is_empty()
            || kinds.contains(&row::known(serde_json::from_slice::<Sort>(&bytes))?.kind);
        if is_wanted {
            found.push(last);
        }
        if found.len() == limit {
            break;
        }
    }
    let missing = |at: i64| StoreError::Corrupt(format!("entry {at} is missing"));
    let read = |at: i64| Ok((row::unsigned(at), log::record(db, at)?.ok_or_else(|| missing(at))?));
    let items = found.into_iter().map(read).collect::<Result<_, StoreError>>()?;
    Ok(Entries { items, next: (last > 0).then(|| row::unsigned(last)) })
}
