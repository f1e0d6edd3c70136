//! The ticket on a decision's page: what is bound, who voted, and the form to vote with.

use maud::Markup;
use maud::html;

use crate::approval::Binding;
use crate::approval::State;
use crate::approval::Ticket;
use crate::approval::VoteWord;
use crate::graph::Time;
use crate::http::console::words;

/// The ticket, with a form while it waits.
pub fn card(ticket: &Ticket, now: Time) -> Markup {
    html! {
        section class={ "card ticket " (tone(ticket.state)) } {
            h2 { "The approval: " (ticket.state) }
            p { (words::prose(&ticket.why)) }
            dl class="facts" {
                @for asked in &ticket.asked {
                    dt { "Asked by " (words::code(asked.rule.as_str())) }
                    dd { (asked.demand.count) " of " (words::told(asked.demand.from.group.as_deref().unwrap_or("the named people"))) " (" (asked.eligible) " can)" }
                }
                @if let Some(because) = &ticket.asked_because { dt { "The asker says" } dd { (words::told(because)) } }
                (times(ticket, now))
            }
            (votes(ticket))
            @if ticket.state == State::Asked { (form(ticket)) }
            details { summary { "What exactly is approved" } (binding(&ticket.binding)) }
        }
    }
}

const fn tone(state: State) -> &'static str {
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

fn form(ticket: &Ticket) -> Markup {
    html! {
        form class="vote" method="post" action={ "/api/v1/tickets/" (ticket.id) "/votes" } {
            label for="reason" { "Why (goes into the record)" }
            textarea id="reason" name="reason" rows="2" maxlength="2000" {}
            div class="buttons" {
                button name="vote" value="approve" class="approve" { (words::icon(crate::policy::Verdict::Allow)) "Approve" }
                button name="vote" value="deny" class="deny" { (words::icon(crate::policy::Verdict::Block)) "Deny" }
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
