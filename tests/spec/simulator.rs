//! The simulated Bitbucket is as strict as Bitbucket: it refuses what Bitbucket refuses, pages as it pages, signs,
//! retries and gives up as it does.

use std::sync::Arc;
use std::sync::Mutex;

use bytes::Bytes;
use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::Request;
use hyper::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jsonwebtoken::Algorithm;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::Validation;
use jsonwebtoken::jwk::JwkSet;
use serde_json::Value;
use serde_json::json;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use uuid::Uuid;

use portcullis::simulator::Simulator;
use portcullis::simulator::cloud::CloudCredential;
use portcullis::simulator::cloud::CredentialKind;
use portcullis::simulator::cloud::Holder;
use portcullis::simulator::cloud::Level;
use portcullis::simulator::cloud::Matcher;
use portcullis::simulator::cloud::Role;
use portcullis::simulator::cloud_acts::OpenPull;
use portcullis::simulator::cloud_acts::PullAct;
use portcullis::simulator::cloud_pipelines::StepOf;
use portcullis::simulator::company::Company;
use portcullis::simulator::delivery::Outcome;
use portcullis::simulator::faults::Fault;
use portcullis::simulator::git::Change;
use portcullis::simulator::pipelines::PlannedStep;
use portcullis::simulator::pipelines::StartPipeline;
use portcullis::simulator::pipelines::StepState;
use portcullis::simulator::refusal::Refusal;

const PUSH: &[&str] = &["repo:push"];

/// A receiver that writes down what it got and answers the given statuses in turn, the last one for ever.
pub struct Receiver {
    pub url: String,
    got: Arc<Mutex<Vec<Got>>>,
    _tasks: JoinSet<()>,
}

#[derive(Clone)]
pub struct Got {
    headers: hyper::HeaderMap,
    pub body: Bytes,
}

impl Got {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Receiver {
    /// Status 0 = never answers.
    pub async fn answering(statuses: &[u16]) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks/x", listener.local_addr().unwrap());
        let got: Arc<Mutex<Vec<Got>>> = Arc::default();
        let (log, statuses) = (Arc::clone(&got), statuses.to_vec());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (log, statuses) = (Arc::clone(&log), statuses.clone());
                open.spawn(async move {
                    let answer = service_fn(move |request| {
                        receive(request, Arc::clone(&log), statuses.clone())
                    });
                    drop(
                        http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await,
                    );
                });
            }
        });
        Receiver { url, got, _tasks: tasks }
    }

    pub fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

async fn receive(
    request: Request<Incoming>,
    log: Arc<Mutex<Vec<Got>>>,
    statuses: Vec<u16>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let headers = request.headers().clone();
    let body = request.into_body().collect().await?.to_bytes();
    let place = {
        let mut log = log.lock().unwrap();
        log.push(Got { headers, body });
        log.len() - 1
    };
    let status = statuses[place.min(statuses.len() - 1)];
    if status == 0 {
        std::future::pending::<()>().await;
    }
    Ok(Response::builder().status(status).body(Full::new(Bytes::from("heard"))).unwrap())
}

/// One workspace, three people, one repository, and tokens of several kinds.
struct Story {
    simulator: Simulator,
    ada: Uuid,
    bob: Uuid,
    admin: String,
    reader: String,
    stranger: String,
    status: String,
}

