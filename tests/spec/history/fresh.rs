//! A stale fact is never told as fresh: it is read again by one call, or it is unknown.

use std::path::Path;
use std::time::Duration;

use portcullis::decision::Record;
use portcullis::simulator::cloud::Holder;
use portcullis::simulator::cloud::Level;
use portcullis::simulator::datacenter::DcHolder;
use portcullis::simulator::datacenter::ProjectPermission;
use portcullis::simulator::faults::Fault;
use portcullis::simulator::git::Change;
use serde_json::Value;
use serde_json::json;

use crate::spec::rig::BILLING;
use crate::spec::rig::Gate;
use crate::spec::rig::LEDGER;
use crate::spec::rig::Shape;
use crate::spec::rig::Step;
use crate::spec::rig::until;

/// A rule on this kind of event; `fresh` is a line of its metadata, or none.
pub fn rule(folder: &Path, on: &str, fresh: &str) {
    let text = format!(
        "# METADATA\n# title: Says what it sees\n# description: A rule for tests.\n# custom:\n#   on: [{on}]\n#   reads: [actor.level, resource.repository, resource.environment]\n{fresh}#   severity: low\n#   unknown: handled\npackage portcullis.rules.test.sees\n\nfinding contains {{\"verdict\": \"alert\", \"reason\": \"It is seen.\"}} if input.action.name != \"\"\n"
    );
    std::fs::create_dir_all(folder.join("test")).unwrap();
    std::fs::write(folder.join("test/sees.rego"), text).unwrap();
}

/// What a rule says that takes facts of at most a second.
const A_SECOND: &str = "#   fresh: 1s\n";

