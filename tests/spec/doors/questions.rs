//! Checks and tickets: every verdict is 200, and a ticket is for who asked.

use reqwest::Method;
use serde_json::json;

use crate::spec::doors::house::House;
use crate::spec::doors::house::OPERATOR;
use crate::spec::doors::house::REPOSITORY;
use crate::spec::doors::house::header;
use crate::spec::doors::house::json_of;
use crate::spec::doors::house::problem;

#[tokio::test]
async fn every_verdict_is_an_answer() {
    let house = House::open().await;
    let token = house.token().await;
    for (action, verdict, effect) in
        [("run", "allow", "proceed"), ("deploy", "approve", "wait"), ("publish", "block", "stop")]
    {
        let answer = house.check(&token, action).await;
        assert_eq!(
            (&answer["verdict"], &answer["effect"]),
            (&json!(verdict), &json!(effect)),
            "{answer}"
        );
        assert_eq!(answer["ticket"].is_object(), effect == "wait");
    }
    house.close().await;
}

#[tokio::test]
async fn a_question_without_a_good_token_is_told_how_to_get_one() {
    let house = House::open().await;
    let ask = || house.public(Method::POST, "/v1/check").json(&json!({"action": "run"}));
    let answer = ask().send().await.unwrap();
    assert!(header(&answer, "www-authenticate").starts_with("Bearer"));
    let (status, told) = problem(answer).await;
    assert_eq!(status, 401);
    let lines = format!("oidc:\n      audiences: [\"{}\"]", house.gateway.public_url);
    assert!(told["detail"].as_str().unwrap().contains(&lines));
    let unknown = format!("pcs_{}", "A".repeat(43));
    for token in ["x", "a.b.c", "pcs_short", unknown.as_str(), OPERATOR] {
        assert_eq!(problem(ask().bearer_auth(token).send().await.unwrap()).await.0, 401, "{token}");
    }
    let twice = ask().bearer_auth("x").header("authorization", "Bearer y").send().await.unwrap();
    assert_eq!(problem(twice).await.0, 401);
    house.close().await;
}

#[tokio::test]
async fn a_question_that_cannot_be_read_or_may_not_be_asked_is_refused_by_name() {
    let house = House::open().await;
    let token = house.token().await;
    let ask = |body: String| {
        house.public(Method::POST, "/v1/check").bearer_auth(&token).body(body).send()
    };
    for (body, status) in [
        ("{".to_owned(), 400),
        ("{\"action\":\"De ploy\"}".to_owned(), 400),
        (json!({"action": "run"}).to_string(), 400),
        (json!({"action": "run", "repository": "acme/unknown"}).to_string(), 403),
        (" ".repeat(64 * 1024 + 1), 413),
    ] {
        let start: String = body.chars().take(40).collect();
        assert_eq!(problem(ask(body).await.unwrap()).await.0, status, "{start}");
    }
    house.close().await;
}

#[tokio::test]
async fn a_ticket_is_for_who_asked_and_for_the_operator_and_for_nobody_else() {
    let house = House::open().await;
    let (mine, other) = (house.token().await, house.token().await);
    let id = house.check(&mine, "deploy").await["ticket"]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/tickets/{id}");
    let read = |path: &str, token: &str| house.public(Method::GET, path).bearer_auth(token).send();
    for token in [mine.as_str(), OPERATOR] {
        let answer = read(&path, token).await.unwrap();
        assert_eq!(answer.status(), 200);
        let told = json_of(answer).await;
        assert_eq!(
            (&told["state"], &told["missing"], &told["id"]),
            (&json!("asked"), &json!(1), &json!(id))
        );
        assert_eq!(told["url"], format!("{}/t/{id}", house.gateway.public_url));
    }
    let mut refusals = Vec::new();
    for path in
        [path.as_str(), "/v1/tickets/019a7d3e-5a01-7000-9000-00000000feed", "/v1/tickets/nonsense"]
    {
        let (status, mut told) = problem(read(path, &other).await.unwrap()).await;
        told["request_id"] = json!(null);
        refusals.push((status, told));
    }
    assert_eq!(refusals[0].0, 404);
    assert!(
        refusals.iter().all(|refusal| *refusal == refusals[0]),
        "forbidden, unknown and malformed are alike"
    );
    assert_eq!(problem(house.public(Method::GET, &path).send().await.unwrap()).await.0, 401);
    assert_eq!(problem(read(&format!("{path}?wait=soon"), &mine).await.unwrap()).await.0, 400);
    house.close().await;
}

