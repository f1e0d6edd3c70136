//! Questions about access: where they are answered, and what each takes.

use std::path::PathBuf;

use clap::Args;
use clap::Subcommand;
use clap::ValueEnum;

use crate::cli::AccessImport;
use crate::cli::Diff;
use crate::cli::Gate;
use crate::cli::Since;
use crate::cli::When;

/// What can be asked of a resource, for the help of every question.
const ACTIONS: &str = "\
Actions:
  read write create admin owner     at least this level, on a repository, project or workspace
  push merge merge-unreviewed       on a ref: acme/billing@main, acme/billing@refs/tags/v1
  edit-pipeline                     of a repository: acme/billing
  deploy                            to an environment: environment:acme/billing:production
  read-secret                       of a variable: variable:acme/billing:KEY, variable:acme:KEY (workspace)
  run-on                            a runner: runner:NAME
  change-controls                   of a repository, project or workspace

A resource is an id, `kind:name`, or one of the forms above. What is unknown is said, never guessed.";

/// How an answer looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Default)]
pub enum GraphFormat {
    /// For people.
    #[default]
    #[value(alias = "text")]
    Table,
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
}

/// Where questions to the graph are answered.
#[derive(Debug, Args)]
pub struct GraphReach {
    /// Answer from this world file, offline.
    #[arg(long, value_name = "FILE")]
    pub world: Option<PathBuf>,
    /// As if this edge were not there: `FROM WORD TO`, such as `user:mia member group:ops`.
    #[arg(long, value_name = "EDGE")]
    pub without: Option<String>,
    /// When.
    #[command(flatten)]
    pub when: When,
    /// The gateway.
    #[command(flatten)]
    pub gate: Gate,
}

/// How the answer to a question looks.
#[derive(Debug, Args)]
pub struct Looks {
    /// How the answer looks.
    #[arg(
        long,
        value_enum,
        value_name = "table|json|csv",
        default_value_t,
        hide_possible_values = true
    )]
    pub format: GraphFormat,
}

/// `portcullis who-can`
#[derive(Debug, Args)]
#[command(after_help = ACTIONS)]
pub struct WhoCan {
    /// A level or a deed; see below.
    pub action: String,
    /// The resource; see below.
    pub resource: String,
    /// Where.
    #[command(flatten)]
    pub at: GraphReach,
    /// How.
    #[command(flatten)]
    pub looks: Looks,
}

/// `portcullis can`
#[derive(Debug, Args)]
#[command(after_help = ACTIONS)]
pub struct Can {
    /// The identity: an id, or `user:NAME`.
    pub identity: String,
    /// A level or a deed; see below.
    pub action: String,
    /// The resource; see below.
    pub resource: String,
    /// Where.
    #[command(flatten)]
    pub at: GraphReach,
    /// How.
    #[command(flatten)]
    pub looks: Looks,
}

/// `portcullis paths`
#[derive(Debug, Args)]
pub struct Paths {
    /// The identity: an id, or `user:NAME`.
    pub identity: String,
    /// A repository, project, workspace, ref, environment, variable or runner.
    pub resource: String,
    /// Where.
    #[command(flatten)]
    pub at: GraphReach,
    /// How.
    #[command(flatten)]
    pub looks: Looks,
}

/// `portcullis identities`
#[derive(Debug, Args)]
pub struct Identities {
    /// Only of this kind: app, token, key, runner, hook, agent, credential, service-account.
    #[arg(long, value_name = "KIND", value_parser = kind)]
    pub kind: Option<String>,
    /// Only those whose owner nothing names.
    #[arg(long)]
    pub unowned: bool,
    /// Only those not used for so many days; those whose last use is unknown are listed apart.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(0..=36_500))]
    pub unused: Option<u64>,
    /// Only those that end, or are due for rotation, within so many days.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(0..=36_500))]
    pub expiring: Option<u64>,
    /// Keys, tokens and credentials without an end are due so many days after they were made.
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=36_500))]
    pub rotate: u64,
    /// Where.
    #[command(flatten)]
    pub at: GraphReach,
    /// How.
    #[command(flatten)]
    pub looks: Looks,
}

fn kind(text: &str) -> Result<String, String> {
    let kinds = portcullis::gateway::access::KINDS;
    let known = kinds.contains(&text).then(|| text.to_owned());
    known.ok_or_else(|| format!("`{text}` is not a kind: use one of {}", kinds.join(", ")))
}

/// `portcullis access …`
#[derive(Debug, Subcommand)]
pub enum Access {
    /// A report over the whole graph, a page of one thing, or all of it as a world file.
    Report(Report),
    /// What access came and went between two times, and what did it.
    Diff(Diff),
    /// Since when an identity could do something to a resource, and what made it so.
    Since(Since),
    /// Make a world file from Data Center's database or from a CSV of permissions. Offline.
    Import(AccessImport),
}

/// How a report looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Default)]
pub enum ReportFormat {
    /// For people.
    #[default]
    #[value(alias = "text")]
    Table,
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
    /// Everything that is known, as a world file.
    World,
    /// Pages that load nothing: one with --of, else one for each repository and identity in --out.
    Html,
}

/// What reports there are.
const REPORTS: &str = "\
Reports:
  global         who holds what on the whole workspace or server
  projects       project permissions, groups resolved to who is in them; personal projects left out
  repositories   repository permissions, also of repositories without any of their own
  defaults       each project's default permission, \"No Access\" where it has none (Data Center)
  visibility     which projects are public, and to whom that opens them
  layout         which repository is in which project
  branch-rules   branch rules, where they apply, and whom they let through
  users          users and their permissions, in the shape of Data Center's own CSV export (8.5 and later)";

/// `portcullis access report`
#[derive(Debug, Args)]
#[command(after_help = REPORTS)]
pub struct Report {
    /// Which report; see below.
    #[arg(value_name = "REPORT", default_value = "global")]
    pub about: String,
    /// How it looks.
    #[arg(
        long,
        value_enum,
        value_name = "table|json|csv|world|html",
        default_value_t,
        hide_possible_values = true
    )]
    pub format: ReportFormat,
    /// With `--format html`: the page of this repository or identity alone, on standard output.
    #[arg(long, value_name = "THING", conflicts_with = "out")]
    pub of: Option<String>,
    /// With `--format html`: write a page for each repository and identity into this folder.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Which connection of the gateway, for `--format world` and `--out`.
    #[arg(long, value_name = "ID")]
    pub connection: Option<String>,
    /// Where the pages of a Data Center are, so that rows from a world file lead there.
    #[arg(long, value_name = "URL", requires = "world")]
    pub base_url: Option<String>,
    /// Where.
    #[command(flatten)]
    pub at: GraphReach,
}
