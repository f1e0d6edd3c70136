//! Text for a terminal of 100 columns: wrapped, labelled, cut. Foreign text is shown with its control characters
//! escaped.

use std::fmt::Write as _;

use portcullis::decision::narrative::shown;

/// Columns of a line. A terminal is often 80 wide and seldom under 100 where people read reports; a pipe has no width.
const WIDTH: usize = 98;

/// Where a labelled text begins.
const LABEL: usize = 14;

/// The text in lines of at most [`WIDTH`] columns, each behind `indent` spaces. What has no blank is broken behind a
/// comma, and stays whole if it has none.
pub fn wrapped(text: &str, indent: usize) -> Vec<String> {
    let margin = " ".repeat(indent);
    let mut lines = Vec::new();
    let mut line = margin.clone();
    let mut used = indent;
    for (piece, is_glued) in pieces(&shown(text), WIDTH - indent) {
        let length = piece.chars().count();
        let gap = usize::from(used > indent && !is_glued);
        if used > indent && used + gap + length > WIDTH {
            lines.push(std::mem::replace(&mut line, margin.clone()));
            used = indent;
        } else if gap == 1 {
            line.push(' ');
            used += 1;
        }
        line.push_str(&piece);
        used += length;
    }
    lines.push(line);
    lines
}

/// The words of a text; one longer than `room` in pieces, all but the first glued to the one before.
fn pieces(text: &str, room: usize) -> Vec<(String, bool)> {
    let mut out = Vec::new();
    for word in text.split_whitespace() {
        if word.chars().count() <= room {
            out.push((word.to_owned(), false));
        } else {
            let parts = word.split_inclusive(',').enumerate();
            out.extend(parts.map(|(at, part)| (part.to_owned(), at > 0)));
        }
    }
    out
}

/// The text behind a label, its further lines below the first.
pub fn labelled(label: &str, text: &str) -> String {
    let mut out = String::new();
    for (at, line) in wrapped(text, LABEL).iter().enumerate() {
        let label = if at == 0 { label } else { "" };
        // Writing to a `String` cannot fail.
        let _ = writeln!(out, "    {label:<10}{}", line.trim_start());
    }
    out
}

/// The text in at most `width` columns, with `…` where it was cut.
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_before_the_margin_and_lose_nothing() {
        let text = "word ".repeat(100);
        let lines = wrapped(&text, 4);
        assert!(
            lines.iter().all(|line| line.chars().count() <= WIDTH && line.starts_with("    word"))
        );
        assert_eq!(lines.join(" ").split_whitespace().count(), 100);
    }

    #[test]
    fn a_word_longer_than_a_line_stays_whole() {
        let long = "x".repeat(200);
        assert_eq!(
            wrapped(&format!("a {long} b"), 2),
            ["  a".to_owned(), format!("  {long}"), "  b".to_owned()]
        );
    }

    #[test]
    fn json_is_broken_behind_a_comma() {
        let list = format!("[{}]", ["\"0123456789\""; 12].join(","));
        let lines = wrapped(&list, 10);
        assert!(lines.len() == 2 && lines.iter().all(|line| line.chars().count() <= WIDTH));
        assert_eq!(lines.iter().map(|line| line.trim_start()).collect::<String>(), list);
    }

    #[test]
    fn a_cut_is_seen() {
        assert_eq!(cut("four words are here", 10), "four word…");
        assert_eq!(cut("short", 10), "short");
    }
}
