//! Findings in words: a list, one in short, and the whole story of one.

use portcullis::gateway::findings::FindingStory;
use portcullis::posture::Finding;
use portcullis::posture::Outcome;
use portcullis::posture::State;
use portcullis::posture::kept::Deed;
use portcullis::posture::kept::Step;

use crate::layout::cut;
use crate::layout::labelled;
use crate::operator::table::listing;

/// Longest value of a fact that is shown, characters; `--format json` shows all of it.
const MAX_VALUE: usize = 300;

/// Findings, a few lines each; with the connection where they are of several.
pub fn list(findings: &[Finding]) -> String {
    let several = findings.iter().any(|one| Some(&one.connection) != first(findings));
    let entry = |finding: &Finding| {
        let on = if several { format!("  {}", finding.connection) } else { String::new() };
        entry(finding, &on)
    };
    listing(findings.iter().map(entry), "nothing is found")
}

fn first(findings: &[Finding]) -> Option<&String> {
    findings.first().map(|finding| &finding.connection)
}

fn entry(finding: &Finding, on: &str) -> Vec<String> {
    let mut lines = vec![format!("{}{on}", head(finding))];
    lines.extend(what(finding));
    lines.push(format!("should be: {}", finding.title));
    lines.push(format!("{}, {}, owner: {}", finding.id, standing(finding), owner(finding)));
    lines
}

fn head(finding: &Finding) -> String {
    let word = match finding.outcome {
        Outcome::Fail => finding.severity.as_str().to_uppercase(),
        Outcome::Unknown => format!("UNKNOWN ({})", finding.severity),
        Outcome::Pass => "PASS".to_owned(),
    };
    format!("{word}  {} {}", finding.subject.kind, finding.subject.name)
}

fn standing(finding: &Finding) -> String {
    let since = finding.since.to_string();
    let day = since.get(..10).unwrap_or(&since);
    match (finding.state, &finding.accepted) {
        (State::Accepted, Some(accepted)) => {
            let until = accepted.until.to_string();
            format!("accepted until {}", until.get(..10).unwrap_or(&until))
        }
        (state, _) => format!("{state} since {day}"),
    }
}

fn owner(finding: &Finding) -> String {
    format!("{} ({})", finding.owner.name, finding.owner.sure)
}

/// Why it fails, or why it cannot be told.
fn what(finding: &Finding) -> Vec<String> {
    let gaps = finding.unknown.iter().map(|gap| format!("unknown: {}: {}", gap.path, gap.why));
    match finding.outcome {
        Outcome::Fail => finding.reasons.iter().map(|reason| reason.text.clone()).collect(),
        Outcome::Unknown => gaps.collect(),
        Outcome::Pass => Vec::new(),
    }
}

/// One finding in a few lines.
pub fn short(story: &FindingStory) -> String {
    let finding = &story.finding;
    let mut out = format!("{}\n", head(finding));
    out.push_str(&labelled("finding", &format!("{}, {}", finding.id, standing(finding))));
    out.push_str(&labelled("should be", &finding.title));
    out.push_str(&labelled("owner", &format!("{}: {}", owner(finding), finding.owner.why)));
    for line in what(finding) {
        out.push_str(&labelled("because", &line));
    }
    if let Some(accepted) = &finding.accepted {
        let told = format!("by {}, because {}", accepted.by, accepted.because);
        out.push_str(&labelled("accepted", &told));
    }
    if let Some(remedy) = remedies(story).first() {
        out.push_str(&labelled("remedy", remedy));
    }
    out
}

/// Everything that is known of one finding.
pub fn story(story: &FindingStory) -> String {
    let finding = &story.finding;
    let mut out = format!("{}\n", head(finding));
    let mut line = |label: &str, text: &str| {
        if !text.is_empty() {
            out.push_str(&labelled(label, text));
        }
    };
    line("finding", &format!("{}, {}", finding.id, standing(finding)));
    line(
        "about",
        &format!("{} {} ({})", finding.subject.kind, finding.subject.name, finding.subject.id),
    );
    line("class", finding.subject.class.as_deref().unwrap_or_default());
    line("owner", &format!("{}: {}", owner(finding), finding.owner.why));
    line("should be", &finding.title);
    line("rule", &format!("{}, category {}", finding.rule, finding.category));
    if let Some(rule) = &story.rule {
        line("", &rule.description);
    }
    for alias in &finding.aliases {
        line("known as", &format!("{} ({}): {}", alias.id, alias.severity, alias.title));
    }
    let said_last = finding.outcome == Outcome::Unknown && !finding.reasons.is_empty();
    if said_last {
        line(
            "note",
            "It cannot be told at the moment. What follows was said of it last, and it stays what it was.",
        );
    }
    for reason in &finding.reasons {
        line("because", &reason.text);
    }
    let mut label = "proof";
    for fact in &story.facts {
        let value = cut(&fact.value.to_string(), MAX_VALUE);
        line(std::mem::take(&mut label), &format!("{} = {value}", fact.path));
    }
    if !story.facts.is_empty() {
        line("", &format!("as read {} ({} ago)", story.as_of, age(story.age_ms)));
    }
    for gap in &finding.unknown {
        line("unknown", &format!("{}: {}", gap.path, gap.why));
    }
    if let Some(rule) = &story.rule {
        line("blind to", &rule.blind);
        let needs = rule.needs.iter().map(|need| format!("{} {}", need.product, need.scope));
        line("needs", &needs.collect::<Vec<_>>().join(" · "));
    }
    let mut label = "remedy";
    for remedy in remedies(story) {
        line(std::mem::take(&mut label), &remedy);
    }
    if let Some(rule) = &story.rule {
        let controls =
            rule.controls.iter().map(|(framework, ids)| format!("{framework} {}", ids.join(", ")));
        line("supports", &controls.collect::<Vec<_>>().join(" · "));
    }
    line("seen", &format!("first {}, last {}", finding.first_seen, finding.last_seen));
    let mut label = "history";
    for step in &story.steps {
        line(std::mem::take(&mut label), &told(step));
    }
    out
}

/// How to remedy it on its product: steps, and the call behind them.
pub fn remedies(story: &FindingStory) -> Vec<String> {
    let Some(rule) = &story.rule else { return Vec::new() };
    let product = story.product.map(|product| product.as_str().to_owned());
    let fitting = rule
        .remedies
        .iter()
        .filter(|one| one.product.is_none() || product.is_none() || one.product == product);
    let told = fitting.map(|one| match &one.call {
        Some(call) => format!("{} By API: {call}", one.steps),
        None => one.steps.clone(),
    });
    told.collect()
}

fn told(step: &Step) -> String {
    let by = step.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let because = step.because.as_ref().map(|text| format!(", because {text}")).unwrap_or_default();
    let until = step.until.map(|until| format!(", until {until}")).unwrap_or_default();
    let note = match step.deed {
        Deed::Lapsed => format!(": it is {} again", step.state),
        Deed::Gone => ": what it was about is there no more".to_owned(),
        Deed::Found | Deed::Acknowledged | Deed::Accepted | Deed::Fixed | Deed::Regressed => {
            String::new()
        }
    };
    format!("{}  {}{by}{because}{until}{note}", step.at, step.deed)
}

fn age(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}
