//! One rule: what it is for, how it is taken, what it did, which controls it supports, and its text.

use maud::Markup;
use maud::html;

use crate::decision::Mode;
use crate::decision::Modes;
use crate::decision::narrative::shown;
use crate::decision::plan::ModeSetting;
use crate::gateway::friction::Friction;
use crate::graph::ConnectionId;
use crate::graph::Known;
use crate::http::console::frame::Depth;
use crate::http::console::frame::Desk;
use crate::http::console::frame::Place;
use crate::http::console::frame::Section;
use crate::http::console::frame::console;
use crate::http::console::list::View;
use crate::http::console::rules;
use crate::http::console::story;
use crate::http::console::words;
use crate::policy::Rule;

/// What the page shows.
#[derive(Debug)]
pub struct Shown<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// How rules are taken.
    pub modes: &'a Modes,
    /// The connections there are.
    pub connections: Vec<ConnectionId>,
    /// What it did.
    pub did: Friction,
    /// Its text as it was loaded.
    pub text: Option<String>,
}

/// The page.
pub fn page(desk: &Desk<'_>, shown_rule: &Shown<'_>) -> String {
    let rule = shown_rule.rule;
    let title = shown(&rule.title);
    let place = Place { section: Section::Rules, title: &title, depth: Depth::Below };
    let main = html! {
        h1 { (words::told(&rule.title)) }
        p class="meta" {
            (words::code(rule.id.as_str())) span { (rule.severity) }
            @if let Some(owner) = &rule.owner { span { "looked after by " (words::told(owner)) } }
        }
        @if !rule.description.is_empty() { p class="intro" { (words::prose(&rule.description)) } }
        div class="columns" {
            section class="card" { h2 { "How it is taken" } (taken(shown_rule)) }
            section class="card" { h2 { "What it did, last 7 days" } (did(shown_rule)) }
        }
        section class="card" { h2 { "What it declares" } (declared(rule)) }
        @if !rule.remedies.is_empty() {
            section class="card" { h2 { "What a stopped person is told" } ul class="steps" { @for remedy in &rule.remedies { li { (words::prose(remedy)) } } } }
        }
        @if !rule.controls.is_empty() {
            section class="card" {
                h2 { "Controls it supports" }
                (story::controls(&rule.controls))
                p class="note" { "Supports means: its decisions are evidence for the control. It does not certify anything." }
            }
        }
        (text(shown_rule))
    };
    console(desk, &place, &main)
}

fn taken(shown: &Shown<'_>) -> Markup {
    let of = |connection: &ConnectionId| shown.modes.of(connection, &shown.rule.id);
    html! {
        dl class="facts" {
            @for connection in &shown.connections {
                dt { (connection) }
                dd { (words::mode(of(connection))) " " span class="sub inline" { (means(of(connection))) (source(shown, connection)) } }
                @for class in shown.modes.classes(connection) {
                    @let mode = shown.modes.at(connection, &Known::Value(class.to_owned()), &shown.rule.id);
                    @if mode != of(connection) {
                        dt { (connection) ", class " (class) }
                        dd { (words::mode(mode)) " " span class="sub inline" { (means(mode)) } }
                    }
                }
            }
        }
    }
}

const fn means(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "what it says is done",
        Mode::Shadow => "recorded, stops nobody",
        Mode::Off => "not asked",
    }
}

/// Which setting that comes from.
fn source(shown: &Shown<'_>, connection: &ConnectionId) -> String {
    let rule = &shown.rule.id;
    let whole = |set: &&ModeSetting| set.connection == *connection && set.class.is_none();
    let here = || shown.modes.settings().iter().filter(whole);
    let named = [rule.as_str(), rule.area(), "*"]
        .into_iter()
        .find(|name| here().any(|set| set.rules == **name));
    named.map_or_else(
        || ", as the configuration says".to_owned(),
        |name| format!(", set for {name}"),
    )
}

fn did(shown: &Shown<'_>) -> Markup {
    let did = shown.did;
    let spoke = View { rule: Some(shown.rule.id.clone()), ..View::default() };
    html! {
        dl class="facts" {
            dt { "Looked at" } dd { (did.asked) }
            dt { "Matched" } dd { (rules::matched(did)) }
            dt { "Stopped" } dd { (did.stopped) }
            dt { "Would have held up" } dd { (did.would_have) }
            dt { "Approvals" } dd { (rules::approvals(did)) }
        }
        p class="more" { a href=(spoke.address(None)) { "Decisions in which it had something to say" } }
    }
}

fn declared(rule: &Rule) -> Markup {
    let kinds: Vec<&str> = rule.on.iter().map(|kind| kind.as_str()).collect();
    html! {
        dl class="facts" {
            dt { "Answers" } dd { @for (at, kind) in kinds.iter().enumerate() { @if at > 0 { ", " } (words::code(kind)) } }
            dt { "Reads" } dd { @for (at, path) in rule.reads.iter().enumerate() { @if at > 0 { ", " } (words::code(path)) } }
            @if let Some(fresh) = rule.fresh { dt { "No older than" } dd { (fresh.as_secs()) " s" } }
            dt { "If it fails" } dd { (words::badge(rule.on_error)) }
            dt { "If a fact is unknown" } dd { @if rule.unknown_handled { "it decides itself" } @else { (words::badge(rule.on_unknown)) } }
            dt { "File" } dd { (words::code(&rule.file)) }
        }
    }
}

fn text(shown: &Shown<'_>) -> Markup {
    html! {
        section class="card" {
            h2 { "Its text" }
            @match &shown.text {
                Some(text) => pre class="source" role="group" tabindex="0" aria-label="Rego source" { code { @for line in text.lines() { (words::told(&line.replace('\t', "    "))) "\n" } } },
                None => p { "The file is not at hand." },
            }
        }
    }
}
