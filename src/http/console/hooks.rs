//! The Bitbuckets that are guarded: how we speak to each, and when each of its hooks was heard last.

use maud::Markup;
use maud::html;

use crate::gateway::glance::HookSeen;
use crate::graph::ConnectionId;
use crate::graph::Product;
use crate::graph::Time;
use crate::http::console::frame::Depth;
use crate::http::console::frame::Desk;
use crate::http::console::frame::Place;
use crate::http::console::frame::Section;
use crate::http::console::frame::console;
use crate::http::console::overview::heard;
use crate::http::console::part;
use crate::http::console::words;

/// One connection as people see it.
#[derive(Debug)]
pub struct Shown {
    /// Its id.
    pub id: ConnectionId,
    /// Which product.
    pub product: Product,
    /// Labels and values: how we speak to it, what may be written there.
    pub facts: Vec<(&'static str, String)>,
    /// When its part of the graph was read last.
    pub read: Option<Time>,
    /// Its hooks.
    pub hooks: Vec<HookSeen>,
}

/// The page.
pub fn page(desk: &Desk<'_>, connections: &[Shown]) -> String {
    let place = Place { section: Section::Connections, title: "Connections", depth: Depth::Top };
    let main = html! {
        h1 { "Connections" }
        @if connections.is_empty() {
            section class="card empty" { h2 { "No connection is configured" } p { "Add one to the configuration file: " code { "portcullis config init" } " shows how." } }
        }
        @for connection in connections { (card(connection, desk.now)) }
    };
    console(desk, &place, &main)
}

fn card(connection: &Shown, now: Time) -> Markup {
    html! {
        section class="card" {
            h2 { (connection.id) " " span class="badge plain" { (product(connection.product)) } }
            dl class="facts" {
                dt { "Who may do what" }
                dd { @match connection.read { Some(read) => { "read " (words::ago(read, now)) }, None => "not read: rules that ask for rights cannot tell" } }
                @for (label, value) in &connection.facts { dt { (label) } dd { (words::told(value)) } }
            }
            @if connection.hooks.is_empty() { p class="note" { "It has no hook: only checks are answered." } } @else { (table(&connection.hooks, now)) }
        }
    }
}

const fn product(product: Product) -> &'static str {
    match product {
        Product::Cloud => "Bitbucket Cloud",
        Product::DataCenter => "Bitbucket Data Center",
    }
}

fn table(hooks: &[HookSeen], now: Time) -> Markup {
    html! {
        table class="grid" role="table" {
            (part::columns(&["Hook", "Heard last", "Missed after", "Deliveries, 24 h", "Could not be read"]))
            tbody role="rowgroup" {
                @for hook in hooks {
                    tr role="row" {
                        td role="cell" data-label="Hook" { code { (words::told(&hook.letters)) "…" } }
                        td role="cell" data-label="Heard last" { (heard(hook, now)) @if let Some(last) = hook.last { span class="sub" { (words::when(last)) } } }
                        td role="cell" data-label="Missed after" { @match hook.silent_after { Some(after) => (words::length(after)), None => span class="sub" { "never: " (words::code("silent_after")) " is not set" } } }
                        td role="cell" data-label="Deliveries, 24 h" { (hook.deliveries) }
                        td role="cell" data-label="Could not be read" { @if hook.dead > 0 { a href="/dead-letters" { (hook.dead) } } @else { "0" } }
                    }
                }
            }
        }
    }
}
