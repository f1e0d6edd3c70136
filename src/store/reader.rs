//! Reading: a few connections that cannot write, each question in a snapshot of its own, and none without end.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::OpenFlags;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::store::StoreError;

/// Questions answered at once; more only make each other slower on the few cores a gateway has.
const SEATS: usize = 4;

/// The longest a question may run; without it one wide search holds a seat for good.
pub const LONGEST_READ: Duration = Duration::from_secs(10);

/// Steps of the database's machine between two looks at the clock: about a millisecond.
const STEPS_BETWEEN_LOOKS: i32 = 20_000;

/// Prepared statements kept a connection: more than this room has.
pub(super) const STATEMENTS: usize = 128;

/// A connection that reads, and until when its present question may run.
struct Seat {
    db: Connection,
    until: Arc<Mutex<Option<Instant>>>,
}

/// The connections that read.
pub(super) struct Readers {
    path: PathBuf,
    free: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Seat>>>,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            free: Arc::new(Semaphore::new(SEATS)),
            idle: Arc::new(Mutex::new(Vec::new())),
        }
    }

    /// Answers one question within [`LONGEST_READ`].
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.run(Some(LONGEST_READ), work).await
    }

    /// Answers a question that walks over everything, such as an export.
    pub(super) async fn walk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.run(None, work).await
    }

    pub(super) async fn run<T: Send + 'static>(
        &self,
        longest: Option<Duration>,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let free = self.free.clone().acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let (path, idle) = (self.path.clone(), self.idle.clone());
        let answer = spawn_blocking(move || {
            let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let seat = kept.map_or_else(|| Seat::open(&path), Ok)?;
            let answer = seat.answer(longest, work);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(seat);
            drop(free);
            answer
        });
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// No further question is taken; connections are closed as they come back.
    pub(super) fn close(&self) {
        self.free.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Seat {
    fn open(path: &Path) -> Result<Self, StoreError> {
        let mut db = connect(path)?;
        let until = Arc::new(Mutex::new(None::<Instant>));
        let watched = until.clone();
        db.progress_handler(
            STEPS_BETWEEN_LOOKS,
            Some(move || {
                let until = *watched.lock().unwrap_or_else(PoisonError::into_inner);
                until.is_some_and(|until| Instant::now() > until)
            }),
        )?;
        Ok(Self { db, until })
    }

    fn answer<T>(
        &self,
        longest: Option<Duration>,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) =
            longest.map(|longest| Instant::now() + longest);
        let snapshot = self.db.unchecked_transaction()?;
        work(&snapshot)
    }
}

/// A connection that cannot write.
pub(super) fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let db = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    db.busy_timeout(Duration::from_secs(5))?;
    Ok(db)
}
