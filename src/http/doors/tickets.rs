//! The operator's tickets: a list, one of them, and the vote. The voter is the operator's session, and the record says so.

use bytes::Bytes;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;
use serde_json::json;

use crate::approval::State;
use crate::approval::Ticket;
use crate::approval::VoteWord;
use crate::gateway::tickets::VoteError;
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
use crate::http::doors::offer::Parameter;
use crate::http::doors::offer::TEXT;
use crate::http::doors::offer::Takes;
use crate::http::doors::offer::Text;
use crate::http::doors::query;
use crate::http::doors::query::Pairs;
use crate::http::problem::Problem;
use crate::http::session::FormToken;

/// Longest reason of a vote, characters: it stands in the record for ever.
const MAX_REASON: usize = 2_000;

/// What a vote says.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(example = json!({"vote": "approve", "reason": "Release 4.2, agreed this morning."}))]
#[serde(deny_unknown_fields)]
struct Ballot {
    /// Which way.
    vote: VoteWord,
    /// Why, for the record.
    #[serde(default)]
    #[schemars(length(max = MAX_REASON))]
    reason: String,
}

/// What the list takes and gives.
pub(super) const LIST: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "Tickets, newest first.",
    forms: &[Form::Json(offer::of::<Tickets<'static>>())],
}])
.asked(&[Parameter::may("state", Text::Word(State::TEXTS), "Where they stand."), decisions::LIMIT]);

/// What one ticket gives.
pub(super) const ONE: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "The ticket.",
    forms: &[Form::Json(offer::of::<TicketTold<'static>>())],
}]);

/// What a vote takes and gives.
pub(super) const VOTE: Offer = Offer::giving(&[
    Gives {
        status: 200,
        when: "The ticket as it is now.",
        forms: &[Form::Json(offer::of::<TicketTold<'static>>())],
    },
    Gives { status: 303, when: "Back to the page that a form stood on.", forms: &[TEXT] },
])
.taking(Takes::JsonOrForm(offer::of::<Ballot>()))
.refusing(&[409, 503]);

/// Tickets.
#[derive(Debug, Serialize, JsonSchema)]
struct Tickets<'a> {
    /// Newest first.
    tickets: Vec<TicketTold<'a>>,
}

/// A ticket as it is kept, with what follows from it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OperatorsTicket")]
struct TicketTold<'a> {
    /// As it is kept.
    #[serde(flatten)]
    ticket: &'a Ticket,
    /// How many approvals are missing.
    missing: u32,
    /// Where people look at it.
    url: String,
}

/// Tickets, newest first.
pub(super) async fn list(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = Pairs::read(call.head.uri.query().unwrap_or_default().as_bytes());
    let state = pairs.parsed("state", &State::TEXTS.join(", "), State::from_text)?;
    let tickets = house.gateway.tickets(state, decisions::limit(&pairs)?).await?;
    let tickets = tickets.iter().map(|ticket| told(house, ticket)).collect();
    call::json(StatusCode::OK, &Tickets { tickets })
}

/// One ticket.
pub(super) async fn show(house: &House, call: &Call) -> Result<Answer, Problem> {
    let ticket = house.gateway.ticket(call.id()?).await?.ok_or_else(Problem::not_found)?;
    call::json(StatusCode::OK, &told(house, &ticket))
}

/// Casts the operator's vote. A form goes back to its page, a program gets the ticket.
pub(super) async fn vote(house: &House, call: Call) -> Result<Answer, Problem> {
    let (id, is_form) = (call.id()?, call.is_form());
    let body = call.read(house).await?;
    let back = Pairs::read(&body).get("back") == Some("ticket");
    let ballot = if is_form { from_form(&body)? } else { call::object("the vote", &body)? };
    if ballot.reason.chars().count() > MAX_REASON {
        return Err(query::wrong(format!("`reason` is longer than {MAX_REASON} characters")));
    }
    let ticket =
        house.gateway.vote(id, ballot.vote, ballot.reason.trim()).await.map_err(refused)?;
    if is_form {
        let page =
            if back { format!("/tickets/{id}") } else { format!("/decisions/{}", ticket.decision) };
        return Ok(answer::see_other(&page));
    }
    call::json(StatusCode::OK, &told(house, &ticket))
}

fn from_form(body: &Bytes) -> Result<Ballot, Problem> {
    let pairs = Pairs::read(body);
    pairs.only(&["vote", "reason", "back", FormToken::FIELD])?;
    let vote = pairs.parsed("vote", &VoteWord::TEXTS.join(" or "), VoteWord::from_text)?;
    let vote = vote.ok_or_else(|| query::wrong("the form has no `vote`".to_owned()))?;
    Ok(Ballot { vote, reason: pairs.get("reason").unwrap_or_default().to_owned() })
}

fn refused(error: VoteError) -> Problem {
    let detail = error.to_string();
    match error {
        VoteError::Unknown => Problem::not_found(),
        VoteError::Refused(_) | VoteError::Moved => Problem::new(StatusCode::CONFLICT, detail),
        VoteError::Store(error) => call::unreachable(&error),
    }
}

fn told<'a>(house: &House, ticket: &'a Ticket) -> TicketTold<'a> {
    let url = format!("{}/t/{}", house.gateway.public_url, ticket.id);
    TicketTold { ticket, missing: ticket.missing(), url }
}