#[tokio::test]
async fn who_waits_is_told_the_moment_the_ticket_moves() {
    let house = House::open().await;
    let token = house.token().await;
    let id = house.check(&token, "deploy").await["ticket"]["id"].as_str().unwrap().to_owned();
    let read = |wait: &str| {
        house
            .public(Method::GET, &format!("/v1/tickets/{id}?wait={wait}"))
            .bearer_auth(&token)
            .send()
    };
    assert_eq!(json_of(read("0s").await.unwrap()).await["state"], "asked", "no time, no waiting");
    let vote = json!({"vote": "deny", "reason": "not today"});
    let voting = house.api(Method::POST, &format!("tickets/{id}/votes")).json(&vote).send();
    // The question is on its way before the vote is; whichever answer comes first, the ticket has moved.
    let (waited, voted) = tokio::join!(biased; read("25s"), voting);
    assert_eq!(voted.unwrap().status(), 200);
    let told = json_of(waited.unwrap()).await;
    assert_eq!(told["state"], "refused", "{told}");
    let late =
        house.api(Method::POST, &format!("tickets/{id}/votes")).json(&vote).send().await.unwrap();
    assert_eq!(problem(late).await.0, 409, "it has ended");
    house.close().await;
}

#[tokio::test]
async fn a_decision_is_shown_to_whoever_has_the_link_and_names_nothing() {
    let house = House::open().await;
    let token = house.token().await;
    let answer = house.check(&token, "deploy").await;
    let (decision, ticket) =
        (answer["decision"].as_str().unwrap(), answer["ticket"]["id"].as_str().unwrap());
    for path in [format!("/d/{decision}"), format!("/t/{ticket}")] {
        let page = house.public(Method::GET, &path).send().await.unwrap();
        assert_eq!(page.status(), 200);
        assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
        assert!(header(&page, "content-security-policy").contains("default-src 'none'"));
        let html = page.text().await.unwrap();
        for there in [
            "To deploy is judged here.",
            "What deploy needs",
            "release-managers (1 person)",
            "http-equiv=\"refresh\"",
        ] {
            assert!(html.contains(there), "{path}: {there}");
        }
        for absent in [REPOSITORY, "Mia", "acme/", "claimed.environment", "service token"] {
            assert!(!html.contains(absent), "{path}: {absent}");
        }
        let data = house
            .public(Method::GET, &path)
            .header("accept", "application/json")
            .send()
            .await
            .unwrap();
        let data = json_of(data).await;
        assert_eq!(
            (&data["verdict"], &data["ticket"]["state"]),
            (&json!("approve"), &json!("asked"))
        );
        let head = house.public(Method::HEAD, &path).send().await.unwrap();
        assert_eq!(head.status(), 200);
        assert!(head.bytes().await.unwrap().is_empty());
    }
    house.close().await;
}

#[tokio::test]
async fn unknown_and_malformed_notices_are_one_and_the_same_page() {
    let house = House::open().await;
    let token = house.token().await;
    let decision = house.check(&token, "deploy").await["decision"].as_str().unwrap().to_owned();
    let mut pages = Vec::new();
    let unknown = "019a7d3e-5a01-7000-9000-00000000feed";
    for path in [
        format!("/d/{unknown}"),
        "/d/x".to_owned(),
        format!("/t/{unknown}"),
        "/t/%00".to_owned(),
        format!("/t/{decision}"),
    ] {
        let answer = house.public(Method::GET, &path).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
        let headers: Vec<_> = answer
            .headers()
            .iter()
            .filter(|(name, _)| *name != "x-request-id" && *name != "date")
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect();
        pages.push((headers, answer.bytes().await.unwrap()));
    }
    assert!(pages.iter().all(|page| *page == pages[0]));
    let json = house
        .public(Method::GET, "/d/x")
        .header("accept", "application/json")
        .send()
        .await
        .unwrap();
    assert_eq!(problem(json).await.0, 404);
    house.close().await;
}
