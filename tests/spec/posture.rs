//! Posture rules: what loads, what is refused, what each says of a subject, and that silence is a pass only where
//! everything is known.

mod estate;
mod judged;
mod loading;
mod program;

use std::path::PathBuf;
use std::time::Duration;

use portcullis::gateway::posture::PostureRules;
use portcullis::gateway::posture::is_enabled;
use portcullis::gateway::posture::judge;
use portcullis::gateway::workers::Settings;
use portcullis::graph::Known;
use portcullis::graph::Why;
use portcullis::policy::SubjectKind;
use portcullis::policy::load;
use portcullis::policy::shipped;
use portcullis::policy::subject::About;
use portcullis::policy::subject::SubjectDocument;
use portcullis::policy::subject::example;
use portcullis::policy::testing;
use portcullis::posture::Catalogue;
use portcullis::posture::Judgement;
use portcullis::posture::Outcome;

use crate::spec::policies::folder;
use crate::spec::policies::loaded;

pub fn settings() -> Settings {
    Settings {
        count: 1,
        deadline: Duration::from_secs(5),
        load_deadline: Duration::from_mins(2),
        ..Settings::of(PathBuf::from(env!("CARGO_BIN_EXE_portcullis")))
    }
}

#[test]
fn the_shipped_table_is_the_folder() {
    let mut files = folder("policies");
    files.retain(|file| file.path.starts_with("posture/") && !file.path.ends_with("history.json"));
    assert_eq!(shipped::posture(), files);
}

#[test]
fn the_shipped_tests_pass_and_cover_every_line_of_the_rules() {
    let report = testing::run(&shipped::posture()).unwrap();
    for test in &report.tests {
        assert_eq!(test.outcome.as_str(), "passed", "{test:?}");
    }
    for file in &report.coverage {
        assert!(file.missed.is_empty(), "{file:?}");
    }
    let rules = loaded(&shipped::posture()).bundle().rules.len();
    assert_eq!(report.coverage.len(), rules);
}

/// Each rule has a case that fires and one that does not: seen in its tests, by what they ask for.
#[test]
fn every_rule_has_a_test_that_fires_and_one_that_does_not() {
    for file in shipped::posture().iter().filter(|file| file.path.ends_with("_test.rego")) {
        let silent = file.text.contains("count(rule.finding) == 0");
        let fires = file.text.contains("reasons(rule.finding) == {")
            || file.text.contains("count(rule.finding) == 1");
        assert!(silent && fires, "{}", file.path);
    }
}

#[test]
fn the_catalogue_is_by_category_and_from_the_worst_to_the_least() {
    let catalogue = Catalogue::of(loaded(&shipped::posture()).bundle());
    let places: Vec<_> = catalogue
        .rules
        .iter()
        .map(|listing| (listing.category.clone(), listing.severity, listing.rule.clone()))
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(places.len(), loaded(&shipped::posture()).bundle().rules.len());
    let called = |name: &str| -> Vec<String> {
        catalogue.called(name).map(|listing| listing.rule.to_string()).collect()
    };
    let unprotected = "posture/default-branch-unprotected";
    for name in [
        unprotected,
        "324f2014-4d4b-4aa6-89a8-72a6c7da09d7",
        "Repository has no Default Branch Protection",
    ] {
        assert_eq!(called(name), [unprotected], "{name}");
    }
    assert!(called("no such").is_empty());
}

#[test]
fn no_posture_rule_answers_an_event_and_no_other_looks_at_a_subject() {
    for rule in &load(&shipped::posture()).unwrap().bundle().rules {
        assert!(rule.on.is_empty() && rule.stance.is_some() && rule.id.is_posture(), "{}", rule.id);
    }
    for rule in &load(&shipped::files()).unwrap().bundle().rules {
        assert!(!rule.on.is_empty() && rule.stance.is_none(), "{}", rule.id);
    }
}

async fn judged_by_workers(document: &SubjectDocument) -> Vec<Judgement> {
    let rules = PostureRules::load(&settings(), shipped::posture()).await.unwrap();
    let pool = rules.pool(1).await.unwrap();
    assert_eq!(pool.bundle().revision, rules.bundle.revision);
    judge(&pool, document, is_enabled).await
}

fn of<'j>(all: &'j [Judgement], rule: &str) -> &'j Judgement {
    all.iter().find(|one| one.rule.as_str() == rule).unwrap_or_else(|| panic!("{rule}: {all:?}"))
}

fn branch(
    document: &mut SubjectDocument,
) -> &mut portcullis::policy::subject::repository::DefaultBranch {
    match &mut document.about {
        About::Repository(repository) => repository.default_branch.value_mut().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_rule_says_fail_pass_and_unknown_through_the_workers() {
    let rule = "posture/default-branch-unprotected";
    let mut document = example(SubjectKind::Repository).unwrap();
    let all = judged_by_workers(&document).await;
    assert_eq!(of(&all, rule).outcome, Outcome::Pass);
    assert!(all.iter().all(|one| one.rule.as_str() != "posture/pipelines-disabled"), "disabled");

    branch(&mut document).protected = Known::Value(false);
    let all = judged_by_workers(&document).await;
    let failed = of(&all, rule);
    assert_eq!(failed.outcome, Outcome::Fail);
    assert_eq!(failed.reasons.len(), 1);
    assert_eq!(failed.reasons[0].proof[0], "repository.default_branch.protected");

    branch(&mut document).protected =
        Known::Unknown(Why::fixed("the token lacks `repository:admin`"));
    let all = judged_by_workers(&document).await;
    let unknown = of(&all, rule);
    assert_eq!(unknown.outcome, Outcome::Unknown);
    assert!(unknown.reasons.is_empty());
    assert_eq!(unknown.unknown.len(), 1);
    assert_eq!(unknown.unknown[0].path, "repository.default_branch.protected");
    assert_eq!(unknown.unknown[0].why, "the token lacks `repository:admin`");
}
