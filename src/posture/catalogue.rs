//! What can be found: a line for every posture rule, with the ids, titles and severities that others gave it.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use crate::policy::RuleId;
use crate::policy::bundle::Severity;
use crate::policy::finding::Controls;

/// The name another catalogue has for a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alias {
    /// Its id there; its title where it has none.
    pub id: String,
    /// Its title there, word by word.
    pub title: String,
    /// Its severity there.
    pub severity: Severity,
}

/// One rule of the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Listing {
    /// The rule.
    pub rule: RuleId,
    /// Its title.
    pub title: String,
    /// A paragraph about it.
    pub description: String,
    /// Its category.
    pub category: String,
    /// Which subject it looks at.
    pub subject: String,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it runs where nobody has said anything.
    pub enabled: bool,
    /// The names others have for it.
    pub aliases: Vec<Alias>,
    /// What must be readable: product, then scope or feature.
    pub needs: Vec<Need>,
    /// What it cannot see, one sentence; empty if nothing.
    pub blind: String,
    /// How to remedy it.
    pub remedies: Vec<Remedy>,
    /// The controls it supports.
    pub controls: Controls,
    /// The facts it reads.
    pub reads: Vec<String>,
}

/// What a rule needs of a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Need {
    /// `cloud` or `datacenter`.
    pub product: String,
    /// A scope or permission, such as `repository:admin`; or a feature, such as `Premium`, or `evidence`.
    pub scope: String,
}

/// A way to remedy a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Remedy {
    /// `cloud` or `datacenter`; left out: both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// What to do, where: exact steps, one sentence.
    pub steps: String,
    /// The exact call that does it, where an API can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
}

/// Everything that can be found, by category and then from the worst to the least.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Catalogue {
    /// The rules.
    pub rules: Vec<Listing>,
}
