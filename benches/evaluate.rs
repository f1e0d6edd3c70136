//! Rows 6, 13 and 15: what evaluation costs. The rules are the shipped ones, the inputs the examples
//! of every kind of event that some rule answers.

use std::hint::black_box;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use portcullis::event::EventKind;
use portcullis::gateway::bundles::Source;
use portcullis::gateway::policies::Policies;
use portcullis::gateway::workers::Pool;
use portcullis::gateway::workers::Settings;
use portcullis::policy::Answer;
use portcullis::policy::Bundle;
use portcullis::policy::Input;
use portcullis::policy::Limits;
use portcullis::policy::Machine;
use portcullis::policy::Prepared;
use portcullis::policy::example::example;
use portcullis::policy::load;
use portcullis::policy::shipped;

use crate::kit;
use crate::kit::Row;
use crate::runaway;

/// Questions in flight under load.
const TOGETHER: usize = 64;

/// Questions of one round.
const QUESTIONS: usize = 30_000;

/// Rounds; of each pair the median.
const ROUNDS: usize = 5;

/// Kinds of event that the inputs come from.
const KINDS: &[EventKind] = &[
    EventKind::Push,
    EventKind::PipelineStep,
    EventKind::PullRequestMerged,
    EventKind::BranchDeleted,
    EventKind::TagMoved,
    EventKind::RepositoryForked,
    EventKind::RepositoryUpdated,
    EventKind::MergeRequested,
];

/// A question: an input and the rules that answer its kind.
pub struct Asked {
    pub input: Arc<Input>,
    pub rules: Vec<u32>,
}

pub fn rows() -> Vec<Row> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut rows = alone();
    rows.push(sandbox());
    rows.extend(runtime.block_on(reload()));
    rows.extend(runtime.block_on(runaway::rows()));
    rows.extend(cores());
    rows
}

/// The pool's settings: workers are this program with another word.
pub fn settings(count: usize) -> Settings {
    let program = std::env::current_exe().unwrap();
    Settings { count, ..Settings::of(program) }
}

pub fn asked(bundle: &Bundle) -> Vec<Asked> {
    let one = |kind: &EventKind| {
        let document = example(*kind).unwrap();
        let rules = bundle.routed(*kind).map(|(at, _)| at as u32).collect();
        Asked { input: Arc::new(document.page(&bundle.wanted(*kind))), rules }
    };
    KINDS.iter().map(one).collect()
}

fn answer(machine: &mut Machine, asked: &Asked) -> Vec<Answer> {
    let prepared = Prepared::new(asked.input.json()).unwrap();
    asked.rules.iter().map(|rule| machine.ask(*rule as usize, &prepared)).collect()
}

/// In this process, without a sandbox: one decision, JSON in and findings out.
fn alone() -> Vec<Row> {
    let loaded = load(&shipped::files()).unwrap();
    let mut machine = Machine::new(&loaded, Limits::default()).unwrap();
    let questions = asked(loaded.bundle());
    let bytes: usize = questions.iter().map(|one| one.input.json().len()).sum();
    let mut took = Vec::new();
    for number in 0..QUESTIONS {
        let question = &questions[number % questions.len()];
        let (answers, one) = kit::timed(|| answer(&mut machine, question));
        black_box(answers);
        took.push(one);
    }
    let (p50, p99) = (kit::percentile(&mut took, 50.0), kit::percentile(&mut took, 99.0));
    let what = format!(
        "a decision of the shipped rules in process, JSON in and findings out ({} kinds, {} B on average)",
        questions.len(),
        bytes / questions.len()
    );
    vec![Row::remark("6", what, format!("p50 {p50:.1} µs, p99 {p99:.1} µs"), "")]
}

