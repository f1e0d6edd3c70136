//! One finding: what is wrong and what that rests on, what cannot be told and what would settle it, how to remedy it,
//! whose it is, what became of it, and the forms to say so.

use maud::Markup;
use maud::html;

use crate::decision::narrative::shown;
use crate::graph::Product;
use crate::graph::Time;
use crate::http::console::findings::list;
use crate::http::console::findings::marks;
use crate::http::console::findings::remedy::Calls;
use crate::http::console::findings::remedy::remedies;
use crate::http::console::frame::Depth;
use crate::http::console::frame::Desk;
use crate::http::console::frame::Place;
use crate::http::console::frame::Section;
use crate::http::console::frame::console;
use crate::http::console::frame::hidden;
use crate::http::console::story;
use crate::http::console::words;
use crate::posture::Finding;
use crate::posture::Listing;
use crate::posture::Outcome;
use crate::posture::State;
use crate::posture::Wish;

/// What the page shows.
#[derive(Clone, Debug)]
pub struct Shown<'a> {
    /// The finding.
    pub finding: &'a Finding,
    /// Its rule in the catalogue; none where the rule is gone.
    pub rule: Option<&'a Listing>,
    /// The product it is about.
    pub products: Vec<Product>,
    /// The facts that its reasons rest on, path and value, as they were.
    pub facts: Vec<(String, String)>,
    /// When those facts were true.
    pub as_of: Option<Time>,
    /// What became of it, oldest first.
    pub steps: Vec<Step>,
}

/// A step in the life of a finding, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Time,
    /// What happened.
    pub said: String,
}

/// The page.
pub fn page(desk: &Desk<'_>, told: &Shown<'_>) -> String {
    let finding = told.finding;
    let title = format!("{}: {}", finding.subject.name, finding.title);
    let title = shown(&title);
    let place = Place { section: Section::Findings, title: &title, depth: Depth::Below };
    let main = html! {
        (hero(desk, finding))
        div class="columns" {
            div {
                (why(told))
                (unknown(finding))
                (remedy(told))
            }
            div {
                (whose(finding))
                @if can_be_judged(finding) { (forms(desk, finding)) }
                (history(told))
                (rule(told))
            }
        }
    };
    console(desk, &place, &main)
}

fn hero(desk: &Desk<'_>, finding: &Finding) -> Markup {
    let tone = match finding.outcome {
        Outcome::Fail => marks::class(finding.severity),
        Outcome::Unknown => "unknown",
        Outcome::Pass => "allow",
    };
    html! {
        section class={ "hero " (tone) } {
            p class="kicker" {
                (marks::standing(finding)) " "
                span { (marks::state(finding, desk.now)) " since " (marks::day(finding.since)) }
                @if !finding.category.is_empty() { span { (words::told(&finding.category)) } }
            }
            h1 { (words::prose(&marks::headline(finding))) }
            p class="lead" { (words::told(&finding.subject.kind)) " " strong { (words::told(&finding.subject.name)) } }
            p class="note" {
                "First seen " (words::when(finding.first_seen)) ", looked at last " (words::when(finding.last_seen)) ". "
                a href=(list::link(&Wish { subject: Some(finding.subject.id.clone()), ..Wish::default() })) { "All findings about it" }
            }
        }
    }
}

fn why(told: &Shown<'_>) -> Markup {
    let finding = told.finding;
    html! {
        @if !finding.reasons.is_empty() {
            section class="card" {
                h2 { @if finding.outcome == Outcome::Unknown { "What was wrong when it could last be told" } @else { "Why" } }
                @for (at, reason) in finding.reasons.iter().enumerate() {
                    // The first is the headline already.
                    @if at > 0 || finding.outcome != Outcome::Fail { p { (words::prose(&reason.text)) } }
                    @if !reason.proof.is_empty() {
                        p class="note" { "It rests on " @for (at, path) in reason.proof.iter().enumerate() { @if at > 0 { ", " } (words::code(path)) } "." }
                    }
                }
                @if !told.facts.is_empty() {
                    h3 { "The facts" @if let Some(as_of) = told.as_of { ", as of " (words::when(as_of)) } }
                    dl class="facts small" { @for (path, value) in &told.facts { dt { (words::code(path)) } dd { (words::code(value)) } } }
                }
            }
        }
    }
}

