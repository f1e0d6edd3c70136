//! A record tells its story: rule → reason → proof → control map. Rendered from the record and its bundle alone, the
//! same each time, so that a page, a status and an auditor in ten years read the same words.
//!
//! Nothing is worked out anew here, and no word claims more than [`Binds`] allows.

mod markdown;
mod seen;
mod text;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::decision::Binds;
use crate::decision::Effect;
use crate::decision::Mode;
use crate::decision::Outcome;
use crate::decision::Record;
use crate::decision::narrative::seen::Seen;
use crate::decision::record::Asked;
use crate::decision::record::Names;
use crate::decision::record::Part;
use crate::decision::record::erased;
use crate::graph::Time;
use crate::policy::Bundle;
use crate::policy::Finding;
use crate::policy::Rule;
use crate::policy::Verdict;
use crate::policy::bundle::Severity;
use crate::policy::finding::Controls;
use crate::policy::input::CallerKind;

pub use markdown::markdown;
pub use text::plain;
pub use text::shown;

/// The story of one decision, ready to be shown.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Narrative {
    /// Id of the decision.
    #[schemars(with = "Uuid")]
    pub decision: String,
    /// When it was made, RFC 3339.
    #[schemars(with = "Time")]
    pub at: String,
    /// What the rules say.
    #[schemars(with = "Verdict")]
    pub verdict: &'static str,
    /// What the caller must do.
    #[schemars(with = "Effect")]
    pub effect: &'static str,
    /// How far it reaches.
    #[schemars(with = "Binds")]
    pub binds: &'static str,
    /// The same in plain words.
    pub reach: &'static str,
    /// The sentence that goes first.
    pub reason: String,
    /// What it is about, line by line: (label, value).
    pub about: Vec<(&'static str, String)>,
    /// What changed: (field, before, after).
    pub changed: Vec<(String, String, String)>,
    /// What softened the effect.
    pub because: Vec<String>,
    /// Every rule that was asked, the strictest first.
    pub rules: Vec<RuleStory>,
    /// Facts that could not be learned.
    pub unknown: Vec<(String, String)>,
    /// Every control that a rule which spoke supports; where none spoke, those of the rules that looked.
    pub controls: Controls,
    /// What a stopped person can do.
    pub remedies: Vec<String>,
    /// Who was told of it, and how that went: as it is read, by whoever knows. The record itself does not tell.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub heard: Vec<String>,
    /// How fresh the facts were.
    pub freshness: String,
    /// Where the proof is kept.
    pub proof: Vec<(&'static str, String)>,
}

/// What one rule did.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RuleStory {
    /// Its id.
    pub rule: String,
    /// Its title, from the bundle that was asked.
    pub title: String,
    /// One of the four words.
    #[schemars(with = "Outcome")]
    pub outcome: &'static str,
    /// The strictest it found.
    #[schemars(with = "Option<Verdict>")]
    pub verdict: Option<&'static str>,
    /// How it is taken here.
    #[schemars(with = "Mode")]
    pub mode: &'static str,
    /// Its approval was given by a ticket.
    pub satisfied: bool,
    /// How bad that is.
    #[schemars(with = "Option<Severity>")]
    pub severity: Option<&'static str>,
    /// Its reasons.
    pub reasons: Vec<String>,
    /// The facts the reasons rest on; of a rule that gives none, those it looked at: (path, value).
    pub facts: Vec<(String, String)>,
    /// Controls it supports.
    pub controls: Controls,
    /// Who looks after it.
    pub owner: Option<String>,
}

/// Tells the story. `bundle` is the one of the record's revision; without it titles and controls are missing, and said so.
pub fn tell(record: &Record, bundle: Option<&Bundle>) -> Narrative {
    let public = &record.public;
    let rules = rules(record, bundle);
    Narrative {
        decision: public.decision.to_string(),
        at: public.at.to_string(),
        verdict: public.verdict.as_str(),
        effect: public.effect.as_str(),
        binds: public.binds.as_str(),
        reach: public.reach(),
        reason: record.reason(),
        about: about(record),
        changed: record.names.kept().map(changed).unwrap_or_default(),
        because: public.because.iter().map(|because| because.text.clone()).collect(),
        controls: controls(&rules),
        remedies: remedies(record, bundle),
        unknown: unknown(record),
        heard: Vec::new(),
        freshness: freshness(record),
        proof: proof(record),
        rules,
    }
}

