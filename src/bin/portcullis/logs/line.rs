//! One line of the log, from an event's fields.

use std::fmt;
use std::fmt::Write as _;

use tracing::Level;
use tracing::field::Field;
use tracing::field::Visit;

/// Longest value, bytes; what is longer ends in `…`. Without it one body could fill a disk by its echo in the log.
pub const MAX_VALUE: usize = 1_024;

/// An event on its way to a line.
pub struct Line {
    level: Level,
    at: String,
    message: String,
    fields: Vec<(&'static str, Value)>,
}

enum Value {
    /// From anywhere: to be quoted.
    Text(String),
    /// A number or a truth value, as JSON writes it.
    Bare(String),
}

impl Line {
    /// Nothing said yet, at this time as it is to be written.
    pub const fn new(level: Level, at: String) -> Self {
        Self { level, at, message: String::new(), fields: Vec::new() }
    }

    /// Adds what something says of itself.
    pub fn text(&mut self, name: &'static str, value: &dyn fmt::Display) {
        self.fields.push((name, Value::Text(Cut::of(format_args!("{value}")))));
    }

    fn bare(&mut self, field: &Field, value: impl fmt::Display) {
        self.fields.push((field.name(), Value::Bare(value.to_string())));
    }

    /// One JSON object.
    pub fn json(self, target: &str) -> String {
        let mut out = format!("{{\"timestamp\":\"{}\",\"level\":\"{}\"", self.at, self.level);
        for (name, value) in [("message", Value::Text(self.message))]
            .into_iter()
            .chain(self.fields)
            .chain([("target", Value::Text(target.to_owned()))])
        {
            out.push(',');
            quote(&mut out, name, Escape::Json);
            out.push(':');
            match value {
                Value::Text(text) => quote(&mut out, &text, Escape::Json),
                Value::Bare(bare) => out.push_str(&bare),
            }
        }
        out.push('}');
        out
    }

    /// A line for people. Values are quoted where they could be taken for more than one.
    pub fn for_people(self, colours: bool) -> String {
        let (on, off) = if colours { (colour(self.level), "\u{1b}[0m") } else { ("", "") };
        let mut out = format!("{} {on}{:>5}{off} ", self.at, self.level.as_str());
        escape(&mut out, &self.message, Escape::People);
        for (name, value) in self.fields {
            let _ = write!(out, " {name}=");
            match value {
                Value::Text(text) if is_one_word(&text) => out.push_str(&text),
                Value::Text(text) => quote(&mut out, &text, Escape::People),
                Value::Bare(bare) => out.push_str(&bare),
            }
        }
        out
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = Cut::of(format_args!("{value:?}"));
        if field.name() == "message" {
            self.message = text;
        } else {
            self.fields.push((field.name(), Value::Text(text)));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.bare(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no word for what is no number.
        if value.is_finite() { self.bare(field, value) } else { self.text(field.name(), &value) }
    }
}

/// Takes as much of a text as a value may have, however much is written.
struct Cut {
    text: String,
    over: bool,
}

impl Cut {
    fn of(text: fmt::Arguments<'_>) -> String {
        let mut cut = Self { text: String::new(), over: false };
        // What cannot say itself has said what it could.
        let _ = cut.write_fmt(text);
        if cut.over {
            cut.text.push('…');
        }
        cut.text
    }
}

impl fmt::Write for Cut {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let left = MAX_VALUE - self.text.len().min(MAX_VALUE);
        let end = more.floor_char_boundary(left);
        self.over |= end < more.len();
        // Nothing may follow what was cut.
        if end > 0 {
            self.text.push_str(more.get(..end).unwrap_or_default());
        }
        if self.over { Err(fmt::Error) } else { Ok(()) }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Escape {
    Json,
    People,
}

fn quote(out: &mut String, text: &str, how: Escape) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\\']) {
        let (before, after) = rest.split_at(at);
        escape(out, before, how);
        out.push('\\');
        let mut after = after.chars();
        out.extend(after.next());
        rest = after.as_str();
    }
    escape(out, rest, how);
    out.push('"');
}

fn escape(out: &mut String, text: &str, how: Escape) {
    for c in text.chars() {
        let code = u32::from(c);
        let _ = match (how, c) {
            (_, '\n') => out.write_str("\\n"),
            (_, '\r') => out.write_str("\\r"),
            (_, '\t') => out.write_str("\\t"),
            (Escape::Json, c) if is_hidden(c) => write!(out, "\\u{code:04x}"),
            (Escape::People, c) if is_hidden(c) => write!(out, "\\u{{{code:x}}}"),
            (Escape::Json | Escape::People, c) => out.write_char(c),
        };
    }
}

/// What no reader sees as itself: controls, other line ends, what turns text round, what has no width. All of it within
/// the first plane, so that four hex digits name it.
const fn is_hidden(c: char) -> bool {
    matches!(
        c,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
    )
}

fn is_one_word(text: &str) -> bool {
    !text.is_empty()
        && !text
            .contains(|c: char| c.is_whitespace() || is_hidden(c) || matches!(c, '"' | '=' | '\\'))
}

const fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\u{1b}[31m",
        Level::WARN => "\u{1b}[33m",
        Level::INFO => "\u{1b}[32m",
        Level::DEBUG => "\u{1b}[34m",
        Level::TRACE => "\u{1b}[35m",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(value: &str) -> (serde_json::Value, String) {
        let line = || {
            let mut line = Line::new(Level::WARN, "2026-11-30T12:00:00.000000Z".to_owned());
            line.message = Cut::of(format_args!("{value}"));
            line.text("why", &value);
            line.fields.push(("tries", Value::Bare("3".to_owned())));
            line
        };
        let json = line().json("portcullis");
        assert!(!json.chars().any(is_hidden), "{json:?}");
        let people = line().for_people(false);
        assert!(!people.chars().any(is_hidden), "{people:?}");
        (serde_json::from_str(&json).unwrap_or_else(|_| panic!("no JSON: {json}")), people)
    }

    #[test]
    fn a_value_comes_back_as_it_was_said() {
        for value in [
            "",
            "plain",
            "a \"quoted\" \\ one",
            "CR\rLF\n\ttab",
            "\u{1b}[31mred\u{202e}der",
            "\u{2028}\u{85}",
        ] {
            let (json, _) = said(value);
            assert_eq!(json["why"], value);
            assert_eq!(json["message"], value);
            assert_eq!(json["tries"], 3);
        }
    }

    #[test]
    fn a_value_is_cut_at_a_kilobyte_on_a_character() {
        let (json, people) = said(&"é".repeat(1_000_000));
        assert_eq!(json["why"].as_str().unwrap(), format!("{}…", "é".repeat(512)));
        assert!(people.len() < 3 * MAX_VALUE, "{}", people.len());
        let whole = "x".repeat(MAX_VALUE);
        assert_eq!(said(&whole).0["why"], whole);
        assert_eq!(
            said(&format!("x{}", "é".repeat(600))).0["why"].as_str().unwrap().len(),
            1_023 + 3
        );
    }

    #[test]
    fn a_value_cannot_pretend_to_be_another_field() {
        let (_, people) = said("x level=ERROR\nERROR the gate is gone");
        assert!(
            people.ends_with("why=\"x level=ERROR\\nERROR the gate is gone\" tries=3"),
            "{people}"
        );
        assert_eq!(people.lines().count(), 1);
    }
}
