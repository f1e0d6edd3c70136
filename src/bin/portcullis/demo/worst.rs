//! What is wrong before anything happens: the five worst findings, each with the first of its remedies.

use std::collections::BTreeSet;

use portcullis::gateway::Gateway;
use portcullis::gateway::findings::MAX_PAGE;
use portcullis::posture::Finding;
use portcullis::posture::Outcome;
use portcullis::posture::Wish;

use crate::assembly::AssemblyError;
use crate::demo::show::labelled_if;
use crate::demo::show::painted;
use crate::findings::lines;

/// How many are shown.
const WORST: usize = 5;

/// Shows them, one of each rule: five repositories without protection are one thing to learn.
pub async fn show(gateway: &Gateway) -> Result<(), AssemblyError> {
    let wish = |outcome| Wish { outcome: Some(outcome), limit: Some(MAX_PAGE), ..Wish::default() };
    let failing = gateway.findings(&wish(Outcome::Fail)).await.map_err(AssemblyError::other)?;
    let unknown = gateway.findings(&wish(Outcome::Unknown)).await.map_err(AssemblyError::other)?;
    let failing = failing.findings;
    println!(
        "\nBefore anything happens, the gate has looked at how everything is set up: {} things are wrong, {} cannot be told. The worst:",
        failing.len(),
        unknown.findings.len()
    );
    for finding in worst(&failing) {
        let story = gateway.finding(&finding.id).await.map_err(AssemblyError::other)?;
        let severity = painted(&finding.severity.as_str().to_uppercase(), "1;31");
        println!("  {severity} {}", finding.subject.name);
        for reason in &finding.reasons {
            labelled_if("", &reason.text);
        }
        let remedies = lines::remedies(&story);
        labelled_if("remedy", remedies.first().map(String::as_str).unwrap_or_default());
        labelled_if("rule", &format!("{} ({})", finding.rule, finding.id));
    }
    Ok(())
}

/// The first of each rule, as they stand in the list: worst first.
fn worst(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    let mut told = BTreeSet::new();
    findings.iter().filter(move |finding| told.insert(finding.rule.clone())).take(WORST)
}
