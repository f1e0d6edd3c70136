//! A look at the bare text of a policy before the parser sees it: sizes, nesting and characters that deceive.
//!
//! The engine's parser tries the first element of a literal twice, level by level, and calls itself for each nested
//! expression. So a short file could keep it busy for hours or overflow its stack. What passes here parses in bounded
//! time and depth. It is no syntax check: that is the parser's.

use std::ops::Range;

use regorus::Source;
use regorus::unstable::Lexer;
use regorus::unstable::Token;
use regorus::unstable::TokenKind;

use crate::policy::diagnostic::Diagnostic;
use crate::policy::diagnostic::is_deceptive;
use crate::policy::parse;

/// Largest policy file. A hand-written rule is 2 to 10 KiB.
pub const MAX_FILE_BYTES: usize = 256 * 1024;

/// Longest line, in columns (a tab is four): the engine's own limit.
pub const MAX_COLUMNS: usize = 1_000;

/// Deepest nesting of brackets of any kind. Each first-position level doubles the parser's work.
pub const MAX_NESTING: usize = 14;

/// Most attempts the parser may need for the literals of one file: about half a second.
const MAX_ATTEMPTS: u64 = 1 << 16;

/// Longest chain of operators, dots and signs in one expression. Each is a level of the parser's or compiler's stack.
pub const MAX_CHAIN: usize = 1_000;

/// Whether this text may be given to the parser.
pub fn scan(file: &str, text: &str) -> Result<(), Diagnostic> {
    if text.len() > MAX_FILE_BYTES {
        let size = text.len().div_ceil(1024);
        return Err(Diagnostic::about(
            file,
            format!("this file is {size} KiB long; the limit is {} KiB", MAX_FILE_BYTES / 1024),
        ));
    }
    deceptive(file, text)?;
    columns(file, text)?;
    empty_sets(file, text)?;
    let source = Source::from_contents(file.to_owned(), text.to_owned())
        .map_err(|error| Diagnostic::about(file, error.to_string()))?;
    Walk { file, text, frames: vec![Frame::default()], last: Last::default(), attempts: 0 }
        .run(&source)
}

fn deceptive(file: &str, text: &str) -> Result<(), Diagnostic> {
    let Some((at, c)) = text.char_indices().find(|(_, c)| is_deceptive(*c)) else { return Ok(()) };
    let bytes = at..at + c.len_utf8();
    let message = format!(
        "the invisible character U+{:04X} makes this text read differently from what it does",
        u32::from(c)
    );
    Err(Diagnostic::at(file, text, bytes, message)
        .help(format!("remove it, or write it as `\\u{:04x}` inside a text", u32::from(c))))
}

fn columns(file: &str, text: &str) -> Result<(), Diagnostic> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let wide: usize = line.chars().map(|c| if c == '\t' { 4 } else { 1 }).sum();
        if wide > MAX_COLUMNS {
            let message = format!("this line is longer than {MAX_COLUMNS} columns");
            return Err(Diagnostic::at(file, text, start..start + 1, message));
        }
        start += line.len();
    }
    Ok(())
}

/// `set(set(set(…`: the lexer calls itself for each, so a chain of them is refused before it runs.
fn empty_sets(file: &str, text: &str) -> Result<(), Diagnostic> {
    let mut chain = 0;
    let mut end = 0;
    for (at, found) in text.match_indices("set(") {
        let between = text.get(end..at).unwrap_or_default();
        chain = if between.trim().is_empty() || between.contains('#') { chain + 1 } else { 0 };
        end = at + found.len();
        if chain > MAX_NESTING {
            return Err(Diagnostic::at(file, text, at..end, "`set(` is nested too deeply")
                .help("the empty set is `set()`; a set with members is `{…}`"));
        }
    }
    Ok(())
}

/// One open bracket.
#[derive(Default)]
struct Frame {
    /// How many times over the parser reads this bracket's content, as a power of two.
    exponent: u32,
    /// A literal list, set or object whose first comma has not been seen.
    first: bool,
    /// Operators, dots and signs since the last separator.
    chain: usize,
}