fn rules(record: &Record, bundle: Option<&Bundle>) -> Vec<RuleStory> {
    let seen = Seen::of(&record.input);
    let mut asked: Vec<&Asked> = record.public.rules.iter().collect();
    asked.sort_by_key(|asked| (Reverse(asked.verdict), place(asked.outcome)));
    asked.into_iter().map(|asked| rule_story(record, asked, bundle, &seen)).collect()
}

/// The order in which outcomes are told.
const fn place(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Matched => 0,
        Outcome::CouldNotTell => 1,
        Outcome::DidNotMatch => 2,
        Outcome::NotApplicable => 3,
    }
}

fn rule_story(record: &Record, asked: &Asked, bundle: Option<&Bundle>, seen: &Seen) -> RuleStory {
    let rule = bundle.and_then(|bundle| bundle.rule(&asked.rule));
    let told = record.told.kept();
    let findings: Vec<&Finding> = told
        .into_iter()
        .flat_map(|told| &told.findings)
        .filter(|finding| finding.rule == asked.rule)
        .collect();
    RuleStory {
        rule: asked.rule.to_string(),
        title: title(rule, bundle),
        outcome: asked.outcome.as_str(),
        verdict: asked.verdict.map(Verdict::as_str),
        mode: asked.mode.as_str(),
        satisfied: record.is_satisfied(&asked.rule),
        severity: rule.map(|rule| Severity::as_str(rule.severity)),
        reasons: match &record.told {
            Part::Kept(_) => findings.iter().map(|finding| finding.reason.clone()).collect(),
            Part::Erased(at) if asked.verdict.is_some() => vec![erased(at)],
            Part::Erased(_) => Vec::new(),
        },
        facts: facts(asked, &findings, rule, seen),
        controls: rule.map(|rule| rule.controls.clone()).unwrap_or_default(),
        owner: rule.and_then(|rule| rule.owner.clone()),
    }
}

fn title(rule: Option<&Rule>, bundle: Option<&Bundle>) -> String {
    match (rule, bundle) {
        (Some(rule), _) => rule.title.clone(),
        (None, Some(_)) => "(the gate's own demand)".to_owned(),
        (None, None) => "(the bundle of this revision is not kept here)".to_owned(),
    }
}

/// What the reasons rest on; else what the rule looked at. A rule that is switched off looked at nothing.
fn facts(
    asked: &Asked,
    findings: &[&Finding],
    rule: Option<&Rule>,
    seen: &Seen,
) -> Vec<(String, String)> {
    let mut paths: Vec<&String> = findings.iter().flat_map(|finding| &finding.proof).collect();
    if paths.is_empty() && asked.outcome != Outcome::NotApplicable {
        paths.extend(rule.into_iter().flat_map(|rule| &rule.reads));
    }
    paths.sort();
    paths.dedup();
    paths.into_iter().map(|path| (path.clone(), seen.quote(path))).collect()
}

fn about(record: &Record) -> Vec<(&'static str, String)> {
    let public = &record.public;
    let mut lines = vec![("what", format!("{} ({})", public.event, public.action))];
    match &record.names {
        Part::Erased(at) => lines.push(("who and where", erased(at))),
        Part::Kept(names) => lines.extend(named(names, public.repository.as_ref())),
    }
    if let Part::Erased(at) = &record.input {
        lines.push(("what rules saw", erased(at)));
    }
    lines.push(("caller known as", caller(public.caller).to_owned()));
    lines.push(("connection", format!("{} ({})", public.connection, public.product)));
    lines
}

fn named(names: &Names, repository: Option<&String>) -> Vec<(&'static str, String)> {
    let pull_request = names.pull_request.map(|id| format!("#{id}"));
    let via = (!names.via.is_empty()).then(|| names.via.join("; "));
    let lines = [
        ("who", names.actor.as_ref()),
        ("rights by", via.as_ref()),
        ("repository", names.repository.as_ref().or(repository)),
        ("ref", names.reference.as_ref()),
        ("pull request", pull_request.as_ref()),
        ("environment", names.environment.as_ref()),
        ("owner", names.owner.as_ref()),
        ("asked", names.question.as_ref()),
        ("asked because", names.asked_because.as_ref()),
        ("asked by", names.asker.as_ref()),
    ];
    lines.into_iter().filter_map(|(label, name)| Some((label, name?.clone()))).collect()
}

