//! Service tokens: made, listed without themselves, revoked.

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::gateway::telling::ServiceToken;
use crate::gateway::telling::TokenError;
use crate::gateway::telling::TokenWish;
use crate::http::answer;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::offer;
use crate::http::doors::offer::Form;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::Takes;
use crate::http::doors::query;
use crate::http::problem::Problem;

/// What making one takes and gives.
pub(super) const CREATE: Offer = Offer::giving(&[Gives {
    status: 201,
    when: "The token. It is shown this once.",
    forms: &[Form::Json(offer::of::<NewToken<'static>>())],
}])
.taking(Takes::Json(offer::of::<TokenWish>()));

/// What the list gives.
pub(super) const LIST: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "Every token, without itself.",
    forms: &[Form::Json(offer::of::<Tokens>())],
}]);

/// What revoking gives.
pub(super) const REVOKE: Offer =
    Offer::giving(&[Gives { status: 204, when: "Revoked.", forms: &[] }]);

/// Service tokens.
#[derive(Debug, Serialize, JsonSchema)]
struct Tokens {
    /// Newest first.
    tokens: Vec<ServiceToken>,
}

/// A token, just made.
#[derive(Serialize, JsonSchema)]
struct NewToken<'a> {
    /// What is kept of it.
    #[serde(flatten)]
    row: &'a ServiceToken,
    /// The token itself.
    token: &'a str,
}

/// Makes a token; this answer is the only place where it stands.
pub(super) async fn create(house: &House, call: Call) -> Result<Answer, Problem> {
    let by = house.doorkeeper.by(call.asker);
    let body = call.read(house).await?;
    let wish: TokenWish = call::object("the token's wish", &body)?;
    let made = house.gateway.new_token(wish, &by).await.map_err(refused)?;
    let told = NewToken { row: &made.row, token: made.token.expose().as_str() };
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
    call::json(StatusCode::OK, &Tokens { tokens: house.gateway.tokens().await? })
}

/// Ends one.
pub(super) async fn revoke(house: &House, call: &Call) -> Result<Answer, Problem> {
    if house.gateway.revoke_token(call.id()?, &house.doorkeeper.by(call.asker)).await? {
        Ok(answer::text(StatusCode::NO_CONTENT, ""))
    } else {
        Err(Problem::not_found())
    }
}
