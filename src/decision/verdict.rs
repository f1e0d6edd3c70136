//! Findings → verdict. A pure function; the strictest finding wins, and nothing can make one milder but a grant.

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
    /// Tickets whose grants were needed for it.
    pub satisfied_by: Vec<Uuid>,
}

/// Combines findings by the strictest; an Approve that a grant satisfies counts as Allow.
pub fn decide(findings: &[Finding], grants: &[Grant]) -> Decided {
    let mut satisfied = BTreeSet::new();
    let verdict = findings
        .iter()
        .map(|finding| match grants.iter().find(|grant| grant.satisfies(finding)) {
            Some(grant) => {
                satisfied.insert(grant.ticket);
                Verdict::Allow
            }
            None => finding.verdict,
        })
        .max()
        .unwrap_or(Verdict::Allow);
    Decided { verdict, satisfied_by: satisfied.into_iter().collect() }
}
