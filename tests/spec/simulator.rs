//! The simulated Cloud is as strict as Cloud: it refuses what Cloud refuses, in Cloud's shapes, and pages as it pages.

use portcullis::simulator::Simulator;
use portcullis::simulator::cloud::CloudCredential;
use portcullis::simulator::cloud::CredentialKind;
use portcullis::simulator::cloud::Holder;
use portcullis::simulator::cloud::Level;
use portcullis::simulator::cloud::Matcher;
use portcullis::simulator::cloud::Role;
use portcullis::simulator::company::Company;
use portcullis::simulator::faults::Fault;
use portcullis::simulator::git::Change;
use portcullis::simulator::refusal::Refusal;
use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use crate::spec::receiver::Receiver;

/// One workspace, three people, one repository, and tokens of several kinds.
pub struct Story {
    pub simulator: Simulator,
    pub ada: Uuid,
    pub bob: Uuid,
    pub admin: String,
    pub reader: String,
    pub stranger: String,
    pub status: String,
}

pub async fn story(prepare: impl FnOnce(&mut Company)) -> Story {
    let mut company = Company::new();
    let acme = company.workspace("acme", "Acme");
    let ada = acme.member("ada", "Ada", Role::Owner);
    let bob = acme.member("bob", "Bob", Role::Member);
    let eve = acme.member("eve", "Eve", Role::Member);
    acme.project("PAY", "Payments", true);
    acme.add_repository("billing", "PAY");
    acme.grant("billing", Holder::User(bob), Level::Write);
    let all = [
        "account",
        "project",
        "project:admin",
        "repository",
        "repository:admin",
        "pullrequest",
        "pipeline:write",
        "runner",
        "webhook",
    ];
    let token = |company: &mut Company, owner, scopes: &[&str]| {
        company.issue(CloudCredential::new(owner, CredentialKind::OAuth, scopes))
    };
    let admin = token(&mut company, ada, &all);
    let reader = token(&mut company, bob, &all);
    let stranger = token(&mut company, eve, &all);
    let status = token(&mut company, bob, &["repository"]);
    prepare(&mut company);
    let simulator = Simulator::start(company).await.unwrap();
    Story { simulator, ada, bob, admin, reader, stranger, status }
}

impl Story {
    pub async fn get(&self, token: &str, path: &str) -> (u16, Value) {
        fetch(&format!("{}{path}", self.simulator.cloud_api()), Some(token)).await
    }

    pub fn head(&self) -> String {
        self.simulator.company(|company| {
            company.workspaces[0].repositories[0].head("main").unwrap().to_owned()
        })
    }

