//! Row 21: checks whose rules read the pipeline and the step, while Bitbucket takes 120 ms for each answer.

use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use portcullis::simulator::faults::Fault;

use crate::kit;
use crate::kit::Row;
use crate::load;
use crate::town::Town;

/// How long Bitbucket takes.
const ANSWER: Duration = Duration::from_millis(120);

/// What is asked of a repository's pipelines.
const READS: &str = "/2.0/repositories/";

/// Asks a gate, a step after the other: once when nothing of the step is known, and once more.
pub async fn rows(town: &Town, gate: SocketAddr) -> Vec<Row> {
    // Tokens, keys and connections are there before.
    ask(gate, &town.check_of(0, "WARM")).await;
    quiet(town).await;
    town.simulator.lay_fault(READS, Fault::Delay(ANSWER), None);
    let reads = || town.simulator.count_calls("GET", READS);
    let steps = 1..town.tokens.len();
    let (mut first, mut again) = (Vec::new(), Vec::new());
    let (mut first_calls, mut again_calls) = (0, 0);
    for step in steps.clone() {
        let before = reads();
        first.push(ask(gate, &town.check_of(step, "SLOW")).await);
        let between = reads();
        again.push(ask(gate, &town.check_of(step, "AGAIN")).await);
        first_calls += between - before;
        again_calls += reads() - between;
    }
    town.simulator.clear_faults();
    let usual = kit::median(&again);
    let trip = ANSWER.as_secs_f64() * 1e3;
    let mut added: Vec<f64> = first.iter().map(|took| took - usual - trip).collect();
    let (p50, most) = (kit::percentile(&mut added, 50.0), kit::most(&added));
    let calls = first_calls as f64 / steps.len() as f64;
    vec![
        Row::at_most(
            "21",
            "a check whose rules read pipeline and step, Bitbucket answering in 120 ms: p50 added beyond that one round trip",
            format!(
                "{} checks, slowest {most:.1} ms (must of p99: 20); the same step again {usual:.1} ms",
                steps.len()
            ),
            (p50, " ms"),
            (5.0, "≤ 5 ms"),
            (0.0, "no call"),
        ),
        Row::at_most(
            "21",
            "calls to Bitbucket for such a check",
            format!("{first_calls} of {} checks", steps.len()),
            (calls, ""),
            (2.0, "≤ 2"),
            (0.0, "0"),
        ),
        Row::at_most(
            "21",
            "calls for a second check of the same step",
            format!("{again_calls} of {} checks", steps.len()),
            (again_calls as f64, ""),
            (0.0, "0"),
            (0.0, "0"),
        ),
    ]
}

/// Waits until the gate's own reading at its start is over: its calls are no check's.
async fn quiet(town: &Town) {
    let mut calls = 0;
    while calls != town.simulator.calls().len() {
        calls = town.simulator.calls().len();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Milliseconds until the answer.
async fn ask(gate: SocketAddr, request: &[u8]) -> f64 {
    let begun = Instant::now();
    let (status, _) = load::once(gate, request).await;
    assert_eq!(status, 200, "a check was not answered");
    begun.elapsed().as_secs_f64() * 1e3
}
