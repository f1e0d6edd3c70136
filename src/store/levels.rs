//! How full everything is: what waits, what is dead, how long the record is, how large the files are. For gauges.
//!
//! Every count stops at [`MAX_COUNTED`] and walks a partial index, so that a look costs milliseconds however much lies
//! there; nothing here is exact beyond that.

use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::OptionalExtension as _;
use tokio::task::spawn_blocking;

use crate::event::delivery::HookId;
use crate::graph::Time;
use crate::store::Disk;
use crate::store::Files;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::log;
use crate::store::row;

/// Where counting stops. Without it a look at a backlog of millions would hold a reader for seconds.
pub const MAX_COUNTED: i64 = 100_000;

/// Deliveries looked at for when each hook was last heard: newer ones first.
const MAX_HEARD: i64 = 20_000;

/// How full the store is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// Deliveries that wait.
    pub deliveries_waiting: u64,
    /// Since when the oldest of them waits.
    pub oldest_delivery: Option<Time>,
    /// Actions still to do.
    pub actions_waiting: u64,
    /// Since when the oldest of them is to be done: when it was decided, if it was tried before.
    pub oldest_action: Option<Time>,
    /// Notices and messages that wait to be told at once.
    pub notices_waiting: u64,
    /// Since when the oldest of them waits.
    pub oldest_notice: Option<Time>,
    /// Dead letters that were not replayed.
    pub dead_letters: u64,
    /// Tickets that are asked for or granted.
    pub tickets_open: u64,
    /// Entries of the ledger.
    pub entries: u64,
    /// When the newest checkpoint was signed.
    pub checkpoint: Option<Time>,
    /// When the bundle of that revision was first kept.
    pub bundle: Option<Time>,
}

/// The files of the store and the disk below them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Their sizes.
    pub files: Files,
    /// The disk. None: the system does not tell.
    pub disk: Option<Disk>,
}

/// What the newest deliveries tell of when hooks spoke.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// When each was heard last.
    pub last: BTreeMap<HookId, Time>,
    /// A hook that is not among them was not heard since then. None: it was never heard.
    pub others: Option<Time>,
}

impl Store {
    /// How full it is now. `revision` is the bundle whose age is asked for.
    pub async fn levels(&self, revision: &str) -> Result<Levels, StoreError> {
        let revision = revision.to_owned();
        self.ask(move |db| levels(db, &revision)).await
    }

    /// When each hook was heard last, as far as the newest deliveries tell.
    pub async fn heard(&self) -> Result<Heard, StoreError> {
        self.ask(heard).await
    }

    /// Its files and the disk. None: the runtime is ending.
    pub async fn room(&self) -> Option<Room> {
        let path = self.inner.path.clone();
        spawn_blocking(move || Room { files: Files::of(&path), disk: Disk::of(&path) }).await.ok()
    }
}

fn levels(db: &Connection, revision: &str) -> Result<Levels, StoreError> {
    let (deliveries_waiting, first) = waiting(db, "delivery")?;
    let (actions_waiting, next) = waiting(db, "action")?;
    let (notices_waiting, oldest_notice) = untold(db)?;
    Ok(Levels {
        notices_waiting,
        oldest_notice,
        deliveries_waiting,
        oldest_delivery: first.map(|seq| since_delivery(db, seq)).transpose()?.flatten(),
        actions_waiting,
        oldest_action: next.map(|seq| since_action(db, seq)).transpose()?.flatten(),
        dead_letters: counted(db, "delivery WHERE state = 2")?,
        tickets_open: counted(db, "ticket WHERE ends IS NOT NULL")?,
        entries: log::edge(db)?.size(),
        checkpoint: time(db, "SELECT at FROM checkpoint ORDER BY size DESC LIMIT 1", [])?,
        bundle: time(db, "SELECT at FROM bundle WHERE revision = ?1", [revision])?,
    })
}

/// How many rows of a table are in state 0, and the first of them.
fn waiting(db: &Connection, table: &str) -> Result<(u64, Option<i64>), StoreError> {
    let sql = format!(
        "SELECT count(*), min(seq) FROM (SELECT seq FROM {table} WHERE state = 0 LIMIT {MAX_COUNTED})"
    );
    let found = db.prepare_cached(&sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((row::unsigned(found.0), found.1))
}

/// Notices that no message tells yet and messages that nobody took yet, and since when the oldest waits.
fn untold(db: &Connection) -> Result<(u64, Option<Time>), StoreError> {
    let mut all = (0, None);
    for rows in ["notice WHERE message IS NULL AND state = 0", "message WHERE state = 0"] {
        let sql =
            format!("SELECT count(*), min(at) FROM (SELECT at FROM {rows} LIMIT {MAX_COUNTED})");
        let found = db
            .prepare_cached(&sql)?
            .query_row([], |row| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?)))?;
        let since = found.1.map(Time::from_millis);
        all = (all.0 + row::unsigned(found.0), [all.1, since].into_iter().flatten().min());
    }
    Ok(all)
}

fn counted(db: &Connection, rows: &str) -> Result<u64, StoreError> {
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {rows} LIMIT {MAX_COUNTED})");
    Ok(row::unsigned(db.prepare_cached(&sql)?.query_row([], |row| row.get(0))?))
}

/// One that was replayed waits since then, not since it came.
fn since_delivery(db: &Connection, seq: i64) -> Result<Option<Time>, StoreError> {
    let sql = "SELECT CASE tries WHEN 0 THEN due ELSE received END FROM delivery WHERE seq = ?1";
    time(db, sql, [seq])
}

/// `due` moves on with every try; the decision's time does not.
fn since_action(db: &Connection, seq: i64) -> Result<Option<Time>, StoreError> {
    let sql = "SELECT CASE tries WHEN 0 THEN due ELSE coalesce(
                 (SELECT decision.at FROM decision WHERE decision.id = action.decision), due) END
               FROM action WHERE seq = ?1";
    time(db, sql, [seq])
}

fn time(db: &Connection, sql: &str, of: impl rusqlite::Params) -> Result<Option<Time>, StoreError> {
    let found = db.prepare_cached(sql)?.query_row(of, |row| row.get(0)).optional()?;
    Ok(found.map(Time::from_millis))
}

fn heard(db: &Connection) -> Result<Heard, StoreError> {
    let newest =
        format!("(SELECT hook, received FROM delivery ORDER BY seq DESC LIMIT {MAX_HEARD})");
    let sql =
        format!("SELECT hook, max(received), min(received), count(*) FROM {newest} GROUP BY hook");
    let mut query = db.prepare_cached(&sql)?;
    let mut rows = query.query([])?;
    let mut heard = Heard::default();
    let (mut earliest, mut all) = (i64::MAX, 0_i64);
    while let Some(row) = rows.next()? {
        heard.last.insert(row::parsed(row, 0)?, Time::from_millis(row.get(1)?));
        earliest = earliest.min(row.get(2)?);
        all += row.get::<_, i64>(3)?;
    }
    heard.others = (all >= MAX_HEARD).then(|| Time::from_millis(earliest));
    Ok(heard)
}
