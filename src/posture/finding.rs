//! A finding: what one rule says of one subject, since when, whose it is, and what was decided about it.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;
use sha2::Digest;
use sha2::Sha256;

use crate::graph::Id;
use crate::graph::Time;
use crate::policy::RuleId;
use crate::policy::bundle::Severity;
use crate::posture::Alias;
use crate::words;

words! {
    /// What a rule says of a subject.
    pub enum Outcome as "FindingOutcome" {
        /// It complies.
        Pass = "pass",
        /// It does not.
        Fail = "fail",
        /// A fact that decides it could not be learned. Never a pass.
        Unknown = "unknown",
    }
}

words! {
    /// What became of a finding.
    pub enum State as "FindingState" {
        /// Found, and nobody has said anything.
        New = "new",
        /// Somebody has seen it.
        Acknowledged = "acknowledged",
        /// Somebody lives with it, because of something and until some day.
        Accepted = "accepted",
        /// The rule passes now.
        Fixed = "fixed",
        /// It was fixed, and fails again.
        Regressed = "regressed",
    }
}

/// Where a finding stands in a list, before its severity counts: what fails comes first, in it what nobody has said
/// anything of; then what cannot be told; then what complies. Lower comes first.
pub const fn rank(outcome: Outcome, state: State) -> u8 {
    let first = match outcome {
        Outcome::Fail => 0,
        Outcome::Unknown => 4,
        Outcome::Pass => 8,
    };
    first
        + match state {
            State::New | State::Regressed => 0,
            State::Acknowledged => 1,
            State::Accepted => 2,
            State::Fixed => 3,
        }
}

/// What one rule says of one subject: the same shape in the store, the API, exports and pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PostureFinding")]
pub struct Finding {
    /// `f-` and 16 hex digits, the same for the same rule and subject for ever.
    pub id: String,
    /// The connection it was found on.
    #[serde(default)]
    pub connection: String,
    /// The rule.
    pub rule: RuleId,
    /// Its title.
    pub title: String,
    /// Its category, in the catalogue's words.
    pub category: String,
    /// The names others have for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Alias>,
    /// How bad it is here: the rule's own severity, unless what it found raises it.
    pub severity: Severity,
    /// What the rule says now.
    pub outcome: Outcome,
    /// What became of it.
    pub state: State,
    /// What it is about.
    pub subject: Subject,
    /// Why it fails, a sentence each; of one that failed and cannot be told any more, what was said last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// What could not be learned, and what would settle it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<Gap>,
    /// Whose it is.
    pub owner: Owner,
    /// When it was found first.
    pub first_seen: Time,
    /// When it was looked at last.
    pub last_seen: Time,
    /// Since when it is in this state.
    pub since: Time,
    /// Who lives with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Acceptance>,
}

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "FindingSubject")]
pub struct Subject {
    /// Which subject: `workspace`, `project`, `repository`, `identity`, `credential`, `hook`, `runner` or `variable`.
    pub kind: String,
    /// Its id in the graph.
    #[schemars(with = "String")]
    pub id: Id,
    /// What people call it.
    pub name: String,
    /// The repository, project or workspace it belongs to, for grouping; its own id where it is one.
    #[schemars(with = "Option<String>")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Id>,
    /// The classification of that place; none where it has none or it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
}

/// Why a rule fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "FindingReason")]
pub struct Reason {
    /// One plain sentence.
    pub text: String,
    /// Paths of the input that it rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proof: Vec<String>,
}

/// A fact that could not be learned.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "FindingGap")]
pub struct Gap {
    /// Its path in the input.
    pub path: String,
    /// Why, one sentence that names what would settle it.
    pub why: String,
}

/// Whose a finding is, and how sure that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "FindingOwner")]
pub struct Owner {
    /// The identity; none where only a contact is known.
    #[schemars(with = "Option<String>")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// A name for people.
    pub name: String,
    /// `told`, `inferred` or `unknown`.
    pub sure: String,
    /// What it follows from.
    pub why: String,
}

/// Who lives with a finding, because of what, until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Acceptance {
    /// Who.
    pub by: String,
    /// Because of what.
    pub because: String,
    /// Until when; from then on it is as if it had not been said.
    pub until: Time,
}

/// Which findings are asked for. Everything left out takes all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Only of this connection.
    pub connection: Option<String>,
    /// Only with this outcome; left out: fail and unknown.
    pub outcome: Option<Outcome>,
    /// Only in this state.
    pub state: Option<State>,
    /// Only this bad or worse.
    pub severity: Option<Severity>,
    /// Only of this category.
    pub category: Option<String>,
    /// Only of this rule: its id or any alias of it.
    pub rule: Option<String>,
    /// Only about this subject or what belongs to it: an id.
    pub subject: Option<Id>,
    /// Only whose owner has this id or name.
    pub owner: Option<String>,
    /// After the finding of this id, in the order of the list.
    pub after: Option<String>,
    /// How many at most; the gateway's own bound where left out.
    pub limit: Option<u32>,
}

/// The id of the finding of a rule about a subject.
pub fn id(rule: &RuleId, subject: &Id) -> String {
    let mut hash = Sha256::new();
    hash.update(rule.as_str().as_bytes());
    hash.update([0]);
    hash.update(subject.to_string().as_bytes());
    let digest = hash.finalize();
    format!("f-{}", hex::encode(digest.get(..8).unwrap_or_default()))
}
