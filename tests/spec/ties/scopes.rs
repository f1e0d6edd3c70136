//! What a credential lacks is found out by asking, named, and never taken for something else.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::json;

use super::house::ALL_SCOPES;
use super::house::CLOUD;
use super::house::DATACENTER;
use super::house::House;

/// The state of every scope that a preview tells.
fn states(told: &Value) -> BTreeMap<String, String> {
    let scopes = told["found"]["scopes"].as_array().unwrap_or_else(|| panic!("{told}"));
    scopes
        .iter()
        .map(|seen| {
            let of = |name: &str| seen[name].as_str().unwrap().to_owned();
            (of("scope"), of("state"))
        })
        .collect()
}

async fn preview(house: &House, id: &str, credential: &Value) -> Value {
    let mut wish = house.wish(id, credential);
    wish["preview"] = json!(true);
    let asked = house.post("connections", &wish).await;
    assert_eq!(asked.status, 200, "{}", asked.body);
    asked.body
}

/// What a scope of Cloud implies is there too: to take `repository` away, `project` and `pullrequest` have to go.
const IMPLIES: [(&str, &str); 2] = [("project", "repository"), ("pullrequest", "repository")];

#[tokio::test(flavor = "multi_thread")]
async fn each_scope_that_is_taken_away_is_missing_and_the_others_are_there() {
    let house = House::open().await;
    let whole =
        preview(&house, "whole", &json!({"kind": "token", "token": house.token(&ALL_SCOPES)}))
            .await;
    assert!(states(&whole).values().all(|state| state == "works"), "{whole}");
    for without in ALL_SCOPES {
        let left: Vec<&str> = ALL_SCOPES
            .iter()
            .copied()
            .filter(|scope| *scope != without)
            .filter(|scope| !IMPLIES.contains(&(*scope, without)))
            .collect();
        let told =
            preview(&house, "less", &json!({"kind": "token", "token": house.token(&left)})).await;
        let states = states(&told);
        for scope in ALL_SCOPES {
            let state = states[scope].as_str();
            if left.contains(&scope) {
                // Without any repository in sight, what is tried on one cannot be tried.
                let blind = without == "repository" && state == "unknown";
                // A token without it is no administrator, and some lists are for those who may write.
                let role = without == "repository:admin" && state == "refused";
                assert!(
                    state == "works" || blind || role,
                    "without {without}, {scope}: {state}: {told}"
                );
            } else {
                let blind = without == "repository" && state == "unknown";
                assert!(state == "missing" || blind, "without {without}, {scope}: {state}: {told}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unknown_after_a_reading_is_counted_for_the_scope_that_bitbucket_named() {
    let house = House::open().await;
    let left: Vec<&str> =
        ALL_SCOPES.iter().copied().filter(|scope| *scope != "repository:admin").collect();
    let said = house.connect_cloud(&house.token(&left), &["--profile", "observe"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    let now = house.read(CLOUD).await;
    assert_eq!(now["state"], "done", "{now}");
    let told = house.gate.get(&format!("connections/{CLOUD}/scopes")).await;
    let scopes = told["scopes"].as_array().unwrap();
    let of = |name: &str| scopes.iter().find(|seen| seen["scope"] == name).unwrap();
    let admin = of("repository:admin");
    assert_eq!(admin["state"], "missing");
    assert!(admin["unknown_facts"].as_u64().unwrap() > 0, "{admin}");
    assert_eq!(of("pipeline")["unknown_facts"], 0);
    // The profile leaves it out on purpose: the doctor has nothing to say against it.
    let doctor = house.gate.get(&format!("doctor?connection={CLOUD}")).await;
    let findings = doctor["findings"].as_array().unwrap();
    let about = findings.iter().find(|one| one["what"] == "repository:admin").unwrap();
    assert_eq!(about["health"], "ok", "{about}");
    assert!(about["said"].as_str().unwrap().contains("unknown without it"), "{about}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_needs_less_says_what_may_be_taken_away() {
    let house = House::open().await;
    let mut wish =
        house.wish("observer", &json!({"kind": "token", "token": house.token(&ALL_SCOPES)}));
    wish["preview"] = json!(true);
    wish["profile"] = json!("observe");
    let told = house.post("connections", &wish).await.body;
    assert_eq!(told["found"]["more_than_needed"], json!(["project:admin", "repository:admin"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_whose_scope_is_missing_is_left_out_and_the_rest_is_subscribed_to() {
    let house = House::open().await;
    let left: Vec<&str> = ALL_SCOPES.iter().copied().filter(|scope| *scope != "pipeline").collect();
    let said = house.connect_cloud(&house.token(&left), &["--format", "json"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    let told = said.json();
    assert_eq!(
        told["hooks"][0]["left_out"],
        json!(["pipeline:span_created: the credential lacks `pipeline`"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_password_is_refused_with_what_to_do_instead() {
    let house = House::open().await;
    let file = house.file("app.password", "ATBBcanary-app-password");
    let api = house.gate.town.simulator.cloud_api();
    let said = house
        .gate
        .operate(&[
            "connect",
            CLOUD,
            "--product",
            "cloud",
            "--workspace",
            "acme",
            "--api-url",
            &api,
            "--credential",
            "app-password",
            "--user",
            "mia",
            "--secret-file",
            file.to_str().unwrap(),
        ])
        .await;
    assert_eq!(said.code, 1, "{}", said.all());
    assert!(said.err.contains("2026-07-28") && said.err.contains("api-tokens"), "{}", said.all());
    assert!(!said.all().contains("canary"), "{}", said.all());
    assert_eq!(house.gate.town.simulator.calls().len(), 0, "nobody was asked");
    // In the configuration file, too.
    let config = house.file(
        "old.toml",
        &format!("[[connection]]\nid = \"old-cloud\"\nproduct = \"cloud\"\nworkspace = \"acme\"\ncredential = {{ kind = \"basic\", user = \"mia\", password = {{ file = \"{}\" }} }}\n", file.display()),
    );
    let said = crate::spec::rig::run(&["config", "check", config.to_str().unwrap()]).await;
    assert_eq!(said.code, 2, "{}", said.all());
    assert!(said.err.contains("2026-07-28"), "{}", said.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_other_credential_connects() {
    let house = House::open().await;
    let granular = [
        "read:workspace:bitbucket",
        "read:user:bitbucket",
        "read:project:bitbucket",
        "admin:project:bitbucket",
        "read:repository:bitbucket",
        "admin:repository:bitbucket",
        "read:pullrequest:bitbucket",
        "read:pipeline:bitbucket",
        "read:runner:bitbucket",
        "read:webhook:bitbucket",
        "write:webhook:bitbucket",
        "delete:webhook:bitbucket",
    ];
    let (email, token) = house.api_token(&granular);
    let (key, secret) = house.gate.town.cast.consumer.clone();
    let bare: Vec<&str> = ALL_SCOPES.iter().copied().filter(|scope| *scope != "webhook").collect();
    let bot = house.token(&bare);
    for (id, wish) in [
        (
            "by-api-token",
            house.wish(
                "by-api-token",
                &json!({"kind": "api-token", "email": email, "token": token}),
            ),
        ),
        (
            "by-oauth",
            house.wish("by-oauth", &json!({"kind": "oauth", "key": key, "secret": secret})),
        ),
        ("by-two", {
            let mut wish = house.wish("by-two", &json!({"kind": "token", "token": bot}));
            wish["second"] = json!({"kind": "api-token", "email": email, "token": token});
            wish
        }),
        (
            "by-password",
            json!({
                "id": "by-password", "product": "datacenter",
                "base_url": house.gate.town.simulator.datacenter_url(),
                "credential": {"kind": "basic", "user": "portcullis", "password": house.gate.town.cast.password},
            }),
        ),
    ] {
        let asked = house.post("connections", &wish).await;
        assert_eq!(asked.status, 201, "{id}: {}", asked.body);
        let hooks = asked.body["hooks"].as_array().unwrap();
        assert!(hooks.iter().all(|hook| hook["why"].is_null()), "{id}: {}", asked.body);
        let ended = house.gate.operate(&["disconnect", id]).await;
        assert_eq!(ended.code, 0, "{id}: {}", ended.all());
    }
    assert!(house.hook_secrets().is_empty(), "each took its own away");
    let wrong = house.wish("nobody", &json!({"kind": "token", "token": "wrong"}));
    let asked = house.post("connections", &wrong).await;
    assert_eq!(asked.status, 502, "{}", asked.body);
    assert!(asked.body["detail"].as_str().unwrap().contains("401"), "{}", asked.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_edition_is_read_and_nothing_is_written_there() {
    let house = House::open().await;
    house.gate.town.simulator.company(|company| {
        company.datacenter.release = portcullis::simulator::datacenter::Release::Seven;
    });
    let refused = house.connect_datacenter(&["--effect", "commit-status"]).await;
    assert_eq!(refused.code, 1, "{}", refused.all());
    assert!(refused.err.contains("2024-02-15"), "{}", refused.all());
    let said = house.connect_datacenter(&[]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    assert!(said.out.contains("2024-02-15"), "{}", said.all());
    assert!(house.hook_secrets().is_empty(), "no webhook was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_credential_that_cannot_be_used_is_refused_before_anything_is_kept() {
    let house = House::open().await;
    let consumer = json!({"kind": "oauth", "key": "k", "secret": "canary"});
    let broken = json!({"kind": "token", "token": "canary\u{7}"});
    for second in [consumer, broken] {
        let wish = json!({
            "id": DATACENTER, "product": "datacenter",
            "base_url": house.gate.town.simulator.datacenter_url(),
            "credential": {"kind": "token", "token": house.http_token()}, "second": second,
        });
        let asked = house.post("connections", &wish).await;
        assert_eq!(asked.status, 400, "{}", asked.body);
        assert!(!asked.body.to_string().contains("canary"), "{}", asked.body);
    }
    assert_eq!(house.gate.count("connection") + house.gate.count("mode"), 0);
    let said = house.connect_datacenter(&[]).await;
    assert_eq!(said.code, 0, "the id is free: {}", said.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_hidden_service_user_connects() {
    let house = House::open().await;
    let wish = json!({
        "id": DATACENTER, "product": "datacenter",
        "base_url": house.gate.town.simulator.datacenter_url(),
        "credential": {"kind": "token", "token": house.http_token()},
    });
    house.gate.town.simulator.company(|company| {
        let users = &mut company.datacenter.users;
        users.iter_mut().find(|user| user.name == "portcullis").unwrap().service = true;
    });
    let asked = house.post("connections", &wish).await;
    assert_eq!(asked.status, 201, "{}", asked.body);
    assert_eq!(asked.body["found"]["acts_as"], serde_json::Value::Null);
    let doctor = house.gate.get(&format!("doctor?connection={DATACENTER}")).await;
    let found = doctor["findings"].as_array().unwrap();
    let own = found.iter().find(|one| one["area"] == "credential").unwrap();
    assert_eq!(own["health"], "ok", "{own}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_never_an_argument_and_never_sent_over_an_open_network() {
    let house = House::open().await;
    let api = house.gate.town.simulator.cloud_api();
    let args = ["connect", CLOUD, "--product", "cloud", "--workspace", "acme", "--api-url", &api];
    let said = house.gate.operate(&[&args[..], &["--credential", "token"]].concat()).await;
    assert_eq!(said.code, 2, "{}", said.all());
    assert!(said.err.contains("--secret-file or --secret-env"), "{}", said.all());
    let mut command = crate::spec::rig::portcullis(&args);
    let data = house.gate.folder.path().to_str().unwrap();
    command.args([
        "--credential",
        "token",
        "--secret-env",
        "T",
        "--gateway",
        "http://gate.example.com:8081",
        "--data",
        data,
    ]);
    command.env("T", "canary-token-of-mine");
    let said = crate::spec::rig::said(command).await;
    assert_eq!(said.code, 2, "{}", said.all());
    assert!(said.err.contains("plain http on another machine"), "{}", said.all());
    let help = crate::spec::rig::run(&["connect", "--help"]).await;
    for flag in ["--token", "--password", "--secret "] {
        assert!(!help.out.contains(flag), "`{flag}` would be read by everybody on the machine");
    }
    // A request that cannot be read does not give the secret back.
    let body = json!({"id": CLOUD, "product": "cloud", "credential": {"kind": "token", "token": ["canary-token-of-mine"]}});
    let asked = house.post("connections", &body).await;
    assert_eq!(asked.status, 400);
    assert!(!asked.body.to_string().contains("canary"), "{}", asked.body);
}
