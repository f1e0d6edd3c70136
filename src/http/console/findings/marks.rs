//! Severities, outcomes and states as people see them: always a word, with a shape and a colour that only help.

use maud::Markup;
use maud::html;

use crate::graph::Time;
use crate::http::console::words;
use crate::policy::bundle::Severity;
use crate::posture::Finding;
use crate::posture::Outcome;
use crate::posture::State;

/// The style sheet's class for a severity.
pub(super) const fn class(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::High => "high",
        Severity::Medium => "medium",
        Severity::Low => "low",
        Severity::Info => "info",
    }
}

/// The word as people say it.
pub(super) const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Critical",
        Severity::High => "High",
        Severity::Medium => "Medium",
        Severity::Low => "Low",
        Severity::Info => "Info",
    }
}

/// A severity as a badge: the more bars, the worse.
pub(super) fn badge(severity: Severity) -> Markup {
    html! { span class={ "badge " (class(severity)) } { (icon(severity)) (word(severity)) } }
}

fn icon(severity: Severity) -> Markup {
    let path = match severity {
        Severity::Critical => "M3 14V10M6.5 14V7M10 14V4M13.5 14V1",
        Severity::High => "M3 14V10M6.5 14V7M10 14V4",
        Severity::Medium => "M3 14V10M6.5 14V7",
        Severity::Low => "M3 14V10",
        Severity::Info => "M3 14V13",
    };
    html! { svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false" { path d=(path) {} } }
}

/// How a finding stands: its severity if it fails, that it cannot be told if it is unknown, that it complies.
pub(super) fn standing(finding: &Finding) -> Markup {
    html! {
        @match finding.outcome {
            Outcome::Fail => (badge(finding.severity)),
            Outcome::Unknown => span class="badge unknown" { "Cannot be told" },
            Outcome::Pass => span class="badge allow" { "Complies" },
        }
    }
}

/// A finding in one sentence. A rule's title says how things should be, so that alone it would read like praise.
pub(super) fn headline(finding: &Finding) -> String {
    match (finding.outcome, finding.reasons.first()) {
        (Outcome::Fail, Some(reason)) => reason.text.clone(),
        (Outcome::Fail, None) => format!("Not so: {}", finding.title),
        (Outcome::Unknown, _) => format!("It cannot be told: {}", finding.title),
        (Outcome::Pass, _) => format!("Complies: {}", finding.title),
    }
}

/// What an outcome is called.
pub(super) const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "complies",
        Outcome::Fail => "fails",
        Outcome::Unknown => "cannot be told",
    }
}

/// What became of a finding, with its end where somebody lives with it.
pub(super) fn state(finding: &Finding, now: Time) -> Markup {
    html! {
        @match (finding.state, &finding.accepted) {
            (State::Accepted, Some(accepted)) if accepted.until > now => {
                "accepted until " (day(accepted.until))
            }
            (state, _) => (state.as_str()),
        }
    }
}

/// A day: `21 Nov 2026`.
pub(super) fn day(time: Time) -> Markup {
    html! { time datetime=(time) { (day_told(time)) } }
}

/// A day in words.
pub(super) fn day_told(time: Time) -> String {
    let moment = words::moment(time);
    moment.split(',').next().unwrap_or_default().to_owned()
}

/// Whether a finding fails and nobody lives with it now.
pub(super) fn is_open(finding: &Finding, now: Time) -> bool {
    finding.outcome == Outcome::Fail && !is_accepted(finding, now)
}

/// Whether somebody lives with it now.
pub(super) fn is_accepted(finding: &Finding, now: Time) -> bool {
    let holds = finding.accepted.as_ref().is_some_and(|accepted| accepted.until > now);
    finding.outcome == Outcome::Fail && finding.state == State::Accepted && holds
}
