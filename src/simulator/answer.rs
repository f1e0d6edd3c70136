//! What a REST file answers with: status, headers, body; errors and pages in each product's shape.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use crate::simulator::delivery::Outgoing;

/// A request as the REST files see it.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path as sent, without the query.
    pub(crate) path: String,
    /// Decoded path segments.
    pub(crate) segments: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    /// Query as sent.
    pub(crate) raw_query: String,
    pub(crate) authorization: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The first value of a query parameter.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as a JSON object.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok().filter(Value::is_object)
    }
}

/// Where and when an answer is written: links and dates need it.
#[derive(Debug, Clone)]
pub(crate) struct Here {
    /// `http://127.0.0.1:PORT`.
    pub(crate) base: String,
    pub(crate) now: Timestamp,
}

/// An answer, with what it set in motion.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
    pub(crate) outgoing: Vec<Outgoing>,
}

/// An answer either way: `Err` is a refusal, so that `?` ends a handler.
pub(crate) type Reply = Result<Answer, Answer>;

impl Answer {
    pub(crate) fn json(status: u16, value: &Value) -> Answer {
        let body = value.to_string().into_bytes();
        Answer {
            status,
            content_type: "application/json; charset=utf-8",
            body,
            ..Answer::default()
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "a handler ends with it")]
    pub(crate) fn ok(value: &Value) -> Reply {
        Ok(Answer::json(200, value))
    }

    pub(crate) fn empty(status: u16) -> Answer {
        Answer { status, content_type: "application/json", ..Answer::default() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: String) -> Answer {
        self.headers.push((name, value));
        self
    }
}

/// Cloud's error body.
pub(crate) fn cloud_error(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({"type": "error", "error": {"message": message}}))
}

/// Cloud's error body for one wrong field.
pub(crate) fn cloud_field_error(field: &str, message: &str) -> Answer {
    let error = json!({"message": "Bad request", "fields": {field: [message]}});
    Answer::json(400, &json!({"type": "error", "error": error}))
}

/// Cloud's 404.
pub(crate) fn cloud_missing() -> Answer {
    cloud_error(404, "Resource not found")
}

/// Data Center's error body.
pub(crate) fn dc_error(
    status: u16,
    context: Option<&str>,
    message: &str,
    exception: &str,
) -> Answer {
    let error = json!({
        "context": context, "message": message,
        "exceptionName": format!("com.atlassian.bitbucket.{exception}"),
    });
    Answer::json(status, &json!({ "errors": [error] }))
}

/// How Cloud pages one list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paging {
    /// `pagelen` where none is asked for.
    pub(crate) usual: usize,
    /// Largest `pagelen`; more is refused.
    pub(crate) most: usize,
    /// Whether `size` and `page` are told.
    pub(crate) counted: bool,
}

impl Paging {
    /// Most lists.
    pub(crate) const COUNTED: Paging = Paging { usual: 10, most: 100, counted: true };
    /// Lists that tell neither size nor page.
    pub(crate) const UNCOUNTED: Paging = Paging { usual: 10, most: 100, counted: false };
    /// Pull requests.
    pub(crate) const PULLS: Paging = Paging { usual: 10, most: 50, counted: true };
    /// What happened to a pull request.
    pub(crate) const ACTIVITY: Paging = Paging { usual: 10, most: 50, counted: false };
    /// Pull requests of a commit.
    pub(crate) const OF_COMMIT: Paging = Paging { usual: 30, most: 50, counted: true };
}

/// One page of a Cloud list, with `next` with an opaque cursor.
pub(crate) fn cloud_page(
    request: &Request,
    here: &Here,
    values: Vec<Value>,
    paging: Paging,
) -> Reply {
    let pagelen = match request.param("pagelen") {
        None => paging.usual,
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|&length| (1..=paging.most).contains(&length))
            .ok_or_else(|| cloud_error(400, "Invalid pagelen"))?,
    };
    let from = cloud_start(request, pagelen)?;
    let size = values.len();
    let shown: Vec<Value> = values.into_iter().skip(from).take(pagelen).collect();
    let mut page = json!({"pagelen": pagelen, "values": shown});
    let add = |page: &mut Value, name: &str, value: Value| {
        if let Some(object) = page.as_object_mut() {
            object.insert(name.to_owned(), value);
        }
    };
    if paging.counted {
        add(&mut page, "size", json!(size));
        add(&mut page, "page", json!(from / pagelen + 1));
    }
    if from + pagelen < size {
        add(&mut page, "next", json!(next_link(request, here, from + pagelen)));
    }
    Answer::ok(&page)
}

fn cloud_start(request: &Request, pagelen: usize) -> Result<usize, Answer> {
    let invalid = || cloud_error(400, "Invalid page");
    match (request.param("ctx"), request.param("page")) {
        (Some(cursor), _) => read_cursor(request, cursor).ok_or_else(invalid),
        (None, Some(page)) => {
            let page: usize = page.parse().ok().filter(|&page| page > 0).ok_or_else(invalid)?;
            Ok((page - 1).saturating_mul(pagelen))
        }
        (None, None) => Ok(0),
    }
}

/// The cursor holds place and path, so that one made for another list is refused.
fn next_link(request: &Request, here: &Here, from: usize) -> String {
    let cursor = URL_SAFE_NO_PAD.encode(format!("{from} {}", request.path));
    let kept = request
        .raw_query
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("ctx=") && !pair.starts_with("page="));
    let mut query: Vec<&str> = kept.collect();
    let ctx = format!("ctx={cursor}");
    query.push(&ctx);
    format!("{}{}?{}", here.base, request.path, query.join("&"))
}

fn read_cursor(request: &Request, cursor: &str) -> Option<usize> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (from, path) = text.split_once(' ')?;
    (path == request.path).then(|| from.parse().ok())?
}

/// Largest `limit` Data Center honours; more is cut down silently.
const DC_MOST: usize = 1000;

/// One page of a Data Center list. `rows` are all rows, `None` those this caller may not see: they are passed over
/// while the page is filled, for at most twice `limit` rows, so that a page can be short and `nextPageStart` is
/// not `start + limit`.
pub(crate) fn dc_page(request: &Request, rows: Vec<Option<Value>>) -> Reply {
    let number = |name: &str, default: usize| match request.param(name) {
        None => Ok(default),
        Some(text) => text.parse::<usize>().map_err(|_| {
            dc_error(
                400,
                Some(name),
                &format!("{name} must be a number"),
                "ArgumentValidationException",
            )
        }),
    };
    let start = number("start", 0)?;
    let limit = number("limit", 25)?.clamp(1, DC_MOST);
    let total = rows.len();
    let mut shown = Vec::new();
    let mut next = start;
    for row in rows.into_iter().skip(start).take(limit * 2) {
        if shown.len() == limit {
            break;
        }
        next += 1;
        shown.extend(row);
    }
    let last = next >= total;
    let following = if last { Value::Null } else { json!(next) };
    Answer::ok(&json!({
        "size": shown.len(), "limit": limit, "start": start, "isLastPage": last,
        "nextPageStart": following, "values": shown,
    }))
}
