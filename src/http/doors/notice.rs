//! The two pages without sign-in. What they may show is selected in [`console::notice`](crate::http::console::notice);
//! an unknown, a forbidden and a malformed id get the same page.

use http::StatusCode;

use crate::approval::Ticket;
use crate::gateway::telling::Told;
use crate::http::answer;
use crate::http::answer::Answer;
use crate::http::console::notice;
use crate::http::console::notice::Notice;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::offer;
use crate::http::doors::offer::Form;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::PAGE;
use crate::http::problem::Problem;

/// What the page of a decision gives.
pub(super) const DECISION: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "What anyone may see of the decision, as a page or, where `Accept` asks for it, as JSON.",
    forms: &[PAGE, Form::Json(offer::of::<Notice>())],
}]);

/// What the page of a ticket gives.
pub(super) const TICKET: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "What anyone may see of the ticket and its decision, as a page or as JSON.",
    forms: &[PAGE, Form::Json(offer::of::<Notice>())],
}]);

/// Why a decision is as it is.
pub(super) async fn decision(house: &House, call: &Call) -> Result<Answer, Problem> {
    let told = house.gateway.decision(call.id()?).await?.ok_or_else(Problem::not_found)?;
    let ticket = match told.record.public.ticket {
        Some(id) => house.gateway.ticket(id).await?,
        None => None,
    };
    shown(house, call, &told, ticket.as_ref(), notice::decision_page)
}

/// What a ticket waits for.
pub(super) async fn ticket(house: &House, call: &Call) -> Result<Answer, Problem> {
    let ticket = house.gateway.ticket(call.id()?).await?.ok_or_else(Problem::not_found)?;
    let told = house.gateway.decision(ticket.decision).await?.ok_or_else(Problem::not_found)?;
    shown(house, call, &told, Some(&ticket), notice::ticket_page)
}

fn shown(
    house: &House,
    call: &Call,
    told: &Told,
    ticket: Option<&Ticket>,
    page: fn(&Notice, crate::graph::Time) -> String,
) -> Result<Answer, Problem> {
    let notice = Notice::of(&told.record, &told.story, ticket).under(house.brake());
    if call.wants_json() {
        return call::json(StatusCode::OK, &notice);
    }
    Ok(answer::page(StatusCode::OK, page(&notice, house.gateway.clock.now())))
}
