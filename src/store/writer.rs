//! Writing: one thread, one connection, many jobs in one commit.
//!
//! The thread takes what was gathered ([`queue`]), runs each job in a savepoint of its own inside one transaction,
//! commits once, and only then answers. So a job's answer means "on the disk", a job that fails undoes nothing but
//! itself, and under load one sync of the disk serves many.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::ledger::Frontier;
use crate::secret::Seal;
use crate::store::StoreError;
use crate::store::meta;
use crate::store::queue;
use crate::store::queue::Batches;
use crate::store::queue::Finished;
use crate::store::recent::Recent;
use crate::store::trouble::Trouble;

/// What a job works with.
pub(super) struct Desk<'a> {
    /// The connection, inside the batch's transaction.
    pub db: &'a Connection,
    /// What seals and opens.
    pub seal: &'a Seal,
    /// What the ledger stands at.
    pub state: &'a mut State,
    /// What came before, by its hash.
    pub recent: &'a mut Recent,
}

/// What the ledger stands at; undone with the job that moved it.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// The right edge of the tree.
    pub edge: Frontier,
    /// Time of the last entry, milliseconds.
    pub last: i64,
}

/// Told after the commit how it went.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// Something to write.
pub(super) trait Job: Send {
    /// Writes it; the answer waits for the commit. With it comes what failed, if it failed.
    fn run(self: Box<Self>, desk: &mut Desk<'_>) -> (Answer, Option<StoreError>);
    /// Whether what it wrote before it failed is still there.
    fn leaves_traces(&self) -> bool;
    /// Tells the caller that it was not even tried.
    fn refuse(self: Box<Self>, error: StoreError);
}

pub(super) enum Message {
    Job(Box<dyn Job>),
    Close,
}

struct Task<F, T> {
    work: F,
    /// Whether a failure is undone alone.
    alone: bool,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Job for Task<F, T>
where
    F: FnOnce(&mut Desk<'_>) -> Result<T, StoreError> + Send,
    T: Send + 'static,
{
    fn run(self: Box<Self>, desk: &mut Desk<'_>) -> (Answer, Option<StoreError>) {
        let Self { work, alone, answer } = *self;
        let result = if alone { desk.whole(work) } else { work(desk) };
        let failed = result.as_ref().err().cloned();
        // A caller that went away does not undo what it asked for.
        (Box::new(move |outcome| drop(answer.send(outcome.and(result)))), failed)
    }

    fn leaves_traces(&self) -> bool {
        !self.alone
    }

    fn refuse(self: Box<Self>, error: StoreError) {
        drop(self.answer.send(Err(error)));
    }
}

enum Never {}

/// A job, and where its answer will come from.
pub(super) fn job<T: Send + 'static>(
    work: impl FnOnce(&mut Desk<'_>) -> Result<T, StoreError> + Send + 'static,
) -> (Message, oneshot::Receiver<Result<T, StoreError>>) {
    let (answer, waiting) = oneshot::channel();
    (Message::Job(Box::new(Task { work, alone: true, answer })), waiting)
}

/// The same without a savepoint, which would copy every page that the work touches: for work that refuses before it
/// writes, or undoes itself what it refuses. Should it fail nevertheless, the whole batch is undone; what shared it is
/// refused as busy and can be tried again.
pub(super) fn plain_job<T: Send + 'static>(
    work: impl FnOnce(&mut Desk<'_>) -> Result<T, StoreError> + Send + 'static,
) -> (Message, oneshot::Receiver<Result<T, StoreError>>) {
    let (answer, waiting) = oneshot::channel();
    (Message::Job(Box::new(Task { work, alone: false, answer })), waiting)
}

impl Desk<'_> {
    /// Runs a piece of work in a savepoint: nothing of it stays if it fails.
    fn whole<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self.attempt(|desk| work(desk).map(Ok::<T, Never>))? {
            Ok(value) => Ok(value),
            Err(never) => match never {},
        }
    }

    /// Runs a piece of work in a savepoint: unless it returns `Ok(Ok(_))`, nothing of it stays.
    pub(super) fn attempt<T, R>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<Result<T, R>, StoreError>,
    ) -> Result<Result<T, R>, StoreError> {
        let (before, mark) = (self.state.clone(), self.recent.mark());
        self.say("SAVEPOINT attempt")?;
        let result = work(self);
        if matches!(result, Ok(Ok(_))) {
            self.say("RELEASE attempt")?;
            return result;
        }
        *self.state = before;
        self.recent.back_to(mark);
        // After some failures (a full disk) the database has undone the whole transaction by itself.
        if !self.db.is_autocommit() {
            self.say("ROLLBACK TO attempt")?;
            self.say("RELEASE attempt")?;
        }
        result
    }

    fn say(&self, sql: &str) -> Result<(), StoreError> {
        say(self.db, sql)
    }
}

fn say(db: &Connection, sql: &str) -> Result<(), StoreError> {
    db.prepare_cached(sql)?.execute([])?;
    Ok(())
}

fn answering(answer: Answer, outcome: Result<(), StoreError>) -> Box<dyn FnOnce() + Send> {
    Box::new(move || answer(outcome))
}

fn refusal(job: Box<dyn Job>, error: StoreError) -> Box<dyn FnOnce() + Send> {
    Box::new(move || job.refuse(error))
}

/// Whether a batch changed anything.
#[derive(Clone, Copy)]
enum Wrote {
    Nothing,
    Rows,
}

