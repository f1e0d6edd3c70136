//! The page of a notice: made for a phone, for somebody who wants to go home.

use maud::Markup;
use maud::html;

use crate::approval::State;
use crate::decision::Binds;
use crate::decision::Effect;
use crate::graph::Time;
use crate::http::console::frame::Page;
use crate::http::console::frame::Renewal;
use crate::http::console::frame::frame;
use crate::http::console::notice::Notice;
use crate::http::console::notice::RuleNotice;
use crate::http::console::notice::TicketNotice;
use crate::http::console::words;

/// How often a page looks again while a ticket waits, seconds.
const LOOK_AGAIN: u32 = 15;

/// For the person who was stopped.
pub fn decision_page(notice: &Notice, now: Time) -> String {
    let main = html! {
        (hero(notice))
        (what_now(notice, now))
        @if let Some(ticket) = &notice.ticket { (ticket_card(ticket, now)) }
        (rules(notice))
        (fine_print(notice))
    };
    frame(&page(notice, notice.headline), &main)
}

/// For whoever can approve: the same facts, the ticket first.
pub fn ticket_page(notice: &Notice, now: Time) -> String {
    let main = html! {
        (hero(notice))
        @if let Some(ticket) = &notice.ticket {
            (ticket_card(ticket, now))
            (for_approvers(ticket))
        }
        (rules(notice))
        (fine_print(notice))
    };
    frame(&page(notice, notice.headline), &main)
}

fn page<'a>(notice: &Notice, title: &'a str) -> Page<'a> {
    let renewal = if notice.moves() { Renewal::Every(LOOK_AGAIN) } else { Renewal::Never };
    Page { title, renewal, brake: notice.brake }
}

/// The colour follows what has become of it, the badge what the rules said.
fn hero(notice: &Notice) -> Markup {
    html! {
        section class={ "hero " (tone(notice)) } {
            p class="kicker" { (words::badge(notice.verdict)) @if is_now(notice) { " " span { (words::force(notice.effect, notice.binds)) } } }
            h1 { (notice.headline) }
            p class="lead" { (words::prose(&notice.reason)) }
            @for because in &notice.because { p class="note" { (words::prose(because)) } }
            p class="note" { (notice.reach) }
        }
    }
}

/// Whether what the caller must do is still what the decision said: a ticket that moved changed it.
fn is_now(notice: &Notice) -> bool {
    notice.ticket.as_ref().is_none_or(|ticket| ticket.state == State::Asked)
}

fn tone(notice: &Notice) -> &'static str {
    match (notice.effect, notice.ticket.as_ref().map(|ticket| ticket.state)) {
        (Effect::Wait, Some(State::Granted | State::Spent)) => "allow",
        (Effect::Wait, Some(State::Refused | State::Expired | State::Revoked))
        | (Effect::Stop, _) => "block",
        (Effect::Wait, Some(State::Asked) | None) => "approve",
        (Effect::Proceed, _) => words::class(notice.verdict),
    }
}

fn what_now(notice: &Notice, now: Time) -> Markup {
    let steps = steps(notice, now);
    html! {
        section class="card" {
            h2 { "What now" }
            @if steps.is_empty() {
                p { (nothing_to_do(notice)) }
            } @else {
                ul class="steps" { @for step in &steps { li { (words::prose(step)) } } }
            }
        }
    }
}

fn steps(notice: &Notice, now: Time) -> Vec<String> {
    let mut steps = match (notice.effect, &notice.ticket) {
        (Effect::Wait, Some(ticket)) => ticket_steps(notice, ticket, now),
        (Effect::Wait, None) => {
            notice.who.iter().map(|who| format!("Ask {who} to approve it.")).collect()
        }
        (Effect::Stop | Effect::Proceed, _) => Vec::new(),
    };
    let open = notice.ticket.as_ref().is_none_or(|ticket| ticket.state != State::Granted);
    if notice.effect != Effect::Proceed && open {
        steps.extend(notice.remedies.iter().cloned());
    }
    if notice.effect == Effect::Stop && steps.is_empty() {
        steps.push(
            "Show this page to whoever looks after the rule below: no way round it is known."
                .to_owned(),
        );
    }
    steps
}

