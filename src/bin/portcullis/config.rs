//! Configuration: one TOML file, every key also as `PORTCULLIS_SECTION__KEY`; flags beat environment beat file beat
//! default. Unknown keys are refused with the nearest known one named. The environment is read here and nowhere else.

mod audit;
mod ci;
mod database;
mod findings;
mod layers;
mod notices;
pub mod pointing;
mod secrets;
mod streams;
mod telemetry;
pub mod template;

use std::path::Path;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

pub use audit::AuditConfig;
pub use ci::CiConfig;
pub use database::DatabaseConfig;
pub use findings::FindingRuleConfig;
pub use findings::FindingsConfig;
use layers::environment;
pub use layers::variable;
pub use notices::ChannelConfig;
pub use notices::NotifyConfig;
pub use notices::OwnerConfig;
pub use notices::RouteConfig;
pub use secrets::SecretRef;
pub use streams::StreamConfig;
pub use telemetry::TelemetryConfig;

/// The whole configuration.
#[derive(Debug, Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Webhooks, checks, tickets and the pages people are sent to.
    pub public: PublicConfig,
    /// Health, metrics, console and API.
    pub operator: OperatorConfig,
    /// Everything durable.
    pub store: StoreConfig,
    /// The rules.
    pub policies: PoliciesConfig,
    /// The processes that evaluate rules.
    pub workers: WorkersConfig,
    /// The brake.
    pub pause: PauseConfig,
    /// When people are told.
    pub notify: NotifyConfig,
    /// Where messages go.
    pub channel: Vec<ChannelConfig>,
    /// Who owns which project or repository.
    pub owner: Vec<OwnerConfig>,
    /// Who hears what: read from top to bottom, the first that fits decides.
    pub route: Vec<RouteConfig>,
    /// Findings of posture rules.
    pub findings: FindingsConfig,
    /// Traces.
    pub telemetry: TelemetryConfig,
    /// The Bitbuckets it guards.
    pub connection: Vec<ConnectionConfig>,
    /// Where every decision goes besides the record.
    pub stream: Vec<StreamConfig>,
    /// SHA-256 of all of it, the environment laid over the file: the record says with which one a gate started. Secrets
    /// are named, not written, so a changed secret does not change it.
    #[serde(skip)]
    pub digest: String,
}

/// The public listener.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PublicConfig {
    /// Address to listen on.
    pub listen: String,
    /// How the world reaches it; links are built from this alone. https outside loopback.
    pub url: Option<String>,
    /// PEM file of the certificate chain; with `key` the listener speaks TLS.
    pub certificate: Option<PathBuf>,
    /// PEM file of the private key.
    pub key: Option<PathBuf>,
}

impl Default for PublicConfig {
    fn default() -> Self {
        Self { listen: "127.0.0.1:8080".to_owned(), url: None, certificate: None, key: None }
    }
}

/// The operator listener.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OperatorConfig {
    /// Address to listen on.
    pub listen: String,
    /// Allow an address that is not loopback: only health, metrics and Bearer calls are answered there.
    pub expose: bool,
    /// Host names under which the operator surface may be addressed, beside loopback ones.
    pub hosts: Vec<String>,
    /// People with a token of their own, so that the record can name them and two can be told apart.
    pub person: Vec<PersonConfig>,
}

/// A person who may operate the gate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonConfig {
    /// What the record calls them.
    pub name: String,
    /// Their own operator token, at least 32 characters.
    pub token: SecretRef,
}

/// The brake.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PauseConfig {
    /// Longest pause.
    pub longest: String,
    /// Whether a pause takes a second person: two of `[[operator.person]]`.
    pub second_person: bool,
}

impl Default for PauseConfig {
    fn default() -> Self {
        Self { longest: "4h".to_owned(), second_person: false }
    }
}

impl Default for OperatorConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8081".to_owned(),
            expose: false,
            hosts: Vec::new(),
            person: Vec::new(),
        }
    }
}

/// The store.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// `sqlite:FILE`.
    pub url: String,
    /// Key-encryption key: 32 bytes, as 64 hex digits. Absent: a file `store.key` beside the store, made at first start.
    pub key: Option<SecretRef>,
    /// The key before, while everything is being sealed again with the new one. Absent: a file `store.key.old` beside the
    /// store, if there is one.
    pub old_key: Option<SecretRef>,
    /// How long webhook bodies are kept; then only their hash.
    pub keep_bodies: String,
    /// How long names and texts of decisions are kept; then only proofs.
    pub keep_sealed: String,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            url: "sqlite:portcullis.db".to_owned(),
            key: None,
            old_key: None,
            keep_bodies: "14d".to_owned(),
            keep_sealed: "400d".to_owned(),
        }
    }
}

/// The rules.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PoliciesConfig {
    /// Folder of rules. Absent: the shipped rules.
    pub path: Option<PathBuf>,
    /// How rules are taken on new connections: `shadow`, `enforce` or `off`.
    #[schemars(regex(pattern = "^(shadow|enforce|off)$"))]
    pub mode: String,
}

impl Default for PoliciesConfig {
    fn default() -> Self {
        Self { path: None, mode: "shadow".to_owned() }
    }
}

/// The evaluation processes.
#[derive(Debug, Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct WorkersConfig {
    /// How many. Absent: one a core, at most four.
    pub count: Option<usize>,
    /// How long one question may take, such as `200ms`.
    pub deadline: Option<String>,
}

