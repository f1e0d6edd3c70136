//! Findings, what fails before what cannot be told and the worst first, with what was asked of the list in its address: a form without a script, so that every
//! search is a link that can be sent to somebody.

use std::collections::BTreeSet;

use maud::Markup;
use maud::html;
use url::form_urlencoded::Serializer;

use crate::decision::narrative::shown;
use crate::graph::Id;
use crate::http::console::findings::address;
use crate::http::console::findings::marks;
use crate::http::console::frame::Depth;
use crate::http::console::frame::Desk;
use crate::http::console::frame::Place;
use crate::http::console::frame::Section;
use crate::http::console::frame::console;
use crate::http::console::part;
use crate::http::console::words;
use crate::policy::bundle::Severity;
use crate::posture::Catalogue;
use crate::posture::Finding;
use crate::posture::Outcome;
use crate::posture::Scan;
use crate::posture::Score;
use crate::posture::State;
use crate::posture::Wish;

/// What the page shows.
#[derive(Clone, Debug)]
pub struct Listing<'a> {
    /// The findings of this page.
    pub findings: &'a [Finding],
    /// After which finding the next page begins.
    pub next: Option<String>,
    /// What was asked for.
    pub wish: Wish,
    /// The last scan of each connection.
    pub scans: &'a [Scan],
    /// The rules there are.
    pub catalogue: &'a Catalogue,
}

/// The page.
pub fn page(desk: &Desk<'_>, listing: &Listing<'_>) -> String {
    let place = Place { section: Section::Findings, title: "Findings", depth: Depth::Top };
    let main = html! {
        div class="head" {
            h1 { "Findings" }
            div class="buttons" {
                a class="button quiet" href="/controls" { "Controls" }
                a class="button quiet" href="/api/v1/posture/report" { "Keep a report" }
            }
        }
        (summary(listing.scans))
        (choices(listing))
        @if listing.findings.is_empty() { (nothing(listing)) } @else { (table(desk, listing)) }
        (paging(listing))
    };
    console(desk, &place, &main)
}

/// What the last scans counted; each count leads to what it counts.
fn summary(scans: &[Scan]) -> Markup {
    let tallies = || scans.iter().flat_map(|scan| &scan.tallies);
    let score = Score::of(tallies());
    let bad = |severity| Score::of(tallies().filter(|tally| tally.severity == severity)).open();
    let newest = scans.iter().map(|scan| scan.at).max();
    html! {
        @if let Some(at) = newest {
            p class="intro" {
                (score.said()) " Counted by rule, " (words::when(at)) "; the list is as findings stand now."
            }
            ul class="tiles" {
                @for severity in Severity::ALL {
                    @if bad(*severity) > 0 {
                        (tile(&Wish { severity: Some(*severity), outcome: Some(Outcome::Fail), ..Wish::default() }, marks::class(*severity), bad(*severity), marks::word(*severity)))
                    }
                }
                (tile(&unknown(), "unknown", score.unknown, "Cannot be told"))
                @if score.accepted > 0 {
                    (tile(&Wish { state: Some(State::Accepted), ..Wish::default() }, "accepted", score.accepted, "Accepted"))
                }
            }
        }
    }
}

fn unknown() -> Wish {
    Wish { outcome: Some(Outcome::Unknown), ..Wish::default() }
}

fn tile(wish: &Wish, class: &str, count: u64, word: &str) -> Markup {
    html! { li class=(class) { a href=(link(wish)) { span class="count" { (count) } (word) } } }
}

/// Where everything is that fails or cannot be told.
const EVERYTHING: &str = "/findings?outcome=";

/// What is shown to who asks for nothing: what fails. What cannot be told is counted beside it, one press away; hundreds
/// of gaps before the first failure would hide it.
pub fn first() -> Wish {
    Wish { outcome: Some(Outcome::Fail), ..Wish::default() }
}

