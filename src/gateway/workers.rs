//! The pool of evaluation processes. A policy cannot hurt the gate: it runs in children that have a memory cap, a
//! deadline, no network and no files, and a dead or late child is a finding with the rule's weight, never an outage.
//!
//! A pool serves one bundle; a new bundle gets a new pool. Questions wait in one bounded queue and go out in batches.
//! After a death the unanswered questions are asked again, one rule at a time, in a fresh worker, so that exactly the
//! guilty rule gets its weight; that pair of rule and input is then remembered and not tried again.

pub mod cage;
pub mod child;
mod frame;
mod process;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::gateway::workers::process::Batch;
use crate::gateway::workers::process::Failed;
use crate::gateway::workers::process::Process;
use crate::policy::Answer;
use crate::policy::Bundle;
use crate::policy::Diagnostic;
use crate::policy::Input;
use crate::policy::RuleId;
use crate::policy::SourceFile;

/// Questions that may wait for a worker. Beyond it a question is answered with the rules' weights at once: better an
/// honest "could not tell" than a caller whose deadline runs out in a queue.
const MAX_WAITING: usize = 1_024;

/// Questions sent to a worker in one write: a round trip costs 10 µs alone and about 1 µs in a batch of 16.
const MAX_BATCH: usize = 16;

/// Pairs of rule and input that killed a worker, remembered so that they kill no second one.
const MAX_GUILTY: u64 = 10_000;

/// How the pool runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program whose hidden `worker` command is started. Default: this very program.
    pub program: PathBuf,
    /// How many workers. Default: one a core, at most four; each costs about 15 MB.
    pub count: usize,
    /// How long one question may take before its worker is killed. Default 200 ms: a shipped rule takes 20 µs.
    pub deadline: Duration,
    /// How long loading a bundle may take before it is refused. Default 10 s.
    pub load_deadline: Duration,
}

impl Settings {
    /// The defaults, for workers started from `program`.
    pub fn of(program: PathBuf) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            program,
            count: cores.min(4),
            deadline: Duration::from_millis(200),
            load_deadline: Duration::from_secs(10),
        }
    }
}

/// One question: an input and the rules that are to look at it, by position in the bundle.
struct Question {
    input: Arc<Input>,
    rules: Vec<u32>,
    answer: oneshot::Sender<Vec<Answer>>,
}

/// Why there is no pool.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// The bundle did not pass the load checks.
    #[error("the bundle was refused: {} problem(s), the first: {}", .0.len(), .0.first().map_or("none told", |first| first.message.as_str()))]
    Refused(Vec<Diagnostic>),
    /// No worker could be started or it died while loading.
    #[error("no worker could load the bundle: {0}")]
    Worker(String),
}

/// A pool of workers that serve one bundle. Dropping it ends them.
#[derive(Debug)]
pub struct Pool {
    bundle: Arc<Bundle>,
    sandbox: String,
    queue: mpsc::Sender<Question>,
    restarts: Arc<AtomicU64>,
    #[expect(
        dead_code,
        reason = "held: dropping the pool aborts its tasks, which kills the workers"
    )]
    tasks: JoinSet<()>,
}

impl Pool {
    /// Checks and loads the files in a worker of their own; on success that worker is the pool's first.
    pub async fn start(settings: Settings, files: Vec<SourceFile>) -> Result<Self, PoolError> {
        let files: Arc<[u8]> =
            serde_json::to_vec(&files).map_err(|e| PoolError::Worker(e.to_string()))?.into();
        let (first, report) = Process::start(&settings, &files).await?;
        let bundle = Arc::new(report.bundle);
        let (queue, questions) = mpsc::channel(MAX_WAITING);
        let shared = Arc::new(Shared {
            rules: bundle.rules.iter().map(|rule| rule.id.clone()).collect(),
            settings,
            files,
            questions: tokio::sync::Mutex::new(questions),
            guilty: moka::sync::Cache::new(MAX_GUILTY),
            restarts: Arc::default(),
        });
        let restarts = Arc::clone(&shared.restarts);
        let mut tasks = JoinSet::new();
        tasks.spawn(tend(Arc::clone(&shared), Some(first)));
        for _ in 1..shared.settings.count {
            tasks.spawn(tend(Arc::clone(&shared), None));
        }
        Ok(Self { bundle, sandbox: report.sandbox, queue, restarts, tasks })
    }

    /// The bundle it serves.
    pub const fn bundle(&self) -> &Arc<Bundle> {
        &self.bundle
    }

    /// How well the workers' cage closes: `full` or `partial`.
    pub fn sandbox(&self) -> &str {
        &self.sandbox
    }

