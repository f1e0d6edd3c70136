//! The check: a step asks before it acts. Every verdict is 200; only a question that cannot be answered is a problem.

use http::HeaderMap;
use http::HeaderValue;
use http::StatusCode;
use http::header;

use crate::gateway::question;
use crate::gateway::question::CheckError;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::offer;
use crate::http::doors::offer::Form;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::Takes;
use crate::http::operator;
use crate::http::problem::Problem;

/// The kind of problem that says that a step's token is used after its step.
pub const REPLAYED: &str = "urn:portcullis:problem:replayed";

/// What the door takes and gives.
pub(super) const OFFER: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "The answer, whatever the verdict; `effect` alone says what to do.",
    forms: &[Form::Json(offer::of::<question::Answer>())],
}])
.taking(Takes::Json(offer::of::<question::Question>()))
.refusing(&[403, 503]);

/// Answers a question.
pub(super) async fn answer(house: &House, call: Call) -> Result<Answer, Problem> {
    let token = token(house, &call.head.headers)?;
    let body = call.read(house).await?;
    let answer =
        Box::pin(house.gateway.check(&token, &body)).await.map_err(|error| refused(&error))?;
    call::json(StatusCode::OK, &answer)
}

/// The asker's token, or the two lines that give a step one.
pub(super) fn token(house: &House, headers: &HeaderMap) -> Result<String, Problem> {
    match operator::bearer(headers) {
        Ok(Some(token)) if !token.is_empty() => Ok(token.to_owned()),
        Ok(_) => Err(unauthorized(format!(
            "this needs a token as Bearer. A step gets one with these two lines in bitbucket-pipelines.yml:\n    oidc:\n      audiences: [\"{}\"]",
            house.gateway.public_url
        ))),
        Err(_) => Err(unauthorized(
            "the Authorization header is not one `Bearer` token, or there are several".to_owned(),
        )),
    }
}

fn unauthorized(detail: String) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, detail)
        .with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"portcullis\""))
        .closing()
}

/// Why there is no answer, as HTTP says it.
pub(super) fn refused(error: &CheckError) -> Problem {
    let detail = error.to_string();
    match error {
        CheckError::Malformed(_) => Problem::new(StatusCode::BAD_REQUEST, detail),
        CheckError::Unknown(_) => Problem::new(StatusCode::UNAUTHORIZED, detail).with(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer realm=\"portcullis\", error=\"invalid_token\""),
        ),
        CheckError::Forbidden(_) => Problem::new(StatusCode::FORBIDDEN, detail),
        CheckError::Replayed(_) => {
            Problem::new(StatusCode::FORBIDDEN, detail).of_kind(REPLAYED, "Replayed")
        }
        CheckError::Unavailable(_) => {
            tracing::warn!(why = %detail, "a check has no answer");
            Problem::unavailable(detail, call::TRY_AGAIN)
        }
    }
}
