//! What cannot be told, and what would settle it: the gaps of all unknown findings, counted by what their why asks for.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use crate::policy::RuleId;
use crate::policy::bundle::Severity;
use crate::posture::Finding;
use crate::posture::Outcome;

/// One thing that would settle findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Settle {
    /// Why the facts are unknown, one sentence that names what would settle it.
    pub why: String,
    /// Findings that it keeps open.
    pub findings: u64,
    /// Those of them that wait for nothing else: settling this settles them.
    pub alone: u64,
    /// Rules that cannot tell because of it.
    pub rules: Vec<RuleId>,
    /// How bad the worst of them would be.
    pub worst: Severity,
}

/// By what would settle most, first. Findings that pass or fail are left out.
pub fn settles(findings: &[Finding]) -> Vec<Settle> {
    let mut by_why: BTreeMap<&str, Settle> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.outcome == Outcome::Unknown) {
        let whys: BTreeSet<&str> = finding.unknown.iter().map(|gap| gap.why.as_str()).collect();
        for why in &whys {
            let settle = by_why.entry(why).or_insert_with(|| Settle {
                why: (*why).to_owned(),
                findings: 0,
                alone: 0,
                rules: Vec::new(),
                worst: Severity::Info,
            });
            settle.findings += 1;
            settle.alone += u64::from(whys.len() == 1);
            settle.worst = settle.worst.min(finding.severity);
            if !settle.rules.contains(&finding.rule) {
                settle.rules.push(finding.rule.clone());
            }
        }
    }
    let mut all: Vec<Settle> = by_why.into_values().collect();
    all.sort_by(|one, other| {
        let order = |settle: &Settle| std::cmp::Reverse((settle.alone, settle.findings));
        order(one).cmp(&order(other)).then_with(|| one.why.cmp(&other.why))
    });
    all
}
