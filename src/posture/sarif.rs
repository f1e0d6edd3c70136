//! Findings in SARIF 2.1.0 (OASIS), for whoever collects results of many tools.
//!
//! A run for each connection. A failure is a result of kind `fail`; what cannot be told is `open`, which SARIF defines as
//! "insufficient information to decide", and never a pass. SARIF wants the level `none` on every kind but `fail`: how bad
//! an open one would be stands in its properties. Who lives with a finding is a suppression, as long as that holds.
//!
//! Deliberately without physical locations: what is wrong is a setting of a repository or a person, no line of a file.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::json;

use crate::graph::Id;
use crate::graph::Time;
use crate::policy::RuleId;
use crate::policy::bundle::Severity;
use crate::posture::Catalogue;
use crate::posture::Finding;
use crate::posture::Listing;
use crate::posture::Outcome;
use crate::posture::Scan;

/// The schema that the text keeps to.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The name under which a finding's id is its fingerprint; the number rises if ids are ever made otherwise.
const FINGERPRINT: &str = "portcullisFinding/v1";

/// What is written.
#[derive(Clone, Copy, Debug)]
pub struct Export<'a> {
    /// The findings, of any number of connections.
    pub findings: &'a [Finding],
    /// The last scan of each connection.
    pub scans: &'a [Scan],
    /// The rules there are.
    pub catalogue: &'a Catalogue,
    /// The time: an acceptance that has ended by then suppresses nothing.
    pub at: Time,
}

/// The whole text, with an end of line. Equal findings give equal bytes.
pub fn write(export: &Export<'_>) -> String {
    let mut connections: BTreeMap<String, Vec<&Finding>> =
        export.scans.iter().map(|scan| (scan.connection.clone(), Vec::new())).collect();
    for finding in export.findings {
        let connection = finding.subject.id.connection().to_string();
        connections.entry(connection).or_default().push(finding);
    }
    let runs: Vec<Value> =
        connections.iter().map(|(connection, of)| run(export, connection, of)).collect();
    let log = json!({"$schema": SCHEMA, "version": "2.1.0", "runs": runs});
    format!("{log:#}\n")
}

fn run(export: &Export<'_>, connection: &str, findings: &[&Finding]) -> Value {
    let rules = Rules::of(export.catalogue, findings);
    let results: Vec<Value> =
        findings.iter().map(|finding| result(finding, &rules, export.at)).collect();
    let mut run = json!({
        "tool": {"driver": {
            "name": "Portcullis",
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "rules": rules.described,
        }},
        "automationDetails": {"id": format!("portcullis/posture/{connection}/")},
        "columnKind": "unicodeCodePoints",
        "results": results,
    });
    if let Some(scan) = export.scans.iter().find(|scan| scan.connection == connection) {
        put(&mut run, "invocations", invocations(scan));
    }
    run
}

/// The scan behind a run.
fn invocations(scan: &Scan) -> Value {
    json!([{
        "executionSuccessful": true,
        "endTimeUtc": scan.at,
        "properties": {"subjects": scan.subjects, "bundle": scan.bundle, "graphRevision": scan.graph_revision},
    }])
}

/// The rules of a run, each with its place.
struct Rules<'a> {
    described: Vec<Value>,
    places: BTreeMap<&'a RuleId, usize>,
}

impl<'a> Rules<'a> {
    /// The catalogue's, then those that findings name and the catalogue no longer has.
    fn of(catalogue: &'a Catalogue, findings: &[&'a Finding]) -> Self {
        let mut rules = Self { described: Vec::new(), places: BTreeMap::new() };
        for listing in &catalogue.rules {
            rules.places.insert(&listing.rule, rules.described.len());
            rules.described.push(described(listing));
        }
        for finding in findings {
            if !rules.places.contains_key(&finding.rule) {
                rules.places.insert(&finding.rule, rules.described.len());
                let told = json!({"id": finding.rule, "shortDescription": text(&finding.title)});
                rules.described.push(told);
            }
        }
        rules
    }
}

