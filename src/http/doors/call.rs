//! One request on its way to a door, and the shapes in which a failure goes back.

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderName;
use http::StatusCode;
use http::header;
use http::request::Parts;
use hyper::body::Incoming;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::decision::Brake;
use crate::gateway::telling::StoreError;
use crate::http::answer;
use crate::http::answer::Answer;
use crate::http::body;
use crate::http::body::Allowance;
use crate::http::console::problem;
use crate::http::doors::House;
use crate::http::doors::query;
use crate::http::doors::query::Pairs;
use crate::http::listener::Visit;
use crate::http::operator::Asker;
use crate::http::operator::Refused;
use crate::http::problem::Problem;
use crate::http::problem::RequestId;
use crate::http::route::Door;
use crate::http::route::Route;
use crate::http::route::Verb;
use crate::http::session::FormToken;

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
    /// The body.
    pub body: Body,
    /// Where it came from.
    pub visit: Visit,
    /// Who asks, on the operator surface.
    pub asker: Asker,
}

/// A request's body.
pub(super) enum Body {
    /// Not read yet.
    Coming(Incoming),
    /// Read, to see whether the form is one of ours.
    Read(Bytes),
}

impl Body {
    /// All of it, within what is allowed.
    pub async fn whole(
        self,
        headers: &HeaderMap,
        allowance: Allowance,
    ) -> Result<Bytes, body::Refused> {
        match self {
            Self::Read(bytes) => Ok(bytes),
            Self::Coming(coming) => body::read(headers, coming, allowance).await,
        }
    }
}

/// For what changes something in a session and is no form.
const FORM_TOKEN: HeaderName = HeaderName::from_static("x-portcullis-form");

impl Call {
    /// A change in a session carries the session's form token: a form in its field, anything else in a header, which no
    /// page of another site can set. Whoever comes with a token of their own needs none.
    pub async fn proven(self, house: &House) -> Result<Self, Problem> {
        if self.asker != Asker::Session || self.route.method == Verb::Get {
            return Ok(self);
        }
        let token = house.doorkeeper.form_token(&self.head.headers);
        if !self.is_form() {
            let brought = self.head.headers.get(&FORM_TOKEN).and_then(|text| text.to_str().ok());
            let fits = brought.is_some_and(|brought| token.fits(brought));
            return if fits { Ok(self) } else { Err(Refused::NoFormToken.into()) };
        }
        let allowance = self.allowance(house);
        let bytes = self.body.whole(&self.head.headers, allowance).await?;
        let pairs = Pairs::read(&bytes);
        let fits = pairs.get(FormToken::FIELD).is_some_and(|brought| token.fits(brought));
        let body = Body::Read(bytes);
        if fits { Ok(Self { body, ..self }) } else { Err(Refused::NoFormToken.into()) }
    }

    /// The id in the path; whatever is no id is as unknown as one that was never given out.
    pub fn id(&self) -> Result<Uuid, Problem> {
        self.parameter.parse().map_err(|_| Problem::not_found())
    }

    /// The whole body, within what the table allows.
    pub async fn read(self, house: &House) -> Result<Bytes, Problem> {
        let allowance = self.allowance(house);
        Ok(self.body.whole(&self.head.headers, allowance).await?)
    }

    /// What the table allows.
    fn allowance(&self, house: &House) -> Allowance {
        Allowance { bytes: self.route.body.bytes(), within: house.limits.body }
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

/// Reads a body that is one JSON object; `what` names it in the refusal.
pub(super) fn object<T: DeserializeOwned>(what: &str, body: &[u8]) -> Result<T, Problem> {
    read(what, body, serde_json::Error::to_string)
}

/// The same where no body at all says nothing in particular.
pub(super) fn object_or_nothing<T>(what: &str, body: &[u8]) -> Result<T, Problem>
where
    T: Default + DeserializeOwned,
{
    if body.is_empty() { Ok(T::default()) } else { object(what, body) }
}

/// The same of a body that may hold secrets: the refusal says where it is wrong, never what stood there. What the parser
/// says of names of ours is safe, and helps.
pub(super) fn secretive_object<T: DeserializeOwned>(what: &str, body: &[u8]) -> Result<T, Problem> {
    read(what, body, |error| {
        let said = error.to_string();
        let about_names = ["unknown field", "missing field", "duplicate field"];
        if about_names.iter().any(|head| said.starts_with(head)) {
            return said;
        }
        format!("line {}, column {} is not what is expected", error.line(), error.column())
    })
}

/// serde alone would take a list for an object, member by member in the order they were declared.
fn read<T: DeserializeOwned>(
    what: &str,
    body: &[u8],
    tell: impl Fn(&serde_json::Error) -> String,
) -> Result<T, Problem> {
    let why = if body.trim_ascii_start().first() == Some(&b'{') {
        match serde_json::from_slice(body) {
            Ok(read) => return Ok(read),
            Err(error) => tell(&error),
        }
    } else {
        "it must be one JSON object".to_owned()
    };
    Err(query::wrong(format!("{what} cannot be read: {why}")))
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
