//! `cargo bench`: the rows of the performance goals as ratios, measured in one run and printed as one table.
//!
//! `cargo bench -- road evaluate graph ledger` runs only what is named, and `estate` only when it is. A server that is
//! measured is a process of its own; this program is then the load, and the simulated Bitbucket. What is compared is
//! measured in turns within one run, and the figure to steer by is CPU time per request over all processes of the
//! program: foreign load hardly moves it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::too_many_lines,
    missing_docs,
    reason = "a bench that cannot go on stops, and figures are rounded for reading"
)]

mod base;
mod cold;
mod estate;
mod evaluate;
mod gate;
mod graph;
mod kit;
mod ledger;
mod load;
mod posture;
mod road;
mod runaway;
mod slow;
mod town;

use std::process::ExitCode;

use portcullis::gateway::workers::child;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["worker"] => return child::serve(),
        [kind @ (base::BARE | base::BASE), secret] => {
            base::serve(kind, secret);
            return ExitCode::SUCCESS;
        }
        ["gate", order] => {
            gate::serve(order);
            return ExitCode::SUCCESS;
        }
        ["graph-memory"] => {
            graph::memory(graph::Edges::Drawn);
            return ExitCode::SUCCESS;
        }
        ["graph-memory-bare"] => {
            graph::memory(graph::Edges::None);
            return ExitCode::SUCCESS;
        }
        ["sandbox-cost"] => {
            evaluate::sandbox_cost();
            return ExitCode::SUCCESS;
        }
        ["threads", count] => {
            evaluate::threads(count.parse().unwrap());
            return ExitCode::SUCCESS;
        }
        ["self-service", workers] => {
            evaluate::self_service(workers.parse().unwrap());
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    if let ["only", course] = words.as_slice() {
        road::rows(Some(course));
        return ExitCode::SUCCESS;
    }
    let wanted = |name: &str| words.is_empty() || words.contains(&name);
    let mut rows = Vec::new();
    if wanted("road") {
        rows.extend(road::rows(None));
    }
    if wanted("evaluate") {
        rows.extend(evaluate::rows());
    }
    if wanted("graph") {
        rows.extend(graph::rows());
    }
    if wanted("ledger") {
        rows.extend(ledger::rows());
    }
    if wanted("posture") {
        rows.extend(posture::rows());
    }
    // A whole estate takes minutes by itself: only when it is named.
    if words.contains(&"estate") {
        rows.extend(estate::rows());
    }
    rows.sort_by_key(|row| row.number.parse::<u32>().unwrap_or(u32::MAX));
    println!("\n{}", kit::table(&rows));
    ExitCode::SUCCESS
}
