//! The reader of arrows proves itself: in a small house without fault each planted fault is seen, and only that.

use super::LINES_MAX;
use super::Tree;
use super::complaints;

/// A small house without fault, in which the tests plant one each.
fn small_house() -> Tree {
    let map = "//! The map.\n//! | room | may name |\n//! |---|---|\n//! | secret, ledger, simulator | – |\n\
               //! | graph | – |\n//! | event | secret, graph |\n//! | policy | graph, event |\n\
               //! | store | secret and the core |\n//! | gateway | all of the above but simulator |\n\
               //! | http | secret, the core and gateway; not store |\n//! | bin | everything; nothing names it |\n";
    let files = [
        ("src/lib.rs", map),
        ("src/secret.rs", "//! Secrets.\n"),
        ("src/ledger.rs", "//! The ledger.\n"),
        ("src/simulator.rs", "//! A Bitbucket.\nasync fn serve() {}\n"),
        (
            "src/graph.rs",
            "//! The graph.\n#[macro_export]\nmacro_rules! words { () => { $crate::graph::Id } }\n",
        ),
        (
            "src/graph/id.rs",
            "//! Ids.\nuse crate::words;\nuse std::{fmt, rc::Rc};\npub(crate) struct Id<'a>(&'a str, char);\n",
        ),
        (
            "src/event.rs",
            "//! Events.\nuse crate::graph::Id;\nuse crate::words;\nuse crate::secret::{Key, Secret};\n",
        ),
        (
            "src/policy.rs",
            "//! Policies.\nuse regorus::Engine;\nconst RULE: &str = include_str!(\"x.rego\");\n",
        ),
        (
            "src/store.rs",
            "//! The store.\nuse rusqlite::Connection;\nconst ALL: &str = \"SELECT 1\";\n",
        ),
        (
            "src/gateway.rs",
            "//! The road.\nuse crate::store::Store;\npub async fn go() { tokio::join!() }\n",
        ),
        (
            "src/http.rs",
            "//! Doors.\nuse crate::gateway::go;\nuse maud::html;\nconst HINT: &str = \"SELECTED\";\n",
        ),
        (
            "src/bin/portcullis/main.rs",
            "//! The program.\nuse crate::config::Config;\nuse portcullis::simulator::X;\n",
        ),
        ("src/bin/portcullis-verify.rs", "//! The verifier.\nuse portcullis::ledger::Tree;\n"),
    ];
    files.map(|(path, text)| (path.to_owned(), text.to_owned())).into()
}

/// Adds a text to a file of the small house (or makes the file) and returns what is complained of.
fn planted(path: &str, text: &str) -> Vec<String> {
    let mut tree = small_house();
    let file = tree.entry(path.to_owned()).or_insert_with(|| "//! New.\n".to_owned());
    file.push_str(text);
    complaints(&tree)
}

#[test]
fn the_small_house_is_without_fault() {
    assert_eq!(complaints(&small_house()), Vec::<String>::new());
}

