//! Moving the write-ahead log into the file, off the writer: checkpoints of the database, not of the ledger.
//!
//! The writer's commits only append to the log. This thread copies the log back when it has grown, and empties it when
//! something was erased, so that no file holds what is gone.

use std::path::Path;
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

use crate::store::StoreError;

/// Pages in the log from which it is copied back: 64 MiB. A page that many commits touched is copied once, so a longer
/// log costs less; much longer, and the copy's own writes would be felt by the next commits.
const GROWN_PAGES: i32 = 16_000;

/// Pages from which writers have to wait until the log is empty; without it a steady load lets it grow for ever.
const FULL_PAGES: i32 = 50_000;

/// Orders that may wait: one is enough to know that the log has grown, the rest is for erasures.
const MAX_ORDERS: usize = 16;

/// How often emptying is tried while readers hold an old snapshot, [`PAUSE`] apart: 20 s, longer than any question.
const TRIES: usize = 20;

/// Between two tries: writers have it to themselves.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a try may wait for readers. Writers wait with it, so it is short.
const PATIENCE: Duration = Duration::from_millis(200);

/// Pages that may be left when writers are made to wait for the rest: some milliseconds of copying. Are there more after
/// a copy, then a reader holds an old snapshot (a backup, an export), and waiting would only stop the writers.
const NEAR: i64 = 2_000;

pub(super) enum Order {
    /// The log has this many pages.
    Grown(i32),
    /// Copy everything back and cut the log to nothing.
    Empty(oneshot::Sender<Result<(), StoreError>>),
    /// End.
    Stop,
}

/// The thread's end of the line and everybody else's.
pub(super) fn line() -> (mpsc::Sender<Order>, mpsc::Receiver<Order>) {
    mpsc::channel(MAX_ORDERS)
}

/// Tells the thread whenever the writer's log has grown.
pub(super) fn watch(
    writer: &mut Connection,
    orders: mpsc::Sender<Order>,
) -> Result<(), StoreError> {
    writer.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
        if pages >= GROWN_PAGES {
            // A full line means that it is being looked after already.
            let _ = orders.try_send(Order::Grown(pages));
        }
        Ok(())
    }))?;
    Ok(())
}

/// A connection that only copies the log back.
pub(super) fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let db = Connection::open(path)?;
    db.busy_timeout(PATIENCE)?;
    db.execute_batch("PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;")?;
    Ok(db)
}

/// Follows orders until told to stop.
pub(super) fn run(db: &Connection, mut orders: mpsc::Receiver<Order>) {
    let mut next = None;
    while let Some(order) = next.take().or_else(|| orders.blocking_recv()) {
        match order {
            Order::Grown(pages) => {
                if let Err(error) = shrink(db, pages >= FULL_PAGES) {
                    tracing::warn!(%error, "the write-ahead log could not be copied back");
                }
                // Commits during the copy said the same again: what they told of is copied, or soon will be.
                next = newest(&mut orders);
            }
            Order::Empty(answer) => drop(answer.send(empty(db))),
            Order::Stop => break,
        }
    }
}

/// The first order that waits and is not about growth.
fn newest(orders: &mut mpsc::Receiver<Order>) -> Option<Order> {
    std::iter::from_fn(|| orders.try_recv().ok()).find(|order| match order {
        Order::Grown(pages) => *pages >= FULL_PAGES,
        Order::Empty(_) | Order::Stop => true,
    })
}

/// Copies what can be copied; a log that is too long is cut too, unless a reader holds it. Then it grows until the
/// reader is done: disk is spent, and nobody waits.
fn shrink(db: &Connection, is_too_long: bool) -> Result<(), StoreError> {
    let copied = copy(db, "PASSIVE")?;
    if is_too_long && copied.left < NEAR {
        copy(db, "TRUNCATE")?;
    }
    Ok(())
}

fn empty(db: &Connection) -> Result<(), StoreError> {
    for tried in 1..=TRIES {
        if copy(db, "PASSIVE")?.left < NEAR && copy(db, "TRUNCATE")?.is_whole {
            return Ok(());
        }
        if tried < TRIES {
            thread::sleep(PAUSE);
        }
    }
    Err(StoreError::Busy)
}

/// How far a copy came.
struct Copied {
    /// Whether it did all it was asked to.
    is_whole: bool,
    /// Pages of the log that are not in the file yet.
    left: i64,
}

fn copy(db: &Connection, how: &str) -> Result<Copied, StoreError> {
    let sql = format!("PRAGMA wal_checkpoint({how})");
    Ok(db.query_row(&sql, [], |row| {
        let (busy, all, done): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Copied { is_whole: busy == 0, left: all.saturating_sub(done).max(0) })
    })?)
}
