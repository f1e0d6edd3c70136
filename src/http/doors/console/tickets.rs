//! Tickets, and one of them.

use crate::approval::State;
use crate::http::answer::Answer;
use crate::http::console::ticket;
use crate::http::console::tickets;
use crate::http::console::tickets::Listing;
use crate::http::doors::House;
use crate::http::doors::call::Call;
use crate::http::doors::console;
use crate::http::problem::Problem;

/// Tickets, newest first.
pub(in crate::http::doors) async fn list(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = console::pairs(call);
    let state = pairs.parsed("state", &State::TEXTS.join(", "), State::from_text)?;
    let before = console::before(&pairs)?;
    let found = house.gateway.ticket_page(state, before, console::ROWS).await?;
    let next = found.last().filter(|_| found.len() == console::ROWS).map(|(place, _)| *place);
    let tickets = found.into_iter().map(|(_, ticket)| ticket).collect();
    let listing = Listing { tickets, state, before, next };
    Ok(console::page(house, call, |desk| tickets::page(desk, &listing)))
}

/// One ticket, with the decision that opened it.
pub(in crate::http::doors) async fn show(house: &House, call: &Call) -> Result<Answer, Problem> {
    let found = house.gateway.ticket(call.id()?).await?.ok_or_else(Problem::not_found)?;
    let told = house.gateway.decision(found.decision).await?;
    let told = told.as_ref().map(|told| (&told.record, &told.story));
    Ok(console::page(house, call, |desk| ticket::page(desk, &found, told)))
}
