//! What is kept of a decision. Everything a page, a status, an answer or an auditor shows comes from here alone.
//!
//! A record falls into two: [`Public`] holds ids, hashes and words of ours, and goes into the ledger's entry; the
//! [`Part`]s hold names and free text, are sealed beside the entry, and can be erased without breaking a proof.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::decision::Because;
use crate::decision::Binds;
use crate::decision::Effect;
use crate::decision::Mode;
use crate::decision::Outcome;
use crate::decision::plan::Softener;
use crate::event::EventKind;
use crate::graph::ConnectionId;
use crate::graph::Product;
use crate::graph::Time;
use crate::policy::Finding;
use crate::policy::RuleId;
use crate::policy::Verdict;
use crate::policy::finding::Origin;
use crate::policy::input::CallerKind;
use crate::words;

words! {
    /// Through which door the question came.
    pub enum Surface {
        /// A webhook.
        Hook = "hook",
        /// A check.
        Check = "check",
        /// A question by AuthZEN: somebody else's program asks about somebody, and acts on the answer.
        Authzen = "authzen",
        /// The `eval` command or a simulation: nothing follows from it.
        Simulation = "simulation",
        /// Nobody asked: discovery found it changed.
        Discovery = "discovery",
    }
}

/// A decision as it is kept.
#[derive(Clone, Debug)]
pub struct Record {
    /// Ids, hashes and our own words.
    pub public: Public,
    /// The input document the rules saw, byte for byte.
    pub input: Part<Box<RawValue>>,
    /// Names: of people, repositories, refs, environments.
    pub names: Part<Names>,
    /// What the rules said in words.
    pub told: Part<Told>,
}

/// A sealed part: there, or erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "{T}Part")]
pub enum Part<T> {
    /// It is kept.
    Kept(T),
    /// It was erased at this time; proofs still verify.
    Erased(Time),
}

impl<T> Part<T> {
    /// What is kept.
    pub const fn kept(&self) -> Option<&T> {
        match self {
            Self::Kept(part) => Some(part),
            Self::Erased(_) => None,
        }
    }
}

/// The part of a record that holds no names and no free text. It is the body of the ledger's entry as it stands, so its
/// members, and those of everything in it, are in the order of RFC 8785: by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "DecisionRecord")]
pub struct Public {
    /// What was to be done.
    pub action: String,
    /// What is to be done about it on Bitbucket, in words of ours. Whether it was done stands with the action itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    /// Id of the identity whose rights were used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// When it was made.
    pub at: Time,
    /// Ids of what softened the effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<Because>,
    /// How far it reaches here.
    pub binds: Binds,
    /// Revision of the bundle that was asked.
    pub bundle: String,
    /// How the caller was known.
    pub caller: CallerKind,
    /// Commit the decision is about, if one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Where.
    pub connection: ConnectionId,
    /// The decision's id, UUIDv7.
    pub decision: Uuid,
    /// The delivery it answers, if it came by webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Uuid>,
    /// What the caller must do.
    pub effect: Effect,
    /// What happened.
    pub event: EventKind,
    /// How old the graph was, milliseconds; none: there was no graph.
    pub graph_age_ms: Option<u64>,
    /// Revision of the graph.
    pub graph_revision: u64,
    /// SHA-256 of the input document, hex.
    pub input_sha256: String,
    /// Rules whose demand those grants meet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub met: Vec<RuleId>,
    /// Which product that is.
    pub product: Product,
    /// Grants that looked as if they fitted and were refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused_grants: Vec<RefusedGrant>,
    /// Answered from the memory of an equal question.
    pub remembered: bool,
    /// Id of the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Every rule that was asked, with what became of it.
    pub rules: Vec<Asked>,
    /// Tickets whose grants it rests on; they are spent with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub satisfied_by: Vec<Uuid>,
    /// Through which door.
    pub surface: Surface,
    /// The ticket it opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Uuid>,
    /// No rule answers this kind of event.
    pub uncovered: bool,
    /// What the rules say.
    pub verdict: Verdict,
}

/// A grant that was not used, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefusedGrant {
    /// The ticket.
    pub ticket: Uuid,
    /// Why: `spent`, `expired`, or the members of the binding that differ.
    pub why: String,
}

/// A rule that was asked. Its title, controls and remedies stand in the bundle of that revision, which is kept too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AskedRule")]
pub struct Asked {
    /// How it is taken here.
    pub mode: Mode,
    /// What became of it.
    pub outcome: Outcome,
    /// Its id.
    pub rule: RuleId,
    /// The strictest it found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

/// Names of what the decision is about. Display only: nothing is decided by a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Names {
    /// `project-or-workspace/slug`.
    pub repository: Option<String>,
    /// Full name of the ref.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// Display name of the actor.
    pub actor: Option<String>,
    /// Name of the environment.
    pub environment: Option<String>,
    /// Pull request number.
    pub pull_request: Option<u64>,
    /// Commit before.
    pub from: Option<String>,
    /// Commit after.
    pub to: Option<String>,
    /// What changed, field by field: (name, before, after).
    #[serde(default)]
    pub changed: Vec<(String, Option<String>, Option<String>)>,
    /// Who looks after the repository, and how we know.
    pub owner: Option<String>,
    /// How the actor's level is reached.
    #[serde(default)]
    pub via: Vec<String>,
    /// What the asker wrote for the approver.
    pub asked_because: Option<String>,
    /// What a caller of AuthZEN asked, as it named who and what: subject, action, resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// Another CI that asked: its id and job, or the id of its service token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asker: Option<String>,
}

