//! Evidence: brought, listed, shown with what follows from it, withdrawn.

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::gateway::evidence::EvidenceError;
use crate::gateway::evidence::EvidenceWish;
use crate::gateway::evidence::Line;
use crate::gateway::evidence::Said;
use crate::gateway::evidence::Understood;
use crate::gateway::telling::StoreError;
use crate::graph::ConnectionId;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::connections::Why;
use crate::http::doors::offer;
use crate::http::doors::offer::Form;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::Parameter;
use crate::http::doors::offer::Takes;
use crate::http::doors::offer::Text;
use crate::http::doors::query;
use crate::http::doors::query::Pairs;
use crate::http::problem::Problem;

/// Every piece.
#[derive(Debug, Serialize, JsonSchema)]
struct Pieces {
    /// Newest first.
    evidence: Vec<Line>,
}

/// What bringing one takes and gives.
pub(super) const BRING: Offer = Offer::giving(&[
    Gives {
        status: 201,
        when: "It is kept: what was understood of it.",
        forms: &[Form::Json(offer::of::<Understood>())],
    },
    Gives {
        status: 200,
        when: "A preview: what would be understood; nothing is kept.",
        forms: &[Form::Json(offer::of::<Understood>())],
    },
])
.taking(Takes::Json(offer::of::<EvidenceWish>()))
.refusing(&[409, 503]);

/// What the list gives.
pub(super) const LIST: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "Every piece, also those that have ended or were withdrawn.",
    forms: &[Form::Json(offer::of::<Pieces>())],
}])
.asked(&[Parameter::may("connection", Text::Connection, "Only of this connection.")])
.refusing(&[]);

/// What one piece gives.
pub(super) const ONE: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "The piece, and what follows from it now for the people or repositories of the graph.",
    forms: &[Form::Json(offer::of::<Said>())],
}])
.refusing(&[404]);

/// What withdrawing takes and gives.
pub(super) const WITHDRAW: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "It is withdrawn: what it said is forgotten.",
    forms: &[Form::Json(offer::of::<Line>())],
}])
.taking(Takes::JsonOrNothing(offer::of::<Why>()))
.refusing(&[404, 503]);

/// Brings one, or only tells what would be understood.
pub(super) async fn bring(house: &House, call: Call) -> Result<Answer, Problem> {
    let by = house.doorkeeper.by(call.asker);
    let body = call.read(house).await?;
    let wish: EvidenceWish = call::object("the evidence", &body)?;
    // The body is megabytes and is not needed twice.
    drop(body);
    let understood = house.gateway.bring_evidence(&wish, &by).await.map_err(refused)?;
    let status = if understood.preview { StatusCode::OK } else { StatusCode::CREATED };
    call::json(status, &understood)
}

/// Every piece.
pub(super) fn list(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = Pairs::read(call.head.uri.query().unwrap_or_default().as_bytes());
    let wrong = "the id of a connection";
    let wanted = pairs.parsed("connection", wrong, |text| text.parse::<ConnectionId>().ok())?;
    let fits = |id: &ConnectionId| wanted.as_ref().is_none_or(|wanted| wanted == id);
    call::json(StatusCode::OK, &Pieces { evidence: house.gateway.evidence_lines(fits) })
}

/// One piece.
pub(super) fn show(house: &House, call: &Call) -> Result<Answer, Problem> {
    let said = house.gateway.evidence_said(call.id()?).ok_or_else(Problem::not_found)?;
    call::json(StatusCode::OK, &said)
}

/// Withdraws one.
pub(super) async fn withdraw(house: &House, call: Call) -> Result<Answer, Problem> {
    let by = house.doorkeeper.by(call.asker);
    let id = call.id()?;
    let why: Why = call::object_or_nothing("the reason", &call.read(house).await?)?;
    let line = house.gateway.withdraw_evidence(id, &by, &why.reason).await.map_err(refused)?;
    call::json(StatusCode::OK, &line)
}

fn refused(error: EvidenceError) -> Problem {
    let detail = error.to_string();
    match error {
        EvidenceError::NoConnection(_) | EvidenceError::Wish(_) | EvidenceError::Refused(_) => {
            query::wrong(detail)
        }
        EvidenceError::Already(..) => Problem::new(StatusCode::CONFLICT, detail),
        EvidenceError::None => Problem::new(StatusCode::NOT_FOUND, detail),
        EvidenceError::Ending => call::unreachable(&StoreError::Closed),
        EvidenceError::Store(error) => call::unreachable(&error),
    }
}
