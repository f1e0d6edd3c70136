//! What fails, how it is answered, and how it comes back: a real gate on a disk that is full, or broken.

use std::path::Path;

use portcullis::simulator::faults;
use portcullis::simulator::git::Change;
use serde_json::json;
use uuid::Uuid;

use super::rig::BILLING;
use super::rig::Fails;
use super::rig::Fault;
use super::rig::Gate;
use super::rig::Shape;
use super::rig::noise;
use super::rig::run;
use super::rig::until;

/// Every file of Rust below a folder.
fn sources(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| match path.extension() {
            _ if path.is_dir() => sources(&path),
            Some(kind) if kind == "rs" => std::fs::read_to_string(path).unwrap(),
            _ => String::new(),
        })
        .collect()
}

#[test]
fn every_test_that_the_page_of_failures_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/failures.md")).unwrap();
    let code = sources(&root.join("tests")) + &sources(&root.join("src"));
    // Between backticks stand names of tests, and other things: a test's name is a sentence.
    let names = page.split('`').skip(1).step_by(2).filter(|name| name.matches('_').count() > 3);
    let names: Vec<&str> = names.collect();
    assert!(names.len() > 20, "{names:?}");
    let missing: Vec<_> =
        names.iter().filter(|name| !code.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| failure"));
    let bare: Vec<_> = rows
        .filter(|row| !row.contains("not yet") && !names.iter().any(|name| row.contains(name)))
        .collect();
    assert!(bare.is_empty(), "neither held nor said to be open: {bare:?}");
}

/// A question of a step that may be asked.
async fn check(gate: &Gate) -> u16 {
    let step = gate.town.step("main", Some(gate.town.cast.staging));
    gate.check(&step.token, &json!({"action": "deploy", "environment": "staging"})).await.status
}

