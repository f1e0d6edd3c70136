//! `portcullis check` as a pipeline runs it: its exit code is the answer, its last line one sentence and one link. And
//! the life of an approval, walked with the real commands.

use std::path::Path;
use std::path::PathBuf;

use portcullis::simulator::cloud_acts::OpenPull;
use portcullis::simulator::cloud_acts::PullAct;
use portcullis::simulator::git::Change;
use portcullis::simulator::pipelines::StepState;
use serde_json::Value;
use serde_json::json;
use tokio::process::Command;

use super::rig::BILLING;
use super::rig::CLOUD;
use super::rig::GATE;
use super::rig::Gate;
use super::rig::Said;
use super::rig::Shape;
use super::rig::Step;
use super::rig::portcullis;
use super::rig::run;
use super::rig::said;
use super::rig::until;

const PRODUCTION: &[&str] = &["--action", "deploy", "--environment", "production"];
const STAGING: &[&str] = &["--action", "deploy", "--environment", "staging"];

/// `portcullis check` as a step runs it.
fn check(gate: &str, token: &str, args: &[&str]) -> Command {
    let mut command = portcullis(&["check"]);
    command.args(args).env("PORTCULLIS_URL", gate).env("BITBUCKET_STEP_OIDC_TOKEN", token);
    command
}

fn by_step(gate: &Gate, step: &Step, args: &[&str]) -> Command {
    let mut command = check(&format!("http://{}", gate.public), &step.token, args);
    command
        .env("BITBUCKET_REPO_FULL_NAME", BILLING)
        .env("BITBUCKET_COMMIT", &step.commit)
        .env("BITBUCKET_BRANCH", "main")
        .env("BITBUCKET_PIPELINE_UUID", format!("{{{}}}", step.pipeline))
        .env("BITBUCKET_STEP_UUID", format!("{{{}}}", step.id))
        .env("BITBUCKET_BUILD_NUMBER", "412");
    command
}

async fn asks(gate: &Gate, step: &Step, args: &[&str]) -> Said {
    said(by_step(gate, step, args)).await
}

/// The same, with the answer as JSON.
async fn answer(gate: &Gate, step: &Step, args: &[&str]) -> Value {
    let said = asks(gate, step, &[args, &["--format", "json"]].concat()).await;
    said.json()
}

fn to_production(gate: &Gate) -> Step {
    gate.town.step("main", Some(gate.town.cast.production))
}

fn to_staging(gate: &Gate) -> Step {
    gate.town.step("main", Some(gate.town.cast.staging))
}

/// The last line is one sentence and one link.
fn ends_well(said: &Said) {
    let (sentence, link) = said.last().rsplit_once(' ').unwrap_or_else(|| panic!("{}", said.all()));
    assert!(link.starts_with(GATE), "no link at the end: {}", said.all());
    assert!(
        sentence.trim_end().ends_with('.') && !sentence.contains("http"),
        "no sentence: {}",
        said.all()
    );
}

/// A town's gate whose approvals are good for a second.
async fn hasty() -> (Gate, tempfile::TempDir) {
    let rules = tempfile::tempdir().unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    copy(&shipped, rules.path());
    let file = rules.path().join("deploy/production_needs_approval.rego");
    let rule = std::fs::read_to_string(&file).unwrap();
    let hasty = rule.replace("\"grant_for\": \"30m\"", "\"grant_for\": \"1s\"");
    assert_ne!(rule, hasty);
    std::fs::write(&file, hasty).unwrap();
    let gate =
        Gate::start_as(Shape { policies: Some(rules.path().to_owned()), ..Shape::default() }).await;
    (gate, rules)
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, name) = (entry.as_ref().unwrap().path(), entry.unwrap().file_name());
        if path.is_dir() {
            std::fs::create_dir(to.join(&name)).unwrap();
            copy(&path, &to.join(&name));
        } else {
            std::fs::copy(&path, to.join(&name)).unwrap();
        }
    }
}

