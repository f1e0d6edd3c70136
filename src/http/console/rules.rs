//! The rules in force: how each is taken on each connection, and what it did so far.

use maud::Markup;
use maud::html;
use url::form_urlencoded::byte_serialize;

use crate::decision::Modes;
use crate::gateway::friction::Friction;
use crate::gateway::friction::Frictions;
use crate::graph::ConnectionId;
use crate::http::console::frame::Depth;
use crate::http::console::frame::Desk;
use crate::http::console::frame::Place;
use crate::http::console::frame::Section;
use crate::http::console::frame::console;
use crate::http::console::part;
use crate::http::console::words;
use crate::policy::Bundle;
use crate::policy::Rule;

/// What the page shows.
#[derive(Debug)]
pub struct Listing<'a> {
    /// The active bundle.
    pub bundle: &'a Bundle,
    /// How rules are taken.
    pub modes: &'a Modes,
    /// The connections there are.
    pub connections: Vec<ConnectionId>,
    /// What rules did.
    pub frictions: Frictions,
    /// Why the newest candidate is not the active bundle.
    pub refused: Option<String>,
}

/// The page.
pub fn page(desk: &Desk<'_>, listing: &Listing<'_>) -> String {
    let place = Place { section: Section::Rules, title: "Rules", depth: Depth::Top };
    let main = html! {
        h1 { "Rules" }
        (part::banner("alarm", "The newest rules were refused, the last good ones stay", &listing.refused.iter().cloned().collect::<Vec<_>>()))
        p class="intro" {
            (part::counted(listing.bundle.rules.len() as u64, "rule", "rules")) " of bundle " (words::short(&listing.bundle.revision))
            ". What they did is counted over the last 7 days, "
            (part::counted(listing.frictions.looked, "decision", "decisions"))
            @if listing.frictions.more { " (the newest; there were more)" } "."
        }
        (table(listing))
        p class="note" {
            "Before a rule leaves shadow: " code { "portcullis policy promote RULE --scope CONNECTION" } " names whom it would have stopped, and enforces it with " code { "--yes" } "."
        }
    };
    console(desk, &place, &main)
}

/// The address of a rule's page: ids have slashes, addresses of pages have dots.
pub fn address(id: &str) -> String {
    let id = id.replace('/', ".");
    byte_serialize(id.as_bytes()).fold("/rules/".to_owned(), |address, part| address + part)
}

fn table(listing: &Listing<'_>) -> Markup {
    html! {
        table class="list rules" role="table" {
            (part::columns(&["Rule", "Taken as", "Looked", "Matched", "Stopped", "Would have", "Approvals"]))
            tbody role="rowgroup" { @for rule in &listing.bundle.rules { (row(rule, listing)) } }
        }
    }
}

fn row(rule: &Rule, listing: &Listing<'_>) -> Markup {
    let did = listing.frictions.of(&rule.id);
    html! {
        tr role="row" class="plain" {
            td role="cell" data-label="Rule" class="reason" {
                a href=(address(rule.id.as_str())) { (words::told(&rule.title)) }
                span class="sub" { (words::told(rule.id.as_str())) " · " (rule.severity) @if let Some(owner) = &rule.owner { " · " (words::told(owner)) } }
            }
            td role="cell" data-label="Taken as" { (taken(rule, listing)) }
            td role="cell" data-label="Looked" class="number" { (number(did.asked)) }
            td role="cell" data-label="Matched" class="number" { (matched(did)) }
            td role="cell" data-label="Stopped" class="number" { (number(did.stopped)) }
            td role="cell" data-label="Would have" class="number" { (number(did.would_have)) }
            td role="cell" data-label="Approvals" { (approvals(did)) }
        }
    }
}

/// The mode on each connection; once where all agree.
fn taken(rule: &Rule, listing: &Listing<'_>) -> Markup {
    let of = |connection| listing.modes.of(connection, &rule.id);
    let mut modes: Vec<_> = listing.connections.iter().map(of).collect();
    modes.dedup();
    html! {
        @match modes.as_slice() {
            [] => (words::mode(listing.modes.default())),
            [one] => (words::mode(*one)),
            _ => @for connection in &listing.connections {
                span class="line" { (words::mode(of(connection))) " " span class="sub inline" { (connection) } }
            },
        }
    }
}

/// Nothing stands back.
fn number(count: u64) -> Markup {
    html! { @if count == 0 { span class="sub inline" { "0" } } @else { strong { (count) } } }
}

/// With those where it could not tell.
pub fn matched(did: Friction) -> Markup {
    html! {
        (number(did.matched))
        @if did.could_not_tell > 0 { span class="sub" { "could not tell: " (did.could_not_tell) } }
    }
}

/// What became of the approvals it asked for.
pub fn approvals(did: Friction) -> Markup {
    let open = did.approvals.saturating_sub(did.granted + did.refused + did.lapsed);
    let parts =
        [("given", did.granted), ("refused", did.refused), ("lapsed", did.lapsed), ("open", open)];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    html! {
        @if did.approvals == 0 { span class="sub" { "none asked" } }
        @else { (did.approvals) " asked" span class="sub" { (parts.join(", ")) } }
    }
}
