//! Everything durable, in transactions. The only room that knows our SQL.
//!
//! What a caller was told is kept is on the disk: a call that writes returns after the commit and its sync, never
//! before. One thread writes, many jobs a commit (the `writer`); a few connections read; one more copies the
//! write-ahead log back. It is SQLite today; no type of it leaves the room, so that another database can stand here.
//!
//! It decides nothing: what a ticket may do is `approval`'s, what an entry says is `ledger`'s. It reads no clock:
//! `now` is handed in, and [`Store::stamp`] only keeps it from running back.
//!
//! In reading order: [`open`](Store::open), [`deliveries`](Store::keep), [`recording`](Store::record),
//! [`log`](Store::append), then what is read and kept beside them.

mod audit;
mod connections;
mod copy;
mod crawl;
mod decisions;
mod deliveries;
mod entries;
mod erase;
mod error;
mod evidence;
mod findings;
mod history;
mod levels;
mod info;
mod log;
mod messages;
mod meta;
mod notices;
mod open;
mod outbox;
mod pause;
mod queue;
mod reader;
mod recent;
mod recording;
mod reseal;
mod restore;
mod retention;
mod row;
mod schema;
mod search;
mod seen;
mod standing;
mod streams;
mod tally;
mod tickets;
mod tokens;
mod trouble;
mod wal;
mod writer;

pub use audit::AUDIT_PAGE;
pub use audit::AuditFilter;
pub use audit::AuditPlace;
pub use audit::AuditState;
pub use audit::AuditWhich;
pub use audit::KeptChange;
pub use audit::KeptLine;
pub use audit::LinePlace;
pub use audit::MAX_AUDIT_ROWS;
pub use audit::NewChange;
pub use connections::Ended;
pub use connections::KeptConnection;
pub use copy::CopyError;
pub use copy::Go;
pub use copy::Mark;
pub use copy::Progress;
pub use crawl::CutShort;
pub use crawl::GOES_ON;
pub use decisions::Counts;
pub use deliveries::Claimed;
pub use deliveries::DeadLetter;
pub use deliveries::Kept;
pub use deliveries::NewDelivery;
pub use deliveries::REPEATED_WITHIN;
pub use deliveries::Replay;
pub use entries::Entries;
pub use error::OpenError;
pub use error::StoreError;
pub use evidence::KeptEvidence;
pub use evidence::Reminded;
pub use findings::CountedFindings;
pub use findings::FindingFilter;
pub use findings::FindingMove;
pub use findings::FindingPage;
pub use findings::ScanFilter;
pub use findings::ScanMark;
pub use findings::Stays;
pub use history::Learned;
pub use history::Line;
pub use history::Moment;
pub use history::Past;
pub use history::Reading;
pub use history::When;
pub use info::Disk;
pub use info::Files;
pub use info::Info;
pub use info::KeyCheck;
pub use info::Signed;
pub use levels::Heard;
pub use levels::Levels;
pub use levels::Room;
pub use log::CheckpointError;
pub use log::ExportError;
pub use log::Head;
pub use log::NewEntry;
pub use messages::DueMessage;
pub use messages::Hearing;
pub use messages::NewMessage;
pub use messages::Standing;
pub use messages::Tells;
pub use notices::Counted;
pub use notices::NewNotice;
pub use notices::Tell;
pub use notices::Untold;
pub use open::Role;
pub use open::Settings;
pub use open::path_of;
pub use outbox::ActionId;
pub use outbox::After;
pub use outbox::DueAction;
pub use outbox::NewAction;
pub use pause::Change;
pub use queue::MAX_BATCH;
pub use queue::MAX_QUEUE;
pub use reader::LONGEST_READ;
pub use recording::RecordError;
pub use recording::Recorded;
pub use recording::Recording;
pub use reseal::Resealed;
pub use restore::Restoring;
pub use retention::Swept;
pub use retention::Until;
pub use schema::KNOWN as SCHEMA;
pub use search::Filter;
pub use search::LOOK;
pub use search::MAX_PAGE;
pub use search::Onward;
pub use search::Page;
pub use standing::Governed;
pub use standing::World;
pub use streams::StreamBegin;
pub use streams::StreamPlace;
pub use tally::Brought;
pub use tally::MAX_TALLIED;
pub use tally::Tallied;
pub use tickets::MAX_NEAR;
pub use tickets::TicketError;
pub use tickets::TicketFilter;
pub use tickets::TicketNote;
pub use tokens::ServiceToken;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::graph::Time;
use crate::secret::Seal;
use crate::store::open::Identity;
use crate::store::reader::Readers;
use crate::store::recording::News;
use crate::store::seen::Seen;
use crate::store::trouble::Trouble;
use crate::store::wal::Order;
use crate::store::writer::Desk;
use crate::store::writer::Message;

