//! Every answer that the description promises as JSON is asked for once and is as it says.

use std::collections::BTreeSet;

use portcullis::decision::pause::Demand;
use portcullis::gateway::brake;
use portcullis::graph::World;
use portcullis::http::doors;
use reqwest::Method;
use reqwest::RequestBuilder;
use serde_json::Value;
use serde_json::json;

use crate::spec::doors::house::CLOUD_HOOK;
use crate::spec::doors::house::House;
use crate::spec::doors::house::MIA;
use crate::spec::doors::house::OMAR;
use crate::spec::doors::house::SECRET;
use crate::spec::doors::house::SERVER_HOOK;
use crate::spec::doors::house::WORLD;
use crate::spec::doors::house::header;
use crate::spec::doors::house::json_of;
use crate::spec::rig::Town;
use crate::spec::rig::until;

/// What has been asked: operation, status.
type Asked = BTreeSet<(String, u16)>;

/// Asks, holds the answer against the description (in [`json_of`]), and notes which operation that was.
async fn ask(asked: &mut Asked, operation: &str, request: RequestBuilder) -> Value {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    assert_eq!(header(&answer, "content-type"), "application/json", "{operation}: {status}");
    asked.insert((operation.to_owned(), status));
    json_of(answer).await
}

fn id(of: &Value) -> &str {
    of.as_str().unwrap()
}