/// The address of what is asked for.
pub fn link(wish: &Wish) -> String {
    let mut query = Serializer::new(String::new());
    let told = [
        ("severity", wish.severity.map(|severity| severity.to_string())),
        ("outcome", wish.outcome.map(|outcome| outcome.to_string())),
        ("state", wish.state.map(|state| state.to_string())),
        ("category", wish.category.clone()),
        ("owner", wish.owner.clone()),
        ("rule", wish.rule.clone()),
        ("connection", wish.connection.clone()),
        ("subject", wish.subject.as_ref().map(Id::to_string)),
        ("after", wish.after.clone()),
    ];
    query.extend_pairs(told.into_iter().filter_map(|(name, text)| Some((name, text?))));
    let query = query.finish();
    if query.is_empty() { EVERYTHING.to_owned() } else { format!("/findings?{query}") }
}

/// Whether anything is left out but what passes and what cannot be told.
fn is_narrow(wish: &Wish) -> bool {
    let bare = Wish { after: None, limit: None, ..wish.clone() };
    bare != Wish::default() && bare != first()
}

fn choices(listing: &Listing<'_>) -> Markup {
    let wish = &listing.wish;
    let rules = &listing.catalogue.rules;
    let mut categories: Vec<&str> = rules.iter().map(|rule| rule.category.as_str()).collect();
    categories.dedup();
    let connections: Vec<&str> =
        listing.scans.iter().map(|scan| scan.connection.as_str()).collect();
    let titled: Vec<(&str, &str)> =
        rules.iter().map(|rule| (rule.rule.as_str(), rule.title.as_str())).collect();
    let chosen = |asked: &Option<String>, one: &str| asked.as_deref() == Some(one);
    html! {
        form class="choices" method="get" action="/findings" aria-label="Which findings" {
            (select("severity", "Severity", "any", Severity::ALL.iter().map(|one| (one.as_str(), at_least(*one), wish.severity == Some(*one)))))
            (select("outcome", "Outcome", "fails or cannot be told", Outcome::ALL.iter().map(|one| (one.as_str(), marks::outcome(*one), wish.outcome == Some(*one)))))
            (select("state", "State", "any", State::ALL.iter().map(|one| (one.as_str(), one.as_str(), wish.state == Some(*one)))))
            (select("category", "Category", "any", kept(&categories, wish.category.as_deref()).map(|one| (one, one, chosen(&wish.category, one)))))
            (owner_choice(listing))
            (select("connection", "Connection", "any", kept(&connections, wish.connection.as_deref()).map(|one| (one, one, chosen(&wish.connection, one)))))
            (rule_choice(&titled, wish))
            @if let Some(subject) = &wish.subject { input type="hidden" name="subject" value=(shown(subject.as_str())); }
            div class="buttons" {
                button { "Show" }
                @if is_narrow(wish) { a class="button quiet" href=(EVERYTHING) { "Show all" } }
            }
        }
    }
}

const fn at_least(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::High => "high or worse",
        Severity::Medium => "medium or worse",
        Severity::Low => "low or worse",
        Severity::Info => "all of them",
    }
}

/// Any name or id; those that stand on this page are offered.
fn owner_choice(listing: &Listing<'_>) -> Markup {
    let mut names: Vec<&str> =
        listing.findings.iter().map(|finding| finding.owner.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let asked = listing.wish.owner.as_deref().map(shown);
    html! {
        label { span { "Owner" } input type="text" name="owner" value=[asked] list="owners" maxlength="200" autocomplete="off" spellcheck="false"; }
        datalist id="owners" { @for name in names { option value=(shown(name)) {} } }
    }
}

/// What there is to choose from; what is asked for stays chosen where there is no such thing any more.
fn kept<'a>(known: &[&'a str], asked: Option<&'a str>) -> impl Iterator<Item = &'a str> {
    let gone = asked.filter(|asked| !known.contains(asked));
    gone.into_iter().chain(known.to_vec())
}

/// A rule may be asked for by any of its names.
fn rule_choice(titled: &[(&str, &str)], wish: &Wish) -> Markup {
    let asked = wish.rule.as_deref();
    let other = asked.filter(|asked| !titled.iter().any(|(rule, _)| rule == asked));
    let all = other.map(|other| (other, other)).into_iter().chain(titled.iter().copied());
    select("rule", "Rule", "any", all.map(|(rule, title)| (rule, title, asked == Some(rule))))
}

