//! What is wrong in a policy file, and where: one message with its place, the line itself and a hint.
//!
//! Messages are written for people who edit policies; nothing here knows Rego.

use std::fmt::Write;

use serde::Deserialize;
use serde::Serialize;

use crate::words;

/// Longest piece of a source line that is shown. Without it a minified file would fill the terminal.
const MAX_SHOWN: usize = 200;

words! {
    /// How bad it is.
    pub enum Gravity {
        /// The bundle is refused.
        Error = "error",
        /// The bundle loads; somebody should look.
        Warning = "warning",
    }
}

/// One thing that is wrong in a file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Diagnostic {
    /// The file, below the bundle's root; empty when the bundle as a whole is meant.
    pub file: String,
    /// Line, from 1; 0 when the whole file is meant.
    pub line: u32,
    /// Column in characters, from 1; 0 when the whole line is meant.
    pub column: u32,
    /// How many characters are meant.
    pub length: u32,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// How bad it is.
    pub severity: Gravity,
    /// The line as it stands in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
}

impl Diagnostic {
    /// About a file as a whole, or about the bundle when `file` is empty.
    pub fn about(file: &str, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: 0,
            column: 0,
            length: 0,
            message: message.into(),
            help: None,
            severity: Gravity::Error,
            excerpt: None,
        }
    }

    /// About the bytes `start..end` of a file's text.
    pub fn at(
        file: &str,
        text: &str,
        bytes: std::ops::Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        let start = floor(text, bytes.start);
        let end = floor(text, bytes.end.max(start));
        let before = text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let rest = text.get(line_start..).unwrap_or_default();
        let line = rest.lines().next().unwrap_or_default();
        let meant = text.get(start..end).unwrap_or_default().lines().next().unwrap_or_default();
        Self {
            line: count(before.matches('\n').count() + 1),
            column: count(text.get(line_start..start).unwrap_or_default().chars().count() + 1),
            length: count(meant.chars().count().max(1)),
            excerpt: Some(line.to_owned()),
            ..Self::about(file, message)
        }
    }

    /// About a line of a file, at a column that counts a tab as `tab` columns.
    pub fn at_column(
        file: &str,
        text: &str,
        line: u32,
        column: u32,
        tab: u32,
        message: impl Into<String>,
    ) -> Self {
        let index = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
        let Some(shown) = text.lines().nth(index) else { return Self::about(file, message) };
        let mut seen = 1;
        let characters = shown
            .chars()
            .take_while(|c| {
                let here = seen < column;
                seen += if *c == '\t' { tab } else { 1 };
                here
            })
            .count();
        Self {
            line,
            column: count(characters + 1),
            length: 1,
            excerpt: Some(shown.to_owned()),
            ..Self::about(file, message)
        }
    }

    /// With a hint.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With a hint, if there is one.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }

    /// As a warning.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Gravity::Warning;
        self
    }

    /// Whether it refuses the bundle.
    pub const fn is_error(&self) -> bool {
        matches!(self.severity, Gravity::Error)
    }

    /// For a terminal: message, place, line, caret, hint. Ends with a line break; without colours.
    pub fn render(&self) -> String {
        let mut out = format!("{}: {}\n", self.severity, printable(&self.message));
        let margin = self.line.to_string().len();
        let _ = match (self.line, self.file.as_str()) {
            (_, "") => Ok(()),
            (0, file) => writeln!(out, "{:margin$}--> {}", "", printable(file)),
            (line, file) => {
                writeln!(out, "{:margin$}--> {}:{line}:{}", "", printable(file), self.column)
            }
        };
        if let Some(line) = self.excerpt.as_deref().filter(|_| self.line > 0) {
            self.render_line(&mut out, line, margin);
        }
        if let Some(help) = &self.help {
            let _ = writeln!(out, "{:margin$} = help: {}", "", printable(help));
        }
        out
    }

    fn render_line(&self, out: &mut String, line: &str, margin: usize) {
        let shown: String = line.chars().take(MAX_SHOWN).map(visible).collect();
        let at = usize::try_from(self.column.saturating_sub(1)).unwrap_or(0);
        let pad: String =
            shown.chars().take(at).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let room = shown.chars().count().saturating_sub(at).max(1);
        let length = usize::try_from(self.length).unwrap_or(1).clamp(1, room);
        let _ = writeln!(out, "{:margin$} |\n{} | {shown}", "", self.line);
        let _ = writeln!(out, "{:margin$} | {pad}{}", "", "^".repeat(length));
    }
}

/// Several, one below the other, with an empty line between.
pub fn render_all(found: &[Diagnostic]) -> String {
    found.iter().map(Diagnostic::render).collect::<Vec<_>>().join("\n")
}

/// The one of `names` that was probably meant, if any is near.
pub fn nearest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let allowed = (word.chars().count() / 3).max(2);
    names
        .into_iter()
        .map(|name| (distance(word, name), name))
        .filter(|(far, _)| *far <= allowed)
        .min_by_key(|(far, name)| (*far, name.len()))
        .map(|(_, name)| name)
}

/// “did you mean …?”, if something is near.
pub fn did_you_mean<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<String> {
    nearest(word, names).map(|name| format!("did you mean `{name}`?"))
}

/// How many letters have to change to come from one word to the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().take(64).enumerate() {
        let mut next = vec![i + 1];
        let mut left = i + 1;
        for ((b, above), corner) in other.iter().zip(row.iter().skip(1)).zip(&row) {
            left = (corner + usize::from(a != *b)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// The start of the character that `at` lies in.
fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A character as it may be shown: what reorders or hides text, or moves the cursor, becomes `�`.
fn visible(c: char) -> char {
    if (c.is_control() && c != '\t') || is_deceptive(c) { '\u{fffd}' } else { c }
}

fn printable(text: &str) -> String {
    text.chars().map(visible).collect()
}

/// Characters that make a text read differently from what it says: bidirectional controls and zero-width characters.
pub fn is_deceptive(c: char) -> bool {
    matches!(
        c,
        '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}
