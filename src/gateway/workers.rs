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
mod tender;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::gateway::workers::cage::Sandbox;
use crate::gateway::workers::child::Orders;
use crate::gateway::workers::process::Failed;
pub use crate::gateway::workers::process::NoWorker;
use crate::gateway::workers::process::Process;
use crate::gateway::workers::tender::Shared;
use crate::policy::Answer;
use crate::policy::Bundle;
use crate::policy::Diagnostic;
use crate::policy::Input;
use crate::policy::SourceFile;
use crate::policy::load::Checks;

/// Questions that may wait for a worker. Beyond it a question is answered with the rules' weights at once: better an
/// honest "could not tell" than a caller whose deadline runs out in a queue.
const MAX_WAITING: usize = 1_024;

/// Longest time that a question loses to others: no worker starts, or the queue is full of runaways. Whoever asks hears
/// of it then.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// How the pool runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program whose hidden `worker` command is started. Default: this very program.
    pub program: PathBuf,
    /// How many workers. Default: one a core, at least two (a runaway in one leaves another serving) and at most
    /// four; each costs about 15 MB.
    pub count: usize,
    /// How long one question may take before its worker is killed. Default 200 ms: a shipped rule takes 20 µs.
    pub deadline: Duration,
    /// How long loading a bundle may take before it is refused. Default 10 s.
    pub load_deadline: Duration,
    /// Counts how workers end, over all pools of these settings.
    pub ends: Arc<Ends>,
}

/// How workers that served ended, counted.
#[derive(Debug, Default)]
pub struct Ends([AtomicU64; 4]);

impl Ends {
    /// What is told apart: too slow; by its own fault; by somebody outside, such as the system short of memory; not to
    /// be talked with.
    pub const WORDS: [&'static str; 4] = ["late", "died", "killed", "socket"];

    /// How many, in the order of [`Ends::WORDS`].
    pub fn counts(&self) -> [u64; 4] {
        self.0.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    fn count(&self, failed: &Failed) {
        let [late, died, killed, socket] = &self.0;
        let count = match failed {
            Failed::Late(_) => late,
            Failed::Died(_) if failed.died_from_outside() => killed,
            Failed::Died(_) => died,
            Failed::Socket(_) | Failed::Frame(_) | Failed::Report(_) => socket,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

impl Settings {
    /// The defaults, for workers started from `program`.
    pub fn of(program: PathBuf) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            program,
            count: cores.clamp(2, 4),
            deadline: Duration::from_millis(200),
            load_deadline: Duration::from_secs(10),
            ends: Arc::default(),
        }
    }

    /// The engine ends a runaway loop itself, a little before the deadline: that costs the rule its answer, but
    /// nobody a worker.
    fn engine_time_ms(&self) -> u64 {
        let time = self.deadline * 3 / 4;
        u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
    }

    /// The orders that a pool's first worker gets, and those of every other: what passed need not be checked again.
    fn orders(&self, files: Vec<SourceFile>) -> Result<[Vec<u8>; 2], PoolError> {
        let written = |orders: &Orders| {
            serde_json::to_vec(orders).map_err(|error| NoWorker::Failed(Failed::Report(error)))
        };
        let first = Orders { time_ms: self.engine_time_ms(), checks: Checks::All, files };
        let all = written(&first)?;
        Ok([all, written(&Orders { checks: Checks::CompileOnly, ..first })?])
    }
}

/// The first problem in one line, with its place.
fn first(found: &[Diagnostic]) -> String {
    match found.first() {
        None => "none told".to_owned(),
        Some(told) if told.file.is_empty() => told.message.clone(),
        Some(told) => format!("{}:{}:{}: {}", told.file, told.line, told.column, told.message),
    }
}

/// Why there is no pool.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// The bundle did not pass the load checks.
    #[error("the bundle was refused, problems: {}, the first: {}", .0.len(), first(.0))]
    Refused(Vec<Diagnostic>),
    /// No worker could be started or it died while loading.
    #[error("no worker could load the bundle: {0}")]
    Worker(#[from] NoWorker),
}

/// One question: an input and the rules that are to look at it, by position in the bundle.
#[derive(Debug)]
struct Question {
    input: Arc<Input>,
    rules: Vec<u32>,
    answer: oneshot::Sender<Vec<Answer>>,
}

/// A pool of workers that serve one bundle. Dropping it ends them.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
    sandbox: Sandbox,
    queue: mpsc::Sender<Question>,
    #[expect(
        dead_code,
        reason = "held: dropping the pool aborts its tasks, which kills the workers"
    )]
    tenders: JoinSet<()>,
}

