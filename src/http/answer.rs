//! What goes back: the few shapes of an answer, each with the headers that keep a browser from helping an attacker.
//!
//! It is deliberately free of words: texts belong to the doors, failures to [`problem`](crate::http::problem).

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Response;
use http::StatusCode;
use http::header;
use http_body_util::Full;
use serde::Serialize;

use crate::http::live::Body;
use crate::http::live::Pieces;

/// An answer. Nearly all are whole in memory, so that a slow client holds bytes and never a door.
pub type Answer = Response<Body>;

/// What a page may load and who may frame it: its own style sheet and images, forms to itself, nobody.
pub const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";

/// The same for the console: also its own script, which may ask its own origin for news, and makes no markup.
pub const CONSOLE_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'";

/// On every answer: nothing is sniffed, told to another site, or kept by a cache.
const EVERYWHERE: [(HeaderName, HeaderValue); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// Any bytes under any type, with the headers that every answer carries.
pub fn bytes(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    of(status, kind, Body::Whole(Full::new(body.into())))
}

/// Server-sent events, as long as both sides wish.
pub fn events(pieces: Pieces) -> Answer {
    of(StatusCode::OK, "text/event-stream", Body::live(pieces))
}

fn of(status: StatusCode, kind: &'static str, body: Body) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().extend(EVERYWHERE);
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

/// Plain text in UTF-8.
pub fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    bytes(status, "text/plain; charset=utf-8", body)
}

/// A JSON document. Errors: only what serde itself refuses (a map with keys that are no strings).
pub fn json(status: StatusCode, body: &impl Serialize) -> Result<Answer, serde_json::Error> {
    Ok(bytes(status, "application/json", serde_json::to_vec(body)?))
}

/// A page for people, under [`PAGE_POLICY`].
pub fn page(status: StatusCode, html: impl Into<Bytes>) -> Answer {
    under(PAGE_POLICY, status, html)
}

/// A page of the console, under [`CONSOLE_POLICY`].
pub fn console(status: StatusCode, html: impl Into<Bytes>) -> Answer {
    under(CONSOLE_POLICY, status, html)
}

fn under(policy: &'static str, status: StatusCode, html: impl Into<Bytes>) -> Answer {
    let mut answer = bytes(status, "text/html; charset=utf-8", html);
    answer.headers_mut().extend(page_headers(policy));
    answer
}

/// Sends a browser on with GET (303). `to` is a path of ours, never something a client sent; one that no header can
/// hold becomes `/`.
pub fn see_other(to: &str) -> Answer {
    let mut answer = text(StatusCode::SEE_OTHER, "");
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    answer.headers_mut().insert(header::LOCATION, to);
    answer
}

fn page_headers(policy: &'static str) -> HeaderMap {
    HeaderMap::from_iter([
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy)),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            HeaderValue::from_static("same-origin"),
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("same-origin"),
        ),
    ])
}
