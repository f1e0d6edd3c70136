//! What is in force: the active bundle, and the ledger's newest checkpoint.

use http::StatusCode;
use serde_json::json;

use crate::http::answer;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::problem::Problem;

/// The active bundle, and why the newest candidate is not it.
pub(super) fn active(house: &House) -> Result<Answer, Problem> {
    let mut told = json!(*house.gateway.active_bundle());
    if let Some(members) = told.as_object_mut() {
        members.insert("refused".to_owned(), json!(house.gateway.policies.refused()));
    }
    call::json(StatusCode::OK, &told)
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
