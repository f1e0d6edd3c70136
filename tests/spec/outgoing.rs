//! What was asked of Bitbucket stands in the ledger: every call of it, and no call outside the classes.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::spec::rig;
use crate::spec::rig::Gate;

/// Where tokens and keys are fetched: no question about the estate.
const KEYS_AND_TOKENS: &[&str] = &["/site/oauth2/access_token", "/pipelines-config/identity/oidc"];

const CLASSES: &[&str] = &["metadata", "commit-identity", "executed-script", "write"];

/// How many calls of each method and status the simulated Bitbuckets had.
fn had(gate: &Gate) -> BTreeMap<(String, u64), u64> {
    let mut all = BTreeMap::new();
    for call in gate.town.simulator.calls() {
        if KEYS_AND_TOKENS.iter().all(|part| !call.path.contains(part)) {
            *all.entry((call.method, u64::from(call.status))).or_default() += 1;
        }
    }
    all
}

fn lines(report: &Value) -> &Vec<Value> {
    report["outbound"]["lines"].as_array().unwrap()
}

fn told(report: &Value) -> BTreeMap<(String, u64), u64> {
    let mut all = BTreeMap::new();
    for line in lines(report) {
        let key = (line["method"].as_str().unwrap().to_owned(), line["status"].as_u64().unwrap());
        *all.entry(key).or_default() += line["calls"].as_u64().unwrap();
    }
    all
}

async fn verified(gate: &Gate, more: &[&str]) -> Value {
    let store = gate.store_url();
    let mut args = vec!["ledger", "verify", "--store", &store, "--outbound", "--format", "json"];
    args.extend(more);
    let said = rig::run(&args).await;
    assert_eq!(said.code, 0, "{}", said.all());
    said.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_tells_every_call_that_bitbucket_had() {
    let mut gate = Gate::start().await;
    assert_eq!(gate.terminate().await, 0);
    let report = verified(&gate, &[]).await;
    assert_eq!(report["report"]["verified"], true);
    let (had, told) = (had(&gate), told(&report));
    assert!(had.values().sum::<u64>() > 20, "a discovery asks more than {had:?}");
    assert_eq!(told, had);
    assert!(lines(&report).iter().all(|line| CLASSES.contains(&line["class"].as_str().unwrap())));
    assert!(lines(&report).iter().any(|line| line["bytes"].as_u64().unwrap() > 0));
    assert_eq!(report["outbound"]["killed"], 0);
    assert_eq!(report["outbound"]["unreadable"], 0);

    let before = verified(&gate, &["--until", "2026-01-01T00:00:00Z"]).await;
    assert_eq!(lines(&before).len(), 0, "nothing was asked before there was a gate");
    let after = verified(&gate, &["--from", "2026-01-01T00:00:00Z"]).await;
    assert_eq!(lines(&after), lines(&report));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_was_killed_is_said_to_hide_a_minute_of_calls() {
    let mut gate = Gate::start().await;
    gate.kill().await;
    gate.restart().await;
    assert_eq!(gate.terminate().await, 0);
    let report = verified(&gate, &[]).await;
    assert_eq!(report["outbound"]["killed"], 1);
    let store = gate.store_url();
    let said = rig::run(&["ledger", "verify", "--store", &store, "--outbound"]).await;
    let end = said.last();
    assert_eq!(end, "ended without a stop: once, which may hide the calls of a minute");
}
