//! What a check and an event get that are about a repository outside the connection's scope: nothing is asked of Bitbucket
//! for them and nothing is written there, what would have been told is unknown, and that is the reason.

use portcullis::decision::Record;
use portcullis::decision::binds::Binds;
use portcullis::policy::Verdict;
use portcullis::simulator::cloud_acts::OpenPull;
use portcullis::simulator::datacenter_acts::DcOpenPull;
use portcullis::simulator::delivery::Delivery;
use portcullis::simulator::faults::Fault;
use portcullis::simulator::git::Change;
use serde_json::Value;
use serde_json::json;

use crate::spec::rig::BILLING;
use crate::spec::rig::CLOUD;
use crate::spec::rig::DATACENTER;
use crate::spec::rig::Gate;
use crate::spec::rig::LEDGER;
use crate::spec::rig::Said;
use crate::spec::rig::Shape;
use crate::spec::rig::portcullis;
use crate::spec::rig::said;
use crate::spec::rig::until;

/// What discovery says, too.
const REASON: &str = "was not asked for: it lies outside the scope of the connection";

/// A gate whose connections reach so far.
async fn reaching(cloud: &'static [&'static str], datacenter: &'static [&'static str]) -> Gate {
    Gate::start_as(Shape { scope: [cloud, datacenter], ..Shape::default() }).await
}

/// Where calls about the Cloud repository go: below its UUID.
fn billing(gate: &Gate) -> String {
    gate.town
        .simulator
        .company(|company| company.workspaces[0].repository("billing").unwrap().uuid.to_string())
}

/// Calls so far whose path holds this.
fn calls(gate: &Gate, part: &str) -> usize {
    gate.town.simulator.calls().iter().filter(|call| call.path.contains(part)).count()
}

/// The decision on the first delivery.
async fn decided(gate: &Gate, deliveries: &[Delivery]) -> Record {
    let answer = &deliveries[0].attempts.last().unwrap().answer;
    let answer: Value = serde_json::from_str(answer).unwrap();
    gate.decided(answer["delivery"].as_str().unwrap().parse().unwrap()).await
}

/// Whether a fact below this path is unknown because of the scope.
fn lies_outside(record: &Record, path: &str) -> bool {
    let told = record.told.kept().unwrap();
    told.unknown.iter().any(|(at, why)| at.starts_with(path) && why.as_str().contains(REASON))
}

/// Asks with a service token, as a job of another CI.
async fn asks(gate: &Gate, connection: &str, repository: &str, commit: &str) -> Said {
    let made = ["token", "create", "--name", "ci", "--connection", connection];
    let made = gate.operate(&[&made[..], &["--action", "publish"]].concat()).await;
    assert_eq!(made.code, 0, "{}", made.all());
    let mut command = portcullis(&["check", "--action", "publish", "--repository", repository]);
    command.args(["--commit", commit, "--branch", "main"]);
    command.env("PORTCULLIS_URL", format!("http://{}", gate.public));
    command.env("PORTCULLIS_TOKEN", made.out.trim());
    said(command).await
}

/// Pushes to a branch of the Cloud repository and asks for its merge: both decisions.
async fn worked_on_cloud(gate: &Gate) -> [Record; 2] {
    let (cloud, ravi) = (gate.town.simulator.cloud(), gate.town.cast.ravi);
    cloud.push(BILLING, ravi, &[Change::new_branch("release/1", "main", 1)]).await.unwrap();
    let push = cloud.push(BILLING, ravi, &[Change::commits("release/1", 1)]).await.unwrap();
    let open = OpenPull::new("Release", "release/1", "main");
    let pull = cloud.open_pull(BILLING, ravi, open).await.unwrap();
    let both = [decided(gate, &push.deliveries).await, decided(gate, &pull.deliveries).await];
    gate.quiet().await;
    both
}

