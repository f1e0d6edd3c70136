//! The brake: the gate is paused, a second person agrees, it is resumed. Who did it stands in the record.

use std::time::Duration;

use http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::decision::Pause;
use crate::decision::pause::MAX_REASON;
use crate::gateway::brake::BrakeError;
use crate::graph::Time;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::offer;
use crate::http::doors::offer::Form;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::LENGTH;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::Takes;
use crate::http::doors::query;
use crate::http::problem::Problem;

/// What a pause is asked for with.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "PauseWish", example = json!({"for": "30m", "reason": "Bitbucket's incident 4711"}))]
#[serde(deny_unknown_fields)]
struct Wish {
    /// For how long: `30s 15m 4h 7d`.
    #[serde(rename = "for")]
    #[schemars(regex(pattern = LENGTH))]
    length: String,
    /// Why; whoever reads the record must understand it.
    #[schemars(length(min = 1, max = MAX_REASON))]
    reason: String,
}

/// What goes with its end.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(example = json!({"reason": "the incident is over"}))]
#[serde(deny_unknown_fields)]
struct Farewell {
    /// What the record should know.
    #[serde(default)]
    #[schemars(length(max = MAX_REASON))]
    reason: String,
}

/// Whether the gate is paused.
#[derive(Debug, Serialize, JsonSchema)]
struct PauseAnswer {
    /// Whether it is in force.
    paused: bool,
    /// The pause; null: there is none.
    pause: Option<PauseTold>,
}

/// A pause: asked for, or in force.
#[derive(Debug, Serialize, JsonSchema)]
struct PauseTold {
    /// Its id.
    id: Uuid,
    /// Whether it is in force.
    state: PauseState,
    /// Why.
    reason: String,
    /// Who asked for it.
    by: String,
    /// The second person, where one was needed.
    second: Option<String>,
    /// When it was asked for.
    asked: Time,
    /// Since when it is in force.
    from: Option<Time>,
    /// When it ends by itself.
    until: Option<Time>,
    /// For how long, seconds.
    seconds: u64,
}

/// Where a pause stands.
#[derive(Debug, Serialize, JsonSchema)]
enum PauseState {
    /// Nothing is held back.
    #[serde(rename = "in force")]
    InForce,
    /// Somebody asked for it; another one has to agree.
    #[serde(rename = "waits for a second person")]
    Waiting,
}

const SHAPE: Form = Form::Json(offer::of::<PauseAnswer>());
const REFUSES: &[u16] = &[409, 503];

/// What asking for the pause gives.
pub(super) const SHOW: Offer =
    Offer::giving(&[Gives { status: 200, when: "The pause, if there is one.", forms: &[SHAPE] }])
        .refusing(&[]);

/// What pausing takes and gives.
pub(super) const PAUSE: Offer = Offer::giving(&[
    Gives { status: 201, when: "The pause, in force.", forms: &[SHAPE] },
    Gives { status: 202, when: "The pause waits for a second person.", forms: &[SHAPE] },
])
.taking(Takes::Json(offer::of::<Wish>()))
.refusing(REFUSES);

/// What agreeing gives.
pub(super) const CONFIRM: Offer =
    Offer::giving(&[Gives { status: 200, when: "The pause, in force.", forms: &[SHAPE] }])
        .refusing(&[400, 409, 503]);

/// What resuming takes and gives.
pub(super) const RESUME: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "The gate is not paused any more.",
    forms: &[SHAPE],
}])
.taking(Takes::JsonOrNothing(offer::of::<Farewell>()))
.refusing(REFUSES);

/// The pause, if there is one.
pub(super) fn show(house: &House) -> Result<Answer, Problem> {
    let pause = house.gateway.pause_now();
    call::json(StatusCode::OK, &pause.map_or_else(none, |pause| told(&pause)))
}

/// Pauses the gate, or asks for the second person.
pub(super) async fn pause(house: &House, call: Call) -> Result<Answer, Problem> {
    let by = house.doorkeeper.by(call.asker);
    let body = call.read(house).await?;
    let wish: Wish = call::object("the pause", &body)?;
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
    let farewell: Farewell = call::object_or_nothing("the reason", &body)?;
    house.gateway.resume(&farewell.reason, &by).await.map_err(refused)?;
    call::json(StatusCode::OK, &none())
}

const fn none() -> PauseAnswer {
    PauseAnswer { paused: false, pause: None }
}

fn told(pause: &Pause) -> PauseAnswer {
    let paused = pause.span.is_some();
    let told = PauseTold {
        id: pause.id,
        state: if paused { PauseState::InForce } else { PauseState::Waiting },
        reason: pause.reason.clone(),
        by: pause.by.as_str().to_owned(),
        second: pause.second.as_ref().map(|by| by.as_str().to_owned()),
        asked: pause.asked,
        from: pause.span.map(|span| span.from),
        until: pause.span.map(|span| span.until),
        seconds: pause.length().as_secs(),
    };
    PauseAnswer { paused, pause: Some(told) }
}

fn refused(error: BrakeError) -> Problem {
    let detail = error.to_string();
    match error {
        BrakeError::Refused(_) => query::wrong(detail),
        BrakeError::Already(_) | BrakeError::None => Problem::new(StatusCode::CONFLICT, detail),
        BrakeError::Store(error) => call::unreachable(&error),
    }
}
