//! The ledger: how long it is, what vouches for it, how anybody verifies it, and its newest entries. First what governs
//! the gate itself: who changed what.

use maud::Markup;
use maud::html;
use serde_json::Value;

use crate::gateway::glance::EntrySeen;
use crate::gateway::glance::HOOK_LETTERS;
use crate::gateway::glance::LedgerSeen;
use crate::graph::Time;
use crate::http::console::frame::Depth;
use crate::http::console::frame::Desk;
use crate::http::console::frame::Place;
use crate::http::console::frame::Section;
use crate::http::console::frame::console;
use crate::http::console::part;
use crate::http::console::words;
use crate::ledger::Kept;
use crate::ledger::Kind;
use crate::words;

/// Members of an entry's body that are shown. A decision has dozens: it has a page of its own.
const MAX_MEMBERS: usize = 12;

/// Letters of a value that are shown.
const MAX_LETTERS: usize = 300;

/// Sealed parts that are words for people. The others are documents, and stand on the page of what they belong to.
const TOLD: [&str; 3] = ["by", "reason", "why"];

words! {
    /// Which entries are looked at.
    pub enum Sort {
        /// What changed how the gate behaves.
        Changes = "changes",
        /// Decisions.
        Decisions = "decisions",
        /// Tickets and grants.
        Approvals = "approvals",
        /// What was done on Bitbucket and outside.
        Actions = "actions",
        /// All of them.
        All = "all",
    }
}

impl Sort {
    /// The kinds that are of this sort; none: every kind.
    pub const fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Changes => &[Kind::Admin, Kind::Bundle, Kind::Waiver, Kind::Key, Kind::Gap],
            Self::Decisions => &[Kind::Decision],
            Self::Approvals => &[Kind::Ticket, Kind::Grant],
            Self::Actions => &[Kind::Action, Kind::Outbound],
            Self::All => &[],
        }
    }
}

/// What the page shows.
#[derive(Debug)]
pub struct Shown {
    /// Where it stands.
    pub ledger: LedgerSeen,
    /// Which entries.
    pub sort: Sort,
    /// Entries, newest first.
    pub entries: Vec<EntrySeen>,
    /// Whether this page is not the newest.
    pub before: Option<u64>,
    /// Where the next page begins.
    pub next: Option<u64>,
}

/// The page.
pub fn page(desk: &Desk<'_>, shown: &Shown) -> String {
    let place = Place { section: Section::Ledger, title: "Ledger", depth: Depth::Top };
    let first = shown.before.map(|_| address(shown.sort, None));
    let next = shown.next.map(|next| address(shown.sort, Some(next)));
    let main = html! {
        h1 { "Ledger" }
        div class="columns" {
            section class="card" { h2 { "Where it stands" } (stands(&shown.ledger, desk.now)) }
            section class="card" { h2 { "How to verify it" } (verify(&shown.ledger)) }
        }
        h2 { "Entries" }
        (sorts(shown.sort))
        @if shown.entries.is_empty() { (nothing(shown)) } @else { (table(&shown.entries)) }
        (part::paging(first.as_deref(), next.as_deref()))
    };
    console(desk, &place, &main)
}

fn stands(ledger: &LedgerSeen, now: Time) -> Markup {
    html! {
        dl class="facts ids" {
            dt { "Entries" } dd { (ledger.size) }
            dt { "Log" } dd { (words::code(&ledger.origin)) }
            dt { "Root" } dd { (words::code(&ledger.root)) }
            dt { "Last checkpoint" }
            dd {
                @match &ledger.checkpoint {
                    Some((size, at, _)) => { "over " (part::counted(*size, "entry", "entries")) @if let Some(at) = at { ", signed " (words::ago(*at, now)) } },
                    None => "none yet: the first follows the first entry",
                }
            }
            dt { "Verifier key" } dd { (words::code(&ledger.key)) }
        }
    }
}

fn verify(ledger: &LedgerSeen) -> Markup {
    html! {
        p { "Hand an auditor the key, and a checkpoint of today that they keep: a cut tail is seen only against an earlier one. Then, whenever they ask:" }
        pre role="group" tabindex="0" aria-label="Commands" { code {
            "portcullis ledger export FOLDER --store sqlite:portcullis.db\n"
            "portcullis-verify FOLDER --key '" (words::told(&ledger.key)) "' --since CHECKPOINT"
        } }
        p { "or here, beside the running gateway: " code { "portcullis ledger verify --store sqlite:portcullis.db" } }
        @if let Some((_, _, note)) = &ledger.checkpoint {
            details { summary { "The newest signed checkpoint" } pre { code { @for line in note.lines() { (words::told(line)) "\n" } } } }
        }
    }
}

fn address(sort: Sort, before: Option<u64>) -> String {
    let before = before.map(|place| format!("&before={place}")).unwrap_or_default();
    format!("/ledger?show={sort}{before}")
}

