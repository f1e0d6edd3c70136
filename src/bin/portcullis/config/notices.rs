//! What a configuration says of who is told: channels, owners, routes, and when.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::SecretRef;

/// When people are told.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NotifyConfig {
    /// When the daily digest goes out, UTC.
    pub digest: String,
    /// How long the same cause reaches nobody again.
    pub once_per: String,
}

impl Default for NotifyConfig {
    fn default() -> Self {
        Self { digest: "08:00".to_owned(), once_per: "24h".to_owned() }
    }
}

/// A receiver of signed messages (Standard Webhooks).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelConfig {
    /// 2 to 40 of a-z, 0-9 and `-`. It stands in the open in the ledger: no person's name.
    pub id: String,
    /// Its address: https, on a public host unless `allow` names it.
    pub url: String,
    /// Its secret (`whsec_…`), or two during rotation.
    pub secrets: Vec<SecretRef>,
    /// Exact hosts that may be private, or spoken to over http.
    #[serde(default)]
    pub allow: Vec<String>,
}

/// Who owns a project or repository. One of `project` and `repository`; `*` stands for anything.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnerConfig {
    /// Key of the project.
    pub project: Option<String>,
    /// Name of the repository: `workspace/slug`, on Data Center `PROJECT/slug`.
    pub repository: Option<String>,
    /// The channel that hears of it.
    pub channel: String,
}

/// Who hears what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteConfig {
    /// Any of `alert`, `approve`, `block`, `finding`, `alarm`, `pause`, `evidence`. Absent: the first four.
    #[serde(default)]
    pub about: Vec<String>,
    /// At least so bad, by the rule: `info`, `low`, `medium`, `high`, `critical`.
    pub severity: Option<String>,
    /// A rule's id, or an area such as `deploy`.
    pub rules: Option<String>,
    /// A connection's id.
    pub connection: Option<String>,
    /// Key of the project; `*` stands for anything.
    pub project: Option<String>,
    /// Channels, `owner`, `security-contact`.
    pub to: Vec<String>,
    /// `now`, or `digest`. Absent: `now`.
    pub tell: Option<String>,
    /// The same for rules in shadow, or `never`. Absent: `digest`.
    pub shadow: Option<String>,
}