async fn story(prepare: impl FnOnce(&mut Company)) -> Story {
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
    async fn get(&self, token: &str, path: &str) -> (u16, Value) {
        fetch(&format!("{}{path}", self.simulator.cloud_api()), Some(token)).await
    }

    fn head(&self) -> String {
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

async fn fetch(url: &str, token: Option<&str>) -> (u16, Value) {
    let mut request = reqwest::Client::new().get(url);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or(Value::Null))
}

pub fn hmac_hex(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
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
async fn signatures_verify_over_the_raw_bytes_and_only_with_the_secret() {
    let receiver = Receiver::answering(&[202]).await;
    let story = story(|company| {
        let acme = &mut company.workspaces[0];
        acme.hook(Some("billing"), &receiver.url, Some("It's a secret"), PUSH);
        acme.hook(Some("billing"), &receiver.url, None, PUSH);
    })
    .await;
    let done = story
        .simulator
        .cloud()
        .push("acme/billing", story.bob, &[Change::commits("main", 1)])
        .await
        .unwrap();
    assert_eq!(done.deliveries.len(), 2);
    let got = receiver.got();
    let (signed, unsigned): (Vec<_>, Vec<_>) =
        got.iter().partition(|one| one.header("x-hub-signature").is_some());
    assert_eq!(unsigned.len(), 1);
    let signature = signed[0].header("x-hub-signature").unwrap();
    assert_eq!(signature, hmac_hex("It's a secret", &signed[0].body));
    assert_ne!(signature, hmac_hex("another", &signed[0].body));
    assert_eq!(signed[0].header("x-attempt-number"), Some("1"));
    assert_eq!(signed[0].header("content-type"), Some("application/json"));
    assert_eq!(signed[0].header("user-agent"), Some("Bitbucket-Webhooks/2.0"));
    assert!(Uuid::try_parse(signed[0].header("x-request-uuid").unwrap()).is_ok());
}

#[tokio::test]
async fn cloud_tries_again_after_5xx_twice_and_after_nothing_else() {
    let cases: [(&[u16], usize, Outcome); 4] = [
        (&[503, 500, 202], 3, Outcome::Delivered),
        (&[503], 3, Outcome::Refused),
        (&[404], 1, Outcome::Refused),
        (&[0], 1, Outcome::TimedOut),
    ];
    for (statuses, attempts, outcome) in cases {
        let receiver = Receiver::answering(statuses).await;
        let story = story(|company| {
            company.workspaces[0].hook(None, &receiver.url, Some("s"), PUSH);
        })
        .await;
        story.simulator.set_patience(std::time::Duration::from_millis(300));
        let change = [Change::commits("main", 1)];
        let done = story.simulator.cloud().push("acme/billing", story.bob, &change).await.unwrap();
        assert_eq!(
            (done.deliveries[0].attempts.len(), done.deliveries[0].outcome),
            (attempts, outcome)
        );
        let numbers: Vec<_> = receiver
            .got()
            .iter()
            .map(|one| one.header("x-attempt-number").unwrap().to_owned())
            .collect();
        assert_eq!(numbers, (1..=attempts).map(|number| number.to_string()).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_body_over_256_kb_is_not_delivered() {
    let receiver = Receiver::answering(&[202]).await;
    let story = story(|company| {
        company.workspaces[0].hook(None, &receiver.url, Some("s"), PUSH);
    })
    .await;
    let many: Vec<Change> =
        (0..120).map(|n| Change::new_branch(&format!("b{n}"), "main", 5)).collect();
    let done = story.simulator.cloud().push("acme/billing", story.bob, &many).await.unwrap();
    assert_eq!(done.deliveries[0].outcome, Outcome::TooLarge);
    assert!(receiver.got().is_empty());
}

#[tokio::test]
async fn push_bodies_follow_the_table_of_situations() {
    let receiver = Receiver::answering(&[202]).await;
    let story = story(|company| {
        company.workspaces[0].hook(None, &receiver.url, Some("s"), PUSH);
    })
    .await;
    let cloud = story.simulator.cloud();
    let pushes = [
        vec![Change::new_branch("x", "main", 7), Change::new_tag("v1", "main")],
        vec![Change::commits("x", 2)],
        vec![Change::rewrite("x", 2, 1)],
        vec![Change::delete_branch("x"), Change::delete_tag("v1")],
    ];
    for push in &pushes {
        cloud.push("acme/billing", story.bob, push).await.unwrap();
    }
    let bodies: Vec<Value> = receiver.got().iter().map(Got::json).collect();
    let seen = |at: usize, change: usize| {
        let one = &bodies[at]["push"]["changes"][change];
        let count = one["commits"].as_array().map(Vec::len);
        let flag = |name: &str| one[name].as_bool().unwrap();
        (
            one["old"].is_null(),
            one["new"].is_null(),
            flag("created"),
            flag("closed"),
            flag("forced"),
            flag("truncated"),
            count,
        )
    };
    assert_eq!(seen(0, 0), (true, false, true, false, false, true, Some(5)));
    assert_eq!(seen(0, 1), (true, false, true, false, false, false, Some(0)));
    assert_eq!(seen(1, 0), (false, false, false, false, false, false, Some(2)));
    assert_eq!(seen(2, 0), (false, false, false, false, true, false, Some(1)));
    assert_eq!(seen(3, 0), (false, true, false, true, false, false, None));
    assert_eq!(bodies[3]["push"]["changes"][1]["old"]["type"], json!("tag"));
    assert_eq!(
        bodies[0]["push"]["changes"][0]["new"]["target"]["hash"].as_str().unwrap().len(),
        40
    );
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
async fn pull_requests_carry_twelve_digits_and_end_once() {
    let receiver = Receiver::answering(&[202]).await;
    let keys = [
        "pullrequest:created",
        "pullrequest:updated",
        "pullrequest:approved",
        "pullrequest:fulfilled",
        "repo:push",
    ];
    let story = story(|company| {
        company.workspaces[0].hook(None, &receiver.url, Some("s"), &keys);
    })
    .await;
    let cloud = story.simulator.cloud();
    cloud.push("acme/billing", story.bob, &[Change::new_branch("x", "main", 1)]).await.unwrap();
    let pull = cloud
        .open_pull("acme/billing", story.bob, OpenPull::new("Fix", "x", "main"))
        .await
        .unwrap()
        .value;
    cloud.push("acme/billing", story.bob, &[Change::commits("x", 1)]).await.unwrap();
    let own = cloud.pull("acme/billing", pull, story.bob, PullAct::Approve).await;
    assert!(own.is_err(), "nobody approves their own");
    cloud.pull("acme/billing", pull, story.ada, PullAct::Approve).await.unwrap();
    cloud.pull("acme/billing", pull, story.ada, PullAct::Merge).await.unwrap();
    assert!(cloud.pull("acme/billing", pull, story.ada, PullAct::Decline).await.is_err());
    let mut events: Vec<String> =
        receiver.got().iter().map(|one| one.header("x-event-key").unwrap().to_owned()).collect();
    events.sort();
    let expected = [
        "pullrequest:approved",
        "pullrequest:created",
        "pullrequest:fulfilled",
        "pullrequest:updated",
        "repo:push",
        "repo:push",
        "repo:push",
    ];
    assert_eq!(events, expected);
    let merged = receiver
        .got()
        .iter()
        .find(|one| one.header("x-event-key") == Some("pullrequest:fulfilled"))
        .unwrap()
        .json();
    let pull = &merged["pullrequest"];
    assert_eq!(pull["state"], json!("MERGED"));
    assert_eq!(pull["merge_commit"]["hash"].as_str().unwrap().len(), 12);
    assert_eq!(pull["source"]["commit"]["hash"].as_str().unwrap().len(), 12);
    assert_eq!(pull["participants"][0]["state"], json!("approved"));
}

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
        let Some(key) = keys.find(&kid) else { return None };
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
    let stop = async || {
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
    assert_eq!((stop().await, stop().await), (204, 400));
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
