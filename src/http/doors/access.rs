//! Questions to the graph, as it is now or as it was.

use http::StatusCode;
use serde::Serialize;

use crate::gateway::access;
use crate::gateway::access::Unanswered;
use crate::graph::LookupError;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::history;
use crate::http::doors::offer;
use crate::http::doors::offer::Form;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::Parameter;
use crate::http::doors::offer::Text;
use crate::http::doors::query::Pairs;
use crate::http::problem::Problem;

pub(super) const ACTION: Parameter =
    Parameter::must("action", Text::Word(LEVELS), "The least level that is asked about.");
pub(super) const IDENTITY: Parameter =
    Parameter::must("identity", Text::Any, "An id, or `kind:name` such as `user:mia`.");
pub(super) const RESOURCE: Parameter = Parameter::must(
    "resource",
    Text::Any,
    "An id, or `kind:name` such as `repository:acme/billing`.",
);

/// Levels that somebody can be asked to hold.
const LEVELS: &[&str] = &["read", "write", "create", "admin", "owner"];

const REFUSES: &[u16] = &[404, 409, 503];

/// What `who-can` takes and gives.
pub(super) const WHO_CAN: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "Everyone who holds the level.",
    forms: &[Form::Json(offer::of::<access::WhoCan>())],
}])
.asked(&[ACTION, RESOURCE, history::AT, history::VIEW])
.refusing(REFUSES);

/// What `can` takes and gives.
pub(super) const CAN: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "Whether it can, and how; `can` is null where that cannot be told.",
    forms: &[Form::Json(offer::of::<access::Can>())],
}])
.asked(&[IDENTITY, ACTION, RESOURCE, history::AT, history::VIEW])
.refusing(REFUSES);

/// What `paths` takes and gives.
pub(super) const PATHS: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "Every path, strongest first.",
    forms: &[Form::Json(offer::of::<access::Ways>())],
}])
.asked(&[IDENTITY, RESOURCE, history::AT, history::VIEW])
.refusing(REFUSES);

/// Who can do something to a resource.
pub(super) async fn who_can(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = pairs(call);
    let (action, resource) = (pairs.need("action")?, pairs.need("resource")?);
    let graph = history::graph(house, &pairs).await?;
    told(house, &pairs, access::who_can(&graph, action, resource)).await
}

/// Whether an identity can.
pub(super) async fn can(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = pairs(call);
    let (identity, action) = (pairs.need("identity")?, pairs.need("action")?);
    let resource = pairs.need("resource")?;
    let graph = history::graph(house, &pairs).await?;
    told(house, &pairs, access::can(&graph, identity, action, resource)).await
}

/// By which paths it can.
pub(super) async fn paths(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = pairs(call);
    let (identity, resource) = (pairs.need("identity")?, pairs.need("resource")?);
    let graph = history::graph(house, &pairs).await?;
    told(house, &pairs, access::paths(&graph, identity, resource)).await
}

/// What stands behind the `?`.
pub(super) fn pairs(call: &Call) -> Pairs {
    Pairs::read(call.head.uri.query().unwrap_or_default().as_bytes())
}

async fn told(
    house: &House,
    pairs: &Pairs,
    answered: Result<impl Serialize, Unanswered>,
) -> Result<Answer, Problem> {
    match answered {
        Ok(answer) => call::json(StatusCode::OK, &answer),
        Err(Unanswered::Lookup(lookup)) => {
            Err(history::explained(house, pairs, Problem::from(lookup)).await)
        }
        Err(error @ Unanswered::Level(_)) => {
            Err(Problem::new(StatusCode::BAD_REQUEST, error.to_string()))
        }
    }
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
