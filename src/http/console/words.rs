//! The small words of every page: verdicts with their shape and colour, times, and text that others wrote.

use std::time::Duration;

use maud::Markup;
use maud::html;

use crate::decision::Binds;
use crate::decision::Effect;
use crate::decision::Mode;
use crate::decision::narrative::duration;
use crate::decision::narrative::shown;
use crate::graph::Time;
use crate::policy::Verdict;

/// Text that somebody else wrote. Control and direction characters are shown as escapes; maud escapes HTML.
pub fn told(text: &str) -> Markup {
    html! { (shown(text)) }
}

/// A sentence: what stands in backticks is set in a fixed-width face. Everything else as [`told`].
pub fn prose(text: &str) -> Markup {
    let mut parts: Vec<&str> = text.split('`').collect();
    // A backtick without a second one is a character like any other.
    let odd = if parts.len().is_multiple_of(2) { parts.pop() } else { None };
    html! {
        @for (at, part) in parts.iter().enumerate() {
            @if at.is_multiple_of(2) { (told(part)) } @else { (code(part)) }
        }
        @if let Some(rest) = odd { "`" (told(rest)) }
    }
}

/// Foreign text in a fixed-width face.
pub fn code(text: &str) -> Markup {
    html! { code { (shown(text)) } }
}

/// The style sheet's class for a verdict: colour is never the only sign of it.
pub const fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "allow",
        Verdict::Alert => "alert",
        Verdict::Approve => "approve",
        Verdict::Block => "block",
    }
}

/// The word as people say it.
pub const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "Allow",
        Verdict::Alert => "Alert",
        Verdict::Approve => "Approve",
        Verdict::Block => "Block",
    }
}

/// What an effect asks for.
pub const fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Proceed => "proceed",
        Effect::Wait => "wait",
        Effect::Stop => "stop",
    }
}

/// What an effect amounts to where it lands, as people say it: nobody *must* anything where nobody waits for us.
pub const fn force(effect: Effect, binds: Binds) -> &'static str {
    match (binds, effect) {
        (Binds::After, Effect::Proceed) => "had happened",
        (Binds::After, Effect::Wait) => "had happened, unapproved",
        (Binds::After, Effect::Stop) => "had happened, against the rule",
        (Binds::Prevents | Binds::Gates | Binds::Signals, Effect::Proceed) => "may proceed",
        (Binds::Signals, Effect::Wait) => "should wait",
        (Binds::Signals, Effect::Stop) => "should stop",
        (Binds::Prevents | Binds::Gates, Effect::Wait) => "must wait",
        (Binds::Prevents | Binds::Gates, Effect::Stop) => "must stop",
    }
}

/// A verdict as a badge: a shape of its own, the word, and a colour.
pub fn badge(verdict: Verdict) -> Markup {
    html! { span class={ "badge " (class(verdict)) } { (icon(verdict)) (word(verdict)) } }
}

/// A verdict's shape: a tick, a triangle, an hourglass, an octagon.
pub fn icon(verdict: Verdict) -> Markup {
    let path = match verdict {
        Verdict::Allow => "M3 8.5l3.5 3.5L13 4.5",
        Verdict::Alert => "M8 2L15 14H1zM8 6.5v3.5M8 12v.2",
        Verdict::Approve => "M4 2h8M4 14h8M5 2c0 4 6 4 6 6s-6 2-6 6M11 2c0 4-6 4-6 6s6 2 6 6",
        Verdict::Block => "M5.3 1.5h5.4l3.8 3.8v5.4l-3.8 3.8H5.3l-3.8-3.8V5.3zM5 8h6",
    };
    html! {
        svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false" { path d=(path) {} }
    }
}

/// A moment, for people and for programs that read pages: `21 Nov 2026, 18:05 UTC`.
pub fn when(time: Time) -> Markup {
    html! { time datetime=(time) { (moment(time)) } }
}

/// A moment in words.
pub fn moment(time: Time) -> String {
    jiff::Timestamp::from_millisecond(time.millis())
        .map_or_else(|_| time.to_string(), |time| time.strftime("%-d %b %Y, %H:%M UTC").to_string())
}

/// A moment to the second, for tables.
pub fn stamp(time: Time) -> Markup {
    let text = jiff::Timestamp::from_millisecond(time.millis())
        .map_or_else(|_| time.to_string(), |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string());
    html! { time datetime=(time) { (text) } }
}

/// How long from `now` to `then`, in words; `none` when it is over.
pub fn left(then: Time, now: Time) -> Option<String> {
    Some(then.since(now)).filter(|left| *left > 0).map(duration)
}

/// A long id, its first letters; all of it stands in the title.
pub fn short(id: &str) -> Markup {
    let start: String = id.chars().take(8).collect();
    html! { code title=(id) { (start) "…" } }
}

/// How long ago that was, in words.
pub fn ago(then: Time, now: Time) -> String {
    match now.since(then) {
        0..1_000 => "just now".to_owned(),
        past => format!("{} ago", duration(past)),
    }
}

/// How a rule is taken, as a badge.
pub fn mode(mode: Mode) -> Markup {
    let class = match mode {
        Mode::Enforce => "badge plain strong",
        Mode::Shadow => "badge unknown",
        Mode::Off => "badge plain",
    };
    html! { span class=(class) { (mode.as_str()) } }
}

/// A length of time, in words.
pub fn length(of: Duration) -> String {
    duration(u64::try_from(of.as_millis()).unwrap_or(u64::MAX))
}
