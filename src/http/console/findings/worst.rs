//! Findings by rule, the worst first: forty repositories with the same hole are one thing to do, not forty.

use std::collections::BTreeMap;

use maud::Markup;
use maud::html;

use crate::graph::Product;
use crate::graph::Time;
use crate::http::console::findings::marks;
use crate::http::console::findings::remedy::Calls;
use crate::http::console::findings::remedy::remedies;
use crate::http::console::part;
use crate::http::console::words;
use crate::policy::RuleId;
use crate::policy::bundle::Severity;
use crate::posture::Catalogue;
use crate::posture::Finding;

/// Subjects that are named outright: the others stand in the whole list.
const NAMED: usize = 3;

/// The open findings of one rule.
pub(super) struct Group<'a> {
    /// The rule.
    pub rule: &'a RuleId,
    /// Its title.
    pub title: &'a str,
    /// How bad the worst of them is.
    pub severity: Severity,
    /// Them, the worst first, then those that are known longest.
    pub findings: Vec<&'a Finding>,
}

/// Every rule with open findings: by severity, then by how many there are.
pub(super) fn groups(findings: &[Finding], now: Time) -> Vec<Group<'_>> {
    let mut by_rule: BTreeMap<&RuleId, Group<'_>> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| marks::is_open(finding, now)) {
        let group = by_rule.entry(&finding.rule).or_insert_with(|| Group {
            rule: &finding.rule,
            title: &finding.title,
            severity: finding.severity,
            findings: Vec::new(),
        });
        group.severity = group.severity.min(finding.severity);
        group.findings.push(finding);
    }
    let mut groups: Vec<Group<'_>> = by_rule.into_values().collect();
    for group in &mut groups {
        group.findings.sort_by_key(|finding| (finding.severity, finding.first_seen));
    }
    groups.sort_by_key(|group| (group.severity, std::cmp::Reverse(group.findings.len())));
    groups
}

/// One rule: what is wrong, where, whose it is, and how to remedy it.
pub(super) fn card(
    group: &Group<'_>,
    catalogue: &Catalogue,
    products: &[Product],
    now: Time,
) -> Markup {
    let listing = catalogue.rules.iter().find(|listing| listing.rule == *group.rule);
    html! {
        li class={ "finding " (marks::class(group.severity)) } {
            h3 { (marks::badge(group.severity)) " Fails in " (part::counted(group.findings.len() as u64, "place", "places")) ": the rule “" (words::told(group.title)) "”" }
            p class="note" {
                (places(group)) " · " (owners(group)) " · "
                (known(group, now))
            }
            @if let Some(reason) = first_reason(group) { p { (words::prose(reason)) } }
            @if let Some(listing) = listing.filter(|listing| !listing.remedies.is_empty()) {
                h4 { "What to do" }
                (remedies(listing, products, Calls::Folded))
            }
        }
    }
}

/// Where: by name as long as there are few.
fn places(group: &Group<'_>) -> Markup {
    let (first, rest) = group.findings.split_at(group.findings.len().min(NAMED));
    html! {
        @for (at, finding) in first.iter().enumerate() {
            @if at > 0 { ", " }
            (words::told(&finding.subject.name))
        }
        @if !rest.is_empty() { " and " (rest.len()) " more" }
    }
}

fn owners(group: &Group<'_>) -> Markup {
    let mut names: Vec<&str> =
        group.findings.iter().map(|finding| finding.owner.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    html! {
        @match names.as_slice() {
            [] => "nobody's",
            [one] => { "owner " (words::told(one)) },
            several => (part::counted(several.len() as u64, "owner", "owners")),
        }
    }
}

fn known(group: &Group<'_>, now: Time) -> Markup {
    let since = group.findings.iter().map(|finding| finding.first_seen).min();
    html! { @if let Some(since) = since { "first seen " (words::ago(since, now)) } }
}

fn first_reason<'a>(group: &Group<'a>) -> Option<&'a str> {
    let finding = group.findings.first()?;
    finding.reasons.first().map(|reason| reason.text.as_str())
}
