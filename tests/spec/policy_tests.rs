//! The shipped rules and their tests, what a failing test shows, and the policies kept as bad examples.

use portcullis::policy::Sides;
use portcullis::policy::diagnostic::render_all;
use portcullis::policy::load;
use portcullis::policy::load::Checks;
use portcullis::policy::load::load_with;
use portcullis::policy::shipped;
use portcullis::policy::testing;

use crate::spec::policies::PLAIN;
use crate::spec::policies::file;
use crate::spec::policies::folder;
use crate::spec::policies::loaded;
use crate::spec::policies::refused;
use crate::spec::policies::rule;

#[test]
fn the_shipped_rules_load() {
    assert_eq!(loaded(&Sides::of(folder("policies")).gate).bundle().rules.len(), 12);
}

#[test]
fn the_shipped_table_is_the_folder() {
    let shipped = shipped::files();
    let mut policies = Sides::of(folder("policies")).gate;
    policies.retain(|file| file.path.contains(".rego") || file.path.contains("data.json"));
    assert_eq!(shipped, policies);
}

#[test]
fn the_shipped_tests_pass_and_cover_the_rules() {
    let report = testing::run(&shipped::files()).unwrap();
    for test in &report.tests {
        assert_eq!(test.outcome.as_str(), "passed", "{test:?}");
    }
    assert!(report.tests.len() > 60);
    assert_eq!(report.coverage.len(), 12);
    for file in &report.coverage {
        assert!(file.percent > 90.0, "{file:?}");
    }
}

#[test]
fn a_failing_test_shows_what_differs() {
    let mut files = rule("", PLAIN);
    let tests = r#"package portcullis.rules.some.rule_test

import data.portcullis.rules.some.rule

main := {"resource": {"ref": {"name": "refs/heads/main"}}}

test_passes if {
	count(rule.finding) == 1 with input as main
}

test_fails if {
	name := "Look!"
	some found in rule.finding with input as main
	found.reason == name
}

test_is_quiet if {
	rule.finding == set() with input as main
}

test_is_false := false

test_breaks if {
	unsure == 1
}

unsure := 1

unsure := 2

todo_test_later if {
	1 == 2
}
"#;
    files.push(file("some/rule_test.rego", tests));
    let report = testing::run(&files).unwrap();
    let told: Vec<(&str, &str, u32)> =
        report.tests.iter().map(|t| (t.name.as_str(), t.outcome.as_str(), t.line)).collect();
    assert_eq!(
        told,
        [
            ("test_passes", "passed", 7),
            ("test_fails", "failed", 11),
            ("test_is_quiet", "failed", 17),
            ("test_is_false", "failed", 21),
            ("test_breaks", "broken", 23),
            ("todo_test_later", "skipped", 31),
        ]
    );
    let failure = report.tests[1].failure.as_ref().unwrap();
    assert_eq!((failure.line, failure.text.as_str()), (14, "found.reason == name"));
    let values: Vec<(&str, &str)> =
        failure.values.iter().map(|v| (v.text.as_str(), v.value.as_str())).collect();
    assert_eq!(values, [("found.reason", "\"Look.\""), ("name", "\"Look!\"")]);
    let quiet = report.tests[2].failure.as_ref().unwrap();
    assert_eq!(quiet.line, 18);
    assert_eq!(quiet.values[1].value, "[]");
    assert!(quiet.values[0].value.contains("Look."));
    assert_eq!(report.tests[4].failure.as_ref().unwrap().line, 29);
}

#[test]
fn every_policy_that_must_be_refused_is() {
    let mut wrong = Vec::new();
    for one in folder("tests/policies/refused") {
        let expected = one.text.lines().next().unwrap().strip_prefix("# expect: ").unwrap();
        let name = format!("refused/{}", one.path);
        let shown = load(&[file(&name, &one.text)])
            .map_or_else(|found| render_all(&found), |_| "loads".to_owned());
        if !shown.contains(expected) || !shown.contains(&name) {
            wrong.push(format!("{name} should say `{expected}`:\n{shown}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn hostile_policies_are_refused_where_a_check_covers_them_and_compile_without() {
    let hostile = folder("tests/policies/hostile");
    // These load: what they do to their worker is the worker's test. One of them takes all the memory it gets.
    let unseen = ["controls_in_the_reason.rego", "growing_string.rego"];
    for one in hostile {
        let files = [file(&format!("hostile/{}", one.path), &one.text)];
        if let Err(found) = load_with(&files, Checks::CompileOnly) {
            panic!("{}", render_all(&found));
        }
        if !unseen.contains(&one.path.as_str()) {
            refused(&files);
        }
    }
}
