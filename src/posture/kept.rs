//! What is kept of one rule about one subject: the finding without the words of the catalogue, what it rests on, and how
//! it came to be what it is.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

use crate::decision::waiver::in_force;
use crate::graph::Time;
use crate::policy::RuleId;
use crate::policy::bundle::Severity;
use crate::posture::Acceptance;
use crate::posture::Finding;
use crate::posture::Gap;
use crate::posture::Listing;
use crate::posture::Outcome;
use crate::posture::Owner;
use crate::posture::Reason;
use crate::posture::State;
use crate::posture::Subject;
use crate::posture::finding;
use crate::words;

/// Steps that are kept of one finding. A finding that comes and goes with each look would otherwise grow without end;
/// the ledger has all of them.
pub const MAX_STEPS: usize = 60;

words! {
    /// What happened to a finding.
    pub enum Deed as "FindingDeed" {
        /// A rule failed for the first time.
        Found = "found",
        /// Somebody has seen it.
        Acknowledged = "acknowledged",
        /// Somebody lives with it for a while.
        Accepted = "accepted",
        /// That while is over.
        Lapsed = "lapsed",
        /// The rule passes.
        Fixed = "fixed",
        /// What it was about is there no more.
        Gone = "gone",
        /// It was fixed, and fails again.
        Regressed = "regressed",
    }
}

/// A fact that a reason rests on, as it was when it was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fact {
    /// Its path in the input.
    pub path: String,
    /// Its value; `null` for known to be none.
    pub value: Value,
}

/// A step in the life of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "FindingStep")]
pub struct Step {
    /// When.
    pub at: Time,
    /// What happened.
    pub deed: Deed,
    /// The state it is in since.
    pub state: State,
    /// Who did it; none where looking again did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// Until when, for what ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// What is kept of one rule about one subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Kept {
    /// The rule.
    pub rule: RuleId,
    /// What it is about.
    pub subject: Subject,
    /// How bad it is here.
    pub severity: Severity,
    /// What the rule says now.
    pub outcome: Outcome,
    /// What became of it.
    pub state: State,
    /// Why it fails; while it cannot be told, what was said last.
    pub reasons: Vec<Reason>,
    /// What could not be learned.
    pub unknown: Vec<Gap>,
    /// What the reasons rest on.
    pub facts: Vec<Fact>,
    /// When those facts were true.
    pub as_of: Time,
    /// Whose it is.
    pub owner: Owner,
    /// When it was found first.
    pub first_seen: Time,
    /// When it was looked at last, and something was to be written.
    pub last_seen: Time,
    /// Since when it is in this state.
    pub since: Time,
    /// Whether it ever failed: what was never more than unknown has no history worth keeping.
    pub failed: bool,
    /// Who lives with it.
    pub accepted: Option<Acceptance>,
    /// The state that returns when that ends.
    pub was: Option<State>,
    /// Digest of what was news last.
    pub told: Option<String>,
    /// How it came to be what it is, oldest first.
    pub steps: Vec<Step>,
}

impl Kept {
    /// The id of the finding.
    pub fn id(&self) -> String {
        finding::id(&self.rule, &self.subject.id)
    }

    /// Whether somebody lives with it at this time.
    pub fn is_accepted(&self, now: Time) -> bool {
        self.state == State::Accepted && self.holds(now)
    }

    /// Whether its acceptance is in force.
    pub(in crate::posture) fn holds(&self, now: Time) -> bool {
        self.accepted.as_ref().is_some_and(|accepted| in_force(accepted.until, now))
    }

    /// The finding as everybody is shown it: an acceptance that is over is as if it had not been said, also before
    /// anybody has looked again.
    pub fn shown(&self, listing: Option<&Listing>, now: Time) -> Finding {
        let lapsed = self.state == State::Accepted && !self.holds(now);
        let state = if lapsed { self.was.unwrap_or(State::Acknowledged) } else { self.state };
        let until = self.accepted.as_ref().map(|accepted| accepted.until).filter(|_| lapsed);
        Finding {
            id: self.id(),
            connection: self.subject.id.connection().to_string(),
            rule: self.rule.clone(),
            title: listing
                .map_or_else(|| self.rule.as_str().to_owned(), |listing| listing.title.clone()),
            category: listing.map(|listing| listing.category.clone()).unwrap_or_default(),
            aliases: listing.map(|listing| listing.aliases.clone()).unwrap_or_default(),
            severity: self.severity,
            outcome: self.outcome,
            state,
            subject: self.subject.clone(),
            reasons: self.reasons.clone(),
            unknown: self.unknown.clone(),
            owner: self.owner.clone(),
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            since: until.unwrap_or(self.since),
            accepted: self.accepted.clone().filter(|_| !lapsed),
        }
    }

    /// The same with one step more; the first and the newest stay.
    #[must_use]
    pub(in crate::posture) fn stepped(mut self, step: Step) -> Self {
        if self.steps.len() >= MAX_STEPS {
            self.steps.remove(1);
        }
        self.steps.push(step);
        self
    }
}
