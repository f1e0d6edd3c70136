//! What holds for every route: who is refused, how often one may ask, how it is described.

use std::time::Duration;

use portcullis::http::console::asset::STYLE;
use portcullis::http::doors;
use portcullis::http::rate;
use portcullis::http::rate::Rate;
use portcullis::http::route::Caller;
use portcullis::http::route::Door;
use portcullis::http::route::ROUTES;
use portcullis::http::route::Surface;
use reqwest::Method;

use crate::spec::doors::house::House;
use crate::spec::doors::house::header;
use crate::spec::doors::house::json_of;
use crate::spec::doors::house::problem;

#[tokio::test]
async fn every_route_refuses_a_stranger_as_its_line_of_the_table_says() {
    let house = House::open().await;
    for route in ROUTES {
        let path = route.pattern.replace('{', "a-").replace('}', "");
        let method = Method::from_bytes(route.method.name().as_bytes()).unwrap();
        let request = match route.surface {
            Surface::Public => house.public(method, &path),
            Surface::Operator => house.stranger(method, &path),
        };
        let status = request.send().await.unwrap().status().as_u16();
        let wanted: &[u16] = match route.caller {
            Caller::Probe => &[200],
            Caller::Anyone if route.door == Door::AuthzenConfiguration => &[200],
            Caller::Anyone => &[404, 400],
            Caller::Signature => &[404],
            Caller::Asker | Caller::Person | Caller::Operator => &[401],
        };
        assert!(wanted.contains(&status), "{} {}: {status}", route.method.name(), route.pattern);
    }
    house.close().await;
}

#[tokio::test]
async fn no_surface_answers_for_the_other_and_no_host_but_ours() {
    let house = House::open().await;
    assert_eq!(
        problem(house.public(Method::GET, "/api/v1/decisions").send().await.unwrap()).await.0,
        404
    );
    assert_eq!(
        problem(house.stranger(Method::POST, "/v1/check").send().await.unwrap()).await.0,
        404
    );
    let foreign =
        house.api(Method::GET, "decisions").header("host", "evil.test").send().await.unwrap();
    assert_eq!(problem(foreign).await.0, 421);
    let wrong = house.public(Method::GET, "/v1/check").send().await.unwrap();
    assert_eq!(header(&wrong, "allow"), "POST");
    assert_eq!(problem(wrong).await.0, 405);
    house.close().await;
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back_and_probes_are_not_counted() {
    let slow = Rate { every: Duration::from_hours(1), burst: 2 };
    let house = House::at(rate::Settings { caller: slow, ..rate::Settings::default() }).await;
    let ask =
        |token: &str| house.public(Method::POST, "/v1/check").bearer_auth(token).body("{").send();
    for wanted in [400, 400, 429, 429] {
        let answer = ask("one").await.unwrap();
        if wanted == 429 {
            assert!(header(&answer, "retry-after").parse::<u64>().unwrap() >= 1);
        }
        assert_eq!(problem(answer).await.0, wanted);
    }
    assert_eq!(ask("another").await.unwrap().status(), 400, "each caller has a bucket");
    for _ in 0..5 {
        assert_eq!(house.stranger(Method::GET, "/livez").send().await.unwrap().status(), 200);
    }
    house.close().await;
}

#[tokio::test]
async fn assets_are_kept_for_ever_under_their_version_and_asked_for_again_without() {
    let house = House::open().await;
    for request in
        [house.public(Method::GET, &STYLE.address()), house.stranger(Method::GET, &STYLE.address())]
    {
        let answer = request.send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), header(&answer, "content-type")),
            (200, "text/css; charset=utf-8".to_owned())
        );
        assert!(header(&answer, "cache-control").contains("immutable"));
        let tag = header(&answer, "etag");
        let again = house
            .public(Method::GET, "/assets/portcullis.css")
            .header("if-none-match", tag)
            .send()
            .await
            .unwrap();
        assert_eq!(again.status(), 304);
        assert!(header(&again, "cache-control").contains("no-cache"));
    }
    assert_eq!(
        house.public(Method::GET, "/assets/nothing.css").send().await.unwrap().status(),
        404
    );
    house.close().await;
}

#[test]
fn every_route_is_described_with_an_answer_that_says_what_it_is() {
    let description = doors::description("https://gate.example.com");
    assert_eq!(description["openapi"], "3.1.0");
    let mut names = std::collections::BTreeSet::new();
    for route in ROUTES {
        let method = route.method.name().to_lowercase();
        let operation = &description["paths"][route.pattern][&method];
        assert!(operation["summary"].is_string(), "{} {}", method, route.pattern);
        let responses = operation["responses"].as_object().unwrap();
        assert!(
            responses.keys().any(|status| status.starts_with('2') || status == "303"),
            "{}",
            route.pattern
        );
        for response in responses.values() {
            assert!(response["description"].is_string() || response["$ref"].is_string());
        }
        for name in
            route.pattern.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        {
            let parameters = operation["parameters"].as_array().unwrap();
            assert!(
                parameters.iter().any(|one| one["name"] == name
                    && one["in"] == "path"
                    && one["required"] == true)
            );
        }
        names.insert(operation["operationId"].as_str().unwrap().to_owned());
    }
    let operations: usize = description["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(|path| path.as_object().unwrap().keys().filter(|key| *key != "servers").count())
        .sum();
    assert_eq!(names.len(), operations, "each operation has a name of its own");
}

#[tokio::test]
async fn the_description_is_served() {
    let house = House::open().await;
    let served = json_of(house.api(Method::GET, "openapi.json").send().await.unwrap()).await;
    assert_eq!(served, doors::description(&house.gateway.public_url));
    house.close().await;
}
