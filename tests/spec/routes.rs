//! The table of routes and the router are equal: what the table says is found, and nothing else.

use std::collections::BTreeSet;

use http::Method;
use http::StatusCode;
use http::header;
use http_body_util::BodyExt;
use portcullis::http::problem::Problem;
use portcullis::http::problem::RequestId;
use portcullis::http::route::BodyLimit;
use portcullis::http::route::Caller;
use portcullis::http::route::Door;
use portcullis::http::route::Missed;
use portcullis::http::route::ROUTES;
use portcullis::http::route::RateClass;
use portcullis::http::route::Route;
use portcullis::http::route::Router;
use portcullis::http::route::Surface;
use portcullis::http::route::Verb;

const SURFACES: [Surface; 2] = [Surface::Public, Surface::Operator];
const METHODS: [Method; 8] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::DELETE,
    Method::PUT,
    Method::PATCH,
    Method::OPTIONS,
    Method::TRACE,
];

/// A path for a pattern: each parameter becomes a value of its own.
fn path(pattern: &str) -> String {
    pattern.replace('{', "a-value-of-").replace('}', "")
}

fn names(pattern: &str) -> impl Iterator<Item = &str> {
    pattern.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

fn expected(surface: Surface, pattern: &str, method: &Method) -> Option<&'static Route> {
    let method = if *method == Method::HEAD { "GET" } else { method.as_str() };
    let mut routes =
        ROUTES.iter().filter(|route| route.surface == surface && route.pattern == pattern);
    routes.find(|route| route.method.name() == method)
}

#[test]
fn every_pattern_answers_exactly_the_methods_of_the_table_on_exactly_its_surface() {
    for surface in SURFACES {
        let router = Router::new(surface).unwrap();
        for pattern in ROUTES.iter().map(|route| route.pattern) {
            let known =
                ROUTES.iter().any(|route| route.surface == surface && route.pattern == pattern);
            for method in METHODS {
                let path = path(pattern);
                match (router.find(&method, &path), expected(surface, pattern, &method)) {
                    (Ok(found), Some(route)) => {
                        assert_eq!(found.route, route);
                        for name in names(pattern) {
                            assert_eq!(
                                found.parameter(name),
                                Some(format!("a-value-of-{name}").as_str())
                            );
                        }
                    }
                    (Err(Missed::NoSuchPath), None) => assert!(!known, "{pattern}"),
                    (Err(Missed::WrongMethod { allow }), None) => {
                        let allowed = METHODS
                            .iter()
                            .filter(|method| expected(surface, pattern, method).is_some());
                        let allowed: BTreeSet<_> = allowed.map(Method::as_str).collect();
                        assert_eq!(
                            allow.split(", ").collect::<BTreeSet<_>>(),
                            allowed,
                            "{pattern}"
                        );
                    }
                    (found, route) => {
                        panic!("{method} {pattern}: table {route:?}, router {found:?}")
                    }
                }
            }
        }
    }
}

#[test]
fn what_is_not_in_the_table_is_not_found() {
    for surface in SURFACES {
        let router = Router::new(surface).unwrap();
        for path in [
            "",
            "*",
            "//",
            "/hooks",
            "/hooks/",
            "/hooks/a/b",
            "/hooks/a/",
            "/v1/check/",
            "/V1/check",
            "/api",
            "/api/v1/",
            "/..",
        ] {
            assert_eq!(router.find(&Method::GET, path).unwrap_err(), Missed::NoSuchPath, "{path}");
        }
    }
}

#[test]
fn no_line_of_the_table_is_there_twice_and_no_door_has_two_meanings() {
    let lines: BTreeSet<_> =
        ROUTES.iter().map(|r| (r.surface.name(), r.method.name(), r.pattern)).collect();
    assert_eq!(lines.len(), ROUTES.len());
    for route in ROUTES.iter().filter(|route| route.door != Door::Asset) {
        assert_eq!(
            ROUTES.iter().filter(|other| other.door == route.door).count(),
            1,
            "{:?}",
            route.door
        );
    }
}

#[test]
fn the_table_keeps_its_own_rules() {
    for route in ROUTES {
        let line = route.pattern;
        assert_eq!(
            route.method == Verb::Get,
            route.body == BodyLimit::Empty,
            "only reading has no body: {line}"
        );
        assert_eq!(route.rate == RateClass::Free, route.caller == Caller::Probe, "{line}");
        assert!(
            route.caller != Caller::Anyone || route.method == Verb::Get,
            "a stranger changes something: {line}"
        );
        let operator = matches!(route.caller, Caller::Operator | Caller::Probe);
        assert!(!operator || route.surface == Surface::Operator, "{line}");
        let foreign = matches!(route.caller, Caller::Signature | Caller::Asker | Caller::Person);
        assert!(!foreign || route.surface == Surface::Public, "{line}");
        assert!(route.summary.ends_with('.') && !route.summary.contains('\n'), "{line}");
    }
}

#[tokio::test]
async fn a_wrong_method_is_answered_405_with_allow_and_a_wrong_path_404() {
    let router = Router::new(Surface::Operator).unwrap();
    let missed = router.find(&Method::PUT, "/api/v1/tokens").unwrap_err();
    let answer = Problem::from(missed).into_answer(RequestId::new());
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers()[header::ALLOW], "POST, GET, HEAD");
    let missed = router.find(&Method::PUT, "/api/v1/nothing").unwrap_err();
    let id = RequestId::new();
    let answer = Problem::from(missed).into_answer(id);
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/problem+json");
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (&body["status"], &body["title"], &body["type"]),
        (&404.into(), &"Not Found".into(), &"about:blank".into())
    );
    assert_eq!(body["request_id"], id.to_string());
}
