//! What a configuration says of findings: how often everything is looked at, and which rules run where.

use schemars::JsonSchema;
use serde::Deserialize;

/// Findings of posture rules.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FindingsConfig {
    /// How often everything is looked at, whether it changed or not.
    pub every: String,
    /// Which rules run where: read from top to bottom, the first that fits decides; else the rule's own word.
    pub rule: Vec<FindingRuleConfig>,
}

impl Default for FindingsConfig {
    fn default() -> Self {
        Self { every: "24h".to_owned(), rule: Vec::new() }
    }
}

/// Whether a posture rule runs somewhere.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindingRuleConfig {
    /// The rule's id, or an id or title that others have for it.
    pub rule: String,
    /// Whether it runs.
    pub enabled: bool,
    /// Only on this connection. Absent: all.
    pub connection: Option<String>,
    /// Only in projects whose key fits; `*` stands for anything. Absent: all.
    pub project: Option<String>,
}
