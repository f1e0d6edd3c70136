//! The command line, as the contract names it. Each command's own file says what it does.

mod access;
mod audit;
mod decision;
mod evidence;
mod findings;
mod govern;
mod history;
mod import;
mod keep;
mod posture;
mod remote;
mod tie;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::Parser;
use clap::Subcommand;
use clap::ValueEnum;
use clap_complete::Shell;

pub use access::Access;
pub use access::Can;
pub use access::GraphFormat;
pub use access::GraphReach;
pub use access::Identities;
pub use access::Looks;
pub use access::Paths;
pub use access::Report;
pub use access::ReportFormat;
pub use access::WhoCan;
pub use audit::Audit;
pub use audit::AuditImport;
pub use audit::AuditList;
pub use decision::Decision;
pub use decision::DecisionFilter;
pub use decision::DecisionPage;
pub use evidence::Evidence;
pub use evidence::EvidenceImport;
pub use evidence::Shows;
pub use findings::ExportFormat;
pub use findings::FindingAccept;
pub use findings::FindingAcknowledge;
pub use findings::FindingExport;
pub use findings::FindingFormat;
pub use findings::FindingList;
pub use findings::FindingOne;
pub use findings::FindingReach;
pub use findings::FindingWish;
pub use findings::Findings;
pub use findings::MAX_LISTED;
pub use govern::Demote;
pub use govern::Pause;
pub use govern::Promote;
pub use govern::Resume;
pub use history::Diff;
pub use history::Place;
pub use history::Since;
pub use history::When;
pub use import::AccessImport;
pub use keep::StoreAt;
pub use keep::StoreCommand;
pub use posture::CatalogueFormat;
pub use posture::FindingCatalogue;
pub use posture::FindingReport;
pub use remote::DeadLetter;
pub use remote::Gate;
pub use remote::Ledger;
pub use remote::NotifyCommand;
pub use remote::Reach;
pub use remote::ReadReach;
pub use remote::Ticket;
pub use remote::TicketVote;
pub use remote::Token;
pub use tie::AuditFlags;
pub use tie::AuditKind;
pub use tie::Connect;
pub use tie::CredentialFlags;
pub use tie::CredentialKind;
pub use tie::Disconnect;
pub use tie::Doctor;
pub use tie::Profile;
pub use tie::Sync;

/// What a newcomer types first.
const START: &str = "\
Start here:
  portcullis demo              a made-up company in one minute, no account, no network
  portcullis config init       a commented configuration file for `portcullis serve`
  portcullis policy test       the shipped rules and their tests

Commands that ask a running gateway take its address from PORTCULLIS_OPERATOR_URL and its token from
PORTCULLIS_OPERATOR_TOKEN or the `operator-token` file in --data.
Exit codes: 0 done, 1 the answer is no or something failed, 2 wrong usage or configuration; `check` has its own.";

/// What `check` reads beside its flags, and what it ends with.
const CHECK: &str = "\
Environment:
  PORTCULLIS_URL               the gate's address, such as https://gate.example.com
  BITBUCKET_STEP_OIDC_TOKEN    set by Bitbucket when the step has `oidc: audiences:`
  PORTCULLIS_TOKEN             a service token, in another CI
  TRACEPARENT                  the trace the question is part of, if your CI makes traces

Exit codes:
   0  proceed
  10  stop
  11  wait: an approval is needed, and it was not waited for or did not come in time
  12  the ticket was refused or ran out
  20  no answer, and --on-error is `block`
   2  wrong usage, or the gate refused the caller; --on-error never covers this";

