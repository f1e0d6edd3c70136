//! Questions to the graph, as it is now.

use http::StatusCode;
use serde_json::Value;

use crate::gateway::access;
use crate::gateway::access::Unanswered;
use crate::graph::LookupError;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::query::Pairs;
use crate::http::problem::Problem;

/// Who can do something to a resource.
pub(super) fn who_can(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = pairs(call);
    let (action, resource) = (pairs.need("action")?, pairs.need("resource")?);
    told(access::who_can(&house.gateway.graph.load(), action, resource))
}

/// Whether an identity can.
pub(super) fn can(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = pairs(call);
    let (identity, action) = (pairs.need("identity")?, pairs.need("action")?);
    told(access::can(&house.gateway.graph.load(), identity, action, pairs.need("resource")?))
}

/// By which paths it can.
pub(super) fn paths(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = pairs(call);
    let (identity, resource) = (pairs.need("identity")?, pairs.need("resource")?);
    told(access::paths(&house.gateway.graph.load(), identity, resource))
}

fn pairs(call: &Call) -> Pairs {
    Pairs::read(call.head.uri.query().unwrap_or_default().as_bytes())
}

fn told(answered: Result<Value, Unanswered>) -> Result<Answer, Problem> {
    let answer = answered.map_err(|error| match error {
        Unanswered::Lookup(lookup) => Problem::from(lookup),
        Unanswered::Level(_) => Problem::new(StatusCode::BAD_REQUEST, error.to_string()),
    })?;
    call::json(StatusCode::OK, &answer)
}

impl From<LookupError> for Problem {
    fn from(error: LookupError) -> Self {
        let status = match error {
            LookupError::Unknown(_) => StatusCode::NOT_FOUND,
            LookupError::Ambiguous { .. } => StatusCode::CONFLICT,
        };
        Self::new(status, error.to_string())
    }
}