/// Entries of a kind in the store's ledger, as an auditor gets them.
async fn ledger(gate: &Gate, kind: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("export");
    let store = gate.store_url();
    let done = run(&["ledger", "export", to.to_str().unwrap(), "--store", &store]).await;
    assert_eq!(done.code, 0, "{}", done.all());
    let mut files = Vec::new();
    below(&to.join("tile/entries"), &mut files);
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let bytes = std::fs::read(file).unwrap();
        let mut rest = bytes.as_slice();
        while let Some((length, after)) = rest.split_first_chunk::<2>() {
            let (entry, next) = after.split_at(usize::from(u16::from_be_bytes(*length)));
            found.push(serde_json::from_slice::<Value>(entry).unwrap());
            rest = next;
        }
    }
    found.retain(|entry| entry["kind"] == kind);
    found
}

fn below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { below(&path, files) } else { files.push(path) }
    }
}

/// The ledger's refusal of a ticket's grant, whose reason holds this.
async fn refusal(gate: &Gate, ticket: &str, why: &str) -> Value {
    until("the refusal in the ledger", async || {
        let entries = ledger(gate, "grant").await;
        entries.into_iter().find(|entry| {
            entry["subject"] == ticket
                && entry["body"]["outcome"] == "refused"
                && entry["body"]["why"].as_str().is_some_and(|text| text.contains(why))
        })
    })
    .await
}