/// What the token before was.
#[derive(Default)]
struct Last {
    operand: bool,
    opens_block: bool,
    line: u32,
}

struct Walk<'t> {
    file: &'t str,
    text: &'t str,
    frames: Vec<Frame>,
    last: Last,
    attempts: u64,
}

impl Walk<'_> {
    fn run(mut self, source: &Source) -> Result<(), Diagnostic> {
        let mut lexer = Lexer::new(source);
        loop {
            let token = lexer
                .next_token()
                .map_err(|error| parse::engine_error(self.file, self.text, &error.to_string()))?;
            if token.0 == TokenKind::Eof {
                return Ok(());
            }
            self.token(&token)?;
        }
    }

    fn token(&mut self, Token(kind, span): &Token) -> Result<(), Diagnostic> {
        let bytes = parse::bytes(span);
        let text = span.text();
        let symbol = *kind == TokenKind::Symbol;
        if !symbol && self.last.operand && self.last.line < span.line {
            self.separate();
        }
        match text {
            "[" | "{" | "(" | "set(" if symbol || text == "set(" => {
                self.open(text, span.line, bytes)?;
            }
            "]" | "}" | ")" if symbol && self.frames.len() > 1 => {
                self.frames.pop();
            }
            "]" | "}" | ")" if symbol => {}
            "," if symbol => {
                self.separate();
                self.top(|frame| frame.first = false);
            }
            ";" | ":" | ":=" | "=" if symbol => self.separate(),
            _ if symbol => self.chained(&bytes)?,
            "not" | "in" | "some" | "every" | "else" | "with" | "as" | "import" | "default" => {
                self.chained(&bytes)?;
            }
            _ => {}
        }
        let word = *kind == TokenKind::Ident;
        let keyword = word
            && matches!(
                text,
                "if" | "else" | "in" | "not" | "contains" | "some" | "every" | "with" | "as"
            );
        self.last = Last {
            operand: matches!(text, "]" | "}" | ")") && symbol || (!symbol && !keyword),
            opens_block: word && matches!(text, "if" | "else"),
            line: span.line,
        };
        Ok(())
    }

    fn open(&mut self, text: &str, line: u32, bytes: Range<usize>) -> Result<(), Diagnostic> {
        if self.frames.len() > MAX_NESTING {
            let message = format!("brackets are nested more than {MAX_NESTING} deep");
            return Err(Diagnostic::at(self.file, self.text, bytes, message)
                .help("name an inner part with a rule or variable of its own"));
        }
        let block =
            text == "{" && (self.last.opens_block || (self.last.operand && self.last.line == line));
        let outer = self.frames.last().map_or((0, false), |frame| (frame.exponent, frame.first));
        let exponent = outer.0 + u32::from(outer.1);
        if text == "[" || text == "{" {
            self.attempts = self.attempts.saturating_add(1 << exponent.min(32));
        }
        if self.attempts > MAX_ATTEMPTS {
            return Err(Diagnostic::at(
                self.file,
                self.text,
                bytes,
                "the literals up to here are nested too deeply to be read in time",
            )
            .help("put the simplest element first, or the whole value into a data.json"));
        }
        let literal = (text == "[" || text == "{") && !block;
        self.frames.push(Frame { exponent, first: literal, chain: 0 });
        Ok(())
    }

    fn chained(&mut self, bytes: &Range<usize>) -> Result<(), Diagnostic> {
        let mut chain = 0;
        self.top(|frame| {
            frame.chain += 1;
            chain = frame.chain;
        });
        if chain > MAX_CHAIN {
            let message = format!("more than {MAX_CHAIN} operators stand in one expression");
            return Err(Diagnostic::at(self.file, self.text, bytes.clone(), message));
        }
        Ok(())
    }

    fn separate(&mut self) {
        self.top(|frame| frame.chain = 0);
    }

    fn top(&mut self, change: impl FnOnce(&mut Frame)) {
        if let Some(frame) = self.frames.last_mut() {
            change(frame);
        }
    }
}
