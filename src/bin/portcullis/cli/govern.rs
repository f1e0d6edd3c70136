//! Commands that change how a gate behaves: its brake, and how rules are taken.

use std::time::Duration;

use clap::Args;

use crate::cli::Reach;
use crate::cli::duration;

/// `portcullis pause`
#[derive(Debug, Args)]
pub struct Pause {
    /// For how long, such as `30m`; it ends by itself. The longest is `[pause] longest`.
    #[arg(
        long = "for",
        value_name = "DURATION",
        value_parser = duration,
        required_unless_present_any = ["confirm", "status"]
    )]
    pub length: Option<Duration>,
    /// Why. Whoever reads the record must understand it.
    #[arg(long, value_name = "TEXT", required_unless_present_any = ["confirm", "status"])]
    pub reason: Option<String>,
    /// Agree, as the second person, to the pause of this id.
    #[arg(long, value_name = "ID", conflicts_with_all = ["length", "reason", "status"])]
    pub confirm: Option<String>,
    /// Only show whether the gate is paused.
    #[arg(long, conflicts_with_all = ["length", "reason"])]
    pub status: bool,
    /// Where.
    #[command(flatten)]
    pub reach: Reach,
}

/// `portcullis resume`
#[derive(Debug, Args)]
pub struct Resume {
    /// What the record should know.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
    /// Where.
    #[command(flatten)]
    pub reach: Reach,
}

/// `portcullis policy promote`
#[derive(Debug, Args)]
pub struct Promote {
    /// A rule's id, an area such as `deploy`, or `*`.
    #[arg(value_name = "RULE|AREA")]
    pub rules: String,
    /// The connection, which may be left out where there is only one; and `class:confidential`: only repositories that
    /// evidence classifies so.
    #[arg(long, value_name = "CONNECTION|class:CLASS")]
    pub scope: Vec<String>,
    /// Look at the decisions of this time.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "7d")]
    pub window: Duration,
    /// Show at most so many of them.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub limit: u32,
    /// Begin after so many.
    #[arg(long, default_value_t = 0)]
    pub skip: u32,
    /// Enforce the rules after showing it.
    #[arg(long)]
    pub yes: bool,
    /// Why, for the record.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
    /// Where.
    #[command(flatten)]
    pub reach: Reach,
}

/// `portcullis policy demote`
#[derive(Debug, Args)]
pub struct Demote {
    /// A rule's id, an area such as `deploy`, or `*`.
    #[arg(value_name = "RULE|AREA")]
    pub rules: String,
    /// The connection, which may be left out where there is only one; and `class:confidential`: only repositories that
    /// evidence classifies so.
    #[arg(long, value_name = "CONNECTION|class:CLASS")]
    pub scope: Vec<String>,
    /// Why, for the record.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
    /// Where.
    #[command(flatten)]
    pub reach: Reach,
}
