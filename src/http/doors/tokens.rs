//! Service tokens: made, listed without themselves, revoked.

use http::StatusCode;
use serde_json::json;

use crate::gateway::telling::TokenError;
use crate::gateway::telling::TokenWish;
use crate::http::answer;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::query;
use crate::http::problem::Problem;

/// Makes a token; this answer is the only place where it stands.
pub(super) async fn create(house: &House, call: Call) -> Result<Answer, Problem> {
    let by = house.doorkeeper.by(call.asker);
    let body = call.read(house).await?;
    let wish: TokenWish = serde_json::from_slice(&body)
        .map_err(|error| query::wrong(format!("the token's wish cannot be read: {error}")))?;
    let made = house.gateway.new_token(wish, &by).await.map_err(refused)?;
    let mut told = json!(made.row);
    if let Some(members) = told.as_object_mut() {
        members.insert("token".to_owned(), made.token.expose().as_str().into());
    }
    call::json(StatusCode::CREATED, &told)
}

fn refused(error: TokenError) -> Problem {
    match error {
        TokenError::Wish(why) => query::wrong(why),
        TokenError::Random => {
            tracing::error!("no random bytes for a token");
            Problem::internal()
        }
        TokenError::Store(error) => call::unreachable(&error),
    }
}

/// Every token, without itself.
pub(super) async fn list(house: &House) -> Result<Answer, Problem> {
    call::json(StatusCode::OK, &json!({"tokens": house.gateway.tokens().await?}))
}

/// Ends one.
pub(super) async fn revoke(house: &House, call: &Call) -> Result<Answer, Problem> {
    if house.gateway.revoke_token(call.id()?, &house.doorkeeper.by(call.asker)).await? {
        Ok(answer::text(StatusCode::NO_CONTENT, ""))
    } else {
        Err(Problem::not_found())
    }
}