    async fn post_status(&self, token: &str, commit: &str, body: &Value) -> (u16, Value) {
        let url = format!(
            "{}/repositories/acme/billing/commit/{commit}/statuses/build",
            self.simulator.cloud_api()
        );
        let answer =
            reqwest::Client::new().post(url).bearer_auth(token).json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

pub async fn fetch(url: &str, token: Option<&str>) -> (u16, Value) {
    let mut request = reqwest::Client::new().get(url);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or(Value::Null))
}

fn status_body(key: &str) -> Value {
    json!({"key": key, "state": "SUCCESSFUL", "url": "https://gate.example.com/d/1", "refname": "main"})
}

#[tokio::test]
async fn cloud_tells_no_credential_from_a_bad_one_from_a_small_one() {
    let story = story(|_| {}).await;
    let user = format!("{}/user", story.simulator.cloud_api());
    assert_eq!(fetch(&user, None).await.0, 401);
    assert_eq!(fetch(&user, Some("wrong")).await.0, 401);
    assert_eq!(fetch(&user, Some(&story.admin)).await.0, 200);
    let (status, body) = fetch(&user, Some(&story.status)).await;
    assert_eq!(status, 403);
    assert_eq!(
        body["error"]["detail"],
        json!({"granted": ["repository"], "required": ["account"]})
    );
}

#[tokio::test]
async fn api_tokens_log_in_with_the_email_address_and_granular_scopes() {
    let mut token = String::new();
    let story = story(|company| {
        let ada = company.workspaces[0].named("ada").unwrap().uuid;
        let scopes = ["read:user:bitbucket"];
        token = company.issue(CloudCredential::new(ada, CredentialKind::ApiToken, &scopes));
    })
    .await;
    let get = async |name: &str, path: &str| {
        let url = format!("{}{path}", story.simulator.cloud_api());
        reqwest::Client::new()
            .get(url)
            .basic_auth(name, Some(&token))
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(get("ada@acme.example", "/user").await, 200);
    assert_eq!(get("ada", "/user").await, 401);
    assert_eq!(get("ada@acme.example", "/repositories/acme").await, 403);
    assert_eq!(story.get(&token, "/user").await.0, 401, "an api token is no bearer token");
}

#[tokio::test]
async fn what_a_caller_may_not_see_does_not_exist() {
    let story = story(|_| {}).await;
    assert_eq!(story.get(&story.reader, "/repositories/acme/billing").await.0, 200);
    assert_eq!(story.get(&story.stranger, "/repositories/acme/billing").await.0, 404);
    assert_eq!(story.get(&story.stranger, "/repositories/acme").await.1["values"], json!([]));
    assert_eq!(
        story.get(&story.reader, "/repositories/acme/billing/branch-restrictions").await.0,
        403
    );
    assert_eq!(
        story.get(&story.admin, "/repositories/acme/billing/branch-restrictions").await.0,
        200
    );
    assert_eq!(story.get(&story.admin, "/workspaces/acme/no-such-thing").await.0, 404);
    assert_eq!(story.get(&story.admin, "/workspaces").await.0, 410);
    let slashed = format!("{}/repositories/acme/billing/", story.simulator.cloud_api());
    let answer = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
    let answer = answer.unwrap().get(slashed).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 301);
}

#[tokio::test]
async fn uuids_are_braced_and_encoded_in_paths() {
    let story = story(|_| {}).await;
    let (workspace, repository) = story.simulator.company(|company| {
        (company.workspaces[0].uuid, company.workspaces[0].repositories[0].uuid)
    });
    let path = format!("/repositories/%7B{workspace}%7D/%7B{repository}%7D");
    let (status, body) = story.get(&story.admin, &path).await;
    assert_eq!(status, 200);
    assert_eq!(body["uuid"], json!(format!("{{{repository}}}")));
    let bare = format!("/repositories/acme/{repository}");
    assert_eq!(story.get(&story.admin, &bare).await.0, 404, "without braces it is no uuid");
}

#[tokio::test]
async fn cloud_pages_by_an_opaque_next_and_caps_pagelen() {
    let story = story(|company| {
        for number in 0..23 {
            company.workspaces[0].add_repository(&format!("r{number}"), "PAY");
        }
    })
    .await;
    let mut url =
        format!("{}/repositories/acme?pagelen=5&q=name~\"r\"", story.simulator.cloud_api());
    let mut names = Vec::new();
    let mut pages = 0;
    loop {
        let (status, page) = fetch(&url, Some(&story.admin)).await;
        assert_eq!(status, 200);
        pages += 1;
        names.extend(page["values"].as_array().unwrap().iter().map(|one| one["slug"].to_string()));
        let Some(next) = page["next"].as_str() else { break };
        url = next.to_owned();
    }
    names.dedup();
    assert_eq!((names.len(), pages), (23, 5));
    assert_eq!(story.get(&story.admin, "/repositories/acme?pagelen=101").await.0, 400);
    assert_eq!(story.get(&story.admin, "/repositories/acme?pagelen=100").await.0, 200);
    assert_eq!(
        story.get(&story.admin, "/repositories/acme/billing/pullrequests?pagelen=51").await.0,
        400
    );
    let cursor = url.split("ctx=").nth(1).unwrap();
    let elsewhere = format!("/workspaces/acme/members?ctx={cursor}");
    assert_eq!(story.get(&story.admin, &elsewhere).await.0, 400, "a cursor of another list");
}

#[tokio::test]
async fn a_status_is_created_then_overwritten_and_its_hooks_hear_who_did_it() {
    let receiver = Receiver::answering(&[202]).await;
    let keys = ["repo:commit_status_created", "repo:commit_status_updated"];
    let story = story(|company| {
        company.workspaces[0].hook(None, &receiver.url, Some("s"), &keys);
    })
    .await;
    let head = story.head();
    let body = status_body("portcullis-0123456789abcdef0123");
    assert_eq!(story.post_status(&story.status, &head, &body).await.0, 201);
    assert_eq!(story.post_status(&story.status, &head, &body).await.0, 200);
    story.simulator.settled().await;
    let got = receiver.got();
    assert_eq!(got[0].header("x-event-key"), Some(keys[0]));
    assert_eq!(got[1].header("x-event-key"), Some(keys[1]));
    assert_eq!(got[0].json()["actor"]["uuid"], json!(format!("{{{}}}", story.bob)));
    let link =
        got[0].json()["commit_status"]["links"]["commit"]["href"].as_str().unwrap().to_owned();
    assert!(link.ends_with(&head));
    let posted = story.simulator.posted();
    assert_eq!(posted.iter().map(|one| one.overwrote).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn statuses_that_cloud_refuses_are_refused() {
    let story = story(|_| {}).await;
    let head = story.head();
    let refused =
        async |commit: &str, body: Value| story.post_status(&story.status, commit, &body).await;
    let (status, body) = refused(&head, status_body(&"k".repeat(41))).await;
    assert_eq!((status, body["error"]["fields"]["key"].is_array()), (400, true));
    assert_eq!(refused(&head, status_body(&"k".repeat(40))).await.0, 201);
    assert_eq!(refused(&head, json!({"key": "k", "state": "SUCCESSFUL"})).await.0, 400);
    assert_eq!(
        refused(&head, json!({"key": "k", "state": "DONE", "url": "https://x"})).await.0,
        400
    );
    assert_eq!(refused(&"0".repeat(40), status_body("k")).await.0, 404);
    assert_eq!(story.post_status(&story.stranger, &head, &status_body("k")).await.0, 404);
    assert_eq!(story.simulator.posted().len(), 1);
}

#[tokio::test]
async fn commits_are_listed_newest_first_without_what_is_excluded() {
    let story = story(|_| {}).await;
    let old = story.head();
    story
        .simulator
        .cloud()
        .push("acme/billing", story.bob, &[Change::commits("main", 12)])
        .await
        .unwrap();
    let head = story.head();
    let path = format!("/repositories/acme/billing/commits/{head}?exclude={old}&pagelen=100");
    let (status, page) = story.get(&story.reader, &path).await;
    let hashes: Vec<&str> = page["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["hash"].as_str().unwrap())
        .collect();
    assert_eq!((status, hashes.len(), hashes[0]), (200, 12, head.as_str()));
    let (_, short) = story
        .get(&story.reader, &format!("/repositories/acme/billing/commit/{}", &head[..12]))
        .await;
    assert_eq!(short["hash"], json!(head));
}

#[tokio::test]
async fn pushes_that_bitbucket_refuses_are_refused_and_change_nothing() {
    let story = story(|company| {
        let acme = &mut company.workspaces[0];
        acme.restrict("billing", "force", Matcher::Glob("main".to_owned()), &[]);
        acme.restrict("billing", "push", Matcher::Glob("release/*".to_owned()), &[]);
        acme.restrict("billing", "delete", Matcher::Glob("main".to_owned()), &[]);
    })
    .await;
    let before = story.head();
    let eve = story.simulator.company(|company| company.workspaces[0].named("eve").unwrap().uuid);
    let push = async |by, change| {
        story.simulator.cloud().push("acme/billing", by, &[change]).await.map(|_| ())
    };
    assert!(matches!(push(eve, Change::commits("main", 1)).await, Err(Refusal::NotAllowed { .. })));
    for change in [
        Change::rewrite("main", 0, 0),
        Change::new_branch("release/1", "main", 0),
        Change::delete_branch("main"),
        Change::commits("nowhere", 1),
    ] {
        let refused = push(story.ada, change.clone()).await;
        assert_eq!(refused.is_err(), !matches!(change, Change::Rewrite { .. }), "{change:?}");
    }
    assert_eq!(story.head(), before);
    push(story.ada, Change::commits("main", 2)).await.unwrap();
    assert!(matches!(
        push(story.ada, Change::rewrite("main", 1, 1)).await,
        Err(Refusal::Restricted { .. })
    ));
}

#[tokio::test]
async fn laid_faults_meet_their_prefix_and_wear_off() {
    let story = story(|_| {}).await;
    let path = "/2.0/user";
    story.simulator.lay_fault(path, Fault::TooManyRequests(Some(7)), Some(1));
    let url = format!("{}/user", story.simulator.cloud_api());
    let answer = reqwest::Client::new().get(&url).bearer_auth(&story.admin).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()),
        (429, "7")
    );
    assert_eq!(fetch(&url, Some(&story.admin)).await.0, 200);
    story.simulator.lay_fault(path, Fault::Drop, Some(1));
    assert!(reqwest::Client::new().get(&url).bearer_auth(&story.admin).send().await.is_err());
    story.simulator.lay_fault(path, Fault::Html, None);
    let answer = reqwest::Client::new().get(&url).send().await.unwrap();
    assert!(answer.text().await.unwrap().starts_with("<!DOCTYPE html>"));
    assert_eq!(
        story.get(&story.admin, "/workspaces/acme").await.0,
        200,
        "other paths are untouched"
    );
    story.simulator.clear_faults();
    assert_eq!(fetch(&url, Some(&story.admin)).await.0, 200);
    let calls: Vec<u16> = story
        .simulator
        .calls()
        .iter()
        .filter(|call| call.path == path)
        .map(|call| call.status)
        .collect();
    assert!(calls.starts_with(&[429, 200, 0]), "{calls:?}");
}

#[tokio::test]
async fn consumers_get_bearer_tokens_that_end() {
    let (mut key, mut secret) = (String::new(), String::new());
    let story = story(|company| {
        let ada = company.workspaces[0].named("ada").unwrap().uuid;
        (key, secret) = company.consumer(ada, &["account"]);
    })
    .await;
    let ask = async |secret: &str| {
        let request = reqwest::Client::new()
            .post(story.simulator.cloud_token_url())
            .basic_auth(&key, Some(secret));
        request.form(&[("grant_type", "client_credentials")]).send().await.unwrap()
    };
    assert_eq!(ask("wrong").await.status().as_u16(), 401);
    let body: Value = ask(&secret).await.json().await.unwrap();
    assert_eq!(body["expires_in"], json!(7200));
    let token = body["access_token"].as_str().unwrap();
    assert_eq!(story.get(token, "/user").await.0, 200);
    story.simulator.turn_clock(jiff::SignedDuration::from_secs(7201));
    assert_eq!(story.get(token, "/user").await.0, 401);
}

#[tokio::test]
async fn an_access_token_reaches_its_repository_and_no_other() {
    let mut token = String::new();
    let story = story(|company| {
        let acme = &mut company.workspaces[0];
        acme.add_repository("other", "PAY");
        let (bot, only) = (acme.bot("bot", "Gate"), acme.repository("billing").unwrap().uuid);
        let scopes = ["repository", "repository:admin"];
        let credential = CloudCredential::new(bot, CredentialKind::AccessToken, &scopes);
        token = company.issue(CloudCredential { only: Some(only), ..credential });
    })
    .await;
    assert_eq!(story.get(&token, "/repositories/acme/billing").await.0, 200);
    assert_eq!(story.get(&token, "/repositories/acme/billing/branch-restrictions").await.0, 200);
    assert_eq!(story.get(&token, "/repositories/acme/other").await.0, 404);
    let (_, page) = story.get(&token, "/repositories/acme").await;
    assert_eq!(page["values"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn secured_values_and_hook_secrets_are_never_answered() {
    let story = story(|company| {
        let acme = &mut company.workspaces[0];
        let both = [acme.variable("SECRET", true), acme.variable("PLAIN", false)];
        acme.repository_mut("billing").unwrap().variables.extend(both);
        acme.hook(
            Some("billing"),
            "https://gate.example.com/hooks/1",
            Some("hush"),
            &["repo:push"],
        );
    })
    .await;
    let path = "/repositories/acme/billing/pipelines_config/variables";
    let (_, page) = story.get(&story.admin, path).await;
    assert_eq!(page["values"][0]["key"], json!("SECRET"));
    assert!(page["values"][0].get("value").is_none() && page["values"][1].get("value").is_some());
    let (_, page) = story.get(&story.admin, "/repositories/acme/billing/hooks").await;
    assert_eq!(page["values"][0]["secret_set"], json!(true));
    assert!(!page.to_string().contains("hush"));
}

#[tokio::test]
async fn hooks_are_made_with_known_events_only() {
    let story = story(|_| {}).await;
    let make = async |path: &str, event: &str| {
        let body =
            json!({"url": "https://gate.example.com/hooks/1", "events": [event], "secret": "s"});
        let url = format!("{}{path}/hooks", story.simulator.cloud_api());
        let request = reqwest::Client::new().post(url).bearer_auth(&story.admin).json(&body);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(make("/repositories/acme/billing", "repo:push").await, 201);
    assert_eq!(make("/repositories/acme/billing", "repo:created").await, 400);
    assert_eq!(make("/workspaces/acme", "repo:created").await, 201);
    assert_eq!(make("/workspaces/acme", "permission:changed").await, 400);
}
