//! A Rust file as plain text: what is code, what is a string, what is only there for tests.
//!
//! Not a parser. It knows comments, strings, brackets and `#[cfg(test)]`, which is all that reading arrows needs,
//! and it keeps every byte at its place so that line numbers stay true.

/// One file, taken apart. All texts have the length of the original.
pub struct Source {
    /// Comments and the insides of strings are blank.
    pub code: String,
    /// `code` without what only tests see.
    pub plain: String,
    /// The insides of strings that are not in tests, with the line where each begins.
    pub strings: Vec<(usize, String)>,
}

impl Source {
    pub fn read(text: &str) -> Self {
        let (code, strings) = blank(text);
        let plain = without_tests(&code);
        let kept = |at: usize| plain.as_bytes()[at] == b'"';
        let strings = strings
            .into_iter()
            .filter(|(at, _)| kept(*at))
            .map(|(at, s)| (line(text, at), s))
            .collect();
        Self { code, plain, strings }
    }
}

/// The line, from 1, in which a byte stands.
pub fn line(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Where `needle` stands as a whole word, as far as its ends are letters.
pub fn occurrences(code: &str, needle: &str) -> Vec<usize> {
    let lettered =
        |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let (bytes, own) = (code.as_bytes(), needle.as_bytes());
    code.match_indices(needle)
        .map(|(at, _)| at)
        .filter(|at| !(lettered(own.first()) && *at > 0 && lettered(bytes.get(at - 1))))
        .filter(|at| !(lettered(own.last()) && lettered(bytes.get(at + own.len()))))
        .collect()
}

/// The name at the beginning of a text.
pub fn name(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    &text[..end]
}

/// Every `use` of a file, its braces written out: `use std::{env, io::Read}` gives `std::env` and `std::io::Read`.
pub fn uses(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for at in occurrences(code, "use") {
        let tree: String = code[at + 3..].chars().take_while(|c| *c != ';').collect();
        let tree: String = tree.split_whitespace().collect::<Vec<_>>().join(" ");
        found.extend(branches(&tree).into_iter().map(|path| (at, path)));
    }
    found
}

fn branches(tree: &str) -> Vec<String> {
    let Some((stem, rest)) = tree.split_once('{') else { return vec![tree.trim().to_owned()] };
    let inside = rest.rsplit_once('}').map_or(rest, |(inside, _)| inside);
    let (mut depth, mut from, mut found) = (0_i32, 0, Vec::new());
    for (at, c) in inside.char_indices().chain([(inside.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.extend(
                    branches(&inside[from..at])
                        .into_iter()
                        .map(|leaf| format!("{}{leaf}", stem.trim())),
                );
                from = at + 1;
            }
            _ => {}
        }
    }
    found
}

/// Files that are test modules: `#[cfg(test)] mod tests;` in `src/graph.rs` is `src/graph/tests.rs`.
pub fn test_modules(path: &str, code: &str) -> Vec<String> {
    let folder = match path.rsplit_once('/') {
        Some((folder, "lib.rs" | "main.rs")) => folder,
        _ => path.trim_end_matches(".rs"),
    };
    let modules =
        code.match_indices(TEST_MARK).map(|(at, mark)| code[at + mark.len()..].trim_start());
    let names = modules.filter_map(|rest| rest.strip_prefix("mod ")).map(|rest| (name(rest), rest));
    names
        .filter(|(name, rest)| rest[name.len()..].starts_with(';'))
        .map(|(n, _)| format!("{folder}/{n}.rs"))
        .collect()
}

const TEST_MARK: &str = "#[cfg(test)]";

fn without_tests(code: &str) -> String {
    let mut plain = code.as_bytes().to_vec();
    for (at, _) in code.match_indices(TEST_MARK) {
        let end = item_end(&code.as_bytes()[at + TEST_MARK.len()..]) + at + TEST_MARK.len();
        wipe(&mut plain[at..end]);
    }
    String::from_utf8(plain).expect("only whole characters were wiped")
}

/// How far an item reaches: to its `;`, or to the bracket that closes its body.
fn item_end(code: &[u8]) -> usize {
    let mut depth = 0_i32;
    for (at, byte) in code.iter().enumerate() {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => depth -= 1,
            _ => {}
        }
        if depth == 0 && (*byte == b';' || *byte == b'}') {
            return at + 1;
        }
    }
    code.len()
}

fn wipe(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

/// The text with comments and the insides of strings wiped, and those insides by the byte of their first quote.
fn blank(text: &str) -> (String, Vec<(usize, String)>) {
    let mut code = text.as_bytes().to_vec();
    let mut strings = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        at += match rest {
            [b'/', b'/', ..] => wiped(&mut code, at, line_comment(rest)),
            [b'/', b'*', ..] => wiped(&mut code, at, block_comment(rest)),
            [b'r', b'"' | b'#', ..] if !continues_a_name(text, at) => match raw_string(rest) {
                Some((open, len)) => {
                    let inside = at + open..at + len - (open - 1);
                    strings.push((at + open - 1, text[inside.clone()].to_owned()));
                    wipe(&mut code[inside]);
                    len
                }
                None => 1,
            },
            [b'"', ..] => {
                let len = string(rest);
                strings.push((at, text[at + 1..at + len - 1].to_owned()));
                wipe(&mut code[at + 1..at + len - 1]);
                len
            }
            [b'\'', ..] => wiped(&mut code, at, character(&text[at..])).max(1),
            _ => 1,
        };
    }
    (String::from_utf8(code).expect("only whole characters were wiped"), strings)
}

fn wiped(code: &mut [u8], at: usize, len: usize) -> usize {
    wipe(&mut code[at..at + len]);
    len
}

fn continues_a_name(text: &str, at: usize) -> bool {
    // The `b` and `c` of `br"…"` and `cr"…"` may stand before the `r`.
    let before =
        text.as_bytes()[..at].iter().rev().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_');
    let before: Vec<u8> = before.copied().collect();
    !matches!(before.as_slice(), [] | [b'b' | b'c'])
}

fn line_comment(rest: &[u8]) -> usize {
    rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let step = match rest[at..] {
            [b'/', b'*', ..] => 1,
            [b'*', b'/', ..] => -1,
            _ => 0,
        };
        depth += step;
        at += if step == 0 { 1 } else { 2 };
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// A raw string: how long its opening (`r##"`) is, and the whole of it.
fn raw_string(rest: &[u8]) -> Option<(usize, usize)> {
    let marks = rest[1..].iter().take_while(|byte| **byte == b'#').count();
    let open = marks + 2;
    if rest.get(open - 1) != Some(&b'"') {
        return None;
    }
    let close = [b"\"".as_slice(), &vec![b'#'; marks]].concat();
    let inside = rest[open..].windows(close.len()).position(|window| window == close)?;
    Some((open, open + inside + close.len()))
}

fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != b'"' {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// A character literal's length; 0 for a lifetime.
fn character(rest: &str) -> usize {
    let mut chars = rest[1..].chars();
    match chars.next() {
        Some('\\') => rest[3..].find('\'').map_or(0, |end| end + 4),
        Some(c) if chars.next() == Some('\'') => c.len_utf8() + 2,
        _ => 0,
    }
}
