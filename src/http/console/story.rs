//! The console's page of one decision: rule → reason → proof → controls, and everything else that is kept of it.

use maud::Markup;
use maud::html;

use crate::approval::Ticket;
use crate::decision::Record;
use crate::decision::narrative::Narrative;
use crate::decision::narrative::RuleStory;
use crate::decision::narrative::shown;
use crate::decision::record::Part;
use crate::http::console::frame::Depth;
use crate::http::console::frame::Desk;
use crate::http::console::frame::Place;
use crate::http::console::frame::Section;
use crate::http::console::frame::console;
use crate::http::console::part;
use crate::http::console::rules;
use crate::http::console::ticket;
use crate::http::console::words;
use crate::policy::Verdict;
use crate::policy::finding::Controls;

/// The page.
pub fn page(
    desk: &Desk<'_>,
    record: &Record,
    story: &Narrative,
    ticket: Option<&Ticket>,
) -> String {
    let title = format!("{}: {}", words::word(record.public.verdict), record.public.action);
    let title = shown(&title);
    let place = Place { section: Section::Decisions, title: &title, depth: Depth::Below };
    let main = html! {
        (hero(record, story))
        @if let Some(ticket) = ticket { (ticket::card(desk, ticket)) }
        div class="columns" {
            section class="card" { h2 { "What it is about" } (about(story)) }
            section class="card" { h2 { "What now" } (remedies(story)) }
        }
        (changed(story))
        (unknown(story))
        (rules(story))
        (controls_card(story))
        (heard(story))
        (kept(record, story))
    };
    console(desk, &place, &main)
}

fn hero(record: &Record, story: &Narrative) -> Markup {
    let public = &record.public;
    html! {
        section class={ "hero " (words::class(public.verdict)) } {
            p class="kicker" {
                (words::badge(public.verdict)) " " span { (words::force(public.effect, public.binds)) " · " (public.binds) }
                @if public.uncovered { " " span class="badge unknown" { "uncovered" } }
            }
            h1 { (words::prose(&story.reason)) }
            @for because in &story.because { p class="lead" { (words::prose(because)) } }
            p class="note" { (story.reach) }
            p class="note" { (words::when(public.at)) " · " (words::told(&story.freshness)) }
        }
    }
}

/// What it is about, label by label.
pub fn about(story: &Narrative) -> Markup {
    part::facts(story.about.iter().map(|(label, value)| (*label, value.as_str())))
}

fn remedies(story: &Narrative) -> Markup {
    html! {
        @if story.remedies.is_empty() { p { "Nothing is asked of anybody." } }
        @else { ul class="steps" { @for remedy in &story.remedies { li { (words::prose(remedy)) } } } }
    }
}

fn changed(story: &Narrative) -> Markup {
    html! {
        @if !story.changed.is_empty() {
            section class="card" {
                h2 { "What changed" }
                table class="changes" role="table" {
                    thead role="rowgroup" { tr role="row" {
                        @for title in ["Field", "Before", "After"] { th role="columnheader" scope="col" { (title) } }
                    } }
                    tbody role="rowgroup" {
                        @for (field, before, after) in &story.changed {
                            tr role="row" {
                                td role="cell" data-label="Field" { (words::told(field)) }
                                td role="cell" data-label="Before" { (words::code(before)) }
                                td role="cell" data-label="After" { (words::code(after)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn unknown(story: &Narrative) -> Markup {
    html! {
        @if !story.unknown.is_empty() {
            section class="card unknown" {
                h2 { "What could not be learned" }
                dl class="facts" {
                    @for (path, why) in &story.unknown { dt { (words::code(path)) } dd { (words::prose(why)) } }
                }
            }
        }
    }
}

fn rules(story: &Narrative) -> Markup {
    let (spoke, silent): (Vec<_>, Vec<_>) =
        story.rules.iter().partition(|rule| rule.verdict.is_some());
    html! {
        section class="card" {
            h2 { "Rules" }
            @if story.rules.is_empty() { p { "No rule answers this kind of event: it is " strong { "uncovered" } "." } }
            @for rule in &spoke { (spoken(rule)) }
            @if !silent.is_empty() {
                details open[spoke.is_empty()] {
                    summary { (silent.len()) " that had nothing to say" }
                    ul class="rows" { @for rule in &silent { (quiet(rule)) } }
                }
            }
        }
    }
}

fn spoken(rule: &RuleStory) -> Markup {
    let verdict = rule.verdict.and_then(Verdict::from_text);
    let class = verdict.map_or("plain", words::class);
    html! {
        article class={ "rule " (class) } {
            h3 { (words::told(&rule.title)) }
            p class="meta" {
                @if let Some(verdict) = verdict { (words::badge(verdict)) " " }
                a href=(rules::address(&rule.rule)) { (words::code(&rule.rule)) } " " span { (rule.outcome) (severity(rule)) (owner(rule)) }
                (mode(rule))
            }
            @for reason in &rule.reasons { p { (words::prose(reason)) } }
            @if !rule.facts.is_empty() {
                h4 { "Rests on" }
                dl class="facts proof" {
                    @for (path, value) in &rule.facts { dt { (words::code(path)) } dd { (words::code(value)) } }
                }
            }
            @if !rule.controls.is_empty() { h4 { "Supports" } (controls(&rule.controls)) }
        }
    }
}

fn severity(rule: &RuleStory) -> Markup {
    html! { @if let Some(severity) = rule.severity { " · " (severity) } }
}

fn owner(rule: &RuleStory) -> Markup {
    html! { @if let Some(owner) = &rule.owner { " · looked after by " (words::told(owner)) } }
}

fn mode(rule: &RuleStory) -> Markup {
    html! { @if rule.mode != "enforce" { " " span class="badge unknown" { (rule.mode) } } }
}

fn quiet(rule: &RuleStory) -> Markup {
    html! { li { (words::told(&rule.title)) " " span class="sub" { (words::code(&rule.rule)) " " (rule.outcome) (mode(rule)) } } }
}

fn controls_card(story: &Narrative) -> Markup {
    html! {
        @if !story.controls.is_empty() {
            section class="card" {
                h2 { "Controls it supports" }
                (controls(&story.controls))
                p class="note" { "Supports means: this decision is evidence for the control. It does not certify anything." }
            }
        }
    }
}

/// Controls, framework by framework.
pub fn controls(controls: &Controls) -> Markup {
    html! {
        ul class="chips" {
            @for (framework, ids) in controls { li { strong { (words::told(framework)) } " " (words::told(&ids.join(", "))) } }
        }
    }
}

fn heard(story: &Narrative) -> Markup {
    html! {
        @if !story.heard.is_empty() {
            section class="card" {
                h2 { "Who was told" }
                ul class="rows" { @for heard in &story.heard { li { (words::told(heard)) } } }
            }
        }
    }
}

fn kept(record: &Record, story: &Narrative) -> Markup {
    html! {
        section class="card" {
            h2 { "What is kept" }
            dl class="facts ids" {
                @for (label, value) in &story.proof { dt { (label) } dd { (words::code(value)) } }
            }
            @match &record.input {
                Part::Kept(input) => details {
                    summary { "The input the rules saw" }
                    pre { code { (pretty(input.get())) } }
                },
                Part::Erased(at) => p { "The input was erased on " (at) ". Its hash stays, and proofs still verify." },
            }
        }
    }
}

/// JSON with line breaks; each line is shown as foreign text.
fn pretty(json: &str) -> Markup {
    let value: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
    let text = serde_json::to_string_pretty(&value).unwrap_or_default();
    html! { @for line in text.lines() { (words::told(line)) "\n" } }
}