/// What the rules said in words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "RulesInWords")]
pub struct Told {
    /// Every finding, strictest first.
    pub findings: Vec<Finding>,
    /// Facts that could not be learned: path → why.
    #[serde(default)]
    pub unknown: BTreeMap<String, String>,
    /// Who can give the approvals that are still wanted, in words: group name and how many people.
    #[serde(default)]
    pub approvers: Vec<String>,
}

/// One line of a list of decisions.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "DecisionRow")]
pub struct Row<'a> {
    /// The decision's id.
    pub decision: Uuid,
    /// When it was made.
    pub at: Time,
    /// Where.
    pub connection: &'a ConnectionId,
    /// The delivery it answers, if it came by webhook.
    pub delivery: Option<Uuid>,
    /// What happened.
    pub event: EventKind,
    /// What was to be done.
    pub action: &'a str,
    /// What the rules say.
    pub verdict: Verdict,
    /// What the caller must do.
    pub effect: Effect,
    /// How far it reaches here.
    pub binds: Binds,
    /// No rule answers this kind of event.
    pub uncovered: bool,
    /// Name of the repository; none: there is none, or it is erased.
    pub repository: Option<&'a str>,
    /// Full name of the ref.
    #[serde(rename = "ref")]
    pub reference: Option<&'a str>,
    /// Name of who acted.
    pub actor: Option<&'a str>,
    /// The sentence that goes first everywhere.
    pub reason: String,
}

impl Row<'_> {
    /// The row as a value, for those who write one line of JSON each.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

impl Public {
    /// Whether a pause let it pass, or would have.
    pub fn is_paused(&self) -> bool {
        self.because.iter().any(|because| because.kind == Softener::Pause)
    }

    /// How far it reaches, in plain words. While the gate is paused nothing is held back, and no word says otherwise.
    pub fn reach(&self) -> &'static str {
        match self.binds {
            Binds::Prevents | Binds::Gates | Binds::Signals if self.is_paused() => {
                "The gate is paused: the verdict is recorded, nothing waits for it, and this was let pass."
            }
            Binds::Prevents | Binds::Gates | Binds::Signals | Binds::After => self.binds.in_words(),
        }
    }
}

impl Record {
    /// One line of a list: what a table or an API's page shows of it.
    pub fn row(&self) -> Row<'_> {
        let public = &self.public;
        let names = self.names.kept();
        Row {
            decision: public.decision,
            at: public.at,
            connection: &public.connection,
            delivery: public.delivery,
            event: public.event,
            action: &public.action,
            verdict: public.verdict,
            effect: public.effect,
            binds: public.binds,
            uncovered: public.uncovered,
            repository: names.and_then(|names| names.repository.as_deref()),
            reference: names.and_then(|names| names.reference.as_deref()),
            actor: names.and_then(|names| names.actor.as_deref()),
            reason: self.reason(),
        }
    }

    /// The sentence that goes first everywhere: why the verdict is what it is.
    pub fn reason(&self) -> String {
        if let Part::Erased(at) = &self.told {
            return erased(at);
        }
        match self.strictest() {
            Some(finding) if self.is_satisfied(&finding.rule) => {
                format!("Approved: {}", finding.reason)
            }
            Some(finding) => finding.reason.clone(),
            None => self.silence(),
        }
    }

    /// Why no rule said anything.
    fn silence(&self) -> String {
        let looked = |asked: &Asked| asked.outcome != Outcome::NotApplicable;
        if self.public.uncovered {
            format!("No rule answers `{}`: it is uncovered.", self.public.event)
        } else if self.public.rules.iter().any(looked) {
            "No rule speaks against it.".to_owned()
        } else {
            format!("Every rule that answers `{}` is switched off here.", self.public.event)
        }
    }

    /// Whether this rule's demand was met by a grant: it asked for an approval, and the verdict is milder than that.
    pub fn is_satisfied(&self, rule: &RuleId) -> bool {
        !self.public.satisfied_by.is_empty() && self.public.met.contains(rule)
    }

    /// What a finding weighs once the grants that were used are counted.
    pub fn weight(&self, finding: &Finding) -> Verdict {
        match finding.verdict {
            Verdict::Approve if self.is_satisfied(&finding.rule) => Verdict::Allow,
            weight @ (Verdict::Allow | Verdict::Alert | Verdict::Approve | Verdict::Block) => {
                weight
            }
        }
    }

    /// The strictest finding, grants counted; among equals one that a rule said, then one that needed a grant, then the
    /// first.
    pub fn strictest(&self) -> Option<&Finding> {
        let findings = self.told.kept().map_or(&[][..], |told| &told.findings);
        findings.iter().rev().max_by_key(|finding| {
            (self.weight(finding), finding.origin == Origin::Rule, finding.verdict)
        })
    }
}

/// What stands in the place of an erased part.
pub fn erased(at: &Time) -> String {
    format!("(erased on {at})")
}