/// A policy gate for Bitbucket: who may really do what, decided, explained, and kept.
#[derive(Debug, Parser)]
#[command(
    name = "portcullis",
    version,
    about = "A policy gate for Bitbucket: who may really do what, decided, explained, and kept.",
    after_help = START,
    max_term_width = 100
)]
pub struct Cli {
    /// How log lines look on standard error.
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "json|text",
        default_value_t = LogFormat::Json,
        hide_default_value = true,
        hide_possible_values = true,
        display_order = 900
    )]
    pub log_format: LogFormat,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// How answers look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Default)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// A made-up company in one minute: no account, no network.
    Demo(Demo),
    /// The gateway: webhooks, checks, tickets, console.
    Serve(Serve),
    /// Connect a Bitbucket: what the credential can, and its webhooks.
    Connect(Box<Connect>),
    /// End a connection: its webhooks and secrets go.
    Disconnect(Disconnect),
    /// What is wrong with connections, and what to do about it.
    Doctor(Doctor),
    /// Read a Bitbucket now, with a plan and its price.
    Sync(Sync),
    /// Ask the gate from a pipeline step or any CI, before acting.
    Check(Check),
    /// What is read out of webhook bodies. Offline.
    Event(Event),
    /// What the rules say to one input document. Offline.
    Eval(Eval),
    /// Check and test rules; see and change how they are taken.
    #[command(subcommand)]
    Policy(Policy),
    /// The record of what was decided.
    #[command(subcommand)]
    Decision(Decision),
    /// List and decide what waits for an approval.
    #[command(subcommand)]
    Ticket(Ticket),
    /// Bodies that could not be read.
    #[command(subcommand)]
    DeadLetter(DeadLetter),
    /// Service tokens, for CI systems without step tokens.
    #[command(subcommand)]
    Token(Token),
    /// What the store is; back it up, restore it.
    #[command(subcommand)]
    Store(StoreCommand),
    /// Verify or export the record.
    #[command(subcommand)]
    Ledger(Ledger),
    /// Who can read, write, push, merge, deploy, read a secret, and more?
    WhoCan(WhoCan),
    /// Can this identity do that, by which paths, and if not, what is missing?
    Can(Can),
    /// Every path by which an identity reaches something.
    Paths(Paths),
    /// Apps, tokens, keys, runners, hooks, agents and service accounts: whose, since when, how strong.
    Identities(Identities),
    /// What is wrong when nothing happens: findings, whose they are, and what became of them.
    #[command(subcommand)]
    Findings(Findings),
    /// Reports about access, access over time, and a graph from elsewhere than REST.
    #[command(subcommand)]
    Access(Access),
    /// What no API tells: second factors, leavers, classifications, brought by people.
    #[command(subcommand)]
    Evidence(Evidence),
    /// Audit logs of Bitbucket: lines, changes, and what has no counterpart.
    #[command(subcommand)]
    Audit(Audit),
    /// Hold nothing back for a while; everything goes on being decided and recorded.
    Pause(Pause),
    /// End a pause.
    Resume(Resume),
    /// Who is told: how each channel stands, and whether it can be reached.
    #[command(subcommand)]
    Notify(NotifyCommand),
    /// Write, check or describe the configuration.
    #[command(subcommand)]
    Config(Config),
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
    /// Write the manual: a page for each command.
    Man {
        /// The folder; it is made where it is not there.
        dir: PathBuf,
    },
    /// Print the description of the API: OpenAPI 3.1, as `/api/v1/openapi.json` serves it.
    Openapi {
        /// How the world reaches the public listener.
        #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
        public: String,
    },
    /// What this program is made of.
    Version {
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
}

