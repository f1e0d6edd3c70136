//! Cloud is asked by UUIDs; of a step nothing but facts is kept.

use portcullis::bitbucket::Client;
use portcullis::bitbucket::Credential;
use portcullis::bitbucket::PullRequestState;
use portcullis::bitbucket::StatusPost;
use portcullis::bitbucket::StatusState;
use portcullis::bitbucket::StepState;
use portcullis::event::ActorKind;
use portcullis::event::BuildState;
use portcullis::event::PipelineSource;
use portcullis::event::Trigger;
use portcullis::graph::Id;
use portcullis::graph::Known;
use portcullis::simulator::Simulator;
use portcullis::simulator::cloud::CloudCredential;
use portcullis::simulator::cloud::CredentialKind;
use portcullis::simulator::cloud::Holder;
use portcullis::simulator::cloud::Level;
use portcullis::simulator::cloud::Role;
use portcullis::simulator::cloud_acts::OpenPull;
use portcullis::simulator::cloud_acts::PullAct;
use portcullis::simulator::cloud_pipelines::StepOf;
use portcullis::simulator::company::Company;
use portcullis::simulator::faults::Fault;
use portcullis::simulator::git::Change;
use portcullis::simulator::pipelines;
use portcullis::simulator::pipelines::PlannedStep;
use portcullis::simulator::pipelines::StartPipeline;
use serde_json::json;
use uuid::Uuid;

use crate::spec::rest::WITHIN;
use crate::spec::rest::cloud_at;
use crate::spec::rest::id;
use crate::spec::rest::raw::Raw;
use crate::spec::rest::raw::json as good;
use crate::spec::rest::secret;

const CANARY: &str = "canary-4f1d";
const HOME: &str = "acme/billing";
const SCOPES: &[&str] =
    &["account", "project", "repository", "repository:admin", "pullrequest", "pipeline", "webhook"];

struct Story {
    simulator: Simulator,
    client: Client,
    repository: Id,
    ada: Uuid,
    bob: Uuid,
}

async fn story() -> Story {
    let mut company = Company::new();
    let acme = company.workspace("acme", "Acme");
    let ada = acme.member("ada", "Ada", Role::Owner);
    let bob = acme.member("bob", "Bob", Role::Member);
    acme.project("PAY", "Payments", true);
    let repository = acme.add_repository("billing", "PAY").uuid;
    acme.grant("billing", Holder::User(bob), Level::Write);
    let (key, consumer) = company.consumer(ada, SCOPES);
    let simulator = Simulator::start(company).await.unwrap();
    let credential = Credential::OAuth { key: secret(&key), secret: secret(&consumer) };
    let client = cloud_at(&simulator.cloud_api(), credential);
    let repository = id(&format!("acme-cloud/repository/{repository}"));
    Story { simulator, client, repository, ada, bob }
}

fn user(uuid: Uuid) -> Id {
    id(&format!("acme-cloud/user/{uuid}"))
}

impl Story {
    fn tip(&self, branch: &str) -> String {
        self.simulator.company(|company| {
            company.workspaces[0].repositories[0].head(branch).unwrap().to_owned()
        })
    }

    fn start(&self, order: &StartPipeline) -> (String, String) {
        let started = self.simulator.cloud().start_pipeline(HOME, order).unwrap();
        (started.pipeline.to_string(), started.steps[0].to_string())
    }
}

fn gated(by: Uuid) -> StartPipeline {
    let script = ["portcullis check --action deploy", &format!("./deploy --token {CANARY}")];
    let step = PlannedStep::new("deploy", &script, &["https://gate.example.com"]);
    let mut order = StartPipeline::on_push(by, "main", vec![step]);
    order.variables.push(("REGION".to_owned(), CANARY.to_owned(), false));
    order.variables.push(("KEY".to_owned(), CANARY.to_owned(), true));
    order
}