/// The same on Data Center.
async fn worked_on_datacenter(gate: &Gate) -> [Record; 2] {
    let dc = gate.town.simulator.datacenter();
    dc.push(LEDGER, "ravi", &[Change::new_branch("release/1", "main", 1)]).await.unwrap();
    let push = dc.push(LEDGER, "ravi", &[Change::commits("release/1", 1)]).await.unwrap();
    let open = DcOpenPull {
        title: "Release",
        fork: None,
        source: "release/1",
        destination: "main",
        reviewers: Vec::new(),
    };
    let pull = dc.open_pull(LEDGER, "ravi", open).await.unwrap();
    let both = [decided(gate, &push.deliveries).await, decided(gate, &pull.deliveries).await];
    gate.quiet().await;
    both
}

fn main_of_ledger(gate: &Gate) -> String {
    gate.town.simulator.company(|company| {
        let ledger = company.datacenter.repository(LEDGER).unwrap();
        ledger.git.resolve("main").unwrap().hash.clone()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_the_scope_of_a_workspace_a_check_is_not_let_pass_and_nothing_is_asked_or_posted() {
    let gate = reaching(&["acme/tools"], &[]).await;
    let below = billing(&gate);
    let step = gate.town.step("main", Some(gate.town.cast.production));
    let question = json!({"action": "deploy", "environment": "production"});
    let told = gate.check(&step.token, &question).await;
    assert_eq!((told.status, &told.body["effect"]), (200, &json!("stop")), "{}", told.body);
    assert!(told.body.to_string().contains(REASON), "{}", told.body);
    let other = asks(&gate, CLOUD, BILLING, &gate.town.tip("main")).await;
    assert_eq!(other.code, 10, "{}", other.all());
    assert!(other.all().contains("outside the scope"), "{}", other.all());
    let [push, pull] = worked_on_cloud(&gate).await;
    assert!(lies_outside(&push, "change.pull_request"), "{:?}", push.told);
    assert_eq!(pull.public.binds, Binds::After, "no status of ours will stand there");
    for record in gate.records().await {
        assert_eq!(record.public.actions, Vec::<String>::new(), "{record:?}");
    }
    assert_eq!((gate.count("action"), gate.town.simulator.posted()), (0, Vec::new()));
    assert_eq!(calls(&gate, &below), 0);
    assert_eq!(calls(&gate, &step.pipeline.to_string()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn within_the_scope_of_a_workspace_all_is_as_without_one() {
    let gate = reaching(&["bill"], &[]).await;
    let step = gate.town.step("main", Some(gate.town.cast.production));
    let question = json!({"action": "deploy", "environment": "production"});
    let told = gate.check(&step.token, &question).await;
    assert_eq!(told.body["effect"], "wait", "{}", told.body);
    assert!(calls(&gate, &step.pipeline.to_string()) > 0, "the step was read");
    let [push, pull] = worked_on_cloud(&gate).await;
    assert!(!lies_outside(&push, ""), "{:?}", push.told);
    let [_, without] = worked_on_cloud(&reaching(&[], &[]).await).await;
    assert_eq!(pull.public.binds, without.public.binds);
    assert_ne!(pull.public.binds, Binds::After);
    let posted = gate.town.simulator.posted();
    assert!(posted.iter().any(|one| one.repository == BILLING), "{posted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_the_scope_of_a_data_center_a_check_is_not_let_pass_and_nothing_is_asked_or_posted()
{
    let gate = reaching(&[], &["OPS"]).await;
    let commit = main_of_ledger(&gate);
    let told = asks(&gate, DATACENTER, LEDGER, &commit).await;
    assert_eq!(told.code, 10, "{}", told.all());
    assert!(told.all().contains("outside the scope"), "{}", told.all());
    let [push, pull] = worked_on_datacenter(&gate).await;
    assert!(lies_outside(&push, "change.forced"), "{:?}", push.told);
    assert!(lies_outside(&push, "change.pull_request"), "{:?}", push.told);
    assert_eq!(pull.public.binds, Binds::After, "no status of ours will stand there");
    assert_eq!((gate.count("action"), gate.town.simulator.posted()), (0, Vec::new()));
    assert_eq!(calls(&gate, "/projects/PAY"), 0);
    assert_eq!(calls(&gate, "/commits/"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn within_the_scope_of_a_data_center_all_is_as_without_one() {
    let gate = reaching(&[], &["pay"]).await;
    let told = asks(&gate, DATACENTER, LEDGER, &main_of_ledger(&gate)).await;
    assert_eq!(told.code, 0, "{}", told.all());
    let [push, pull] = worked_on_datacenter(&gate).await;
    assert!(!lies_outside(&push, ""), "{:?}", push.told);
    assert_eq!(push.public.verdict, Verdict::Block, "it was read that nobody reviewed it");
    let [_, without] = worked_on_datacenter(&reaching(&[], &[]).await).await;
    assert_eq!(pull.public.binds, without.public.binds);
    assert_ne!(pull.public.binds, Binds::After);
    let posted = gate.town.simulator.posted();
    assert!(posted.iter().any(|one| one.repository == LEDGER), "{posted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_waits_is_given_up_when_its_repository_is_left_out_and_not_even_looked_for() {
    let mut gate = reaching(&[], &["PAY"]).await;
    let commits = "/bitbucket/rest/api/latest/projects/PAY/repos/ledger/commits";
    gate.town.simulator.lay_fault(commits, Fault::Status(503), None);
    let push = Change::new_branch("feature/late", "main", 1);
    gate.town.simulator.datacenter().push(LEDGER, "ravi", &[push]).await.unwrap();
    until("a try that failed", async || {
        (gate.count("action WHERE state = 0 AND tries > 0 AND lease = 0") > 0).then_some(())
    })
    .await;
    gate.kill().await;
    let file = gate.path("portcullis.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let narrower = text.replace("scope = [\"PAY\"]", "scope = [\"OPS\"]");
    assert_ne!(text, narrower);
    std::fs::write(&file, narrower).unwrap();
    gate.town.simulator.clear_faults();
    let before = calls(&gate, "/projects/PAY");
    gate.reopen().await;
    until("its end", async || (gate.count("action WHERE outcome = 'given-up'") == 1).then_some(()))
        .await;
    assert_eq!(calls(&gate, "/projects/PAY"), before);
    assert_eq!(gate.town.simulator.posted(), Vec::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_says_how_far_a_connection_reaches_and_looks_no_further() {
    let gate = reaching(&["acme/tools", "NOWHERE"], &["OPS"]).await;
    let told = gate.get("doctor").await;
    let found = told["findings"].as_array().unwrap();
    let reach = |connection: &str, health: &str| {
        let of = found.iter().filter(|one| {
            one["area"] == "reach" && one["connection"] == connection && one["health"] == health
        });
        of.cloned().collect::<Vec<Value>>()
    };
    let well = reach(CLOUD, "ok");
    assert!(well[0]["said"].as_str().unwrap().contains("1 of 2 repositories"), "{well:?}");
    let wrong = reach(CLOUD, "wrong");
    assert_eq!((wrong.len(), &wrong[0]["what"]), (1, &json!("NOWHERE")), "{wrong:?}");
    assert!(wrong[0]["remedy"].as_str().unwrap().contains("configuration file"), "{wrong:?}");
    assert_eq!(reach(DATACENTER, "wrong"), Vec::<Value>::new());
    assert_eq!(reach(DATACENTER, "ok").len(), 1);
    assert_eq!(calls(&gate, &billing(&gate)), 0);
    assert_eq!(calls(&gate, "/projects/PAY"), 0);
    let listed = gate.get("connections").await;
    assert_eq!(listed["connections"][0]["scope"], json!(["acme/tools", "NOWHERE"]), "{listed}");
    assert_eq!(listed["connections"][1]["scope"], json!(["OPS"]), "{listed}");
}
