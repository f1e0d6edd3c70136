//! Between those who ask and the writer: a batch is closed only when nobody else is ready to join it.
//!
//! A writer that took the first job at once would sync the disk for it alone, while the requests behind it are still
//! being read. So a task of the runtime gathers: it lets every other task that can run do so, then hands over what has
//! come. It waits for nothing but work that is there already, so a lone job is not held up.
//!
//! One thing it does wait for, and only a moment: callers that ask again as soon as they are answered can fall into two
//! halves that take turns, each syncing while the other reads. When jobs wait already as a shared batch is answered, it
//! holds them until those just answered have come back, and the halves are one from then on. Where they do not come
//! back, because they are not callers of that kind, it stops trying for a while.

use std::sync::mpsc as threads;
use std::time::Duration;
use std::time::Instant;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::task::yield_now;

use crate::store::StoreError;
use crate::store::writer::Message;

/// Jobs that may wait. Beyond it the store says busy at once: a longer queue only makes callers time out later.
pub const MAX_QUEUE: usize = 8_192;

/// Jobs in one commit. Larger batches gain nothing (see the measurements) and hold readers' snapshots longer.
pub const MAX_BATCH: usize = 256;

/// How often the runtime's other tasks have their turn before a batch is closed, when the batch before it was shared:
/// those who got their answer together are about to ask again together. A lone job is held up for one turn only.
const TURNS: usize = 8;

/// How long those who wait are held for those just answered: about what a caller on the same machine needs to ask again.
const MOMENT: Duration = Duration::from_micros(200);

/// How many batches are closed without such a moment after one that was in vain.
const PATIENCE: u32 = 64;

/// A finished batch: its jobs' answers, told on the runtime, where waking a task costs no system call.
pub(super) type Finished = Vec<Box<dyn FnOnce() + Send>>;

/// The writer's end: it gives back what is finished, and gets a batch.
pub(super) struct Batches {
    finished: mpsc::Sender<Finished>,
    come: threads::Receiver<Vec<Message>>,
}

impl Batches {
    /// Hands over the answers of the batch before, and has the next one gathered. False when nobody gathers any more.
    pub(super) fn finish(&self, finished: Finished) -> bool {
        match self.finished.blocking_send(finished) {
            Ok(()) => true,
            Err(gone) => {
                tell(gone.0);
                false
            }
        }
    }

    /// Waits for the next batch; none when nobody is left to ask.
    pub(super) fn next(&self) -> Option<Vec<Message>> {
        self.come.recv().ok()
    }
}

/// Starts gathering on this runtime: where to put jobs, the writer's end, and the task, which its owner has to hold.
pub(super) fn open() -> (mpsc::Sender<Message>, Batches, JoinSet<()>) {
    let (ask, asked) = mpsc::channel(MAX_QUEUE);
    let (finished, finishing) = mpsc::channel(1);
    let (give, come) = threads::channel();
    let mut gatherer = JoinSet::new();
    gatherer.spawn(gather(asked, finishing, give));
    (ask, Batches { finished, come }, gatherer)
}

async fn gather(
    mut asked: mpsc::Receiver<Message>,
    mut writer: mpsc::Receiver<Finished>,
    give: threads::Sender<Vec<Message>>,
) {
    let mut impatient = 0;
    while let Some(finished) = writer.recv().await {
        let told = finished.len();
        let turns = if told > 1 { TURNS } else { 1 };
        let waiting = asked.len();
        tell(finished);
        let mut batch = Vec::with_capacity(MAX_BATCH);
        if asked.recv_many(&mut batch, MAX_BATCH).await == 0 {
            return;
        }
        for _ in 0..turns {
            yield_now().await;
            take(&mut asked, &mut batch);
            // All who can be expected are there.
            if batch.len() >= waiting + told {
                break;
            }
        }
        if impatient > 0 {
            impatient -= 1;
        } else if waiting > 0 && told > 1 && !joined(&mut asked, &mut batch, waiting + told).await {
            impatient = PATIENCE;
        }
        if give.send(batch).is_err() {
            break;
        }
    }
    // The writer has ended: whoever still waits is told.
    asked.close();
    while let Some(message) = asked.recv().await {
        if let Message::Job(job) = message {
            job.refuse(StoreError::Closed);
        }
    }
}

/// Puts into the batch what has come.
fn take(asked: &mut mpsc::Receiver<Message>, batch: &mut Vec<Message>) {
    while batch.len() < MAX_BATCH
        && let Ok(message) = asked.try_recv()
    {
        batch.push(message);
    }
}

/// Lets the other tasks run until this many jobs have come, for a moment at most. Whether they did.
async fn joined(
    asked: &mut mpsc::Receiver<Message>,
    batch: &mut Vec<Message>,
    expected: usize,
) -> bool {
    let begun = Instant::now();
    while batch.len() < expected.min(MAX_BATCH) {
        if begun.elapsed() > MOMENT {
            return false;
        }
        yield_now().await;
        take(asked, batch);
    }
    true
}

/// Tells everybody how their job went.
pub(super) fn tell(finished: Finished) {
    for answer in finished {
        answer();
    }
}
