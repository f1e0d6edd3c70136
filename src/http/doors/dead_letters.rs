//! Deliveries that could not be read: the list with its reasons, and another try.

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::gateway::telling::DeadLetter;
use crate::gateway::telling::Replay;
use crate::graph::ConnectionId;
use crate::graph::Product;
use crate::graph::Time;
use crate::http::answer;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::decisions;
use crate::http::doors::offer;
use crate::http::doors::offer::Form;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::TEXT;
use crate::http::doors::query::Pairs;
use crate::http::problem::Problem;

/// What the list takes and gives.
pub(super) const LIST: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "Dead letters, newest first.",
    forms: &[Form::Json(offer::of::<DeadLetters<'static>>())],
}])
.asked(&[decisions::LIMIT]);

/// What another try gives.
pub(super) const REPLAY: Offer = Offer::giving(&[
    Gives {
        status: 202,
        when: "It waits again, in its old place.",
        forms: &[Form::Json(offer::of::<Delivered>())],
    },
    Gives { status: 303, when: "Back to the page that a form stood on.", forms: &[TEXT] },
])
.refusing(&[410, 503]);

/// Deliveries that could not be read.
#[derive(Debug, Serialize, JsonSchema)]
struct DeadLetters<'a> {
    /// Newest first.
    dead_letters: Vec<DeadLetterTold<'a>>,
}

/// A delivery that could not be read. Without the hook's id: whoever knows it knows where to send.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DeadLetter")]
struct DeadLetterTold<'a> {
    /// Its id.
    id: Uuid,
    /// Where.
    connection: &'a ConnectionId,
    /// Which product.
    product: Product,
    /// The event key that its sender claimed.
    key: &'a str,
    /// SHA-256 of its body, hex.
    sha256: String,
    /// When it came in.
    received: Time,
    /// When it was given up.
    died: Time,
    /// Why.
    why: &'a str,
}

/// A delivery that is kept.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Delivered {
    /// Its id.
    pub delivery: Uuid,
}

/// Dead letters, newest first.
pub(super) async fn list(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = Pairs::read(call.head.uri.query().unwrap_or_default().as_bytes());
    let letters = house.gateway.dead_letters(decisions::limit(&pairs)?).await?;
    call::json(StatusCode::OK, &DeadLetters { dead_letters: letters.iter().map(told).collect() })
}

fn told(letter: &DeadLetter) -> DeadLetterTold<'_> {
    DeadLetterTold {
        id: letter.id,
        connection: &letter.connection,
        product: letter.product,
        key: &letter.key,
        sha256: hex::encode(letter.digest),
        received: letter.received,
        died: letter.died,
        why: &letter.why,
    }
}

/// Sends one down the road again. A form goes back to the list.
pub(super) async fn replay(house: &House, call: &Call) -> Result<Answer, Problem> {
    let id = call.id()?;
    match house.gateway.replay(id, &house.doorkeeper.by(call.asker)).await? {
        Replay::Waiting if call.is_form() => {
            Ok(answer::see_other(&format!("/dead-letters?replayed={id}")))
        }
        Replay::Waiting => call::json(StatusCode::ACCEPTED, &Delivered { delivery: id }),
        Replay::NotDead => Err(Problem::not_found()),
        Replay::Forgotten => {
            let detail = "its body was kept for its time and is forgotten; only the hash is left";
            Err(Problem::new(StatusCode::GONE, detail))
        }
    }
}
