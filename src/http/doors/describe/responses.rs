//! The answers of an operation: what its door gives, and the failures that its line of the table implies.
//!
//! Which failures those are is worked out here once, from caller, rate, path and body; only what a door adds by itself is
//! said by the door.

use schemars::SchemaGenerator;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::http::doors::offer::Form;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::Takes;
use crate::http::problem;
use crate::http::route::Caller;
use crate::http::route::RateClass;
use crate::http::route::Route;
use crate::http::route::Surface;

/// Every failure that any operation has: status, name, when.
const FAILURES: &[(u16, &str, &str)] = &[
    (400, "BadRequest", "The query or the body cannot be read; `detail` names what is wrong."),
    (401, "Unauthorized", "No credential, or one that does not hold."),
    (403, "Forbidden", "The caller is known, and may not."),
    (404, "NotFound", "There is nothing here, or nothing that the caller may see."),
    (408, "RequestTimeout", "The body was not complete in time."),
    (409, "Conflict", "It does not fit how things stand; `detail` says how they do."),
    (410, "Gone", "Its body was kept for its time and is forgotten."),
    (413, "ContentTooLarge", "The body is larger than this operation takes."),
    (415, "UnsupportedMediaType", "The body is compressed, or not of the type that is taken."),
    (421, "MisdirectedRequest", "The Host header is none of ours."),
    (429, "TooManyRequests", "Asked too often; `Retry-After` says when to come again."),
    (502, "BadGateway", "The other end did not take it; `detail` says why."),
    (503, "ServiceUnavailable", "The gateway cannot now; the same request may succeed later."),
];

/// The answers that several operations share, by name.
pub(super) fn shared(written: &mut SchemaGenerator) -> Map<String, Value> {
    let schema = problem::shape(written);
    let one = |(status, name, when): &(u16, &str, &str)| {
        let response = json!({
            "description": when,
            "headers": headers(*status),
            "content": {"application/problem+json": {"schema": schema}, "text/html": {"schema": {"type": "string"}}},
        });
        ((*name).to_owned(), response)
    };
    FAILURES.iter().map(one).collect()
}

/// Every answer of one operation, by status.
pub(super) fn of(
    route: &Route,
    offer: &Offer,
    written: &mut SchemaGenerator,
) -> Map<String, Value> {
    let failures = FAILURES.iter().filter(|(status, ..)| fails(route, offer, *status));
    let mut all: Map<String, Value> = failures
        .map(|(status, name, _)| {
            (status.to_string(), json!({"$ref": format!("#/components/responses/{name}")}))
        })
        .collect();
    for gives in offer.gives {
        all.insert(gives.status.to_string(), good(gives, written));
    }
    all
}

fn good(gives: &Gives, written: &mut SchemaGenerator) -> Value {
    let content: Map<String, Value> = gives
        .forms
        .iter()
        .map(|form| match form {
            Form::Json(shape) => ("application/json".to_owned(), json!({"schema": shape(written)})),
            Form::AnyJson => ("application/json".to_owned(), json!({"schema": {"type": "object"}})),
            Form::Media(kind) => ((*kind).to_owned(), json!({"schema": {"type": "string"}})),
        })
        .collect();
    let mut response = json!({"description": gives.when, "headers": headers(gives.status)});
    if let Some(members) = response.as_object_mut().filter(|_| !content.is_empty()) {
        members.insert("content".to_owned(), content.into());
    }
    response
}

/// Headers that a client acts on.
fn headers(status: u16) -> Value {
    let text =
        |said: &str| json!({"description": said, "required": true, "schema": {"type": "string"}});
    let mut headers = Map::new();
    let id = json!({"description": "Names this request: a UUID that stands in the log too, or what an AuthZEN caller called it.", "required": true, "schema": {"type": "string"}});
    headers.insert("x-request-id".to_owned(), id);
    match status {
        303 => headers.insert("location".to_owned(), text("Where to go on.")),
        401 => headers.insert("www-authenticate".to_owned(), text("How to authenticate.")),
        429 => headers.insert("retry-after".to_owned(), text("Seconds until it may work.")),
        _ => None,
    };
    headers.into()
}

/// Whether this operation can fail so.
fn fails(route: &Route, offer: &Offer, status: u16) -> bool {
    let operator = route.surface == Surface::Operator;
    let has_body = !matches!(offer.takes, Takes::Nothing);
    let implied = match status {
        400 => route.is_for_programs() || !offer.query.is_empty() || has_body,
        401 => match route.caller {
            Caller::Probe | Caller::Anyone => false,
            Caller::Signature | Caller::Asker | Caller::Person | Caller::Operator => true,
        },
        403 => route.caller == Caller::Operator,
        404 => route.pattern.contains('{'),
        408 | 413 | 415 => has_body,
        421 => operator && route.caller != Caller::Probe,
        429 => route.rate == RateClass::Counted,
        _ => false,
    };
    implied || offer.refuses.contains(&status)
}
