//! The doctor's findings, and reading a Bitbucket now.

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::gateway::ties::doctor::Finding;
use crate::gateway::ties::doctor::Health;
use crate::gateway::ties::sync::SyncNow;
use crate::graph::ConnectionId;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::connections;
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

/// What the doctor found.
#[derive(Debug, Serialize, JsonSchema)]
struct Examination {
    /// Whether nothing is wrong.
    well: bool,
    /// Everything that was looked at.
    findings: Vec<Finding>,
}

/// What the examination takes and gives.
pub(super) const EXAMINE: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "Everything that was looked at, and what to do about what is wrong.",
    forms: &[Form::Json(offer::of::<Examination>())],
}])
.asked(&[Parameter::may(
    "connection",
    Text::Connection,
    "Only this connection; all of them and the gate itself if left out.",
)])
.refusing(&[404, 503]);

/// What asking for a reading takes and gives.
pub(super) const SYNC: Offer = Offer::giving(&[Gives {
    status: 202,
    when: "It is read as soon as the ones before it are; its plan and price.",
    forms: &[Form::Json(offer::of::<SyncNow>())],
}])
.taking(Takes::JsonOrNothing(offer::of::<Why>()))
.refusing(&[404, 409, 502, 503]);

/// What looking at a reading gives.
pub(super) const PROGRESS: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "How far the reading is.",
    forms: &[Form::Json(offer::of::<SyncNow>())],
}])
.refusing(&[404]);

/// Looks at everything.
pub(super) async fn examine(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = Pairs::read(call.head.uri.query().unwrap_or_default().as_bytes());
    let wrong = |_| query::wrong("`connection` is the id of a connection".to_owned());
    let only = pairs.get("connection").map(|text| text.parse::<ConnectionId>().map_err(wrong));
    let only = only.transpose()?;
    let findings = house.gateway.examine(only.as_ref()).await.map_err(connections::refused)?;
    let well = findings.iter().all(|found| found.health != Health::Wrong);
    call::json(StatusCode::OK, &Examination { well, findings })
}

/// Reads a connection now.
pub(super) async fn sync(house: &House, call: Call) -> Result<Answer, Problem> {
    let by = house.doorkeeper.by(call.asker);
    let id = connections::named(&call)?;
    let why: Why = call::object_or_nothing("the reason", &call.read(house).await?)?;
    let now = house.gateway.sync(&id, &by, &why.reason).await.map_err(connections::refused)?;
    call::json(StatusCode::ACCEPTED, &now)
}

/// How far it is.
pub(super) fn progress(house: &House, call: &Call) -> Result<Answer, Problem> {
    let now = house.gateway.sync_now(&connections::named(call)?);
    call::json(StatusCode::OK, &now.map_err(connections::refused)?)
}
