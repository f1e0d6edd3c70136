//! Policy files as files: metadata, packages and paths, sizes, and text that deceives or exhausts its reader.

use portcullis::policy::diagnostic::render_all;

use crate::spec::policies::PLAIN;
use crate::spec::policies::file;
use crate::spec::policies::loaded;
use crate::spec::policies::refused;
use crate::spec::policies::refuses;
use crate::spec::policies::refuses_body;
use crate::spec::policies::rule;

#[test]
fn the_metadata_says_what_is_wrong_and_where() {
    for (line, column, words) in [
        ("#   serverity: high\n", 5, "`severity`"),
        ("#   severity: hihg\n", 15, "critical, high"),
        ("#   on_error: allow\n", 15, "must not be `allow`"),
        ("#   on_unknown: allow\n", 17, "must not be `allow`"),
        ("#   on_error: stop\n", 15, "block, approve or alert"),
        ("#   unknown: ignored\n", 14, "`handled`"),
        ("#   fresh: 15 minutes\n", 12, "`15m`"),
        ("#   fresh: 0s\n", 12, "duration"),
        ("#   approval: {from: {}}\n", 5, "neither a `group` nor `users`"),
    ] {
        refuses(&rule(line, PLAIN), 6, column, &[words]);
    }
    let files = rule("", PLAIN);
    let text = &files[0].text;
    refuses(
        &[file("some/rule.rego", &text.replace("[push]", "[psuh]"))],
        4,
        10,
        &["`psuh`", "`push`"],
    );
    refuses(
        &[file("some/rule.rego", &text.replace("# title: A rule\n", "# titel: A rule\n"))],
        2,
        3,
        &["`titel`", "`title`"],
    );
    refuses(
        &[file("some/rule.rego", &text.replace("# title: A rule\n", ""))],
        1,
        1,
        &["no `title`"],
    );
    refuses(
        &[file("some/rule.rego", &text.replace("#   on: [push]\n", ""))],
        1,
        1,
        &["answers no event"],
    );
    refuses(
        &[file("some/rule.rego", &text.replace("# METADATA\n", ""))],
        5,
        1,
        &["no `# METADATA`"],
    );
    refuses(
        &[file("some/rule.rego", &text.replace("[push]", "[push"))],
        5,
        10,
        &["cannot be read"],
    );
    loaded(&rule(
        "#   fresh: 4h\n#   severity: low\n#   on_error: approve\n#   unknown: handled\n#   approval: {from: {group: leads}}\n",
        PLAIN,
    ));
}

#[test]
fn a_package_is_its_path() {
    let text = rule("", PLAIN)[0].text.clone();
    refuses(&[file("other/rule.rego", &text)], 6, 1, &["does not match", "`some/rule.rego`"]);
    refuses(&[file("awesome/rule.rego", &text)], 6, 1, &["does not match"]);
    loaded(&[file("policies/some/rule.rego", &text)]);
    refuses(
        &[file("some/rule.rego", &text.replace("portcullis.rules.some", "acme.rules.some"))],
        6,
        1,
        &["below `portcullis.rules`"],
    );
    refuses(
        &[file("rule.rego", &text.replace("rules.some.rule", "rules.rule"))],
        6,
        1,
        &["<area>.<rule>"],
    );
    refuses(
        &[file("some/rule.rego", &text), file("x/some/rule.rego", &text)],
        6,
        1,
        &["also the package of"],
    );
}

#[test]
fn text_that_deceives_is_refused() {
    refuses_body(&format!("{PLAIN} # \u{202e}evil"), 1, 108, &["U+202E"]);
    refuses_body(&format!("{PLAIN} # \u{200b}"), 1, 108, &["U+200B"]);
}

#[test]
fn text_that_would_keep_the_parser_busy_is_refused() {
    let deep = |n: usize| format!("{PLAIN}\n\nx := {}1{}", "[".repeat(n), "]".repeat(n));
    loaded(&rule("", &deep(10)));
    refuses_body(&deep(15), 3, 20, &["nested more than 14"]);
    let wide = format!(
        "{PLAIN}\n\nx := [{}]",
        vec![format!("{}1{}", "[".repeat(12), "]".repeat(12)); 20].join(",\n")
    );
    assert!(render_all(&refused(&rule("", &wide))).contains("to be read in time"));
    let many = format!("{PLAIN}\n\nx := 1{}", " +\n1".repeat(1_100));
    assert!(render_all(&refused(&rule("", &many))).contains("more than 1000 operators"));
    let minus = format!("{PLAIN}\n\nx := {}1", "-\n".repeat(15_000));
    assert!(render_all(&refused(&rule("", &minus))).contains("more than 1000 operators"));
    let sets = format!("{PLAIN}\n\nx := {}", "set( ".repeat(20_000));
    assert!(!refused(&rule("", &sets)).is_empty());
    let long = format!("{PLAIN}\n\nx := \"{}\"", "a".repeat(1_100));
    refuses_body(&long, 3, 1, &["longer than 1000 columns"]);
    let chain: Vec<String> = (0..300).map(|n| format!("x{n} if x{}", n + 1)).collect();
    let chain = chain.join("\n\n");
    assert!(
        render_all(&refused(&rule("", &format!("{PLAIN}\n\n{chain}\n\nx300 := true"))))
            .contains("more than 200 rules")
    );
}

#[test]
fn a_bundle_has_limits() {
    let big = "#".repeat(300_000);
    assert!(render_all(&refused(&[file("a/b.rego", &big)])).contains("the limit is 256 KiB"));
    let many: Vec<_> = (0..1_001).map(|n| file(&format!("a/b{n}.rego"), "")).collect();
    assert!(render_all(&refused(&many)).contains("the limit is 1000"));
}
