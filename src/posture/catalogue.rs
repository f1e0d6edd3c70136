//! What can be found: a line for every posture rule, with the ids, titles and severities that others gave it.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use crate::policy::Bundle;
use crate::policy::Rule;
use crate::policy::RuleId;
use crate::policy::bundle::Severity;
use crate::policy::finding::Controls;
pub use crate::policy::stance::Alias;
pub use crate::policy::stance::Need;
pub use crate::policy::stance::Remedy;

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
    /// Which kinds of it; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
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

impl Listing {
    /// Its subject, and in brackets the kinds of it.
    pub fn about(&self) -> String {
        match self.kinds.as_slice() {
            [] => self.subject.clone(),
            kinds => format!("{} ({})", self.subject, kinds.join(", ")),
        }
    }
}

/// Everything that can be found, by category and then from the worst to the least.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Catalogue {
    /// The rules.
    pub rules: Vec<Listing>,
}

impl Catalogue {
    /// What the posture rules of a bundle can find.
    pub fn of(bundle: &Bundle) -> Self {
        let mut rules: Vec<Listing> = bundle.rules.iter().filter_map(listing).collect();
        rules.sort_by(|a, b| place(a).cmp(&place(b)));
        Self { rules }
    }

    /// The line of a rule, by its id.
    pub fn rule(&self, id: &RuleId) -> Option<&Listing> {
        self.rules.iter().find(|listing| listing.rule == *id)
    }

    /// Every rule that has this id, or an alias with this id or title.
    pub fn called<'c>(&'c self, name: &'c str) -> impl Iterator<Item = &'c Listing> {
        let called = move |alias: &Alias| alias.id == name || alias.title == name;
        self.rules.iter().filter(move |listing| {
            listing.rule.as_str() == name || listing.aliases.iter().any(called)
        })
    }
}

/// By category, then from the worst to the least, then by id.
fn place(listing: &Listing) -> (&str, Severity, &RuleId) {
    (&listing.category, listing.severity, &listing.rule)
}

fn listing(rule: &Rule) -> Option<Listing> {
    let stance = rule.stance.as_ref()?;
    Some(Listing {
        rule: rule.id.clone(),
        title: rule.title.clone(),
        description: rule.description.clone(),
        category: stance.category.clone(),
        subject: stance.subject.to_string(),
        kinds: stance.kinds.clone(),
        severity: rule.severity,
        enabled: stance.enabled,
        aliases: stance.aliases.clone(),
        needs: stance.needs.clone(),
        blind: stance.blind.clone(),
        remedies: stance.remedies.clone(),
        controls: rule.controls.clone(),
        reads: rule.reads.clone(),
    })
}
