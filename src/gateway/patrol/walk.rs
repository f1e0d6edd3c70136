//! The walk of a scan: subjects in portions, looked at beside the runtime's threads, asked about a few portions at a time,
//! judged, and kept before the walk goes on.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::gateway::Gateway;
use crate::gateway::patrol::scan::Beat;
use crate::gateway::patrol::scan::Progress;
use crate::gateway::patrol::scan::ScanError;
use crate::gateway::workers::Pool;
use crate::graph::Admins;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::posture::judge;
use crate::posture::lifecycle::Seen;
use crate::posture::round::Question;
use crate::posture::round::Round;

/// Subjects of a portion: enough to keep a worker busy, few enough that their documents weigh nothing and what becomes of
/// them is soon written.
const PORTION: usize = 64;

/// Portions under way: while the workers have one, the next is looked at and the one before is kept.
const AHEAD: usize = 2;

/// A portion that was looked at.
struct Looked {
    ids: Vec<Id>,
    questions: Vec<Question>,
}

/// A portion that was judged.
struct Judged {
    ids: Vec<Id>,
    seen: Vec<Seen>,
    subjects: u64,
}

impl Gateway {
    /// Walks over subjects; how many of them there were rules for.
    pub(in crate::gateway) async fn walk_over(
        &self,
        beat: &Beat,
        pool: &Pool,
        connection: &ConnectionId,
        ids: Vec<Id>,
    ) -> Result<u64, ScanError> {
        let mut progress = Progress { since: beat.round.now, done: 0, of: ids.len() as u64 };
        self.patrol.note(connection, Some(progress));
        let (to, looked) = mpsc::channel(AHEAD);
        let round = Arc::clone(&beat.round);
        let work = spawn_blocking(move || look(&round, &ids, &to));
        let portions = stream::unfold(looked, async |mut looked: mpsc::Receiver<Looked>| {
            looked.recv().await.map(|portion| (portion, looked))
        });
        let judged = portions
            .map(|portion| ask(Arc::clone(&beat.round), pool, Arc::clone(&beat.admins), portion));
        let mut judged = Box::pin(judged.buffered(AHEAD));
        let mut subjects = 0;
        while let Some(portion) = judged.next().await {
            let portion = portion?;
            let faults = portion.seen.iter().filter(|one| is_fault(one)).count();
            self.meters.patrol().faulted(faults as u64);
            progress.done += portion.ids.len() as u64;
            subjects += portion.subjects;
            self.settle(beat, &portion.ids, portion.seen).await?;
            self.patrol.note(connection, Some(progress));
        }
        // A walk that broke off must not pass for a whole one.
        work.await.map_err(|_| ScanError::Ending)?;
        Ok(subjects)
    }
}

/// Looks at one portion after the other, as far ahead as the channel lets.
fn look(round: &Round, ids: &[Id], to: &mpsc::Sender<Looked>) {
    let ground = round.ground();
    for portion in ids.chunks(PORTION) {
        let questions = portion.iter().filter_map(|id| round.question(&ground, id)).collect();
        if to.blocking_send(Looked { ids: portion.to_vec(), questions }).is_err() {
            return;
        }
    }
}

async fn ask(
    round: Arc<Round>,
    pool: &Pool,
    admins: Arc<Mutex<Admins>>,
    looked: Looked,
) -> Result<Judged, ScanError> {
    let Looked { ids, questions } = looked;
    let asked = questions.iter().map(|one| pool.ask(Arc::clone(&one.input), one.rules.clone()));
    let answers = join_all(asked).await;
    let judge = move || {
        let mut admins = admins.lock().unwrap_or_else(PoisonError::into_inner);
        let told = questions.iter().zip(answers);
        let seen: Vec<Seen> =
            told.flat_map(|(one, answers)| round.seen(one, answers, &mut admins)).collect();
        (seen, questions.len() as u64)
    };
    let (seen, subjects) = spawn_blocking(judge).await.map_err(|_| ScanError::Ending)?;
    Ok(Judged { ids, seen, subjects })
}

/// Whether a rule did not answer.
fn is_fault(seen: &Seen) -> bool {
    seen.unknown.iter().any(|gap| gap.path == judge::ITSELF)
}
