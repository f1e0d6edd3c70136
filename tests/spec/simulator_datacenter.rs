//! The simulated Data Center is as strict as Data Center: its 401s and 404s, its pages, its webhooks and its breaker.

use portcullis::simulator::Simulator;
use portcullis::simulator::company::Company;
use portcullis::simulator::datacenter::DcHolder;
use portcullis::simulator::datacenter::DcLevel;
use portcullis::simulator::datacenter::GlobalLevel;
use portcullis::simulator::datacenter::ProjectPermission;
use portcullis::simulator::datacenter::Release;
use portcullis::simulator::datacenter::RepoPermission;
use portcullis::simulator::datacenter_acts::DcOpenPull;
use portcullis::simulator::datacenter_acts::DcPullAct;
use portcullis::simulator::delivery::Outcome;
use portcullis::simulator::git::Change;
use portcullis::simulator::oracle;
use portcullis::simulator::refusal::Refusal;
use serde_json::Value;
use serde_json::json;

use crate::spec::receiver::Receiver;
use crate::spec::receiver::hmac_hex;

const PUSH: &[&str] = &["repo:refs_changed"];

struct Story {
    simulator: Simulator,
    admin: String,
    reader: String,
    token: String,
}

fn user(name: &str) -> DcHolder {
    DcHolder::User(name.to_owned())
}

/// Ada administers everything, Bob writes to ONE/api, Cleo reads it, Dan has a grant and no licence.
async fn story(prepare: impl FnOnce(&mut Company)) -> Story {
    let mut company = Company::new();
    let dc = &mut company.datacenter;
    for name in ["ada", "bob", "cleo", "dan"] {
        dc.add_user(name, &name.to_uppercase());
    }
    dc.grant_global(user("ada"), GlobalLevel::Admin);
    dc.grant_global(user("bob"), GlobalLevel::LicensedUser);
    dc.grant_global(user("cleo"), GlobalLevel::LicensedUser);
    dc.add_project("ONE", "One", None);
    dc.add_repository("ONE", "api");
    dc.grant("ONE/api", user("bob"), RepoPermission::Write);
    dc.grant("ONE/api", user("cleo"), RepoPermission::Read);
    dc.grant("ONE/api", user("dan"), RepoPermission::Admin);
    let (admin, reader) = (dc.password("ada"), dc.password("cleo"));
    dc.password("dan");
    let token = dc.token("ada", ProjectPermission::Admin, RepoPermission::Admin);
    prepare(&mut company);
    let simulator = Simulator::start(company).await.unwrap();
    Story { simulator, admin, reader, token }
}

impl Story {
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.simulator.datacenter_url())
    }

    async fn get(&self, (name, secret): (&str, &str), path: &str) -> (u16, Value) {
        let answer = reqwest::Client::new()
            .get(self.url(path))
            .basic_auth(name, Some(secret))
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
    }

    async fn as_admin(&self, path: &str) -> (u16, Value) {
        self.get(("ada", &self.admin), path).await
    }

    async fn as_reader(&self, path: &str) -> (u16, Value) {
        self.get(("cleo", &self.reader), path).await
    }

    fn head(&self) -> String {
        let name = "refs/heads/main";
        self.simulator.company(|company| {
            company.datacenter.repositories[0].git.target(name).unwrap().commit.clone()
        })
    }
}

const REPO: &str = "/rest/api/latest/projects/ONE/repos/api";

#[tokio::test]
async fn credentials_are_good_or_401_and_the_answer_says_whom_it_took_the_caller_for() {
    let story = story(|_| {}).await;
    let get = async |name: &str, secret: &str| {
        let url = story.url("/rest/api/latest/users");
        reqwest::Client::new().get(url).basic_auth(name, Some(secret)).send().await.unwrap()
    };
    let good = get("cleo", &story.reader).await;
    assert_eq!(
        (good.status().as_u16(), good.headers()["x-ausername"].to_str().unwrap()),
        (200, "cleo")
    );
    let bad = get("cleo", "wrong").await;
    assert_eq!((bad.status().as_u16(), bad.headers().contains_key("x-ausername")), (401, false));
    let dan = story.simulator.company(|company| {
        company.datacenter.credentials.iter().find(|one| one.user == "dan").unwrap().secret.clone()
    });
    assert_eq!(get("dan", &dan).await.status().as_u16(), 401, "no licence, no login");
    let anonymous = reqwest::get(story.url("/rest/api/1.0/application-properties")).await.unwrap();
    let version: Value = anonymous.json().await.unwrap();
    assert_eq!(version["version"], json!("9.4.12"));
}

