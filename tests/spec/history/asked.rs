//! The real program in front of a simulated Bitbucket: what nobody told it, it finds; what it knew, it can tell.

use std::collections::BTreeSet;

use portcullis::decision::Record;
use portcullis::event::EventKind;
use portcullis::graph::Time;
use portcullis::ledger::Entry;
use portcullis::ledger::Kind;
use portcullis::simulator::cloud::Holder;
use portcullis::simulator::cloud::Level;
use portcullis::simulator::cloud::Role;
use portcullis::simulator::faults::Fault;
use portcullis::simulator::git::Change;
use portcullis::simulator::oracle;
use serde_json::Value;

use crate::spec::rig::BILLING;
use crate::spec::rig::CLOUD;
use crate::spec::rig::Gate;
use crate::spec::rig::run;
use crate::spec::rig::until;

async fn of_kind(gate: &Gate, kind: EventKind) -> Vec<Record> {
    let records = gate.records().await;
    records.into_iter().filter(|record| record.public.event == kind).collect()
}

async fn settled(gate: &Gate) {
    until("what was found to be decided", async || {
        (gate.count("moment WHERE settled = 0") == 0).then_some(())
    })
    .await;
}

async fn gaps(gate: &Gate) -> Vec<Value> {
    let store = gate.store().await;
    let mut gaps = Vec::new();
    for index in 0..store.head().await.unwrap().size {
        let entry = Entry::from_bytes(&store.entry(index).await.unwrap().unwrap().entry).unwrap();
        if entry.kind == Kind::Gap {
            gaps.push(Value::Object(entry.body));
        }
    }
    store.close().await;
    gaps
}

