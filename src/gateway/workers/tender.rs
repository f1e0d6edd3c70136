//! A tender keeps one worker going: batch after batch, and a new process whenever the old one fails. Here it is decided
//! who is to blame when a worker dies.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::sync::mpsc;

use crate::gateway::workers::PoolError;
use crate::gateway::workers::Question;
use crate::gateway::workers::Settings;
use crate::gateway::workers::process::Batch;
use crate::gateway::workers::process::Failed;
use crate::gateway::workers::process::NoWorker;
use crate::gateway::workers::process::Process;
use crate::policy::Answer;
use crate::policy::Bundle;
use crate::policy::Input;
use crate::policy::RuleId;

/// Questions sent to a worker in one write: a round trip costs 10 µs alone and about 1 µs in a batch of 16.
const MAX_BATCH: usize = 16;

/// How often the runtime's other tasks have their turn before a batch is closed, when the batch before it was shared:
/// those who got their answers together are about to ask again together. A lone question is held up for one turn only.
const TURNS: usize = 4;

/// Pairs of rule and input that killed a worker, remembered so that they kill no second one.
const MAX_GUILTY: u64 = 10_000;

/// Deaths from outside (the system was out of memory, say) that a rule asked alone is forgiven.
const FORGIVEN: usize = 3;

/// First pause after a worker could not be started; it doubles up to [`LONGEST_PAUSE`]. Without one, a machine that
/// cannot start processes would be kept busy with trying.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What the tenders of a pool have in common.
#[derive(Debug)]
pub struct Shared {
    settings: Settings,
    orders: Vec<u8>,
    bundle: Arc<Bundle>,
    ids: Vec<RuleId>,
    questions: Mutex<mpsc::Receiver<Question>>,
    guilty: moka::sync::Cache<(u32, [u8; 32]), Arc<str>>,
    /// While there is none, no question's digest is made: hashing would cost as much as an answer.
    any_guilty: AtomicBool,
    restarts: AtomicU64,
    in_service: AtomicUsize,
    cannot_start: AtomicBool,
}

impl Shared {
    /// For a bundle that a first worker loaded; these are the orders of every other.
    pub fn new(
        settings: Settings,
        orders: Vec<u8>,
        bundle: Bundle,
        questions: mpsc::Receiver<Question>,
    ) -> Self {
        Self {
            settings,
            orders,
            ids: bundle.rules.iter().map(|rule| rule.id.clone()).collect(),
            bundle: Arc::new(bundle),
            questions: Mutex::new(questions),
            guilty: moka::sync::Cache::new(MAX_GUILTY),
            any_guilty: AtomicBool::new(false),
            restarts: AtomicU64::new(0),
            in_service: AtomicUsize::new(0),
            cannot_start: AtomicBool::new(false),
        }
    }

    /// The bundle.
    pub const fn bundle(&self) -> &Arc<Bundle> {
        &self.bundle
    }

    /// How long a worker may take for one question.
    pub const fn deadline(&self) -> Duration {
        self.settings.deadline
    }

    /// How many workers died or were killed.
    pub fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// How many workers serve now.
    pub fn in_service(&self) -> usize {
        self.in_service.load(Ordering::Relaxed)
    }

    /// Whether none serves and the last try to start one failed.
    pub fn is_stranded(&self) -> bool {
        self.in_service() == 0 && self.cannot_start.load(Ordering::Relaxed)
    }

    /// A worker serves.
    fn serves(&self) {
        self.in_service.fetch_add(1, Ordering::Relaxed);
        self.cannot_start.store(false, Ordering::Relaxed);
    }

    /// A worker that served has ended.
    fn ended(&self, failed: &Failed) {
        self.in_service.fetch_sub(1, Ordering::Relaxed);
        self.restarts.fetch_add(1, Ordering::Relaxed);
        self.settings.ends.count(failed);
    }

    /// A worker with the bundle loaded. What it reports must be what the first one reported: rules go by position.
    async fn start(&self) -> Result<Process, PoolError> {
        let (process, report) = Process::start(&self.settings, &self.orders).await?;
        if report.bundle == *self.bundle { Ok(process) } else { Err(NoWorker::Another.into()) }
    }

    /// Waits for questions, and gives those behind the first so many turns to join it. The lock is held meanwhile: only
    /// one idle tender needs to listen.
    async fn next_batch(&self, turns: usize) -> Vec<Question> {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        let mut questions = self.questions.lock().await;
        questions.recv_many(&mut batch, MAX_BATCH).await;
        // The first question wakes us before the tasks behind it have asked theirs: let them share the round trip.
        for _ in 0..turns {
            tokio::task::yield_now().await;
            while batch.len() < MAX_BATCH
                && let Ok(question) = questions.try_recv()
            {
                batch.push(question);
            }
        }
        batch
    }

    fn remember(&self, pair: (u32, [u8; 32]), why: &str) {
        self.guilty.insert(pair, why.into());
        self.any_guilty.store(true, Ordering::Relaxed);
    }

