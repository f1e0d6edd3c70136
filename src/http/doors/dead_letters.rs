//! Deliveries that could not be read: the list with its reasons, and another try.

use http::StatusCode;
use serde_json::Value;
use serde_json::json;

use crate::gateway::telling::DeadLetter;
use crate::gateway::telling::Replay;
use crate::http::answer;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::decisions;
use crate::http::doors::query::Pairs;
use crate::http::problem::Problem;

/// Dead letters, newest first.
pub(super) async fn list(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = Pairs::read(call.head.uri.query().unwrap_or_default().as_bytes());
    let letters = house.gateway.dead_letters(decisions::limit(&pairs)?).await?;
    let rows: Vec<Value> = letters.iter().map(told).collect();
    call::json(StatusCode::OK, &json!({"dead_letters": rows}))
}

/// Without the hook's id: whoever knows it knows where to send.
fn told(letter: &DeadLetter) -> Value {
    json!({
        "id": letter.id,
        "connection": letter.connection,
        "product": letter.product,
        "key": letter.key,
        "sha256": hex::encode(letter.digest),
        "received": letter.received,
        "died": letter.died,
        "why": letter.why,
    })
}

/// Sends one down the road again. A form goes back to the list.
pub(super) async fn replay(house: &House, call: &Call) -> Result<Answer, Problem> {
    let id = call.id()?;
    match house.gateway.replay(id, &house.doorkeeper.by(call.asker)).await? {
        Replay::Waiting if call.is_form() => {
            Ok(answer::see_other(&format!("/dead-letters?replayed={id}")))
        }
        Replay::Waiting => call::json(StatusCode::ACCEPTED, &json!({"delivery": id})),
        Replay::NotDead => Err(Problem::not_found()),
        Replay::Forgotten => {
            let detail = "its body was kept for its time and is forgotten; only the hash is left";
            Err(Problem::new(StatusCode::GONE, detail))
        }
    }
}
