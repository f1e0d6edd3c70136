//! What cannot be told, and what would settle it: what one more scope would, with a guess at how much of that would fail,
//! and every reason there is with the findings that it keeps open.

use maud::Markup;
use maud::html;

use crate::http::console::findings::marks;
use crate::http::console::findings::report::Shown;
use crate::http::console::part;
use crate::http::console::words;
use crate::posture::Outcome;
use crate::posture::Settle;
use crate::posture::Tally;
use crate::posture::Worth;
use crate::posture::last_of_each;
use crate::posture::scopes::worth;
use crate::posture::settles;

/// Most ways to settle what cannot be told.
const MAX_SETTLES: usize = 20;

/// The part of the report.
pub(super) fn card(shown: &Shown<'_>) -> Markup {
    let all = settles(shown.findings);
    let (first, rest) = all.split_at(all.len().min(MAX_SETTLES));
    html! {
        section class="card" {
            h2 { "What cannot be told, and what would settle it" }
            @if first.is_empty() { p { "Everything that was looked at could be told." } } @else {
                (scopes(shown))
                p class="note" { "Every reason, the first settles most. A finding may wait for several things: how many wait for this alone is said too." }
                table class="grid" role="table" {
                    (part::columns(&["What would settle it", "Findings", "Of this alone", "Worst it could be"]))
                    tbody role="rowgroup" { @for one in first { (settle(one)) } }
                }
                @if !rest.is_empty() { p class="note" { (part::counted(rest.len() as u64, "more reason is not shown.", "more reasons are not shown.")) } }
            }
        }
    }
}

/// What one more scope would settle, connection by connection.
fn scopes(shown: &Shown<'_>) -> Markup {
    let worths = worths(shown);
    html! {
        @if !worths.is_empty() {
            ul class="matters" {
                @for (connection, worth) in &worths { li { (scope(connection, worth)) } }
            }
        }
    }
}

fn scope(connection: &str, worth: &Worth) -> Markup {
    html! {
        strong { "Granting " (words::code(&worth.scope)) " on " (words::told(connection)) " settles " (part::counted(worth.settles, "finding", "findings")) "." }
        @if worth.settles > 0 {
            " Going by those of the same rules that are told, "
            @match worth.likely_failures { 0 => "none of them", likely => { "about " (likely) " of them" } }
            " would fail."
        }
        @if worth.helps > 0 { " " (part::counted(worth.helps, "more needs", "more need")) " it and another scope." }
    }
}

/// The worth of every scope that a connection lacks.
fn worths(shown: &Shown<'_>) -> Vec<(String, Worth)> {
    let last = last_of_each(shown.scans);
    let of = |connection: &str| -> &[Tally] {
        let scan = last.iter().find(|scan| scan.connection == connection);
        scan.map(|scan| scan.tallies.as_slice()).unwrap_or_default()
    };
    let mut all = Vec::new();
    for (connection, product) in &shown.connections {
        let unknown = shown.findings.iter().filter(|finding| {
            finding.outcome == Outcome::Unknown && finding.subject.id.connection() == *connection
        });
        let gaps = unknown.map(|finding| (&finding.rule, finding.unknown.as_slice()));
        let worths = worth(shown.catalogue, *product, of(connection.as_str()), gaps);
        all.extend(worths.into_iter().map(|worth| (connection.to_string(), worth)));
    }
    all
}

fn settle(one: &Settle) -> Markup {
    html! {
        tr role="row" {
            td role="cell" data-label="What would settle it" { (words::prose(&one.why)) span class="sub" { (part::counted(one.rules.len() as u64, "rule waits for it", "rules wait for it")) } }
            td role="cell" data-label="Findings" class="number" { (one.findings) }
            td role="cell" data-label="Of this alone" class="number" { (one.alone) }
            td role="cell" data-label="Worst it could be" { (marks::badge(one.worst)) }
        }
    }
}