fn sorts(chosen: Sort) -> Markup {
    html! {
        nav class="tabs" aria-label="Which entries" {
            ul {
                @for sort in Sort::ALL {
                    li { a href=(address(*sort, None)) aria-current=[(*sort == chosen).then_some("true")] { (sort) } }
                }
            }
        }
    }
}

fn nothing(shown: &Shown) -> Markup {
    html! {
        section class="card empty" {
            h2 { "Nothing of that sort here" }
            @if shown.next.is_some() { p { "Older entries have not been looked at yet." } }
        }
    }
}

fn table(entries: &[EntrySeen]) -> Markup {
    html! {
        table class="list" role="table" {
            (part::columns(&["Entry", "Kind", "About", "What it says", "Who and why"]))
            tbody role="rowgroup" { @for entry in entries { (row(entry)) } }
        }
    }
}

fn row(seen: &EntrySeen) -> Markup {
    let entry = &seen.entry;
    let at = Time::from_millis(entry.at.as_millis());
    html! {
        tr role="row" class="plain" id={ "e" (seen.index) } {
            td role="cell" data-label="Entry" class="time" { "#" (seen.index) span class="sub" { (words::stamp(at)) } }
            td role="cell" data-label="Kind" { span class="badge plain" { (entry.kind.as_str()) } }
            td role="cell" data-label="About" { (subject(seen)) @if let Some(connection) = &entry.connection { span class="sub" { (words::told(connection)) } } }
            td role="cell" data-label="What it says" class="reason" { (says(seen)) }
            td role="cell" data-label="Who and why" { (who(&seen.parts)) }
        }
    }
}

/// What has a page of its own is a link to it.
fn subject(seen: &EntrySeen) -> Markup {
    let subject = &seen.entry.subject;
    let page = match seen.entry.kind {
        Kind::Decision => Some("/decisions/"),
        Kind::Ticket | Kind::Grant => Some("/tickets/"),
        Kind::Action
        | Kind::Bundle
        | Kind::Waiver
        | Kind::Admin
        | Kind::Gap
        | Kind::Outbound
        | Kind::Key => None,
    };
    let is_id = subject.parse::<uuid::Uuid>().is_ok();
    html! {
        @match page.filter(|_| is_id) {
            Some(page) => a href={ (page) (subject) } { (words::short(subject)) },
            None => (value_of(subject)),
        }
    }
}

/// The id of a hook is an address that only Bitbucket needs to know.
fn is_hook(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Ids and hashes are told apart by their first letters; anything else is read whole.
fn is_hash(text: &str) -> bool {
    text.len() > 24 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn says(seen: &EntrySeen) -> Markup {
    let body = &seen.entry.body;
    let wanted: Vec<(&String, &Value)> = match seen.entry.kind {
        Kind::Decision => body
            .iter()
            .filter(|(name, _)| {
                ["action", "event", "verdict", "effect", "binds"].contains(&name.as_str())
            })
            .collect(),
        Kind::Action
        | Kind::Ticket
        | Kind::Grant
        | Kind::Bundle
        | Kind::Waiver
        | Kind::Admin
        | Kind::Gap
        | Kind::Outbound
        | Kind::Key => body.iter().take(MAX_MEMBERS).collect(),
    };
    html! {
        ul class="members" {
            @for (name, value) in wanted { li { span class="name" { (words::told(&name.replace('_', " "))) } " " (value_of(&said(value))) } }
        }
    }
}

fn value_of(said: &str) -> Markup {
    html! {
        @if is_hook(said) { code { (said.chars().take(HOOK_LETTERS).collect::<String>()) "…" } }
        @else if is_hash(said) { (words::short(said)) }
        @else { (words::told(said)) }
    }
}

fn said(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    };
    cut(&text)
}

fn cut(text: &str) -> String {
    let mut letters = text.chars();
    let cut: String = letters.by_ref().take(MAX_LETTERS).collect();
    if letters.next().is_some() { format!("{cut}…") } else { cut }
}

/// Words for people are read out of their seal; an erased one is said to be.
fn who(parts: &[Kept]) -> Markup {
    html! {
        @for part in parts.iter().filter(|part| TOLD.contains(&part.name())) {
            span class="line" {
                @match part {
                    Kept::Present(part) => { @if part.name != "by" { span class="name" { (part.name) } " " } (words::told(&cut(&String::from_utf8_lossy(&part.bytes)))) }
                    Kept::Erased { name, at } => span class="sub" { (name) " erased on " (words::when(Time::from_millis(at.as_millis()))) },
                }
            }
        }
        @let sealed: Vec<&str> = parts.iter().map(Kept::name).filter(|name| !TOLD.contains(name)).collect();
        @if !sealed.is_empty() { span class="sub" { "sealed beside it: " (sealed.join(", ")) } }
    }
}