fn select<'a>(
    name: &str,
    label: &str,
    any: &str,
    choices: impl Iterator<Item = (&'a str, &'a str, bool)>,
) -> Markup {
    html! {
        label { span { (label) } select name=(name) {
            option value="" { (any) }
            @for (value, word, is_chosen) in choices {
                option value=(shown(value)) selected[is_chosen] { (words::told(word)) }
            }
        } }
    }
}

fn nothing(listing: &Listing<'_>) -> Markup {
    html! {
        section class="card empty" {
            @if is_narrow(&listing.wish) || listing.wish.after.is_some() {
                h2 { "No finding is like that" }
                p { a href=(EVERYTHING) { "Show all findings" } }
            } @else if listing.scans.is_empty() {
                h2 { "Nothing has been looked at yet" }
                p { "A scan runs after a connection has been read: " code { "portcullis sync CONNECTION" } "." }
            } @else {
                h2 { "Nothing that could be looked at is wrong" }
                p { "What cannot be told is no pass: " a href=(link(&unknown())) { "what would settle it" } "." }
            }
        }
    }
}

fn table(desk: &Desk<'_>, listing: &Listing<'_>) -> Markup {
    let connections: BTreeSet<&str> =
        listing.scans.iter().map(|scan| scan.connection.as_str()).collect();
    let on = |finding: &Finding| (connections.len() > 1).then(|| finding.connection.clone());
    html! {
        table class="list findings" role="table" {
            (part::columns(&["Severity", "Finding", "About", "Owner", "State", "Known"]))
            tbody role="rowgroup" { @for finding in listing.findings { (row(desk, finding, on(finding))) } }
        }
    }
}

fn row(desk: &Desk<'_>, finding: &Finding, on: Option<String>) -> Markup {
    let class = match finding.outcome {
        Outcome::Fail => marks::class(finding.severity),
        Outcome::Unknown => "unknown",
        Outcome::Pass => "allow",
    };
    html! {
        tr role="row" class=(class) {
            td role="cell" data-label="Severity" {
                (marks::standing(finding))
                @if finding.outcome == Outcome::Unknown { span class="sub" { "would be " (finding.severity) } }
            }
            td role="cell" data-label="Finding" class="reason" {
                a href=(address(&finding.id)) { (words::prose(&marks::headline(finding))) }
                @if let Some(said) = said(finding) { span class="sub" { @if finding.outcome == Outcome::Fail { "Rule: " } (words::prose(said)) } }
            }
            td role="cell" data-label="About" {
                (words::told(&finding.subject.name))
                span class="sub" { (words::told(&finding.subject.kind)) @if let Some(class) = &finding.subject.class { " · " (words::told(class)) } @if let Some(on) = on { " · " (words::told(&on)) } }
            }
            td role="cell" data-label="Owner" { (words::told(&finding.owner.name)) @if finding.owner.sure != "told" { span class="sub" { (words::told(&finding.owner.sure)) } } }
            td role="cell" data-label="State" { (marks::state(finding, desk.now)) }
            td role="cell" data-label="Known" { (words::ago(finding.first_seen, desk.now)) }
        }
    }
}

/// Against which rule, or what is missing.
fn said(finding: &Finding) -> Option<&str> {
    let gap = finding.unknown.first().map(|gap| gap.why.as_str());
    match finding.outcome {
        Outcome::Unknown => gap,
        Outcome::Fail => Some(&finding.title),
        Outcome::Pass => None,
    }
}

fn paging(listing: &Listing<'_>) -> Markup {
    let at = |after: Option<String>| link(&Wish { after, ..listing.wish.clone() });
    let first = listing.wish.after.as_ref().map(|_| at(None));
    let next = listing.next.clone().map(|next| at(Some(next)));
    html! {
        @if first.is_some() || next.is_some() {
            nav class="paging" aria-label="Pages" {
                @if let Some(first) = first { a class="button quiet" href=(first) { "From the worst" } }
                @if let Some(next) = next { a class="button" href=(next) rel="next" { "Next page" } }
            }
        }
    }
}