#[tokio::test]
async fn a_step_tells_its_facts_and_none_of_its_commands_or_values() {
    let story = story().await;
    let (pipeline, step) = story.start(&gated(story.bob));
    let read = story.client.step(&story.repository, &pipeline, &step, WITHIN).await.unwrap();
    let shown = format!("{read:?}");
    assert!(!shown.contains(CANARY) && !shown.contains("./deploy"), "{shown}");
    assert_eq!(read.pipeline.commit, Known::Value(story.tip("main")));
    assert_eq!(read.pipeline.creator, Known::Value(user(story.bob)));
    assert_eq!(read.actor.value().unwrap().kind, Known::Value(ActorKind::User));
    assert_eq!(read.actor.value().unwrap().name, Known::Value("Bob".to_owned()));
    assert!(read.actor.value().unwrap().level.is_unknown());
    assert_eq!(read.pipeline.trigger, Known::Value(Trigger::Push));
    assert_eq!(read.pipeline.source, Known::Value(PipelineSource::Repository));
    let gate = read.pipeline.gate.value().unwrap();
    assert_eq!((&gate.present, &gate.first), (&Known::Value(true), &Known::Value(true)));
    assert_eq!(read.pipeline.script_sha256.value().unwrap().len(), 64);
    assert_eq!(read.reference.as_deref(), Some("refs/heads/main"));
    assert_eq!(read.variables, [("REGION".to_owned(), false), ("KEY".to_owned(), true)]);
    assert!(read.image.unwrap().contains("default-image"));
    // Braces and capitals are the same step.
    let shouted = format!("{{{}}}", step.to_uppercase());
    let again = story.client.step(&story.repository, &pipeline, &shouted, WITHIN).await.unwrap();
    assert_eq!(again.pipeline.step, Known::Value(step));
}

#[tokio::test]
async fn a_broken_step_shows_no_command_in_its_error_either() {
    let step = format!(
        r#"{{"uuid":"{{22222222-2222-4222-8222-222222222222}}","script_commands":[{{"command":{{"{CANARY}":1}}}},"{CANARY}"]}}"#
    );
    let raw = Raw::answering([good(&step)]).await;
    let client = cloud_at(&format!("{}/2.0", raw.url), Credential::Bearer(secret("x")));
    let uuid = "22222222-2222-4222-8222-222222222222";
    let error = client.step(&crate::spec::rest::nowhere(), uuid, uuid, WITHIN).await.unwrap_err();
    assert_eq!(error.word(), "form");
    assert!(!format!("{error} {error:?}").contains(CANARY), "{error:?}");
}

#[tokio::test]
async fn a_pipeline_that_is_not_the_committed_one_says_so() {
    let story = story().await;
    let script = ["./deploy"];
    let plan = || vec![PlannedStep::new("deploy", &script, &[])];
    let order = StartPipeline::on_push(story.bob, "main", plan()).on_demand();
    let (pipeline, step) = story.start(&order);
    let read = story.client.step(&story.repository, &pipeline, &step, WITHIN).await.unwrap();
    assert_eq!(read.pipeline.source, Known::Value(PipelineSource::OnDemand));
    assert_eq!(read.pipeline.trigger, Known::Value(Trigger::Manual));
    let gate = read.pipeline.gate.value().unwrap();
    assert_eq!((&gate.present, &gate.first), (&Known::Value(false), &Known::Value(false)));
}

