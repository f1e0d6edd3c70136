//! Every call the client can make is one that Atlassian documents, every answer the simulator gives is one too, and no
//! call lies outside the table of routes. Atlassian's documents are not part of the project: where the folder `shared`
//! beside it is absent, what needs them is skipped.

mod document;
mod mistakes;
mod recorded;
mod tour;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use portcullis::bitbucket::CallClass;
use portcullis::bitbucket::route;
use portcullis::bitbucket::route::ROUTES;
use portcullis::graph::Product;
use serde_json::Value;

use crate::spec::conformance::document::Document;
use crate::spec::conformance::document::shared;
use crate::spec::conformance::tour::Asked;
use crate::spec::conformance::tour::Toured;
use crate::spec::conformance::tour::tours;

fn named(route: &route::Route) -> String {
    format!("{} {} {}", route.product, route.method, route.path)
}

#[tokio::test]
async fn no_call_of_discovery_or_of_a_live_question_lies_outside_the_table() {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for Toured { product, asked, classes, .. } in tours().await {
        let mut counted: BTreeMap<CallClass, u64> = BTreeMap::new();
        for call in &asked {
            let found = route::of(product, &call.method, &call.path);
            let found = found.unwrap_or_else(|| panic!("{product} {} {}", call.method, call.path));
            *counted.entry(found.class).or_default() += 1;
            seen.insert(named(found));
        }
        // What the client counted by class is what the table says of the same calls.
        for (class, count) in classes {
            assert_eq!(counted.get(&class).copied().unwrap_or(0), count, "{product} {class}");
        }
    }
    let reads = ROUTES.iter().filter(|route| route.method == "GET").map(named);
    let unasked: Vec<String> = reads.filter(|route| !seen.contains(route)).collect();
    assert!(unasked.is_empty(), "the tour asks everything that is read; not {unasked:#?}");
}

#[test]
fn content_has_no_route() {
    for path in [
        "2.0/repositories/acme/billing/src/main/README.md",
        "2.0/repositories/acme/billing/diff/abc",
        "2.0/repositories/acme/billing/patch/abc",
        "2.0/repositories/acme/billing/diffstat/abc",
        "2.0/repositories/acme/billing/issues",
        "2.0/repositories/acme/billing/pullrequests/1/comments",
        "2.0/repositories/acme/billing/pullrequests/1/diff",
        "2.0/repositories/acme/billing/pipelines/x/steps/y/log",
        "2.0/repositories/acme/billing/commit/abc/comments",
    ] {
        assert_eq!(route::of(Product::Cloud, "GET", path), None, "{path}");
    }
    for path in [
        "rest/api/latest/projects/PAY/repos/ledger/browse/README.md",
        "rest/api/latest/projects/PAY/repos/ledger/raw/README.md",
        "rest/api/latest/projects/PAY/repos/ledger/diff",
        "rest/api/latest/projects/PAY/repos/ledger/commits/abc/diff",
        "rest/api/latest/projects/PAY/repos/ledger/pull-requests/1/comments",
        "rest/api/latest/projects/PAY/repos/ledger/pull-requests/1/diff",
    ] {
        assert_eq!(route::of(Product::DataCenter, "GET", path), None, "{path}");
    }
    // What is written is an effect or a webhook of our own.
    for route in ROUTES.iter().filter(|route| route.method != "GET") {
        let end = route.path.rsplit('/').next().unwrap();
        let hook = route.path.contains("/hooks") || route.path.contains("/webhooks");
        assert!(hook || ["build", "builds"].contains(&end), "{}", named(route));
    }
    assert!(
        ROUTES.iter().all(|route| (route.method == "GET") != (route.class == CallClass::Write))
    );
}

#[test]
fn every_route_is_one_that_atlassian_documents() {
    let Some(folder) = shared("reference/openapi") else { return };
    let mut excused = BTreeSet::new();
    for route in ROUTES {
        let documented = Document::of(&folder, route.product).operation(route).is_some();
        let excuse = mistakes::UNDOCUMENTED.iter().find(|excuse| excuse.0 == route.path);
        match (documented, excuse) {
            (true, None) => {}
            (false, Some((path, _))) => drop(excused.insert(*path)),
            (true, Some(_)) => panic!("{} is documented: take it off the list", route.path),
            (false, None) => panic!("{} is not documented", named(route)),
        }
    }
    assert_eq!(excused.len(), mistakes::UNDOCUMENTED.len(), "one on the list is no route");
}

#[tokio::test]
async fn every_question_and_every_body_is_as_documented() {
    let Some(folder) = shared("reference/openapi") else { return };
    let (mut questions, mut bodies) = (0, 0);
    for Toured { product, asked, posted, .. } in tours().await {
        let document = Document::of(&folder, product);
        for call in &asked {
            let route = route::of(product, &call.method, &call.path).unwrap();
            let Some(operation) = document.operation(route) else { continue };
            let known = document.parameters(&operation);
            for name in call.query.keys() {
                let excused = mistakes::PARAMETERS.iter().any(|(of, path, parameter, _)| {
                    *of == product && (*path == route.path || path.is_empty()) && parameter == name
                });
                assert!(known.contains(name) || excused, "{}: `{name}` of {known:?}", named(route));
            }
            questions += 1;
        }
        for (path, body) in &posted {
            let route = route::of(product, "POST", path).unwrap();
            let operation = document.operation(route).unwrap();
            let schema = document.body(&operation).unwrap();
            let mut faults = document.faults(&schema, body);
            faults.retain(|fault| {
                !mistakes::BODIES.iter().any(|(of, told, _)| *of == route.path && told == fault)
            });
            assert_eq!(faults, Vec::<String>::new(), "{path}");
            bodies += 1;
        }
    }
    assert!(questions > 60 && bodies >= 2, "{questions} {bodies}");
}

#[tokio::test]
async fn the_simulator_answers_as_documented() {
    let Some(folder) = shared("reference/openapi") else { return };
    let mut checked = BTreeSet::new();
    let mut faults: BTreeSet<String> = BTreeSet::new();
    for toured in tours().await {
        let (product, document) = (toured.product, Document::of(&folder, toured.product));
        let mut twice = BTreeSet::new();
        let reads = toured.asked.iter().filter(|call| call.method == "GET" && call.status == 200);
        for call in reads.filter(|call| twice.insert(call.address())) {
            let route = route::of(product, "GET", &call.path).unwrap();
            let Some(operation) = document.operation(route) else { continue };
            let Some(schema) = document.answer(&operation) else { continue };
            let body = toured.ask_again(call).await;
            for fault in document.faults(&schema, &body) {
                let line = format!("{}: {fault}", named(route));
                let excused = mistakes::SCHEMAS
                    .iter()
                    .find(|(path, at, _)| *path == route.path && fault.starts_with(at));
                if excused.is_none() {
                    faults.insert(line);
                }
            }
            checked.insert(route.path);
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(checked.len() > 45, "{}", checked.len());
}

impl Asked {
    /// Path and query as one, to ask the same once.
    fn address(&self) -> String {
        let query: Vec<String> =
            self.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{}?{}", self.path, query.join("&"))
    }
}

/// What a value is called in a schema.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
