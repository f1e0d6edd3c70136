//! A discovery that is cut short goes on: what was read is not read again, what broke is, and the graph is whole.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis::simulator::faults::Fault;

use crate::spec::rig::CLOUD;
use crate::spec::rig::DATACENTER;
use crate::spec::rig::Gate;
use crate::spec::rig::until;

const MORE: usize = 40;

fn grow(gate: &Gate) {
    gate.town.simulator.company(|company| {
        for number in 0..MORE {
            company.workspaces[0].add_repository(&format!("more-{number}"), "BILL");
            company.datacenter.add_repository("PAY", &format!("more-{number}"));
        }
    });
}

/// Whole answers so far, by path and query; lists of repositories alone.
fn answered(gate: &Gate, below: &str, from: usize) -> BTreeMap<String, usize> {
    let calls = gate.town.simulator.calls();
    let mut counts = BTreeMap::new();
    for call in &calls[from..] {
        if call.status == 200 && call.path.starts_with(below) {
            *counts.entry(format!("{}?{}", call.path, call.query)).or_default() += 1;
        }
    }
    counts
}

async fn goes_on(below: &str, connection: &str, broken: &str) {
    let mut gate = Gate::start().await;
    gate.kill().await;
    grow(&gate);
    let start = gate.town.simulator.calls().len();
    gate.town.simulator.lay_fault(broken, Fault::Status(500), Some(2));
    gate.town.simulator.lay_fault(below, Fault::Delay(Duration::from_millis(60)), None);
    gate.reopen().await;
    let kept = format!("crawl_answer WHERE connection = '{connection}'");
    until("some answers to be kept", async || (gate.count(&kept) >= 200).then_some(())).await;
    gate.kill().await;
    let (held, killed) = (gate.count(&kept), gate.town.simulator.calls().len());
    let before = answered(&gate, below, start);
    gate.town.simulator.clear_faults();
    gate.restart().await;
    assert!(gate.log().contains("a discovery that was cut short goes on"), "{}", gate.log());
    let after = answered(&gate, below, killed);
    let twice: Vec<&String> = before.keys().filter(|asked| after.contains_key(*asked)).collect();
    let held = usize::try_from(held).unwrap();
    // What was answered in the last second was not kept yet, and the list of repositories is read anew where it was.
    let lost = before.len().saturating_sub(held) + 50;
    assert!(
        before.len() > 2 * lost && twice.len() <= lost,
        "{} of {}: {twice:?}",
        twice.len(),
        before.len()
    );
    assert_eq!(gate.count(&kept), 0, "it is done, and nothing of it is left");
    assert_eq!(gate.count("crawl"), 0);
    let world = gate.get(&format!("access/world?connection={connection}")).await;
    let nodes = world["nodes"].as_array().unwrap();
    let of = |kind: &str| {
        nodes
            .iter()
            .filter(|node| node["id"].as_str().unwrap().split('/').nth(1) == Some(kind))
            .count()
    };
    assert_eq!(of("repository"), MORE + 2);
    let gaps = world["unknown"].as_array().unwrap();
    let cut = gaps.iter().filter(|gap| gap["why"].as_str().unwrap().contains("500")).count();
    assert_eq!(cut, 0, "what broke was asked for again: {gaps:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discovery_of_cloud_that_is_killed_goes_on_where_it_was() {
    goes_on("/2.0/repositories/acme/", CLOUD, "/2.0/workspaces/acme/projects/BILL/deploy-keys")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discovery_of_data_center_that_is_killed_goes_on_where_it_was() {
    let below = "/bitbucket/rest/api/latest/projects/PAY/repos/";
    goes_on(below, DATACENTER, "/bitbucket/rest/keys/latest/projects/OPS/ssh").await;
}