    fn is_guilty(&self, question: &Question) -> bool {
        if !self.any_guilty.load(Ordering::Relaxed) {
            return false;
        }
        let digest = question.input.digest();
        question.rules.iter().any(|rule| self.guilty.contains_key(&(*rule, digest)))
    }
}

/// Tends one worker for the life of the pool.
pub async fn tend(shared: Arc<Shared>, first: Option<Process>) {
    if first.is_some() {
        shared.serves();
    }
    let mut tender = Tender { shared, process: first };
    let mut turns = 1;
    loop {
        // Before the batch, not after: questions wait for a worker that runs, and go to whichever runs first.
        tender.worker().await;
        let batch = tender.shared.next_batch(turns).await;
        if batch.is_empty() {
            return;
        }
        turns = if batch.len() > 1 { TURNS } else { 1 };
        tender.serve(batch).await;
    }
}

struct Tender {
    shared: Arc<Shared>,
    process: Option<Process>,
}

impl Tender {
    /// The running worker; started, however often it takes, if there is none.
    async fn worker(&mut self) -> &mut Process {
        let mut pause = FIRST_PAUSE;
        let started = loop {
            if let Some(running) = self.process.take() {
                break running;
            }
            match self.shared.start().await {
                Ok(started) => {
                    self.shared.serves();
                    break started;
                }
                Err(error) => {
                    self.shared.cannot_start.store(true, Ordering::Relaxed);
                    tracing::error!(%error, "a worker could not be started");
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        };
        self.process.insert(started)
    }

    /// Asks together, and again alone whatever was not answered. The question at which a worker was late is asked last:
    /// its neighbours need not wait for it a second time.
    async fn serve(&mut self, mut questions: Vec<Question>) {
        questions.retain(|question| !question.answer.is_closed());
        let (mut suspects, mut fresh): (VecDeque<_>, VecDeque<_>) =
            questions.into_iter().partition(|question| self.shared.is_guilty(question));
        while !fresh.is_empty() {
            let (failed, rest) = self.together(fresh).await;
            fresh = rest;
            match failed {
                None => {}
                Some(Failed::Late(_)) => suspects.extend(fresh.pop_front()),
                // How far it had come is not known: answers of the last millisecond died with it.
                Some(
                    Failed::Died(_) | Failed::Socket(_) | Failed::Frame(_) | Failed::Report(_),
                ) => suspects.extend(fresh.drain(..)),
            }
        }
        for question in suspects {
            self.one_rule_at_a_time(question).await;
        }
    }

    /// Asks a batch; what is left of it when the worker fails.
    async fn together(
        &mut self,
        questions: VecDeque<Question>,
    ) -> (Option<Failed>, VecDeque<Question>) {
        let mut answered = Vec::with_capacity(questions.len());
        let batch: Vec<Batch<'_>> =
            questions.iter().map(|q| Batch { rules: &q.rules, input: q.input.json() }).collect();
        let failed = self.ask(&batch, &mut answered).await.err();
        drop(batch);
        let mut rest = questions.into_iter();
        // In this order: the iterator that ends first must be the one that is looked at first.
        for (answers, question) in answered.into_iter().zip(rest.by_ref()) {
            // Whoever asked may have gone; the answer is then nobody's.
            let _ = question.answer.send(answers);
        }
        (failed, rest.collect())
    }

    async fn ask(
        &mut self,
        batch: &[Batch<'_>],
        answered: &mut Vec<Vec<Answer>>,
    ) -> Result<(), Failed> {
        let shared = Arc::clone(&self.shared);
        let worker = self.worker().await;
        let result = worker.ask(batch, &shared.ids, shared.settings.deadline, answered).await;
        if let Err(failed) = &result {
            tracing::warn!(%failed, "a worker failed and is replaced");
            self.process = None;
            shared.ended(failed);
        }
        result
    }

    /// Finds the guilty rule: each is asked alone, and only the one that fails gets a fault.
    async fn one_rule_at_a_time(&mut self, question: Question) {
        let digest = question.input.digest();
        let mut answers = Vec::with_capacity(question.rules.len());
        for rule in &question.rules {
            answers.push(self.alone(*rule, &question.input, digest).await);
        }
        let _ = question.answer.send(answers);
    }

    async fn alone(&mut self, rule: u32, input: &Input, digest: [u8; 32]) -> Answer {
        if let Some(why) = self.shared.guilty.get(&(rule, digest)) {
            return Answer::Fault(why.to_string());
        }
        let batch = [Batch { rules: &[rule], input: input.json() }];
        let mut forgiven = 0;
        loop {
            let mut answered = Vec::new();
            let Err(failed) = self.ask(&batch, &mut answered).await else {
                let only = answered.pop().and_then(|mut answers| answers.pop());
                return only.unwrap_or_else(|| Answer::Fault("it was not answered".to_owned()));
            };
            if failed.died_from_outside() && forgiven < FORGIVEN {
                forgiven += 1;
                continue;
            }
            let why = failed.to_string();
            self.shared.remember((rule, digest), &why);
            return Answer::Fault(why);
        }
    }
}
