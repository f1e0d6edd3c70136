//! The story as plain text for terminals and as Markdown for comments. HTML is the console's matter.

use std::fmt::Write as _;

use crate::decision::narrative::Narrative;
use crate::decision::narrative::RuleStory;
use crate::policy::finding::Controls;

/// The story for a terminal: no colour, at most one blank line between parts.
pub fn plain(story: &Narrative) -> String {
    let mut out =
        format!("{} → {}  {}\n", story.verdict.to_uppercase(), story.effect, story.reason);
    line(&mut out, "reach", &format!("{}: {}", story.binds, story.reach));
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
    if !story.controls.is_empty() {
        line(&mut out, "supports", &controls(&story.controls));
    }
    line(&mut out, "freshness", &story.freshness);
    for (label, value) in &story.proof {
        line(&mut out, label, value);
    }
    out
}

fn rule_lines(out: &mut String, rule: &RuleStory) {
    let verdict = rule.verdict.map(|verdict| format!(" ({verdict})")).unwrap_or_default();
    let mode = if rule.mode == "enforce" { String::new() } else { format!(" [{}]", rule.mode) };
    line(out, "rule", &format!("{} {}{verdict}{mode}: {}", rule.rule, rule.outcome, rule.title));
    for reason in &rule.reasons {
        line(out, "  reason", reason);
    }
    for (path, value) in &rule.facts {
        line(out, "  proof", &format!("{path} = {value}"));
    }
}

fn line(out: &mut String, label: &str, value: &str) {
    // Writing to a `String` cannot fail.
    let _ = writeln!(out, "  {label:<16} {}", shown(value));
}

/// Foreign text where people read: control, direction and invisible characters are shown as escapes, never sent.
pub fn shown(text: &str) -> String {
    let risky = |c: char| {
        c.is_control()
            || matches!(
                c,
                '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
                    | '\u{2060}'..='\u{2069}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}'
            )
    };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if risky(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

fn controls(controls: &Controls) -> String {
    let each = controls.iter().map(|(framework, ids)| format!("{framework} {}", ids.join(", ")));
    each.collect::<Vec<_>>().join(" · ")
}

/// The story as Markdown. Foreign text stands in code spans, so that it cannot format or link anything.
pub fn markdown(story: &Narrative) -> String {
    let mut out =
        format!("**{}** → {}: {}\n\n", title(story.verdict), story.effect, escape(&story.reason));
    let mut push = |text: String| out.push_str(&text);
    push(format!("_{}: {}_\n\n", story.binds, story.reach));
    for (label, value) in &story.about {
        push(format!("- {label}: {}\n", code(value)));
    }
    for (field, before, after) in &story.changed {
        push(format!("- changed {}: {} → {}\n", code(field), code(before), code(after)));
    }
    for because in &story.because {
        push(format!("- softened: {}\n", escape(because)));
    }
    push("\n| rule | outcome | reason | proof | controls |\n|---|---|---|---|---|\n".to_owned());
    for rule in &story.rules {
        push(rule_row(rule));
    }
    for (path, why) in &story.unknown {
        push(format!("\n- unknown {}: {}", code(path), escape(why)));
    }
    for remedy in &story.remedies {
        push(format!("\n- what now: {}", escape(remedy)));
    }
    push(format!("\n\n{}\n\n", story.freshness));
    for (label, value) in &story.proof {
        push(format!("- {label}: {}\n", code(value)));
    }
    out
}

fn rule_row(rule: &RuleStory) -> String {
    let facts: Vec<_> =
        rule.facts.iter().map(|(path, value)| code(&format!("{path} = {value}"))).collect();
    let reasons: Vec<_> = rule.reasons.iter().map(|reason| escape(reason)).collect();
    format!(
        "| {} {} | {} | {} | {} | {} |\n",
        code(&rule.rule),
        escape(&rule.title),
        rule.outcome,
        reasons.join("<br>"),
        facts.join("<br>"),
        controls(&rule.controls)
    )
}

fn code(text: &str) -> String {
    format!("`{}`", shown(text).replace('`', "'").replace('|', "\\|"))
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in shown(text).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '!') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn title(verdict: &str) -> String {
    let mut letters = verdict.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
