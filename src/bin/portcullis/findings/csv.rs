//! Findings as the lines of a CSV file.

use portcullis::graph::Cell;
use portcullis::graph::csv_line;
use portcullis::posture::Finding;

/// The columns, in order.
const COLUMNS: &[&str] = &[
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
];

/// A header, and a line for each.
pub fn of(findings: &[Finding]) -> String {
    let header: Vec<Cell> = COLUMNS.iter().map(|name| Cell::text(*name)).collect();
    let mut out = csv_line(&header);
    findings.iter().for_each(|finding| out.push_str(&csv_line(&row(finding))));
    out
}

fn row(finding: &Finding) -> Vec<Cell> {
    let text = |text: &str| Cell::text(text);
    let may = |text: Option<String>| text.map_or(Cell::Nothing(()), Cell::text);
    let accepted = finding.accepted.as_ref();
    let gaps = finding.unknown.iter().map(|gap| format!("{}: {}", gap.path, gap.why));
    vec![
        text(&finding.id),
        text(finding.severity.as_str()),
        text(finding.outcome.as_str()),
        text(finding.state.as_str()),
        text(finding.rule.as_str()),
        text(&finding.title),
        text(&finding.category),
        text(&finding.subject.kind),
        text(&finding.subject.name),
        text(finding.subject.id.as_str()),
        may(finding.subject.place.as_ref().map(ToString::to_string)),
        may(finding.subject.class.clone()),
        text(&finding.owner.name),
        text(&finding.owner.sure),
        text(&finding.first_seen.to_string()),
        text(&finding.last_seen.to_string()),
        text(&finding.since.to_string()),
        may(accepted.map(|one| one.by.clone())),
        may(accepted.map(|one| one.because.clone())),
        may(accepted.map(|one| one.until.to_string())),
        Cell::List(finding.reasons.iter().map(|reason| reason.text.clone()).collect()),
        Cell::List(gaps.collect()),
        Cell::List(finding.aliases.iter().map(|alias| alias.id.clone()).collect()),
    ]
}
