//! The commands of rule authors cover posture rules: check, test, eval, schema and example, offline.

use std::path::Path;

use portcullis::policy::SubjectKind;
use portcullis::policy::shipped;
use serde_json::Value;

use crate::spec::rig::run;

const RULE: &str = r#"# METADATA
# title: Payment repositories cannot be forked
# custom:
#   subject: repository
#   reads: [repository.forks, repository.project]
#   severity: high
#   category: Exposure
#   remedies: [Choose No forks.]
package portcullis.rules.posture.payments_stay_inside

finding contains {
	"reason": "It can be forked.",
	"proof": ["repository.project", "repository.forks"],
} if {
	input.repository.project == "PAY"
	input.repository.forks != "none"
}
"#;

const TEST: &str = r#"package portcullis.rules.posture.payments_stay_inside_test

import data.portcullis.rules.posture.payments_stay_inside as rule

about(facts) := {"version": 1, "subject": {"kind": "repository"}, "connection": {"id": "acme", "product": "cloud"}, "unknown": [], "repository": facts}

test_open_forks_are_found if {
	count(rule.finding) == 1 with input as about({"project": "PAY", "forks": "any"})
}

test_closed_ones_are_not if {
	count(rule.finding) == 0 with input as about({"project": "PAY", "forks": "none"})
}
"#;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let posture = folder.path().join("posture");
    std::fs::create_dir_all(&posture).unwrap();
    std::fs::write(posture.join("payments_stay_inside.rego"), RULE).unwrap();
    std::fs::write(posture.join("payments_stay_inside_test.rego"), TEST).unwrap();
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn document(folder: &Path, facts: &str) -> String {
    let path = folder.join("input.json");
    let about = format!(
        r#"{{"version": 1, "subject": {{"kind": "repository"}}, "connection": {{"id": "acme", "product": "cloud"}}, "repository": {facts}}}"#
    );
    std::fs::write(&path, about).unwrap();
    text(&path).to_owned()
}

#[tokio::test]
async fn check_tells_both_bundles_apart() {
    let shipped_ones = run(&["policy", "check"]).await;
    assert_eq!(shipped_ones.code, 0, "{}", shipped_ones.all());
    assert!(shipped_ones.out.contains("12 rules, revision "), "{}", shipped_ones.out);
    let count = shipped::POSTURE.len() / 2;
    assert!(shipped_ones.out.contains(&format!("{count} posture rules, revision ")));

    let folder = folder();
    let mine = run(&["policy", "check", text(folder.path()), "--format", "json"]).await.json();
    assert_eq!(mine["ok"], true);
    assert_eq!(mine["posture"]["rules"][0]["id"], "posture/payments-stay-inside");
    assert_eq!(mine["posture"]["rules"][0]["stance"]["subject"], "repository");
    assert_eq!(mine["rules"].as_array().unwrap().len(), 0, "it has none of its own");

    let broken = folder.path().join("posture/payments_stay_inside.rego");
    std::fs::write(broken, RULE.replace("input.repository.forks !=", "input.repository.frks !="))
        .unwrap();
    let said = run(&["policy", "check", text(folder.path())]).await;
    assert_eq!(said.code, 1, "{}", said.all());
    assert!(said.err.contains("posture/payments_stay_inside.rego"), "{}", said.all());
}

#[tokio::test]
async fn test_runs_them_with_coverage() {
    let folder = folder();
    let said = run(&["policy", "test", text(folder.path())]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    assert!(said.out.contains("100.0 %  posture/payments_stay_inside.rego"), "{}", said.out);
    assert!(said.out.contains("2 passed, 0 failed"), "{}", said.out);
}

#[tokio::test]
async fn eval_judges_one_document_in_three_values() {
    let folder = folder();
    let rules = text(folder.path()).to_owned();
    for (facts, outcome) in [
        (r#"{"project": "PAY", "forks": "any"}"#, "fail"),
        (r#"{"project": "PAY", "forks": "none"}"#, "pass"),
        (r#"{"project": "PAY"}"#, "unknown"),
    ] {
        let input = document(folder.path(), facts);
        let asked = ["eval", "--policies", &rules, "--input", &input, "--format", "json"];
        let told = run(&asked).await.json();
        assert_eq!(told["subject"], "repository", "{told}");
        assert_eq!(told["judgements"][0]["outcome"], outcome, "{told}");
        let said = run(&["eval", "--policies", &rules, "--input", &input]).await;
        assert!(said.out.starts_with(outcome), "{}", said.all());
    }
    let input = document(folder.path(), r#"{"forks": "sideways"}"#);
    let said = run(&["eval", "--policies", &rules, "--input", &input]).await;
    assert_eq!(said.code, 2, "{}", said.all());
    assert!(said.err.contains("`repository.forks` must be"), "{}", said.err);
}

/// Every subject has a schema, and its example is as the schema says.
#[tokio::test]
async fn every_subject_has_a_schema_that_its_example_fits() {
    for kind in SubjectKind::TEXTS {
        let schema = run(&["policy", "check", "--schema", "--subject", kind]).await.json();
        let example = run(&["policy", "check", "--example", kind]).await.json();
        assert_eq!(example["subject"]["kind"], *kind);
        let faults = faults(&schema, &example, kind);
        assert!(faults.is_empty(), "{kind}: {faults:?}");
        assert_eq!(example["unknown"], serde_json::json!([]), "an example knows everything");
    }
    let wrong = run(&["policy", "check", "--schema", "--subject", "repositry"]).await;
    assert_eq!(wrong.code, 2, "{}", wrong.all());
    assert!(wrong.err.contains("use one of workspace, project, repository"), "{}", wrong.err);
}

/// Where a value is not as the schema says, as far as these schemas go: types, words, and no name beyond them.
fn faults(schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let kinds: Vec<&str> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect(),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let mut found = Vec::new();
    if !kinds.is_empty() && !kinds.contains(&kind) {
        found.push(format!("{at} is {kind}, not {kinds:?}"));
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        found.push(format!("{at} is none of its words: {value}"));
    }
    for (position, item) in value.as_array().into_iter().flatten().enumerate() {
        found.extend(faults(&schema["items"], item, &format!("{at}.{position}")));
    }
    for (name, inner) in value.as_object().into_iter().flatten() {
        match schema["properties"].get(name) {
            Some(below) => found.extend(faults(below, inner, &format!("{at}.{name}"))),
            None => found.push(format!("{at}.{name} is not in the schema")),
        }
    }
    found
}
