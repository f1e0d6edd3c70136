//! Every finding that others named, against every way it can stand: violated, complied with, unknown for want of a
//! scope, unknown because the platform does not tell; on both products, through real discovery of a simulated Bitbucket
//! and through the workers. Where a combination cannot be, the table says why.
//!
//! A room of findings has a file of rows below; the machinery is here.

mod estate;
mod ours;
mod repositories;
pub mod scene;

use std::collections::BTreeSet;

use portcullis::gateway::posture::PostureRules;
use portcullis::gateway::posture::judge;
use portcullis::graph::Product;
use portcullis::policy::bundle::Severity;
use portcullis::policy::shipped;
use portcullis::posture::Catalogue;
use portcullis::posture::Outcome;

use crate::spec::findings_table::scene::Scene;
use crate::spec::policies::loaded;
use crate::spec::posture::settings;

/// How a finding can stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    Violates,
    Complies,
    UnknownByScope,
    UnknownByPlatform,
}

impl Standing {
    const ALL: [Self; 4] =
        [Self::Violates, Self::Complies, Self::UnknownByScope, Self::UnknownByPlatform];

    const fn outcome(self) -> Outcome {
        match self {
            Self::Violates => Outcome::Fail,
            Self::Complies => Outcome::Pass,
            Self::UnknownByScope | Self::UnknownByPlatform => Outcome::Unknown,
        }
    }
}

/// One product, one standing.
pub enum Cell {
    /// It stands so once this was done to a scene; of an unknown, a word that its why must say.
    Seen(fn(&mut Scene), &'static str),
    /// It cannot stand so, and why.
    Cannot(&'static str),
}

/// One finding that others named.
pub struct Row {
    /// The row of the list it comes from.
    pub source: &'static str,
    /// Our rule.
    pub rule: &'static str,
    /// Its id there; its title where it has none; our rule's own where nobody named it before us.
    pub id: &'static str,
    /// Its title there.
    pub title: &'static str,
    /// Its severity there; of one without, our own.
    pub severity: Severity,
    /// Cloud, in the order of [`Standing::ALL`].
    pub cloud: [Cell; 4],
    /// Data Center, likewise.
    pub datacenter: [Cell; 4],
}

/// Every row there is.
fn rows() -> Vec<Row> {
    let mut rows = repositories::rows();
    rows.extend(estate::rows());
    rows.extend(ours::rows());
    rows
}

/// Ids, titles and severities are exactly the source's.
#[test]
fn every_source_finding_is_in_the_catalogue_by_its_own_name() {
    let catalogue = Catalogue::of(loaded(&shipped::posture()).bundle());
    for row in rows() {
        let found: Vec<_> =
            catalogue.called(row.id).filter(|listing| listing.rule.as_str() == row.rule).collect();
        let [listing] = found.as_slice() else {
            panic!("{}: {} is not called `{}`", row.source, row.rule, row.id)
        };
        if row.id == row.rule {
            assert_eq!((listing.title.as_str(), listing.severity), (row.title, row.severity));
            continue;
        }
        let alias = listing.aliases.iter().find(|alias| alias.id == row.id).unwrap();
        assert_eq!(alias.title, row.title, "{}", row.source);
        assert_eq!(alias.severity, row.severity, "{}", row.source);
    }
}

/// A finding is listed, told and exported by the severity of its rule: one that others named has theirs.
#[test]
fn a_rule_is_as_bad_as_whoever_named_it_says() {
    let catalogue = Catalogue::of(loaded(&shipped::posture()).bundle());
    for listing in &catalogue.rules {
        for alias in &listing.aliases {
            assert_eq!(alias.severity, listing.severity, "{}: {}", listing.rule, alias.title);
        }
    }
}

/// What we look for beyond others, word by word: a rule that the page names, or why it cannot be known.
#[test]
fn what_others_do_not_look_for_is_a_rule_or_said_to_be_unknowable() {
    let catalogue = Catalogue::of(loaded(&shipped::posture()).bundle());
    let page = include_str!("../../docs/findings.md");
    let section = page.split("### What others do not look for").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    let wanted = [
        ("in no commit", Some("on-demand-pipelines-possible")),
        ("only *Recommended*", Some("custom-check-advises")),
        ("let through", Some("default-branch-exemptions")),
        ("writes to production", Some("write-key-to-production")),
        ("catches steps", Some("runner-catches-others-steps")),
        ("a person's own credential", Some("agent-shares-a-persons-credential")),
        ("alone administers", Some("single-administrator")),
        ("dynamic pipelines was replaced", None),
    ];
    assert_eq!(rows.len(), wanted.len(), "{rows:#?}");
    for (row, (words, rule)) in rows.iter().zip(wanted) {
        assert!(row.contains(words), "`{words}` in {row}");
        match rule {
            Some(rule) => {
                let rule = format!("posture/{rule}");
                assert!(row.contains(&format!("`{rule}`")), "{rule} in {row}");
                assert!(catalogue.rules.iter().any(|one| one.rule.as_str() == rule), "{rule}");
            }
            None => assert!(row.contains("It cannot be known: "), "{row}"),
        }
    }
}

/// Nothing in the table is left open, and what cannot be is said in words.
#[test]
fn what_cannot_be_is_said_in_words() {
    for row in rows() {
        for cell in row.cloud.iter().chain(&row.datacenter) {
            if let Cell::Cannot(why) = cell {
                assert!(why.split_whitespace().count() > 5, "{}: `{why}`", row.source);
            }
        }
    }
}

#[tokio::test]
async fn every_source_finding_stands_as_it_should_on_both_products() {
    let rules = PostureRules::load(&settings(), shipped::posture()).await.unwrap();
    let pool = rules.pool(1).await.unwrap();
    let (mut wrong, mut seen) = (Vec::new(), BTreeSet::new());
    for row in rows() {
        for (product, cells) in
            [(Product::Cloud, &row.cloud), (Product::DataCenter, &row.datacenter)]
        {
            for (standing, cell) in Standing::ALL.into_iter().zip(cells) {
                let Cell::Seen(set, word) = cell else { continue };
                let mut scene = Scene::new(product);
                set(&mut scene);
                let (document, mut hidden) = scene.looked_at(&rules.bundle.rules).await;
                let only = |rule: &portcullis::policy::Rule| rule.id.as_str() == row.rule;
                let mut judged = judge(&pool, &document, only).await;
                // Of a place whose lists could not be read, what is in it is said to be unknown.
                hidden.retain(|one| one.rule.as_str() == row.rule);
                judged.append(&mut hidden);
                let [one] = judged.as_slice() else { panic!("{}: {judged:?}", row.source) };
                let told = format!("{} {product} {standing:?}: {one:#?}", row.source);
                let why = one.unknown.iter().any(|gap| gap.why.contains(word));
                let said = standing.outcome() != Outcome::Unknown || why;
                if one.outcome != standing.outcome() || !said {
                    wrong.push(told);
                }
                seen.insert((standing, product.as_str()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(seen.len(), 8, "{seen:?}");
}