/// After both connections were read, and before anything else.
fn now() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Time::from_millis(i64::try_from(since.as_millis()).unwrap()).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_nobody_told_of_is_decided_once_with_before_and_after_and_the_past_can_be_asked() {
    let mut gate = Gate::start().await;
    let ravi = gate.town.cast.ravi;
    let before = now();
    gate.town.simulator.company(|company| {
        company.workspaces[0].grant("billing", Holder::User(ravi), Level::Admin);
    });
    gate.kill().await;
    gate.restart().await;
    settled(&gate).await;
    let changed = of_kind(&gate, EventKind::PermissionChanged).await;
    assert_eq!(changed.len(), 1, "{changed:?}");
    let names = changed[0].names.kept().unwrap();
    assert_eq!(names.repository.as_deref(), Some(BILLING));
    let level = names.changed.iter().find(|(name, ..)| name == "level").unwrap();
    assert_eq!((level.1.clone(), level.2.as_deref()), (None, Some("admin")), "{names:?}");

    // The same name is on Data Center too.
    let who = format!("{CLOUD}/user/{ravi}");
    let can = ["can", who.as_str(), "admin", "repository:acme/billing"];
    let now = gate.operate(&can).await;
    assert_eq!(
        (now.code, now.out.starts_with("yes: the level is admin")),
        (0, true),
        "{}",
        now.all()
    );
    let then = gate.operate(&[&can[..], &["--at", &before]].concat()).await;
    assert_eq!(
        (then.code, then.out.starts_with("no: the level is write")),
        (1, true),
        "{}",
        then.all()
    );
    let early = gate.operate(&[&can[..], &["--at", "2020-01-01"]].concat()).await;
    assert_eq!(early.code, 1);
    assert!(early.err.contains("the first discovery is of"), "{}", early.all());
    let diff = gate.operate(&["access", "diff", "--from", &before]).await;
    assert_eq!(diff.code, 0, "{}", diff.all());
    assert!(diff.out.contains("write  → admin  Ravi Forgettable     acme/billing"), "{}", diff.out);
    assert!(
        diff.out.contains("came: user Ravi Forgettable `admin` repository acme/billing"),
        "{}",
        diff.out
    );
    assert_eq!(diff.out.matches('→').count(), 1, "{}", diff.out);
    let csv = gate.operate(&["access", "diff", "--from", &before, "--format", "csv"]).await;
    assert_eq!(csv.out.lines().count(), 2, "{}", csv.out);
    assert!(
        csv.out.starts_with("identity,name,resource,resource_name,before,after,by,unknown\r\n")
    );
    let since =
        gate.operate(&["access", "since", who.as_str(), "admin", "repository:acme/billing"]).await;
    assert!(since.out.contains("can admin acme/billing since"), "{}", since.all());
    assert!(since.out.contains("by whom: unknown"), "{}", since.out);

    // Nothing more changed: a third life finds nothing.
    gate.kill().await;
    gate.restart().await;
    settled(&gate).await;
    assert_eq!(of_kind(&gate, EventKind::PermissionChanged).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_every_change_is_decided_once() {
    const CHANGES: usize = 120;
    let mut gate = Gate::start().await;
    gate.town.simulator.company(|company| {
        let acme = &mut company.workspaces[0];
        for number in 0..CHANGES {
            let who = acme.member(&format!("new{number}"), &format!("New {number}"), Role::Member);
            acme.grant("tools", Holder::User(who), Level::Write);
        }
    });
    // A member comes to the workspace and to the repository: two changes each.
    let all = i64::try_from(2 * CHANGES).unwrap();
    gate.kill().await;
    gate.reopen().await;
    let decided = "decision WHERE event = 'permission.changed'";
    let mut kills = 0;
    for part in [1, all / 3, all / 2] {
        until("some to be decided", async || (gate.count(decided) >= part).then_some(())).await;
        gate.kill().await;
        kills += i32::from(gate.count(decided) < all);
        gate.reopen().await;
    }
    until("all to be decided", async || {
        (gate.count(decided) >= all && gate.count("moment WHERE settled = 0") == 0).then_some(())
    })
    .await;
    assert!(kills > 0, "it was never killed in the middle");
    let records = of_kind(&gate, EventKind::PermissionChanged).await;
    let told: BTreeSet<String> = records
        .iter()
        .map(|record| format!("{:?}", record.names.kept().unwrap().changed))
        .collect();
    assert_eq!((records.len(), told.len()), (2 * CHANGES, 2 * CHANGES), "each once");
    gate.kill().await;
    let verified = run(&["ledger", "verify", "--store", &gate.store_url()]).await;
    assert_eq!(verified.code, 0, "{}", verified.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bitbucket_that_cannot_be_read_at_all_is_one_gap() {
    let mut gate = Gate::start().await;
    gate.kill().await;
    gate.town.simulator.lay_fault("/2.0/workspaces", Fault::Status(500), None);
    gate.reopen().await;
    let told = until("the gap", async || {
        let gaps = gaps(&gate).await;
        gaps.into_iter().find(|gap| gap["what"] == "not read at all")
    })
    .await;
    assert_eq!(told["why"], "unavailable", "{told}");
    let can = gate.get("who-can?action=read&resource=repository:acme/billing").await;
    assert!(!can["who"].as_array().unwrap().is_empty(), "what was known stays: {can}");
}

/// Who holds which level on which repository of the workspace, as the simulated Bitbucket has it.
fn truth(gate: &Gate) -> BTreeSet<(String, String, String)> {
    gate.town.simulator.company(|company| {
        let rows = oracle::cloud_table(&company.workspaces[0]).into_iter();
        let held = rows.filter(|row| row.3 > Level::None);
        held.map(|(found, who, _, level)| {
            let repository = format!("{CLOUD}/repository/{found}");
            (repository, format!("{CLOUD}/user/{who}"), level.word().to_owned())
        })
        .collect()
    })
}

async fn believed(gate: &Gate) -> BTreeSet<(String, String, String)> {
    let repositories: Vec<String> = gate.town.simulator.company(|company| {
        let all = company.workspaces[0].repositories.iter();
        all.map(|repository| format!("{CLOUD}/repository/{}", repository.uuid)).collect()
    });
    let mut rows = BTreeSet::new();
    for repository in repositories {
        let told = gate.get(&format!("who-can?action=read&resource={repository}")).await;
        assert!(told["unknown"].is_null(), "{told}");
        for who in told["who"].as_array().unwrap() {
            let level = match who["level"].as_str().unwrap() {
                "create" => "write",
                "owner" => "admin",
                level => level,
            };
            let who = who["id"].as_str().unwrap().to_owned();
            rows.insert((repository.clone(), who, level.to_owned()));
        }
    }
    rows
}

/// Webhooks are lost, doubled and shuffled while people come and go: after the next reading the graph is the truth, what
/// no webhook told is decided, and the silence is on record.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_storm_of_lost_and_shuffled_webhooks_the_graph_is_the_truth_and_gaps_are_listed() {
    let mut gate = Gate::start().await;
    let town = gate.town.clone();
    let (cloud, cast) = (town.simulator.cloud(), &town.cast);
    town.simulator.company(|company| {
        let events = &mut company.workspaces[0].hooks[0].events;
        events.extend(["repo:created", "repo:deleted", "repo:updated"].map(ToOwned::to_owned));
    });
    // The owner's own act, so that he may.
    let told = cloud.create_repository("acme/told", owner(&gate), "BILL").await.unwrap();
    let pushed = cloud
        .push(BILLING, cast.ravi, &[Change::new_branch("feature/storm", "main", 1)])
        .await
        .unwrap();
    let mut storm: Vec<_> = told.deliveries.iter().chain(&pushed.deliveries).collect();
    storm.reverse();
    for delivery in storm.iter().cycle().take(3 * storm.len()) {
        town.simulator.resend(delivery).await;
    }
    // From here on nothing arrives.
    town.simulator.company(|company| {
        for hook in &mut company.workspaces[0].hooks {
            hook.active = false;
        }
    });
    cloud.create_repository("acme/lost", owner(&gate), "BILL").await.unwrap();
    cloud.delete_repository("acme/tools", owner(&gate)).await.unwrap();
    town.simulator.company(|company| {
        let acme = &mut company.workspaces[0];
        acme.grant("billing", Holder::User(cast.omar), Level::Admin);
        acme.grant("lost", Holder::User(cast.ravi), Level::Read);
        for hook in &mut acme.hooks {
            hook.active = true;
        }
    });
    gate.quiet().await;
    gate.kill().await;
    gate.restart().await;
    settled(&gate).await;
    assert_eq!(believed(&gate).await, truth(&gate));
    let created = of_kind(&gate, EventKind::RepositoryCreated).await;
    let by_webhook = created.iter().filter(|record| record.public.delivery.is_some()).count();
    assert_eq!((created.len(), by_webhook), (2, 1), "told once by webhook, found once by reading");
    assert_eq!(of_kind(&gate, EventKind::RepositoryDeleted).await.len(), 1);
    let silence: Vec<Value> =
        gaps(&gate).await.into_iter().filter(|gap| gap["what"] == "no webhook told").collect();
    assert_eq!(silence.len(), 1, "{silence:?}");
    assert_eq!(silence[0]["events"]["repository.created"], 1);
    assert_eq!(silence[0]["events"]["repository.deleted"], 1);
    let permissions = of_kind(&gate, EventKind::PermissionChanged).await;
    assert_eq!(
        permissions.len(),
        1,
        "what comes with a new repository is told by it: {permissions:?}"
    );
}

fn owner(gate: &Gate) -> uuid::Uuid {
    gate.town.simulator.company(|company| company.workspaces[0].named("portcullis").unwrap().uuid)
}