/// The writer's own: everything that lives as long as its thread.
pub(super) struct Writer {
    pub db: Connection,
    pub seal: Arc<Seal>,
    pub state: State,
    pub recent: Recent,
    pub clock: Arc<AtomicI64>,
    pub batches: Batches,
    /// Held so that no second process writes; let go when the thread ends.
    pub lock: File,
    /// Told how commits go.
    pub trouble: Trouble,
    /// Whether the last that was written was not.
    pub in_trouble: bool,
    /// Set once the disk failed.
    pub broken: Option<StoreError>,
}

impl Writer {
    /// Writes until it is told to close or nobody is left to ask.
    pub(super) fn run(mut self) {
        let mut open = true;
        let mut finished = Finished::new();
        while open && self.batches.finish(std::mem::take(&mut finished)) {
            // Nobody waits for an answer now, and those who ask meanwhile share the next batch.
            if self.broken.is_none() && self.recent.is_full() {
                self.fold();
            }
            let Some(batch) = self.batches.next() else { break };
            let mut jobs = Vec::with_capacity(batch.len());
            for message in batch {
                match message {
                    Message::Job(job) => jobs.push(job),
                    Message::Close => open = false,
                }
            }
            finished = if jobs.is_empty() { Finished::new() } else { self.batch(jobs) };
        }
        queue::tell(finished);
        drop(self.db);
        drop(self.lock);
    }

    fn batch(&mut self, jobs: Vec<Box<dyn Job>>) -> Finished {
        let begun = match &self.broken {
            Some(error) => Err(error.clone()),
            None => say(&self.db, "BEGIN IMMEDIATE"),
        };
        if let Err(error) = begun {
            self.note(&error);
            self.learn(&Err(error.clone()), Wrote::Nothing);
            return jobs.into_iter().map(|job| refusal(job, error.clone())).collect();
        }
        let before = self.state.clone();
        let changes = self.db.total_changes();
        let mut answers = Vec::with_capacity(jobs.len());
        let mut jobs = jobs.into_iter();
        let mut undone = None;
        for job in jobs.by_ref() {
            let mut desk = Desk {
                db: &self.db,
                seal: &self.seal,
                state: &mut self.state,
                recent: &mut self.recent,
            };
            let leaves_traces = job.leaves_traces();
            let (answer, failed) = job.run(&mut desk);
            answers.push(answer);
            let breaks = failed.as_ref().is_some_and(|error| leaves_traces || error.breaks());
            if breaks || self.db.is_autocommit() {
                undone = Some(failed.unwrap_or(StoreError::Full));
                break;
            }
        }
        let wrote = if self.db.total_changes() == changes { Wrote::Nothing } else { Wrote::Rows };
        let outcome = undone.map_or_else(|| self.commit(&before, wrote), Err);
        if outcome.is_ok() {
            self.recent.committed();
        } else {
            self.recent.undone();
        }
        self.learn(&outcome, wrote);
        if let Err(error) = &outcome {
            // Whether a failed commit closed the transaction or not, it is closed from here on.
            if !self.db.is_autocommit() {
                let _ = say(&self.db, "ROLLBACK");
            }
            self.state = before;
            self.note(error);
        }
        let told = answers.into_iter().map(|answer| answering(answer, outcome.clone()));
        // Left over only if the database undid the transaction under way: not tried, so worth trying again.
        let untried = jobs.map(|job| refusal(job, StoreError::Busy));
        told.chain(untried).collect()
    }

    /// Puts what is found by its hash in its place. If that fails, it stays where it is found as well.
    fn fold(&mut self) {
        let folded = say(&self.db, "BEGIN IMMEDIATE")
            .and_then(|()| self.recent.fold(&self.db))
            .and_then(|()| say(&self.db, "COMMIT"));
        match folded {
            Ok(()) => self.recent.committed(),
            Err(error) => {
                if !self.db.is_autocommit() {
                    let _ = say(&self.db, "ROLLBACK");
                }
                self.recent.undone();
                self.note(&error);
            }
        }
    }

    /// A batch that changed nothing, such as a look for work that is not there, costs the disk nothing.
    fn commit(&self, before: &State, wrote: Wrote) -> Result<(), StoreError> {
        match wrote {
            Wrote::Nothing => return say(&self.db, "COMMIT"),
            Wrote::Rows => {}
        }
        if self.state.edge.size() != before.edge.size() {
            meta::put(&self.db, meta::EDGE, &self.state.edge.to_bytes())?;
        }
        let stamp = self.clock.load(Ordering::Relaxed).to_be_bytes();
        meta::put(&self.db, meta::STAMP, &stamp)?;
        say(&self.db, "COMMIT")
    }

    /// Remembers what keeps the store from writing. Only what was written proves that it can be; while all is well,
    /// nothing is remembered and no lock taken.
    fn learn(&mut self, outcome: &Result<(), StoreError>, wrote: Wrote) {
        match (outcome, wrote) {
            (Ok(()), Wrote::Rows) if self.in_trouble => {
                self.trouble.learn(outcome);
                self.in_trouble = false;
            }
            (Ok(()), Wrote::Rows | Wrote::Nothing) => {}
            (Err(_), Wrote::Rows | Wrote::Nothing) => {
                self.trouble.learn(outcome);
                self.in_trouble = true;
            }
        }
    }

    /// After the disk failed nobody knows what is on it: no more writes until it was read again.
    fn note(&mut self, error: &StoreError) {
        if error.breaks() && self.broken.is_none() {
            tracing::error!(%error, "the store takes no more writes");
            self.broken = Some(error.clone());
        }
    }
}
