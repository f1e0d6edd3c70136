//! One request on its way to a door, and the shapes in which a failure goes back.

use bytes::Bytes;
use http::HeaderMap;
use http::StatusCode;
use http::header;
use http::request::Parts;
use hyper::body::Incoming;
use serde::Serialize;
use uuid::Uuid;

use crate::decision::Brake;
use crate::gateway::telling::StoreError;
use crate::http::answer;
use crate::http::answer::Answer;
use crate::http::body;
use crate::http::body::Allowance;
use crate::http::console::problem;
use crate::http::doors::House;
use crate::http::listener::Visit;
use crate::http::operator::Asker;
use crate::http::problem::Problem;
use crate::http::problem::RequestId;
use crate::http::route::Door;
use crate::http::route::Route;

/// When a client should try again after the store could not answer.
pub(super) const TRY_AGAIN: std::time::Duration = std::time::Duration::from_secs(5);

/// A request that has been matched.
pub(super) struct Call {
    /// Its line of the table.
    pub route: &'static Route,
    /// What stands in its path where the pattern has a parameter.
    pub parameter: String,
    /// Method, path, query, headers.
    pub head: Parts,
    /// The body, not read yet.
    pub body: Incoming,
    /// Where it came from.
    pub visit: Visit,
    /// Who asks, on the operator surface.
    pub asker: Asker,
}

impl Call {
    /// The id in the path; whatever is no id is as unknown as one that was never given out.
    pub fn id(&self) -> Result<Uuid, Problem> {
        self.parameter.parse().map_err(|_| Problem::not_found())
    }

    /// The whole body, within what the table allows.
    pub async fn read(self, house: &House) -> Result<Bytes, Problem> {
        let allowance = Allowance { bytes: self.route.body.bytes(), within: house.limits.body };
        Ok(body::read(&self.head.headers, self.body, allowance).await?)
    }

    /// Whether the client asks for JSON rather than a page.
    pub fn wants_json(&self) -> bool {
        accepts(&self.head.headers, "application/json") && !accepts(&self.head.headers, "text/html")
    }

    /// A form that a page of ours sent, rather than a program.
    pub fn is_form(&self) -> bool {
        essence(&self.head.headers).is_some_and(|kind| kind == "application/x-www-form-urlencoded")
    }
}

/// How a failure is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Problem details.
    Details,
    /// A page.
    Page,
}

impl Form {
    /// Browsers ask for HTML; the notices are pages for whoever does not ask for anything else.
    pub fn of(route: Option<&Route>, headers: &HeaderMap) -> Self {
        let is_notice = route
            .is_some_and(|route| matches!(route.door, Door::DecisionNotice | Door::TicketNotice));
        let page =
            accepts(headers, "text/html") || (is_notice && !accepts(headers, "application/json"));
        if page { Self::Page } else { Self::Details }
    }

    /// The answer. A 404 is the same page whatever was asked for.
    pub fn tell(self, problem: Problem, id: RequestId, brake: Brake) -> Answer {
        match self {
            Self::Details => problem.into_answer(id),
            Self::Page if problem.status == StatusCode::NOT_FOUND => {
                problem.into_page(problem::nothing_here(brake))
            }
            Self::Page => {
                let page = problem::page(&problem, brake);
                problem.into_page(page)
            }
        }
    }
}

/// Whether a media type is named in Accept. Ranges and weights are not weighed: nobody here offers more than two.
fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    let lines = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let mut kinds = lines
        .flat_map(|line| line.split(','))
        .map(|part| part.split(';').next().unwrap_or_default().trim());
    kinds.any(|named| named.eq_ignore_ascii_case(kind))
}

/// The media type of the body, without parameters, in lower case.
pub(super) fn essence(headers: &HeaderMap) -> Option<String> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// A JSON answer; what serde refuses is our mistake.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Result<Answer, Problem> {
    answer::json(status, body).map_err(|error| {
        tracing::error!(%error, "an answer could not be written");
        Problem::internal()
    })
}

/// The records cannot be reached: said outside without the inside, and logged.
pub(super) fn unreachable(error: &StoreError) -> Problem {
    tracing::error!(%error, "the store did not answer");
    Problem::unavailable("the gateway cannot reach its records at the moment", TRY_AGAIN)
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        unreachable(&error)
    }
}