async fn approve(gate: &Gate, ticket: &str) -> Said {
    let done = gate.operate(&["ticket", "approve", ticket, "--reason", "tested"]).await;
    assert_eq!(done.code, 0, "{}", done.all());
    done
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_is_the_answer() {
    let gate = Gate::start().await;
    let proceed = asks(&gate, &to_staging(&gate), STAGING).await;
    assert_eq!(proceed.code, 0, "{}", proceed.all());
    ends_well(&proceed);
    let wait = asks(&gate, &to_production(&gate), PRODUCTION).await;
    assert_eq!(wait.code, 11, "{}", wait.all());
    ends_well(&wait);
    assert!(wait.last().contains("/t/"), "the link leads to the ticket: {}", wait.last());
    gate.town
        .simulator
        .cloud()
        .push(BILLING, gate.town.cast.ravi, &[Change::new_branch("x", "main", 1)])
        .await
        .unwrap();
    let feature = gate.town.step("x", Some(gate.town.cast.production));
    let stop = said(check(&format!("http://{}", gate.public), &feature.token, PRODUCTION)).await;
    assert_eq!(stop.code, 10, "{}", stop.all());
    ends_well(&stop);
    assert!(stop.last().contains("/d/"), "the link leads to the story: {}", stop.last());
    for wrong in [&["--action", "Deploy!"][..], &["--action", "deploy", "--wait", "soon"], &[]] {
        let said = asks(&gate, &to_staging(&gate), wrong).await;
        assert_eq!(said.code, 2, "{wrong:?}: {}", said.all());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_ends_with_the_vote() {
    let gate = Gate::start().await;
    for (vote, code) in [("approve", 0), ("deny", 12)] {
        let step = to_production(&gate);
        let waiting = by_step(&gate, &step, &[PRODUCTION, &["--wait", "50s"]].concat());
        let mut waiting = tokio::task::JoinSet::from_iter([said(waiting)]);
        let ticket = until("a ticket", async || {
            let tickets = gate.get("tickets?state=asked").await;
            tickets["tickets"][0]["id"].as_str().map(str::to_owned)
        })
        .await;
        let shown = gate.operate(&["ticket", "show", &ticket]).await;
        assert!(shown.out.contains("ASKED"), "{}", shown.all());
        let listed = gate.operate(&["ticket", "list", "--state", "asked"]).await;
        assert!(listed.out.contains(&ticket), "{}", listed.all());
        let voted = gate.operate(&["ticket", vote, &ticket, "--reason", "because"]).await;
        assert_eq!(voted.code, 0, "{}", voted.all());
        let ended = waiting.join_next().await.unwrap().unwrap();
        assert_eq!(ended.code, code, "{vote}: {}", ended.all());
        ends_well(&ended);
        let again = gate.operate(&["ticket", vote, &ticket]).await;
        assert_eq!(again.code, 1, "a vote on a ticket that is over: {}", again.all());
        if vote == "deny" {
            assert!(ended.out.contains("refused"), "{}", ended.all());
            let later = asks(&gate, &step, PRODUCTION).await;
            assert_eq!(later.code, 12, "the same question stays refused: {}", later.all());
        }
    }
    let out_of_time =
        asks(&gate, &to_production(&gate), &[PRODUCTION, &["--wait", "1s"]].concat()).await;
    assert_eq!(out_of_time.code, 11, "{}", out_of_time.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_gate_on_error_decides_and_covers_nothing_else() {
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let blocked = said(check(&nobody, "x.y.z", STAGING)).await;
    assert_eq!(blocked.code, 20, "{}", blocked.all());
    assert!(
        blocked.last().contains(&nobody) && blocked.err.contains("no answer"),
        "{}",
        blocked.all()
    );
    let allowed =
        said(check(&nobody, "x.y.z", &[STAGING, &["--on-error", "allow"]].concat())).await;
    assert_eq!(allowed.code, 0, "{}", allowed.all());
    assert!(allowed.last().contains("--on-error"), "it says why it goes on: {}", allowed.all());
    let gate = Gate::start().await;
    let here = format!("http://{}", gate.public);
    let refused = said(check(&here, "x.y.z", &[STAGING, &["--on-error", "allow"]].concat())).await;
    assert_eq!(refused.code, 2, "a refusal is an answer: {}", refused.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_the_two_lines_are_printed() {
    let mut command = portcullis(&["check", "--action", "deploy"]);
    command.env("PORTCULLIS_URL", GATE);
    let told = said(command).await;
    assert_eq!(told.code, 2);
    assert!(
        told.err.contains("oidc:\n") && told.err.contains(&format!("audiences: [\"{GATE}\"]")),
        "{}",
        told.all()
    );
    let told = run(&["check", "--action", "deploy"]).await;
    assert!(told.code == 2 && told.err.contains("PORTCULLIS_URL"), "{}", told.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_audience_or_issuer_is_told_with_both_sides() {
    let gate = Gate::start().await;
    let elsewhere = "https://other.example.com";
    let step = gate.town.step_for(elsewhere, "main", Some(gate.town.cast.staging));
    let told = asks(&gate, &step, STAGING).await;
    assert_eq!(told.code, 2, "{}", told.all());
    assert!(told.err.contains(elsewhere) && told.err.contains(GATE), "{}", told.err);

    let step = to_staging(&gate);
    let cloud = gate.town.simulator.cloud();
    let mut claims = cloud.claims(step.of()).unwrap();
    let ours = claims["iss"].as_str().unwrap().to_owned();
    let theirs = ours.replace("/acme/", "/evil/");
    claims["iss"] = json!(theirs);
    let token = cloud.mint("acme", &claims).unwrap();
    let told = asks(&gate, &Step { token, ..step.clone() }, STAGING).await;
    assert_eq!(told.code, 2, "{}", told.all());
    assert!(told.err.contains(&theirs) && told.err.contains(&ours), "{}", told.err);
    // The token the step really has is good.
    assert_eq!(asks(&gate, &step, STAGING).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_an_ended_step_and_a_contradiction_are_refused() {
    let gate = Gate::start().await;
    let step = to_staging(&gate);
    let question = json!({"action": "deploy", "environment": "staging"});
    gate.town.simulator.cloud().set_step(step.of(), StepState::Successful).unwrap();
    let late = gate.check(&step.token, &question).await;
    assert_eq!(late.status, 403, "{}", late.body);
    assert!(late.body["type"].as_str().unwrap().contains("replayed"), "{}", late.body);
    let told = asks(&gate, &step, STAGING).await;
    assert!(told.code == 2 && told.err.contains("replayed"), "{}", told.all());

    let step = to_staging(&gate);
    let other =
        gate.check(&step.token, &json!({"action": "deploy", "environment": "production"})).await;
    assert_eq!(other.status, 403, "{}", other.body);
    let detail = other.body["detail"].as_str().unwrap();
    assert!(detail.contains("production") && detail.contains("staging"), "{detail}");
    let nowhere = gate.town.step("main", None);
    let none = gate.check(&nowhere.token, &question).await;
    assert_eq!(none.status, 403, "a token without environment has none: {}", none.body);
    let pipeline =
        json!({"action": "deploy", "step": {"pipeline": format!("{{{}}}", nowhere.pipeline)}});
    assert_eq!(gate.check(&step.token, &pipeline).await.status, 403, "another's pipeline");
    assert_eq!(gate.check(&step.token, &question).await.status, 200, "what agrees is answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_question_twice_is_the_same_decision() {
    let gate = Gate::start().await;
    let step = to_staging(&gate);
    let first = answer(&gate, &step, STAGING).await;
    let second = answer(&gate, &step, STAGING).await;
    assert_eq!(first["decision"], second["decision"]);
    assert!(first["decision"].is_string());
    let other = answer(&gate, &step, &[STAGING, &["--variable", "NPM_TOKEN"]].concat()).await;
    assert_ne!(first["decision"], other["decision"], "another question");
    let another = answer(&gate, &to_staging(&gate), STAGING).await;
    assert_ne!(first["decision"], another["decision"], "another step");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_lets_exactly_one_run_of_exactly_this_through() {
    let gate = Gate::start().await;
    let step = to_production(&gate);
    let asked = answer(&gate, &step, PRODUCTION).await;
    let ticket = asked["ticket"]["id"].as_str().unwrap().to_owned();
    let approved = approve(&gate, &ticket).await;
    assert!(
        approved.out.contains("GRANTED") && approved.out.contains("operator session"),
        "{}",
        approved.all()
    );
    let answered = answer(&gate, &step, PRODUCTION).await;
    assert_eq!(answered["effect"], "proceed", "{answered}");
    assert_eq!(answered["satisfied_by"], json!([ticket]));
    assert_eq!(asks(&gate, &step, PRODUCTION).await.code, 0, "a retry of the step that used it");

    let second = answer(&gate, &to_production(&gate), PRODUCTION).await;
    assert_eq!(second["effect"], "wait", "{second}");
    refusal(&gate, &ticket, "spent").await;

    // Approved, and then main moves on.
    let ticket = second["ticket"]["id"].as_str().unwrap().to_owned();
    approve(&gate, &ticket).await;
    let cloud = gate.town.simulator.cloud();
    let cast = &gate.town.cast;
    cloud.push(BILLING, cast.ravi, &[Change::new_branch("typo", "main", 1)]).await.unwrap();
    let pull = cloud
        .open_pull(BILLING, cast.ravi, OpenPull::new("A typo", "typo", "main"))
        .await
        .unwrap()
        .value;
    cloud.pull(BILLING, pull, cast.omar, PullAct::Approve).await.unwrap();
    cloud.pull(BILLING, pull, cast.mia, PullAct::Merge).await.unwrap();
    let moved = answer(&gate, &to_production(&gate), PRODUCTION).await;
    assert_eq!(moved["effect"], "wait", "{moved}");
    refusal(&gate, &ticket, "commit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_nobody_used_in_time_is_refused() {
    let (gate, _rules) = hasty().await;
    let asked = answer(&gate, &to_production(&gate), PRODUCTION).await;
    let ticket = asked["ticket"]["id"].as_str().unwrap().to_owned();
    approve(&gate, &ticket).await;
    until("its end", async || {
        let shown = gate.get(&format!("tickets/{ticket}")).await;
        (shown["state"] == "expired").then_some(())
    })
    .await;
    let late = answer(&gate, &to_production(&gate), PRODUCTION).await;
    assert_eq!(late["effect"], "wait", "{late}");
    refusal(&gate, &ticket, "expired").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn approvals_of_a_pull_request_speak_for_its_own_commit_only() {
    let gate = Gate::start().await;
    let (cloud, cast) = (gate.town.simulator.cloud(), &gate.town.cast);
    cloud.push(BILLING, cast.ravi, &[Change::new_branch("typo", "main", 1)]).await.unwrap();
    let open = OpenPull::new("A typo", "typo", "main");
    let pull = cloud.open_pull(BILLING, cast.ravi, open).await.unwrap().value.to_string();
    cloud.pull(BILLING, pull.parse().unwrap(), cast.omar, PullAct::Approve).await.unwrap();
    let named = ["token", "create", "--name", "jenkins", "--connection", CLOUD];
    let words = [&named[..], &["--action", "merge", "--expires-in", "1h"]].concat();
    let token = gate.operate(&words).await.out.trim().to_owned();
    let ask = async |branch: &str| {
        let mut command = portcullis(&["check", "--action", "merge", "--repository", BILLING]);
        let commit = gate.town.tip(branch);
        command.args(["--commit", &commit, "--branch", branch, "--pull-request", &pull]);
        command.env("PORTCULLIS_URL", format!("http://{}", gate.public));
        command.env("PORTCULLIS_TOKEN", &token);
        said(command).await
    };
    let its_own = ask("typo").await;
    let other = ask("main").await;
    assert_eq!((its_own.code, other.code), (0, 10), "{} {}", its_own.all(), other.all());
    assert!(other.all().contains("does not stand at the commit"), "{}", other.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_token_asks_for_what_it_may_until_it_is_revoked() {
    let gate = Gate::start().await;
    let here = format!("http://{}", gate.public);
    let made = gate
        .operate(&[
            "token",
            "create",
            "--name",
            "jenkins",
            "--connection",
            CLOUD,
            "--action",
            "deploy",
            "--expires-in",
            "1h",
        ])
        .await;
    assert_eq!(made.code, 0, "{}", made.all());
    let token = made.out.trim().to_owned();
    let listed = gate.operate(&["token", "list"]).await;
    assert!(listed.out.contains("jenkins") && !listed.out.contains(&token), "{}", listed.all());
    let commit = gate.town.tip("main");
    let ask = async |action: &str, repository: &str| {
        let mut command = portcullis(&["check", "--action", action, "--repository", repository]);
        command.args([
            "--commit",
            &commit,
            "--branch",
            "main",
            "--run",
            "https://ci.example.com/1",
        ]);
        command.env("PORTCULLIS_URL", &here).env("PORTCULLIS_TOKEN", &token);
        said(command).await
    };
    let answered = ask("deploy", BILLING).await;
    assert!([0, 10, 11].contains(&answered.code), "an answer: {}", answered.all());
    ends_well(&answered);
    let publish = ask("publish", BILLING).await;
    assert!(publish.code == 2 && publish.err.contains("jenkins"), "{}", publish.all());
    assert_eq!(ask("deploy", "acme/nothing").await.code, 2);
    let tokens = gate.get("tokens").await;
    let id = tokens["tokens"][0]["id"].as_str().unwrap().to_owned();
    let revoked = gate.operate(&["token", "revoke", &id]).await;
    assert_eq!(revoked.code, 0, "{}", revoked.all());
    let after = ask("deploy", BILLING).await;
    assert!(after.code == 2 && after.err.contains("revoked"), "{}", after.all());
    assert_eq!(gate.operate(&["token", "revoke", &uuid::Uuid::now_v7().to_string()]).await.code, 1);
}