const fn caller(kind: CallerKind) -> &'static str {
    match kind {
        CallerKind::Step => {
            "a pipeline step, by its own token (some code in that step, not a person)"
        }
        CallerKind::Ci => "another CI, by its own token",
        CallerKind::Service => "a service token",
        CallerKind::Hook => "Bitbucket, by a signed webhook",
        CallerKind::Forge => "Bitbucket, by a Forge token",
        CallerKind::Person => "a signed-in person",
        CallerKind::Discovery => "nobody: found by reading Bitbucket again",
    }
}

fn changed(names: &Names) -> Vec<(String, String, String)> {
    let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    let moved = names.from.is_some() || names.to.is_some();
    let commit = moved.then(|| ("commit".to_owned(), or_none(&names.from), or_none(&names.to)));
    let rows = names.changed.iter();
    let rows = rows.map(|(field, before, after)| (field.clone(), or_none(before), or_none(after)));
    commit.into_iter().chain(rows).collect()
}

fn controls(rules: &[RuleStory]) -> Controls {
    let spoke: Vec<_> = rules.iter().filter(|story| story.verdict.is_some()).collect();
    let looked = || rules.iter().filter(|story| story.outcome != Outcome::NotApplicable.as_str());
    let counted = if spoke.is_empty() { looked().collect() } else { spoke };
    let mut all: Controls = BTreeMap::new();
    for (framework, ids) in counted.into_iter().flat_map(|story| &story.controls) {
        let known = all.entry(framework.clone()).or_default();
        known.extend(ids.iter().cloned());
        known.sort();
        known.dedup();
    }
    all
}

/// What a stopped person can do: who can approve, then the remedies of the rules that hold it up.
fn remedies(record: &Record, bundle: Option<&Bundle>) -> Vec<String> {
    let told = record.told.kept();
    let ask = told.into_iter().flat_map(|told| &told.approvers).map(|who| format!("Ask {who}."));
    let holding = record.public.rules.iter().filter(|asked| {
        Effect::from(asked.verdict.unwrap_or(Verdict::Allow)) != Effect::Proceed
            && !(asked.verdict == Some(Verdict::Approve) && record.is_satisfied(&asked.rule))
    });
    let rules = holding.filter_map(|asked| bundle.and_then(|bundle| bundle.rule(&asked.rule)));
    ask.chain(rules.flat_map(|rule| rule.remedies.iter().cloned())).collect()
}

fn unknown(record: &Record) -> Vec<(String, String)> {
    match &record.told {
        Part::Kept(told) => {
            told.unknown.iter().map(|(path, why)| (path.clone(), why.clone())).collect()
        }
        Part::Erased(_) => Vec::new(),
    }
}

fn freshness(record: &Record) -> String {
    let public = &record.public;
    match public.graph_age_ms {
        None => "No graph was loaded: only what the question itself told was known.".to_owned(),
        Some(age) => {
            let age = duration(age);
            format!("Facts are from graph revision {}, {age} old.", public.graph_revision)
        }
    }
}

/// A length of time for people: `340 ms`, `12 s`, `7 min`, `3 h`, `2 d`.
pub fn duration(millis: u64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"), (1, "ms")];
    let unit = units.iter().find(|(size, _)| millis >= *size).unwrap_or(&(1, "ms"));
    format!("{} {}", millis / unit.0, unit.1)
}

fn proof(record: &Record) -> Vec<(&'static str, String)> {
    let public = &record.public;
    let mut lines = vec![
        ("decision", public.decision.to_string()),
        ("input SHA-256", public.input_sha256.clone()),
        ("bundle", public.bundle.clone()),
    ];
    let ids = [
        ("repository id", public.repository.as_ref()),
        ("actor id", public.actor.as_ref()),
        ("commit", public.commit.as_ref()),
    ];
    lines.extend(ids.into_iter().filter_map(|(label, id)| Some((label, id?.clone()))));
    lines.extend(public.delivery.map(|id| ("delivery", id.to_string())));
    lines.extend(public.ticket.map(|id| ("ticket", id.to_string())));
    lines.extend(public.satisfied_by.iter().map(|id| ("satisfied by", format!("ticket {id}"))));
    let refused = public.refused_grants.iter();
    lines.extend(
        refused.map(|grant| ("grant refused", format!("ticket {}: {}", grant.ticket, grant.why))),
    );
    lines.extend(public.actions.iter().map(|action| ("action", action.clone())));
    if public.remembered {
        lines.push(("answered", "from the memory of an equal question".to_owned()));
    }
    lines
}
