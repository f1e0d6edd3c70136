//! What a posture rule declares beside what every rule does: whom it looks at, the names others have for it, what it
//! needs, what it cannot see, and how to remedy what it finds.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use crate::policy::bundle::Severity;
use crate::policy::subject::SubjectKind;

/// The words for the two products, as `needs` and `remedies` name them.
pub const PRODUCTS: &[&str] = &["cloud", "datacenter"];

/// Most aliases, needs or remedies of one rule: more are a mistake, and every page would carry them.
pub const MAX_ITEMS: usize = 20;

/// What a posture rule declares about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stance {
    /// Which subject it looks at.
    pub subject: SubjectKind,
    /// Which kinds of it, by the word of its `kind`; empty: all. The others neither pass nor fail: it is not about them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// Its category, for grouping.
    pub category: String,
    /// The names others have for it.
    #[serde(default)]
    pub aliases: Vec<Alias>,
    /// What must be readable for it to tell.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// What it cannot see, one sentence; empty if nothing.
    #[serde(default)]
    pub blind: String,
    /// How to remedy what it finds.
    pub remedies: Vec<Remedy>,
    /// Whether it runs where nobody has said anything.
    pub enabled: bool,
}

impl Stance {
    /// Whether it looks at subjects of this kind, such as `key`.
    pub fn is_about(&self, kind: &str) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|one| one == kind)
    }
}

/// The words that `kinds` takes for a subject; none where a subject is of one kind.
pub const fn kinds(subject: SubjectKind) -> &'static [&'static str] {
    match subject {
        SubjectKind::Identity => &["user", "service", "agent"],
        SubjectKind::Credential => &["app", "token", "key", "credential"],
        SubjectKind::Workspace
        | SubjectKind::Project
        | SubjectKind::Repository
        | SubjectKind::Hook
        | SubjectKind::Runner
        | SubjectKind::Variable => &[],
    }
}

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
#[schemars(rename = "FindingRemedy")]
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

/// What is wrong with it, if anything: a sentence without a full stop, and which key it is about.
pub fn fault(stance: &Stance) -> Option<(&'static str, String)> {
    let product = |said: &str| {
        (!PRODUCTS.contains(&said))
            .then(|| format!("`{said}` is not a product: use one of {}", PRODUCTS.join(", ")))
    };
    let long = |key: &'static str, count: usize| {
        (count > MAX_ITEMS).then(|| (key, format!("`{key}` has more than {MAX_ITEMS} items")))
    };
    if stance.category.trim().is_empty() {
        return Some(("subject", "this posture rule has no `category`".to_owned()));
    }
    if stance.remedies.is_empty() {
        return Some(("subject", "this posture rule has no `remedies`".to_owned()));
    }
    if stance.remedies.iter().any(|remedy| remedy.steps.trim().is_empty()) {
        return Some(("remedies", "a remedy has no `steps`".to_owned()));
    }
    let known = kinds(stance.subject);
    let strange = stance.kinds.iter().find(|kind| !known.contains(&kind.as_str()));
    if let Some(kind) = strange {
        let subject = stance.subject;
        let help = match known {
            [] => format!("`{subject}` has no kinds: leave `kinds` out"),
            known => format!("`{kind}` is not a kind of `{subject}`: use {}", known.join(", ")),
        };
        return Some(("kinds", help));
    }
    let needs = stance.needs.iter().find_map(|need| product(&need.product));
    let remedies = stance.remedies.iter().find_map(|remedy| product(remedy.product.as_deref()?));
    needs
        .map(|why| ("needs", why))
        .or_else(|| remedies.map(|why| ("remedies", why)))
        .or_else(|| long("aliases", stance.aliases.len()))
        .or_else(|| long("needs", stance.needs.len()))
        .or_else(|| long("remedies", stance.remedies.len()))
}
