//! Findings added up by severity, and the picture of such heaps: a bar for each, with the same numbers in words beside it.
//!
//! The bars are drawn in per cents of whatever room there is, and every text is outside the drawing, so that nothing
//! becomes too small to read on a phone.

use std::collections::BTreeMap;

use maud::Markup;
use maud::html;

use crate::graph::Time;
use crate::http::console::findings::marks;
use crate::http::console::part;
use crate::http::console::words;
use crate::policy::bundle::Severity;
use crate::posture::Finding;
use crate::posture::Outcome;

/// Most bars of one picture: the rest stands in one bar, which says so.
const MAX_BARS: usize = 10;

/// Height of a bar.
const TALL: u32 = 14;

/// Findings, added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Heap {
    /// Those that fail and nobody lives with.
    pub open: BTreeMap<Severity, u64>,
    /// Those of which it cannot be told.
    pub unknown: u64,
    /// Those that somebody lives with.
    pub accepted: u64,
}

impl Heap {
    pub fn of<'f>(findings: impl IntoIterator<Item = &'f Finding>, now: Time) -> Self {
        let mut heap = Self::default();
        findings.into_iter().for_each(|finding| heap.put(finding, now));
        heap
    }

    fn put(&mut self, finding: &Finding, now: Time) {
        match finding.outcome {
            Outcome::Unknown => self.unknown += 1,
            Outcome::Fail if marks::is_accepted(finding, now) => self.accepted += 1,
            Outcome::Fail => *self.open.entry(finding.severity).or_default() += 1,
            Outcome::Pass => {}
        }
    }

    /// Failures that nobody lives with.
    pub fn wrong(&self) -> u64 {
        self.open.values().sum()
    }

    /// What is drawn of it.
    fn drawn(&self) -> u64 {
        self.wrong().saturating_add(self.unknown)
    }

    fn join(&mut self, other: &Self) {
        for (severity, count) in &other.open {
            *self.open.entry(*severity).or_default() += count;
        }
        self.unknown += other.unknown;
        self.accepted += other.accepted;
    }

    /// In words: `2 critical, 3 high; 4 cannot be told`.
    pub fn said(&self) -> String {
        let open: Vec<String> =
            self.open.iter().map(|(severity, count)| format!("{count} {severity}")).collect();
        let mut said = vec![open.join(", ")];
        said.push(counted(self.unknown, "cannot be told"));
        said.push(counted(self.accepted, "accepted"));
        said.retain(|part| !part.is_empty());
        if said.is_empty() { "nothing".to_owned() } else { said.join("; ") }
    }
}

fn counted(count: u64, what: &str) -> String {
    if count == 0 { String::new() } else { format!("{count} {what}") }
}

/// Heaps by a name, the worst first: by the count of the worst severity, then of the next.
pub(super) fn by<'f>(
    findings: &'f [Finding],
    now: Time,
    name: impl Fn(&'f Finding) -> &'f str,
) -> Vec<(String, Heap)> {
    let mut heaps: BTreeMap<&str, Heap> = BTreeMap::new();
    for finding in findings {
        heaps.entry(name(finding)).or_default().put(finding, now);
    }
    let mut heaps: Vec<(String, Heap)> =
        heaps.into_iter().map(|(name, heap)| (name.to_owned(), heap)).collect();
    heaps.sort_by_cached_key(|(_, heap)| std::cmp::Reverse(weight(heap)));
    heaps
}

/// Counts from the worst severity down, unknown last.
fn weight(heap: &Heap) -> Vec<u64> {
    let of = |severity: &Severity| heap.open.get(severity).copied().unwrap_or_default();
    Severity::ALL.iter().map(of).chain([heap.unknown]).collect()
}

/// The picture: a bar for each heap that has anything to draw. `hatch` is a name that no other picture of the page has.
pub(super) fn picture(heaps: &[(String, Heap)], hatch: &str) -> Markup {
    let there: Vec<&(String, Heap)> = heaps.iter().filter(|(_, heap)| heap.drawn() > 0).collect();
    let (shown, rest) = there.split_at(there.len().min(MAX_BARS));
    let longest = shown.iter().map(|(_, heap)| heap.drawn()).max().unwrap_or(1);
    let mut others = Heap::default();
    for (_, heap) in rest {
        others.join(heap);
    }
    html! {
        @if there.is_empty() { p { "Nothing is wrong, and nothing is unknown." } } @else {
            (hatching(hatch))
            ul class="bars" {
                @for (name, heap) in shown { (bar(name, heap, longest, hatch)) }
            }
            @if !rest.is_empty() { p class="note" { (part::counted(rest.len() as u64, "other", "others")) " together: " (others.said()) "." } }
            (legend(hatch))
        }
    }
}

fn bar(name: &str, heap: &Heap, longest: u64, hatch: &str) -> Markup {
    html! {
        li {
            span class="name" { (words::told(name)) }
            (strip(heap, longest, hatch))
            span class="sub" { (heap.said()) }
        }
    }
}

/// The drawing of one heap; who does not see it has the words beside it.
pub(super) fn strip(heap: &Heap, whole: u64, hatch: &str) -> Markup {
    let mut from = 0;
    let mut next = |count: u64| {
        let start = from;
        from += count;
        (percent(start, whole), percent(count, whole))
    };
    let open: Vec<(Severity, (String, String))> =
        heap.open.iter().map(|(severity, count)| (*severity, next(*count))).collect();
    let (unknown_from, unknown_wide) = next(heap.unknown);
    html! {
        svg class="strip" width="100%" height=(TALL) aria-hidden="true" focusable="false" {
            @for (severity, (from, wide)) in &open {
                rect class=(marks::class(*severity)) x=(from) width=(wide) height=(TALL) {}
            }
            @if heap.unknown > 0 { (hatched(hatch, &unknown_from, &unknown_wide)) }
        }
    }
}

fn hatched(hatch: &str, from: &str, wide: &str) -> Markup {
    html! { rect class="untold" fill={ "url(#" (hatch) ")" } x=(from) width=(wide) height=(TALL) {} }
}

/// With two digits behind the point, without floating point.
pub(super) fn percent(part: u64, whole: u64) -> String {
    let hundredths = u128::from(part) * 10_000 / u128::from(whole.max(1));
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

/// The pattern of what cannot be told: it has to be told from every colour without seeing colours.
pub(super) fn hatching(name: &str) -> Markup {
    html! {
        svg class="defs" width="0" height="0" aria-hidden="true" focusable="false" {
            defs {
                pattern id=(name) width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    rect class="ground" width="6" height="6" {}
                    rect class="line" width="2.5" height="6" {}
                }
            }
        }
    }
}

/// What the colours mean.
pub(super) fn legend(hatch: &str) -> Markup {
    html! {
        p class="legend" {
            @for severity in Severity::ALL {
                span class={ "key " (marks::class(*severity)) } {
                    svg width="12" height="12" aria-hidden="true" focusable="false" { rect class=(marks::class(*severity)) width="12" height="12" {} }
                    (marks::word(*severity))
                }
            }
            span class="key unknown" {
                svg width="12" height="12" aria-hidden="true" focusable="false" { rect class="untold" fill={ "url(#" (hatch) ")" } width="12" height="12" {} }
                "Cannot be told"
            }
        }
    }
}