#[tokio::test]
async fn what_a_pipeline_does_not_tell_is_unknown() {
    let uuid = "22222222-2222-4222-8222-222222222222";
    let body = format!(r#"{{"uuid":"{{{uuid}}}","target":{{"type":"pipeline_ref_target"}}}}"#);
    let raw = Raw::answering([good(&body)]).await;
    let client = cloud_at(&format!("{}/2.0", raw.url), Credential::Bearer(secret("x")));
    let read = client.step(&crate::spec::rest::nowhere(), uuid, uuid, WITHIN).await.unwrap();
    assert_eq!(read.state, StepState::Other);
    let pipeline = read.pipeline;
    assert!(pipeline.commit.is_unknown() && pipeline.source.is_unknown());
    assert!(pipeline.gate.is_unknown() && pipeline.script_sha256.is_unknown());
    assert!(pipeline.creator.is_unknown() && pipeline.trigger.is_unknown());
    // An answer about another one is none.
    let other = "33333333-3333-4333-8333-333333333333";
    let error = client.step(&crate::spec::rest::nowhere(), uuid, other, WITHIN).await.unwrap_err();
    assert_eq!(error.word(), "form");
}

#[tokio::test]
async fn a_scheduled_pipeline_has_nobody_behind_it() {
    let story = story().await;
    let mut order = gated(story.bob);
    order.by = None;
    order.trigger = pipelines::Trigger::Schedule;
    let (pipeline, step) = story.start(&order);
    let read = story.client.step(&story.repository, &pipeline, &step, WITHIN).await.unwrap();
    assert_eq!(read.pipeline.creator, Known::Nothing);
    assert_eq!(read.actor, Known::Nothing);
    assert_eq!(read.pipeline.trigger, Known::Value(Trigger::Schedule));
}

#[tokio::test]
async fn a_step_that_has_ended_is_completed() {
    let story = story().await;
    let started = story.simulator.cloud().start_pipeline(HOME, &gated(story.bob)).unwrap();
    let of = StepOf { repository: HOME, pipeline: started.pipeline, step: started.steps[0] };
    let (pipeline, step) = (started.pipeline.to_string(), started.steps[0].to_string());
    let state = async || {
        story.client.step(&story.repository, &pipeline, &step, WITHIN).await.unwrap().state
    };
    assert_eq!(state().await, StepState::InProgress);
    story.simulator.cloud().set_step(of, pipelines::StepState::Successful).unwrap();
    assert_eq!(state().await, StepState::Completed);
}

#[tokio::test]
async fn a_cut_hash_is_resolved_and_a_wrong_one_is_missing() {
    let story = story().await;
    story.simulator.cloud().push(HOME, story.bob, &[Change::commits("main", 2)]).await.unwrap();
    let full = story.tip("main");
    let read = story.client.commit(&story.repository, &full[..12], WITHIN).await.unwrap();
    assert_eq!(read.hash, full);
    assert_eq!((read.authors, read.unlinked), (vec![user(story.bob)], false));
    assert_eq!(read.parents.len(), 1);
    let missing = story.client.commit(&story.repository, "abcdefabcdef", WITHIN).await.unwrap_err();
    assert_eq!(missing.word(), "missing");
}

#[tokio::test]
async fn history_that_a_push_dropped_is_noticed() {
    let story = story().await;
    let cloud = story.simulator.cloud();
    let before = story.tip("main");
    cloud.push(HOME, story.bob, &[Change::commits("main", 2)]).await.unwrap();
    let ahead = story.tip("main");
    let dropped = async |from: &str, to: &str| {
        story.client.dropped_history(&story.repository, from, to, WITHIN).await.unwrap()
    };
    assert!(!dropped(&before, &ahead).await);
    cloud.push(HOME, story.bob, &[Change::rewrite("main", 1, 1)]).await.unwrap();
    let rewritten = story.tip("main");
    assert!(dropped(&ahead, &rewritten).await);
    assert!(dropped(&ahead, "refs/heads/main").await);
    assert!(!dropped(&before, "refs/heads/main").await, "the branch still holds it");
    cloud.push(HOME, story.bob, &[Change::new_branch("feature/a b", "main", 1)]).await.unwrap();
    assert!(!dropped(&rewritten, "refs/heads/feature/a b").await);
    let error = story.client.dropped_history(&story.repository, &before, "refs/heads/none", WITHIN);
    assert_eq!(error.await.unwrap_err().word(), "missing");
}

#[tokio::test]
async fn a_pull_request_has_full_hashes_and_does_not_guess_what_was_approved() {
    let story = story().await;
    let cloud = story.simulator.cloud();
    cloud.push(HOME, story.bob, &[Change::new_branch("feature/x", "main", 1)]).await.unwrap();
    let open = OpenPull::new("X", "feature/x", "main");
    let number = cloud.open_pull(HOME, story.bob, open).await.unwrap().value;
    let read = story.client.pull_request(&story.repository, number, WITHIN).await.unwrap();
    assert_eq!(read.facts.approvals, Known::Value(Vec::new()));
    cloud.pull(HOME, number, story.ada, PullAct::Approve).await.unwrap();
    let read = story.client.pull_request(&story.repository, number, WITHIN).await.unwrap();
    assert_eq!(read.state, PullRequestState::Open);
    assert_eq!(read.author_name.as_deref(), Some("Bob"));
    let facts = read.facts;
    assert_eq!(facts.author, Known::Value(user(story.bob)));
    let source = facts.source.value().unwrap();
    assert_eq!(source.commit, Known::Value(story.tip("feature/x")));
    assert_eq!(source.repository, Known::Value(story.repository.clone()));
    assert_eq!(facts.target.value().unwrap().commit, Known::Value(story.tip("main")));
    let approvals = facts.approvals.value().unwrap();
    assert_eq!(approvals.len(), 1);
    assert_eq!(approvals[0].by, Known::Value(user(story.ada)));
    let approved = story.tip("feature/x");
    assert_eq!(approvals[0].commit, Known::Value(approved.clone()));
    assert_eq!(facts.builds, Known::Value(Vec::new()));
    cloud.push(HOME, story.bob, &[Change::commits("feature/x", 1)]).await.unwrap();
    let read = story.client.pull_request(&story.repository, number, WITHIN).await.unwrap();
    let approvals = read.facts.approvals.value().unwrap();
    for approval in approvals {
        assert_eq!(approval.commit, Known::Value(approved.clone()), "an older commit");
    }
}

#[tokio::test]
async fn without_the_activity_nobody_knows_what_was_approved() {
    let story = story().await;
    let cloud = story.simulator.cloud();
    cloud.push(HOME, story.bob, &[Change::new_branch("feature/x", "main", 1)]).await.unwrap();
    let open = OpenPull::new("X", "feature/x", "main");
    let number = cloud.open_pull(HOME, story.bob, open).await.unwrap().value;
    cloud.pull(HOME, number, story.ada, PullAct::Approve).await.unwrap();
    let uuid = story.repository.native();
    let path = format!("/2.0/repositories/acme/%7B{uuid}%7D/pullrequests/{number}/activity");
    story.simulator.lay_fault(&path, Fault::Status(403), None);
    let read = story.client.pull_request(&story.repository, number, WITHIN).await.unwrap();
    let approvals = read.facts.approvals.value().unwrap();
    assert_eq!(approvals[0].by, Known::Value(user(story.ada)));
    assert!(approvals[0].commit.is_unknown());
}

#[tokio::test]
async fn a_merged_commit_is_held_by_its_pull_request_and_a_pushed_one_by_none() {
    let story = story().await;
    let cloud = story.simulator.cloud();
    cloud.push(HOME, story.bob, &[Change::new_branch("feature/x", "main", 1)]).await.unwrap();
    let open = OpenPull::new("X", "feature/x", "main");
    let number = cloud.open_pull(HOME, story.bob, open).await.unwrap().value;
    let change = story.tip("feature/x");
    let of = async |commit: &str| {
        story.client.pull_requests_of(&story.repository, commit, WITHIN).await.unwrap()
    };
    assert!(of(&change).await.is_empty(), "an open one does not count");
    cloud.pull(HOME, number, story.ada, PullAct::Merge).await.unwrap();
    assert_eq!(of(&change).await, [number]);
    assert_eq!(of(&story.tip("main")).await, [number]);
    cloud.push(HOME, story.bob, &[Change::commits("main", 1)]).await.unwrap();
    assert!(of(&story.tip("main")).await.is_empty());
}

/// The activity is newest first; an update tells the source's tip of its time.
#[tokio::test]
async fn an_approval_counts_for_the_commit_that_stood_when_it_was_given() {
    const OLD: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const NEW: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    let ada = "{0ada0ada-0000-4000-8000-000000000001}";
    let bob = "{0b0b0b0b-0000-4000-8000-000000000002}";
    let pull = json!({
        "id": 7, "state": "OPEN", "author": {"type": "user", "uuid": "{cccccccc-0000-4000-8000-000000000003}"},
        "source": {"branch": {"name": "x"}, "commit": {"hash": &NEW[..12]}, "repository": null},
        "destination": {"branch": {"name": "main"}, "commit": {"hash": &OLD[..12]}, "repository": null},
        "participants": [
            {"approved": true, "user": {"type": "user", "uuid": ada}},
            {"approved": true, "user": {"type": "user", "uuid": bob}},
        ],
    });
    let tip = |hash: &str| json!({"update": {"source": {"commit": {"hash": &hash[..12]}}}});
    let activity = json!({"values": [
        {"approval": {"user": {"type": "user", "uuid": bob}}}, tip(NEW),
        {"approval": {"user": {"type": "user", "uuid": ada}}}, {"comment": {}}, tip(OLD),
    ]});
    let raw = Raw::routing(move |path| {
        let body = if path.contains("/activity") {
            activity.to_string()
        } else if path.contains("/statuses") {
            r#"{"values":[{"key":"ci","state":"FAILED"}]}"#.to_owned()
        } else if path.contains("/commit/aaaa") {
            format!("{{\"hash\":\"{OLD}\"}}")
        } else if path.contains("/commit/bbbb") {
            format!("{{\"hash\":\"{NEW}\"}}")
        } else {
            pull.to_string()
        };
        good(&body)
    })
    .await;
    let client = cloud_at(&format!("{}/2.0", raw.url), Credential::Bearer(secret("x")));
    let read = client.pull_request(&crate::spec::rest::nowhere(), 7, WITHIN).await.unwrap();
    let approvals = read.facts.approvals.value().unwrap();
    assert_eq!(approvals[0].commit, Known::Value(OLD.to_owned()), "not the one that stands");
    assert_eq!(approvals[1].commit, Known::Value(NEW.to_owned()));
    assert_eq!(read.facts.source.value().unwrap().repository, Known::Nothing, "a deleted fork");
    let builds = read.facts.builds.value().unwrap();
    assert_eq!(builds[0].state, Known::Value(BuildState::Failed));
}

#[tokio::test]
async fn which_pull_requests_hold_a_commit_is_merged_ones_or_unknown() {
    let list = r#"{"values":[{"id":1,"state":"MERGED"},{"id":2,"state":"OPEN"},{"id":3}]}"#;
    let raw = Raw::routing(|path| {
        good(if path.contains("/pullrequests/3") { r#"{"state":"MERGED"}"# } else { list })
    })
    .await;
    let client = cloud_at(&format!("{}/2.0", raw.url), Credential::Bearer(secret("x")));
    let nowhere = crate::spec::rest::nowhere();
    assert_eq!(client.pull_requests_of(&nowhere, "abcdefabcdef", WITHIN).await.unwrap(), [1, 3]);
    for (status, body) in [(202, "{}"), (202, ""), (404, "{}")] {
        let answer = crate::spec::rest::raw::answer(status, "application/json", body);
        let raw = Raw::answering([answer]).await;
        let client = cloud_at(&format!("{}/2.0", raw.url), Credential::Bearer(secret("x")));
        let error = client.pull_requests_of(&nowhere, "abcdefabcdef", WITHIN).await.unwrap_err();
        assert_eq!(error.word(), "not_indexed", "{status} {body:?}");
    }
}

#[tokio::test]
async fn a_status_is_posted_for_its_branch_and_overwritten() {
    let story = story().await;
    let commit = story.tip("main");
    let key = format!("portcullis-{}", "0".repeat(20));
    let post = |key: &str, state| StatusPost {
        key: key.to_owned(),
        state,
        text: "Deploying waits for an approval.".to_owned(),
        url: "https://gate.example.com/d/1".to_owned(),
        refname: Some("refs/heads/main".to_owned()),
        name: "Portcullis".to_owned(),
    };
    let read =
        async || story.client.read_status(&story.repository, &commit, &key, WITHIN).await.unwrap();
    assert_eq!(read().await, None);
    for (state, told) in [
        (StatusState::InProgress, BuildState::InProgress),
        (StatusState::Failed, BuildState::Failed),
        (StatusState::Successful, BuildState::Successful),
    ] {
        let status = post(&key, state);
        story.client.post_status(&story.repository, &commit, &status, WITHIN).await.unwrap();
        assert_eq!(read().await.unwrap().state, told);
    }
    let posted = story.simulator.posted();
    assert_eq!((posted.len(), posted[2].overwrote), (3, true));
    assert_eq!(posted[0].body["refname"], json!("main"));
    let long = post(&"k".repeat(41), StatusState::Failed);
    let error = story.client.post_status(&story.repository, &commit, &long, WITHIN).await;
    assert_eq!(error.unwrap_err().word(), "unaskable");
    let calls = story.client.calls();
    let writes = calls.iter().find(|(class, _)| class.as_str() == "write").unwrap().1;
    assert_eq!(writes, 3);
}

#[tokio::test]
async fn who_we_are_and_where_is_told_by_uuid() {
    let story = story().await;
    assert_eq!(story.client.whoami(WITHIN).await.unwrap(), Some(user(story.ada)));
    let workspace = story.client.workspace(WITHIN).await.unwrap();
    assert_eq!((workspace.slug.as_str(), workspace.name.as_str()), ("acme", "Acme"));
    assert_eq!(workspace.id.as_str().len(), "acme-cloud/workspace/".len() + 36);
    let issuer = story.client.issuer().unwrap().url;
    assert!(issuer.ends_with("/2.0/workspaces/acme/pipelines-config/identity/oidc"), "{issuer}");
}

#[tokio::test]
async fn each_kind_of_credential_is_taken_and_a_small_one_is_told_what_it_lacks() {
    let mut company = Company::new();
    let ada = company.workspace("acme", "Acme").member("ada", "Ada", Role::Owner);
    let access =
        company.issue(CloudCredential::new(ada, CredentialKind::AccessToken, &["account"]));
    let api = ["read:user:bitbucket"];
    let api = company.issue(CloudCredential::new(ada, CredentialKind::ApiToken, &api));
    let small =
        company.issue(CloudCredential::new(ada, CredentialKind::AccessToken, &["repository"]));
    let simulator = Simulator::start(company).await.unwrap();
    let basic = Credential::Basic { user: "ada@acme.example".to_owned(), secret: secret(&api) };
    for credential in [Credential::Bearer(secret(&access)), basic] {
        let client = cloud_at(&simulator.cloud_api(), credential);
        assert!(client.whoami(WITHIN).await.unwrap().is_some());
    }
    let client = cloud_at(&simulator.cloud_api(), Credential::Bearer(secret(&small)));
    let error = client.whoami(WITHIN).await.unwrap_err();
    assert!(error.to_string().contains("lacks `account`"), "{error}");
    assert!(!format!("{client:?}").contains(&small));
}
