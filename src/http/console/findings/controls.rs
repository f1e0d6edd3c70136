//! The control map: per framework each control, how it stands, and the rules that support it. It says what was looked at
//! and what was not; it attests nothing.

use maud::Markup;
use maud::html;
use url::form_urlencoded::Serializer;

use crate::http::console::findings::marks;
use crate::http::console::frame::Depth;
use crate::http::console::frame::Desk;
use crate::http::console::frame::Place;
use crate::http::console::frame::Section;
use crate::http::console::frame::console;
use crate::http::console::part;
use crate::http::console::rules;
use crate::http::console::words;
use crate::posture::Score;
use crate::posture::controls::Control;
use crate::posture::controls::Framework;
use crate::posture::controls::Map;
use crate::posture::controls::Standing;
use crate::posture::controls::Support;
use crate::posture::controls::Supporting;

/// How the map leads to other pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ways {
    /// Within the console.
    Console,
    /// Not at all: it stands alone.
    Alone,
}

/// The page.
pub fn page(desk: &Desk<'_>, map: &Map) -> String {
    let place = Place { section: Section::Findings, title: "Controls", depth: Depth::Below };
    let main = html! {
        h1 { "Controls" }
        (intro(map))
        (frameworks(map, Ways::Console))
    };
    console(desk, &place, &main)
}

/// What the map says and does not.
pub(super) fn intro(map: &Map) -> Markup {
    html! { p class="intro" { (words::told(&map.note)) } }
}

/// Every framework.
pub(super) fn frameworks(map: &Map, ways: Ways) -> Markup {
    html! { @for framework in &map.frameworks { (card(framework, ways)) } }
}

fn card(framework: &Framework, ways: Ways) -> Markup {
    html! {
        section class="card" {
            h2 { (words::told(&framework.id)) }
            p class="note" {
                @if framework.title != framework.id { (words::told(&framework.title)) ". " }
                @if let Some(when) = &framework.applies_when { "Applies when: " (words::told(when)) " " }
                (counts(framework)) "."
            }
            table class="grid controls" role="table" {
                (part::columns(&["Control", "How it stands", "Checks", "Rules that support it"]))
                tbody role="rowgroup" { @for control in &framework.controls { (row(control, ways)) } }
            }
        }
    }
}

/// How many controls stand how.
fn counts(framework: &Framework) -> String {
    let of = |standing: Standing| {
        framework.controls.iter().filter(|control| control.standing == standing).count()
    };
    let there = Standing::ALL.iter().map(|standing| (standing, of(*standing)));
    let said: Vec<String> = there
        .filter(|(_, count)| *count > 0)
        .map(|(standing, count)| format!("{count} {standing}"))
        .collect();
    let all = part::counted(framework.controls.len() as u64, "control", "controls");
    format!("{all}: {}", said.join(", "))
}

fn row(control: &Control, ways: Ways) -> Markup {
    html! {
        tr role="row" {
            td role="cell" data-label="Control" {
                strong { (words::told(&control.id)) }
                span class="sub" { (words::told(&control.title)) }
            }
            td role="cell" data-label="How it stands" { (standing(control)) }
            td role="cell" data-label="Checks" { (checks(control.checks)) }
            td role="cell" data-label="Rules that support it" { (supporting(&control.rules, ways)) }
        }
    }
}

fn standing(control: &Control) -> Markup {
    let class = match control.standing {
        Standing::Findings => control.worst.map_or("medium", marks::class),
        Standing::Accepted => "alert",
        Standing::Untold => "unknown",
        Standing::Clear => "allow",
        Standing::NotAssessed => "plain",
    };
    let said = match (control.standing, control.worst) {
        (Standing::Findings, Some(worst)) => format!("findings, worst {worst}"),
        (standing, _) => standing.to_string(),
    };
    html! { span class={ "badge " (class) } { (said) } }
}

fn checks(checks: Score) -> Markup {
    let parts = [
        (checks.open(), "fail"),
        (checks.accepted, "accepted"),
        (checks.unknown, "cannot be told"),
        (checks.pass, "comply"),
    ];
    let said: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    html! { @if said.is_empty() { "none" } @else { (said.join(", ")) } }
}

fn supporting(rules: &[Supporting], ways: Ways) -> Markup {
    html! {
        @if rules.is_empty() { "no rule" } @else {
            details {
                summary { (part::counted(rules.len() as u64, "rule", "rules")) }
                ul class="rows" {
                    @for rule in rules {
                        li {
                            @match ways {
                                Ways::Console => a href=(way(rule)) { (words::told(&rule.title)) },
                                Ways::Alone => (words::told(&rule.title)),
                            }
                            span class="sub" { (words::code(rule.rule.as_str())) " · " (kind(rule)) }
                        }
                    }
                }
            }
        }
    }
}

/// A runtime rule has decisions behind it, a posture rule checks.
fn kind(rule: &Supporting) -> Markup {
    html! {
        @match rule.kind {
            Support::Runtime => "decides what happens",
            Support::Posture => (checks(rule.checks)),
        }
    }
}

fn way(rule: &Supporting) -> String {
    match rule.kind {
        Support::Runtime => rules::address(rule.rule.as_str()),
        Support::Posture => {
            let query =
                Serializer::new(String::new()).append_pair("rule", rule.rule.as_str()).finish();
            format!("/findings?{query}")
        }
    }
}
