//! What a bundle declares about itself. Nothing here needs the engine: this is what the gateway keeps of a bundle, and
//! what the worker that loaded it reports back.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use crate::event::EventKind;
use crate::graph::fact::Wanted;
use crate::policy::Demand;
use crate::policy::Stance;
use crate::policy::SubjectKind;
use crate::policy::Verdict;
use crate::policy::Vocabulary;
use crate::policy::finding::Controls;
use crate::words;

/// The area of the rules that look at subjects: the first part of their ids, and the folder they lie in.
pub const POSTURE: &str = "posture";

/// A rule's id: its package path below `portcullis.rules`, `.` as `/` and `_` as `-`. Every decision names each rule that
/// was asked several times, so copies share the text.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct RuleId(Arc<str>);

impl RuleId {
    /// From a package path such as `portcullis.rules.deploy.production_needs_approval`.
    pub fn of_package(package: &str) -> Option<Self> {
        let below = package
            .strip_prefix("portcullis.rules.")
            .or_else(|| package.strip_prefix("data.portcullis.rules."))?;
        (!below.is_empty()).then(|| Self(below.replace('.', "/").replace('_', "-").into()))
    }

    /// As told in a record.
    pub fn told(text: &str) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a posture rule: the area of its id says so.
    pub fn is_posture(&self) -> bool {
        self.area() == POSTURE
    }

    /// The part before the first `/`.
    pub fn area(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

words! {
    /// How bad it is when the rule matches.
    pub enum Severity {
        /// Drop everything.
        Critical = "critical",
        /// Today.
        High = "high",
        /// This month.
        Medium = "medium",
        /// Some day.
        Low = "low",
        /// Good to know.
        Info = "info",
    }
}

/// What one rule declares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rule {
    /// Its id.
    pub id: RuleId,
    /// Its file, as people know it.
    pub file: String,
    /// One line for people.
    pub title: String,
    /// A paragraph for people.
    #[serde(default)]
    pub description: String,
    /// Event kinds that route to it; none for a posture rule.
    pub on: Vec<EventKind>,
    /// Facts it needs: dotted paths in the input.
    #[serde(default)]
    pub reads: Vec<String>,
    /// Older facts are read again, or unknown. None: age is shown, not judged.
    #[serde(default)]
    pub fresh: Option<Duration>,
    /// How bad it is.
    pub severity: Severity,
    /// Weight if it faults, times out or loses its worker. Never Allow.
    pub on_error: Verdict,
    /// Weight if a declared fact is unknown. Never Allow.
    pub on_unknown: Verdict,
    /// The rule reads `input.unknown` itself, so no finding is added for it.
    #[serde(default)]
    pub unknown_handled: bool,
    /// Who approves when a weight above is Approve; without it an operator does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Demand>,
    /// What a stopped person can do; a posture rule says it in its stance.
    #[serde(default)]
    pub remedies: Vec<String>,
    /// Who looks after the rule.
    #[serde(default)]
    pub owner: Option<String>,
    /// Controls it supports.
    #[serde(default)]
    pub controls: Controls,
    /// What a posture rule declares beside; none for a rule that answers events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stance: Option<Stance>,
}

impl Rule {
    /// Whether its answers may change with the hour or the graph's age, so that they are never served from memory.
    pub fn is_volatile(&self) -> bool {
        self.reads.iter().any(|path| {
            let root = path.split('.').next().unwrap_or_default();
            root == "now" || root == "graph"
        })
    }

    /// Whether a posture rule looks at subjects of this kind, such as `key`.
    pub fn is_about(&self, kind: &str) -> bool {
        self.stance.as_ref().is_some_and(|stance| stance.is_about(kind))
    }
}

/// A bundle that passed every load check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bundle {
    /// SHA-256 over its files' names and bytes, hex.
    pub revision: String,
    /// Its rules, by id. A rule's position here is its entry point in the engine.
    pub rules: Vec<Rule>,
    /// Aliases of approver groups: `data.portcullis.people`, name → group name or ids.
    #[serde(default)]
    pub people: BTreeMap<String, Vec<String>>,
    /// What it can be asked about beside Bitbucket's own things: `data.portcullis.authzen`.
    #[serde(default, skip_serializing_if = "Vocabulary::is_empty")]
    pub vocabulary: Vocabulary,
}

impl Bundle {
    /// The rules that answer this kind of event, with their positions.
    pub fn routed(&self, kind: EventKind) -> impl Iterator<Item = (usize, &Rule)> {
        self.rules.iter().enumerate().filter(move |(_, rule)| rule.on.contains(&kind))
    }

    /// What an input for this kind of event must hold: the declared paths of the routed rules.
    pub fn wanted(&self, kind: EventKind) -> Wanted {
        Self::wanted_by(self.routed(kind).map(|(_, rule)| rule))
    }

    /// The posture rules about this kind of subject, with their positions.
    pub fn about(&self, subject: SubjectKind) -> impl Iterator<Item = (usize, &Rule)> {
        let is = move |rule: &Rule| rule.stance.as_ref().is_some_and(|it| it.subject == subject);
        self.rules.iter().enumerate().filter(move |(_, rule)| is(rule))
    }

    /// What a document must hold for these rules: their declared paths.
    pub fn wanted_by<'r>(rules: impl Iterator<Item = &'r Rule>) -> Wanted {
        let mut wanted = Wanted::default();
        for path in rules.flat_map(|rule| &rule.reads) {
            wanted.add(path);
        }
        wanted
    }

    /// The rule of this id.
    pub fn rule(&self, id: &RuleId) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == *id)
    }
}

/// A file of a candidate bundle, as read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Path below the bundle's root, `/` between parts.
    pub path: String,
    /// Its text.
    pub text: String,
}