/// A store; cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    /// None: opened for reading.
    queue: Option<mpsc::Sender<Message>>,
    #[expect(dead_code, reason = "held: it gathers for the writer as long as the store is there")]
    gatherer: JoinSet<()>,
    orders: Option<mpsc::Sender<Order>>,
    readers: Readers,
    seal: Option<Arc<Seal>>,
    path: PathBuf,
    clock: Arc<AtomicI64>,
    /// None: another process writes, and may hear questions that are not in here.
    seen: Option<Arc<Seen>>,
    /// Likewise.
    recent: Option<recent::Shared>,
    identity: Identity,
    news: News,
    trouble: Trouble,
    /// Whether something was erased whose old bytes may still stand in the write-ahead log.
    owes_emptying: AtomicBool,
    /// Held by whoever writes histories or forgets of them: numbers of words must not move under the other.
    history: tokio::sync::Mutex<()>,
    /// Held by whoever reads findings to write them again.
    moving: tokio::sync::Mutex<()>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.inner.identity.instance)
    }
}

impl Store {
    fn of(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// The id of this store, made with it.
    pub fn instance(&self) -> Uuid {
        self.inner.identity.instance
    }

    /// The origin of its ledger.
    pub fn origin(&self) -> &str {
        &self.inner.identity.origin
    }

    /// `now`, or the highest stamp there was if the clock stands before it. Kept with the next commit.
    pub fn stamp(&self, now: Time) -> Time {
        let highest = self.inner.clock.fetch_max(now.millis(), Ordering::Relaxed);
        Time::from_millis(highest.max(now.millis()))
    }

    /// The clock was set back to this time: no later one is the floor any more. Kept with the next commit.
    pub fn set_back(&self, to: Time) {
        self.inner.clock.fetch_min(to.millis(), Ordering::Relaxed);
    }

    /// The highest stamp there was, also before the last start.
    pub fn highest_stamp(&self) -> Time {
        Time::from_millis(self.inner.clock.load(Ordering::Relaxed))
    }

    /// Writes what waits, empties the write-ahead log and lets go of the file. Later calls answer
    /// [`StoreError::Closed`].
    pub async fn close(&self) {
        if let Some(queue) = &self.inner.queue {
            // A store closed twice has nobody left to hear it.
            let _ = queue.send(Message::Close).await;
        }
        self.inner.readers.close();
        if let Some(orders) = &self.inner.orders {
            let _ = orders.send(Order::Stop).await;
        }
        let threads =
            std::mem::take(&mut *self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let joined =
            spawn_blocking(move || threads.into_iter().for_each(|thread| drop(thread.join())));
        drop(joined.await);
    }

    /// Runs a job on the writer; returns after its commit.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Desk<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.send(writer::job(work)).await
    }

    /// The same without a savepoint: see [`writer::plain_job`].
    async fn write_plain<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Desk<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.send(writer::plain_job(work)).await
    }

    async fn send<T>(
        &self,
        (job, answer): (Message, oneshot::Receiver<Result<T, StoreError>>),
    ) -> Result<T, StoreError> {
        let queue = self.inner.queue.as_ref().ok_or(StoreError::ReadOnly)?;
        queue.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Asks a question of a snapshot.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.inner.readers.ask(work).await
    }

    /// Seals what is handed out and comes back: whoever holds it can neither read nor change it, nor use it for another
    /// purpose.
    pub fn seal_for(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        Ok(self.seal()?.seal(purpose, plain)?)
    }

