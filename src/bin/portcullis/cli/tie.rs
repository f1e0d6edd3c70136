//! Commands that make, look after and cut the tie to a Bitbucket.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::ValueEnum;

use crate::cli::Product;
use crate::cli::Reach;
use crate::cli::duration;

/// What `connect` says below its flags.
const CONNECT: &str = "\
Secrets are never arguments: they come from --secret-file, from the variable that --secret-env names, or from a prompt
that shows nothing. On a terminal, whatever is missing is asked for, and nothing is done before you said yes.

  portcullis connect acme-cloud --product cloud --workspace acme --credential token --secret-file token.txt
  portcullis connect acme-dc --product datacenter --base-url https://bitbucket.example.com --credential token \\
      --secret-env BITBUCKET_TOKEN --scope PAY --profile observe
  portcullis connect acme-dc --change --class pipeline-definition --own-host '*.example.com'
  portcullis connect acme-cloud --rotate --overlap 1h";

/// `portcullis connect`
#[derive(Debug, Args)]
#[command(after_help = CONNECT)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own on the command line"
)]
pub struct Connect {
    /// The connection's id: a-z, 0-9 and `-`; part of every id, never reused.
    pub id: Option<String>,
    /// Which Bitbucket.
    #[arg(long, value_enum, value_name = "cloud|datacenter", hide_possible_values = true)]
    pub product: Option<Product>,
    /// Cloud: the workspace's slug.
    #[arg(long, value_name = "SLUG")]
    pub workspace: Option<String>,
    /// Data Center: its address with its context path.
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// Cloud: another address of the API, for a test server.
    #[arg(long, value_name = "URL")]
    pub api_url: Option<String>,
    /// What Bitbucket is asked with.
    #[command(flatten)]
    pub credential: CredentialFlags,
    /// How much it is meant to see: `observe` needs no `repository:admin`.
    #[arg(long, value_enum, value_name = "observe|full", hide_possible_values = true)]
    pub profile: Option<Profile>,
    /// How far it reaches, and whose webhooks are wanted; outside nothing is asked and nothing written: a project's key, or a pattern such as `PAY/led*`; may be repeated. Default: all.
    #[arg(long, value_name = "PROJECT|PATTERN")]
    pub scope: Vec<String>,
    /// What is read beyond the usual: `pipeline-definition`; may be repeated.
    #[arg(long, value_name = "CLASS")]
    pub class: Vec<String>,
    /// A host of your own that webhooks may tell: `ci.example.com`, `*.example.com`; may be repeated.
    #[arg(long, value_name = "HOST")]
    pub own_host: Vec<String>,
    /// Where the audit log is read.
    #[command(flatten)]
    pub audit: AuditFlags,
    /// Cloud: the plan, which no API tells: `free`, `standard` or `premium`.
    #[arg(long, value_name = "PLAN")]
    pub plan: Option<String>,
    /// Cloud: an audience that step tokens may be made for; may be repeated. Default: the gate's own address.
    #[arg(long, value_name = "URL")]
    pub audience: Vec<String>,
    /// A ref that counts as protected even if Bitbucket has no rule; may be repeated.
    #[arg(long, value_name = "REF")]
    pub protected_ref: Vec<String>,
    /// What may be written to Bitbucket: `commit-status`. Default: nothing.
    #[arg(long, value_name = "EFFECT")]
    pub effect: Vec<String>,
    /// Certificates of a private CA, PEM.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// A proxy that every call goes through.
    #[arg(long, value_name = "URL")]
    pub proxy: Option<String>,
    /// Only look what would be: nothing is kept, and nothing is written to Bitbucket.
    #[arg(long)]
    pub preview: bool,
    /// Change what is read of a connection: --class, --own-host (all of them anew; `none` for none), --audit. The rest stays.
    #[arg(long, requires = "id", conflicts_with_all = ["product", "workspace", "base_url", "preview", "scope", "rotate"])]
    pub change: bool,
    /// Give the webhooks of a connection new secrets, and put right what is not as it should be.
    #[arg(long, requires = "id", conflicts_with_all = ["product", "workspace", "base_url", "preview"])]
    pub rotate: bool,
    /// With --rotate: how long the old secrets stay good.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "1h")]
    pub overlap: Duration,
    /// Do not ask before it is done.
    #[arg(long)]
    pub yes: bool,
    /// Why, for the record.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
    /// Where.
    #[command(flatten)]
    pub reach: Reach,
}

