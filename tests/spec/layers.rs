//! The rooms of `src` and who may name whom: thinking stays apart from doing, and no two edges meet.
//!
//! Rust lets the modules of one crate form circles, so this reads the text of every file instead. It is no compiler:
//! the rules on how to write a `use` (no braces over rooms, no `super::`) are what keeps a reading of text honest.

mod planted;
mod text;

use std::collections::BTreeMap;
use std::path::Path;
use text::Source;

const CORE: [&str; 8] =
    ["secret", "graph", "event", "policy", "decision", "approval", "posture", "ledger"];

/// Room → the rooms it may name, in reading order: no line names a later one.
const ARROWS: [(&str, &[&str]); 16] = [
    ("secret", &[]),
    ("ledger", &[]),
    ("simulator", &[]),
    ("graph", &[]),
    ("event", &["secret", "graph"]),
    ("policy", &["graph", "event"]),
    ("decision", &["graph", "event", "policy", "ledger"]),
    ("approval", &["secret", "graph", "event", "policy", "decision", "ledger"]),
    ("posture", &["graph", "event", "policy", "decision", "ledger"]),
    ("bitbucket", &["secret", "graph", "event", "policy", "decision"]),
    ("people", &["secret", "graph", "approval"]),
    ("notify", &["secret", "graph", "event", "decision", "approval", "posture"]),
    ("store", &CORE),
    (
        "gateway",
        &[
            "secret",
            "ledger",
            "graph",
            "event",
            "policy",
            "decision",
            "approval",
            "posture",
            "bitbucket",
            "people",
            "notify",
            "store",
        ],
    ),
    (
        "http",
        &[
            "secret", "graph", "event", "policy", "decision", "approval", "posture", "ledger",
            "gateway",
        ],
    ),
    (
        "bin",
        &[
            "secret",
            "ledger",
            "simulator",
            "graph",
            "event",
            "policy",
            "decision",
            "approval",
            "posture",
            "bitbucket",
            "people",
            "notify",
            "store",
            "gateway",
            "http",
        ],
    ),
];

/// What the core's text must not contain: it waits for nobody, touches nothing and is handed the time.
const IMPURE: [&str; 10] = [
    "async",
    ".await",
    "tokio",
    "std::fs",
    "std::env",
    "std::net",
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
];

/// Crates with one home, so that leaving them is a change to one room.
const HOMES: [(&str, &str); 4] = [
    ("regorus", "policy"),
    ("rusqlite", "store"),
    ("maud", "http"),
    ("tokio_postgres", "bitbucket"),
];

/// Beginnings of SQL statements, as this code writes them: in capitals.
const SQL: [&str; 10] = [
    "SELECT ",
    "INSERT ",
    "UPDATE ",
    "DELETE FROM",
    "CREATE TABLE",
    "CREATE INDEX",
    "ALTER TABLE",
    "DROP TABLE",
    "PRAGMA ",
    "BEGIN",
];

/// Bitbucket's own database is foreign wire, not our store.
const FOREIGN_SQL: &str = "src/bitbucket/datacenter/";

/// A file that nobody finishes reading is a file where things hide.
const LINES_MAX: usize = 700;

type Tree = BTreeMap<String, String>;

/// Everything that is wrong with a tree of files (path → text), in the order of paths and checks.
fn complaints(tree: &Tree) -> Vec<String> {
    let sources: BTreeMap<&str, Source> = tree
        .iter()
        .filter(|(path, _)| path.starts_with("src/") && path.rsplit('.').next() == Some("rs"))
        .map(|(path, text)| (path.as_str(), Source::read(text)))
        .collect();
    let tests: Vec<String> =
        sources.iter().flat_map(|(path, source)| text::test_modules(path, &source.code)).collect();
    let macros = macro_homes(&sources);
    let mut found = Vec::new();
    for (path, source) in &sources {
        let file = File {
            path,
            room: room(path),
            source,
            only_tests: tests.iter().any(|test| test == path),
        };
        found.extend(file.shape(&tree[*path]));
        found.extend(file.arrows(&macros));
        found.extend(file.writing());
        found.extend(file.purity());
        found.extend(file.homes());
    }
    found.extend(map_complaints(tree.get("src/lib.rs").map_or("", String::as_str), &sources));
    found
}

/// `src/graph.rs` and everything below `src/graph/` is `graph`.
fn room(path: &str) -> &str {
    let rest = path.trim_start_matches("src/");
    rest.split('/').next().unwrap_or(rest).trim_end_matches(".rs")
}

fn may_name(room: &str) -> Option<&'static [&'static str]> {
    ARROWS.iter().find(|(name, _)| *name == room).map(|(_, named)| *named)
}