    /// Opens what [`Store::seal_for`] sealed for the same purpose; none: it is not that, or not ours.
    pub fn open_for(&self, purpose: &str, sealed: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.seal()?.open(purpose, sealed).ok())
    }

    fn seal(&self) -> Result<&Arc<Seal>, StoreError> {
        self.inner.seal.as_ref().ok_or(StoreError::NoKey)
    }

    /// What keeps the store from writing: known once a write has failed, until one comes through.
    pub fn trouble(&self) -> Option<StoreError> {
        self.inner.trouble.now()
    }

    /// Writes a trifle to see whether writing is possible again; nothing if it was possible all the time.
    pub async fn try_again(&self, now: Time) -> Result<(), StoreError> {
        if self.trouble().is_none() {
            return Ok(());
        }
        self.write(move |desk| meta::put(desk.db, meta::TRIED, &now.millis().to_be_bytes())).await
    }

    fn owe_emptying(&self) {
        self.inner.owes_emptying.store(true, Ordering::Relaxed);
    }

    /// Empties the write-ahead log if it may hold what was erased.
    async fn leave_nothing_owed(&self) -> Result<(), StoreError> {
        if self.inner.owes_emptying.swap(false, Ordering::Relaxed)
            && let Err(error) = self.empty_log().await
        {
            self.owe_emptying();
            return Err(error);
        }
        Ok(())
    }

    /// Leaves nothing in the write-ahead log.
    async fn empty_log(&self) -> Result<(), StoreError> {
        let orders = self.inner.orders.as_ref().ok_or(StoreError::ReadOnly)?;
        let (answer, done) = oneshot::channel();
        orders.send(Order::Empty(answer)).await.map_err(|_| StoreError::Closed)?;
        done.await.map_err(|_| StoreError::Closed)?
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::graph::Time;
    use crate::ledger::Kind;
    use crate::secret::Seal;
    use crate::secret::Secret;
    use crate::store::NewEntry;
    use crate::store::Role;
    use crate::store::Settings;
    use crate::store::Store;
    use crate::store::StoreError;
    use crate::store::log;

    fn entry(bytes: usize) -> NewEntry {
        let at = Time::from_millis(1_772_357_400_125);
        NewEntry {
            sealed: vec![("blob".to_owned(), vec![b'x'; bytes])],
            ..NewEntry::new(Kind::Admin, at, "test".to_owned())
        }
    }

    fn settings(folder: &std::path::Path) -> Settings {
        Settings {
            path: folder.join("portcullis.db"),
            seal: Arc::new(Seal::new(&Secret::new([1; 32]), None)),
            origin: "gate.example.com".to_owned(),
            role: Role::Serve,
        }
    }

    async fn limit(store: &Store, pages: u32) {
        let pragma = format!("PRAGMA max_page_count = {pages}");
        let set = store
            .write(move |desk| Ok(desk.db.query_row(&pragma, [], |row| row.get::<_, u32>(0))?));
        set.await.unwrap();
    }

    #[tokio::test]
    async fn a_full_disk_says_so_and_recovers_without_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(settings(folder.path())).await.unwrap();
        store.append(vec![entry(10)]).await.unwrap();
        limit(&store, 1).await;
        // Both are in the queue before the writer looks: the second shares the batch of the first.
        let both = [store.append(vec![entry(90_000)]), store.append(vec![entry(90_000)])];
        let [first, second] = both;
        let (first, second) = tokio::join!(first, second);
        assert_eq!(first, Err(StoreError::Full));
        assert!(matches!(second, Err(StoreError::Full | StoreError::Busy)), "{second:?}");
        limit(&store, 1_000_000).await;
        assert_eq!(store.append(vec![entry(90_000)]).await, Ok(vec![1]), "nothing was counted");
        store.close().await;
        Store::open(settings(folder.path())).await.unwrap();
    }

    #[tokio::test]
    async fn after_a_failed_disk_nothing_is_written_until_it_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(settings(folder.path())).await.unwrap();
        let broken = StoreError::Io("no answer".to_owned());
        let failing = broken.clone();
        let failed = store.write(move |_| Err::<(), _>(failing)).await;
        assert_eq!(failed, Err(broken.clone()));
        assert_eq!(store.append(vec![entry(10)]).await, Err(broken));
        store.close().await;
        let again = Store::open(settings(folder.path())).await.unwrap();
        assert_eq!(again.append(vec![entry(10)]).await, Ok(vec![0]));
    }

    #[tokio::test]
    async fn a_failing_job_spoils_no_other_of_its_batch() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(settings(folder.path())).await.unwrap();
        let fails = store.write(|desk| {
            log::append(desk, entry(10).prepare()?)?;
            desk.db.execute("INSERT INTO nowhere VALUES (1)", [])?;
            Ok(())
        });
        let (before, failed, after) =
            tokio::join!(store.append(vec![entry(10)]), fails, store.append(vec![entry(10)]));
        assert!(matches!(failed, Err(StoreError::Fault(_))), "{failed:?}");
        assert_eq!((before, after), (Ok(vec![0]), Ok(vec![1])));
        store.close().await;
        Store::open(settings(folder.path())).await.unwrap();
    }

    #[tokio::test]
    async fn a_question_without_end_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(settings(folder.path())).await.unwrap();
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
                       SELECT count(*) FROM n";
        let patience = std::time::Duration::from_millis(5);
        let asked = store.inner.readers.run(Some(patience), move |db| {
            Ok(db.query_row(endless, [], |row| row.get::<_, i64>(0))?)
        });
        assert!(matches!(asked.await, Err(StoreError::TooSlow(_))));
        assert_eq!(store.waiting().await, Ok(0), "the seat is free again");
    }
}
