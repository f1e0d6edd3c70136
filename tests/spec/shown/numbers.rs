//! The score, what would settle the unknown, and the control map.

use portcullis::policy::bundle::Severity;
use portcullis::posture::Outcome;
use portcullis::posture::Score;
use portcullis::posture::controls;
use portcullis::posture::controls::Control;
use portcullis::posture::controls::Map;
use portcullis::posture::controls::Standing;
use portcullis::posture::controls::Support;
use portcullis::posture::settles;
use proptest::prelude::*;

use super::plain;
use super::sample::Sample;
use crate::spec::pages::sample::bundle;

fn score(pass: u64, fail: u64, unknown: u64) -> Score {
    Score { pass, fail, unknown, accepted: 0 }
}

proptest! {
    #[test]
    fn unknown_is_never_counted_as_a_pass(pass in 0..9_999_u64, fail in 0..9_999_u64, unknown in 0..9_999_u64, settled in 0..9_999_u64) {
        prop_assume!(pass + fail + unknown > 0);
        let now = score(pass, fail, unknown);
        let (least, most) = (now.at_least().unwrap(), now.at_most().unwrap());
        prop_assert!(least <= most && most <= 100);
        prop_assert!(least * now.all() <= pass * 100, "no more than what passes");
        prop_assert_eq!(least == 100, fail == 0 && unknown == 0, "all of it, or less than all");
        prop_assert_eq!(least, score(pass, fail + unknown, 0).at_least().unwrap(), "at least: as if all unknown failed");
        // Whatever the unknown turn out to be, the score stays within what was said.
        let settled = settled.min(unknown);
        let then = score(pass + settled, fail + unknown - settled, 0);
        prop_assert!((least..=most).contains(&then.at_least().unwrap()));
        // More of what is unknown never makes it better.
        prop_assert!(score(pass, fail, unknown + 1).at_least().unwrap() <= least);
    }
}

#[test]
fn the_score_says_what_it_is() {
    assert_eq!(score(3, 1, 0).said(), "75 % of 4 checks pass.");
    let said = score(2, 1, 1).said();
    assert_eq!(
        said,
        "At least 50 % of 4 checks pass, at most 75 %: 1 cannot be told, and counts as no pass."
    );
    assert_eq!(Score::default().said(), "Nothing has been looked at yet.");
    assert_eq!(score(999, 1, 0).at_least(), Some(99), "never rounded up");
    assert_eq!(
        score(u64::MAX, u64::MAX, 0).at_least(),
        Some(100),
        "saturates, and does not overflow"
    );
}

#[test]
fn what_would_settle_the_unknown_is_counted_alone_and_together() {
    let sample = Sample::of(&plain);
    let all = settles(&sample.findings);
    let of = |word: &str| all.iter().find(|one| one.why.contains(word)).unwrap();
    let evidence = of("evidence import");
    assert_eq!((evidence.findings, evidence.alone, evidence.worst), (2, 2, Severity::Critical));
    let scope = of("repository:admin");
    assert_eq!((scope.findings, scope.alone, scope.rules.len()), (3, 1, 2));
    let plan = of("premium");
    assert_eq!((plan.findings, plan.alone), (2, 0), "it needs the scope as well");
    assert_eq!(all.len(), 3);
    let known: Vec<_> =
        sample.findings.iter().filter(|one| one.outcome != Outcome::Unknown).cloned().collect();
    assert_eq!(settles(&known), []);
}

fn control<'a>(map: &'a Map, framework: &str, id: &str) -> &'a Control {
    let framework = map.frameworks.iter().find(|one| one.id == framework).unwrap();
    framework.controls.iter().find(|one| one.id == id).unwrap()
}

#[test]
fn every_known_control_is_in_the_map_and_says_how_it_stands_or_that_nobody_looked() {
    let sample = Sample::of(&plain);
    let map = sample.controls();
    let names: Vec<&str> = map.frameworks.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(names, ["EU AI Act", "GDPR", "ISO/IEC 27001", "ISO/IEC 42001", "SOC 2"]);
    let standing = |framework, id| control(&map, framework, id).standing;
    assert_eq!(standing("SOC 2", "CC6.6"), Standing::Findings);
    assert_eq!(control(&map, "SOC 2", "CC6.6").worst, Some(Severity::Critical));
    assert_eq!(standing("SOC 2", "CC7.2"), Standing::NotAssessed, "no posture rule names it");
    assert_eq!(standing("ISO/IEC 27001", "A.8.28"), Standing::NotAssessed, "its rule is off");
    assert!(!control(&map, "ISO/IEC 27001", "A.8.28").rules.is_empty());
    let iso: Vec<&str> = map.frameworks[2].controls.iter().map(|one| one.id.as_str()).collect();
    let at = |id: &str| iso.iter().position(|one| *one == id).unwrap();
    assert!(at("A.5.3") < at("A.5.14") && at("A.8.2") < at("A.8.12"), "numbers are numbers");
    assert!(map.note.contains("certifies nothing"));
}

#[test]
fn a_control_is_clear_only_if_everything_was_told() {
    let sample = Sample::of(&plain);
    let of = |pass, fail, unknown, accepted| {
        let mut tallies: Vec<_> = sample.last().into_iter().flat_map(|scan| scan.tallies).collect();
        tallies.retain(|tally| tally.rule.as_str() == "posture/repository-public");
        tallies.truncate(1);
        tallies[0].pass = pass;
        (tallies[0].fail, tallies[0].unknown, tallies[0].accepted) = (fail, unknown, accepted);
        let map = controls::map(&sample.catalogue, &[], &tallies).unwrap();
        control(&map, "SOC 2", "CC6.6").standing
    };
    assert_eq!(of(5, 0, 0, 0), Standing::Clear);
    assert_eq!(of(5, 0, 1, 0), Standing::Untold);
    assert_eq!(of(5, 1, 1, 0), Standing::Findings);
    assert_eq!(of(5, 2, 0, 2), Standing::Accepted);
    assert_eq!(of(5, 2, 1, 2), Standing::Untold);
    assert_eq!(of(0, 0, 0, 0), Standing::NotAssessed);
}

#[test]
fn runtime_rules_support_controls_and_assess_none() {
    let sample = Sample::of(&plain);
    let runtime = bundle(&plain).rules;
    let map = controls::map(&sample.catalogue, &runtime, &[]).unwrap();
    let change = control(&map, "SOC 2", "CC8.1");
    assert_eq!(change.standing, Standing::NotAssessed);
    let kinds: Vec<Support> = change.rules.iter().map(|rule| rule.kind).collect();
    assert!(kinds.contains(&Support::Runtime) && kinds[0] == Support::Posture);
    let own = control(&map, "framework", "control");
    assert_eq!((own.title.as_str(), own.rules.len()), ("", 2), "named by rules alone");
}
