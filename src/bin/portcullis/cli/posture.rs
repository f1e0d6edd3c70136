//! What can be found at all, and what was found as one file.

use std::path::PathBuf;

use clap::Args;
use clap::ValueEnum;
use portcullis::graph::Time;

use crate::cli::FindingReach;

/// How the catalogue looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Default)]
pub enum CatalogueFormat {
    /// For people.
    #[default]
    #[value(alias = "text")]
    Table,
    /// For programs.
    Json,
    /// As a page.
    Markdown,
    /// What came, changed and went, as a feed.
    Atom,
    /// The same as JSON Feed.
    JsonFeed,
    /// The history that the feeds are made of, with an edition of today's rules.
    History,
}

/// `portcullis findings catalogue`
#[derive(Debug, Args)]
pub struct FindingCatalogue {
    /// Folder of rules. Default: the shipped rules. The feeds tell of shipped rules alone.
    #[arg(long, value_name = "DIR")]
    pub policies: Option<PathBuf>,
    /// How it looks.
    #[arg(
        long,
        value_enum,
        value_name = "table|json|markdown|atom|json-feed|history",
        default_value_t,
        hide_possible_values = true
    )]
    pub format: CatalogueFormat,
    /// With `--format history`: the day under which today's rules are told, such as `2026-11-30`.
    #[arg(long, value_name = "DAY", value_parser = day, required_if_eq("format", "history"))]
    pub edition: Option<Time>,
}

/// `portcullis findings report`
#[derive(Debug, Args)]
pub struct FindingReport {
    /// The file; never over an existing one.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Where.
    #[command(flatten)]
    pub at: FindingReach,
}

/// The beginning of a day, UTC.
fn day(text: &str) -> Result<Time, String> {
    let is_day = text.len() == "2026-11-30".len();
    let read = is_day.then(|| format!("{text}T00:00:00Z").parse().ok()).flatten();
    read.ok_or_else(|| format!("`{text}` is not a day: write it like `2026-11-30`"))
}