/// Where a connection's audit log is read.
#[derive(Debug, Args)]
pub struct AuditFlags {
    /// `organization` (Cloud, with Atlassian Guard), `rest` or `folder` (Data Center); with --change `none`, too.
    #[arg(
        long,
        value_enum,
        value_name = "organization|rest|folder|none",
        hide_possible_values = true
    )]
    pub audit: Option<AuditKind>,
    /// organization: its id.
    #[arg(long, value_name = "ID")]
    pub audit_organization: Option<String>,
    /// organization: file that holds an API key with `read:events:admin`.
    #[arg(long, value_name = "FILE", conflicts_with = "audit_token_env")]
    pub audit_token_file: Option<PathBuf>,
    /// organization: variable that holds it.
    #[arg(long, value_name = "NAME")]
    pub audit_token_env: Option<String>,
    /// folder: `<home>/log/audit`, as the gate's machine has it.
    #[arg(long, value_name = "PATH")]
    pub audit_folder: Option<PathBuf>,
}

/// A kind of audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AuditKind {
    /// Events of the Atlassian organisation.
    Organization,
    /// By REST.
    Rest,
    /// Files.
    Folder,
    /// No audit log.
    None,
}

/// What Bitbucket is asked with, by name only: the secret itself is never an argument.
#[derive(Debug, Args)]
pub struct CredentialFlags {
    /// What kind of credential it is.
    #[arg(
        long,
        value_enum,
        value_name = "token|api-token|oauth|oauth-code|basic",
        hide_possible_values = true
    )]
    pub credential: Option<CredentialKind>,
    /// api-token: the account's e-mail address.
    #[arg(long, value_name = "EMAIL")]
    pub email: Option<String>,
    /// basic: the user.
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// File that holds the token, password or consumer's secret.
    #[arg(long, value_name = "FILE", conflicts_with = "secret_env")]
    pub secret_file: Option<PathBuf>,
    /// Variable of the environment that holds it.
    #[arg(long, value_name = "NAME")]
    pub secret_env: Option<String>,
    /// oauth: file that holds the consumer's key, or the incoming link's client id.
    #[arg(long, value_name = "FILE", conflicts_with = "key_env")]
    pub key_file: Option<PathBuf>,
    /// oauth: variable that holds it.
    #[arg(long, value_name = "NAME")]
    pub key_env: Option<String>,
    /// oauth-code: file that holds the code that Bitbucket gave after the consent.
    #[arg(long, value_name = "FILE", conflicts_with = "code_env")]
    pub code_file: Option<PathBuf>,
    /// oauth-code: variable that holds it.
    #[arg(long, value_name = "NAME")]
    pub code_env: Option<String>,
    /// oauth-code, Data Center: the redirect address of the incoming link.
    #[arg(long, value_name = "URL")]
    pub redirect_url: Option<String>,
    /// oauth-code, Data Center: file that holds the verifier of the challenge (PKCE) that the consent was asked for with.
    #[arg(long, value_name = "FILE", conflicts_with = "verifier_env")]
    pub verifier_file: Option<PathBuf>,
    /// oauth-code, Data Center: variable that holds it.
    #[arg(long, value_name = "NAME")]
    pub verifier_env: Option<String>,
    /// Cloud: an API token that writes webhooks where the first credential may not; its account's e-mail address.
    #[arg(long, value_name = "EMAIL")]
    pub second_email: Option<String>,
    /// File that holds that API token.
    #[arg(long, value_name = "FILE", requires = "second_email", conflicts_with = "second_env")]
    pub second_file: Option<PathBuf>,
    /// Variable that holds it.
    #[arg(long, value_name = "NAME", requires = "second_email")]
    pub second_env: Option<String>,
}

/// A kind of credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CredentialKind {
    /// An access token (Cloud) or HTTP access token (Data Center).
    Token,
    /// Cloud: an API token with scopes.
    ApiToken,
    /// Cloud: an OAuth consumer, by its client credentials.
    Oauth,
    /// An OAuth consumer (Cloud) or incoming link (Data Center) that acts for the person who authorized it.
    OauthCode,
    /// Data Center: user and password.
    Basic,
    /// Cloud: refused, with what to do instead.
    AppPassword,
}

/// How much a connection is meant to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Without `repository:admin`.
    Observe,
    /// Everything the rules can ask for.
    Full,
}

/// `portcullis disconnect`
#[derive(Debug, Args)]
pub struct Disconnect {
    /// The connection's id.
    pub id: String,
    /// Do not ask before it is done.
    #[arg(long)]
    pub yes: bool,
    /// Why, for the record.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
    /// Where.
    #[command(flatten)]
    pub reach: Reach,
}

/// `portcullis doctor`
#[derive(Debug, Args)]
pub struct Doctor {
    /// Only this connection. Default: all of them, and the gate itself.
    pub id: Option<String>,
    /// Also show what is as it should be.
    #[arg(long)]
    pub all: bool,
    /// Where.
    #[command(flatten)]
    pub reach: Reach,
}

/// `portcullis sync`
#[derive(Debug, Args)]
pub struct Sync {
    /// The connection. May be left out where there is only one.
    pub id: Option<String>,
    /// Show the plan and the price, and do not wait for the end.
    #[arg(long)]
    pub no_wait: bool,
    /// Why, for the record.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
    /// Where.
    #[command(flatten)]
    pub reach: Reach,
}
