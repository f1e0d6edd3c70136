//! The console's first page. It answers four questions: is it ready, is it listening, what happened today, and who is
//! needed.

use std::time::Duration;

use maud::Markup;
use maud::html;

use crate::approval::Ticket;
use crate::decision::Effect;
use crate::decision::Pause;
use crate::decision::Record;
use crate::gateway::glance::Day;
use crate::gateway::glance::HookSeen;
use crate::gateway::glance::Levels;
use crate::gateway::readiness::Readiness;
use crate::graph::Time;
use crate::http::console::chart;
use crate::http::console::frame::Depth;
use crate::http::console::frame::Desk;
use crate::http::console::frame::Place;
use crate::http::console::frame::Section;
use crate::http::console::frame::console;
use crate::http::console::list;
use crate::http::console::list::Cover;
use crate::http::console::list::View;
use crate::http::console::live;
use crate::http::console::part::counted;
use crate::http::console::words;
use crate::policy::Verdict;

/// Tickets that are named one by one.
const NAMED: usize = 5;

/// How long an action may wait before it needs somebody.
const TOO_LONG: Duration = Duration::from_mins(5);

/// What the page shows.
#[derive(Debug)]
pub struct Overview {
    /// Whether it can do its work.
    pub readiness: Readiness,
    /// How full everything is.
    pub levels: Levels,
    /// Every hook.
    pub hooks: Vec<HookSeen>,
    /// The last day.
    pub day: Day,
    /// Tickets that wait, newest first.
    pub open: Vec<Ticket>,
    /// Why the newest rules are not active.
    pub refused: Option<String>,
    /// The pause that is in force or waits for its second person.
    pub pause: Option<Pause>,
    /// The newest decisions.
    pub newest: Vec<Record>,
}

/// The page.
pub fn page(desk: &Desk<'_>, overview: &Overview) -> String {
    let place = Place { section: Section::Overview, title: "Overview", depth: Depth::Live };
    let main = html! {
        h1 { "Overview" }
        div class="columns three" {
            (ready(overview, desk.now))
            (listening(&overview.hooks, desk.now))
            (needed(overview, desk.now))
        }
        (today(&overview.day))
        section class="card bare" {
            div class="head" { h2 { "Newest decisions" } (live::region("/")) }
            @if overview.newest.is_empty() { (list::none_yet()) } @else { (list::table(&overview.newest)) }
            p class="more" { a href="/decisions" { "All decisions, with search" } }
        }
    };
    console(desk, &place, &main)
}

fn ready(overview: &Overview, now: Time) -> Markup {
    let readiness = &overview.readiness;
    let (class, verdict, word) = if readiness.ready {
        ("allow", Verdict::Allow, "Ready")
    } else {
        ("block", Verdict::Block, "Not ready")
    };
    html! {
        section class={ "card state " (class) } {
            h2 { "Is it ready?" }
            p class="big" { (words::icon(verdict)) (word) }
            @if !readiness.ready { ul class="steps" { @for reason in &readiness.reasons { li { (words::prose(reason)) } } } }
            @for note in readiness.notes_but_the_pause() { p class="hint" { (words::prose(&note)) } }
            dl class="facts small" {
                dt { "Rules" } dd { a href="/rules" { (words::short(&readiness.bundle)) } }
                dt { "Graph" } dd { "revision " (readiness.graph_revision) }
                dt { "Sandbox" } dd { (readiness.sandbox) }
                dt { "Checkpoint" } dd {
                    @match overview.levels.checkpoint {
                        Some(at) => a href="/ledger" { (words::ago(at, now)) },
                        None => "none yet",
                    }
                }
            }
        }
    }
}

fn listening(hooks: &[HookSeen], now: Time) -> Markup {
    let silent = hooks.iter().filter(|hook| hook.silent).count();
    let last = hooks.iter().filter_map(|hook| hook.last).max();
    let (class, verdict) =
        if silent > 0 { ("alert", Verdict::Alert) } else { ("allow", Verdict::Allow) };
    html! {
        section class={ "card state " (if hooks.is_empty() || last.is_none() { "plain" } else { class }) } {
            h2 { "Is it listening?" }
            p class="big" {
                @match last {
                    _ if silent > 0 => { (words::icon(verdict)) (counted(silent as u64, "hook is silent", "hooks are silent")) }
                    Some(last) => { (words::icon(verdict)) "Heard " (words::ago(last, now)) }
                    None if hooks.is_empty() => "No hook is configured",
                    None => "Nothing heard yet",
                }
            }
            dl class="facts small" {
                @for hook in hooks {
                    dt { (hook.connection) " " code { (words::told(&hook.letters)) "…" } }
                    dd { (heard(hook, now)) }
                }
            }
            p class="more" { a href="/connections" { "Connections and hooks" } }
        }
    }
}

