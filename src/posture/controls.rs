//! The control map: per framework each control, the rules that support it, and what they find now, or *not assessed*.
//!
//! A rule supports a control: what it finds speaks against it, and that it finds nothing is evidence for it, of the part
//! that the rule looks at and no more. Nothing here says that a control is fulfilled.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use crate::policy::Rule;
use crate::policy::RuleId;
use crate::policy::bundle::Severity;
use crate::policy::finding::Controls;
use crate::posture::Catalogue;
use crate::posture::Score;
use crate::posture::Tally;
use crate::words;

/// The frameworks and controls we know the titles of.
const KNOWN: &str = include_str!("../../policies/controls/catalogue.json");

words! {
    /// How a control stands, by what its posture rules say now.
    pub enum Standing {
        /// A rule fails somewhere, and nobody lives with it.
        Findings = "findings",
        /// Every failure is one that somebody lives with, for now.
        Accepted = "accepted",
        /// Nothing fails; something cannot be told.
        Untold = "cannot be told",
        /// Everything that was looked at complies.
        Clear = "no findings",
        /// No posture rule about it has looked at anything.
        NotAssessed = "not assessed",
    }
}

words! {
    /// What kind of rule supports a control.
    pub enum Support {
        /// It looks at how things stand.
        Posture = "posture",
        /// It answers what happens: its decisions are in the record.
        Runtime = "runtime",
    }
}

/// Every framework with its controls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ControlMap")]
pub struct Map {
    /// What supporting a control means, and does not.
    pub note: String,
    /// The frameworks, by name.
    pub frameworks: Vec<Framework>,
}

/// One framework.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Framework {
    /// Its short name, as rules write it.
    pub id: String,
    /// Its title; the same as `id` where only rules name it.
    pub title: String,
    /// When it applies at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applies_when: Option<String>,
    /// Its controls that are known or that a rule names.
    pub controls: Vec<Control>,
}

/// One control.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Control {
    /// Its number there.
    pub id: String,
    /// Its title, shortened; empty where only rules name it.
    pub title: String,
    /// What supporting it comes to; empty where only rules name it.
    pub supports: String,
    /// How it stands.
    pub standing: Standing,
    /// What its posture rules said, all together.
    pub checks: Score,
    /// How bad the worst rule with a failure is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst: Option<Severity>,
    /// The rules that support it: posture first.
    pub rules: Vec<Supporting>,
}

/// A rule that supports a control.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Supporting {
    /// The rule.
    pub rule: RuleId,
    /// Its title.
    pub title: String,
    /// Its kind.
    pub kind: Support,
    /// What it said; nothing for a runtime rule.
    pub checks: Score,
}

/// The file of known controls.
#[derive(Deserialize)]
struct File {
    note: String,
    frameworks: BTreeMap<String, FrameworkTold>,
}

#[derive(Deserialize)]
struct FrameworkTold {
    title: String,
    applies_when: Option<String>,
    controls: BTreeMap<String, ControlTold>,
}

#[derive(Deserialize)]
struct ControlTold {
    title: String,
    supports: String,
}

/// A rule with the controls that it names.
struct Naming<'a> {
    supporting: Supporting,
    severity: Severity,
    controls: &'a Controls,
}

