//! Channels: how each stands, and a test that shows whether messages arrive.

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::gateway::courier::ChannelNow;
use crate::gateway::courier::TestError;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::offer;
use crate::http::doors::offer::Form;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::Offer;
use crate::http::problem::Problem;

/// What the list gives.
pub(super) const LIST: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "Every channel, and how it stands.",
    forms: &[Form::Json(offer::of::<Channels>())],
}]);

/// What a test gives.
pub(super) const TEST: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "It arrived; how the channel stands now.",
    forms: &[Form::Json(offer::of::<ChannelNow>())],
}])
.refusing(&[404, 502, 503]);

/// Channels.
#[derive(Debug, Serialize, JsonSchema)]
struct Channels {
    /// In order of their ids.
    channels: Vec<ChannelNow>,
}

/// Every channel, with what waits for it.
pub(super) async fn list(house: &House) -> Result<Answer, Problem> {
    call::json(StatusCode::OK, &Channels { channels: house.gateway.channels().await? })
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