/// When a hook was heard last, and whether it is missed.
pub fn heard(hook: &HookSeen, now: Time) -> Markup {
    html! {
        @match hook.last { Some(last) => span { (words::ago(last, now)) }, None => "never" }
        @if hook.silent { " " span class="badge alert" { (words::icon(Verdict::Alert)) "silent" } }
    }
}

/// Everything that waits for a person, the most pressing first.
fn needed(overview: &Overview, now: Time) -> Markup {
    let matters = matters(overview, now);
    let (class, verdict) =
        if matters.is_empty() { ("allow", Verdict::Allow) } else { ("approve", Verdict::Approve) };
    html! {
        section class={ "card state " (class) } {
            h2 { "Who is needed?" }
            p class="big" {
                (words::icon(verdict))
                @if matters.is_empty() { "Nobody" } @else { (counted(matters.len() as u64, "matter waits", "matters wait")) }
            }
            @if !matters.is_empty() { ul class="matters" { @for matter in &matters { li { (matter) } } } }
        }
    }
}

fn matters(overview: &Overview, now: Time) -> Vec<Markup> {
    let mut all = Vec::new();
    all.extend(overview.pause.as_ref().map(paused));
    all.extend(overview.refused.as_ref().map(
        |why| html! { a href="/rules" { "The newest rules were refused" } span class="sub" { (words::prose(why)) } },
    ));
    all.extend(overview.open.iter().take(NAMED).map(|ticket| waits(ticket, now)));
    let rest = overview.open.len().saturating_sub(NAMED) as u64;
    all.extend((rest > 0).then(
        || html! { a href="/tickets?state=asked" { (counted(rest, "ticket more", "tickets more")) } },
    ));
    let dead = overview.levels.dead_letters;
    all.extend((dead > 0).then(|| html! { a href="/dead-letters" { (counted(dead, "delivery could not be read", "deliveries could not be read")) } }));
    let silent = overview.hooks.iter().filter(|hook| hook.silent).count() as u64;
    all.extend((silent > 0).then(|| html! { a href="/connections" { (counted(silent, "hook is silent", "hooks are silent")) } }));
    all.extend(stuck(&overview.levels, now));
    all
}

fn paused(pause: &Pause) -> Markup {
    html! {
        @match pause.span {
            Some(span) => { "The gate is paused until " (words::when(span.until)) },
            None => "A pause waits for its second person",
        }
        span class="sub" { (words::told(pause.by.as_str())) ": " (words::told(&pause.reason)) }
        span class="sub" { code { @if pause.span.is_some() { "portcullis resume" } @else { "portcullis pause --confirm " (pause.id) } } }
    }
}

fn waits(ticket: &Ticket, now: Time) -> Markup {
    html! {
        a href={ "/tickets/" (ticket.id) } { "A ticket waits: " (words::told(&ticket.binding.action)) }
        span class="sub" {
            (words::prose(&ticket.reason))
            @if let Some(left) = words::left(ticket.expires_at, now) { " (" (left) " left)" }
        }
    }
}

fn stuck(levels: &Levels, now: Time) -> Option<Markup> {
    let since = levels.oldest_action?;
    (u128::from(now.since(since)) > TOO_LONG.as_millis()).then(|| {
        html! {
            (counted(levels.actions_waiting, "action on Bitbucket waits", "actions on Bitbucket wait"))
            span class="sub" { "the oldest was to be done " (words::ago(since, now)) "; the log says why it fails" }
        }
    })
}

fn today(day: &Day) -> Markup {
    let view = View { since: Some(day.since()), ..View::default() };
    html! {
        section class="card" {
            h2 { "The last 24 hours" }
            @if day.whole.all() == 0 { p { "Nothing was decided." } }
            @else {
                ul class="tiles" {
                    @for verdict in Verdict::ALL {
                        (tile(&View { verdict: Some(*verdict), ..view.clone() }, day.whole.verdict(*verdict), &words::badge(*verdict)))
                    }
                    (tile(&View { cover: Cover::Uncovered, ..view.clone() }, day.whole.uncovered, &html! { span class="badge unknown" { "uncovered" } }))
                }
                p {
                    (counted(day.whole.all(), "decision: ", "decisions: "))
                    @for (at, effect) in Effect::ALL.iter().enumerate() {
                        @if at > 0 { ", " }
                        a href=(View { effect: Some(*effect), ..view.clone() }.address(None)) { (day.whole.effect(*effect)) " " (words::effect(*effect)) }
                    }
                    "."
                    @if day.more { " There were more than are counted here: the oldest are left out." }
                }
                (chart::day(day))
            }
        }
    }
}

fn tile(view: &View, count: u64, badge: &Markup) -> Markup {
    html! { li { a href=(view.address(None)) { span class="count" { (count) } " " (badge) } } }
}
