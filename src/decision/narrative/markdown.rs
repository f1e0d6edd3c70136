//! The story as Markdown, for comments. Foreign text stands in code spans or is escaped, so that it cannot format, link,
//! mention anybody or leave its cell. No HTML: Bitbucket shows it as text.

use crate::decision::narrative::Narrative;
use crate::decision::narrative::RuleStory;
use crate::decision::narrative::seen::cut;
use crate::decision::narrative::text::MAX_VALUE;
use crate::decision::narrative::text::aside;
use crate::decision::narrative::text::listed;
use crate::decision::narrative::text::shown;
use crate::decision::narrative::text::standing;

/// The story as Markdown.
pub fn markdown(story: &Narrative) -> String {
    let parts = [
        format!(
            "**{}** → {}{}: {}",
            capital(story.verdict),
            story.effect,
            aside(story.binds),
            escape(&story.reason)
        ),
        format!("_{}: {}_", story.binds, story.reach),
        about(story),
        rules(story),
        next(story),
        list(story.heard.iter().map(|heard| format!("told: {}", code(heard)))),
        story.freshness.clone(),
        list(story.proof.iter().map(|(label, value)| format!("{label}: {}", code(value)))),
    ];
    let mut text =
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n");
    text.push('\n');
    text
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.map(|item| format!("- {item}")).collect::<Vec<_>>().join("\n")
}

fn about(story: &Narrative) -> String {
    let when = std::iter::once(format!("when: {}", code(&story.at)));
    let about = story.about.iter().map(|(label, value)| format!("{label}: {}", code(value)));
    let changed = story.changed.iter().map(|(field, before, after)| {
        format!("changed {}: {} → {}", code(field), code(before), code(after))
    });
    let softened = story.because.iter().map(|because| format!("softened: {}", escape(because)));
    list(when.chain(about).chain(changed).chain(softened))
}

fn rules(story: &Narrative) -> String {
    if story.rules.is_empty() {
        return String::new();
    }
    let head = ["| rule | outcome | reason | proof | supports |", "|---|---|---|---|---|"];
    let rows = story.rules.iter().map(row);
    head.into_iter().map(str::to_owned).chain(rows).collect::<Vec<_>>().join("\n")
}

fn row(rule: &RuleStory) -> String {
    let facts = rule.facts.iter().map(|(path, value)| code(&format!("{path} = {value}")));
    let reasons = rule.reasons.iter().map(|reason| escape(reason));
    format!(
        "| {} {} | {} | {} | {} | {} |",
        code(&rule.rule),
        escape(&rule.title),
        escape(&standing(rule)),
        reasons.collect::<Vec<_>>().join(" "),
        facts.collect::<Vec<_>>().join("; "),
        escape(&listed(&rule.controls))
    )
}

fn next(story: &Narrative) -> String {
    let unknown =
        story.unknown.iter().map(|(path, why)| format!("unknown {}: {}", code(path), escape(why)));
    let remedies = story.remedies.iter().map(|remedy| format!("what now: {}", escape(remedy)));
    list(unknown.chain(remedies))
}

/// A code span. What would end it, or the table's cell, is shown as an escape.
fn code(text: &str) -> String {
    let text = shown(&cut(text, MAX_VALUE)).replace('`', "\\u{60}").replace('|', "\\u{7c}");
    if text.trim().is_empty() { "(empty)".to_owned() } else { format!("`{text}`") }
}

/// Text outside of code spans: a backslash where every Markdown knows it, else a character reference. Addresses lose
/// what makes them links, and names what makes them mentions.
fn escape(text: &str) -> String {
    let text = shown(&cut(text, MAX_VALUE));
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let is_link = match c {
            ':' => rest.as_str().starts_with("//"),
            '.' => ends_with_www(&out),
            _ => false,
        };
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '{' | '}' | '#' | '!' => {
                out.push('\\');
                out.push(c);
            }
            '<' | '>' | '&' | '|' | '~' | '@' => reference(&mut out, c),
            _ if is_link => reference(&mut out, c),
            _ => out.push(c),
        }
    }
    out
}

fn ends_with_www(text: &str) -> bool {
    text.len()
        .checked_sub(3)
        .and_then(|start| text.get(start..))
        .is_some_and(|end| end.eq_ignore_ascii_case("www"))
}

fn reference(out: &mut String, c: char) {
    out.push_str("&#");
    out.push_str(&u32::from(c).to_string());
    out.push(';');
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