/// `portcullis demo`
#[derive(Debug, Args)]
pub struct Demo {
    /// End after the tour: 0 if every decision was the expected one, else 1.
    #[arg(long)]
    pub once: bool,
    /// Where the public listener stands; the simulator and the operator listener stay on loopback.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: String,
    /// Keep the demo's store here instead of a temporary folder.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// `portcullis serve`
#[derive(Debug, Args)]
pub struct Serve {
    /// The configuration file.
    #[arg(long, short, value_name = "FILE", env = "PORTCULLIS_CONFIG")]
    pub config: Option<PathBuf>,
    /// A world file: who reaches what, for connections that are not discovered.
    #[arg(long, value_name = "FILE")]
    pub world: Option<PathBuf>,
    /// Where the operator token is kept. Default: the store file's folder.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// `portcullis check`
#[derive(Debug, Args)]
#[command(after_help = CHECK)]
pub struct Check {
    /// What is about to be done: deploy, run, read-secret, publish, merge, or any word your rules know.
    #[arg(long)]
    pub action: String,
    /// The environment it is done to.
    #[arg(long)]
    pub environment: Option<String>,
    /// A variable it reads; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub variable: Vec<String>,
    /// For other CI: the repository, PROJECT/SLUG.
    #[arg(long, value_name = "PROJECT/SLUG")]
    pub repository: Option<String>,
    /// For other CI: the commit, 40 hex digits.
    #[arg(long, value_name = "SHA")]
    pub commit: Option<String>,
    /// For other CI: the branch that is built.
    #[arg(long, conflicts_with = "tag")]
    pub branch: Option<String>,
    /// For other CI: the tag that is built.
    #[arg(long)]
    pub tag: Option<String>,
    /// For other CI: the pull request that is built.
    #[arg(long, value_name = "ID")]
    pub pull_request: Option<u64>,
    /// Address of this run, for the people who look at it.
    #[arg(long, value_name = "URL")]
    pub run: Option<String>,
    /// What the approver should know.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Wait this long for an approval, such as `10m`. Build minutes run meanwhile.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub wait: Option<Duration>,
    /// What to do when the gate cannot be reached. Never covers a refusal.
    #[arg(long, value_enum, value_name = "block|allow", default_value_t = OnError::Block, hide_possible_values = true)]
    pub on_error: OnError,
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

/// What to do without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnError {
    /// Exit 20.
    Block,
    /// Exit 0, and say so.
    Allow,
}

/// `portcullis event`
#[derive(Debug, Args)]
pub struct Event {
    /// Which Bitbucket sent it.
    #[arg(long, value_enum, value_name = "cloud|datacenter", hide_possible_values = true)]
    pub product: Product,
    /// The event key of its header.
    #[arg(long, value_name = "EVENTKEY")]
    pub key: Option<String>,
    /// The `X-Hub-Signature` to check.
    #[arg(long, value_name = "SIG", requires = "secret_file")]
    pub signature: Option<String>,
    /// File that holds the hook's secret.
    #[arg(long, value_name = "F", requires = "signature")]
    pub secret_file: Option<PathBuf>,
    /// Show the input document a rule would see.
    #[arg(long)]
    pub input: bool,
    /// A world file: who reaches what.
    #[arg(long, value_name = "FILE")]
    pub world: Option<PathBuf>,
    /// Bodies to read.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// Which Bitbucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Product {
    /// Bitbucket Cloud.
    Cloud,
    /// Bitbucket Server or Data Center.
    #[value(name = "datacenter")]
    DataCenter,
}

/// `portcullis eval`
#[derive(Debug, Args)]
pub struct Eval {
    /// Folder of rules. Default: the shipped rules.
    #[arg(long, value_name = "DIR")]
    pub policies: Option<PathBuf>,
    /// The input document.
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// A world file: who can approve.
    #[arg(long, value_name = "FILE")]
    pub world: Option<PathBuf>,
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

/// `portcullis policy …`
#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Everything that would be refused at load, with file, line and column.
    Check {
        /// Folder of rules. Default: the shipped rules.
        dir: Option<PathBuf>,
        /// Print the JSON Schema of the input document.
        #[arg(long)]
        schema: bool,
        /// With `--schema`: of what posture rules about this kind of subject see.
        #[arg(long, value_name = "KIND", requires = "schema")]
        subject: Option<String>,
        /// Print an example input of this event kind, or of this kind of subject.
        #[arg(long, value_name = "KIND")]
        example: Option<String>,
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
    /// Take rules out of shadow: first shows whom they would have stopped.
    Promote(Promote),
    /// Put rules back into shadow.
    Demote(Demote),
    /// How every rule is taken on every connection.
    Modes {
        /// Where.
        #[command(flatten)]
        reach: Reach,
    },
    /// Run `test_` rules, with coverage by line.
    Test {
        /// Folder of rules. Default: the shipped rules.
        dir: Option<PathBuf>,
        /// Only tests whose name holds this.
        #[arg(long, value_name = "WORD")]
        run: Option<String>,
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
}

/// `portcullis config …`
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Read a configuration as `serve` would, and say what is wrong.
    Check {
        /// The file.
        file: Option<PathBuf>,
    },
    /// Write a commented file.
    Init {
        /// Where to; never over an existing file.
        #[arg(default_value = "portcullis.toml")]
        file: PathBuf,
    },
    /// Print the JSON Schema of the configuration.
    Schema,
}

/// Reads `30s 15m 4h 7d`.
fn duration(text: &str) -> Result<Duration, String> {
    portcullis::policy::demand::duration(text).ok_or_else(|| {
        format!("`{text}` is not a duration: write it like `30s`, `15m`, `4h` or `7d`")
    })
}
