//! Lists about access: identities that are no people, and reports.

use maud::Markup;
use maud::html;

use crate::decision::narrative::shown as plain;
use crate::gateway::access::Identities;
use crate::gateway::access::Identity;
use crate::gateway::access::KINDS;
use crate::gateway::access::Named;
use crate::gateway::access::Report;
use crate::gateway::access::Wish;
use crate::graph::Cell;
use crate::graph::Subject;
use crate::graph::Time;
use crate::http::console::access::MAX_ROWS;
use crate::http::console::access::address;
use crate::http::console::frame::Depth;
use crate::http::console::frame::Desk;
use crate::http::console::frame::Place;
use crate::http::console::frame::Section;
use crate::http::console::frame::console;
use crate::http::console::part;
use crate::http::console::words;

/// The page of identities.
pub fn identities(desk: &Desk<'_>, wish: &Wish, found: &Identities) -> String {
    let place = Place { section: Section::Access, title: "Identities", depth: Depth::Below };
    let main = html! {
        h1 { "Identities that are no people" }
        (form(wish))
        p { (part::counted(found.identities.len() as u64, "identity", "identities")) "." }
        (rows(&found.identities, found.now))
        @if !found.maybe.is_empty() {
            section class="card unknown" { h2 { "Of these it cannot be told" } p { "Their last use or their end is not known." } }
            (rows(&found.maybe, found.now))
        }
    };
    console(desk, &place, &main)
}

fn form(wish: &Wish) -> Markup {
    html! {
        form class="choices" method="get" action="/access/identities" {
            label { span { "Kind" }
                select name="kind" {
                    option value="" { "all" }
                    @for kind in KINDS { option value=(kind) selected[wish.kind.as_deref() == Some(*kind)] { (kind) } }
                }
            }
            label { span { "Not used for days" } input type="text" inputmode="numeric" name="unused" value=[wish.unused_days]; }
            label { span { "Due within days" } input type="text" inputmode="numeric" name="expiring" value=[wish.expiring_days]; }
            label class="check" { input type="checkbox" name="unowned" value="true" checked[wish.unowned]; "Without an owner" }
            div class="buttons" { button { "Show" } }
        }
    }
}

fn rows(identities: &[Identity], now: Time) -> Markup {
    html! {
        table class="list" role="table" {
            (part::columns(&["Identity", "Owner", "The most it can do", "Last used", "Made", "Due", "Changed by"]))
            tbody role="rowgroup" {
                @for identity in identities.iter().take(MAX_ROWS) {
                    tr role="row" {
                        td role="cell" {
                            (name(identity))
                            span class="sub" { (identity.kind) @if !identity.active { ", switched off" } }
                        }
                        td role="cell" data-label="Owner" {
                            @if identity.owner.who.is_empty() { span class="badge unknown" { "unknown" } } @else {
                                (words::told(&names(&identity.owner.who)))
                                span class="sub" { (identity.owner.sure) }
                            }
                        }
                        td role="cell" data-label="The most it can do" {
                            (words::told(&identity.most))
                            @if let (Some(person), Some(most)) = (&identity.acts_for, &identity.principal_most) { span class="sub" { "acts for " (words::told(&names(std::slice::from_ref(person)))) ": " (words::told(most)) } }
                        }
                        td role="cell" data-label="Last used" { (time(identity, "last_used", identity.last_used, "never", now)) }
                        td role="cell" data-label="Made" { (time(identity, "created", identity.created, "", now)) }
                        td role="cell" data-label="Due" { (time(identity, "rotation_due", identity.rotation_due, "", now)) }
                        td role="cell" data-label="Changed by" { (part::counted(identity.changers, "identity", "identities")) @if identity.unknown.contains_key("changed_by") { span class="sub" { "or more" } } }
                    }
                }
            }
        }
        @if identities.len() > MAX_ROWS { p class="note" { "The first " (MAX_ROWS) " of " (identities.len()) " are shown; the API has all." } }
    }
}

fn name(identity: &Identity) -> Markup {
    let shown = names(std::slice::from_ref(&identity.who));
    html! { @match &identity.who.id { Some(id) => a href=(address(id)) { (words::told(&shown)) }, None => (words::told(&shown)) } }
}

fn names(named: &[Named]) -> String {
    let name = |named: &Named| named.name.clone().or_else(|| named.id.clone()).unwrap_or_default();
    named.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn time(identity: &Identity, member: &str, at: Option<Time>, none: &str, now: Time) -> Markup {
    html! {
        @match (at, identity.unknown.get(member)) {
            (Some(time), _) if time > now => (words::when(time)),
            (Some(time), _) => { (words::ago(time, now)) },
            (None, Some(why)) => span title=(plain(why)) { "unknown" },
            (None, None) => (none),
        }
    }
}

/// The page of a report.
pub fn report(desk: &Desk<'_>, report: &Report) -> String {
    let title = format!("Report: {}", report.report);
    let place = Place { section: Section::Access, title: &title, depth: Depth::Below };
    let main = html! {
        h1 { (title) }
        nav class="tabs" aria-label="Reports" { ul {
            @for subject in Subject::ALL { li { a href={ "/access/reports?report=" (subject) } aria-current=[(*subject == report.report).then_some("page")] { (subject) } } }
        } }
        p { (part::counted(report.rows.len() as u64, "row", "rows")) ". " a href={ "/api/v1/access/report?format=csv&report=" (report.report) } { "As CSV" } }
        (part::banner("hint", "What could not be read", &report.unknown))
        div class="wide" { table class="list" role="table" {
            (part::columns(report.columns))
            tbody role="rowgroup" {
                @for row in report.rows.iter().take(MAX_ROWS) {
                    tr role="row" {
                        @for (at, column) in report.columns.iter().enumerate() {
                            td role="cell" data-label=(column) {
                                @if let Some(cell) = row.cells.get(column) { (shown(cell)) }
                                @if at + 1 == report.columns.len() { @if let Some(at) = &row.change_at { " " a href=(at) rel="noreferrer" { "change" } } }
                            }
                        }
                    }
                }
            }
        } }
        @if report.rows.len() > MAX_ROWS { p class="note" { "The first " (MAX_ROWS) " of " (report.rows.len()) " rows are shown; the CSV has all." } }
    };
    console(desk, &place, &main)
}

fn shown(cell: &Cell) -> Markup {
    html! {
        @match cell {
            Cell::Unknown { unknown } => span class="badge unknown" title=(plain(unknown)) { "unknown" },
            Cell::Nothing(()) | Cell::Flag(_) | Cell::Whole(_) | Cell::Text(_) | Cell::List(_) => (words::told(&cell.shown())),
        }
    }
}
