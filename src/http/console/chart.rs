//! The small picture of a day: a bar for each hour, stacked by verdict. Whoever does not see it has the same numbers in
//! a table.

use maud::Markup;
use maud::html;

use crate::gateway::glance::Counts;
use crate::gateway::glance::Day;
use crate::graph::Time;
use crate::http::console::part;
use crate::http::console::words;
use crate::policy::Verdict;

/// Units of the picture: an hour's step, a bar's width, the tallest bar, and the room below for the hours' names.
const STEP: u64 = 30;
const BAR: u64 = 22;
const TALL: u64 = 96;
const NAMES: u64 = 22;

/// The least a count is drawn as: one decision among thousands is not nothing.
const LEAST: u64 = 3;

/// Every so many hours one is named.
const NAMED: usize = 6;

/// The picture, and the table.
pub fn day(day: &Day) -> Markup {
    let (width, height) = (STEP * day.hours.len() as u64, TALL + NAMES);
    let tallest = day.hours.iter().map(|(_, counts)| counts.all()).max().unwrap_or(0).max(1);
    html! {
        figure class="chart" {
            svg viewBox={ "0 0 " (width) " " (height) } role="img" aria-label="Decisions by hour and verdict; the table below has the numbers" {
                @for (at, (from, counts)) in day.hours.iter().enumerate() {
                    (bar(STEP * at as u64, *from, counts, tallest))
                    @if at % NAMED == 0 {
                        text x=(STEP * at as u64) y=(height - 5) { (hour(*from)) }
                    }
                }
                line x1="0" y1=(TALL) x2=(width) y2=(TALL) {}
            }
            figcaption { (legend()) }
        }
        details {
            summary { "The same as a table" }
            (table(day))
        }
    }
}

fn bar(x: u64, from: Time, counts: &Counts, tallest: u64) -> Markup {
    let mut top = TALL;
    html! {
        g {
            title { (hour(from)) " UTC: " (said(counts)) }
            // Where nothing happened there is still something to point at.
            rect class="ground" x=(x) y="0" width=(BAR) height=(TALL) {}
            @for (verdict, height) in stacked(counts, tallest) {
                rect class=(words::class(verdict)) x=(x) y=({ top -= height; top }) width=(BAR) height=(height) {}
            }
        }
    }
}

/// The heights of the verdicts that there were, mildest first.
fn stacked(counts: &Counts, tallest: u64) -> impl Iterator<Item = (Verdict, u64)> {
    // Room for the least of each, so that a full bar does not grow out of the picture.
    let room = TALL.saturating_sub(LEAST * 4);
    let there = Verdict::ALL.iter().map(|verdict| (*verdict, counts.verdict(*verdict)));
    there
        .filter(|(_, count)| *count > 0)
        .map(move |(verdict, count)| (verdict, LEAST.max(count.saturating_mul(room) / tallest)))
}

fn said(counts: &Counts) -> String {
    let there = Verdict::ALL.iter().map(|verdict| (verdict, counts.verdict(*verdict)));
    let said: Vec<String> = there
        .filter(|(_, count)| *count > 0)
        .map(|(verdict, count)| format!("{count} {verdict}"))
        .collect();
    if said.is_empty() { "nothing".to_owned() } else { said.join(", ") }
}

fn legend() -> Markup {
    html! {
        @for verdict in Verdict::ALL {
            span class={ "key " (words::class(*verdict)) } { (words::icon(*verdict)) (words::word(*verdict)) }
        }
    }
}

fn table(day: &Day) -> Markup {
    html! {
        table class="grid numbers" role="table" {
            (part::columns(&["Hour from", "Allow", "Alert", "Approve", "Block", "Uncovered"]))
            tbody role="rowgroup" {
                @for (from, counts) in day.hours.iter().rev().filter(|(_, counts)| counts.all() > 0) {
                    tr role="row" {
                        td role="cell" data-label="Hour from" { (words::when(*from)) }
                        @for verdict in Verdict::ALL {
                            td role="cell" data-label=(words::word(*verdict)) { (counts.verdict(*verdict)) }
                        }
                        td role="cell" data-label="Uncovered" { (counts.uncovered) }
                    }
                }
            }
        }
        p class="note" { "Hours without a decision are left out." }
    }
}

fn hour(time: Time) -> String {
    jiff::Timestamp::from_millisecond(time.millis())
        .map_or_else(|_| time.to_string(), |time| time.strftime("%H:%M").to_string())
}