fn unknown(finding: &Finding) -> Markup {
    html! {
        @if !finding.unknown.is_empty() {
            section class="card unknown" {
                h2 { "What cannot be told, and what would settle it" }
                p { "Unknown is no pass: it may be right or wrong." }
                ul class="rows" { @for gap in &finding.unknown { li { (words::code(&gap.path)) span class="line" { (words::prose(&gap.why)) } } } }
            }
        }
    }
}

fn remedy(told: &Shown<'_>) -> Markup {
    html! {
        @if let Some(listing) = told.rule {
            section class="card" { h2 { "What to do" } (remedies(listing, &told.products, Calls::For(&told.finding.subject))) }
        }
    }
}

fn whose(finding: &Finding) -> Markup {
    let owner = &finding.owner;
    html! {
        section class="card" {
            h2 { "Whose it is" }
            p { strong { (words::told(&owner.name)) } " " span class="badge plain" { (words::told(&owner.sure)) } }
            p class="note" { (words::prose(&owner.why)) }
            @if let Some(accepted) = &finding.accepted {
                h3 { "Accepted until " (words::when(accepted.until)) }
                p { "By " (words::told(&accepted.by)) ", because: " (words::told(&accepted.because)) }
            }
        }
    }
}

/// What is fixed needs no word, and what never failed has nothing to accept.
fn can_be_judged(finding: &Finding) -> bool {
    finding.outcome == Outcome::Fail
        && matches!(
            finding.state,
            State::New | State::Acknowledged | State::Accepted | State::Regressed
        )
}

fn forms(desk: &Desk<'_>, finding: &Finding) -> Markup {
    let action = |deed: &str| format!("/api/v1/findings/{}/{deed}", finding.id);
    html! {
        section class="card" {
            h2 { "Say what becomes of it" }
            @if matches!(finding.state, State::New | State::Regressed) {
                form class="vote" method="post" action=(action("acknowledge")) {
                    (hidden(desk.token))
                    p { "Somebody has seen it and will do something." }
                    div class="buttons" { button { "Acknowledge" } }
                }
            }
            form class="vote" method="post" action=(action("accept")) {
                (hidden(desk.token))
                p { "We live with it for a while. Then it counts as open again." }
                label { span { "Because" } textarea name="because" rows="3" maxlength="500" required {} }
                label { span { "Until (UTC)" } input type="date" name="until" required; }
                div class="buttons" { button { "Accept" } }
            }
        }
    }
}

fn history(told: &Shown<'_>) -> Markup {
    html! {
        @if !told.steps.is_empty() {
            section class="card" {
                h2 { "What became of it" }
                ol class="rows" {
                    @for step in told.steps.iter().rev() { li { (words::when(step.at)) span class="line" { (words::prose(&step.said)) } } }
                }
            }
        }
    }
}

fn rule(told: &Shown<'_>) -> Markup {
    let finding = told.finding;
    html! {
        section class="card" {
            h2 { "The rule" }
            p { strong { (words::told(&finding.title)) } span class="sub" { (words::code(finding.rule.as_str())) } }
            @if let Some(listing) = told.rule {
                @if !listing.description.is_empty() { p { (words::prose(&listing.description)) } }
                @if !listing.blind.is_empty() { p class="note" { "What it cannot see: " (words::prose(&listing.blind)) } }
            } @else { p { "It is not among the rules that are loaded now." } }
            @if !finding.aliases.is_empty() {
                h3 { "Also known as" }
                ul class="rows" { @for alias in &finding.aliases { li { (words::told(&alias.title)) span class="sub" { (words::told(&alias.id)) " · " (alias.severity) " there" } } } }
            }
            @if let Some(listing) = told.rule.filter(|listing| !listing.controls.is_empty()) {
                h3 { "Controls it supports" }
                (story::controls(&listing.controls))
                p class="more" { a href="/controls" { "The control map" } }
            }
        }
    }
}