#[tokio::test]
async fn known_callers_without_the_permission_get_401_and_strangers_404() {
    let story = story(|company| {
        company.datacenter.add_repository("ONE", "hidden");
    })
    .await;
    assert_eq!(story.as_reader("/rest/api/latest/admin/permissions/users").await.0, 401);
    assert_eq!(story.as_admin("/rest/api/latest/admin/permissions/users").await.0, 200);
    assert_eq!(story.as_reader(&format!("{REPO}/permissions/users")).await.0, 401);
    assert_eq!(story.as_reader("/rest/api/latest/projects/ONE/repos/hidden").await.0, 404);
    assert_eq!(story.as_admin("/rest/api/latest/projects/ONE/repos/hidden").await.0, 200);
    assert_eq!(story.as_admin("/rest/api/latest/PROJECTS").await.0, 404, "paths compare with case");
    let (status, body) = story.as_admin("/rest/api/latest/nothing").await;
    assert_eq!((status, body["errors"][0]["message"].is_string()), (404, true));
    let bearer = async |path: &str| {
        let request = reqwest::Client::new().get(story.url(path)).bearer_auth(&story.token);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(bearer(&format!("{REPO}/permissions/users")).await, 200);
    assert_eq!(
        bearer("/rest/api/latest/admin/permissions/users").await,
        401,
        "tokens never administer"
    );
}

#[tokio::test]
async fn pages_can_be_short_and_the_next_start_is_not_start_plus_limit() {
    let story = story(|company| {
        for number in 0..30 {
            let id = company.datacenter.add_repository("ONE", &format!("r{number}"));
            if id % 3 == 0 {
                company.datacenter.grant(
                    &format!("ONE/r{number}"),
                    user("cleo"),
                    RepoPermission::Read,
                );
            }
        }
    })
    .await;
    let (mut start, mut seen, mut odd, mut short) = (0, Vec::new(), false, false);
    loop {
        let (_, page) =
            story.as_reader(&format!("/rest/api/latest/repos?limit=4&start={start}")).await;
        let values = page["values"].as_array().unwrap();
        seen.extend(values.iter().map(|one| one["slug"].to_string()));
        if page["isLastPage"] == json!(true) {
            assert!(page["nextPageStart"].is_null());
            break;
        }
        let next = page["nextPageStart"].as_u64().unwrap();
        odd |= next != start + 4;
        short |= values.len() < 4;
        start = next;
    }
    let expected = story.simulator.company(|company| {
        let dc = &company.datacenter;
        let reads = |found: &&_| oracle::dc_effective(dc, found, "cleo") > DcLevel::None;
        dc.repositories.iter().filter(reads).count()
    });
    seen.sort();
    seen.dedup();
    assert_eq!((seen.len(), odd, short), (expected, true, true));
}

#[tokio::test]
async fn archived_repositories_are_listed_only_when_asked_for() {
    let story = story(|company| {
        company.datacenter.repository_mut("ONE/api").unwrap().archived = true;
    })
    .await;
    let count = async |query: &str| {
        let (_, page) = story.as_admin(&format!("/rest/api/latest/repos{query}")).await;
        page["values"].as_array().unwrap().len()
    };
    assert_eq!(
        (count("").await, count("?archived=ALL").await, count("?archived=ARCHIVED").await),
        (0, 1, 1)
    );
    let push =
        story.simulator.datacenter().push("ONE/api", "bob", &[Change::commits("main", 1)]).await;
    assert!(matches!(push, Err(Refusal::WrongState(_))));
}

#[tokio::test]
async fn builds_need_only_read_and_a_commit_that_exists() {
    let story = story(|_| {}).await;
    let post = async |name: &str, secret: &str, commit: &str, body: Value| {
        let url = story.url(&format!("{REPO}/commits/{commit}/builds"));
        let request = reqwest::Client::new().post(url).basic_auth(name, Some(secret)).json(&body);
        request.send().await.unwrap().status().as_u16()
    };
    let head = story.head();
    let body = json!({"key": "portcullis-1", "parent": "portcullis", "state": "FAILED", "url": "https://gate.example.com/d/1"});
    assert_eq!(post("cleo", &story.reader, &head, body.clone()).await, 204);
    assert_eq!(post("cleo", &story.reader, &"0".repeat(40), body.clone()).await, 404);
    assert_eq!(
        post("cleo", &story.reader, &head, json!({"key": "k", "state": "FAILED"})).await,
        400
    );
    assert_eq!(
        post(
            "cleo",
            &story.reader,
            &head,
            json!({"key": "k", "state": "DONE", "url": "https://x"})
        )
        .await,
        400
    );
    let (status, shown) =
        story.as_reader(&format!("{REPO}/commits/{head}/builds?key=portcullis-1")).await;
    assert_eq!((status, &shown["state"]), (200, &json!("FAILED")));
    assert_eq!(
        story.as_reader(&format!("{REPO}/commits/{head}/builds")).await.0,
        400,
        "there is no listing"
    );
    assert_eq!(story.simulator.posted().len(), 1);
}

#[tokio::test]
async fn default_permission_takes_one_question_a_level() {
    let story = story(|company| {
        company.datacenter.project_mut("ONE").unwrap().default_permission =
            Some(ProjectPermission::Write);
    })
    .await;
    let mut seen = Vec::new();
    for level in ["PROJECT_READ", "PROJECT_WRITE", "REPO_CREATE", "PROJECT_ADMIN"] {
        let path = format!("/rest/api/latest/projects/ONE/permissions/{level}/all");
        seen.push(story.as_admin(&path).await.1["permitted"].as_bool().unwrap());
    }
    assert_eq!(seen, [true, true, false, false]);
}

#[tokio::test]
async fn pushes_are_signed_never_retried_and_zeros_stand_for_nothing() {
    let receiver = Receiver::answering(&[503, 200]).await;
    let story = story(|company| {
        company.datacenter.hook("ONE", &receiver.url, Some("s3cret"), PUSH);
    })
    .await;
    let dc = story.simulator.datacenter();
    let done = dc.push("ONE/api", "bob", &[Change::new_branch("x", "main", 1)]).await.unwrap();
    assert_eq!(
        (done.deliveries[0].attempts.len(), done.deliveries[0].outcome),
        (1, Outcome::Refused)
    );
    dc.push("ONE/api", "bob", &[Change::delete_branch("x")]).await.unwrap();
    let got = receiver.got();
    assert_eq!(got[0].header("x-hub-signature").unwrap(), hmac_hex("s3cret", &got[0].body));
    assert_eq!(got[0].header("content-type"), Some("application/json; charset=utf-8"));
    assert!(got[0].header("x-request-id").is_some() && got[0].header("x-request-uuid").is_none());
    let (made, gone) = (got[0].json(), got[1].json());
    assert_eq!(
        (&made["changes"][0]["type"], &made["changes"][0]["fromHash"]),
        (&json!("ADD"), &json!("0".repeat(40)))
    );
    assert_eq!(
        (&gone["changes"][0]["type"], &gone["changes"][0]["toHash"]),
        (&json!("DELETE"), &json!("0".repeat(40)))
    );
    assert!(made["toCommit"]["id"].is_string() && gone.get("commits").is_none());
    assert!(made["date"].as_str().unwrap().ends_with("+0000"));
}

#[tokio::test]
async fn ten_writes_dates_as_text_and_nine_as_milliseconds() {
    for (release, text) in [(Release::Nine, false), (Release::Ten, true)] {
        let receiver = Receiver::answering(&[200]).await;
        let story = story(|company| {
            company.datacenter.release = release;
            company.datacenter.hook(
                "ONE/api",
                &receiver.url,
                None,
                &["repo:refs_changed", "pr:opened"],
            );
        })
        .await;
        let dc = story.simulator.datacenter();
        dc.push("ONE/api", "bob", &[Change::new_branch("x", "main", 1)]).await.unwrap();
        let pull = DcOpenPull {
            title: "Fix",
            fork: None,
            source: "x",
            destination: "main",
            reviewers: vec![],
        };
        let id = dc.open_pull("ONE/api", "bob", pull).await.unwrap().value;
        let got = receiver.got();
        let stamp = &got[0].json()["toCommit"]["authorTimestamp"];
        assert_eq!(stamp.is_string(), text);
        assert_eq!(got[1].json()["pullRequest"]["createdDate"].is_string(), text);
        let (_, shown) = story.as_reader(&format!("{REPO}/pull-requests/{id}")).await;
        assert!(shown["createdDate"].is_number(), "rest answers keep numbers");
    }
}

#[tokio::test]
async fn the_ping_is_unsigned_even_with_a_secret() {
    let receiver = Receiver::answering(&[200]).await;
    let mut hook = 0;
    let story = story(|company| {
        hook = company.datacenter.hook("ONE/api", &receiver.url, Some("s"), PUSH);
    })
    .await;
    story.simulator.datacenter().ping(hook).await.unwrap();
    let got = receiver.got();
    assert_eq!(got[0].header("x-event-key"), Some("diagnostics:ping"));
    assert_eq!((got[0].header("x-hub-signature"), got[0].json()), (None, json!({"test": true})));
}

#[tokio::test]
async fn five_failures_open_the_breaker_and_time_and_success_close_it() {
    let receiver = Receiver::answering(&[404, 404, 404, 404, 404, 200]).await;
    let story = story(|company| {
        company.datacenter.hook("ONE/api", &receiver.url, Some("s"), PUSH);
    })
    .await;
    let push = async || {
        let done = story
            .simulator
            .datacenter()
            .push("ONE/api", "bob", &[Change::commits("main", 1)])
            .await;
        done.unwrap().deliveries[0].outcome
    };
    for _ in 0..5 {
        assert_eq!(push().await, Outcome::Refused);
    }
    assert_eq!(push().await, Outcome::Skipped);
    story.simulator.turn_clock(jiff::SignedDuration::from_secs(11));
    assert_eq!(push().await, Outcome::Delivered);
    assert_eq!(push().await, Outcome::Delivered);
    assert_eq!(receiver.got().len(), 7);
}

#[tokio::test]
async fn pull_requests_tell_each_step_and_merging_is_a_push_too() {
    let receiver = Receiver::answering(&[200]).await;
    let keys = [
        "repo:refs_changed",
        "pr:opened",
        "pr:from_ref_updated",
        "pr:modified",
        "pr:reviewer:updated",
        "pr:reviewer:approved",
        "pr:reviewer:needs_work",
        "pr:comment:added",
        "pr:merged",
    ];
    let story = story(|company| {
        company.datacenter.hook("ONE/api", &receiver.url, Some("s"), &keys);
    })
    .await;
    let dc = story.simulator.datacenter();
    dc.push("ONE/api", "bob", &[Change::new_branch("x", "main", 1)]).await.unwrap();
    let order = DcOpenPull {
        title: "Fix",
        fork: None,
        source: "x",
        destination: "main",
        reviewers: vec![],
    };
    let id = dc.open_pull("ONE/api", "bob", order).await.unwrap().value;
    let old = story.simulator.company(|company| {
        company.datacenter.repositories[0].pull_requests[0].source.commit.clone()
    });
    dc.push("ONE/api", "bob", &[Change::commits("x", 1)]).await.unwrap();
    let acts = [
        ("bob", DcPullAct::Retitle("Better".to_owned())),
        ("bob", DcPullAct::Reviewers(vec!["cleo".to_owned()])),
        ("cleo", DcPullAct::NeedsWork),
        ("cleo", DcPullAct::Approve),
        ("cleo", DcPullAct::Comment("fine".to_owned())),
        ("bob", DcPullAct::Merge),
    ];
    assert!(
        dc.pull("ONE/api", id, "cleo", DcPullAct::Merge).await.is_err(),
        "readers do not merge"
    );
    for (by, act) in acts {
        dc.pull("ONE/api", id, by, act).await.unwrap();
    }
    let got = receiver.got();
    let events: Vec<String> =
        got.iter().map(|one| one.header("x-event-key").unwrap().to_owned()).collect();
    for key in keys {
        assert!(events.iter().any(|event| event == key), "{key} in {events:?}");
    }
    let body =
        |key: &str| got.iter().find(|one| one.header("x-event-key") == Some(key)).unwrap().json();
    assert_eq!(body("pr:from_ref_updated")["previousFromHash"], json!(old));
    assert_eq!(body("pr:modified")["previousTitle"], json!("Fix"));
    assert_eq!(body("pr:reviewer:updated")["addedReviewers"][0]["name"], json!("cleo"));
    assert_eq!(body("pr:reviewer:approved")["previousStatus"], json!("NEEDS_WORK"));
    assert!(body("pr:merged")["pullRequest"]["properties"]["mergeCommit"]["id"].is_string());
    assert_eq!(events.iter().filter(|event| *event == "repo:refs_changed").count(), 3);
}

#[tokio::test]
async fn restrictions_bind_admins_too_and_only_the_listed_are_let_through() {
    let story = story(|company| {
        let dc = &mut company.datacenter;
        dc.restrict("ONE", "fast-forward-only", "BRANCH", "refs/heads/main");
        dc.restrict("ONE/api", "read-only", "PATTERN", "release/**");
        dc.repository_mut("ONE/api").unwrap().restrictions[0].users.push("bob".to_owned());
    })
    .await;
    let push = async |by: &str, change: Change| {
        story.simulator.datacenter().push("ONE/api", by, &[change]).await.map(|_| ())
    };
    push("bob", Change::commits("main", 2)).await.unwrap();
    assert!(push("ada", Change::rewrite("main", 1, 1)).await.is_err());
    assert!(push("ada", Change::new_branch("release/1/x", "main", 0)).await.is_err());
    push("bob", Change::new_branch("release/1/x", "main", 0)).await.unwrap();
    let (_, page) =
        story.as_admin("/rest/branch-permissions/latest/projects/ONE/repos/api/restrictions").await;
    let scopes: Vec<&str> = page["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["scope"]["type"].as_str().unwrap())
        .collect();
    assert_eq!(scopes, ["REPOSITORY", "PROJECT"]);
}

#[tokio::test]
async fn one_unknown_event_refuses_the_whole_hook() {
    let story = story(|_| {}).await;
    let post = async |events: &[&str]| {
        let body = json!({"name": "gate", "url": "https://gate.example.com/hooks/1", "events": events, "configuration": {"secret": "s"}});
        let request = reqwest::Client::new().post(story.url(&format!("{REPO}/webhooks")));
        let answer =
            request.basic_auth("ada", Some(&story.admin)).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (status, body) = post(&["repo:refs_changed", "pr:to_ref_updated"]).await;
    assert_eq!(status, 400);
    assert!(body["errors"][0]["message"].as_str().unwrap().contains("pr:to_ref_updated"));
    let (status, body) = post(&["repo:refs_changed"]).await;
    assert_eq!((status, &body["configuration"]["secret"]), (201, &json!("s")));
}

#[tokio::test]
async fn forks_renames_mirrors_and_found_secrets_are_told() {
    let receiver = Receiver::answering(&[200]).await;
    let keys = ["repo:forked", "repo:modified", "mirror:repo_synchronized", "repo:secret_detected"];
    let story = story(|company| {
        company.datacenter.add_project("TWO", "Two", None);
        company.datacenter.hook("ONE/api", &receiver.url, Some("s"), &keys);
    })
    .await;
    let dc = story.simulator.datacenter();
    dc.fork("ONE/api", "cleo", ("TWO", "api-fork")).await.unwrap();
    assert!(dc.modify("ONE/api", "bob", "API v2", true).await.is_err(), "writers do not rename");
    dc.modify("ONE/api", "ada", "API v2", true).await.unwrap();
    let moved = dc.push("ONE/api-v2", "bob", &[Change::commits("main", 1)]).await.unwrap().value;
    dc.mirror_synchronized("ONE/api-v2", &moved).await.unwrap();
    let head = moved[0].new.clone().unwrap();
    dc.secret_detected("ONE/api-v2", "bob", &head, "keys/id_rsa").await.unwrap();
    let got = receiver.got();
    let events: Vec<_> =
        got.iter().map(|one| one.header("x-event-key").unwrap().to_owned()).collect();
    assert_eq!(events, keys);
    let bodies: Vec<Value> = got.iter().map(crate::spec::receiver::Got::json).collect();
    assert_eq!(bodies[0]["repository"]["origin"]["slug"], json!("api"));
    assert_eq!(
        (&bodies[1]["old"]["public"], &bodies[1]["new"]["public"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(
        (&bodies[1]["old"]["slug"], &bodies[1]["new"]["slug"]),
        (&json!("api"), &json!("api-v2"))
    );
    assert!(bodies[2].get("actor").is_none());
    assert_eq!(bodies[2]["changes"][0]["toHash"], json!(head));
    assert_eq!(bodies[3]["secretLocations"][0]["commitId"], json!(head));
}