#[test]
fn each_planted_fault_is_seen_and_nothing_else() {
    let cases = [
        // Arrows: to an edge, to a later room, by a path in code, through a macro, between edges, in a test.
        (
            "src/graph/id.rs",
            "use crate::store::Store;\n",
            "src/graph/id.rs:5: graph may not name store",
        ),
        ("src/event.rs", "use crate::policy::Rule;\n", "src/event.rs:5: event may not name policy"),
        (
            "src/event.rs",
            "fn f() -> crate::policy::Rule {}\n",
            "src/event.rs:5: event may not name policy",
        ),
        ("src/ledger.rs", "use crate::words;\n", "src/ledger.rs:2: ledger may not name graph"),
        ("src/http.rs", "use crate::store::Store;\n", "src/http.rs:5: http may not name store"),
        (
            "src/simulator.rs",
            "use crate::graph::Id;\n",
            "src/simulator.rs:3: simulator may not name graph",
        ),
        (
            "src/gateway.rs",
            "use crate::simulator::X;\n",
            "src/gateway.rs:4: gateway may not name simulator",
        ),
        (
            "src/graph.rs",
            "#[cfg(test)]\nmod tests { use crate::event::E; }\n",
            "src/graph.rs:5: graph may not name event",
        ),
        ("src/graph.rs", "use crate::bin::X;\n", "src/graph.rs:4: graph may not name bin"),
        (
            "src/graph.rs",
            "use portcullis::store::X;\n",
            "src/graph.rs:4: names the library from outside",
        ),
        ("src/graph.rs", "use crate::helpers::X;\n", "src/graph.rs:4: `helpers` is no room"),
        (
            "src/bin/portcullis-verify.rs",
            "use portcullis::graph::Id;\n",
            "src/bin/portcullis-verify.rs:3: the verifier may not name graph",
        ),
        // Writing that would lead the reader of text astray.
        ("src/graph/id.rs", "use super::Known;\n", "src/graph/id.rs:5: `super::` outside tests"),
        (
            "src/event.rs",
            "use crate::{graph::Id, store};\n",
            "src/event.rs:5: braces over rooms: one `use` a room",
        ),
        ("src/event.rs", "use crate::*;\n", "src/event.rs:5: names every room at once"),
        ("src/event.rs", "use crate as all;\n", "src/event.rs:5: gives the crate another name"),
        (
            "src/event.rs",
            "include!(\"x.rs\");\n",
            "src/event.rs:5: `include!` hides where code lives",
        ),
        (
            "src/event.rs",
            "#[path = \"../store.rs\"]\nmod s;\n",
            "src/event.rs:5: `#[path` hides where code lives",
        ),
        // The core only thinks.
        ("src/ledger.rs", "async fn f() {}\n", "src/ledger.rs:2: `async` in the core"),
        ("src/ledger.rs", "fn f() { g().await }\n", "src/ledger.rs:2: `.await` in the core"),
        ("src/ledger.rs", "use tokio::time;\n", "src/ledger.rs:2: `tokio` in the core"),
        (
            "src/ledger.rs",
            "fn f() { std::fs::read(p) }\n",
            "src/ledger.rs:2: `std::fs` in the core",
        ),
        ("src/ledger.rs", "use std::{env, fmt};\n", "src/ledger.rs:2: `std::env` in the core"),
        ("src/ledger.rs", "use std::net::IpAddr;\n", "src/ledger.rs:2: `std::net` in the core"),
        (
            "src/event.rs",
            "fn f() { SystemTime::now() }\n",
            "src/event.rs:5: `SystemTime::now` in the core",
        ),
        (
            "src/event.rs",
            "fn f() { Instant::now() }\n",
            "src/event.rs:5: `Instant::now` in the core",
        ),
        (
            "src/event.rs",
            "#[cfg(test)]\nmod t {}\nuse std::fs;\n",
            "src/event.rs:7: `std::fs` in the core",
        ),
        (
            "src/event.rs",
            "const Q: char = '\"'; use std::fs; // \"\n",
            "src/event.rs:5: `std::fs` in the core",
        ),
        // Crates and SQL with one home.
        ("src/gateway.rs", "use regorus::Engine;\n", "src/gateway.rs:4: `regorus` outside policy"),
        ("src/gateway.rs", "use rusqlite::params;\n", "src/gateway.rs:4: `rusqlite` outside store"),
        ("src/gateway.rs", "use maud::Markup;\n", "src/gateway.rs:4: `maud` outside http"),
        (
            "src/http.rs",
            "const Q: &str =\n    r#\"  PRAGMA \"x\" \"#;\n",
            "src/http.rs:6: SQL outside store",
        ),
    ];
    for (path, text, wanted) in cases {
        assert_eq!(planted(path, text), [wanted], "planted in {path}: {text}");
    }
}

