//! The posture report: one file for somebody who has never seen us. What is wrong and how bad, the worst first with what
//! to do, who has how much of it, where it is going, what cannot be told and what would settle it, what was accepted, and
//! how that bears on controls. It loads nothing, runs nothing and leads nowhere, so that it can be mailed and printed.

use maud::Markup;
use maud::html;

use crate::graph::ConnectionId;
use crate::graph::Product;
use crate::graph::Time;
use crate::http::console::findings::controls;
use crate::http::console::findings::controls::Ways;
use crate::http::console::findings::heap;
use crate::http::console::findings::heap::Heap;
use crate::http::console::findings::marks;
use crate::http::console::findings::trend::trend;
use crate::http::console::findings::untold;
use crate::http::console::findings::worst;
use crate::http::console::frame::alone;
use crate::http::console::part;
use crate::http::console::words;
use crate::posture::Catalogue;
use crate::posture::Finding;
use crate::posture::Outcome;
use crate::posture::Scan;
use crate::posture::Score;
use crate::posture::controls::Map;
use crate::posture::last_of_each;

/// Rules in the part that is read first: what does not fit is in the whole list.
const MAX_WORST: usize = 5;

/// Most rows of a table: a report of ten thousand rows is read by nobody, and CSV holds them all.
const MAX_ROWS: usize = 500;

/// Whether the findings of a report are all there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// They are.
    All,
    /// They are the worst; there are others.
    Worst,
}

/// What the report shows.
#[derive(Clone, Debug)]
pub struct Shown<'a> {
    /// What is reported on, in words: the names of the connections.
    pub about: String,
    /// The connections with their products.
    pub connections: Vec<(ConnectionId, Product)>,
    /// Every finding that fails or cannot be told.
    pub findings: &'a [Finding],
    /// Scans, in any order: the last of each connection is what holds now, the others are the trend.
    pub scans: &'a [Scan],
    /// The rules there are.
    pub catalogue: &'a Catalogue,
    /// The control map.
    pub controls: &'a Map,
    /// Whether these are all findings.
    pub extent: Extent,
    /// The time.
    pub at: Time,
}

/// The whole file.
pub fn report(shown: &Shown<'_>) -> String {
    let now: Vec<&Scan> = last_of_each(shown.scans);
    let main = html! {
        (head(shown, &now))
        (worst_first(shown))
        (pictures(shown))
        (untold::card(shown))
        (accepted(shown))
        (everything(shown, &now))
        (control_map(shown))
        (how_to_read(shown, &now))
    };
    let foot = html! { p { "Made by Portcullis " (words::when(shown.at)) ". It loads nothing and leads nowhere." } };
    alone(&format!("Posture of {}", shown.about), &main, &foot)
}

/// What is read in the first ten seconds.
fn head(shown: &Shown<'_>, now: &[&Scan]) -> Markup {
    let heap = Heap::of(shown.findings, shown.at);
    let score = Score::of(now.iter().flat_map(|scan| &scan.tallies));
    html! {
        h1 { "Posture of " (words::told(&shown.about)) }
        section class="card" {
            p class="lead" { strong { (wrong(&heap)) } " " (unsure(&heap)) }
            @if shown.extent == Extent::Worst {
                p class="hint" { "These are the worst " (shown.findings.len()) " findings; there are more. Checks are counted over all." }
            }
            (parts(score))
            @for scan in now {
                p class="note" {
                    (words::told(&scan.connection)) ": " (part::counted(scan.subjects, "thing", "things")) " looked at, " (words::when(scan.at)) "."
                }
            }
        }
    }
}

fn wrong(heap: &Heap) -> String {
    if heap.wrong() == 0 {
        return "Nothing that could be looked at is wrong.".to_owned();
    }
    let what = part::counted(heap.wrong(), "finding is open", "findings are open");
    let open = Heap { open: heap.open.clone(), ..Heap::default() };
    format!("{what}: {}.", open.said())
}

fn unsure(heap: &Heap) -> String {
    match heap.unknown {
        0 => "Nothing is left unknown.".to_owned(),
        1 => "1 thing cannot be told; that is no pass.".to_owned(),
        many => format!("{many} things cannot be told; that is no pass."),
    }
}

