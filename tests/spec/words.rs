//! The repository speaks of the project alone, promises nothing it cannot keep, and leaves no half-done work behind.
//!
//! Reads what git knows of, new files included; without git (an unpacked archive) there is nothing to hold.

use std::path::Path;
use std::process::Command;

/// What belongs to somebody's machine. Spelt in two halves, so that this file may be read as well.
const PLACES: [&str; 9] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/home/", "user/"),
    concat!("static.crates", ".io"),
    concat!("index.crates", ".io"),
    concat!("pypi", ".org"),
    concat!("files.python", "hosted.org"),
    concat!("deb.debian", ".org"),
    concat!("registry.npmjs", ".org"),
];

/// Work that was put off.
const PUT_OFF: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("todo", "!(")];

/// What no program can say of itself: the gate supports a control, it does not make anybody…
const BOAST: &str = concat!("certi", "fied");

/// Files in other people's words: kept as they were found.
const FOREIGN: [&str; 3] = ["Cargo.lock", "LICENSE", "tests/vectors/"];

fn complaints(path: &str, text: &str) -> Vec<String> {
    if FOREIGN.iter().any(|foreign| path.starts_with(foreign)) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let words = PLACES.iter().chain(&PUT_OFF).filter(|word| stands_in(line, word));
        found.extend(words.map(|word| format!("{path}:{}: `{word}`", number + 1)));
    }
    let boasts = sentences(text).filter(|(_, sentence)| boasts(sentence));
    found.extend(boasts.map(|(line, _)| format!("{path}:{line}: `{BOAST}` without `never`")));
    found
}

/// Whether a word stands in a line, not as the end or the middle of a longer one.
fn stands_in(line: &str, word: &str) -> bool {
    let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        let after = &line[at + word.len()..];
        let longer = joins(word.chars().last()) && joins(after.chars().next());
        !joins(line[..at].chars().next_back()) && !longer
    })
}

fn boasts(sentence: &str) -> bool {
    let sentence = sentence.to_lowercase();
    sentence.contains(BOAST) && !sentence.contains("never")
}

/// The sentences of a text (ended by a stop or an empty line), each with the line on which it begins.
fn sentences(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut line = 1;
    text.split_inclusive(['.', '!', '?', ';']).flat_map(|part| part.split_inclusive("\n\n")).map(
        move |sentence| {
            let begins = line + sentence.len() - sentence.trim_start_matches('\n').len();
            line += sentence.matches('\n').count();
            (begins, sentence)
        },
    )
}

/// What git keeps or would keep of this folder; nothing where there is no git or no repository.
fn files(root: &Path) -> Vec<String> {
    let listing = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
    match Command::new("git").current_dir(root).args(listing).output() {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout)
            .split_terminator('\0')
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}

#[test]
fn the_repository_speaks_of_the_project_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for path in files(root) {
        // Binary files and files deleted but not yet committed have no text.
        if let Ok(text) = std::fs::read_to_string(root.join(&path)) {
            found.extend(complaints(&path, &text));
        }
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn planted_words_are_seen() {
    for word in PLACES.iter().chain(&PUT_OFF) {
        let text = format!("one\n// see \"{word}\" there\n");
        assert_eq!(complaints("src/lib.rs", &text), [format!("src/lib.rs:2: `{word}`")]);
        assert_eq!(complaints("Cargo.lock", &text), Vec::<String>::new());
    }
    let boast = format!("It supports SOC 2.\n\nWith it you are\n{BOAST}. It is never late.");
    assert_eq!(
        complaints("docs/audit.md", &boast),
        [format!("docs/audit.md:3: `{BOAST}` without `never`")]
    );
}

#[test]
fn words_that_only_contain_them_are_left_alone() {
    let fine = [
        format!("a frame{} b", PLACES[0].trim_start_matches('/')),
        format!("https://example.com/net{}x", PLACES[0]),
        format!("MAS{}S", PUT_OFF[0]),
        format!("It says \"supports\", never\n\"{BOAST}\"."),
    ];
    for text in fine {
        assert_eq!(complaints("README.md", &text), Vec::<String>::new(), "{text}");
    }
}
