//! One ticket, on its own page and on its decision's: what is bound, who voted, and the form to vote with.

use maud::Markup;
use maud::html;

use crate::approval::Binding;
use crate::approval::State;
use crate::approval::Ticket;
use crate::approval::VoteWord;
use crate::decision::Record;
use crate::decision::narrative::Narrative;
use crate::decision::narrative::shown;
use crate::graph::Time;
use crate::http::console::frame::Depth;
use crate::http::console::frame::Desk;
use crate::http::console::frame::Place;
use crate::http::console::frame::Section;
use crate::http::console::frame::console;
use crate::http::console::frame::hidden;
use crate::http::console::story;
use crate::http::console::words;
use crate::policy::Verdict;

/// The page of one ticket: who wants what, the buttons, and what exactly is approved.
pub fn page(desk: &Desk<'_>, ticket: &Ticket, told: Option<(&Record, &Narrative)>) -> String {
    let title = format!("{}: {}", ticket.binding.action, ticket.state);
    let title = shown(&title);
    let place = Place { section: Section::Tickets, title: &title, depth: Depth::Below };
    let main = html! {
        section class={ "hero " (tone(ticket.state)) } {
            p class="kicker" { (badge(ticket.state)) " " span { (words::told(&ticket.binding.action)) " · " (ticket.connection) } }
            h1 { (words::prose(&ticket.reason)) }
            @if let Some(because) = &ticket.asked_because { p class="lead" { "The asker says: " (words::told(because)) } }
            p class="note" { (words::told(&ticket.why)) }
        }
        div class="columns" {
            section class="card" {
                h2 { "The vote" }
                (demands(ticket, desk.now))
                (votes(ticket))
                @if ticket.state == State::Asked { (form(desk, ticket, "ticket")) }
            }
            @if let Some((record, story)) = told {
                section class="card" {
                    h2 { "What it is about" }
                    (story::about(story))
                    p class="more" { a href={ "/decisions/" (record.public.decision) } { "The whole decision" } }
                }
            }
        }
        section class="card" {
            h2 { "What exactly is approved" }
            (binding(&ticket.binding))
        }
    };
    console(desk, &place, &main)
}

/// The ticket on its decision's page, with a form while it waits.
pub fn card(desk: &Desk<'_>, ticket: &Ticket) -> Markup {
    html! {
        section class={ "card ticket " (tone(ticket.state)) } {
            h2 { "The approval: " (ticket.state) }
            p { (words::prose(&ticket.why)) }
            @if let Some(because) = &ticket.asked_because { p { "The asker says: " (words::told(because)) } }
            (demands(ticket, desk.now))
            (votes(ticket))
            @if ticket.state == State::Asked { (form(desk, ticket, "decision")) }
            details { summary { "What exactly is approved" } (binding(&ticket.binding)) }
            p class="more" { a href={ "/tickets/" (ticket.id) } { "The ticket" } }
        }
    }
}

/// A state as a badge: the word, and the colour and shape of what follows from it.
pub fn badge(state: State) -> Markup {
    let verdict = match state {
        State::Asked => Verdict::Approve,
        State::Granted | State::Spent => Verdict::Allow,
        State::Refused | State::Expired | State::Revoked => Verdict::Block,
    };
    html! { span class={ "badge " (words::class(verdict)) } { (words::icon(verdict)) (state) } }
}

fn demands(ticket: &Ticket, now: Time) -> Markup {
    html! {
        dl class="facts" {
            @for asked in &ticket.asked {
                dt { "Asked by " (words::code(asked.rule.as_str())) }
                dd { (asked.demand.count) " of " (words::told(asked.demand.from.group.as_deref().unwrap_or("the named people"))) " (" (asked.eligible) " can)" }
            }
            (times(ticket, now))
        }
    }
}

/// The colour of a state.
pub const fn tone(state: State) -> &'static str {
    match state {
        State::Asked => "approve",
        State::Granted | State::Spent => "allow",
        State::Refused | State::Expired | State::Revoked => "block",
    }
}

fn times(ticket: &Ticket, now: Time) -> Markup {
    html! {
        dt { "Asked" } dd { (words::when(ticket.asked_at)) }
        @match (ticket.state, ticket.grant_ends) {
            (State::Granted, Some(ends)) => { dt { "Good until" } dd { (until(ends, now)) } }
            (State::Asked, _) => { dt { "Open until" } dd { (until(ticket.expires_at, now)) } }
            (State::Granted | State::Spent | State::Refused | State::Expired | State::Revoked, _) => {}
        }
        @if let Some(decision) = ticket.spent_by {
            dt { "Used by" } dd { a href={ "/decisions/" (decision) } { (words::short(&decision.to_string())) } }
        }
    }
}

fn until(then: Time, now: Time) -> Markup {
    html! { (words::when(then)) @if let Some(left) = words::left(then, now) { " (" (left) " left)" } }
}

fn votes(ticket: &Ticket) -> Markup {
    html! {
        @if !ticket.votes.is_empty() {
            ul class="rows" {
                @for vote in &ticket.votes {
                    li {
                        strong { (words::told(&vote.by)) } @match vote.vote { VoteWord::Approve => " approved", VoteWord::Deny => " denied" }
                        ", " (words::when(vote.at))
                        @if !vote.reason.is_empty() { ": " (words::told(&vote.reason)) }
                    }
                }
            }
        }
    }
}

/// `back` says which page the form stands on.
fn form(desk: &Desk<'_>, ticket: &Ticket, back: &str) -> Markup {
    html! {
        form class="vote" method="post" action={ "/api/v1/tickets/" (ticket.id) "/votes" } {
            (hidden(desk.token))
            input type="hidden" name="back" value=(back);
            label for="reason" { "Why (goes into the record)" }
            textarea id="reason" name="reason" rows="2" maxlength="2000" {}
            div class="buttons" {
                button name="vote" value="approve" class="approve" { (words::icon(Verdict::Allow)) "Approve" }
                button name="vote" value="deny" class="deny" { (words::icon(Verdict::Block)) "Deny" }
            }
            p class="note" { "The record will say: operator session." }
        }
    }
}

fn binding(binding: &Binding) -> Markup {
    let none = || "none".to_owned();
    let rows = [
        ("action", binding.action.clone()),
        ("connection", binding.connection.clone()),
        ("repository", binding.repository.clone().unwrap_or_else(none)),
        ("ref", binding.reference.clone().unwrap_or_else(none)),
        ("commit", binding.commit.clone().unwrap_or_else(none)),
        ("environment", binding.environment.clone().unwrap_or_else(none)),
        (
            "variables",
            if binding.variables.is_empty() { none() } else { binding.variables.join(", ") },
        ),
        ("script SHA-256", binding.script_sha256.clone().unwrap_or_else(none)),
        ("bundle", binding.bundle.clone()),
        ("facts SHA-256", binding.facts.clone()),
    ];
    html! {
        dl class="facts ids" { @for (label, value) in &rows { dt { (label) } dd { (words::code(value)) } } }
        p class="note" { "One of these differs, and the approval does not fit." }
    }
}
