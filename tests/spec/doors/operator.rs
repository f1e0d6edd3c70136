//! The operator's surface: probes for anyone, everything else for the operator.

use portcullis::http::doors;
use portcullis::http::route::ROUTES;
use reqwest::Method;
use serde_json::json;

use crate::spec::doors::house::CLOUD_HOOK;
use crate::spec::doors::house::House;
use crate::spec::doors::house::REPOSITORY;
use crate::spec::doors::house::SECRET;
use crate::spec::doors::house::header;
use crate::spec::doors::house::json_of;
use crate::spec::doors::house::problem;

#[tokio::test]
async fn probes_answer_anyone_under_any_name() {
    let house = House::open().await;
    for path in ["/livez", "/readyz", "/metrics"] {
        let answer =
            house.stranger(Method::GET, path).header("host", "10.0.0.1").send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
    }
    let ready = house.stranger(Method::GET, "/readyz").send().await.unwrap();
    assert_eq!(json_of(ready).await["ready"], true);
    house.gateway.stop();
    let stopping = house.stranger(Method::GET, "/readyz").send().await.unwrap();
    assert_eq!(stopping.status(), 503);
    let told = json_of(stopping).await;
    assert!(told["reasons"][0].as_str().unwrap().contains("shutting down"), "{told}");
    house.close().await;
}