/// One Bitbucket.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionConfig {
    /// `[a-z0-9-]{2,40}`, part of every id, never reused.
    #[schemars(regex(pattern = "^[a-z0-9-]{2,40}$"))]
    pub id: String,
    /// `cloud` or `datacenter`.
    #[schemars(regex(pattern = "^(cloud|datacenter)$"))]
    pub product: String,
    /// Cloud: the workspace's slug.
    pub workspace: Option<String>,
    /// Data Center: the address with its context path.
    pub base_url: Option<String>,
    /// Cloud: another API address, for a test server only.
    pub api_url: Option<String>,
    /// How we sign in to it. Absent: only what webhooks and tokens tell is known.
    pub credential: Option<CredentialConfig>,
    /// Data Center: its own PostgreSQL, read-only, which discovery then reads instead of REST.
    pub database: Option<DatabaseConfig>,
    /// Its audit log, which tells who changed what. Absent: nobody tells.
    pub audit: Option<AuditConfig>,
    /// Audiences a step token may be made for. Absent: `[public] url`.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// Refs that count as protected even if Bitbucket has no rule: `main`, `release/*`.
    #[serde(default)]
    pub protected_refs: Vec<String>,
    /// Cloud: the workspace's plan, `free`, `standard` or `premium`. No API tells it; absent, it counts as unknown.
    pub plan: Option<String>,
    /// How far it reaches: project keys, patterns of repositories such as `PAY/led*`. Nothing else is asked of or written
    /// to. Absent: all that the credential sees.
    #[serde(default)]
    pub scope: Vec<String>,
    /// Classes that are read beyond those that always are: `pipeline-definition` reads `bitbucket-pipelines.yml` of each
    /// main branch (Cloud), of which facts are kept and no line. Absent: none.
    #[serde(default)]
    pub classes: Vec<String>,
    /// Hosts of one's own that webhooks may tell: `ci.example.com`, `*.example.com`. Absent: whether a webhook's host is
    /// outside counts as unknown.
    #[serde(default)]
    pub own_hosts: Vec<String>,
    /// What may be written to Bitbucket: `commit-status`. Absent: nothing.
    #[serde(default)]
    pub effects: Vec<String>,
    /// The channel that hears of it where no route fits and nobody owns the repository.
    pub security_contact: Option<String>,
    /// Its webhooks.
    #[serde(default)]
    pub hook: Vec<HookConfig>,
    /// Environments that other CI deploys to; Bitbucket's own need no mention.
    #[serde(default)]
    pub environment: Vec<EnvironmentConfig>,
    /// Other CI whose own OpenID Connect tokens are accepted.
    #[serde(default)]
    pub ci: Vec<CiConfig>,
}

/// An environment that other CI deploys to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentConfig {
    /// What jobs call it; case is not compared.
    pub name: String,
    /// `test`, `staging` or `production`.
    pub tier: String,
    /// The repositories that deploy to it: `PAY/ledger`, `PAY/*`. Absent: every one.
    #[serde(default)]
    pub repositories: Vec<String>,
}

/// A webhook.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HookConfig {
    /// 32 hex digits: the last segment of the webhook's address.
    #[schemars(regex(pattern = "^[0-9a-f]{32}$"))]
    pub id: String,
    /// One secret, or two during rotation.
    pub secrets: Vec<SecretRef>,
    /// It is missed, and an alert rings, when it has told nothing for so long: `12h`, `7d`. Absent: it may be silent.
    pub silent_after: Option<String>,
}

/// How we sign in to Bitbucket.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum CredentialConfig {
    /// Cloud: an OAuth consumer, client credentials.
    Oauth {
        /// The consumer's key.
        key: SecretRef,
        /// The consumer's secret.
        secret: SecretRef,
    },
    /// An access token of a repository, project or workspace; Data Center: an HTTP access token.
    Token {
        /// The token.
        token: SecretRef,
    },
    /// Cloud: an API token with scopes.
    ApiToken {
        /// The Atlassian account's e-mail address.
        email: String,
        /// The token.
        token: SecretRef,
    },
    /// Data Center: user and password, where the server allows it.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: SecretRef,
    },
}

/// A configuration that cannot be used. Exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read `{path}`: {why}; `portcullis config init {path}` writes a commented one")]
    Unreadable {
        /// Which file.
        path: String,
        /// The system's words.
        why: String,
    },
    /// The text is not what a configuration looks like.
    #[error("{0}")]
    Malformed(String),
    /// A key has a value that cannot be.
    #[error("`{key}`: {why}")]
    Value {
        /// Which key.
        key: String,
        /// What is wrong, and what to do.
        why: String,
    },
}

impl ConfigError {
    /// A value that cannot be.
    pub fn value(key: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Value { key: key.into(), why: why.into() }
    }
}

/// Reads the file, lays the environment over it, and refuses what it does not know. Returns warnings beside it: what
/// will work but not well.
pub fn load(path: Option<&Path>) -> Result<Config, ConfigError> {
    let text = match path {
        None => String::new(),
        Some(path) => std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
            path: path.display().to_string(),
            why: error.to_string(),
        })?,
    };
    let file = path.map_or_else(|| "configuration".to_owned(), |path| path.display().to_string());
    layers::parse(&file, &text, environment())
}

/// JSON Schema of the configuration, draft-07.
pub fn schema() -> serde_json::Value {
    let generator = schemars::generate::SchemaSettings::draft07().into_generator();
    generator.into_root_schema_for::<Config>().to_value()
}
