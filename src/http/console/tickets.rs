//! Tickets, newest first: what waits for somebody, and what became of the rest.

use maud::Markup;
use maud::html;

use crate::approval::State;
use crate::approval::Ticket;
use crate::graph::Time;
use crate::http::console::frame::Depth;
use crate::http::console::frame::Desk;
use crate::http::console::frame::Place;
use crate::http::console::frame::Section;
use crate::http::console::frame::console;
use crate::http::console::part;
use crate::http::console::ticket;
use crate::http::console::words;

/// What the page shows.
#[derive(Debug)]
pub struct Listing {
    /// Tickets, newest first.
    pub tickets: Vec<Ticket>,
    /// In this state, or all.
    pub state: Option<State>,
    /// Whether this page is not the newest.
    pub before: Option<u64>,
    /// Where the next page begins.
    pub next: Option<u64>,
}

/// The page.
pub fn page(desk: &Desk<'_>, listing: &Listing) -> String {
    let place = Place { section: Section::Tickets, title: "Tickets", depth: Depth::Top };
    let first = listing.before.map(|_| address(listing.state, None));
    let next = listing.next.map(|next| address(listing.state, Some(next)));
    let main = html! {
        h1 { "Tickets" }
        (states(listing.state))
        @if listing.tickets.is_empty() { (nothing(listing.state)) } @else { (table(&listing.tickets, desk.now)) }
        (part::paging(first.as_deref(), next.as_deref()))
    };
    console(desk, &place, &main)
}

fn address(state: Option<State>, before: Option<u64>) -> String {
    let state = state.map(|state| format!("state={state}"));
    let before = before.map(|place| format!("before={place}"));
    let query: Vec<String> = state.into_iter().chain(before).collect();
    if query.is_empty() { "/tickets".to_owned() } else { format!("/tickets?{}", query.join("&")) }
}

fn states(chosen: Option<State>) -> Markup {
    let current = |state| (chosen == state).then_some("true");
    html! {
        nav class="tabs" aria-label="Which tickets" {
            ul {
                li { a href="/tickets" aria-current=[current(None)] { "all" } }
                @for state in State::ALL {
                    li { a href=(address(Some(*state), None)) aria-current=[current(Some(*state))] { (state) } }
                }
            }
        }
    }
}

fn nothing(state: Option<State>) -> Markup {
    html! {
        section class="card empty" {
            @match state {
                Some(State::Asked) => { h2 { "Nobody waits for an answer" } p { a href="/tickets" { "Show all tickets" } } }
                Some(state) => { h2 { "No ticket is " (state) } p { a href="/tickets" { "Show all tickets" } } }
                None => { h2 { "No tickets yet" } p { "A ticket is opened when a rule answers " (words::badge(crate::policy::Verdict::Approve)) " and its effect is to wait." } }
            }
        }
    }
}

fn table(tickets: &[Ticket], now: Time) -> Markup {
    html! {
        table class="list" role="table" {
            (part::columns(&["Asked", "State", "What", "Why", "Until"]))
            tbody role="rowgroup" { @for ticket in tickets { (row(ticket, now)) } }
        }
    }
}

fn row(ticket: &Ticket, now: Time) -> Markup {
    let rules: Vec<String> = ticket.rules().iter().map(ToString::to_string).collect();
    html! {
        tr role="row" class=(ticket::tone(ticket.state)) {
            td role="cell" data-label="Asked" class="time" { a href={ "/tickets/" (ticket.id) } { (words::stamp(ticket.asked_at)) } }
            td role="cell" data-label="State" { (ticket::badge(ticket.state)) }
            td role="cell" data-label="What" { (words::told(&ticket.binding.action)) span class="sub" { (words::told(&rules.join(", "))) " · " (ticket.connection) } }
            td role="cell" data-label="Why" class="reason" { (words::prose(&ticket.reason)) span class="sub" { (words::told(&ticket.why)) } }
            td role="cell" data-label="Until" { (until(ticket, now)) }
        }
    }
}

fn until(ticket: &Ticket, now: Time) -> Markup {
    let end = match ticket.state {
        State::Asked => Some(ticket.expires_at),
        State::Granted => ticket.grant_ends,
        State::Spent | State::Refused | State::Expired | State::Revoked => None,
    };
    html! {
        @match end.and_then(|end| words::left(end, now)) {
            Some(left) => { (left) " left" },
            None => span class="sub" { "over" },
        }
    }
}