impl Pool {
    /// Checks and loads the files in a worker of their own; on success that worker is the pool's first, and the others
    /// start behind it.
    pub async fn start(settings: Settings, files: Vec<SourceFile>) -> Result<Self, PoolError> {
        let orders = settings.orders(files)?;
        Self::started(settings, orders).await
    }

    /// The same for files that have passed every check before: they are only compiled.
    pub async fn start_passed(
        settings: Settings,
        files: Vec<SourceFile>,
    ) -> Result<Self, PoolError> {
        let [_, passed] = settings.orders(files)?;
        Self::started(settings, [passed.clone(), passed]).await
    }

    async fn started(settings: Settings, [all, others]: [Vec<u8>; 2]) -> Result<Self, PoolError> {
        let (first, report) = Process::start(&settings, &all).await?;
        let (queue, questions) = mpsc::channel(MAX_WAITING);
        let count = settings.count.max(1);
        let shared = Arc::new(Shared::new(settings, others, report.bundle, questions));
        let mut tenders = JoinSet::new();
        tenders.spawn(tender::tend(Arc::clone(&shared), Some(first)));
        for _ in 1..count {
            tenders.spawn(tender::tend(Arc::clone(&shared), None));
        }
        Ok(Self { shared, sandbox: report.sandbox, queue, tenders })
    }

    /// The bundle it serves.
    pub fn bundle(&self) -> &Arc<Bundle> {
        self.shared.bundle()
    }

    /// How well the workers' cage closes: `full` or `partial`.
    pub const fn sandbox(&self) -> &'static str {
        self.sandbox.as_str()
    }

    /// How many workers died or were killed.
    pub fn restarts(&self) -> u64 {
        self.shared.restarts()
    }

    /// How many workers serve now.
    pub fn in_service(&self) -> usize {
        self.shared.in_service()
    }

    /// Whether none serves and the last try to start one failed.
    pub fn is_stranded(&self) -> bool {
        self.shared.is_stranded()
    }

    /// Asks these rules, in this order; always one answer a rule.
    pub async fn ask(&self, input: Arc<Input>, rules: Vec<u32>) -> Vec<Answer> {
        let count = rules.len();
        if count == 0 {
            return Vec::new();
        }
        let (answer, told) = oneshot::channel();
        let why = match self.queue.try_send(Question { input, rules, answer }) {
            Ok(()) => match timeout(self.patience(count), told).await {
                Ok(Ok(answers)) => return answers,
                Ok(Err(_)) => "the gate is shutting down",
                Err(_) => "no worker was free in time",
            },
            Err(_) => "too many questions are waiting for a worker",
        };
        all_faulted(count, why)
    }

    /// Each rule may be late twice, in company and alone, and none of that is to cost another rule its answer.
    fn patience(&self, rules: usize) -> Duration {
        let rules = u32::try_from(rules).unwrap_or(u32::MAX);
        self.shared.deadline().saturating_mul(rules.saturating_mul(2)).saturating_add(MAX_WAIT)
    }
}

fn all_faulted(count: usize, why: &str) -> Vec<Answer> {
    vec![Answer::Fault(why.to_owned()); count]
}
