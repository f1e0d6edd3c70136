//! Pipelines, their steps and the steps' tokens.

use jsonwebtoken::Algorithm;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::Validation;
use jsonwebtoken::jwk::JwkSet;
use portcullis::simulator::cloud_pipelines::StepOf;
use portcullis::simulator::pipelines::PlannedStep;
use portcullis::simulator::pipelines::StartPipeline;
use portcullis::simulator::pipelines::StepState;
use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use crate::spec::simulator::Story;
use crate::spec::simulator::fetch;
use crate::spec::simulator::story;

fn run(story: &Story) -> (Uuid, Uuid) {
    let step = PlannedStep::new(
        "build",
        &["portcullis check --action run"],
        &["https://gate.example.com"],
    );
    let order = StartPipeline::on_push(story.bob, "main", vec![step]);
    let started = story.simulator.cloud().start_pipeline("acme/billing", &order).unwrap();
    (started.pipeline, started.steps[0])
}

#[tokio::test]
async fn a_step_token_verifies_against_the_published_keys_and_names_its_step() {
    let story = story(|_| {}).await;
    let cloud = story.simulator.cloud();
    let issuer =
        format!("{}/workspaces/acme/pipelines-config/identity/oidc", story.simulator.cloud_api());
    assert_eq!(
        fetch(&format!("{issuer}/keys.json"), None).await.0,
        404,
        "no key before the first token"
    );
    let (pipeline, step) = run(&story);
    let of = StepOf { repository: "acme/billing", pipeline, step };
    let token = cloud.step_token(of).unwrap();
    let (_, discovery) = fetch(&format!("{issuer}/.well-known/openid-configuration"), None).await;
    assert_eq!(discovery["issuer"], json!(issuer));
    let check = async |token: &str| {
        let (_, keys) = fetch(discovery["jwks_uri"].as_str().unwrap(), None).await;
        let keys: JwkSet = serde_json::from_value(keys).unwrap();
        let kid = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
        let key = keys.find(&kid)?;
        let mut rules = Validation::new(Algorithm::RS256);
        rules.set_audience(&["https://gate.example.com"]);
        rules.set_issuer(&[&issuer]);
        let key = DecodingKey::from_jwk(key).unwrap();
        jsonwebtoken::decode::<Value>(token, &key, &rules).ok().map(|data| data.claims)
    };
    let claims = check(&token).await.unwrap();
    assert_eq!(claims["stepUuid"], json!(format!("{{{step}}}")));
    assert_eq!(claims["branchName"], json!("main"));
    assert!(claims["sub"].as_str().unwrap().ends_with(&format!(":{{{step}}}")));
    let mut forged = token.clone();
    forged.replace_range(token.len() - 20..token.len() - 16, "AAAA");
    assert!(check(&forged).await.is_none());
    cloud.rotate_keys("acme").unwrap();
    assert!(check(&token).await.is_some(), "the key before still verifies");
    cloud.retire_old_keys("acme").unwrap();
    assert!(check(&token).await.is_none());
    cloud.set_step(of, StepState::Successful).unwrap();
    assert!(cloud.step_token(of).is_err(), "a step that is over gets no token");
}

#[tokio::test]
async fn pipelines_and_steps_are_read_back_and_stopped_once() {
    let story = story(|_| {}).await;
    let (pipeline, step) = run(&story);
    let path = format!("/repositories/acme/billing/pipelines/%7B{pipeline}%7D");
    let (_, body) = story.get(&story.reader, &path).await;
    assert_eq!(body["target"]["commit"]["hash"], json!(story.head()));
    assert_eq!(body["creator"]["uuid"], json!(format!("{{{}}}", story.bob)));
    assert_eq!(body["trigger"]["type"], json!("pipeline_trigger_push"));
    assert_eq!(body["state"]["name"], json!("IN_PROGRESS"));
    let (_, body) = story.get(&story.reader, &format!("{path}/steps/%7B{step}%7D")).await;
    assert_eq!(body["state"]["name"], json!("IN_PROGRESS"));
    assert_eq!(body["script_commands"][0]["command"], json!("portcullis check --action run"));
    assert_eq!(story.get(&story.status, &path).await.0, 403, "without the pipeline scope");
    let halt = async || {
        let url = format!("{}{path}/stopPipeline", story.simulator.cloud_api());
        reqwest::Client::new()
            .post(url)
            .bearer_auth(&story.reader)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!((halt().await, halt().await), (204, 400));
    let (_, body) = story.get(&story.reader, &path).await;
    assert_eq!(body["state"]["result"]["name"], json!("STOPPED"));
}

#[tokio::test]
async fn on_demand_pipelines_say_so() {
    let story = story(|_| {}).await;
    let order = StartPipeline::on_push(story.bob, "main", vec![]).on_demand();
    let started = story.simulator.cloud().start_pipeline("acme/billing", &order).unwrap();
    let path = format!("/repositories/acme/billing/pipelines/%7B{}%7D", started.pipeline);
    let (_, body) = story.get(&story.reader, &path).await;
    assert_eq!(body["configuration_sources"][0]["source"], json!("ondemand"));
}

#[tokio::test]
async fn a_deployment_step_names_its_environment_in_the_middle_of_sub() {
    let mut environment = Uuid::nil();
    let story = story(|company| {
        environment = company.workspaces[0].environment("billing", "Production", "Production");
    })
    .await;
    let cloud = story.simulator.cloud();
    let step = PlannedStep::new("deploy", &["./deploy"], &[]).deploying_to(environment);
    let order = StartPipeline::on_push(story.bob, "main", vec![step]);
    let started = cloud.start_pipeline("acme/billing", &order).unwrap();
    let of =
        StepOf { repository: "acme/billing", pipeline: started.pipeline, step: started.steps[0] };
    let claims = cloud.claims(of).unwrap();
    assert_eq!(claims["deploymentEnvironmentUuid"], json!(format!("{{{environment}}}")));
    assert_eq!(claims["sub"].as_str().unwrap().split(':').count(), 3);
    let workspace = story.simulator.company(|company| company.workspaces[0].uuid);
    assert_eq!(claims["aud"], json!(format!("ari:cloud:bitbucket::workspace/{workspace}")));
    let tokenless = PlannedStep { audiences: None, ..PlannedStep::new("plain", &["make"], &[]) };
    let order = StartPipeline::on_push(story.bob, "main", vec![tokenless]);
    let started = cloud.start_pipeline("acme/billing", &order).unwrap();
    let of =
        StepOf { repository: "acme/billing", pipeline: started.pipeline, step: started.steps[0] };
    assert!(cloud.step_token(of).is_err(), "without `oidc` there is no token");
}
