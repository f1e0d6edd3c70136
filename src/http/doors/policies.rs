//! What is in force: the active bundle, and the ledger's newest checkpoint.

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::http::answer;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::offer;
use crate::http::doors::offer::Form;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::TEXT;
use crate::http::problem::Problem;
use crate::policy::Bundle;

/// What asking for the bundle gives.
pub(super) const ACTIVE: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "The active bundle.",
    forms: &[Form::Json(offer::of::<ActiveBundle<'static>>())],
}])
.refusing(&[]);

/// What asking for the checkpoint gives.
pub(super) const CHECKPOINT: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "The checkpoint, a signed note (C2SP).",
    forms: &[TEXT],
}])
.refusing(&[404, 503]);

/// The bundle in force.
#[derive(Debug, Serialize, JsonSchema)]
struct ActiveBundle<'a> {
    /// Its rules and people.
    #[serde(flatten)]
    bundle: &'a Bundle,
    /// Why the newest candidate is not it; null: it is.
    refused: Option<String>,
}

/// The active bundle, and why the newest candidate is not it.
pub(super) fn active(house: &House) -> Result<Answer, Problem> {
    let bundle = house.gateway.active_bundle();
    let refused = house.gateway.policies.refused();
    call::json(StatusCode::OK, &ActiveBundle { bundle: &bundle, refused })
}

/// The newest signed checkpoint, as a signed note.
pub(super) async fn checkpoint(house: &House) -> Result<Answer, Problem> {
    let newest = house.gateway.checkpoint().await?;
    let newest = newest.ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "no checkpoint has been signed yet; the first follows the first entry",
        )
    })?;
    Ok(answer::text(StatusCode::OK, newest))
}
