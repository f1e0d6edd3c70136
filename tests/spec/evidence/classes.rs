//! The class of a repository: a fact that rules read when they decide, and a scope in which they bite.

use portcullis::decision::Mode;
use portcullis::decision::Modes;
use portcullis::decision::plan::ModeSetting;
use portcullis::graph::Known;
use portcullis::policy::RuleId;
use reqwest::Method;
use serde_json::Value;
use serde_json::json;

use super::wish;
use crate::spec::rig::CLOUD;
use crate::spec::rig::Gate;
use crate::spec::rig::Shape;

const RULE: &str = r#"# METADATA
# title: Nothing confidential is built here
# description: A rule for tests.
# custom:
#   on: [pipeline.step]
#   reads: [resource.repository.class]
#   severity: high
package portcullis.rules.test.confidential

finding contains {"verdict": "block", "reason": "This repository is confidential.", "proof": ["resource.repository.class"]} if {
	input.resource.repository.class == "confidential"
}
"#;

/// A rule that always says no, to see where it bites.
const ALWAYS: &str = r#"# METADATA
# title: Nothing is built here
# description: A rule for tests.
# custom:
#   on: [pipeline.step]
#   reads: [action]
#   severity: high
package portcullis.rules.test.always

finding contains {"verdict": "block", "reason": "Nothing is built here.", "proof": ["action.name"]} if {
	input.action.name == "run"
}
"#;

async fn gate(name: &str, rule: &str) -> (Gate, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("test")).unwrap();
    std::fs::write(folder.path().join(format!("test/{name}.rego")), rule).unwrap();
    let policies = Some(folder.path().to_owned());
    (Gate::start_as(Shape { policies, silent: true, ..Shape::default() }).await, folder)
}

/// What a step of the pipeline is told, each time another step.
async fn asked(gate: &Gate) -> Value {
    let step = gate.town.step("main", None);
    let asked = gate.check(&step.token, &json!({"action": "run"})).await;
    assert_eq!(asked.status, 200, "{}", asked.body);
    asked.body
}

/// Brings a manifest; its id.
async fn manifest(gate: &Gate, text: &str) -> String {
    let wish = wish(CLOUD, "classification", text.as_bytes());
    let kept = gate.api(Method::POST, "evidence", &wish).await;
    assert_eq!(kept.status, 201, "{}", kept.body);
    kept.body["id"].as_str().unwrap().to_owned()
}

async fn withdraw(gate: &Gate, id: &str) {
    let gone = gate.api(Method::DELETE, &format!("evidence/{id}"), &Value::Null).await;
    assert_eq!(gone.status, 200, "{}", gone.body);
}