/// All checks as one bar: what complies, what does not, and what nobody knows.
fn parts(score: Score) -> Markup {
    let all = score.all();
    let (pass, fail) = (heap::percent(score.pass, all), heap::percent(score.fail, all));
    let (unknown, before) =
        (heap::percent(score.unknown, all), heap::percent(score.pass + score.fail, all));
    html! {
        @if all > 0 {
            (heap::hatching("untold-all"))
            svg class="strip all" width="100%" height="20" role="img" aria-label="All checks: what complies, fails and cannot be told; the line below has the numbers" {
                rect class="passes" width=(pass) height="20" {}
                rect class="fails" x=(pass) width=(fail) height="20" {}
                rect class="untold" fill="url(#untold-all)" x=(before) width=(unknown) height="20" {}
            }
            p class="legend" {
                span class="key" { svg width="12" height="12" aria-hidden="true" focusable="false" { rect class="passes" width="12" height="12" {} } (score.pass) " comply" }
                span class="key" { svg width="12" height="12" aria-hidden="true" focusable="false" { rect class="fails" width="12" height="12" {} } (score.fail) " fail" @if score.accepted > 0 { ", " (score.accepted) " of them accepted" } }
                span class="key" { svg width="12" height="12" aria-hidden="true" focusable="false" { rect class="untold" fill="url(#untold-all)" width="12" height="12" {} } (score.unknown) " cannot be told" }
            }
        }
        p { (score.said()) }
    }
}

fn worst_first(shown: &Shown<'_>) -> Markup {
    let groups = worst::groups(shown.findings, shown.at);
    let (first, rest) = groups.split_at(groups.len().min(MAX_WORST));
    // What to do on a product where the rule fails nowhere would only be in the way.
    let products = |group: &worst::Group<'_>| {
        let concerned = |id: &ConnectionId| {
            group.findings.iter().any(|finding| finding.subject.id.connection() == *id)
        };
        let there = shown.connections.iter().filter(|(id, _)| concerned(id));
        there.map(|(_, product)| *product).collect::<Vec<Product>>()
    };
    html! {
        section class="card" {
            h2 { "What to do first" }
            @if first.is_empty() { p { "No finding is open." } }
            ol class="worst" { @for group in first { (worst::card(group, shown.catalogue, &products(group), shown.at)) } }
            @if !rest.is_empty() { p class="note" { (part::counted(rest.len() as u64, "other rule fails", "other rules fail")) " less badly or less often; the whole list is below." } }
        }
    }
}

fn pictures(shown: &Shown<'_>) -> Markup {
    let by_owner = heap::by(shown.findings, shown.at, |finding| &finding.owner.name);
    let by_category = heap::by(shown.findings, shown.at, |finding| &finding.category);
    html! {
        div class="columns" {
            section class="card" { h2 { "Whose they are" } (heap::picture(&by_owner, "untold-owner")) }
            section class="card" { h2 { "What they are about" } (heap::picture(&by_category, "untold-category")) }
        }
        section class="card" { h2 { "Where it is going" } (trend(shown.scans, "untold-trend")) }
    }
}

fn accepted(shown: &Shown<'_>) -> Markup {
    let lived_with =
        || shown.findings.iter().filter(|finding| marks::is_accepted(finding, shown.at));
    let count = lived_with().count();
    html! {
        @if count > 0 {
            section class="card" {
                h2 { "Accepted for a while" }
                p class="note" { "Somebody lives with these. They count as failing, and are open again from the day named." }
                table class="grid" role="table" {
                    (part::columns(&["Finding", "Until", "By", "Because"]))
                    tbody role="rowgroup" {
                        @for finding in lived_with().take(MAX_ROWS) { (acceptance(finding)) }
                    }
                }
                @if count > MAX_ROWS { p class="note" { (count - MAX_ROWS) " more are in the CSV export." } }
            }
        }
    }
}

fn acceptance(finding: &Finding) -> Markup {
    html! {
        @if let Some(accepted) = &finding.accepted {
            tr role="row" {
                td role="cell" data-label="Finding" { (marks::badge(finding.severity)) " " (words::prose(&marks::headline(finding))) span class="sub" { (words::told(&finding.subject.name)) } }
                td role="cell" data-label="Until" { (marks::day(accepted.until)) }
                td role="cell" data-label="By" { (words::told(&accepted.by)) }
                td role="cell" data-label="Because" { (words::told(&accepted.because)) }
            }
        }
    }
}