/// Whether `/readyz` says no, with these words among the reasons.
async fn not_ready(gate: &Gate, words: &str) {
    let told = gate.readiness().await;
    assert_eq!(told.status, 503, "{}", told.body);
    let reasons = told.body["reasons"].to_string();
    assert!(reasons.contains(words), "{reasons}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_acknowledges_nothing_and_needs_no_restart() {
    // Silent: a status would come back as a delivery of its own, at a time of its own.
    let shape = Shape { disk_mib: Some(32), silent: true, ..Shape::default() };
    let gate = Gate::start_as(shape).await;
    let Some(disk) = &gate.disk else { return };
    assert_eq!(gate.post("{\"before\":1}").await.status, 202);
    assert_eq!(check(&gate).await, 200);
    gate.quiet().await;
    let before = gate.count("delivery");

    disk.fill();
    for number in 0..3 {
        assert_eq!(gate.post(&format!("{{\"number\":{number}}}")).await.status, 503);
        assert_eq!(check(&gate).await, 503);
    }
    not_ready(&gate, "the disk of the store is full").await;
    assert_eq!(gate.count("delivery"), before, "nothing of them was kept");

    disk.free();
    until("readiness", async || (gate.readiness().await.status == 200).then_some(())).await;
    for number in 0..3 {
        assert_eq!(
            gate.post(&format!("{{\"number\":{number}}}")).await.status,
            202,
            "no duplicate"
        );
    }
    assert_eq!(check(&gate).await, 200);
    gate.quiet().await;
    assert_eq!(gate.count("delivery"), before + 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nearly_full_disk_is_said_while_writing_still_works() {
    let shape = Shape { disk_mib: Some(32), silent: true, ..Shape::default() };
    let gate = Gate::start_as(shape).await;
    let Some(disk) = &gate.disk else { return };
    disk.leave(1_500);
    not_ready(&gate, "the disk of the store is nearly full").await;
    assert_eq!(gate.post("{\"still\":\"kept\"}").await.status, 202);
    disk.free();
    assert_eq!(gate.readiness().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_disk_acknowledges_nothing_and_what_was_acknowledged_is_there_after_the_restart() {
    let shape = Shape { largest_file_kib: Some(4_096), ..Shape::default() };
    let mut gate = Gate::start_as(shape).await;
    let mut kept = Vec::new();
    let refused = loop {
        assert!(kept.len() < 20, "the disk never broke");
        let answer = gate.post(&noise(kept.len(), 900_000)).await;
        match answer.body["delivery"].as_str() {
            Some(id) => kept.push(id.parse::<Uuid>().unwrap()),
            None => break answer,
        }
    };
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(!kept.is_empty());
    assert_eq!(gate.post("{\"small\":1}").await.status, 503, "nobody knows what is on it");
    assert_eq!(check(&gate).await, 503);
    not_ready(&gate, "the disk of the store failed").await;
    gate.line("the store takes no more writes").await;

    gate.kill().await;
    gate.restart().await;
    gate.quiet().await;
    for id in &kept {
        gate.dead_letter(*id).await;
    }
    assert_eq!(gate.post("{\"small\":1}").await.status, 202);
    let push = Change::new_branch("feature/after", "main", 1);
    gate.town.simulator.cloud().push(BILLING, gate.town.cast.ravi, &[push]).await.unwrap();
    gate.quiet().await;
    assert_eq!(gate.records().await.len(), 1);
}

/// A gate whose disk fails in one way: what it answers while it does, after, and once it is started again.
async fn fails_and_comes_back(fails: Fails) {
    let mut gate = Gate::start_as(Shape { silent: true, ..Shape::default() }).await;
    assert_eq!(gate.terminate().await, 0);
    let fault = Fault::build(gate.folder.path());
    gate.restart().await;
    let kept =
        gate.post("{\"before\":1}").await.body["delivery"].as_str().unwrap().parse().unwrap();
    assert_eq!(check(&gate).await, 200);
    gate.quiet().await;
    let before = gate.count("delivery");

    fault.begin(fails);
    for number in 0..3 {
        assert_eq!(gate.post(&format!("{{\"number\":{number}}}")).await.status, 503);
        assert_eq!(check(&gate).await, 503);
    }
    not_ready(&gate, "the disk of the store failed").await;
    fault.end();
    assert_eq!(gate.post("{\"number\":0}").await.status, 503, "nobody knows what is on it");
    not_ready(&gate, "until portcullis is started again").await;

    gate.kill().await;
    gate.restart().await;
    gate.quiet().await;
    gate.dead_letter(kept).await;
    // What was refused may stand there or not, as on any disk that failed; the sender sends it again.
    let after = gate.count("delivery");
    assert!((before..=before + 1).contains(&after), "{after}");
    for number in 0..3 {
        let again = gate.post(&format!("{{\"number\":{number}}}")).await.status;
        assert!(matches!(again, 200 | 202), "{again}");
    }
    assert_eq!(check(&gate).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_acknowledges_nothing_more_until_the_gate_is_started_again() {
    fails_and_comes_back(Fails::Sync).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_turns_read_only_under_a_gate_acknowledges_nothing_more_until_it_is_started_again()
 {
    fails_and_comes_back(Fails::Write).await;
}

/// A rule that looks at deploys and lets them pass.
const GOOD: &str = r#"# METADATA
# title: Deploys are looked at
# description: Says that it looked.
# custom:
#   on: [pipeline.step]
#   reads: [resource.environment]
#   severity: low
package portcullis.rules.deploy.looked_at

finding contains {"verdict": "alert", "reason": "It was looked at.", "proof": []} if {
	input.action.name == "deploy"
}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_are_bad_stop_a_start_and_change_nothing_while_a_gate_runs() {
    let policies = tempfile::tempdir().unwrap();
    let area = policies.path().join("deploy");
    std::fs::create_dir(&area).unwrap();
    std::fs::write(area.join("looked_at.rego"), GOOD).unwrap();
    let shape =
        Shape { policies: Some(policies.path().to_owned()), silent: true, ..Shape::default() };
    let mut gate = Gate::start_as(shape).await;
    let bundle = gate.readiness().await.body["bundle"].clone();

    let broken = GOOD
        .replace("looked_at\n", "broken\n")
        .replace("input.action.name ==", "input.action.nome ==");
    std::fs::write(area.join("broken.rego"), broken).unwrap();
    let notes = |told: &serde_json::Value| told["notes"].to_string();
    let told = until("a refusal", async || {
        let told = gate.readiness().await;
        notes(&told.body).contains("the newest rules were refused").then_some(told)
    })
    .await;
    assert_eq!((told.status, &told.body["bundle"]), (200, &bundle), "{}", told.body);
    assert!(notes(&told.body).contains("broken.rego"), "{}", told.body);
    gate.line("the last good bundle stays").await;
    assert_eq!(check(&gate).await, 200);
    let records = gate.records().await;
    assert_eq!(records[0].reason(), "It was looked at.", "the last good rules answer");
    let shown = gate.metrics().await;
    assert!(shown.contains("portcullis_alarms_total{reason=\"bundle_refused\"} 1"), "{shown}");

    assert_eq!(gate.terminate().await, 0);
    let config = gate.path("portcullis.toml");
    let refused = run(&["serve", "--config", config.to_str().unwrap()]).await;
    assert_eq!(refused.code, 1, "{}", refused.all());
    assert!(
        refused.err.contains("broken.rego:11:15") && refused.err.contains("`action.name`"),
        "{}",
        refused.all()
    );
    std::fs::remove_file(area.join("broken.rego")).unwrap();
    gate.restart().await;
    assert_eq!(gate.readiness().await.body["bundle"], bundle);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_no_step_is_believed_and_none_is_called_a_liar() {
    let mut gate = Gate::start().await;
    gate.terminate().await;
    let step = gate.town.step("main", Some(gate.town.cast.staging));
    let config = "/2.0/workspaces/acme/pipelines-config";
    gate.town.simulator.lay_fault(config, faults::Fault::Status(503), None);
    gate.restart().await;
    let question = json!({"action": "deploy", "environment": "staging"});
    let asked = gate.check(&step.token, &question).await;
    assert_eq!(asked.status, 503, "no verdict: {}", asked.body);
    assert!(asked.body["detail"].as_str().unwrap().contains("could not be read"), "{}", asked.body);
    gate.town.simulator.clear_faults();
    until("an answer", async || {
        (gate.check(&step.token, &question).await.status == 200).then_some(())
    })
    .await;
}
