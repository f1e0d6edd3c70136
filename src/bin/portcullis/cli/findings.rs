//! What is wrong when nothing happens: lists, stories, and what people say of a finding.

use std::path::PathBuf;

use clap::Args;
use clap::Subcommand;
use clap::ValueEnum;
use portcullis::policy::bundle::Severity;
use portcullis::posture::Outcome;
use portcullis::posture::State;

use crate::cli::FindingCatalogue;
use crate::cli::FindingReport;
use crate::cli::Gate;
use crate::cli::Reach;

/// Most findings of one list: beyond it a list is no list any more.
pub const MAX_LISTED: u32 = 100_000;

/// `portcullis findings …`
#[derive(Debug, Subcommand)]
pub enum Findings {
    /// Findings, worst first.
    List(FindingList),
    /// One finding in a few lines.
    Show(FindingOne),
    /// The whole story of one finding: why, by which facts, what cannot be seen, how to remedy it, how it came to be.
    Explain(FindingOne),
    /// Say that somebody has seen a finding.
    Acknowledge(FindingAcknowledge),
    /// Live with a finding, because of something and until some time.
    Accept(FindingAccept),
    /// Write every finding that is wished for into a file.
    Export(FindingExport),
    /// Write one page to keep: what is wrong, what nobody knows, what to do first.
    Report(FindingReport),
    /// Everything that can be found, and what came, changed and went. Offline.
    Catalogue(FindingCatalogue),
}

/// How findings look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Default)]
pub enum FindingFormat {
    /// For people.
    #[default]
    #[value(alias = "text")]
    Table,
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
}

/// Where findings come from.
#[derive(Debug, Args)]
pub struct FindingReach {
    /// Look at this world file instead, offline: everything in it is new.
    #[arg(long, value_name = "FILE")]
    pub world: Option<PathBuf>,
    /// With `--world`: a folder of rules. Default: the shipped rules.
    #[arg(long, value_name = "DIR", requires = "world")]
    pub policies: Option<PathBuf>,
    /// The gateway.
    #[command(flatten)]
    pub gate: Gate,
}

/// Which findings.
#[derive(Debug, Args, Default)]
pub struct FindingWish {
    /// Only of this connection.
    #[arg(long, value_name = "ID")]
    pub connection: Option<String>,
    /// What the rule says now: pass, fail or unknown. Left out: fail and unknown.
    #[arg(long, value_name = "OUTCOME", value_parser = outcome)]
    pub outcome: Option<Outcome>,
    /// Only in this state: new, acknowledged, accepted, fixed, regressed.
    #[arg(long, value_name = "STATE", value_parser = state)]
    pub state: Option<State>,
    /// Only this bad or worse: critical, high, medium, low, info.
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub severity: Option<Severity>,
    /// Only of this category.
    #[arg(long, value_name = "TEXT")]
    pub category: Option<String>,
    /// Only of this rule: its id, or an id or title that others have for it.
    #[arg(long, value_name = "RULE")]
    pub rule: Option<String>,
    /// Only about this or what is in it: an id, or `kind:name` such as `project:BILL`.
    #[arg(long, value_name = "THING")]
    pub subject: Option<String>,
    /// Only whose owner has this id or name.
    #[arg(long, value_name = "WHO")]
    pub owner: Option<String>,
}

fn word<T>(text: &str, read: fn(&str) -> Option<T>, all: &[&str]) -> Result<T, String> {
    read(text).ok_or_else(|| format!("`{text}` is not one of {}", all.join(", ")))
}

fn outcome(text: &str) -> Result<Outcome, String> {
    word(text, Outcome::from_text, Outcome::TEXTS)
}

fn state(text: &str) -> Result<State, String> {
    word(text, State::from_text, State::TEXTS)
}

fn severity(text: &str) -> Result<Severity, String> {
    word(text, Severity::from_text, Severity::TEXTS)
}

/// `portcullis findings list`
#[derive(Debug, Args)]
pub struct FindingList {
    /// Which.
    #[command(flatten)]
    pub wish: FindingWish,
    /// How many at most.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_LISTED)))]
    pub limit: u32,
    /// How the answer looks.
    #[arg(
        long,
        value_enum,
        value_name = "table|json|csv",
        default_value_t,
        hide_possible_values = true
    )]
    pub format: FindingFormat,
    /// Where.
    #[command(flatten)]
    pub at: FindingReach,
}

/// `portcullis findings show` and `explain`
#[derive(Debug, Args)]
pub struct FindingOne {
    /// The finding's id: `f-` and 16 hex digits.
    pub id: String,
    /// How the answer looks.
    #[arg(
        long,
        value_enum,
        value_name = "table|json|csv",
        default_value_t,
        hide_possible_values = true
    )]
    pub format: FindingFormat,
    /// Where.
    #[command(flatten)]
    pub at: FindingReach,
}

/// `portcullis findings acknowledge`
#[derive(Debug, Args)]
pub struct FindingAcknowledge {
    /// The finding's id.
    pub id: String,
    /// What the record should know.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub because: String,
    /// Who, where the token is the operator's and names nobody.
    #[arg(long, value_name = "NAME", default_value = "")]
    pub who: String,
    /// Where.
    #[command(flatten)]
    pub reach: Reach,
}

/// `portcullis findings accept`
#[derive(Debug, Args)]
pub struct FindingAccept {
    /// The finding's id.
    pub id: String,
    /// Why. Whoever reads the record must understand it.
    #[arg(long, value_name = "TEXT")]
    pub because: String,
    /// Until when: a time, a day such as `2027-01-31`, or for how long, such as `90d`; at most 366 days.
    #[arg(long, value_name = "WHEN")]
    pub until: String,
    /// Who, where the token is the operator's and names nobody.
    #[arg(long, value_name = "NAME", default_value = "")]
    pub who: String,
    /// Where.
    #[command(flatten)]
    pub reach: Reach,
}

/// How an export looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Default)]
pub enum ExportFormat {
    /// As the API tells it.
    #[default]
    Json,
    /// For spreadsheets.
    Csv,
    /// SARIF 2.1.0, for whoever collects the results of many tools.
    Sarif,
}

/// `portcullis findings export`
#[derive(Debug, Args)]
pub struct FindingExport {
    /// Which.
    #[command(flatten)]
    pub wish: FindingWish,
    /// How it looks.
    #[arg(
        long,
        value_enum,
        value_name = "json|csv|sarif",
        default_value_t,
        hide_possible_values = true
    )]
    pub format: ExportFormat,
    /// The file; never over an existing one. Left out: standard output.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Where.
    #[command(flatten)]
    pub at: FindingReach,
}