/// What rules saw of the class: the value, or nothing where it was unknown.
async fn class_seen(gate: &Gate, answer: &Value) -> Option<Value> {
    let record = gate.get(&format!("decisions/{}", answer["decision"].as_str().unwrap())).await;
    let input = &record["record"]["input"];
    let input = input.get("kept").unwrap_or(input);
    input.pointer("/resource/repository/class").cloned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_class_is_a_fact_when_it_is_decided() {
    let (gate, _rules) = gate("confidential", RULE).await;
    let unknown = asked(&gate).await;
    assert_eq!(unknown["verdict"], "block", "nobody has said how it is classified: {unknown}");
    assert!(unknown.to_string().contains("portcullis evidence import"), "{unknown}");

    let one = manifest(&gate, "project,class\nBILL,confidential\n").await;
    let stopped = asked(&gate).await;
    assert_eq!(stopped["verdict"], "block");
    assert!(stopped.to_string().contains("This repository is confidential."), "{stopped}");

    let two = manifest(&gate, "name,class\nbill*,public\n").await;
    let passed = asked(&gate).await;
    assert_eq!(passed["verdict"], "allow", "the newer manifest counts: {passed}");
    let three = manifest(&gate, "project,class\nOPS,confidential\n").await;
    let passed = asked(&gate).await;
    assert_eq!(passed["verdict"], "allow", "known to have none: {passed}");
    if let Some(seen) = class_seen(&gate, &passed).await {
        assert_eq!(seen, Value::Null, "left out of the manifest is null");
    }

    for id in [&three, &two] {
        withdraw(&gate, id).await;
    }
    assert!(asked(&gate).await.to_string().contains("This repository is confidential."));
    withdraw(&gate, &one).await;
    assert_eq!(asked(&gate).await["verdict"], "block", "unknown again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_can_be_made_to_bite_on_one_class_alone() {
    let (gate, _rules) = gate("always", ALWAYS).await;
    let demoted = gate.operate(&["policy", "demote", "*", "--scope", CLOUD]).await;
    assert_eq!(demoted.code, 0, "{}", demoted.all());
    assert_eq!(asked(&gate).await["effect"], "proceed", "in shadow");

    let scope = ["--scope", CLOUD, "--scope", "class:confidential"];
    let promote = [&["policy", "promote", "test"], &scope[..], &["--yes"]].concat();
    let early = gate.operate(&promote).await;
    assert_eq!(early.code, 1, "{}", early.all());
    assert!(early.err.contains("gives any repository the class `confidential`"), "{}", early.err);

    let confidential = manifest(&gate, "project,class\nBILL,confidential\n").await;
    assert_eq!(asked(&gate).await["effect"], "proceed", "still in shadow");
    let promoted = gate.operate(&promote).await;
    assert_eq!(promoted.code, 0, "{}", promoted.all());
    assert!(promoted.out.contains("would have been stopped: 2"), "{}", promoted.out);
    let words = format!("`test` on {CLOUD}, repositories of class confidential is enforced");
    assert!(promoted.out.contains(&words), "{}", promoted.out);
    assert_eq!(asked(&gate).await["effect"], "stop", "it bites there");
    let modes = gate.operate(&["policy", "modes"]).await;
    assert!(modes.out.contains(&format!("{CLOUD} class:confidential")), "{}", modes.out);

    let public = manifest(&gate, "project,class\nBILL,public\n").await;
    assert_eq!(asked(&gate).await["effect"], "proceed", "and nowhere else");
    withdraw(&gate, &public).await;
    withdraw(&gate, &confidential).await;
    assert_eq!(asked(&gate).await["effect"], "stop", "of an unknown class the strictest holds");

    let demoted = gate.operate(&["policy", "demote", "test", "--scope", CLOUD]).await;
    assert_eq!(demoted.code, 0, "{}", demoted.all());
    assert_eq!(asked(&gate).await["effect"], "proceed", "the last word about all of it holds");
}

fn setting(class: Option<&str>, rules: &str, mode: Mode) -> ModeSetting {
    let (rules, class) = (rules.to_owned(), class.map(str::to_owned));
    ModeSetting { connection: "acme".parse().unwrap(), rules, mode, class }
}

#[test]
fn what_is_said_of_a_class_goes_first_and_an_unknown_class_takes_the_strictest() {
    let modes = Modes::new(Mode::Shadow, Vec::new())
        .with(setting(None, "deploy/x", Mode::Off))
        .with(setting(Some("secret"), "*", Mode::Enforce))
        .with(setting(Some("public"), "deploy", Mode::Off));
    let connection = "acme".parse().unwrap();
    let at = |class: Known<String>, rule: &str| modes.at(&connection, &class, &RuleId::told(rule));
    let is = |class: &str| Known::Value(class.to_owned());
    assert_eq!(at(is("secret"), "deploy/x"), Mode::Enforce);
    assert_eq!(at(is("secret"), "build/y"), Mode::Enforce);
    assert_eq!(at(is("public"), "deploy/z"), Mode::Off);
    assert_eq!(at(is("public"), "build/y"), Mode::Shadow, "nothing is said of it there");
    assert_eq!(at(is("other"), "deploy/x"), Mode::Off, "as on the whole connection");
    assert_eq!(at(Known::Nothing, "deploy/x"), Mode::Off);
    assert_eq!(at(Known::unknown("why"), "deploy/x"), Mode::Enforce, "it may be secret");
    let other = "other".parse().unwrap();
    assert_eq!(modes.at(&other, &is("secret"), &RuleId::told("deploy/x")), Mode::Shadow);
    let again = modes.with(setting(Some("secret"), "*", Mode::Shadow));
    assert_eq!(
        again.at(&connection, &is("secret"), &RuleId::told("a/b")),
        Mode::Shadow,
        "replaced"
    );
}
