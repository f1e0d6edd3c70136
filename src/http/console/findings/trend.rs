//! How the counts went from scan to scan: a column each, failures by severity, unknown on top in its own pattern; and the
//! same in words and as a table.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use maud::Markup;
use maud::html;

use crate::graph::Time;
use crate::http::console::findings::heap::Heap;
use crate::http::console::findings::heap::hatching;
use crate::http::console::findings::heap::legend;
use crate::http::console::findings::heap::percent;
use crate::http::console::findings::marks;
use crate::http::console::part;
use crate::http::console::words;
use crate::policy::bundle::Severity;
use crate::posture::Scan;

/// Most columns: older scans are left out, and that is said.
const MAX_COLUMNS: usize = 30;

/// The tallest column.
const TALL: u64 = 140;

/// The least a count is drawn as: one critical finding beside a thousand is not nothing.
const LEAST: u64 = 2;

/// What all connections together counted once a scan had ended.
struct Point {
    at: Time,
    heap: Heap,
}

/// The picture with its words; nothing before the second scan, since one point is no trend.
pub(super) fn trend(scans: &[Scan], hatch: &str) -> Markup {
    let all = points(scans);
    let left_out = all.len().saturating_sub(MAX_COLUMNS);
    let points = all.get(left_out..).unwrap_or_default();
    html! {
        @match points {
            [] => p { "No scan has ended yet." },
            [one] => p { "There has been one scan, " (words::when(one.at)) ": a trend needs two." },
            [first, .., last] => {
                p { (said(first, last)) }
                (hatching(hatch))
                (picture(points, hatch))
                (legend(hatch))
                @if left_out > 0 { p class="note" { (part::counted(left_out as u64, "older scan is", "older scans are")) " not drawn." } }
                details { summary { "The same as a table" } (table(points)) }
            }
        }
    }
}

/// After each scan, the last of every connection together: one connection's scan does not make another's findings
/// vanish. It begins where every connection has been looked at, since before that the sum lacks some.
fn points(scans: &[Scan]) -> Vec<Point> {
    let mut sorted: Vec<&Scan> = scans.iter().collect();
    sorted.sort_by_key(|scan| scan.at);
    let connections = sorted.iter().map(|scan| &scan.connection).collect::<BTreeSet<_>>().len();
    let mut last: BTreeMap<&str, &Scan> = BTreeMap::new();
    let mut points: BTreeMap<Time, Heap> = BTreeMap::new();
    for scan in sorted {
        last.insert(&scan.connection, scan);
        if last.len() == connections {
            points.insert(scan.at, together(&last));
        }
    }
    points.into_iter().map(|(at, heap)| Point { at, heap }).collect()
}

fn together(last: &BTreeMap<&str, &Scan>) -> Heap {
    let mut heap = Heap::default();
    for tally in last.values().flat_map(|scan| &scan.tallies) {
        let open = tally.fail.saturating_sub(tally.accepted);
        if open > 0 {
            *heap.open.entry(tally.severity).or_default() += open;
        }
        heap.unknown += tally.unknown;
        heap.accepted += tally.accepted;
    }
    heap
}

/// The two ends compared.
fn said(first: &Point, last: &Point) -> String {
    let wrong = moved(first.heap.wrong(), last.heap.wrong());
    let unknown = moved(first.heap.unknown, last.heap.unknown);
    format!(
        "Since {}: {wrong} failing ({} now), {unknown} that cannot be told ({} now).",
        marks::day_told(first.at),
        last.heap.wrong(),
        last.heap.unknown
    )
}

fn moved(from: u64, to: u64) -> String {
    match (to.checked_sub(from), from.checked_sub(to)) {
        (Some(0), _) => "as many".to_owned(),
        (Some(more), _) => format!("{more} more"),
        (None, less) => format!("{} fewer", less.unwrap_or_default()),
    }
}

fn picture(points: &[Point], hatch: &str) -> Markup {
    let tallest =
        points.iter().map(|point| point.heap.wrong() + point.heap.unknown).max().unwrap_or(1);
    html! {
        figure class="columns-chart" {
            svg width="100%" height=(TALL) role="img" aria-label="Failing and unknown findings by scan; the table below has the numbers" {
                @for (place, point) in points.iter().enumerate() {
                    (column(point, (place as u64, points.len() as u64), tallest, hatch))
                }
            }
            figcaption {
                span { (points.first().map(|point| marks::day(point.at)).unwrap_or_default()) }
                span { "tallest: " (tallest) }
                span { (points.last().map(|point| marks::day(point.at)).unwrap_or_default()) }
            }
        }
    }
}

fn column(point: &Point, (place, of): (u64, u64), tallest: u64, hatch: &str) -> Markup {
    // A fifth of each column's room is the gap to the next.
    let (x, wide) = (percent(place * 10 + 1, of * 10), percent(8, of * 10));
    let mut top = TALL;
    let parts: Vec<(Option<Severity>, u64, u64)> = stacked(&point.heap, tallest)
        .map(|(severity, high)| {
            top = top.saturating_sub(high);
            (severity, top, high)
        })
        .collect();
    html! {
        g {
            title { (words::moment(point.at)) ": " (point.heap.said()) }
            @for (severity, top, high) in &parts {
                @match severity {
                    Some(severity) => rect class=(marks::class(*severity)) x=(x) y=(top) width=(wide) height=(high) {},
                    None => rect class="untold" fill={ "url(#" (hatch) ")" } x=(x) y=(top) width=(wide) height=(high) {},
                }
            }
        }
    }
}

/// The heights of a column, the worst at the bottom; none for unknown, at the top.
fn stacked(heap: &Heap, tallest: u64) -> impl Iterator<Item = (Option<Severity>, u64)> {
    // Room for the least of each, so that a full column does not grow out of the picture.
    let room = TALL.saturating_sub(LEAST * 6);
    let open = heap.open.iter().map(|(severity, count)| (Some(*severity), *count));
    let all = open.chain([(None, heap.unknown)]);
    all.filter(|(_, count)| *count > 0).map(move |(severity, count)| {
        (severity, LEAST + count.saturating_mul(room) / tallest.max(1))
    })
}

fn table(points: &[Point]) -> Markup {
    html! {
        table class="grid numbers" role="table" {
            (part::columns(&["Scan", "Critical", "High", "Medium", "Low", "Info", "Cannot be told", "Accepted"]))
            tbody role="rowgroup" {
                @for point in points.iter().rev() {
                    tr role="row" {
                        td role="cell" data-label="Scan" { (words::when(point.at)) }
                        @for severity in Severity::ALL {
                            td role="cell" data-label=(marks::word(*severity)) { (point.heap.open.get(severity).copied().unwrap_or_default()) }
                        }
                        td role="cell" data-label="Cannot be told" { (point.heap.unknown) }
                        td role="cell" data-label="Accepted" { (point.heap.accepted) }
                    }
                }
            }
        }
    }
}
