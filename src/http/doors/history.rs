//! Questions about the past: the graph as it was, what access came and went, since when something was possible.

use std::sync::Arc;

use http::StatusCode;

use crate::gateway::history::NoPast;
use crate::gateway::history::View;
use crate::gateway::history::first::NoSince;
use crate::gateway::history::first::Since;
use crate::gateway::history::instant;
use crate::gateway::history::shifts::Diff;
use crate::gateway::history::shifts::NoDiff;
use crate::graph::Snapshot;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::access;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::offer;
use crate::http::doors::offer::Form;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::Parameter;
use crate::http::doors::offer::Text;
use crate::http::doors::query::Pairs;
use crate::http::problem::Problem;

/// Which graph is asked.
pub(super) const AT: Parameter = Parameter::may(
    "at",
    Text::Any,
    "The graph as it was then: RFC 3339, or a day or minute of UTC. Left out: as it is.",
);

/// Which of the two pasts.
pub(super) const VIEW: Parameter = Parameter::may(
    "view",
    Text::Word(View::TEXTS),
    "With `at`: what was `true` then, as far as it was read (the default), or what was `believed` then.",
);

const FROM: Parameter = Parameter::must("from", Text::Any, "The earlier time, as `at` is written.");
const TO: Parameter = Parameter::may("to", Text::Any, "The later time; left out: now.");
const RESOURCE: Parameter = Parameter::may(
    "resource",
    Text::Any,
    "Only this one: an id, or `kind:name`. Left out: every repository.",
);

const LEVEL: Parameter = Parameter::must(
    "action",
    Text::Word(&["read", "write", "create", "admin", "owner"]),
    "The least level that is asked about.",
);

/// What `access/diff` takes and gives.
pub(super) const DIFF: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "Every change of level between the two times, with what did it.",
    forms: &[Form::Json(offer::of::<Diff>())],
}])
.asked(&[FROM, TO, RESOURCE])
.refusing(&[404, 409, 503]);

/// What `access/since` takes and gives.
pub(super) const SINCE: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "Every period of one answer, and the first in which it was possible.",
    forms: &[Form::Json(offer::of::<Since>())],
}])
.asked(&[access::IDENTITY, LEVEL, access::RESOURCE])
.refusing(&[404, 409, 503]);

/// The graph that a question is about: as it was at `at`, or as it is.
pub(super) async fn graph(house: &House, pairs: &Pairs) -> Result<Arc<Snapshot>, Problem> {
    let view = pairs.parsed("view", "true or believed", View::from_text)?.unwrap_or(View::True);
    Ok(house.gateway.graph_for(pairs.get("at"), view).await?)
}

/// The same problem, with the connections of which nothing was known at `at`: what was not found may be theirs.
pub(super) async fn explained(house: &House, pairs: &Pairs, problem: Problem) -> Problem {
    let at = pairs.get("at").and_then(|at| instant(at).ok());
    let Some(at) = at.filter(|_| problem.status == StatusCode::NOT_FOUND) else { return problem };
    let unknown = house.gateway.unknown_at(at).await.unwrap_or_default();
    let since = unknown.iter().map(|(connection, since)| match since {
        Some(since) => format!("`{connection}` is known since {since}"),
        None => format!("`{connection}` was never discovered"),
    });
    let since: Vec<String> = since.collect();
    if since.is_empty() {
        return Problem::new(problem.status, format!("{} at {at}", problem.detail));
    }
    Problem::new(problem.status, format!("{} at {at}: {}", problem.detail, since.join(", ")))
}

/// What access came and went between two times.
pub(super) async fn diff(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = access::pairs(call);
    let from = instant(pairs.need("from")?)?;
    let to = match pairs.get("to") {
        Some(to) => instant(to)?,
        None => house.gateway.clock.now(),
    };
    let diff = house.gateway.access_diff((from, to), pairs.get("resource")).await?;
    call::json(StatusCode::OK, &diff)
}

/// Since when an identity could do something.
pub(super) async fn since(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = access::pairs(call);
    let (identity, action) = (pairs.need("identity")?, pairs.need("action")?);
    let since = house.gateway.access_since(identity, action, pairs.need("resource")?).await?;
    call::json(StatusCode::OK, &since)
}

impl From<NoPast> for Problem {
    fn from(error: NoPast) -> Self {
        match error {
            NoPast::Form(_) | NoPast::Future(_) => {
                Self::new(StatusCode::BAD_REQUEST, error.to_string())
            }
            NoPast::Before { .. } | NoPast::Nothing => {
                Self::new(StatusCode::NOT_FOUND, error.to_string())
            }
            NoPast::Store(error) => Self::from(error),
            NoPast::Build(_) | NoPast::Ending => {
                tracing::error!(%error, "a graph of the past cannot be had");
                Self::internal()
            }
        }
    }
}

impl From<NoDiff> for Problem {
    fn from(error: NoDiff) -> Self {
        match error {
            NoDiff::Past(past) => Self::from(past),
            NoDiff::Order { .. } => Self::new(StatusCode::BAD_REQUEST, error.to_string()),
            NoDiff::Lookup(lookup) => Self::from(lookup),
        }
    }
}

impl From<NoSince> for Problem {
    fn from(error: NoSince) -> Self {
        match error {
            NoSince::Question(question) => Self::from(question),
            NoSince::Level(_) => Self::new(StatusCode::BAD_REQUEST, error.to_string()),
            NoSince::Past(past) => Self::from(past),
        }
    }
}
