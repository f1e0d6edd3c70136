//! A ticket's state, for whoever asked the question, and for the operator. Anyone else is told what an unknown id is.

use std::time::Duration;

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::Instant;
use uuid::Uuid;

use crate::approval::State;
use crate::approval::Ticket;
use crate::graph::Time;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::check;
use crate::http::doors::offer;
use crate::http::doors::offer::Form;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::Parameter;
use crate::http::doors::offer::Text;
use crate::http::doors::query;
use crate::http::doors::query::Pairs;
use crate::http::problem::Problem;

/// The longest a poll is held; a longer `wait` is cut to it. Below the listener's limit for a whole request (60 s), or
/// the answer would be a 503 instead of the ticket.
pub const LONGEST_WAIT: Duration = Duration::from_secs(55);

/// What the door takes and gives.
pub(super) const OFFER: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "The ticket, as it is or once it has moved.",
    forms: &[Form::Json(offer::of::<TicketTold<'static>>())],
}])
.asked(&[Parameter::may(
    "wait",
    Text::Length,
    "How long to wait for the ticket to move; at most 55 s.",
)])
.refusing(&[403, 503]);

/// A ticket, for who asked.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AskersTicket")]
struct TicketTold<'a> {
    /// Its id.
    id: Uuid,
    /// Where it stands.
    state: State,
    /// Why it stands there, one sentence.
    why: &'a str,
    /// The sentence for the approver.
    reason: &'a str,
    /// How many approvals are missing.
    missing: u32,
    /// When it ends if nobody grants it.
    expires_at: Time,
    /// When an unused grant ends.
    grant_ends: Option<Time>,
    /// The decision that opened it.
    decision: Uuid,
    /// The decision that used the grant.
    spent_by: Option<Uuid>,
    /// Where people look at it.
    url: String,
}

/// Answers at once, or when the ticket moves, or when the wait is over.
pub(super) async fn answer(house: &House, call: Call) -> Result<Answer, Problem> {
    let pairs = Pairs::read(call.head.uri.query().unwrap_or_default().as_bytes());
    let wait = pairs.parsed("wait", "a length of time such as `30s`", query::duration)?;
    let ticket = allowed(house, &call).await?;
    let ticket = match wait {
        Some(wait) if ticket.state == State::Asked => {
            moved(house, ticket.id, wait.min(LONGEST_WAIT)).await?.unwrap_or(ticket)
        }
        Some(_) | None => ticket,
    };
    call::json(StatusCode::OK, &told(house, &ticket))
}

async fn allowed(house: &House, call: &Call) -> Result<Ticket, Problem> {
    let asker = if house.doorkeeper.knows(&call.head, call.visit.from, Instant::now()) {
        None
    } else {
        let token = check::token(house, &call.head.headers)?;
        Some(house.gateway.asker(&token).await.map_err(|error| check::refused(&error))?.hash())
    };
    let ticket = house.gateway.ticket(call.id()?).await?;
    ticket
        .filter(|ticket| asker.is_none_or(|asker| asker == ticket.asker))
        .ok_or_else(Problem::not_found)
}

/// A gateway that stops does not keep anyone waiting.
async fn moved(house: &House, id: Uuid, wait: Duration) -> Result<Option<Ticket>, Problem> {
    let mut stop = house.gateway.stopping();
    let moved = tokio::select! {
        moved = house.gateway.ticket_when_moved(id, wait) => Some(moved?),
        _ = stop.wait_for(|stopping| *stopping) => None,
    };
    match moved {
        Some(ticket) => Ok(ticket),
        None => Ok(house.gateway.ticket(id).await?),
    }
}

fn told<'a>(house: &House, ticket: &'a Ticket) -> TicketTold<'a> {
    TicketTold {
        id: ticket.id,
        state: ticket.state,
        why: &ticket.why,
        reason: &ticket.reason,
        missing: ticket.missing(),
        expires_at: ticket.expires_at,
        grant_ends: ticket.grant_ends,
        decision: ticket.decision,
        spent_by: ticket.spent_by,
        url: format!("{}/t/{}", house.gateway.public_url, ticket.id),
    }
}