#[tokio::test]
async fn every_json_answer_is_what_the_description_says() {
    let house = House::open().await;
    let mut asked = Asked::new();
    let get = |path: &str| house.api(Method::GET, path);
    let post = |path: &str, body: Value| house.api(Method::POST, path).json(&body);
    let wish = json!({"name": "ci", "connection": "acme", "expires_in": 3_600});
    let token = ask(&mut asked, "newToken", post("tokens", wish)).await;
    let secret = id(&token["token"]).to_owned();
    let question = |environment: &str| {
        let body = json!({"action": "run", "repository": "acme/billing-canary", "environment": environment});
        house.public(Method::POST, "/v1/check").bearer_auth(&secret).json(&body)
    };
    ask(&mut asked, "check", question("publish")).await;
    let waits = ask(&mut asked, "check", question("deploy")).await;
    let (decision, ticket) = (id(&waits["decision"]), id(&waits["ticket"]["id"]));

    let opener = house.opening(&["authzen", "authzen-search"]).await;
    let question = json!({"subject": {"type": "user", "id": "Mia"}, "action": {"name": "write"}, "resource": {"type": "repository", "id": "acme/billing-canary"}});
    let authzen = |path: &str, body: &Value| {
        house.public(Method::POST, &format!("/access/v1/{path}")).bearer_auth(&opener).json(body)
    };
    ask(&mut asked, "evaluation", authzen("evaluation", &question)).await;
    ask(&mut asked, "evaluations", authzen("evaluations", &question)).await;
    let several = json!({"evaluations": [question, {}]});
    ask(&mut asked, "evaluations", authzen("evaluations", &several)).await;
    for (operation, path) in [
        ("searchSubject", "search/subject"),
        ("searchResource", "search/resource"),
        ("searchAction", "search/action"),
    ] {
        let found = ask(&mut asked, operation, authzen(path, &question)).await;
        assert!(!found["results"].as_array().unwrap().is_empty(), "{operation}: {found}");
    }
    let where_to = house.public(Method::GET, "/.well-known/authzen-configuration");
    ask(&mut asked, "authzenConfiguration", where_to).await;

    let own = house.public(Method::GET, &format!("/v1/tickets/{ticket}")).bearer_auth(&secret);
    ask(&mut asked, "ticket", own).await;
    for (operation, path) in
        [("decisionNotice", format!("/d/{decision}")), ("ticketNotice", format!("/t/{ticket}"))]
    {
        let notice = house.public(Method::GET, &path).header("accept", "application/json");
        ask(&mut asked, operation, notice).await;
    }
    ask(&mut asked, "decisions", get("decisions?limit=1")).await;
    ask(&mut asked, "decision", get(&format!("decisions/{decision}"))).await;
    ask(&mut asked, "tickets", get("tickets")).await;
    ask(&mut asked, "operatorTicket", get(&format!("tickets/{ticket}"))).await;
    let ballot = json!({"vote": "deny", "reason": "Not today."});
    ask(&mut asked, "vote", post(&format!("tickets/{ticket}/votes"), ballot)).await;

    let body = "{\"push\":";
    let hook = || house.hook(CLOUD_HOOK, "repo:push", body, SECRET);
    ask(&mut asked, "hook", hook()).await;
    ask(&mut asked, "hook", hook()).await;
    let ping = house.unsigned(SERVER_HOOK, "diagnostics:ping", "{\"test\":true}");
    ask(&mut asked, "hook", ping).await;
    let dead = loop {
        let letters = ask(&mut asked, "deadLetters", get("dead-letters")).await;
        match letters["dead_letters"].as_array().unwrap().first() {
            Some(letter) => break id(&letter["id"]).to_owned(),
            None => tokio::task::yield_now().await,
        }
    };
    let replay = post(&format!("dead-letters/{dead}/replay"), json!({}));
    ask(&mut asked, "replayDeadLetter", replay).await;

    ask(&mut asked, "tokens", get("tokens")).await;
    ask(&mut asked, "pause", get("pause")).await;
    let wish = json!({"for": "10m", "reason": "Bitbucket is down."});
    ask(&mut asked, "newPause", post("pause", wish.clone())).await;
    ask(&mut asked, "resume", house.api(Method::DELETE, "pause")).await;
    ask(&mut asked, "modes", get("modes")).await;
    let change = json!({"rules": "*", "scope": "acme", "mode": "enforce"});
    ask(&mut asked, "setMode", post("modes", change)).await;
    let back = json!({"rules": "*", "scope": "acme", "mode": "shadow"});
    ask(&mut asked, "setMode", post("modes", back)).await;
    ask(&mut asked, "impact", get("modes/impact?rules=*&scope=acme")).await;
    let (who, what) = ("identity=user:Mia", "resource=repository:acme/billing-canary");
    ask(&mut asked, "whoCan", get(&format!("who-can?action=read&{what}"))).await;
    ask(&mut asked, "can", get(&format!("can?{who}&action=write&{what}"))).await;
    ask(&mut asked, "paths", get(&format!("paths?{who}&{what}"))).await;
    ask(
        &mut asked,
        "can",
        get(&format!("can?{who}&action=push&resource=acme/billing-canary@main")),
    )
    .await;
    ask(&mut asked, "identities", get("identities?kind=token")).await;
    ask(&mut asked, "accessReport", get("access/report?report=repositories")).await;
    ask(&mut asked, "accessWorld", get("access/world?connection=acme")).await;
    house.gateway.take_in(World::read(WORLD.as_bytes()).unwrap()).await.unwrap();
    let diff = format!("access/diff?from=2026-11-20T17:30Z&{what}");
    ask(&mut asked, "accessDiff", get(&diff)).await;
    let since = format!("access/since?{who}&action=write&{what}");
    ask(&mut asked, "accessSince", get(&since)).await;
    let line = json!({
        "timestamp": "2026-11-20T18:05:00Z", "author": {"id": "2"},
        "type": {"actionI18nKey": "bitbucket.service.user.audit.action.groupcreated"},
    });
    let event = json!({
        "id": "event-1", "attributes": {"time": "2026-11-20T18:05:00Z", "action": "group_created"},
    });
    let lines = json!({"lines": format!("{line}\n{event}\n"), "reason": "by hand"});
    ask(&mut asked, "importAudit", post("connections/acme/audit", lines)).await;
    ask(&mut asked, "audit", get("audit?unmatched=true")).await;
    let finding = until("a finding", async || {
        let page = json_of(get("findings?outcome=fail&limit=1").send().await.unwrap()).await;
        page["findings"][0]["id"].as_str().map(str::to_owned)
    })
    .await;
    ask(&mut asked, "findings", get("findings")).await;
    ask(&mut asked, "finding", get(&format!("findings/{finding}"))).await;
    let seen = post(&format!("findings/{finding}/acknowledge"), json!({}));
    ask(&mut asked, "acknowledgeFinding", seen).await;
    let accepted = json!({"because": "It is a sample.", "until": "7d"});
    let accept = post(&format!("findings/{finding}/accept"), accepted);
    ask(&mut asked, "acceptFinding", accept).await;
    ask(&mut asked, "postureScans", get("posture/scans?connection=acme")).await;
    ask(&mut asked, "postureCatalogue", get("posture/catalogue")).await;
    ask(&mut asked, "postureControls", get("posture/controls")).await;
    ask(&mut asked, "policies", get("policies")).await;
    let kinds = [
        ("user-directory", crate::spec::evidence::DIRECTORY),
        ("classification", "project,class\nBILL,secret\n"),
    ];
    for (kind, text) in kinds {
        let mut wish = crate::spec::evidence::wish("acme", kind, text.as_bytes());
        wish["preview"] = json!(true);
        ask(&mut asked, "bringEvidence", post("evidence", wish.clone())).await;
        wish["preview"] = json!(false);
        let kept = ask(&mut asked, "bringEvidence", post("evidence", wish)).await;
        ask(&mut asked, "evidence", get("evidence?connection=acme")).await;
        let path = format!("evidence/{}", id(&kept["id"]));
        ask(&mut asked, "evidencePiece", get(&path)).await;
        ask(&mut asked, "modes", get("modes")).await;
        ask(&mut asked, "withdrawEvidence", house.api(Method::DELETE, &path)).await;
    }
    ask(&mut asked, "channels", get("channels")).await;
    let town = Town::new().await;
    let tie = |preview: bool| {
        json!({
            "id": "tied", "product": "datacenter", "base_url": town.simulator.datacenter_url(), "preview": preview,
            "credential": {"kind": "basic", "user": "portcullis", "password": town.cast.password},
        })
    };
    ask(&mut asked, "connect", post("connections", tie(true))).await;
    ask(&mut asked, "connect", post("connections", tie(false))).await;
    let mut away = tie(false);
    for (name, value) in [
        ("id", json!("away")),
        ("base_url", json!("http://127.0.0.1:9/bitbucket")),
        ("wait_seconds", json!(0)),
    ] {
        away[name] = value;
    }
    ask(&mut asked, "connect", post("connections", away)).await;
    ask(&mut asked, "connectProgress", get("connections/tied/connecting")).await;
    ask(&mut asked, "connections", get("connections")).await;
    ask(&mut asked, "renewHooks", post("connections/tied/hooks", json!({"overlap": "1h"}))).await;
    let change = json!({"own_hosts": ["*.acme.example"], "reason": "ours"});
    ask(&mut asked, "changeConnection", post("connections/tied/settings", change)).await;
    ask(&mut asked, "scopes", get("connections/tied/scopes")).await;
    ask(&mut asked, "sync", post("connections/tied/sync", json!({}))).await;
    ask(&mut asked, "syncProgress", get("connections/tied/sync")).await;
    ask(&mut asked, "doctor", get("doctor")).await;
    ask(&mut asked, "disconnect", house.api(Method::DELETE, "connections/tied")).await;
    ask(&mut asked, "openApi", get("openapi.json")).await;
    ask(&mut asked, "readyz", house.stranger(Method::GET, "/readyz")).await;
    house.gateway.stop();
    ask(&mut asked, "readyz", house.stranger(Method::GET, "/readyz")).await;
    house.close().await;

    let two = brake::Settings { demand: Demand::Two, ..brake::Settings::default() };
    let pair = House::braked(two).await;
    let by = |person: (&str, &str), path: &str, body: Value| {
        pair.stranger(Method::POST, &format!("/api/v1/{path}")).bearer_auth(person.1).json(&body)
    };
    let waits = ask(&mut asked, "newPause", by(MIA, "pause", wish)).await;
    let confirm = format!("pause/{}/confirm", id(&waits["pause"]["id"]));
    ask(&mut asked, "confirmPause", by(OMAR, &confirm, json!({}))).await;
    pair.close().await;

    assert_eq!(asked, promised(), "every promised answer is asked for, and no other is given");
}