async fn check(gate: &Gate, step: &Step, environment: &str) -> Record {
    let answer =
        gate.check(&step.token, &json!({"action": "run", "environment": environment})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let decision = answer.body["decision"].as_str().unwrap().to_owned();
    until("the record", async || {
        let records = gate.records().await;
        records.into_iter().find(|record| record.public.decision.to_string() == decision)
    })
    .await
}

pub fn seen(record: &Record) -> Value {
    serde_json::from_str(record.input.kept().unwrap().get()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fact_older_than_a_rule_allows_is_read_again_or_unknown() {
    let folder = tempfile::tempdir().unwrap();
    rule(folder.path(), "pipeline.step", A_SECOND);
    let shape = Shape { policies: Some(folder.path().to_owned()), ..Shape::default() };
    let gate = Gate::start_as(shape).await;
    let mia = gate.town.cast.mia;
    // Behind its back: the graph still says admin.
    gate.town.simulator.company(|company| {
        let grants = &mut company.workspaces[0].repository_mut("billing").unwrap().grants;
        grants.retain(|grant| grant.to != Holder::User(mia));
    });
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let calls =
        gate.town.simulator.count_calls("GET", "/2.0/workspaces/acme/permissions/repositories");
    let record =
        check(&gate, &gate.town.step("main", Some(gate.town.cast.production)), "production").await;
    let input = seen(&record);
    assert_eq!(input["actor"]["level"], "write", "as it is, not as it was: {input}");
    assert_eq!(input["resource"]["environment"]["tier"], "production", "{input}");
    assert!(
        input["resource"]["repository"]["visibility"].is_null(),
        "nobody read that again: {input}"
    );
    let unknown = input["unknown"].to_string();
    assert!(
        unknown.contains("resource.repository.visibility") && unknown.contains("old, and a rule"),
        "{unknown}"
    );
    let path = "/2.0/workspaces/acme/permissions/repositories";
    assert_eq!(gate.town.simulator.count_calls("GET", path), calls + 1, "by one call");

    // What cannot be read again is unknown, never what it was.
    gate.town.simulator.lay_fault(path, Fault::Status(503), None);
    let record =
        check(&gate, &gate.town.step("main", Some(gate.town.cast.staging)), "staging").await;
    let input = seen(&record);
    assert!(input["actor"].get("level").is_none(), "{input}");
    assert!(input["unknown"].to_string().contains("actor.level"), "{input}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_event_told_to_have_changed_is_unknown_until_it_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    rule(folder.path(), "push", "");
    let shape = Shape { policies: Some(folder.path().to_owned()), ..Shape::default() };
    let mut gate = Gate::start_as(shape).await;
    let town = gate.town.clone();
    let owner = town.simulator.company(|company| {
        let acme = &mut company.workspaces[0];
        acme.hooks[0].events.push("repo:updated".to_owned());
        acme.named("portcullis").unwrap().uuid
    });
    acme_grant(&gate, town.cast.ravi);
    let pushed = async |gate: &Gate, branch: &str| -> Value {
        let change = Change::commits(branch, 1);
        let done = town.simulator.cloud().push(BILLING, town.cast.ravi, &[change]).await.unwrap();
        let answer = &done.deliveries[0].attempts.last().unwrap().answer;
        let answer: Value = serde_json::from_str(answer).unwrap();
        seen(&gate.decided(answer["delivery"].as_str().unwrap().parse().unwrap()).await)
    };
    let branch = Change::new_branch("feature/fresh", "main", 1);
    town.simulator.cloud().push(BILLING, town.cast.ravi, &[branch]).await.unwrap();
    let input = pushed(&gate, "feature/fresh").await;
    assert_eq!(input["resource"]["repository"]["default_branch"], "main", "{input}");

    // The hook hears of the description only; the repository is public now.
    town.simulator.cloud().update_repository(BILLING, owner, "for all", false).await.unwrap();
    gate.quiet().await;
    let input = pushed(&gate, "feature/fresh").await;
    assert!(input["resource"]["repository"].get("default_branch").is_none(), "{input}");
    assert!(input["unknown"].to_string().contains("Bitbucket told at"), "{input}");
    assert_eq!(input["actor"]["level"], "write", "its people are the same: {input}");

    gate.kill().await;
    gate.restart().await;
    let input = pushed(&gate, "feature/fresh").await;
    assert_eq!(input["resource"]["repository"]["default_branch"], "main", "read again: {input}");
}

fn acme_grant(gate: &Gate, who: uuid::Uuid) {
    // Owners only may update; whoever pushes has to be able to.
    gate.town.simulator.company(|company| {
        company.workspaces[0].grant("billing", Holder::User(who), Level::Write);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn data_center_is_asked_level_by_level_and_believed_by_the_number() {
    let folder = tempfile::tempdir().unwrap();
    rule(folder.path(), "branch.created", A_SECOND);
    let shape = Shape { policies: Some(folder.path().to_owned()), ..Shape::default() };
    let gate = Gate::start_as(shape).await;
    let created = async |branch: &str| -> Value {
        let change = Change::new_branch(branch, "main", 1);
        let done = gate.town.simulator.datacenter().push(LEDGER, "mia", &[change]).await.unwrap();
        let answer = &done.deliveries[0].attempts.last().unwrap().answer;
        let answer: Value = serde_json::from_str(answer).unwrap();
        seen(&gate.decided(answer["delivery"].as_str().unwrap().parse().unwrap()).await)
    };
    // Behind its back: the graph still says admin.
    let grant = |level| {
        gate.town.simulator.company(|company| {
            let developers = DcHolder::Group("developers".to_owned());
            company.datacenter.grant_project("PAY", developers, level);
        });
    };
    grant(ProjectPermission::Write);
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let input = created("feature/one").await;
    assert_eq!(input["actor"]["level"], "write", "as it is, not as it was: {input}");
    grant(ProjectPermission::Admin);
    let input = created("feature/two").await;
    assert_eq!(input["actor"]["level"], "admin", "{input}");
    // What does not answer claims nothing.
    gate.town.simulator.lay_fault("/bitbucket/rest/api/latest/users", Fault::Status(500), None);
    let input = created("feature/three").await;
    assert!(input["actor"].get("level").is_none(), "{input}");
    assert!(input["unknown"].to_string().contains("actor.level"), "{input}");
}