/// Asks a pool until a number of questions is answered, so many at one time.
pub async fn flood(pool: &Arc<Pool>, questions: &Arc<Vec<Asked>>, count: usize) {
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..TOGETHER {
        let (pool, questions, next) = (Arc::clone(pool), Arc::clone(questions), Arc::clone(&next));
        tasks.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return;
                }
                let one = &questions[number % questions.len()];
                let answers = pool.ask(Arc::clone(&one.input), one.rules.clone()).await;
                assert!(
                    answers.iter().all(|answer| matches!(answer, Answer::Findings(_))),
                    "{answers:?}"
                );
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

/// The hidden role of row 6: the same questions in a worker process and in this one, in turns; prints CPU µs a question.
pub fn sandbox_cost() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (inside, outside) = runtime.block_on(async {
        let loaded = load(&shipped::files()).unwrap();
        let mut machine = Machine::new(&loaded, Limits::default()).unwrap();
        let questions = Arc::new(asked(loaded.bundle()));
        let pool = Arc::new(Pool::start(settings(1), shipped::files()).await.unwrap());
        flood(&pool, &questions, QUESTIONS / 10).await;
        let (mut inside, mut outside) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let ((), alone) = kit::spent(|| {
                for number in 0..QUESTIONS {
                    black_box(answer(&mut machine, &questions[number % questions.len()]));
                }
            });
            inside.push(alone / QUESTIONS as f64);
            let before = kit::own_cpu();
            flood(&pool, &questions, QUESTIONS).await;
            let together = kit::micros(kit::own_cpu().saturating_sub(before));
            outside.push(together / QUESTIONS as f64);
        }
        (kit::median(&inside), kit::median(&outside))
    });
    println!("{inside} {outside}");
}

/// Runs this program in a hidden role on these cores; the numbers it prints.
fn in_role(cores: &str, words: &[&str]) -> Option<Vec<f64>> {
    let program = std::env::current_exe().ok()?;
    let mut command = Command::new("taskset");
    let output = command.args(["-c", cores]).arg(program).args(words).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().map(|number| number.parse().ok()).collect()
}

/// Row 6, on one core: on two that share a physical one, what runs beside slows both and would be counted as cost.
fn sandbox() -> Row {
    let told = in_role("0", &["sandbox-cost"]);
    let Some(&[inside, outside]) = told.as_deref() else {
        return Row::remark("6", "sandbox: not measured, there is no `taskset`", "", "");
    };
    Row::at_most(
        "6",
        "sandbox: evaluation in a worker process, 64 questions in flight, vs the same in process, one core: CPU",
        format!("{outside:.1} vs {inside:.1} µs CPU/question"),
        (outside / inside, "x"),
        (1.6, "≤ 1.6x"),
        (1.25, "≤ 1.25x"),
    )
}

