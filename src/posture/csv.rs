//! Findings as a spreadsheet: a row each, in the dialect of every CSV of ours.

use crate::graph::Cell;
use crate::graph::Id;
use crate::graph::csv_line;
use crate::posture::Acceptance;
use crate::posture::Finding;

/// The columns, in their order.
pub const COLUMNS: [&str; 24] = [
    "id",
    "severity",
    "outcome",
    "state",
    "rule",
    "title",
    "category",
    "subject_kind",
    "subject",
    "subject_id",
    "place",
    "class",
    "owner",
    "owner_sure",
    "first_seen",
    "last_seen",
    "since",
    "accepted_by",
    "accepted_because",
    "accepted_until",
    "reasons",
    "unknown",
    "aliases",
    "connection",
];

/// The whole text: a header always, a row for each finding. What is unknown stands as its path and why, never as nothing.
pub fn write(findings: &[Finding]) -> String {
    let mut out = csv_line(&COLUMNS.map(Cell::text));
    for finding in findings {
        out.push_str(&csv_line(&row(finding)));
    }
    out
}

fn row(finding: &Finding) -> [Cell; 24] {
    let told = |text: Option<&str>| text.map_or(Cell::Nothing(()), Cell::text);
    let subject = &finding.subject;
    let accepted = finding.accepted.as_ref();
    let of = |view: fn(&Acceptance) -> String| accepted.map(view);
    let gaps = finding.unknown.iter().map(|gap| format!("{}: {}", gap.path, gap.why));
    [
        Cell::text(finding.id.as_str()),
        Cell::text(finding.severity.as_str()),
        Cell::text(finding.outcome.as_str()),
        Cell::text(finding.state.as_str()),
        Cell::text(finding.rule.as_str()),
        Cell::text(finding.title.as_str()),
        Cell::text(finding.category.as_str()),
        Cell::text(subject.kind.as_str()),
        Cell::text(subject.name.as_str()),
        Cell::text(subject.id.as_str()),
        told(subject.place.as_ref().map(Id::as_str)),
        told(subject.class.as_deref()),
        Cell::text(finding.owner.name.as_str()),
        Cell::text(finding.owner.sure.as_str()),
        Cell::text(finding.first_seen.to_string()),
        Cell::text(finding.last_seen.to_string()),
        Cell::text(finding.since.to_string()),
        told(of(|accepted| accepted.by.clone()).as_deref()),
        told(of(|accepted| accepted.because.clone()).as_deref()),
        told(of(|accepted| accepted.until.to_string()).as_deref()),
        Cell::List(finding.reasons.iter().map(|reason| reason.text.clone()).collect()),
        Cell::List(gaps.collect()),
        Cell::List(finding.aliases.iter().map(|alias| alias.id.clone()).collect()),
        Cell::text(finding.connection.as_str()),
    ]
}
