//! What a rule answers: findings, each with a verdict, a reason and the paths it rests on.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use crate::policy::RuleId;
use crate::policy::bundle::Severity;
use crate::words;

words! {
    /// The four verdicts. Combining is `max`: the strictest wins.
    pub enum Verdict {
        /// Nothing speaks against it.
        Allow = "allow",
        /// It may go on; somebody should know.
        Alert = "alert",
        /// It waits for an approval.
        Approve = "approve",
        /// It must not happen.
        Block = "block",
    }
}

/// Who must approve, and how far the approval goes. Durations are in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Demand {
    /// Who may approve.
    pub from: Approvers,
    /// How many of them; at least one.
    pub count: u32,
    /// Who may not, although they could.
    pub not: Vec<Barred>,
    /// How long the ticket waits, seconds.
    pub expires_in: u64,
    /// How long a grant may be used, seconds.
    pub grant_for: u64,
}

/// Where approvers come from. Several sources are joined.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Approvers {
    /// A group's name: an alias in `data.portcullis.people` or a group of the connection.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub group: Option<String>,
    /// Ids of people.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub users: Vec<String>,
}

words! {
    /// Who is barred from approving.
    pub enum Barred {
        /// Whoever acts, and anyone acting for them.
        Actor = "actor",
        /// Those who wrote the commits.
        CommitAuthors = "commit_authors",
        /// Whoever opened the pull request.
        Author = "author",
        /// Whoever started the pipeline.
        Creator = "creator",
    }
}

words! {
    /// Where a finding comes from.
    pub enum Origin {
        /// The rule said it.
        Rule = "rule",
        /// A declared fact is unknown: the rule's `on_unknown` weight.
        Unknown = "unknown",
        /// The rule faulted, ran out of time or lost its worker: its `on_error` weight.
        Fault = "fault",
        /// The rule answered something that is no finding: a Block that says so.
        Broken = "broken",
    }
}

/// One finding of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Which rule.
    pub rule: RuleId,
    /// Its weight.
    pub verdict: Verdict,
    /// One plain sentence for people.
    pub reason: String,
    /// Paths of the input the reason rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proof: Vec<String>,
    /// What an Approve asks for; always there with [`Verdict::Approve`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Demand>,
    /// Whether the rule said it, or its silence could not be trusted.
    pub origin: Origin,
}

/// What a posture rule answers: something that is wrong with the subject it looks at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Observation {
    /// One plain sentence for people.
    pub reason: String,
    /// Paths of the document the reason rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proof: Vec<String>,
    /// How bad it is here, where that is not the rule's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
}

/// Controls a rule supports: framework → control ids.
pub type Controls = BTreeMap<String, Vec<String>>;
