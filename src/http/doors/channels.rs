//! Channels: how each stands, and a test that shows whether messages arrive.

use http::StatusCode;
use serde_json::json;

use crate::gateway::courier::TestError;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::problem::Problem;

/// Every channel, with what waits for it.
pub(super) async fn list(house: &House) -> Result<Answer, Problem> {
    call::json(StatusCode::OK, &json!({"channels": house.gateway.channels().await?}))
}

/// Sends a test and waits for its end.
pub(super) async fn test(house: &House, call: &Call) -> Result<Answer, Problem> {
    let by = house.doorkeeper.by(call.asker);
    let tested = house.gateway.test_channel(&call.parameter, by.as_str()).await;
    call::json(StatusCode::OK, &tested.map_err(refused)?)
}

fn refused(error: TestError) -> Problem {
    match error {
        TestError::Unknown => Problem::new(StatusCode::NOT_FOUND, error.to_string()),
        TestError::Failed(_) => Problem::new(StatusCode::BAD_GATEWAY, error.to_string()),
        TestError::Store(error) => call::unreachable(&error),
    }
}
