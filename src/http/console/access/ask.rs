//! The page to ask: who can, can this one, and by which paths. A form without a script: every question is a link.

use maud::Markup;
use maud::html;

use crate::decision::narrative::shown;
use crate::gateway::access::Can;
use crate::gateway::access::Named;
use crate::gateway::access::Ways;
use crate::gateway::access::WhoCan;
use crate::graph::Action;
use crate::graph::Kind;
use crate::graph::Snapshot;
use crate::graph::Subject;
use crate::http::console::access::address;
use crate::http::console::frame::Depth;
use crate::http::console::frame::Desk;
use crate::http::console::frame::Place;
use crate::http::console::frame::Section;
use crate::http::console::frame::console;
use crate::http::console::part;
use crate::http::console::words;

/// What was asked, as it stands in the form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The level or deed.
    pub action: String,
    /// The identity; empty: who can?
    pub identity: String,
    /// The resource.
    pub resource: String,
    /// An edge to leave out.
    pub without: String,
}

/// What came of it.
#[derive(Debug)]
pub enum Told {
    /// Nothing was asked yet.
    Nothing,
    /// Everyone who can.
    Who(Box<WhoCan>),
    /// Whether this one can, and every path that leads there.
    One(Box<Can>, Box<Ways>),
    /// Why there is no answer.
    Refused(String),
}

/// The page.
pub fn page(desk: &Desk<'_>, graph: &Snapshot, question: &Question, told: &Told) -> String {
    let place = Place { section: Section::Access, title: "Access", depth: Depth::Top };
    let main = html! {
        h1 { "Access" }
        p class="intro" { "Who can do what, by which path, and what is not known. A resource is an id, a repository (" (words::code("acme/billing")) "), a ref (" (words::code("acme/billing@main")) "), or " (words::code("environment:acme/billing:production")) "." }
        (form(question))
        (answer(told))
        (ways_in(graph))
    };
    console(desk, &place, &main)
}

fn form(question: &Question) -> Markup {
    html! {
        form class="choices" method="get" action="/access" {
            label { span { "Who can" }
                select name="action" {
                    @for word in Action::WORDS { option value=(word) selected[question.action == *word] { (word) } }
                }
            }
            label { span { "Resource" } input type="text" name="resource" value=(shown(&question.resource)) autocomplete="off" spellcheck="false"; }
            label { span { "Only this identity" } input type="text" name="identity" value=(shown(&question.identity)) placeholder="user:mia" autocomplete="off" spellcheck="false"; }
            label { span { "Without this edge" } input type="text" name="without" value=(shown(&question.without)) placeholder="user:mia member group:ops" autocomplete="off" spellcheck="false"; }
            div class="buttons" { button { "Ask" } }
        }
    }
}

fn answer(told: &Told) -> Markup {
    html! {
        @match told {
            Told::Nothing => {},
            Told::Refused(why) => section class="banner hint" { strong { "No answer. " } (words::prose(why)) },
            Told::Who(who) => (who_can(who)),
            Told::One(can, ways) => (one(can, ways)),
        }
    }
}

fn who_can(answer: &WhoCan) -> Markup {
    html! {
        section class="card" {
            h2 { "Who can " (answer.action) " " (words::code(&name(&answer.resource))) }
            @if answer.anyone { p { strong { "Anyone: " } "it is public." } }
            @if answer.who.is_empty() && !answer.anyone { p { "Nobody, as far as is known." } }
            @if !answer.who.is_empty() {
                table class="grid" role="table" {
                    (part::columns(&["Who", "Level", "How"]))
                    tbody role="rowgroup" {
                        @for holder in &answer.who {
                            tr role="row" {
                                td role="cell" data-label="Who" { (person(&holder.who)) }
                                td role="cell" data-label="Level" { span class="badge plain strong" { (holder.level) } }
                                td role="cell" data-label="How" { @if let Some(line) = &holder.via { (words::prose(line)) } }
                            }
                        }
                    }
                }
            }
        }
        @if !answer.maybe.is_empty() || answer.unknown.is_some() {
            section class="card unknown" {
                h2 { "What cannot be told" }
                ul {
                    @if let Some(why) = &answer.unknown { li { "There may be more: " (words::prose(why)) } }
                    @for unsure in &answer.maybe { li { (person(&unsure.who)) ": " (words::prose(&unsure.why)) } }
                }
            }
        }
    }
}

fn one(can: &Can, ways: &Ways) -> Markup {
    let (word, class) = match can.can {
        Some(true) => ("Yes", "allow"),
        Some(false) => ("No", "block"),
        None => ("Unknown", "unknown"),
    };
    let lines: Vec<&String> = if can.via.is_empty() {
        ways.paths.iter().map(|way| &way.line).collect()
    } else {
        can.via.iter().collect()
    };
    html! {
        section class="card" {
            h2 { "Can " (person(&can.identity)) " " (can.action) " " (words::code(&name(&can.resource))) "?" }
            p { span class={ "badge " (class) } { (word) } " The level there is " strong { (can.level) } "." }
            @if let Some(why) = &can.unknown { p { "It cannot be told: " (words::prose(why)) "." } }
            @if let Some(person) = &can.acts_for { p { "It works for " (words::told(&name(&person.who))) ", who " (match person.can { Some(true) => "can", Some(false) => "cannot", None => "may: that cannot be told" }) "." } }
            @if !can.missing.is_empty() { h3 { "What is missing" } ul { @for line in &can.missing { li { (words::prose(line)) } } } }
            @if !lines.is_empty() { h3 { "Paths" } ul class="rows" { @for line in lines { li { (words::prose(line)) } } } }
            @if can.more { p class="note" { "There are more paths than these." } }
        }
    }
}

fn person(named: &Named) -> Markup {
    html! {
        @match &named.id {
            Some(id) => a href=(address(id)) { (words::told(&name(named))) },
            None => (words::told(&name(named))),
        }
    }
}

fn name(named: &Named) -> String {
    named.name.clone().or_else(|| named.id.clone()).unwrap_or_default()
}

/// The other pages about access.
fn ways_in(graph: &Snapshot) -> Markup {
    let count = |kind| graph.all(kind).count() as u64;
    html! {
        section class="card" {
            h2 { "Look around" }
            p { "The graph holds " (part::counted(count(Kind::User), "user", "users")) ", " (part::counted(count(Kind::Group), "group", "groups")) ", " (part::counted(count(Kind::Project), "project", "projects")) " and " (part::counted(count(Kind::Repository), "repository", "repositories")) ", read by " (words::when(graph.as_of())) "." }
            ul class="rows" {
                li { a href="/access/identities" { "Identities that are no people" } ": apps, tokens, keys, runners, hooks, agents, service accounts" }
                @for subject in Subject::ALL { li { a href={ "/access/reports?report=" (subject) } { "Report: " (subject) } } }
            }
        }
    }
}
