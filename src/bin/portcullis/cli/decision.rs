//! `portcullis decision …`: the record of what was decided, searched and followed.

use clap::Args;
use clap::Subcommand;

use crate::cli::ReadReach;

/// Which decisions. What is left out does not matter.
#[derive(Debug, Default, PartialEq, Eq, Args)]
pub struct DecisionFilter {
    /// Made at or after: RFC 3339, or how long ago, such as `2h`.
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// With this verdict: allow, alert, approve or block.
    #[arg(long)]
    pub verdict: Option<String>,
    /// With this effect: proceed, wait or stop.
    #[arg(long)]
    pub effect: Option<String>,
    /// In which this rule, or one of this area, matched or could not tell.
    #[arg(long, value_name = "RULE|AREA")]
    pub rule: Option<String>,
    /// About this repository: an id, or `repository:NAME`.
    #[arg(long, value_name = "ID|repository:NAME")]
    pub repository: Option<String>,
    /// In which the rights of this identity were used: an id, or `user:NAME`.
    #[arg(long, value_name = "ID|user:NAME")]
    pub person: Option<String>,
    /// About something of this kind, such as `push`.
    #[arg(long)]
    pub kind: Option<String>,
    /// Of this connection.
    #[arg(long)]
    pub connection: Option<String>,
    /// That no rule answers.
    #[arg(long)]
    pub uncovered: bool,
    /// Whose effect is milder than the verdict because of this: shadow, waiver or pause.
    #[arg(long, value_name = "shadow|waiver|pause")]
    pub softened: Option<String>,
}

/// Which part of what fits is shown.
#[derive(Debug, Args)]
pub struct DecisionPage {
    /// Made before: RFC 3339, or how long ago.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Older than the page before: the `next` it ended with.
    #[arg(long, value_name = "NEXT")]
    pub before: Option<u64>,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
}

/// `portcullis decision …`
#[derive(Debug, Subcommand)]
pub enum Decision {
    /// Decisions, newest first.
    List {
        /// Which.
        #[command(flatten)]
        filter: DecisionFilter,
        /// How many.
        #[command(flatten)]
        page: DecisionPage,
        /// Where.
        #[command(flatten)]
        reach: ReadReach,
    },
    /// One decision with its whole story: rule, reason, proof, controls.
    Show {
        /// Its id.
        id: String,
        /// As Markdown, for a ticket or a comment.
        #[arg(long)]
        markdown: bool,
        /// Where.
        #[command(flatten)]
        reach: ReadReach,
    },
    /// Decisions as they are made, until Ctrl-C. Goes on where it was when the gateway comes back.
    Watch {
        /// Which. With --since it begins there, else with the next one.
        #[command(flatten)]
        filter: DecisionFilter,
        /// End after so many.
        #[arg(long, value_name = "N")]
        count: Option<u64>,
        /// Where.
        #[command(flatten)]
        reach: ReadReach,
    },
}
