//! Findings → verdict. A pure function: the strictest finding wins, and nothing makes one milder but a grant of its own.
//! Modes, waivers and pauses are not known here: they change the plan.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::policy::Finding;
use crate::policy::RuleId;
use crate::policy::Verdict;
use crate::policy::finding::Origin;
use crate::words;

words! {
    /// What became of a rule that was asked. There are exactly these four words.
    pub enum Outcome {
        /// It found something.
        Matched = "matched",
        /// It looked and found nothing.
        DidNotMatch = "did-not-match",
        /// It is switched off here.
        NotApplicable = "not-applicable",
        /// It faulted, or a fact it declares is unknown and it found nothing by itself.
        CouldNotTell = "could-not-tell",
    }
}

impl Outcome {
    /// What became of a rule, from what it found.
    pub fn of<'a>(findings: impl Iterator<Item = &'a Finding>) -> Self {
        findings.fold(Self::DidNotMatch, |outcome, finding| match (outcome, finding.origin) {
            (Self::Matched, _) | (_, Origin::Rule | Origin::Broken) => Self::Matched,
            (_, Origin::Unknown | Origin::Fault) => Self::CouldNotTell,
        })
    }
}

/// A grant in force whose binding matches the question: the approvals of these rules are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The ticket that gave it.
    pub ticket: Uuid,
    /// The rules whose demand it meets.
    pub rules: BTreeSet<RuleId>,
}

impl Grant {
    /// Whether it satisfies this finding: only an approval that a rule asked for can be given.
    fn satisfies(&self, finding: &Finding) -> bool {
        finding.verdict == Verdict::Approve && self.rules.contains(&finding.rule)
    }
}

/// A verdict, and which grants it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// What the rules say, grants counted.
    pub verdict: Verdict,
    /// Tickets whose grants counted, each once, in order.
    pub satisfied_by: Vec<Uuid>,
    /// Rules whose approval is given, each once, in order.
    pub met: Vec<RuleId>,
}

/// Combines findings by the strictest; an Approve that a grant satisfies counts as Allow.
pub fn decide(findings: &[Finding], grants: &[Grant]) -> Decided {
    let verdict =
        findings.iter().map(|finding| weight(finding, grants)).max().unwrap_or(Verdict::Allow);
    let given = findings.iter().filter_map(|finding| Some((finding, giver(finding, grants)?)));
    let (met, satisfied_by): (BTreeSet<_>, BTreeSet<_>) =
        given.map(|(finding, grant)| (finding.rule.clone(), grant.ticket)).unzip();
    Decided {
        verdict,
        satisfied_by: satisfied_by.into_iter().collect(),
        met: met.into_iter().collect(),
    }
}

/// What one finding weighs once grants are counted.
pub fn weight(finding: &Finding, grants: &[Grant]) -> Verdict {
    match giver(finding, grants) {
        Some(_) => Verdict::Allow,
        None => finding.verdict,
    }
}

/// The first grant that satisfies a finding.
fn giver<'g>(finding: &Finding, grants: &'g [Grant]) -> Option<&'g Grant> {
    grants.iter().find(|grant| grant.satisfies(finding))
}