/// Needs a channel and somebody who listens at its end: asked for where channels are tested.
const ELSEWHERE: &str = "testChannel";

/// Every operation with each status for which it promises JSON.
fn promised() -> Asked {
    let description = doors::description("https://gate.test");
    let paths = description["paths"].as_object().unwrap().values();
    let operations =
        paths.flat_map(|path| ["get", "post", "delete"].into_iter().filter_map(|it| path.get(it)));
    operations
        .flat_map(|operation| {
            let name = operation["operationId"].as_str().unwrap();
            let responses = operation["responses"].as_object().unwrap().iter();
            responses
                .filter(|(_, response)| response["content"].get("application/json").is_some())
                .filter(|_| name != ELSEWHERE)
                .map(|(status, _)| (name.to_owned(), status.parse().unwrap()))
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn no_operation_hides_behind_any_answer_and_each_names_its_failures() {
    let description = doors::description("https://gate.test");
    for (path, item) in description["paths"].as_object().unwrap() {
        for method in ["get", "post", "delete"] {
            let Some(operation) = item.get(method) else { continue };
            let responses = operation["responses"].as_object().unwrap();
            assert!(!responses.contains_key("default"), "{path}: a default would allow anything");
            let failures = |status: &str| responses.contains_key(status);
            let secured = operation["security"].as_array().is_some_and(|all| !all.is_empty());
            assert_eq!(failures("401"), secured, "{method} {path}");
            if operation.get("requestBody").is_some() {
                assert!(failures("413") && failures("415") && failures("400"), "{method} {path}");
                let body = operation["requestBody"]["content"].as_object().unwrap();
                assert!(body.values().all(|kind| kind.get("schema").is_some()), "{path}");
            }
        }
        assert!(item["servers"].as_array().is_some_and(|all| !all.is_empty()), "{path}");
    }
}

#[test]
fn every_failure_that_a_door_names_is_described() {
    let description = doors::description("https://gate.test");
    let channel = &description["paths"]["/api/v1/channels/{channel}/test"]["post"]["responses"];
    assert_eq!(channel["502"]["$ref"], "#/components/responses/BadGateway");
    assert!(description["components"]["responses"]["BadGateway"]["description"].is_string());
}

#[test]
fn a_shape_of_one_name_is_one_shape() {
    // Words and ids are read and written alike; a name with a number behind it would mean that two shapes share one.
    let description = doors::description("https://gate.test");
    for name in description["components"]["schemas"].as_object().unwrap().keys() {
        assert!(!name.ends_with(|last: char| last.is_ascii_digit()), "{name}");
    }
}
