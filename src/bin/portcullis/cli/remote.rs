//! Commands that ask or change a gateway, or look at its store: how to reach it, and what each takes.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::Subcommand;
use portcullis::graph::Time;

use crate::cli::Format;
use crate::cli::duration;

/// Where a gateway is, and what opens it.
#[derive(Clone, Debug, Args)]
pub struct Gate {
    /// The gateway's operator address.
    #[arg(
        long,
        value_name = "URL",
        env = "PORTCULLIS_OPERATOR_URL",
        default_value = "http://127.0.0.1:8081"
    )]
    pub gateway: String,
    /// The folder of the gateway's operator token, if `PORTCULLIS_OPERATOR_TOKEN` is not set.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub data: PathBuf,
}

/// How to reach a gateway, or its store beside it.
#[derive(Debug, Args)]
pub struct Reach {
    /// Where it is.
    #[command(flatten)]
    pub gate: Gate,
    /// How the answer looks.
    #[arg(
        long,
        value_enum,
        value_name = "text|json",
        default_value_t,
        hide_possible_values = true
    )]
    pub format: Format,
}

/// A [`Reach`] for commands that only read: they may open the store themselves.
#[derive(Debug, Args)]
pub struct ReadReach {
    /// The gateway.
    #[command(flatten)]
    pub reach: Reach,
    /// Open this store read-only instead, also beside a running gateway.
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,
}

/// `portcullis notify …`
#[derive(Debug, Subcommand)]
pub enum NotifyCommand {
    /// Channels, what waits for each, and why.
    List {
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Send a test message to a channel, and say whether it arrived.
    Test {
        /// The channel's id.
        channel: String,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
}

/// `portcullis ticket …`
#[derive(Debug, Subcommand)]
pub enum Ticket {
    /// Tickets, newest first.
    List {
        /// Only those in this state.
        #[arg(long)]
        state: Option<String>,
        /// Where.
        #[command(flatten)]
        reach: ReadReach,
    },
    /// One ticket.
    Show {
        /// Its id.
        id: String,
        /// Where.
        #[command(flatten)]
        reach: ReadReach,
    },
    /// Approve it. The person is the operator's session, and the record says so.
    Approve(TicketVote),
    /// Refuse it.
    Deny(TicketVote),
}

/// A vote.
#[derive(Debug, Args)]
pub struct TicketVote {
    /// The ticket's id.
    pub id: String,
    /// Why.
    #[arg(long, default_value = "")]
    pub reason: String,
    /// Where.
    #[command(flatten)]
    pub reach: Reach,
}

/// `portcullis dead-letter …`
#[derive(Debug, Subcommand)]
pub enum DeadLetter {
    /// Bodies that could not be read, each with the reason.
    List {
        /// Where.
        #[command(flatten)]
        reach: ReadReach,
    },
    /// Read one again, after an upgrade for instance.
    Replay {
        /// Its delivery id.
        id: String,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
}

/// `portcullis token …`
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a service token. It is shown once and kept as a hash.
    Create {
        /// What it is for.
        #[arg(long)]
        name: String,
        /// The connection it speaks for.
        #[arg(long)]
        connection: String,
        /// Repositories it may ask about, with `*` for any run of characters, or an id; none: all of the connection.
        #[arg(long, value_name = "PROJECT/SLUG")]
        repository: Vec<String>,
        /// Actions it may ask about; none: all.
        #[arg(long)]
        action: Vec<String>,
        /// Environments it may name, so that the token proves them; none: it proves none.
        #[arg(long, value_name = "NAME")]
        environment: Vec<String>,
        /// What it opens: `check`, `authzen` (evaluations), `authzen-search` (searches, which tell who may do what).
        #[arg(
            long = "door",
            alias = "doors",
            value_name = "DOOR",
            value_delimiter = ',',
            default_value = "check"
        )]
        doors: Vec<String>,
        /// How long it is good for.
        #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "90d")]
        expires_in: Duration,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Every token, without its secret.
    List {
        /// Where.
        #[command(flatten)]
        reach: ReadReach,
    },
    /// End one.
    Revoke {
        /// Its id.
        id: String,
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
}

/// `portcullis ledger …`
#[derive(Debug, Subcommand)]
pub enum Ledger {
    /// Check the whole ledger of a store.
    Verify {
        /// The store.
        #[arg(long, value_name = "URL", default_value = "sqlite:portcullis.db")]
        store: String,
        /// An earlier checkpoint: without one a cut tail cannot be seen.
        #[arg(long, value_name = "FILE")]
        since: Option<PathBuf>,
        /// Add up what the record says was asked of Bitbucket.
        #[arg(long)]
        outbound: bool,
        /// Of those calls, only the ones told from then on, as in 2026-11-30T08:00:00Z.
        #[arg(long, value_name = "TIME", requires = "outbound")]
        from: Option<Time>,
        /// Of those calls, only the ones told until then.
        #[arg(long, value_name = "TIME", requires = "outbound")]
        until: Option<Time>,
        /// How the answer looks.
        #[arg(
            long,
            value_enum,
            value_name = "text|json",
            default_value_t,
            hide_possible_values = true
        )]
        format: Format,
    },
    /// Write the ledger as files that `portcullis-verify` checks.
    Export {
        /// An empty or new folder.
        dir: PathBuf,
        /// The store.
        #[arg(long, value_name = "URL", default_value = "sqlite:portcullis.db")]
        store: String,
    },
}
