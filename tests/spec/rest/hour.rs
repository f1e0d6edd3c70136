//! The hour of a budget, on a clock that runs faster: an estate of 400 repositories on 1,000 calls an hour, and checks
//! beside its reading.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis::bitbucket::Client;
use portcullis::bitbucket::Credential;
use portcullis::bitbucket::FetchError;
use portcullis::bitbucket::Server;
use portcullis::bitbucket::Settings;
use portcullis::bitbucket::TestServer;
use portcullis::graph::Id;
use portcullis::graph::Kind;
use portcullis::secret::Secret;
use portcullis::simulator::Simulator;
use portcullis::simulator::cloud::CloudCredential;
use portcullis::simulator::cloud::CredentialKind;
use portcullis::simulator::cloud::Role;
use portcullis::simulator::cloud_pipelines::StepOf;
use portcullis::simulator::company::Company;
use portcullis::simulator::pipelines::PlannedStep;
use portcullis::simulator::pipelines::StartPipeline;

/// How long an hour lasts: 300 times as fast. Both sides count by it.
const HOUR: Duration = Duration::from_secs(12);

const CALLS: u32 = 1_000;

const REPOSITORIES: usize = 400;

const CHECKS: u32 = 300;

/// How long a check may wait for one call: it waits for no later part of the hour.
const WITHIN: Duration = Duration::from_millis(150);

const SCOPES: &[&str] = &[
    "account",
    "project",
    "project:admin",
    "repository",
    "repository:admin",
    "pipeline",
    "runner",
    "webhook",
];

struct Step {
    repository: Id,
    pipeline: String,
    uuid: String,
}

async fn estate() -> (Simulator, Client, Vec<Step>) {
    let mut company = Company::new();
    let acme = company.workspace("acme", "Acme");
    let ada = acme.member("ada", "Ada", Role::Owner);
    for number in 0..10 {
        acme.project(&format!("P{number}"), &format!("Project {number}"), true);
    }
    for number in 0..REPOSITORIES {
        acme.add_repository(&format!("repo-{number}"), &format!("P{}", number % 10));
    }
    let token = company.issue(CloudCredential::new(ada, CredentialKind::AccessToken, SCOPES));
    let simulator = Simulator::start(company).await.unwrap();
    let test = TestServer { api_url: simulator.cloud_api(), token_url: None };
    let server = Server::Cloud { workspace: "acme".to_owned(), test: Some(test) };
    let credential = Credential::Bearer(Secret::new(token));
    let connection = "acme-cloud".parse().unwrap();
    let client = Client::new(Settings { connection, server, credential }).unwrap();
    let mut steps = Vec::new();
    for number in 0..CHECKS {
        let home = format!("acme/repo-{number}");
        let plan = PlannedStep::new("deploy", &["./deploy.sh"], &["https://gate.example.com"]);
        let order = StartPipeline::on_push(ada, "main", vec![plan]);
        let run = simulator.cloud().start_pipeline(&home, &order).unwrap();
        let found = simulator.company(|company| {
            company.workspaces[0].repository(&format!("repo-{number}")).unwrap().uuid
        });
        let repository = format!("acme-cloud/repository/{found}").parse().unwrap();
        let step = run.steps[0];
        let of = StepOf { repository: &home, pipeline: run.pipeline, step };
        simulator.cloud().step_token(of).unwrap();
        steps.push(Step { repository, pipeline: run.pipeline.to_string(), uuid: step.to_string() });
    }
    (simulator, client, steps)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_estate_of_400_repositories_is_never_answered_429_and_checks_live_off_their_share() {
    let (simulator, client, steps) = estate().await;
    simulator.limit_calls(CALLS, HOUR);
    client.hour_lasts(HOUR);
    let reading = {
        let client = client.clone();
        let now = "2026-11-21T18:05:00Z".parse().unwrap();
        tokio::spawn(async move { client.discover(now, |_| {}).await })
    };
    let (mut live, mut degraded) = (0_u32, BTreeMap::<String, u32>::new());
    let mut turn = tokio::time::interval(HOUR / CHECKS);
    for Step { repository, pipeline, uuid } in &steps {
        turn.tick().await;
        match client.step(repository, pipeline, uuid, WITHIN).await {
            Ok(_) => live += 1,
            Err(error @ FetchError::Limited { .. }) => {
                let why = error.to_string();
                let head = why.split(": ask").next().unwrap().to_owned();
                *degraded.entry(head).or_default() += 1;
            }
            Err(other) => panic!("degraded in another way: {other}"),
        }
    }
    let crawled = simulator.calls().len();
    let world = reading.await.unwrap().unwrap();
    let calls = simulator.calls();
    let refused = calls.iter().filter(|call| call.status == 429).count();
    let unknown: u32 = degraded.values().sum();
    println!(
        "{CHECKS} checks in one hour beside the reading: {live} were live, {unknown} degraded: {degraded:?}; {crawled} calls in that hour, {} in all, {refused} answered 429",
        calls.len()
    );
    assert_eq!(refused, 0, "it was answered 429");
    assert_eq!(live + unknown, CHECKS);
    // 200 calls of the hour are kept for checks, two a check.
    assert!(live >= 95, "{live} were live");
    let read = world.nodes.iter().filter(|node| node.id.kind() == Kind::Repository).count();
    assert_eq!(read, REPOSITORIES);
    assert!(
        world.unknown.iter().all(|gap| !gap.why.contains("rate limit")),
        "a list was cut short"
    );
}