fn ticket_steps(notice: &Notice, ticket: &TicketNotice, now: Time) -> Vec<String> {
    let ask = || {
        ticket.asked.iter().map(|who| format!("Ask {who} to approve it, and send them this page."))
    };
    let again = "Run the step again: it asks anew.".to_owned();
    match ticket.state {
        State::Asked if notice.binds == Binds::Prevents => {
            ask().chain(["A step that waits goes on by itself. One that has ended is run again after the approval.".to_owned()]).collect()
        }
        State::Asked => ask().collect(),
        State::Granted => vec![match ticket.grant_ends.and_then(|ends| words::left(ends, now)) {
            Some(left) => format!("Run the step again within {left}, on the same commit."),
            None => "Run the step again on the same commit.".to_owned(),
        }],
        State::Spent => Vec::new(),
        State::Refused => vec!["Talk to whoever was asked, change what they refuse, and run the step again.".to_owned()],
        State::Expired | State::Revoked => vec![again],
    }
}

fn nothing_to_do(notice: &Notice) -> &'static str {
    match notice.binds {
        Binds::After => "Nothing. It has happened, and it is recorded.",
        Binds::Prevents | Binds::Gates | Binds::Signals => {
            "Nothing: it may go on, and it is recorded."
        }
    }
}

fn ticket_card(ticket: &TicketNotice, now: Time) -> Markup {
    html! {
        section class="card" {
            h2 { "The approval" }
            p { strong { (ticket.said) } @if ticket.state == State::Asked && ticket.missing > 1 { " " (ticket.missing) " approvals are missing." } }
            dl class="facts" {
                dt { "Asked" } dd { @for who in &ticket.asked { span class="line" { (words::told(who)) } } }
                @match ticket.state {
                    State::Asked => { dt { "Open until" } dd { (until(ticket.expires_at, now)) } }
                    State::Granted => @if let Some(ends) = ticket.grant_ends {
                        dt { "Good until" } dd { (until(ends, now)) }
                    },
                    State::Spent | State::Refused | State::Expired | State::Revoked => {}
                }
                dt { "Ticket" } dd { code { (ticket.id) } }
            }
            @if ticket.state == State::Asked { p class="note" { "This page looks again every " (LOOK_AGAIN) " seconds." } }
        }
    }
}

fn until(then: Time, now: Time) -> Markup {
    html! { (words::when(then)) @if let Some(left) = words::left(then, now) { " (" (left) " left)" } }
}

fn for_approvers(ticket: &TicketNotice) -> Markup {
    html! {
        @if ticket.state == State::Asked {
            section class="card" {
                h2 { "If you are asked" }
                p { "What exactly is approved (who, what, where, which commit) is shown after signing in: in the console of whoever runs Portcullis here, or with" }
                pre { code { "portcullis ticket show " (ticket.id) } }
                p { "Opening this page approves nothing." }
            }
        }
    }
}

fn rules(notice: &Notice) -> Markup {
    html! {
        section class="card" {
            h2 { "Why" }
            @if notice.uncovered { p { "No rule answers this kind of event. It is let pass, recorded as " strong { "uncovered" } ", and counted." } }
            @for rule in &notice.rules { (rule_part(rule)) }
            @if notice.silent > 0 {
                p class="note" { (silent(notice.silent)) }
            }
        }
    }
}

fn silent(count: usize) -> String {
    match count {
        1 => "1 rule was asked and has nothing to say.".to_owned(),
        many => format!("{many} rules were asked and have nothing to say."),
    }
}

fn rule_part(rule: &RuleNotice) -> Markup {
    html! {
        article class={ "rule " (words::class(rule.verdict)) } {
            h3 { (words::told(&rule.title)) }
            p class="meta" { (words::badge(rule.verdict)) " " (words::code(rule.rule.as_str())) }
            @for reason in &rule.reasons { p { (words::prose(reason)) } }
        }
    }
}

fn fine_print(notice: &Notice) -> Markup {
    html! {
        p class="note" {
            "Decision " code { (notice.decision) } ", made "
            @match notice.at.parse::<Time>() { Ok(at) => (words::when(at)), Err(_) => (notice.at) }
            ". Names, paths and facts are not shown here: whoever has this link can open it."
        }
    }
}