/// The map: what posture rules say now, and the runtime rules beside them. Tallies of several connections are added up.
///
/// Errors: the file of known controls is read at build time and is not as this version reads it.
pub fn map(
    catalogue: &Catalogue,
    runtime: &[Rule],
    tallies: &[Tally],
) -> Result<Map, serde_json::Error> {
    let known: File = serde_json::from_str(KNOWN)?;
    let naming = naming(catalogue, runtime, tallies);
    let mut named: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (framework, told) in &known.frameworks {
        named.entry(framework).or_default().extend(told.controls.keys().map(String::as_str));
    }
    for (framework, controls) in naming.iter().flat_map(|rule| rule.controls) {
        named.entry(framework).or_default().extend(controls.iter().map(String::as_str));
    }
    let frameworks = named.into_iter().map(|(framework, mut controls)| {
        controls.sort_by(|one, other| naturally(one, other));
        controls.dedup();
        let told = known.frameworks.get(framework);
        Framework {
            id: framework.to_owned(),
            title: told.map_or(framework, |told| told.title.as_str()).to_owned(),
            applies_when: told.and_then(|told| told.applies_when.clone()),
            controls: controls
                .into_iter()
                .map(|id| {
                    control(framework, id, told.and_then(|told| told.controls.get(id)), &naming)
                })
                .collect(),
        }
    });
    Ok(Map { note: known.note, frameworks: frameworks.collect() })
}

/// Every rule that names a control. A posture rule that is off and has looked at nothing supports nothing now.
fn naming<'a>(catalogue: &'a Catalogue, runtime: &'a [Rule], tallies: &[Tally]) -> Vec<Naming<'a>> {
    let said = |rule: &RuleId| Score::of(tallies.iter().filter(|tally| tally.rule == *rule));
    let posture = catalogue.rules.iter().map(|listing| Naming {
        supporting: Supporting {
            rule: listing.rule.clone(),
            title: listing.title.clone(),
            kind: Support::Posture,
            checks: said(&listing.rule),
        },
        severity: listing.severity,
        controls: &listing.controls,
    });
    let runtime = runtime.iter().map(|rule| Naming {
        supporting: Supporting {
            rule: rule.id.clone(),
            title: rule.title.clone(),
            kind: Support::Runtime,
            checks: Score::default(),
        },
        severity: rule.severity,
        controls: &rule.controls,
    });
    posture.chain(runtime).collect()
}

fn control(
    framework: &str,
    id: &str,
    told: Option<&ControlTold>,
    naming: &[Naming<'_>],
) -> Control {
    let names = |rule: &&Naming<'_>| {
        rule.controls.get(framework).is_some_and(|controls| controls.iter().any(|one| one == id))
    };
    let of: Vec<&Naming<'_>> = naming.iter().filter(names).collect();
    let checks = of.iter().map(|rule| rule.supporting.checks).fold(Score::default(), Score::plus);
    let failing = of.iter().filter(|rule| rule.supporting.checks.fail > 0);
    Control {
        id: id.to_owned(),
        title: told.map(|told| told.title.clone()).unwrap_or_default(),
        supports: told.map(|told| told.supports.clone()).unwrap_or_default(),
        standing: standing(checks),
        checks,
        worst: failing.map(|rule| rule.severity).min(),
        rules: of.into_iter().map(|rule| rule.supporting.clone()).collect(),
    }
}

/// Where nothing was looked at, nothing is said.
const fn standing(checks: Score) -> Standing {
    match checks {
        Score { fail, accepted, .. } if fail > accepted => Standing::Findings,
        Score { unknown: 1.., .. } => Standing::Untold,
        Score { fail: 1.., .. } => Standing::Accepted,
        Score { pass: 1.., .. } => Standing::Clear,
        Score { .. } => Standing::NotAssessed,
    }
}

/// `A.5.3` before `A.5.14`: digits are compared as numbers.
fn naturally(one: &str, other: &str) -> Ordering {
    parts(one).cmp(&parts(other)).then_with(|| one.cmp(other))
}

/// Runs of digits as numbers, which stand before the text that follows them.
fn parts(text: &str) -> Vec<(String, u64)> {
    let mut parts = vec![(String::new(), 0_u64)];
    for sign in text.chars() {
        let Some((word, number)) = parts.last_mut() else { continue };
        match sign.to_digit(10) {
            Some(digit) => *number = number.saturating_mul(10).saturating_add(u64::from(digit)),
            None if *number == 0 => word.push(sign),
            None => parts.push((sign.to_string(), 0)),
        }
    }
    parts
}