/// Row 13: a changed folder becomes live, a hundred times, while questions are asked.
async fn reload() -> Vec<Row> {
    let folder = kit::folder("policies");
    for file in shipped::files() {
        let path = folder.path().join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, file.text).unwrap();
    }
    let source = Source::Folder(folder.path().to_owned());
    let policies = Arc::new(Policies::load(source, settings(2)).await.unwrap());
    let questions = Arc::new(asked(&policies.current().bundle));
    let mut calm =
        steady(&policies, &questions, async { tokio::time::sleep(Duration::from_secs(3)).await })
            .await;
    let mut swaps = Vec::new();
    let mut swapped = {
        let swapping = async {
            for number in 0..100 {
                let touched = folder.path().join("deploy/production_needs_approval.rego");
                let text = std::fs::read_to_string(&touched).unwrap();
                std::fs::write(&touched, format!("{}\n# {number}\n", text.trim_end())).unwrap();
                let begun = Instant::now();
                policies.reload().await.unwrap();
                swaps.push(begun.elapsed().as_secs_f64() * 1e3);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        steady(&policies, &questions, swapping).await
    };
    let (calm_most, swap_most) = (kit::most(&calm) / 1e3, kit::most(&swapped) / 1e3);
    let (calm_p99, swap_p99) =
        (kit::percentile(&mut calm, 99.0), kit::percentile(&mut swapped, 99.0));
    let live = kit::percentile(&mut swaps, 50.0);
    let slowest = kit::most(&swaps);
    vec![
        Row::at_most(
            "13",
            "hot reload: changed source to live (read, checked, compiled in a new caged worker)",
            format!("p50 {live:.1} ms, slowest {slowest:.1} ms"),
            (live, " ms"),
            (25.0, "≤ 25 ms"),
            (5.0, "≤ 5 ms"),
        ),
        Row::at_most(
            "13",
            "slowest question during 100 swaps, beyond the slowest without",
            format!("{swap_most:.2} vs {calm_most:.2} ms (p99 {swap_p99:.0} vs {calm_p99:.0} µs)"),
            ((swap_most - calm_most).max(0.0), " ms"),
            (1.0, "+1 ms"),
            (0.5, "+0.5 ms"),
        ),
    ]
}

/// Asks one question after the other until `work` is over; how long each took, µs.
async fn steady(
    policies: &Arc<Policies>,
    questions: &Arc<Vec<Asked>>,
    work: impl Future<Output = ()>,
) -> Vec<f64> {
    let over = Arc::new(AtomicBool::new(false));
    let asking = {
        let (policies, questions, over) =
            (Arc::clone(policies), Arc::clone(questions), Arc::clone(&over));
        tokio::spawn(async move {
            let mut took = Vec::new();
            let mut number = 0;
            while !over.load(Ordering::Relaxed) {
                number += 1;
                let one = &questions[number % questions.len()];
                let begun = Instant::now();
                let active = policies.current();
                let answers = active.pool.ask(Arc::clone(&one.input), one.rules.clone()).await;
                assert!(
                    answers.iter().all(|answer| matches!(answer, Answer::Findings(_))),
                    "{answers:?}"
                );
                took.push(kit::micros(begun.elapsed()));
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            took
        })
    };
    work.await;
    over.store(true, Ordering::Relaxed);
    asking.await.unwrap()
}

/// The hidden role of row 15: a pool that asks itself for some seconds and prints how many it answered a second.
pub fn self_service(workers: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .unwrap();
    let rate = runtime.block_on(async {
        let pool = Arc::new(Pool::start(settings(workers), shipped::files()).await.unwrap());
        let questions = Arc::new(asked(pool.bundle()));
        flood(&pool, &questions, QUESTIONS / 5).await;
        let ((), took) = {
            let begun = Instant::now();
            flood(&pool, &questions, QUESTIONS).await;
            ((), begun.elapsed())
        };
        QUESTIONS as f64 / took.as_secs_f64()
    });
    println!("{rate}");
}

/// The hidden role that shows what two cores give at all: machines in threads that share nothing but the bundle; prints
/// decisions a second.
pub fn threads(count: usize) {
    let loaded = load(&shipped::files()).unwrap();
    let work = || {
        let mut machine = Machine::new(&loaded, Limits::default()).unwrap();
        let questions = asked(loaded.bundle());
        for number in 0..QUESTIONS {
            black_box(answer(&mut machine, &questions[number % questions.len()]));
        }
    };
    let ((), took) = kit::timed(|| {
        std::thread::scope(|scope| {
            (0..count).for_each(|_| drop(scope.spawn(work)));
        });
    });
    println!("{}", (count * QUESTIONS) as f64 / took * 1e6);
}

/// Row 15: the pool with one core and with two, in turns; the best round of each, as others use the machine too.
fn cores() -> Vec<Row> {
    let mut best = [0.0_f64; 4];
    for _ in 0..ROUNDS {
        let rates = [
            in_role("0", &["self-service", "1"]),
            in_role("0,1", &["self-service", "2"]),
            in_role("0", &["threads", "1"]),
            in_role("0,1", &["threads", "2"]),
        ];
        for (best, rate) in best.iter_mut().zip(rates) {
            let Some(&[rate]) = rate.as_deref() else {
                let what =
                    "two cores vs one: not measured, there is no `taskset` or no second core";
                return vec![Row::remark("15", what, "", "")];
            };
            *best = best.max(rate);
        }
    }
    let [one, two, thread, threads] = best;
    vec![
        Row::at_least(
            "15",
            "decisions/s of a pool on two cores (two workers) vs on one, best rounds",
            format!("{two:.0} vs {one:.0} /s"),
            (two / one, "x"),
            (1.7, "≥ 1.7x"),
            (1.9, "≥ 1.9x"),
        ),
        Row::remark(
            "15",
            "what these two cores give two threads that share nothing",
            format!("{threads:.0} vs {thread:.0} /s"),
            format!("{:.2}x", threads / thread),
        ),
    ]
}
