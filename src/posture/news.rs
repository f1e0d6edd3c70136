//! What is news about a failure, and what merely moves.
//!
//! A failure is told once, and again only when somebody would want to know something they were not told: it is worse, it
//! fails for one more reason, or a fact that it rests on is another. What time, use and growth do to a number is no such
//! thing. Every number and every time of a subject's document is weighed here; all other facts are news.

use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

use crate::policy::bundle::Severity;
use crate::posture::Reason;
use crate::posture::kept::Fact;

/// How much it means that a fact is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// It is told.
    News,
    /// It is shown, and told to nobody by itself. What it makes worse, a rule says by a higher severity.
    Moves,
}

/// Every number and time of the documents, by path; positions of a list are left out.
pub const WEIGHED: &[(&str, Weight)] = &[
    ("now", Weight::Moves),
    ("version", Weight::Moves),
    // What is set by somebody, and stays until somebody sets it anew.
    ("credential.created_at", Weight::News),
    ("credential.expires_at", Weight::News),
    ("identity.credentials.expires_at", Weight::News),
    ("identity.left.at", Weight::News),
    // What grows older, or is used.
    ("credential.age_days", Weight::Moves),
    ("credential.idle_days", Weight::Moves),
    ("credential.last_used_at", Weight::Moves),
    ("identity.credentials.age_days", Weight::Moves),
    ("identity.credentials.idle_days", Weight::Moves),
    ("identity.last_login", Weight::Moves),
    ("repository.idle_days", Weight::Moves),
    ("repository.live_keys.last_used_at", Weight::Moves),
    ("repository.updated_at", Weight::Moves),
    // What grows with the company.
    ("credential.repositories", Weight::Moves),
    ("identity.left.repositories", Weight::Moves),
    ("repository.default_branch.exempt.people", Weight::Moves),
    ("repository.merges.looked_at", Weight::Moves),
    ("repository.merges.unreviewed", Weight::Moves),
    ("repository.on_demand.secrets", Weight::Moves),
    ("repository.writers.groups.people", Weight::Moves),
    ("repository.writers.groups.share", Weight::Moves),
    ("repository.writers.members", Weight::Moves),
    ("repository.writers.people", Weight::Moves),
    ("repository.writers.share", Weight::Moves),
    ("runner.people", Weight::Moves),
    ("runner.projects", Weight::Moves),
    ("runner.repositories", Weight::Moves),
    ("variable.members", Weight::Moves),
    ("variable.people", Weight::Moves),
];

fn moves(path: &str) -> bool {
    WEIGHED.iter().any(|(of, weight)| *of == path && *weight == Weight::Moves)
}

/// What is news of a fact's value; nothing for one that merely moves.
pub(in crate::posture) fn lasting(path: &str, value: &Value) -> Option<Value> {
    if moves(path) {
        return None;
    }
    Some(match value {
        Value::Array(items) => items.iter().filter_map(|item| lasting(path, item)).collect(),
        Value::Object(fields) => {
            let within = |(name, value): (&String, &Value)| {
                Some((name.clone(), lasting(&format!("{path}.{name}"), value)?))
            };
            Value::Object(fields.iter().filter_map(within).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    })
}

/// Digest of what is news about a failure: how bad it is, what its reasons rest on, and how many reasons rest on that.
/// Not the words, in which a day more may stand and which an update may say better.
pub(in crate::posture) fn digest(severity: Severity, reasons: &[Reason], facts: &[Fact]) -> String {
    let told = |fact: &Fact| {
        lasting(&fact.path, &fact.value).map(|value| format!("{} = {value}", fact.path))
    };
    let mut lines: Vec<String> = facts.iter().filter_map(told).collect();
    lines.extend(reasons.iter().map(|reason| match reason.proof.as_slice() {
        [] => reason.text.clone(),
        proof => format!("because {}", proof.join(" ")),
    }));
    lines.sort();
    let mut hash = Sha256::new();
    hash.update(severity.as_str());
    for line in lines {
        hash.update("\n");
        hash.update(line);
    }
    hex::encode(hash.finalize())
}
