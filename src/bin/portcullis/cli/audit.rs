//! `portcullis audit …`: what each takes.

use std::path::PathBuf;

use clap::Args;
use clap::Subcommand;

use crate::cli::Gate;
use crate::cli::Looks;
use crate::cli::Reach;

/// What an import needs to be told.
const IMPORT: &str = "\
The file holds one JSON object a line: for Data Center a file of `<home>/log/audit`, for Cloud events
of the organisation's API. What is no permission, rule, key, webhook, app or setting is counted and
let go; a line that is known already, also from REST, is not kept twice.

  portcullis audit import 20261130.00000.audit.log --connection acme-dc";

/// `portcullis audit …`
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Lines of audit logs and changes that readings found, and which explains which.
    List(AuditList),
    /// Take the lines of a file.
    Import(AuditImport),
}

/// `portcullis audit list`
#[derive(Debug, Args)]
pub struct AuditList {
    /// Only of this connection.
    #[arg(long, value_name = "ID")]
    pub connection: Option<String>,
    /// Only lines that explain no change, and changes that no line explains.
    #[arg(long)]
    pub unmatched: bool,
    /// Only from then on: a day, a minute, or RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Only before then.
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// Where it is.
    #[command(flatten)]
    pub gate: Gate,
    /// Open this store read-only instead, also beside a running gateway.
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,
    /// How the answer looks.
    #[command(flatten)]
    pub looks: Looks,
}

/// `portcullis audit import`
#[derive(Debug, Args)]
#[command(after_help = IMPORT)]
pub struct AuditImport {
    /// The file.
    pub file: PathBuf,
    /// The connection whose log it is.
    #[arg(long, value_name = "ID")]
    pub connection: String,
    /// What the record should know.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
    /// Where.
    #[command(flatten)]
    pub reach: Reach,
}