#[tokio::test]
async fn decisions_are_listed_filtered_and_told_in_every_form() {
    let house = House::open().await;
    let token = house.token().await;
    for action in ["run", "deploy", "publish"] {
        house.check(&token, action).await;
    }
    let list = async |query: &str| {
        json_of(house.api(Method::GET, &format!("decisions{query}")).send().await.unwrap()).await
    };
    let all = list("").await;
    let verdicts: Vec<_> = all["decisions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts, ["block", "approve", "allow"], "newest first");
    let blocked = list("?verdict=block").await;
    assert_eq!(blocked["decisions"].as_array().unwrap().len(), 1, "{blocked}");
    for wrong in ["?verdict=block&effect=", "?verdct=block", "?limit=1&limit=2"] {
        let refused = house.api(Method::GET, &format!("decisions{wrong}")).send().await.unwrap();
        assert_eq!(
            problem(refused).await.0,
            400,
            "a filter that was meant is not left out: {wrong}"
        );
    }
    let first = list("?limit=2").await;
    let second = list(&format!("?limit=2&before={}", first["next"])).await;
    assert_eq!(second["decisions"][0]["verdict"], "allow", "{second}");
    let id = blocked["decisions"][0]["decision"].as_str().unwrap();
    let one =
        json_of(house.api(Method::GET, &format!("decisions/{id}")).send().await.unwrap()).await;
    assert_eq!(one["decision"]["verdict"], "block");
    assert_eq!(one["narrative"]["verdict"], "block");
    assert!(one["text"].as_str().unwrap().contains("To publish is judged here."));
    assert!(one["markdown"].as_str().unwrap().starts_with("**Block**"));
    assert_eq!(one["names"]["kept"]["repository"], REPOSITORY);
    for (query, status) in [
        ("?verdict=maybe", 400),
        ("?limit=0", 400),
        ("?limit=201", 400),
        ("?before=x", 400),
        ("?person=user:nobody", 404),
        ("/x", 404),
    ] {
        let answer = house.api(Method::GET, &format!("decisions{query}")).send().await.unwrap();
        assert_eq!(problem(answer).await.0, status, "{query}");
    }
    house.close().await;
}

#[tokio::test]
async fn decisions_are_searched_by_every_property_and_what_is_misspelt_is_named() {
    let house = House::open().await;
    let token = house.token().await;
    for action in ["run", "deploy", "publish"] {
        house.check(&token, action).await;
    }
    for (query, found) in [
        ("rule=test", 2),
        ("rule=test/publish", 1),
        ("rule=tes", 0),
        ("repository=repository:acme/billing-canary", 3),
        ("repository=acme/repository/r", 3),
        ("repository=acme/repository/other", 0),
        ("person=user:Mia", 0),
        ("kind=pipeline.step", 3),
        ("kind=push", 0),
        ("connection=acme", 3),
        ("softened=shadow", 0),
        ("since=1h", 3),
        ("since=2026-01-01T00:00:00Z&verdict=block", 1),
        ("until=1h", 0),
        ("uncovered=false", 3),
    ] {
        let answer = house.api(Method::GET, &format!("decisions?{query}")).send().await.unwrap();
        let told = json_of(answer).await;
        assert_eq!(told["decisions"].as_array().unwrap().len(), found, "{query}: {told}");
    }
    for (query, said) in [
        ("verdit=block", "cannot have `verdit`; it can have verdict, effect, rule"),
        ("kind=pushed", "`kind` is `pushed`"),
        ("rule=Test/*", "`rule` is `Test/*`; use a rule's id"),
        ("softened=mildly", "use shadow, waiver, pause"),
        ("since=yesterday", "how long ago, such as `2h`"),
        ("person=user:nobody", "the graph knows no `user:nobody`"),
    ] {
        let answer = house.api(Method::GET, &format!("decisions?{query}")).send().await.unwrap();
        let (_, told) = problem(answer).await;
        assert!(told["detail"].as_str().unwrap().contains(said), "{query}: {told}");
    }
    house.close().await;
}

#[tokio::test]
async fn a_ticket_without_a_known_commit_can_be_denied_but_not_approved() {
    let house = House::open().await;
    let token = house.token().await;
    let id = house.check(&token, "deploy").await["ticket"]["id"].as_str().unwrap().to_owned();
    let vote = |vote| house.api(Method::POST, &format!("tickets/{id}/votes")).json(&vote).send();
    for wrong in [
        json!({"vote": "yes"}),
        json!({}),
        json!({"vote": "approve", "as": "mia"}),
        json!({"vote": "deny", "reason": "x".repeat(2_001)}),
    ] {
        assert_eq!(problem(vote(wrong.clone()).await.unwrap()).await.0, 400, "{wrong}");
    }
    let (status, told) = problem(vote(json!({"vote": "approve"})).await.unwrap()).await;
    assert_eq!(status, 409);
    assert!(told["detail"].as_str().unwrap().contains("commit"), "{told}");
    let denied = json_of(vote(json!({"vote": "deny", "reason": "no"})).await.unwrap()).await;
    assert_eq!(
        (&denied["state"], &denied["votes"][0]["by"]),
        (&json!("refused"), &json!("operator session"))
    );
    let listed =
        json_of(house.api(Method::GET, "tickets?state=refused").send().await.unwrap()).await;
    assert_eq!(listed["tickets"][0]["id"], json!(id));
    let none = json_of(house.api(Method::GET, "tickets?state=asked").send().await.unwrap()).await;
    assert_eq!(none["tickets"], json!([]));
    let shown =
        json_of(house.api(Method::GET, &format!("tickets/{id}")).send().await.unwrap()).await;
    assert_eq!(shown["missing"], 1);
    house.close().await;
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_listed_with_its_reason_and_can_be_tried_again() {
    let house = House::open().await;
    let kept = house.hook(CLOUD_HOOK, "repo:push", "no json", SECRET).send().await.unwrap();
    let id = json_of(kept).await["delivery"].as_str().unwrap().to_owned();
    // Asked of the gateway itself: as many requests as it takes would be too many.
    while house.gateway.dead_letters(1).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let letters = json_of(house.api(Method::GET, "dead-letters").send().await.unwrap()).await;
    assert_eq!(letters["dead_letters"][0]["id"], json!(id));
    assert!(!letters["dead_letters"][0]["why"].as_str().unwrap().is_empty());
    assert!(!letters.to_string().contains(CLOUD_HOOK), "the hook's address is a secret");
    let replayed =
        house.api(Method::POST, &format!("dead-letters/{id}/replay")).send().await.unwrap();
    assert_eq!(replayed.status(), 202);
    let unknown =
        house.api(Method::POST, "dead-letters/019a7d3e-5a01-7000-9000-00000000feed/replay");
    assert_eq!(problem(unknown.send().await.unwrap()).await.0, 404);
    house.close().await;
}

#[tokio::test]
async fn a_service_token_is_shown_once_listed_without_itself_and_ends_when_revoked() {
    let house = House::open().await;
    let token = house.token().await;
    let listed = house.api(Method::GET, "tokens").send().await.unwrap().text().await.unwrap();
    assert!(listed.contains("\"name\":\"ci\"") && !listed.contains(&token));
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let id = listed["tokens"][0]["id"].as_str().unwrap();
    assert_eq!(
        house.api(Method::DELETE, &format!("tokens/{id}")).send().await.unwrap().status(),
        204
    );
    assert_eq!(
        problem(house.api(Method::DELETE, &format!("tokens/{id}")).send().await.unwrap()).await.0,
        404
    );
    let ask = house
        .public(Method::POST, "/v1/check")
        .bearer_auth(&token)
        .json(&json!({"action": "run", "repository": REPOSITORY}));
    assert_eq!(problem(ask.send().await.unwrap()).await.0, 401, "it no longer opens anything");
    for wish in [
        json!({"name": "", "connection": "acme", "expires_in": 1}),
        json!({"name": "x", "connection": "none", "expires_in": 1}),
        json!({"name": "x", "connection": "acme", "expires_in": 0}),
        json!(1),
    ] {
        let answer = house.api(Method::POST, "tokens").json(&wish).send().await.unwrap();
        assert_eq!(problem(answer).await.0, 400, "{wish}");
    }
    house.close().await;
}

#[tokio::test]
async fn questions_about_access_are_answered_from_the_graph() {
    let house = House::open().await;
    let repository = format!("repository:{REPOSITORY}");
    let get = async |path: &str, query: &[(&str, &str)]| {
        house.api(Method::GET, path).query(query).send().await.unwrap()
    };
    let who =
        json_of(get("who-can", &[("action", "write"), ("resource", &repository)]).await).await;
    assert_eq!(who["who"][0]["name"], "Mia", "{who}");
    let can = json_of(
        get("can", &[("identity", "user:Mia"), ("action", "write"), ("resource", &repository)])
            .await,
    )
    .await;
    assert_eq!(can["can"], true, "{can}");
    let paths =
        json_of(get("paths", &[("identity", "user:Mia"), ("resource", &repository)]).await).await;
    assert!(paths["paths"][0]["line"].as_str().unwrap().contains("Mia"), "{paths}");
    for (path, query, status) in [
        ("who-can", vec![("action", "write")], 400),
        ("who-can", vec![("action", "fly"), ("resource", repository.as_str())], 400),
        (
            "can",
            vec![
                ("identity", "user:Nobody"),
                ("action", "write"),
                ("resource", repository.as_str()),
            ],
            404,
        ),
    ] {
        assert_eq!(problem(get(path, &query).await).await.0, status, "{path}");
    }
    house.close().await;
}

#[tokio::test]
async fn deeds_reports_and_pages_are_answered_from_the_graph() {
    let house = House::open().await;
    let get = async |path: &str, query: &[(&str, &str)]| {
        house.api(Method::GET, path).query(query).send().await.unwrap()
    };
    let main = format!("{REPOSITORY}@main");
    let push = [("identity", "user:Mia"), ("action", "push"), ("resource", &*main)];
    let can = json_of(get("can", &push).await).await;
    assert_eq!(can["can"], json!(null), "a project's rules are not told: {can}");
    assert!(can["unknown"].as_str().unwrap().contains("archived"), "{can}");
    assert!(can["missing"].to_string().contains("rules of a project"), "{can}");
    let who = json_of(get("who-can", &push[1..]).await).await;
    assert_eq!((&who["who"], &who["maybe"][0]["name"]), (&json!([]), &json!("Mia")), "{who}");
    let write = [("identity", "user:Mia"), ("action", "write"), ("resource", REPOSITORY)];
    let can = json_of(get("can", &write).await).await;
    let paths = json_of(get("paths", &[write[0], write[2]]).await).await;
    let step = &paths["paths"][0]["steps"][0];
    let [from, is, to] = ["from", "is", "to"].map(|end| step[end].as_str().unwrap());
    assert_eq!(can["can"], true);
    let edge = format!("{from} {is} {to}");
    let without = [write[0], write[1], write[2], ("without", edge.as_str())];
    let can = json_of(get("can", &without).await).await;
    assert_eq!(can["can"], json!(null), "that edge was the only way that is known: {can}");
    assert_eq!(can["level"], "none", "{can}");
    assert!(can["missing"][0].as_str().unwrap().starts_with("needs write on"), "{can}");
    let report = json_of(get("access/report", &[("report", "layout")]).await).await;
    assert!(
        report["rows"].as_array().unwrap().iter().any(|row| row["id"] == paths["resource"]["id"]),
        "{report}"
    );
    let csv = get("access/report", &[("report", "layout"), ("format", "csv")]).await;
    assert_eq!(header(&csv, "content-type"), "text/csv; charset=utf-8");
    assert!(csv.text().await.unwrap().starts_with("connection,project,"));
    let world = get("access/world", &[("connection", "acme")]).await.text().await.unwrap();
    let read = portcullis::graph::World::read(world.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(read.write()).unwrap(), world, "as the program writes it");
    let page = get("access/page", &[("of", REPOSITORY)]).await;
    assert!(header(&page, "content-disposition").starts_with("attachment"));
    assert!(page.text().await.unwrap().contains("Mia"));
    for (path, query, status) in [
        ("can", vec![push[0], ("action", "push"), ("resource", REPOSITORY)], 400),
        ("can", vec![write[0], write[1], write[2], ("without", "user:Mia likes tea")], 400),
        ("access/report", vec![("report", "everything")], 400),
        ("access/report", vec![("report", "global"), ("format", "pdf")], 400),
        ("access/world", vec![("connection", "none")], 404),
        ("access/page", vec![("of", "acme/none")], 404),
        ("access/page", vec![("of", "project:BILL")], 400),
        ("identities", vec![("unused", "many")], 400),
        ("identities", vec![("kind", "person")], 400),
    ] {
        assert_eq!(problem(get(path, &query).await).await.0, status, "{path} {query:?}");
    }
    house.close().await;
}

#[tokio::test]
async fn what_is_in_force_can_be_read() {
    let house = House::open().await;
    let bundle = json_of(house.api(Method::GET, "policies").send().await.unwrap()).await;
    assert_eq!(bundle["rules"].as_array().unwrap().len(), 2);
    assert_eq!(bundle["refused"], json!(null));
    house.check(&house.token().await, "run").await;
    house.gateway.sign().await.unwrap();
    let note = house.api(Method::GET, "ledger/checkpoint").send().await.unwrap();
    assert!(header(&note, "content-type").starts_with("text/plain"));
    assert!(note.text().await.unwrap().starts_with("gate.test/ledger\n"));
    house.close().await;
}

/// serde takes a list for a structure, member by member; the description says object.
#[tokio::test]
async fn a_list_is_no_object_wherever_the_description_says_object() {
    let house = House::open().await;
    let (ticket, description) =
        (uuid::Uuid::nil().to_string(), doors::description("https://gate.example.com"));
    let mut refused = 0;
    for route in ROUTES.iter().filter(|route| route.pattern.starts_with("/api/v1/")) {
        let operation = &description["paths"][route.pattern][route.method.name().to_lowercase()];
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let schema = match schema["$ref"].as_str() {
            Some(link) => &description.pointer(link.trim_start_matches('#')).unwrap(),
            None => &schema,
        };
        if schema["type"] != "object" {
            continue;
        }
        let path = route.pattern.replace("{connection}", "acme").replace("{id}", &ticket);
        let method = route.method.name().parse().unwrap();
        let ask = house.api(method, path.trim_start_matches("/api/v1/"));
        let answer =
            ask.header("content-type", "application/json").body(" []").send().await.unwrap();
        let (status, why) = problem(answer).await;
        assert_eq!(status, 400, "{path}: {why}");
        assert!(why.to_string().contains("must be one JSON object"), "{path}: {why}");
        refused += 1;
    }
    assert!(refused >= 12, "{refused}");
    house.close().await;
}
