//! `portcullis access …`: reports over the graph, what it was, and a graph from elsewhere than REST.

mod import;
mod past;
mod report;

use std::process::ExitCode;

use crate::cli::Access;

pub use report::identities;

/// Runs the command.
pub async fn run(command: Access) -> ExitCode {
    match command {
        Access::Report(report) => report::run(report).await,
        Access::Diff(question) => past::diff(question).await,
        Access::Since(question) => past::since(question).await,
        Access::Import(import) => import::run(import).await,
    }
}
