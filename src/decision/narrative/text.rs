//! The story as plain text for terminals. HTML is the console's matter.

use std::fmt::Write as _;

use crate::decision::narrative::Narrative;
use crate::decision::narrative::RuleStory;
use crate::decision::narrative::seen::cut;
use crate::policy::finding::Controls;

/// Longest value on a line, in characters: a name of ten thousand would push everything else off the screen.
pub const MAX_VALUE: usize = 2_000;

/// The story for a terminal: no colour, a label and a value on each line.
pub fn plain(story: &Narrative) -> String {
    let mut out = format!(
        "{} → {}{}  {}\n",
        story.verdict.to_uppercase(),
        story.effect,
        aside(story.binds),
        value(&story.reason)
    );
    line(&mut out, "reach", &format!("{}: {}", story.binds, story.reach));
    line(&mut out, "when", &story.at);
    for (label, value) in &story.about {
        line(&mut out, label, value);
    }
    for (field, before, after) in &story.changed {
        line(&mut out, "changed", &format!("{field}: {before} → {after}"));
    }
    for because in &story.because {
        line(&mut out, "softened", because);
    }
    for rule in &story.rules {
        rule_lines(&mut out, rule);
    }
    for (path, why) in &story.unknown {
        line(&mut out, "unknown", &format!("{path}: {why}"));
    }
    for remedy in &story.remedies {
        line(&mut out, "what now", remedy);
    }
    if story.rules.iter().all(|rule| rule.verdict.is_none()) {
        supports(&mut out, "supports", &story.controls);
    }
    for heard in &story.heard {
        line(&mut out, "told", heard);
    }
    line(&mut out, "freshness", &story.freshness);
    for (label, value) in &story.proof {
        line(&mut out, label, value);
    }
    out
}

/// Beside an effect that nobody waits for: that it is only said.
pub fn aside(binds: &str) -> &'static str {
    match binds {
        "after" => " (after the fact)",
        "signals" => " (a signal)",
        _ => "",
    }
}

fn rule_lines(out: &mut String, rule: &RuleStory) {
    line(out, "rule", &format!("{} {}: {}", rule.rule, standing(rule), rule.title));
    for reason in &rule.reasons {
        line(out, "  reason", reason);
    }
    let label = if rule.verdict.is_some() { "  proof" } else { "  looked at" };
    for (path, value) in &rule.facts {
        line(out, label, &format!("{path} = {value}"));
    }
    if rule.verdict.is_some() {
        supports(out, "  supports", &rule.controls);
    }
}

/// `matched (approve, given) [shadow]`.
pub fn standing(rule: &RuleStory) -> String {
    let given = if rule.satisfied { ", given" } else { "" };
    let verdict = rule.verdict.map(|verdict| format!(" ({verdict}{given})")).unwrap_or_default();
    let mode = if rule.mode == "enforce" { String::new() } else { format!(" [{}]", rule.mode) };
    format!("{}{verdict}{mode}", rule.outcome)
}

fn supports(out: &mut String, label: &str, controls: &Controls) {
    if !controls.is_empty() {
        line(out, label, &listed(controls));
    }
}

/// `SOC 2 CC6.3, CC8.1 · GDPR Art. 32`.
pub fn listed(controls: &Controls) -> String {
    let each = controls.iter().map(|(framework, ids)| format!("{framework} {}", ids.join(", ")));
    each.collect::<Vec<_>>().join(" · ")
}

fn line(out: &mut String, label: &str, text: &str) {
    // Writing to a `String` cannot fail.
    let _ = writeln!(out, "  {label:<16} {}", value(text));
}

fn value(text: &str) -> String {
    shown(&cut(text, MAX_VALUE))
}

/// Foreign text on a terminal: what controls it, turns its direction or cannot be seen is shown as an escape, never
/// sent (CVE-2021-42574).
pub fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_unseen(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

/// Characters that turn direction, break lines or take no room.
const fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{AD}'
            | '\u{34F}'
            | '\u{61C}'
            | '\u{115F}'
            | '\u{1160}'
            | '\u{17B4}'
            | '\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{3164}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E007F}'
    )
}
