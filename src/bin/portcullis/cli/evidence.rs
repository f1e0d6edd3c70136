//! `portcullis evidence …`: what people bring because no API tells it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::Subcommand;
use clap::ValueEnum;

use crate::cli::Reach;
use crate::cli::duration;

/// What importing needs to be told.
const IMPORT: &str = "\
A file is read whole or not at all: one row that cannot be understood refuses it, by its number.
Kept are what it says, its SHA-256, its size and name, when it was true and who brought it; the
file itself stays with you.

  portcullis evidence import --kind user-directory users.csv --dry-run
  portcullis evidence import --kind joiners-leavers leavers.csv --map left=Austritt --map email=E-Mail-Adresse
  portcullis evidence import --kind second-factor-policy 2sv.png --shows enforced
  portcullis evidence import --kind classification classes.yaml";

/// `portcullis evidence …`
#[derive(Debug, Subcommand)]
pub enum Evidence {
    /// Bring a file: second factors and logins, joiners and leavers, a policy, classifications.
    Import(Box<EvidenceImport>),
    /// Every piece, and until when it counts.
    List {
        /// Only of this connection.
        #[arg(long, value_name = "ID")]
        connection: Option<String>,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// One piece, and what follows from it now.
    Show {
        /// Its id.
        id: String,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Take a piece back: what it says is forgotten, and unknown from then on.
    Withdraw {
        /// Its id.
        id: String,
        /// Why, for the record.
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
}

/// `portcullis evidence import`
#[derive(Debug, Args)]
#[command(after_help = IMPORT)]
pub struct EvidenceImport {
    /// The file.
    pub file: PathBuf,
    /// What it is.
    #[arg(long, value_enum, value_name = "KIND")]
    pub kind: EvidenceKind,
    /// The connection it is about. May be left out where there is only one.
    #[arg(long, value_name = "ID")]
    pub connection: Option<String>,
    /// When it was true, such as 2026-11-21T18:05:00Z; absent: when the file was last written.
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// Until when it counts; absent: 31d after that for joiners and leavers, 90d for a user directory, 365d for the others.
    #[arg(long, value_name = "TIME", conflicts_with = "lasts")]
    pub until: Option<String>,
    /// For how long it counts after it was true, such as 30d.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub lasts: Option<Duration>,
    /// It speaks of everybody: whoever it leaves out is left out on purpose.
    #[arg(long, conflicts_with = "part")]
    pub whole: bool,
    /// It says nothing of whom it leaves out.
    #[arg(long)]
    pub part: bool,
    /// What the file calls a column or a word of ours, such as "Has 2SV=Zwei-Schritt" or yes=ja.
    #[arg(long, value_name = "OURS=THEIRS")]
    pub map: Vec<String>,
    /// What a picture shows.
    #[arg(long, value_enum, value_name = "enforced|not-enforced", hide_possible_values = true)]
    pub shows: Option<Shows>,
    /// Why, for the record.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
    /// Only tell what would be understood: nothing is kept.
    #[arg(long)]
    pub dry_run: bool,
    /// Where.
    #[command(flatten)]
    pub reach: Reach,
}

/// What a file is.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum EvidenceKind {
    /// People with "Has 2SV" and their last login: Bitbucket Cloud's user directory, as CSV.
    UserDirectory,
    /// A picture of the page that demands a second factor.
    SecondFactorPolicy,
    /// Who joined and who left: CSV, or users of SCIM as JSON.
    JoinersLeavers,
    /// How repositories are classified: CSV, JSON or YAML.
    Classification,
}

impl EvidenceKind {
    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UserDirectory => "user-directory",
            Self::SecondFactorPolicy => "second-factor-policy",
            Self::JoinersLeavers => "joiners-leavers",
            Self::Classification => "classification",
        }
    }
}

/// What a picture shows.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Shows {
    /// A second factor is demanded of everybody.
    Enforced,
    /// It is not.
    NotEnforced,
}

impl Shows {
    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforced => "enforced",
            Self::NotEnforced => "not-enforced",
        }
    }
}