#[test]
fn what_only_looks_like_a_fault_is_left_alone() {
    let cases = [
        ("src/graph.rs", "// use crate::store::S; std::fs\n/* async /* super::x */ tokio */\n"),
        ("src/graph.rs", "const X: &str = \"use crate::store::S \\\" std::fs\";\n"),
        ("src/graph.rs", "const X: &str = r##\"tokio::x \"# super::y\"##;\n"),
        (
            "src/graph.rs",
            "#[cfg(test)]\nmod tests {\n    use super::*;\n    fn f() { std::fs::read(\"SELECT 1\") }\n}\n",
        ),
        (
            "src/graph.rs",
            "pub(super) struct S;\nstruct AsyncRead { supervisor: bool, instant: Instant }\n",
        ),
        ("src/gateway.rs", "use crate::graph::{Id, Known};\n"),
        ("src/bitbucket/datacenter/db.rs", "const Q: &str = \"SELECT 1\";\n"),
    ];
    for (path, text) in cases {
        let mut found = planted(path, text);
        found.retain(|line| !line.ends_with("the map has no line for bitbucket"));
        assert_eq!(found, Vec::<String>::new(), "planted in {path}: {text}");
    }
}

#[test]
fn a_file_of_tests_is_known_by_the_line_that_opens_it() {
    let mut tree = small_house();
    tree.insert(
        "src/ledger/tests.rs".to_owned(),
        "//! Tests.\nuse super::*;\nuse std::fs;\n".to_owned(),
    );
    let wanted = [
        "src/ledger/tests.rs:2: `super::` outside tests",
        "src/ledger/tests.rs:3: `std::fs` in the core",
    ];
    assert_eq!(complaints(&tree), wanted);
    tree.get_mut("src/ledger.rs").unwrap().push_str("#[cfg(test)]\nmod tests;\n");
    assert_eq!(complaints(&tree), Vec::<String>::new());
}

#[test]
fn a_file_says_what_it_is_and_can_be_read_in_one_go() {
    let mut tree = small_house();
    tree.insert("src/ledger.rs".to_owned(), "use std::fmt;\n".to_owned());
    tree.insert("src/http.rs".to_owned(), format!("//! Doors.\n{}", "\n".repeat(LINES_MAX)));
    let wanted =
        ["src/http.rs:1: 701 lines, more than 700", "src/ledger.rs:1: does not open with `//!`"];
    assert_eq!(complaints(&tree), wanted);
}

#[test]
fn the_map_says_what_the_table_says() {
    let with_map = |from: &str, to: &str| {
        let mut tree = small_house();
        let map = tree["src/lib.rs"].replace(from, to);
        assert_ne!(map, tree["src/lib.rs"], "nothing was planted");
        tree.insert("src/lib.rs".to_owned(), map);
        complaints(&tree)
    };
    assert_eq!(
        with_map("event | secret, graph |", "event | secret, graph, store |"),
        ["src/lib.rs: the map lets event name \"secret, graph, store\", the table something else"]
    );
    assert_eq!(
        with_map("secret, ledger, ", "ledger, "),
        ["src/lib.rs: the map has no line for secret"]
    );
    assert_eq!(
        with_map("//! | graph | – |\n", "//! | helpers | – |\n//! | graph | – |\n"),
        ["src/lib.rs: the map's room `helpers` is not in the table"]
    );
    assert_eq!(
        with_map(
            "//! | graph | – |\n//! | event | secret, graph |\n",
            "//! | event | secret, graph |\n//! | graph | – |\n"
        ),
        ["src/lib.rs: the map's line of graph is out of order"]
    );
}

#[test]
fn a_room_that_the_table_does_not_know_is_refused() {
    let found = planted("src/utils.rs", "use crate::graph::Id;\n");
    assert_eq!(
        found,
        [
            "src/utils.rs:2: the table has no room `utils`",
            "src/lib.rs: the map has no line for utils"
        ]
    );
}