    /// How many workers died or were killed.
    pub fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// Asks these rules, in this order; always one answer a rule.
    pub async fn ask(&self, input: Arc<Input>, rules: Vec<u32>) -> Vec<Answer> {
        let count = rules.len();
        if count == 0 {
            return Vec::new();
        }
        let (answer, told) = oneshot::channel();
        let sent = self.queue.try_send(Question { input, rules, answer });
        match sent {
            Ok(()) => {
                told.await.unwrap_or_else(|_| all_faulted(count, "the gate is shutting down"))
            }
            Err(_) => all_faulted(count, "too many questions are waiting for a worker"),
        }
    }
}

fn all_faulted(count: usize, why: &str) -> Vec<Answer> {
    vec![Answer::Fault(why.to_owned()); count]
}

struct Shared {
    settings: Settings,
    files: Arc<[u8]>,
    rules: Vec<RuleId>,
    questions: tokio::sync::Mutex<mpsc::Receiver<Question>>,
    guilty: moka::sync::Cache<(u32, [u8; 32]), Arc<str>>,
    restarts: Arc<AtomicU64>,
}

/// Tends one worker for the life of the pool: batch after batch, and a new process whenever the old one fails.
async fn tend(shared: Arc<Shared>, first: Option<Process>) {
    let mut process = first;
    loop {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        // The lock is held while waiting for work: only one idle worker needs to listen.
        let taken = { shared.questions.lock().await.recv_many(&mut batch, MAX_BATCH).await };
        if taken == 0 {
            return;
        }
        serve_batch(&shared, &mut process, batch).await;
    }
}

async fn serve_batch(shared: &Shared, process: &mut Option<Process>, mut questions: Vec<Question>) {
    questions.retain(|question| !question.answer.is_closed());
    let (known_guilty, fresh): (Vec<_>, Vec<_>) =
        questions.into_iter().partition(|question| shared.any_guilty(question));
    for question in known_guilty {
        one_rule_at_a_time(shared, process, question).await;
    }
    if fresh.is_empty() {
        return;
    }
    let batch: Vec<Batch<'_>> =
        fresh.iter().map(|q| Batch { rules: &q.rules, input: q.input.json() }).collect();
    let mut answered = Vec::new();
    let result = match running(shared, process).await {
        Some(worker) => {
            worker.ask(&batch, &shared.rules, shared.settings.deadline, &mut answered).await
        }
        None => Err(Failed::gone("no worker could be started")),
    };
    drop(batch);
    let mut rest = fresh.into_iter();
    for (answers, question) in answered.into_iter().zip(rest.by_ref()) {
        // Whoever asked may have gone; the answer is then nobody's.
        let _ = question.answer.send(answers);
    }
    if result.is_err() {
        shared.bury(process);
        for question in rest {
            one_rule_at_a_time(shared, process, question).await;
        }
    }
}

/// Finds the guilty rule: each is asked alone, and only the one that fails gets a fault.
async fn one_rule_at_a_time(shared: &Shared, process: &mut Option<Process>, question: Question) {
    let digest = question.input.digest();
    let mut answers = Vec::with_capacity(question.rules.len());
    for rule in &question.rules {
        answers.push(alone(shared, process, *rule, &question.input, digest).await);
    }
    let _ = question.answer.send(answers);
}

async fn alone(
    shared: &Shared,
    process: &mut Option<Process>,
    rule: u32,
    input: &Input,
    digest: [u8; 32],
) -> Answer {
    if let Some(why) = shared.guilty.get(&(rule, digest)) {
        return Answer::Fault(why.to_string());
    }
    let Some(worker) = running(shared, process).await else {
        return Answer::Fault("no worker could be started".to_owned());
    };
    let mut answered = Vec::new();
    let batch = [Batch { rules: &[rule], input: input.json() }];
    match worker.ask(&batch, &shared.rules, shared.settings.deadline, &mut answered).await {
        Ok(()) => answered
            .pop()
            .and_then(|mut answers| answers.pop())
            .unwrap_or_else(|| Answer::Fault("no answer".to_owned())),
        Err(failed) => {
            shared.bury(process);
            shared.guilty.insert((rule, digest), failed.why.as_str().into());
            Answer::Fault(failed.why)
        }
    }
}

/// The running worker, started if there is none.
async fn running<'a>(shared: &Shared, process: &'a mut Option<Process>) -> Option<&'a mut Process> {
    if process.is_none() {
        match Process::start(&shared.settings, &shared.files).await {
            Ok((started, _)) => *process = Some(started),
            Err(error) => tracing::error!(%error, "a worker could not be started"),
        }
    }
    process.as_mut()
}

impl Shared {
    fn any_guilty(&self, question: &Question) -> bool {
        if self.guilty.entry_count() == 0 {
            return false;
        }
        let digest = question.input.digest();
        question.rules.iter().any(|rule| self.guilty.contains_key(&(*rule, digest)))
    }

    fn bury(&self, process: &mut Option<Process>) {
        *process = None;
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }
}