/// An exported macro is named at the crate's root but belongs to the room that writes it.
fn macro_homes<'a>(sources: &BTreeMap<&'a str, Source>) -> BTreeMap<String, &'a str> {
    let mut homes = BTreeMap::new();
    for (path, source) in sources {
        for at in text::occurrences(&source.code, "macro_rules!") {
            let name = text::name(source.code[at + "macro_rules!".len()..].trim_start());
            homes.insert(name.to_owned(), room(path));
        }
    }
    homes
}

struct File<'a> {
    path: &'a str,
    room: &'a str,
    source: &'a Source,
    only_tests: bool,
}

impl File<'_> {
    fn complaint(&self, at: usize, words: &str) -> String {
        format!("{}:{}: {words}", self.path, text::line(&self.source.code, at))
    }

    /// One complaint for each place where a word stands, tests included.
    fn each(&self, word: &str, words: &str) -> Vec<String> {
        let places = text::occurrences(&self.source.code, word).into_iter();
        places.map(|at| self.complaint(at, words)).collect()
    }

    /// What a reader meets first: what the file is, and how long.
    fn shape(&self, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        if !text.starts_with("//!") {
            found.push(self.complaint(0, "does not open with `//!`"));
        }
        let lines = text.lines().count();
        if lines > LINES_MAX {
            found.push(self.complaint(0, &format!("{lines} lines, more than {LINES_MAX}")));
        }
        found
    }

    /// What this file names by `crate::` (the library) or `portcullis::` (the programs), tests included.
    fn arrows(&self, macros: &BTreeMap<String, &str>) -> Vec<String> {
        let root = if self.room == "bin" { "portcullis" } else { "crate" };
        let mut found = Vec::new();
        for at in text::occurrences(&self.source.code, root) {
            let rest = &self.source.code[at + root.len()..];
            let complaint = match rest.strip_prefix("::") {
                Some(path) if path.starts_with('{') => {
                    Some("braces over rooms: one `use` a room".to_owned())
                }
                Some(path) if path.starts_with('*') => Some("names every room at once".to_owned()),
                Some(path) => self.arrow(text::name(path), macros),
                None if root == "portcullis" || rest.starts_with(')') => None,
                None => Some("gives the crate another name".to_owned()),
            };
            found.extend(complaint.map(|words| self.complaint(at, &words)));
        }
        if self.room != "bin" {
            found.extend(self.each("portcullis::", "names the library from outside"));
        }
        found
    }

    fn arrow(&self, name: &str, macros: &BTreeMap<String, &str>) -> Option<String> {
        let (here, to) = (self.room, macros.get(name).copied().unwrap_or(name));
        if self.path.starts_with("src/bin/portcullis-verify") {
            return (to != "ledger").then(|| format!("the verifier may not name {to}"));
        }
        let Some(allowed) = may_name(here) else {
            return (here != "lib").then(|| format!("the table has no room `{here}`"));
        };
        if here == to || allowed.contains(&to) {
            None
        } else if may_name(to).is_some() {
            Some(format!("{here} may not name {to}"))
        } else {
            Some(format!("`{name}` is no room"))
        }
    }

    /// How things are named: what would lead a reading of text astray.
    fn writing(&self) -> Vec<String> {
        let hiding = ["include!", "#[path"].into_iter();
        let mut found: Vec<String> = hiding
            .flat_map(|word| self.each(word, &format!("`{word}` hides where code lives")))
            .collect();
        if !self.only_tests {
            let supers = text::occurrences(&self.source.plain, "super::").into_iter();
            found.extend(supers.map(|at| self.complaint(at, "`super::` outside tests")));
        }
        found
    }

    /// The core only thinks, whether a thing is named in full or inside the braces of a `use`.
    fn purity(&self) -> Vec<String> {
        if self.only_tests || !CORE.contains(&self.room) {
            return Vec::new();
        }
        let plain = &self.source.plain;
        let mut found = Vec::new();
        for word in IMPURE {
            let written = text::occurrences(plain, word);
            let by_braces = text::uses(plain).into_iter().filter(|(at, path)| {
                !text::occurrences(path, word).is_empty()
                    && !written.iter().any(|w| (*at..at + path.len()).contains(w))
            });
            let all = written.iter().copied().chain(by_braces.map(|(at, _)| at));
            found.extend(all.map(|at| self.complaint(at, &format!("`{word}` in the core"))));
        }
        found
    }

    /// Foreign crates and languages, each in its one room.
    fn homes(&self) -> Vec<String> {
        let abroad = HOMES.into_iter().filter(|(_, home)| *home != self.room);
        let mut found: Vec<String> = abroad
            .flat_map(|(name, home)| self.each(name, &format!("`{name}` outside {home}")))
            .collect();
        if self.room != "store" && !self.path.starts_with(FOREIGN_SQL) && !self.only_tests {
            let is_sql = |s: &str| SQL.iter().any(|word| s.trim_start().starts_with(word));
            let spoken = self.source.strings.iter().filter(|(_, s)| is_sql(s));
            found
                .extend(spoken.map(|(line, _)| format!("{}:{line}: SQL outside store", self.path)));
        }
        found
    }
}

