//! What posture rules find changes with what people bring, and is unknown again once it has ended.

use std::time::Duration;

use portcullis::graph::World;
use reqwest::Method;
use serde_json::Value;
use serde_json::json;

use super::DIRECTORY;
use super::PNG;
use super::wish;
use crate::spec::doors::house::House;
use crate::spec::doors::house::json_of;
use crate::spec::rig::until;

const DAY: Duration = Duration::from_hours(24);

/// Two people with access, and two repositories.
const WORLD: &str = r#"{"version":1,"connection":{"id":"acme","product":"cloud"},"as_of":"2026-11-20T17:00:00Z","nodes":[
    {"id":"acme/workspace/w","name":"acme","slug":"acme"},{"id":"acme/project/p","name":"BILL","key":"BILL"},
    {"id":"acme/repository/r","name":"acme/billing-canary","slug":"billing-canary","visibility":"private"},
    {"id":"acme/repository/s","name":"acme/site","slug":"site","visibility":"private"},
    {"id":"acme/user/m","name":"Mia","kind":"user","active":true},{"id":"acme/user/j","name":"Jo","kind":"user","active":true}],
    "edges":[{"from":"acme/project/p","is":"in","to":"acme/workspace/w"},{"from":"acme/repository/r","is":"in","to":"acme/project/p"},
    {"from":"acme/repository/s","is":"in","to":"acme/project/p"},
    {"from":"acme/user/m","is":"member","to":"acme/workspace/w"},{"from":"acme/user/j","is":"member","to":"acme/workspace/w"},
    {"from":"acme/user/m","is":"write","to":"acme/repository/r"},{"from":"acme/user/j","is":"write","to":"acme/repository/r"}]}"#;

/// What a rule says of a subject; nothing: it passes, or was not looked at.
async fn outcome(house: &House, rule: &str, subject: &str) -> Option<Value> {
    let path = format!("findings?rule=posture/{rule}&connection=acme&limit=100");
    let found = json_of(house.api(Method::GET, &path).send().await.unwrap()).await;
    let rows = found["findings"].as_array().unwrap();
    rows.iter().find(|row| row["subject"]["id"] == subject).cloned()
}

/// Waits until a rule says this of a subject.
async fn becomes(house: &House, rule: &str, subject: &str, wanted: &str) -> Value {
    until(&format!("{rule} of {subject}: {wanted}"), async || {
        match outcome(house, rule, subject).await {
            Some(found) if found["outcome"] == wanted => Some(found),
            None if wanted == "pass" => Some(Value::Null),
            Some(_) | None => None,
        }
    })
    .await
}

/// A rule, a subject of which it comes to fail and one of which it comes to pass, and the file that makes it so.
struct Case {
    rule: &'static str,
    fails: &'static str,
    passes: Option<&'static str>,
    wish: Value,
}

fn cases() -> Vec<Case> {
    let with = |kind: &str, bytes: &[u8], member: &str, value: Value| {
        let mut wish = wish("acme", kind, bytes);
        wish[member] = value;
        wish
    };
    vec![
        Case {
            rule: "person-without-second-factor",
            fails: "acme/user/j",
            passes: Some("acme/user/m"),
            wish: wish("acme", "user-directory", DIRECTORY.as_bytes()),
        },
        Case {
            rule: "second-factor-not-enforced",
            fails: "acme/workspace/w",
            passes: None,
            wish: with("second-factor-policy", PNG, "shows", json!("not-enforced")),
        },
        Case {
            rule: "leaver-still-has-access",
            fails: "acme/user/j",
            passes: Some("acme/user/m"),
            wish: with(
                "joiners-leavers",
                b"name,left\nJo,2026-01-31\n",
                "coverage",
                json!("whole"),
            ),
        },
        Case {
            rule: "repository-unclassified",
            fails: "acme/repository/s",
            passes: Some("acme/repository/r"),
            wish: wish("acme", "classification", b"name,class\nbilling-*,secret\n"),
        },
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_changes_what_is_found_until_it_ends() {
    let house = House::open().await;
    house.gateway.publish(World::read(WORLD.as_bytes()).unwrap()).unwrap();
    house.gateway.scan_all_soon();
    let cases = cases();
    for case in &cases {
        for subject in [Some(case.fails), case.passes].into_iter().flatten() {
            let found = becomes(&house, case.rule, subject, "unknown").await;
            assert!(found.to_string().contains("portcullis evidence import"), "{found}");
        }
    }
    for case in &cases {
        let kept = house.api(Method::POST, "evidence").json(&case.wish).send().await.unwrap();
        assert_eq!(kept.status(), 201, "{}", case.rule);
        becomes(&house, case.rule, case.fails, "fail").await;
        if let Some(passes) = case.passes {
            becomes(&house, case.rule, passes, "pass").await;
        }
    }
    house.gateway.clock.advance(366 * DAY);
    house.gateway.look_at_evidence().await.unwrap();
    for case in &cases {
        for subject in [Some(case.fails), case.passes].into_iter().flatten() {
            let found = becomes(&house, case.rule, subject, "unknown").await;
            assert!(found["unknown"].to_string().contains("ended on"), "{found}");
        }
    }
    house.close().await;
}
