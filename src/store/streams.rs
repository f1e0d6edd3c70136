//! Where each stream stands in the record: what went out before that is on its sink's disk.

use rusqlite::Connection;
use rusqlite::OptionalExtension as _;

use crate::graph::Time;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::log;
use crate::store::row;

/// Where counting stops. Without it a look at a lag of millions would hold a reader for seconds.
const MAX_COUNTED: i64 = 100_000;

/// Where a stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamPlace {
    /// The first entry that is not out yet.
    pub next: u64,
    /// The place after a batch that was begun, and may be out or not.
    pub until: Option<u64>,
}

/// Where a new stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamBegin {
    /// With the next decision.
    Now,
    /// With the first there ever was.
    Start,
}

impl Store {
    /// Where a stream stands; a new one stands where it begins from now on.
    pub async fn stream_place(
        &self,
        id: &str,
        begin: StreamBegin,
    ) -> Result<StreamPlace, StoreError> {
        let id = id.to_owned();
        self.write(move |desk| {
            let find = "SELECT next, until FROM stream WHERE id = ?1";
            let found = desk.db.prepare_cached(find)?.query_row([&id], |row| {
                Ok(StreamPlace {
                    next: row::unsigned(row.get(0)?),
                    until: row.get::<_, Option<i64>>(1)?.map(row::unsigned),
                })
            });
            if let Some(place) = found.optional()? {
                return Ok(place);
            }
            let next = match begin {
                StreamBegin::Now => row::unsigned(log::after_last(desk.db)?),
                StreamBegin::Start => 0,
            };
            let place = StreamPlace { next, until: None };
            put(desk.db, &id, place)?;
            Ok(place)
        })
        .await
    }

    /// A stream moves on; when this returns, that is on the disk.
    pub async fn move_stream(&self, id: &str, to: StreamPlace) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.write(move |desk| put(desk.db, &id, to)).await
    }

    /// How many decisions stand at `from` or after, at most 100,000, and when the first of them was made.
    pub async fn stream_lag(&self, from: u64) -> Result<(u64, Option<Time>), StoreError> {
        self.ask(move |db| {
            let sql = "SELECT count(*), min(at) FROM
                       (SELECT at FROM decision WHERE entry >= ?1 ORDER BY entry LIMIT ?2)";
            let mut query = db.prepare_cached(sql)?;
            let found = query.query_row((row::signed(from), MAX_COUNTED), |row| {
                Ok((row::unsigned(row.get(0)?), row.get::<_, Option<i64>>(1)?))
            });
            let (count, since) = found?;
            Ok((count, since.map(Time::from_millis)))
        })
        .await
    }
}

fn put(db: &Connection, id: &str, place: StreamPlace) -> Result<(), StoreError> {
    db.prepare_cached("INSERT OR REPLACE INTO stream (id, next, until) VALUES (?1, ?2, ?3)")?
        .execute((id, row::signed(place.next), place.until.map(row::signed)))?;
    Ok(())
}
