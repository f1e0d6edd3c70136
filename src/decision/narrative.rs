//! A record tells its story: rule → reason → proof → control map. Rendered from the record and its bundle alone, the
//! same each time, so that a page, a status and an auditor in ten years read the same words.

mod text;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::decision::Record;
use crate::decision::record::Asked;
use crate::decision::record::Part;
use crate::policy::Bundle;
use crate::policy::Rule;
use crate::policy::bundle::Severity;
use crate::policy::finding::Controls;

pub use text::markdown;
pub use text::plain;
pub use text::shown;

/// The story of one decision, ready to be shown.
#[derive(Clone, Debug, Serialize)]
pub struct Narrative {
    /// Id of the decision.
    pub decision: String,
    /// When it was made, RFC 3339.
    pub at: String,
    /// What the rules say.
    pub verdict: &'static str,
    /// What the caller must do.
    pub effect: &'static str,
    /// How far it reaches.
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
    /// Every rule that was asked, those that spoke first.
    pub rules: Vec<RuleStory>,
    /// Facts that could not be learned.
    pub unknown: Vec<(String, String)>,
    /// Every control that a rule which spoke supports.
    pub controls: Controls,
    /// What a stopped person can do.
    pub remedies: Vec<String>,
    /// How fresh the facts were.
    pub freshness: String,
    /// Where the proof is kept.
    pub proof: Vec<(&'static str, String)>,
}

/// What one rule did.
#[derive(Clone, Debug, Serialize)]
pub struct RuleStory {
    /// Its id.
    pub rule: String,
    /// Its title, from the bundle that was asked.
    pub title: String,
    /// One of the four words.
    pub outcome: &'static str,
    /// The strictest it found.
    pub verdict: Option<&'static str>,
    /// How it is taken here.
    pub mode: &'static str,
    /// How bad that is.
    pub severity: Option<&'static str>,
    /// Its reasons.
    pub reasons: Vec<String>,
    /// The facts the reasons rest on: (path, value).
    pub facts: Vec<(String, String)>,
    /// Controls it supports.
    pub controls: Controls,
    /// Who looks after it.
    pub owner: Option<String>,
}

/// Tells the story. `bundle` is the one of the record's revision; without it titles and controls are missing, and said so.
pub fn tell(record: &Record, bundle: Option<&Bundle>) -> Narrative {
    let public = &record.public;
    let mut rules: Vec<RuleStory> =
        public.rules.iter().map(|asked| rule_story(record, asked, bundle)).collect();
    rules.sort_by_key(|story| (story.verdict.is_none(), story.outcome == "did-not-match"));
    Narrative {
        decision: public.decision.to_string(),
        at: public.at.to_string(),
        verdict: public.verdict.as_str(),
        effect: public.effect.as_str(),
        binds: public.binds.as_str(),
        reach: public.binds.in_words(),
        reason: record.reason(),
        about: about(record),
        changed: changed(record),
        because: public.because.iter().map(|because| because.text.clone()).collect(),
        controls: controls_of(&rules),
        remedies: remedies(record, bundle),
        unknown: unknown(record),
        freshness: freshness(record),
        proof: proof(record),
        rules,
    }
}

fn rule_story(record: &Record, asked: &Asked, bundle: Option<&Bundle>) -> RuleStory {
    let rule = bundle.and_then(|bundle| bundle.rule(&asked.rule));
    let findings = || {
        record
            .told
            .kept()
            .into_iter()
            .flat_map(|told| &told.findings)
            .filter(|f| f.rule == asked.rule)
    };
    let mut facts: Vec<(String, String)> = findings()
        .flat_map(|finding| &finding.proof)
        .map(|path| (path.clone(), quote(record, path)))
        .collect();
    facts.sort();
    facts.dedup();
    RuleStory {
        rule: asked.rule.to_string(),
        title: rule.map_or_else(
            || "(the bundle of this revision is not kept here)".to_owned(),
            |rule| rule.title.clone(),
        ),
        outcome: asked.outcome.as_str(),
        verdict: asked.verdict.map(crate::policy::Verdict::as_str),
        mode: asked.mode.as_str(),
        severity: rule.map(|rule| Severity::as_str(rule.severity)),
        reasons: match &record.told {
            Part::Kept(_) => findings().map(|finding| finding.reason.clone()).collect(),
            Part::Erased(at) if asked.verdict.is_some() => vec![erased(at)],
            Part::Erased(_) => Vec::new(),
        },
        facts,
        controls: rule.map(|rule| rule.controls.clone()).unwrap_or_default(),
        owner: rule.and_then(|rule| rule.owner.clone()),
    }
}

/// The value at a path of the input, as the rules saw it.
fn quote(record: &Record, path: &str) -> String {
    let input = match &record.input {
        Part::Kept(input) => input,
        Part::Erased(at) => return erased(at),
    };
    let document: Value = serde_json::from_str(input.get()).unwrap_or_default();
    let pointer = format!("/{}", path.replace('.', "/"));
    document.pointer(&pointer).map_or_else(|| "unknown".to_owned(), Value::to_string)
}

fn erased(at: &crate::graph::Time) -> String {
    format!("(erased on {at})")
}

fn about(record: &Record) -> Vec<(&'static str, String)> {
    let public = &record.public;
    let mut lines = vec![("what", format!("{} ({})", public.event, public.action))];
    match &record.names {
        Part::Erased(at) => lines.push(("who and where", erased(at))),
        Part::Kept(names) => {
            let pull_request = names.pull_request.map(|id| format!("#{id}"));
            let named = [
                ("who", &names.actor),
                ("repository", &names.repository),
                ("ref", &names.reference),
                ("pull request", &pull_request),
                ("environment", &names.environment),
                ("owner", &names.owner),
                ("asked because", &names.asked_because),
            ];
            lines.extend(
                named
                    .into_iter()
                    .filter_map(|(label, name)| name.clone().map(|name| (label, name))),
            );
            if !names.via.is_empty() {
                lines.push(("rights by", names.via.join("; ")));
            }
        }
    }
    lines.push(("caller known as", caller(record)));
    lines.push(("connection", format!("{} ({})", public.connection, public.product)));
    lines
}

fn caller(record: &Record) -> String {
    use crate::policy::input::CallerKind;
    match record.public.caller {
        CallerKind::Step => {
            "a pipeline step, by its own token (some code in that step, not a person)"
        }
        CallerKind::Ci => "another CI, by its own token",
        CallerKind::Service => "a service token",
        CallerKind::Hook => "Bitbucket, by a signed webhook",
        CallerKind::Forge => "Bitbucket, by a Forge token",
        CallerKind::Person => "a signed-in person",
    }
    .to_owned()
}

fn changed(record: &Record) -> Vec<(String, String, String)> {
    let Part::Kept(names) = &record.names else { return Vec::new() };
    let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    let mut rows: Vec<_> = names
        .changed
        .iter()
        .map(|(field, before, after)| (field.clone(), or_none(before), or_none(after)))
        .collect();
    if names.from.is_some() || names.to.is_some() {
        rows.insert(0, ("commit".to_owned(), or_none(&names.from), or_none(&names.to)));
    }
    rows
}

fn controls_of(rules: &[RuleStory]) -> Controls {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (framework, ids) in
        rules.iter().filter(|story| story.verdict.is_some()).flat_map(|story| &story.controls)
    {
        let known = all.entry(framework.clone()).or_default();
        known.extend(ids.iter().cloned());
        known.sort();
        known.dedup();
    }
    all
}

/// What a stopped person can do: who can approve, then the remedies of the rules that spoke.
fn remedies(record: &Record, bundle: Option<&Bundle>) -> Vec<String> {
    let approvers = record
        .told
        .kept()
        .into_iter()
        .flat_map(|told| told.approvers.iter().map(|who| format!("Ask {who}.")));
    let spoke = record
        .public
        .rules
        .iter()
        .filter(|asked| asked.verdict > Some(crate::policy::Verdict::Alert));
    let rules = spoke.filter_map(|asked| bundle.and_then(|bundle| bundle.rule(&asked.rule)));
    approvers.chain(rules.flat_map(|rule: &Rule| rule.remedies.iter().cloned())).collect()
}

fn unknown(record: &Record) -> Vec<(String, String)> {
    let told = record.told.kept();
    told.into_iter()
        .flat_map(|told| told.unknown.iter().map(|(path, why)| (path.clone(), why.clone())))
        .collect()
}

fn freshness(record: &Record) -> String {
    let public = &record.public;
    match public.graph_age_ms {
        None => "No graph was loaded: only what the question itself told was known.".to_owned(),
        Some(age) => {
            format!(
                "Facts are from graph revision {}, {} old.",
                public.graph_revision,
                duration(age)
            )
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
    lines.extend(public.delivery.map(|id| ("delivery", id.to_string())));
    lines.extend(public.ticket.map(|id| ("ticket", id.to_string())));
    lines.extend(public.satisfied_by.iter().map(|id| ("satisfied by ticket", id.to_string())));
    lines.extend(
        public
            .refused_grants
            .iter()
            .map(|grant| ("grant refused", format!("{}: {}", grant.ticket, grant.why))),
    );
    lines.extend(public.actions.iter().map(|action| ("done about it", action.clone())));
    if public.remembered {
        lines.push(("answered", "from the memory of an equal question".to_owned()));
    }
    lines
}
