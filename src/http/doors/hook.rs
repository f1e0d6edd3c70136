//! Stations 1 and 2: a webhook comes in. Everything that can be refused is refused before the body is read, so that a
//! flood without signatures costs little; after a good signature nothing is refused but for want of room.

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::Instant;
use uuid::Uuid;

use crate::event::delivery;
use crate::event::delivery::Envelope;
use crate::event::delivery::HookId;
use crate::event::delivery::MAX_KEY_BYTES;
use crate::event::delivery::SealError;
use crate::gateway::Accepted;
use crate::gateway::NotAccepted;
use crate::gateway::connections::Connection;
use crate::http::answer::Answer;
use crate::http::body;
use crate::http::body::Allowance;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::call::essence;
use crate::http::doors::dead_letters::Delivered;
use crate::http::doors::offer;
use crate::http::doors::offer::Form;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::Takes;
use crate::http::problem::Problem;
use crate::http::rate::Key;

const EVENT_KEY: HeaderName = HeaderName::from_static("x-event-key");
const SIGNATURE: HeaderName = HeaderName::from_static("x-hub-signature");

/// What the door takes and gives.
pub(super) const OFFER: Offer = Offer::giving(&[
    Gives { status: 202, when: "Kept, durable.", forms: &[Form::Json(offer::of::<Delivered>())] },
    Gives {
        status: 200,
        when: "Kept before, or Data Center's ping, which has no delivery.",
        forms: &[Form::Json(offer::of::<Known>())],
    },
])
.taking(Takes::Signed);

/// A delivery that is kept already.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "KnownDelivery")]
struct Known {
    /// Its id, as it was answered the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<Uuid>,
    /// Always `true` where there is a delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate: Option<bool>,
}

/// The outcome of a delivery that was refused: a word for the counter, and what the sender is told.
struct Refused(&'static str, Problem);

/// Takes a delivery.
pub(super) async fn answer(house: &House, call: Call) -> Result<Answer, Problem> {
    let gateway = &house.gateway;
    let known = gateway.connections.now();
    let found = call
        .parameter
        .parse::<HookId>()
        .ok()
        .and_then(|id| known.hook(&id).map(|(connection, _)| (id, connection)));
    let Some((id, connection)) = found else {
        gateway.meters.delivered_nowhere();
        return Err(Problem::not_found().closing());
    };
    let product = connection.product;
    match taken(house, call, &id, connection).await {
        Ok(accepted) => {
            gateway.meters.delivered(product, word(accepted));
            told(accepted)
        }
        Err(Refused(word, problem)) => {
            gateway.meters.delivered(product, word);
            Err(problem)
        }
    }
}

async fn taken(
    house: &House,
    call: Call,
    id: &HookId,
    connection: &Connection,
) -> Result<Accepted, Refused> {
    let rate = house.limiter.admit(Key::Connection(connection.id.as_str()), Instant::now());
    rate.map_err(|too_many| Refused("too_many", Problem::from(too_many).closing()))?;
    is_json(&call.head.headers)?;
    let envelope = envelope(house, &call.head.headers);
    delivery::claimed(&envelope, connection.product)
        .map_err(|error| Refused(error.reason(), unsealed(error).1.closing()))?;
    let allowance = Allowance {
        bytes: house.gateway.body_limit(id).min(call.route.body.bytes()),
        within: house.limits.body,
    };
    let body = call.body.whole(&call.head.headers, allowance).await;
    let body = body.map_err(|refused| Refused(unread(&refused), refused.into()))?;
    house.gateway.accept(id, Envelope { body, ..envelope }).await.map_err(not_accepted)
}

fn is_json(headers: &HeaderMap) -> Result<(), Refused> {
    match essence(headers) {
        Some(kind) if kind == "application/json" || kind.ends_with("+json") => Ok(()),
        Some(_) | None => {
            let detail = "a webhook's body is `application/json`; Content-Type says otherwise, or is missing";
            Err(Refused(
                "content_type",
                Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail).closing(),
            ))
        }
    }
}

fn envelope(house: &House, headers: &HeaderMap) -> Envelope {
    let key = headers.get(&EVENT_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
    let key = key.get(..MAX_KEY_BYTES).unwrap_or(key);
    Envelope {
        key: String::from_utf8_lossy(key).into_owned(),
        signatures: headers
            .get_all(&SIGNATURE)
            .iter()
            .map(|line| line.as_bytes().to_vec())
            .collect(),
        body: bytes::Bytes::new(),
        received: house.gateway.clock.now(),
    }
}

fn unsealed(error: SealError) -> Refused {
    Refused(error.reason(), Problem::new(StatusCode::UNAUTHORIZED, error.to_string()))
}

fn not_accepted(error: NotAccepted) -> Refused {
    match error {
        NotAccepted::NoHook => Refused("no_hook", Problem::not_found()),
        NotAccepted::Seal(error) => unsealed(error),
        NotAccepted::Store(error) => {
            tracing::error!(%error, "a delivery could not be kept");
            let detail = "the delivery cannot be kept at the moment; send it again";
            Refused("not_kept", Problem::unavailable(detail, call::TRY_AGAIN))
        }
    }
}

const fn unread(refused: &body::Refused) -> &'static str {
    match refused {
        body::Refused::TooLarge { .. } => "too_large",
        body::Refused::Late { .. } => "late",
        body::Refused::Encoded { .. } => "encoded",
        body::Refused::Broken => "broken",
    }
}

const fn word(accepted: Accepted) -> &'static str {
    match accepted {
        Accepted::Kept(_) => "kept",
        Accepted::Duplicate(_) => "duplicate",
        Accepted::Ping => "ping",
    }
}

fn told(accepted: Accepted) -> Result<Answer, Problem> {
    match accepted {
        Accepted::Kept(id) => call::json(StatusCode::ACCEPTED, &Delivered { delivery: id }),
        Accepted::Duplicate(id) => {
            call::json(StatusCode::OK, &Known { delivery: Some(id), duplicate: Some(true) })
        }
        Accepted::Ping => call::json(StatusCode::OK, &Known::default()),
    }
}