/// The map in `src/lib.rs` against the table: the same rooms, in the same order, with the same arrows.
fn map_complaints(lib: &str, sources: &BTreeMap<&str, Source>) -> Vec<String> {
    let rows: Vec<(&str, &str)> = lib.lines().flat_map(map_rows).collect();
    let mut found = Vec::new();
    let mut last = 0;
    for (room, words) in &rows {
        let Some(place) = ARROWS.iter().position(|(name, _)| name == room) else {
            found.push(format!("src/lib.rs: the map's room `{room}` is not in the table"));
            continue;
        };
        if place < last {
            found.push(format!("src/lib.rs: the map's line of {room} is out of order"));
        }
        last = place;
        if in_words(words, place) != sorted(ARROWS[place].1) {
            found.push(format!(
                "src/lib.rs: the map lets {room} name \"{words}\", the table something else"
            ));
        }
    }
    let mut rooms: Vec<&str> =
        sources.keys().map(|path| room(path)).filter(|room| *room != "lib").collect();
    rooms.dedup();
    rooms.retain(|room| !rows.iter().any(|(row, _)| row == room));
    found.extend(
        rooms.into_iter().map(|room| format!("src/lib.rs: the map has no line for {room}")),
    );
    found
}

/// A line of the map; one line may hold several rooms that name the same.
fn map_rows(line: &str) -> Vec<(&str, &str)> {
    match line.strip_prefix("//! | ").and_then(|row| row.split_once(" | ")) {
        Some((rooms, words)) if rooms != "room" => {
            rooms.split(", ").map(|room| (room, words.trim_end_matches('|').trim())).collect()
        }
        _ => Vec::new(),
    }
}

/// A cell of the map, spelt out: `–`, `everything`, `all of the above but X`, `secret, the core and gateway`.
fn in_words(words: &str, place: usize) -> Vec<&str> {
    let above = ARROWS[..place].iter().map(|(name, _)| *name);
    let said = words.split(';').next().unwrap_or(words).trim();
    if said == "–" {
        return Vec::new();
    }
    if said == "everything" {
        return sorted(&above.collect::<Vec<_>>());
    }
    if let Some(but) = said.strip_prefix("all of the above but ") {
        return sorted(&above.filter(|name| *name != but).collect::<Vec<_>>());
    }
    let mut named = Vec::new();
    for word in said.split(", ").flat_map(|part| part.split(" and ")) {
        match word {
            "the core" => named.extend(CORE),
            room => named.push(room),
        }
    }
    sorted(&named)
}

fn sorted<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let mut names = names.to_vec();
    names.sort_unstable();
    names.dedup();
    names
}

fn this_house() -> Tree {
    let mut tree = Tree::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("the entry can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path
                    .strip_prefix(root)
                    .expect("it lies below")
                    .to_string_lossy()
                    .replace('\\', "/");
                tree.insert(name, std::fs::read_to_string(&path).expect("the file is text"));
            }
        }
    }
    tree
}

#[test]
fn this_house_keeps_its_arrows() {
    let tree = this_house();
    assert!(
        tree.len() > 20,
        "only {} files were found: this test looks in the wrong place",
        tree.len()
    );
    let found = complaints(&tree);
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn the_table_names_nothing_that_comes_later() {
    for (place, (room, named)) in ARROWS.iter().enumerate() {
        for name in *named {
            let to = ARROWS
                .iter()
                .position(|(other, _)| other == name)
                .expect("a named room has a line");
            assert!(to < place, "{room} names {name}, which comes later");
        }
    }
}

#[test]
fn the_edges_never_meet_and_nothing_names_the_programs() {
    let edges = ["bitbucket", "people", "notify", "store"];
    for edge in edges.into_iter().chain(["http"]) {
        let named = may_name(edge).expect("an edge has a line");
        assert!(edges.iter().all(|other| !named.contains(other)), "{edge} meets another edge");
    }
    assert!(ARROWS.iter().all(|(_, named)| !named.contains(&"bin")));
}
