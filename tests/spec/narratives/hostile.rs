//! Foreign text cannot leave its place: no Markdown structure, no link, no mention, no HTML, no terminal command.

use portcullis::decision::Record;
use portcullis::decision::narrative::shown;
use portcullis::decision::record::Part;
use portcullis::gateway::status;
use serde_json::json;

use super::Forms;
use super::input;
use super::raw;
use super::waiting;

fn hostile() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        " ",
        "|",
        "||",
        "a | b \\| c",
        "`",
        "``` \n# Approved\n```",
        "` | `x` |",
        "\\",
        "\\`",
        "**bold** _it_ ~~gone~~",
        "</td></tr></table><script>alert(1)</script>",
        "<br><img src=x onerror=alert(1)>",
        "&lt;b&gt; &#96; &amp;",
        "[click](https://evil.example)",
        "![x](https://evil.example/p.png)",
        "<https://evil.example>",
        "https://evil.example/?a=1 and www.evil.example and WWW.evil.example",
        "@everyone @{0b1c2d3e} mail@evil.example",
        "# heading",
        "- item\n- item",
        "1. one\n2. two",
        "> quote",
        "---",
        "===\n",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "line\nbreak\r\nand\rreturn\ttab",
        "\u{1b}[31mred\u{1b}[0m\u{1b}]0;title\u{7}",
        "\u{0}nul\u{8}back\u{7f}del\u{9b}31m",
        "safe\u{202e}gpj.exe\u{202c}",
        "\u{2066}iso\u{2069}\u{200b}\u{200d}\u{feff}\u{61c}",
        "line\u{2028}sep\u{2029}par\u{85}nel",
        "tag\u{e0041}s\u{ad}soft",
        "{: .class onclick=x}",
        "{{template}} ${x} $(rm) %s",
    ]
    .map(str::to_owned)
    .into();
    texts.push("x".repeat(10_000));
    texts.push("`|*\n".repeat(2_500));
    texts.push("ä\u{202e}".repeat(5_000));
    texts
}

/// A waiting deploy with this text in every place that is not ours.
fn with(text: &str) -> Record {
    let mut record = waiting();
    let some = || Some(text.to_owned());
    let Part::Kept(names) = &mut record.names else { panic!() };
    names.repository = some();
    names.reference = some();
    names.actor = some();
    names.environment = some();
    names.from = some();
    names.to = some();
    names.changed = vec![(text.to_owned(), some(), some())];
    names.owner = some();
    names.via = vec![text.to_owned(), text.to_owned()];
    names.asked_because = some();
    let Part::Kept(told) = &mut record.told else { panic!() };
    let finding = &mut told.findings[0];
    finding.reason = format!("Says {text}");
    finding.proof = vec!["actor.name".to_owned(), format!("no.such.{text}")];
    told.unknown = [(text.to_owned(), text.to_owned())].into();
    told.approvers = vec![format!("{text} (4 people)")];
    let mut document = input();
    document["actor"]["name"] = json!(text);
    document["unknown"] = json!([{"path": "actor.level", "why": text}]);
    record.input = Part::Kept(raw(&document));
    record
}

/// What a Markdown reader acts upon, code spans as `C`, escapes and references gone; and with it all the plain text.
fn read(markdown: &str) -> (String, String) {
    let mut out = String::new();
    let mut bare = String::new();
    let mut rest = markdown;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\\' => {
                let escaped = rest.chars().next().unwrap();
                assert!(
                    escaped.is_ascii_punctuation() || escaped == 'u',
                    "a stray backslash: {rest:.40}"
                );
                rest = &rest[1..];
            }
            '&' => {
                let end = rest.find(';').unwrap();
                let number = rest[..end].strip_prefix('#').unwrap();
                assert!(number.bytes().all(|b| b.is_ascii_digit()), "{number}");
                rest = &rest[end + 1..];
            }
            '`' => {
                let end = rest.find('`').expect("a code span ends");
                let span = &rest[..end];
                assert!(!span.trim().is_empty() && !span.contains(['\n', '|']), "{span:?}");
                rest = &rest[end + 1..];
                assert!(!rest.starts_with('`'), "two marks in a row open another span");
                out.push('C');
            }
            c => {
                if "|*_[]<>#!~@{}\n".contains(c) {
                    out.push(c);
                }
                bare.push(c);
            }
        }
    }
    (out, bare)
}

#[test]
fn foreign_text_cannot_break_out_of_markdown() {
    let (benign, _) = read(&Forms::of(&with("plain")).markdown);
    assert!(benign.contains('C') && benign.contains("||||||"), "{benign}");
    for text in hostile() {
        let told = Forms::of(&with(&text)).markdown;
        let (seen, bare) = read(&told);
        if !text.trim().is_empty() {
            assert_eq!(seen, benign, "{text:.60?}:\n{told:.3000}");
        }
        assert_eq!(told.lines().count(), benign.lines().count(), "{text:.60?}");
        for alive in ["://", "www.", "](", "<", "@"] {
            assert!(!bare.to_lowercase().contains(alive), "{alive} in {bare:.2000}");
        }
        only_visible(&told);
    }
}

#[test]
fn foreign_text_cannot_reach_the_terminal() {
    let lines = Forms::of(&with("plain")).text.lines().count();
    for text in hostile() {
        let told = Forms::of(&with(&text)).text;
        assert_eq!(told.lines().count(), lines, "{text:.60?}:\n{told:.3000}");
        only_visible(&told);
        assert!(told.len() < 256 * 1024, "a name of ten thousand is cut: {}", told.len());
    }
}

#[test]
fn a_status_is_one_short_visible_line() {
    for text in hostile() {
        let told = Forms::of(&with(&text)).status;
        assert!(told.len() <= status::MAX_TEXT_BYTES && !told.is_empty(), "{told:?}");
        assert!(!told.contains('\n'), "{told:?}");
        only_visible(&told);
    }
}

#[test]
fn what_was_escaped_can_still_be_read() {
    assert_eq!(shown("a\u{202e}b\u{1b}[0m"), "a\\u{202e}b\\u{1b}[0m");
    assert_eq!(shown("Grüße, 日本 👋 – “ok”"), "Grüße, 日本 👋 – “ok”");
    let told = Forms::of(&with("a|b`c"));
    assert!(told.markdown.contains("a\\u{7c}b\\u{60}c"), "{}", told.markdown);
    assert!(told.text.contains("a|b`c"), "{}", told.text);
    let long = Forms::of(&with(&"x".repeat(10_000))).text;
    assert!(long.contains("(10000 characters in all)"), "{long:.500}");
}

#[test]
fn json_gives_the_text_back_as_it_was() {
    for text in hostile() {
        let told: serde_json::Value = serde_json::from_str(&Forms::of(&with(&text)).json).unwrap();
        assert_eq!(told["reason"], format!("Says {text}"));
        assert_eq!(told["changed"][1][1], text);
    }
}

fn only_visible(text: &str) {
    let risky = |c: &char| {
        (c.is_control() && *c != '\n')
            || "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\u{200b}\u{200d}\u{200e}\u{200f}\u{feff}\u{61c}\u{2028}\u{2029}\u{ad}\u{e0041}".contains(*c)
    };
    let found = text.chars().find(risky);
    assert_eq!(found, None, "{text:.500?}");
}