fn described(listing: &Listing) -> Value {
    let mut rule = json!({
        "id": listing.rule,
        "shortDescription": text(&listing.title),
        "defaultConfiguration": {"enabled": listing.enabled, "level": level(listing.severity)},
        "properties": {
            "severity": listing.severity,
            "category": listing.category,
            "subject": listing.subject,
            "aliases": listing.aliases,
            "needs": listing.needs,
            "controls": listing.controls,
            "tags": [listing.category],
        },
    });
    if !listing.description.is_empty() {
        put(&mut rule, "fullDescription", text(&listing.description));
    }
    let help = help(listing);
    if !help.is_empty() {
        put(&mut rule, "help", text(&help));
    }
    rule
}

/// How to remedy it, and what the rule cannot see.
fn help(listing: &Listing) -> String {
    let mut lines = Vec::new();
    for remedy in &listing.remedies {
        let product = remedy.product.as_ref().map(|product| format!("{product}: "));
        lines.push(format!("{}{}", product.unwrap_or_default(), remedy.steps));
        lines.extend(remedy.call.iter().map(|call| format!("By API: {call}")));
    }
    if !listing.blind.is_empty() {
        lines.push(format!("What this cannot see: {}", listing.blind));
    }
    lines.join("\n")
}

fn result(finding: &Finding, rules: &Rules<'_>, at: Time) -> Value {
    let mut result = json!({
        "ruleId": finding.rule,
        "kind": kind(finding.outcome),
        "level": if finding.outcome == Outcome::Fail { level(finding.severity) } else { "none" },
        "message": text(&message(finding)),
        "locations": [{"logicalLocations": [{
            "name": finding.subject.name,
            "fullyQualifiedName": finding.subject.id.as_str(),
            "kind": finding.subject.kind,
        }]}],
        "fingerprints": {FINGERPRINT: finding.id},
        "suppressions": suppressions(finding, at),
        "properties": properties(finding),
    });
    if let Some(place) = rules.places.get(&finding.rule) {
        put(&mut result, "ruleIndex", json!(place));
    }
    result
}

/// What the result is, in SARIF's words.
const fn kind(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Fail => "fail",
        Outcome::Unknown => "open",
    }
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

fn message(finding: &Finding) -> String {
    let about = &finding.subject.name;
    match finding.outcome {
        Outcome::Pass => format!("{about} complies: {}.", finding.title),
        Outcome::Fail if finding.reasons.is_empty() => {
            format!("{about}: not so: {}.", finding.title)
        }
        Outcome::Fail => {
            let reasons: Vec<&str> =
                finding.reasons.iter().map(|reason| reason.text.as_str()).collect();
            format!("{about}: {}", reasons.join(" "))
        }
        Outcome::Unknown => {
            let gaps: Vec<String> =
                finding.unknown.iter().map(|gap| format!("{} ({})", gap.path, gap.why)).collect();
            format!("{about}: it cannot be told. Not known: {}.", gaps.join("; "))
        }
    }
}

/// Somebody lives with it, as long as that holds. An empty list says that nobody does.
fn suppressions(finding: &Finding, at: Time) -> Value {
    let accepted = finding.accepted.iter().filter(|accepted| accepted.until > at);
    let told = accepted.map(|accepted| {
        json!({
            "kind": "external",
            "status": "accepted",
            "justification": accepted.because,
            "properties": {"by": accepted.by, "until": accepted.until},
        })
    });
    told.collect()
}

fn properties(finding: &Finding) -> Value {
    json!({
        "severity": finding.severity,
        "category": finding.category,
        "state": finding.state,
        "aliases": finding.aliases,
        "unknown": finding.unknown,
        "owner": finding.owner,
        "place": finding.subject.place.as_ref().map(Id::as_str),
        "class": finding.subject.class,
        "firstSeen": finding.first_seen,
        "lastSeen": finding.last_seen,
        "since": finding.since,
    })
}

fn text(text: &str) -> Value {
    json!({"text": text})
}

/// Sets a member of an object.
fn put(object: &mut Value, name: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}