/// Every rule with what it said, by category and then from the worst; and what it found, one press away.
fn everything(shown: &Shown<'_>, now: &[&Scan]) -> Markup {
    let mut category = "";
    let mut parts: Vec<(&str, Markup)> = Vec::new();
    for listing in &shown.catalogue.rules {
        let said = Score::of(
            now.iter().flat_map(|scan| &scan.tallies).filter(|tally| tally.rule == listing.rule),
        );
        let row = html! {
            tr role="row" {
                td role="cell" data-label="Rule" { (marks::badge(listing.severity)) " " (words::told(&listing.title)) (named(shown, listing.rule.as_str())) }
                td role="cell" data-label="Fail" class="number" { (said.fail) }
                td role="cell" data-label="Cannot be told" class="number" { (said.unknown) }
                td role="cell" data-label="Comply" class="number" { (said.pass) }
            }
        };
        if listing.category != category {
            category = &listing.category;
            parts.push((category, html! {}));
        }
        if let Some((_, rows)) = parts.last_mut() {
            *rows = html! { (rows) (row) };
        }
    }
    html! {
        section class="card" {
            h2 { "Everything that was looked for" }
            @for (category, rows) in &parts {
                h3 { (words::told(category)) }
                table class="grid numbers everything" role="table" {
                    (part::columns(&["Rule", "Fail", "Cannot be told", "Comply"]))
                    tbody role="rowgroup" { (rows) }
                }
            }
        }
    }
}

/// What one rule found, by name.
fn named(shown: &Shown<'_>, rule: &str) -> Markup {
    let of = || {
        let failing = |finding: &&Finding| finding.outcome == Outcome::Fail;
        shown.findings.iter().filter(move |finding| finding.rule.as_str() == rule).filter(failing)
    };
    let count = of().count();
    html! {
        @if count > 0 {
            details {
                summary { "Where: " (part::counted(count as u64, "place", "places")) }
                ul class="rows" {
                    @for finding in of().take(MAX_ROWS) {
                        li {
                            (words::told(&finding.subject.name))
                            span class="sub" {
                                (words::told(&finding.owner.name)) " · " (marks::state(finding, shown.at))
                                @if let Some(reason) = finding.reasons.first() { " · " (words::prose(&reason.text)) }
                            }
                        }
                    }
                }
                @if count > MAX_ROWS { p class="note" { (count - MAX_ROWS) " more are in the CSV export." } }
            }
        }
    }
}

fn control_map(shown: &Shown<'_>) -> Markup {
    html! {
        section class="card bare" { h2 { "Controls" } (controls::intro(shown.controls)) }
        (controls::frameworks(shown.controls, Ways::Alone))
    }
}

fn how_to_read(shown: &Shown<'_>, now: &[&Scan]) -> Markup {
    let bundles = now.iter().map(|scan| scan.bundle.get(..12).unwrap_or(&scan.bundle));
    let mut bundles: Vec<&str> = bundles.collect();
    bundles.dedup();
    html! {
        section class="card" {
            h2 { "How to read this" }
            ul {
                li { strong { "A rule" } " says how things should be. " strong { "A check" } " is one rule about one thing: a repository, a person, a key." }
                li { strong { "Fail" } ": the setting is wrong, and it says why. " strong { "Comply" } ": every fact the rule needs was read, and none is wrong." }
                li { strong { "Cannot be told" } ": a fact could not be read. It may be right or wrong, and never counts as right." }
                li { strong { "At least … at most" } ": what is known to comply, and what would if everything unknown did. Severities are not weighed in." }
                li { strong { "Accepted" } ": somebody answers for living with it until a day. It still counts as failing." }
            }
            p class="note" {
                (part::counted(shown.catalogue.rules.len() as u64, "rule", "rules")) ", rule set "
                @for (at, bundle) in bundles.iter().enumerate() { @if at > 0 { ", " } code { (bundle) } } "."
            }
        }
    }
}
