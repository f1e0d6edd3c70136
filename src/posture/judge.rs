//! From a posture rule's answer to an outcome: what it found, what it could not know, and which of the two counts.
//!
//! A finding is a failure, whatever else is unknown: it rests on what it names. Silence is a pass only where every
//! fact that the rule declared is known; otherwise, and where the rule did not answer, it cannot be told.

use crate::policy::Answer;
use crate::policy::Input;
use crate::policy::Rule;
use crate::policy::RuleId;
use crate::policy::bundle::Severity;
use crate::posture::Gap;
use crate::posture::Outcome;
use crate::posture::Reason;

/// The path of a gap that is the rule's own: it did not answer.
pub const ITSELF: &str = "rule";

/// What one rule says of one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The rule.
    pub rule: RuleId,
    /// What it says.
    pub outcome: Outcome,
    /// How bad it is here: the rule's own severity, or a worse one that it found.
    pub severity: Severity,
    /// Why it fails; empty unless it does.
    pub reasons: Vec<Reason>,
    /// What could not be learned of what it reads, sorted by path.
    pub unknown: Vec<Gap>,
}

/// Judges one answer. `input` is the very document that the rule saw.
pub fn judge(rule: &Rule, input: &Input, answer: Answer) -> Judgement {
    let gaps = rule.reads.iter().flat_map(|path| input.gaps_under(path));
    let mut unknown: Vec<Gap> =
        gaps.map(|gap| Gap { path: gap.path.clone(), why: gap.why.clone() }).collect();
    let said = match answer {
        Answer::Observations(said) => said,
        Answer::Fault(why) => {
            unknown.push(silent(&why));
            Vec::new()
        }
        Answer::Findings(_) => {
            unknown.push(silent("it answered as a rule about events does"));
            Vec::new()
        }
    };
    unknown.sort();
    unknown.dedup();
    let outcome = match (said.is_empty(), unknown.is_empty()) {
        (false, _) => Outcome::Fail,
        (true, false) => Outcome::Unknown,
        (true, true) => Outcome::Pass,
    };
    // The first word is the worst.
    let worst = said.iter().filter_map(|one| one.severity).min();
    let severity = worst.map_or(rule.severity, |worst| worst.min(rule.severity));
    let reasons =
        said.into_iter().map(|one| Reason { text: one.reason, proof: one.proof }).collect();
    Judgement { rule: rule.id.clone(), outcome, severity, reasons, unknown }
}

fn silent(why: &str) -> Gap {
    Gap { path: ITSELF.to_owned(), why: format!("the rule could not be evaluated: {why}") }
}
