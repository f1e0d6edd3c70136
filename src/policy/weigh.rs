//! What a rule's answer weighs once faults and unknown facts are counted.
//!
//! Silence means "nothing to say" only where everything the rule asked for is known.

use crate::policy::Input;
use crate::policy::Rule;
use crate::policy::Verdict;
use crate::policy::answer::Answer;
use crate::policy::demand;
use crate::policy::finding::Finding;
use crate::policy::finding::Origin;

/// Most unknown facts that one finding names; the rest is counted.
const MAX_NAMED: usize = 5;

/// The rule's own findings, and beside them one for a fault and one for unknown facts, each of its declared weight.
pub fn weigh(rule: &Rule, input: &Input, answer: Answer) -> Vec<Finding> {
    let mut findings = match answer {
        Answer::Findings(findings) => findings,
        Answer::Fault(why) => vec![fault(rule, &why)],
        // No gate bundle holds one; a worker that says so all the same is not to be trusted.
        Answer::Observations(_) => vec![fault(rule, "a posture rule answers no event")],
    };
    findings.extend(unknown(rule, input));
    findings
}

/// What a rule weighs that did not answer: it faulted, ran out of time, or its worker died.
pub fn fault(rule: &Rule, why: &str) -> Finding {
    let reason = format!("The rule “{}” could not be evaluated: {}.", rule.title, sentence(why));
    weighted(rule, rule.on_error, reason, Vec::new(), Origin::Fault)
}

fn unknown(rule: &Rule, input: &Input) -> Option<Finding> {
    if rule.unknown_handled {
        return None;
    }
    let mut gaps: Vec<_> = rule.reads.iter().flat_map(|path| input.gaps_under(path)).collect();
    gaps.sort();
    gaps.dedup();
    if gaps.is_empty() {
        return None;
    }
    let named: Vec<String> = gaps
        .iter()
        .take(MAX_NAMED)
        .map(|gap| format!("`{}` is not known ({})", gap.path, sentence(&gap.why)))
        .collect();
    let more = match gaps.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        rest => format!(", and {rest} more"),
    };
    let reason =
        format!("The rule “{}” could not judge this: {}{more}.", rule.title, named.join(", "));
    let proof = gaps.iter().map(|gap| gap.path.clone()).take(MAX_NAMED).collect();
    Some(weighted(rule, rule.on_unknown, reason, proof, Origin::Unknown))
}

/// A weight of Approve asks whom the metadata names, or an operator.
fn weighted(
    rule: &Rule,
    weight: Verdict,
    reason: String,
    proof: Vec<String>,
    origin: Origin,
) -> Finding {
    let (verdict, approval) = match (weight, &rule.approval) {
        (Verdict::Approve, said) => {
            (Verdict::Approve, Some(said.clone().unwrap_or_else(demand::of_an_operator)))
        }
        // Refused at load; a record that says so all the same is not to be trusted.
        (Verdict::Allow, _) => (Verdict::Block, None),
        (Verdict::Alert | Verdict::Block, _) => (weight, None),
    };
    Finding { rule: rule.id.clone(), verdict, reason, proof, approval, origin }
}

/// Without the full stop that a quoting sentence sets itself.
fn sentence(text: &str) -> &str {
    text.trim_end_matches(['.', ' '])
}

/// The strictest verdict of these findings; Allow when there is none.
pub fn strictest(findings: &[Finding]) -> Verdict {
    findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Allow)
}
