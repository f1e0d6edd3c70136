//! The one place where a failure becomes HTTP: problem details as in RFC 9457.
//!
//! A problem is the outside of a failure. It says what the client did or should do, never what broke inside; that is
//! logged, once, by whoever made it. A verdict is never a problem: a Block is answered 200.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use http::HeaderName;
use http::HeaderValue;
use http::StatusCode;
use http::header;
use schemars::JsonSchema;
use schemars::Schema;
use schemars::SchemaGenerator;
use serde::Serialize;
use uuid::Uuid;

use crate::http::answer;
use crate::http::answer::Answer;
use crate::http::body;
use crate::http::operator;
use crate::http::rate;
use crate::http::route;

/// Names one request in answers and logs (`x-request-id`). Random, made here: a client's own id is never believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestId(Uuid);

impl RequestId {
    /// A new id.
    pub fn new() -> Self {
        Self(Uuid::new_v4())
    }
}

impl Default for RequestId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// A failure as the client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status, 4xx or 5xx.
    pub status: StatusCode,
    /// A URI that names the kind of problem; `about:blank` when the status says it all.
    pub kind: &'static str,
    /// The kind in a few words, the same each time.
    pub title: &'static str,
    /// What happened this time, for the person who reads it.
    pub detail: Cow<'static, str>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Problem details, as RFC 9457 names its members.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
struct Wire<'a> {
    /// The kind of problem; `about:blank` when the status says it all.
    r#type: &'a str,
    /// The kind in a few words.
    title: &'a str,
    /// The HTTP status.
    #[schemars(range(min = 400, max = 599))]
    status: u16,
    /// What happened this time, for people.
    detail: &'a str,
    /// Names this request in the log: the answer's `x-request-id`, unless an AuthZEN caller named it otherwise.
    #[schemars(with = "Uuid")]
    request_id: String,
}

/// The shape of [`Problem::into_answer`].
pub(in crate::http) fn shape(written: &mut SchemaGenerator) -> Schema {
    written.subschema_for::<Wire<'static>>()
}

impl Problem {
    /// A problem that needs no kind of its own.
    pub fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        let title = status.canonical_reason().unwrap_or("Problem");
        Self { status, kind: "about:blank", title, detail: detail.into(), headers: Vec::new() }
    }

    /// 404, the same for what does not exist and what may not be seen.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is nothing here, or nothing that you may see")
    }

    /// 503 with `Retry-After`: we cannot now, the same request may succeed later.
    pub fn unavailable(detail: impl Into<Cow<'static, str>>, retry: Duration) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(retry)
    }

    /// 500: our fault, said without saying what.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the gateway failed on this request; its log says why",
        )
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Closes the connection behind the answer: what follows on it cannot be trusted or is not wanted.
    #[must_use]
    pub fn closing(self) -> Self {
        self.with(header::CONNECTION, HeaderValue::from_static("close"))
    }

    /// Says when to try again, in whole seconds, at least one.
    #[must_use]
    pub fn retry_after(self, after: Duration) -> Self {
        let seconds = after.as_secs().saturating_add(u64::from(after.subsec_nanos() > 0)).max(1);
        self.with(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The answer, `application/problem+json`.
    pub fn into_answer(self, id: RequestId) -> Answer {
        let wire = Wire {
            r#type: self.kind,
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            request_id: id.to_string(),
        };
        let body = serde_json::to_vec(&wire).unwrap_or_default();
        let mut answer = answer::bytes(self.status, "application/problem+json", body);
        answer.headers_mut().extend(self.headers);
        answer
    }

    /// The answer as this page, with the problem's status and headers.
    pub fn into_page(self, html: String) -> Answer {
        let mut answer = answer::page(self.status, html);
        answer.headers_mut().extend(self.headers);
        answer
    }

    /// Names the kind of problem, for programs that act on it.
    #[must_use]
    pub fn of_kind(self, kind: &'static str, title: &'static str) -> Self {
        Self { kind, title, ..self }
    }
}

impl From<body::Refused> for Problem {
    fn from(refused: body::Refused) -> Self {
        let detail = refused.to_string();
        match refused {
            body::Refused::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, detail).closing()
            }
            body::Refused::Late { .. } => Self::new(StatusCode::REQUEST_TIMEOUT, detail).closing(),
            body::Refused::Broken => Self::new(StatusCode::BAD_REQUEST, detail).closing(),
            body::Refused::Encoded { .. } => Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
                .with(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"))
                .closing(),
        }
    }
}

impl From<route::Missed> for Problem {
    fn from(missed: route::Missed) -> Self {
        match missed {
            route::Missed::NoSuchPath => Self::not_found(),
            route::Missed::WrongMethod { allow } => {
                let problem =
                    Self::new(StatusCode::METHOD_NOT_ALLOWED, format!("this path answers {allow}"));
                HeaderValue::try_from(allow)
                    .map_or(problem.clone(), |allow| problem.with(header::ALLOW, allow))
            }
        }
    }
}

impl From<rate::TooMany> for Problem {
    fn from(too_many: rate::TooMany) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, too_many.to_string()).retry_after(too_many.wait)
    }
}

impl From<operator::Refused> for Problem {
    fn from(refused: operator::Refused) -> Self {
        let detail = refused.to_string();
        match refused {
            operator::Refused::UnknownHost => Self::new(StatusCode::MISDIRECTED_REQUEST, detail),
            operator::Refused::NoCredential | operator::Refused::BadCredential => Self::new(
                StatusCode::UNAUTHORIZED,
                detail,
            )
            .with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"operator\"")),
            operator::Refused::NotLoopback
            | operator::Refused::CrossSite
            | operator::Refused::NoFormToken
            | operator::Refused::SpentLink => Self::new(StatusCode::FORBIDDEN, detail),
        }
    }
}
