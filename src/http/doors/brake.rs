//! The brake: the gate is paused, a second person agrees, it is resumed. Who did it stands in the record.

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use crate::decision::Pause;
use crate::decision::pause::By;
use crate::gateway::brake::BrakeError;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::query;
use crate::http::problem::Problem;

/// What a pause is asked for with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    /// `30s 15m 4h 7d`.
    #[serde(rename = "for")]
    length: String,
    reason: String,
}

/// What goes with its end.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Farewell {
    #[serde(default)]
    reason: String,
}

/// The pause, if there is one.
pub(super) fn show(house: &House) -> Result<Answer, Problem> {
    let pause = house.gateway.pause_now();
    call::json(StatusCode::OK, &pause.map_or_else(none, |pause| told(&pause)))
}

/// Pauses the gate, or asks for the second person.
pub(super) async fn pause(house: &House, call: Call) -> Result<Answer, Problem> {
    let by = house.doorkeeper.by(call.asker);
    let body = call.read(house).await?;
    let wish: Wish = serde_json::from_slice(&body)
        .map_err(|error| query::wrong(format!("the pause cannot be read: {error}")))?;
    let length: Duration = query::duration(&wish.length).ok_or_else(|| {
        query::wrong("`for` is no duration: write it like `30s`, `15m`, `4h` or `7d`".to_owned())
    })?;
    let pause = house.gateway.pause(length, &wish.reason, by).await.map_err(refused)?;
    let status = if pause.span.is_some() { StatusCode::CREATED } else { StatusCode::ACCEPTED };
    call::json(status, &told(&pause))
}

/// The second person agrees.
pub(super) async fn confirm(house: &House, call: &Call) -> Result<Answer, Problem> {
    let by = house.doorkeeper.by(call.asker);
    let pause = house.gateway.confirm_pause(call.id()?, by).await.map_err(refused)?;
    call::json(StatusCode::OK, &told(&pause))
}

/// Ends it. A body with a reason is welcome and not needed.
pub(super) async fn resume(house: &House, call: Call) -> Result<Answer, Problem> {
    let by = house.doorkeeper.by(call.asker);
    let body = call.read(house).await?;
    let farewell: Farewell = if body.is_empty() {
        Farewell::default()
    } else {
        serde_json::from_slice(&body)
            .map_err(|error| query::wrong(format!("the reason cannot be read: {error}")))?
    };
    house.gateway.resume(&farewell.reason, &by).await.map_err(refused)?;
    call::json(StatusCode::OK, &none())
}

fn none() -> Value {
    json!({"paused": false, "pause": null})
}

fn told(pause: &Pause) -> Value {
    json!({
        "paused": pause.span.is_some(),
        "pause": {
            "id": pause.id,
            "state": if pause.span.is_some() { "in force" } else { "waits for a second person" },
            "reason": pause.reason,
            "by": pause.by.as_str(),
            "second": pause.second.as_ref().map(By::as_str),
            "asked": pause.asked,
            "from": pause.span.map(|span| span.from),
            "until": pause.span.map(|span| span.until),
            "seconds": pause.length().as_secs(),
        },
    })
}

fn refused(error: BrakeError) -> Problem {
    let detail = error.to_string();
    match error {
        BrakeError::Refused(_) => query::wrong(detail),
        BrakeError::Already(_) | BrakeError::None => Problem::new(StatusCode::CONFLICT, detail),
        BrakeError::Store(error) => call::unreachable(&error),
    }
}
