//! Row 16: what a runaway rule costs the others, with the shipped rules and a pool of two workers.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use portcullis::gateway::workers::Pool;
use portcullis::gateway::workers::Settings;
use portcullis::policy::Answer;
use portcullis::policy::SourceFile;
use portcullis::policy::shipped;
use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process;

use crate::evaluate::Asked;
use crate::evaluate::asked;
use crate::evaluate::flood;
use crate::evaluate::settings;
use crate::kit;
use crate::kit::Row;
use crate::load::Arrivals;

/// Rounds; of each the median of their p99.
const ROUNDS: usize = 5;

/// Row 16: a worker that does not come back. It is stopped by a signal in the middle of its work, which is what a
/// built-in looks like that nothing can interrupt; and a rule with endless loops, which its step limit ends.
pub async fn rows() -> Vec<Row> {
    let settings = settings(2);
    let deadline = settings.deadline.as_secs_f64() * 1e3;
    let single = Arc::new(
        Pool::start(Settings { count: 1, ..settings.clone() }, shipped::files()).await.unwrap(),
    );
    let questions = Arc::new(asked(single.bundle()));
    flood(&single, &questions, 100).await;
    let mut back = Vec::new();
    for _ in 0..5 {
        let worker = *workers().last().unwrap();
        hang(worker);
        let begun = Instant::now();
        let one = &questions[0];
        let answers = single.ask(Arc::clone(&one.input), one.rules.clone()).await;
        assert!(answers.iter().all(|answer| matches!(answer, Answer::Findings(_))), "{answers:?}");
        back.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    let back = kit::median(&back);
    drop(single);
    let pool = Arc::new(Pool::start(settings, shipped::files()).await.unwrap());
    flood(&pool, &questions, 2_000).await;
    // In turns, so that a machine that grows busy or calm on the way falsifies neither.
    let (mut before, mut meanwhile, mut slowest, mut lost) = (Vec::new(), Vec::new(), 0.0_f64, 0);
    for _ in 0..ROUNDS {
        let calm = async { tokio::time::sleep(Duration::from_secs(4)).await };
        before.push(kit::percentile(&mut others(&pool, &questions, calm).await, 99.0));
        let hurt = async {
            for _ in 0..4 {
                if let Some(worker) = workers().last() {
                    hang(*worker);
                    lost += 1;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let mut took = others(&pool, &questions, hurt).await;
        slowest = slowest.max(kit::most(&took));
        meanwhile.push(kit::percentile(&mut took, 99.0));
    }
    let restarts = pool.restarts();
    let (p99, hurt_p99) = (kit::median(&before), kit::median(&meanwhile));
    let mut rows = vec![
        Row::at_most(
            "16",
            format!(
                "a worker hangs (deadline {deadline:.0} ms): until the same question is answered by a new one, beyond the deadline"
            ),
            format!("{back:.0} ms in all"),
            (back - deadline, " ms"),
            (50.0, "≤ 50 ms"),
            (5.0, "≤ 5 ms"),
        ),
        Row::at_most(
            "16",
            format!(
                "others' p99 at 500/s with two workers while one hangs every second ({lost} hung, {restarts} killed)"
            ),
            format!("{hurt_p99:.0} vs {p99:.0} µs; slowest {:.0} ms", slowest / 1e3),
            (hurt_p99 / p99, "x"),
            (2.0, "≤ 2x"),
            (1.2, "≤ 1.2x"),
        ),
    ];
    drop(pool);
    rows.extend(endless(&questions).await);
    rows
}

/// The same for a rule with endless loops: the load checks let it pass, the machine's own limits end it.
async fn endless(questions: &Arc<Vec<Asked>>) -> Option<Row> {
    let mut files = shipped::files();
    files.push(SourceFile {
        path: "hostile/triple_loop.rego".to_owned(),
        text: include_str!("../tests/policies/hostile/triple_loop.rego").to_owned(),
    });
    let pool = match Pool::start(settings(2), files).await {
        Ok(pool) => Arc::new(pool),
        Err(refused) => {
            return Some(Row::remark("16", "a rule with endless loops", refused.to_string(), ""));
        }
    };
    let guilty =
        pool.bundle().rules.iter().position(|rule| rule.id.as_str().starts_with("hostile"))? as u32;
    let fine = Arc::new(asked(pool.bundle()));
    let fine: Vec<Asked> = fine
        .iter()
        .map(|one| Asked {
            input: Arc::clone(&one.input),
            rules: one.rules.iter().copied().filter(|rule| *rule != guilty).collect(),
        })
        .collect();
    let fine = Arc::new(fine);
    let mut before =
        others(&pool, &fine, async { tokio::time::sleep(Duration::from_secs(5)).await }).await;
    let mut took = Vec::new();
    let hurt = async {
        for _ in 0..5 {
            let begun = Instant::now();
            let answers = pool.ask(Arc::clone(&questions[0].input), vec![guilty]).await;
            assert!(matches!(answers.as_slice(), [Answer::Fault(_)]), "{answers:?}");
            took.push(begun.elapsed().as_secs_f64() * 1e3);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let mut meanwhile = others(&pool, &fine, hurt).await;
    let (p99, hurt_p99) =
        (kit::percentile(&mut before, 99.0), kit::percentile(&mut meanwhile, 99.0));
    Some(Row::remark(
        "16",
        "a rule with three loops of 3,000: ended by its step limit, no worker lost",
        format!(
            "ended after {:.0} ms; others' p99 {hurt_p99:.0} vs {p99:.0} µs",
            kit::median(&took)
        ),
        format!("{:.2}x", hurt_p99 / p99),
    ))
}

/// Questions at 500 a second, Poisson, until `work` is over: how long each took from the moment it was due, µs.
async fn others(
    pool: &Arc<Pool>,
    questions: &Arc<Vec<Asked>>,
    work: impl Future<Output = ()>,
) -> Vec<f64> {
    let mut arrivals = Arrivals::start(500.0);
    let (told, mut all) = tokio::sync::mpsc::unbounded_channel();
    let (pool, questions) = (Arc::clone(pool), Arc::clone(questions));
    let asking = tokio::spawn(async move {
        let mut number = 0;
        while let Some(due) = arrivals.next().await {
            number += 1;
            let (pool, questions, told) = (Arc::clone(&pool), Arc::clone(&questions), told.clone());
            tokio::spawn(async move {
                let one = &questions[number % questions.len()];
                black_box(pool.ask(Arc::clone(&one.input), one.rules.clone()).await);
                let _ = told.send(kit::micros(due.elapsed()));
            });
        }
    });
    work.await;
    asking.abort();
    let _ = asking.await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut took = Vec::new();
    while let Ok(one) = all.try_recv() {
        took.push(one);
    }
    took
}

/// The worker processes of this one, oldest first. Looked up and signalled without a program of its own, which would take
/// its time from the others.
fn workers() -> Vec<i32> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let children = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("children"));
    let told = tasks.filter_map(|task| children(task.ok()?).ok());
    let mut all: Vec<i32> = told
        .flat_map(|text| {
            text.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>()
        })
        .collect();
    all.sort_unstable();
    all
}

fn hang(pid: i32) {
    kill_process(Pid::from_raw(pid).unwrap(), Signal::STOP).unwrap();
}
