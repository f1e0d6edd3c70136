//! What the engine answered becomes findings: the last lines that know Rego's values.
//!
//! What is no finding becomes a Block that says so. A rule can say nothing, but it cannot mumble.

use regorus::Value;
use serde::Deserialize;
use serde::Serialize;

use crate::policy::RuleId;
use crate::policy::Verdict;
use crate::policy::bundle::Severity;
use crate::policy::demand;
use crate::policy::finding::Finding;
use crate::policy::finding::Observation;
use crate::policy::finding::Origin;

/// Most findings that one rule may have on one event. More is a flood in which the one that matters drowns.
pub const MAX_FINDINGS: usize = 100;

/// Longest reason, in characters. It is one plain sentence; a longer one would fill every comment and page.
pub const MAX_REASON: usize = 2_000;

/// Most paths of one proof.
pub const MAX_PROOF: usize = 50;

/// Longest path of a proof, in bytes.
pub const MAX_PATH: usize = 300;

/// What a rule answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Its findings, strictest first; none is an answer too.
    Findings(Vec<Finding>),
    /// What a posture rule found, in order; nothing is an answer too.
    Observations(Vec<Observation>),
    /// It did not answer, and why.
    Fault(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    verdict: Option<String>,
    reason: Option<String>,
    #[serde(default)]
    proof: Vec<String>,
    approval: Option<demand::Said>,
}

/// Reads the value of a rule's `finding` set.
pub fn read(rule: &RuleId, value: &Value) -> Answer {
    if matches!(value, Value::Undefined) {
        return Answer::Fault("its findings are undefined".to_owned());
    }
    let Value::Set(set) = value else {
        return Answer::Fault("its findings are not a set".to_owned());
    };
    if rule.is_posture() {
        return observations(&set.iter_sorted().collect::<Vec<_>>());
    }
    if set.len() > MAX_FINDINGS {
        let message = format!("said {} things at once; the limit is {MAX_FINDINGS}", set.len());
        return Answer::Findings(vec![broken(rule, &message)]);
    }
    let mut findings: Vec<Finding> = set
        .iter_sorted()
        .map(|said| one(rule, said).unwrap_or_else(|wrong| broken(rule, &wrong)))
        .collect();
    findings.sort_by(|a, b| b.verdict.cmp(&a.verdict).then_with(|| a.reason.cmp(&b.reason)));
    Answer::Findings(findings)
}

/// What a posture rule says that is no finding costs it its whole answer: the subject is then unknown, never a pass, and
/// nobody reads half of a list as all of it.
fn observations(set: &[&Value]) -> Answer {
    let count = set.len();
    if count > MAX_FINDINGS {
        return Answer::Fault(format!(
            "it said {count} things at once; the limit is {MAX_FINDINGS}"
        ));
    }
    let said: Result<Vec<Observation>, String> = set.iter().map(|said| observation(said)).collect();
    match said {
        Ok(mut said) => {
            said.sort();
            Answer::Observations(said)
        }
        Err(wrong) => {
            let wrong: String = wrong.chars().take(MAX_WRONG).collect();
            Answer::Fault(format!("it answered something that is no finding: it {wrong}"))
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Observed {
    reason: Option<String>,
    #[serde(default)]
    proof: Vec<String>,
    severity: Option<String>,
}

fn observation(value: &Value) -> Result<Observation, String> {
    if !matches!(value, Value::Object(_)) {
        return Err("is not an object with `reason` and `proof`".to_owned());
    }
    let json = serde_json::to_value(value).map_err(|_| "cannot be written as JSON".to_owned())?;
    let said: Observed =
        serde_json::from_value(json).map_err(|error| format!("cannot be read: {error}"))?;
    let (reason, proof) = (reason(said.reason)?, proof(said.proof)?);
    if proof.is_empty() {
        return Err("gives no proof".to_owned());
    }
    let severity = match said.severity {
        None => None,
        Some(word) => Some(Severity::from_text(&word).ok_or_else(|| {
            format!("has the unknown severity `{}`", word.chars().take(40).collect::<String>())
        })?),
    };
    Ok(Observation { reason, proof, severity })
}

fn reason(said: Option<String>) -> Result<String, String> {
    let reason = said.unwrap_or_default();
    if reason.trim().is_empty() {
        return Err("gives no reason".to_owned());
    }
    if reason.chars().count() > MAX_REASON {
        return Err(format!("gives a reason of more than {MAX_REASON} characters"));
    }
    Ok(reason)
}

fn proof(said: Vec<String>) -> Result<Vec<String>, String> {
    if said.len() > MAX_PROOF || said.iter().any(|path| path.len() > MAX_PATH || path.is_empty()) {
        return Err(format!("gives a proof that is not 0 to {MAX_PROOF} paths"));
    }
    Ok(said)
}

/// Longest word about what is wrong, in characters: the engine's own may quote all that the rule said.
const MAX_WRONG: usize = 1_000;

fn broken(rule: &RuleId, wrong: &str) -> Finding {
    let wrong: String = wrong.chars().take(MAX_WRONG).collect();
    Finding {
        rule: rule.clone(),
        verdict: Verdict::Block,
        reason: format!(
            "The rule {rule} answered something that is no finding, so this counts as a Block: it {wrong}."
        ),
        proof: Vec::new(),
        approval: None,
        origin: Origin::Broken,
    }
}

fn one(rule: &RuleId, value: &Value) -> Result<Finding, String> {
    if !matches!(value, Value::Object(_)) {
        return Err("is not an object with `verdict` and `reason`".to_owned());
    }
    let json = serde_json::to_value(value).map_err(|_| "cannot be written as JSON".to_owned())?;
    let said: Said =
        serde_json::from_value(json).map_err(|error| format!("cannot be read: {error}"))?;
    let verdict = said.verdict.ok_or("has no `verdict`")?;
    let verdict = Verdict::from_text(&verdict).ok_or_else(|| {
        format!("has the unknown verdict `{}`", verdict.chars().take(40).collect::<String>())
    })?;
    let (reason, proof) = (reason(said.reason)?, proof(said.proof)?);
    let approval = match (verdict, said.approval) {
        (Verdict::Approve, None) => {
            return Err("waits for an approval and does not say whose".to_owned());
        }
        (Verdict::Approve, Some(approval)) => Some(
            approval
                .checked()
                .map_err(|error| format!("asks for an approval that nobody can give: {error}"))?,
        ),
        (Verdict::Allow | Verdict::Alert | Verdict::Block, _) => None,
    };
    Ok(Finding { rule: rule.clone(), verdict, reason, proof, approval, origin: Origin::Rule })
}
