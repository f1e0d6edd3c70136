//! No narrative claims prevention where there is none: every kind, product, plan and setting.

use std::collections::BTreeSet;

use portcullis::decision::Binds;
use portcullis::decision::Effect;
use portcullis::decision::Mode;
use portcullis::decision::Record;
use portcullis::decision::binds::Ground;
use portcullis::decision::binds::binds;
use portcullis::event::EventKind;
use portcullis::gateway::gather::GroundFacts;
use portcullis::gateway::road::Matter;
use portcullis::gateway::status;
use portcullis::graph::Known;
use portcullis::graph::Product;
use portcullis::policy::Verdict;
use portcullis::policy::example;
use portcullis::policy::input::CallerKind;

use super::Forms;
use super::NOW;
use super::Surface;
use super::ground;
use super::record;
use super::told;
use crate::spec::approvals::connection;

/// Words that say that something was kept from happening.
const PREVENTION: [&str; 9] = [
    "stopped",
    "prevented",
    "prevents",
    "blocked",
    "held back",
    "kept from",
    "obeys",
    "waits for us",
    "denied",
];

fn every_ground() -> Vec<Ground> {
    let known = || [Known::Value(true), Known::Value(false), Known::Nothing, Known::unknown("403")];
    let mut all = Vec::new();
    for product in [Product::Cloud, Product::DataCenter] {
        for premium in known() {
            for posts in [true, false] {
                for required in known() {
                    all.push(ground(product, premium.clone(), posts, required));
                }
            }
        }
    }
    all
}

/// How far a verdict reaches, worked out once more by hand.
fn expected(kind: EventKind, ground: &Ground) -> Binds {
    let cloud = ground.product == Product::Cloud;
    let premium = ground.premium.value() == Some(&true);
    let required = ground.status_required.value() == Some(&true);
    match kind.as_str() {
        "pipeline.step" | "pipeline.requested" => Binds::Prevents,
        "merge.requested" if !cloud => Binds::Prevents,
        "merge.requested" if premium => Binds::Gates,
        "merge.requested" => Binds::Signals,
        "pull_request.opened"
        | "pull_request.updated"
        | "pull_request.approved"
        | "pull_request.unapproved"
        | "pull_request.changes_requested"
        | "pull_request.changes_withdrawn"
        | "pull_request.reviewers_changed"
            if ground.posts_status =>
        {
            if required && (premium || !cloud) {
                Binds::Gates
            } else {
                Binds::Signals
            }
        }
        _ => Binds::After,
    }
}

#[test]
fn how_far_a_verdict_reaches_is_never_overstated() {
    let mut seen = std::collections::BTreeMap::new();
    for kind in EventKind::ALL {
        for ground in every_ground() {
            let reach = binds(*kind, &ground);
            assert_eq!(reach, expected(*kind, &ground), "{kind} on {ground:?}");
            *seen.entry(reach).or_insert(0) += 1;
        }
    }
    assert_eq!(seen.len(), 4, "every word is used: {seen:?}");
    assert_eq!(Binds::TEXTS, ["prevents", "gates", "signals", "after"]);
}

/// What is told depends on the ground by nothing but the product and how far the verdict reaches, so one ground of each
/// stands for its likes.
fn grounds(kind: EventKind) -> Vec<Ground> {
    let mut seen = BTreeSet::new();
    every_ground()
        .into_iter()
        .filter(|ground| seen.insert((ground.product.as_str(), binds(kind, ground))))
        .collect()
}

#[test]
fn no_narrative_claims_prevention_where_there_is_none() {
    for kind in EventKind::ALL {
        for ground in grounds(*kind) {
            for verdict in Verdict::ALL {
                for mode in [Mode::Enforce, Mode::Shadow] {
                    check(&record(*kind, &ground, *verdict, mode));
                }
            }
        }
    }
}

fn check(record: &Record) {
    let public = &record.public;
    let forms = Forms::of(record);
    let story = told(record);
    assert_eq!((story.binds, story.reach), (public.binds.as_str(), public.binds.in_words()));
    for (form, text) in forms.all() {
        let place = format!("{form} of {} ({}, {})", public.event, public.binds, public.verdict);
        let text = text.to_lowercase();
        match public.binds {
            Binds::Prevents => {}
            Binds::Gates => assert!(!text.contains("obeys"), "{place}"),
            Binds::Signals | Binds::After => {
                for word in PREVENTION {
                    assert!(!text.contains(word), "{place} says `{word}`:\n{text}");
                }
            }
        }
        let full = form != "status";
        if full && public.binds == Binds::After {
            assert!(text.contains("had already happened"), "{place}");
        }
        if full && public.binds == Binds::Signals {
            assert!(
                text.contains("a signal") && text.contains("a merge remains possible"),
                "{place}"
            );
        }
    }
    status_text(record, &forms.status);
}

fn status_text(record: &Record, text: &str) {
    let public = &record.public;
    assert!(text.len() <= status::MAX_TEXT_BYTES, "{text}");
    assert!(!text.contains("second sentence"), "{text}");
    let softened = public.effect < Effect::from(public.verdict);
    assert_eq!(text.contains("would be"), softened, "{text}");
    let late = public.binds == Binds::After && Effect::from(public.verdict) != Effect::Proceed;
    assert_eq!(text.contains("after the fact"), late, "{text}");
}

fn matter(kind: EventKind) -> Matter {
    let mut connection = connection("acme-cloud");
    std::sync::Arc::get_mut(&mut connection).unwrap().posts_status = true;
    Matter {
        document: example::example(kind).unwrap(),
        connection,
        surface: Surface::Hook,
        delivery: None,
        caller: CallerKind::Hook,
        authors: Vec::new(),
        own: Vec::new(),
        unread_step: None,
        replayed: None,
        commit: None,
        ground: GroundFacts::default(),
        at: NOW,
    }
}

#[test]
fn a_status_is_posted_wherever_we_say_that_people_see_one() {
    let here = ground(Product::Cloud, Known::Value(true), true, Known::Value(true));
    for kind in EventKind::ALL {
        for verdict in Verdict::ALL {
            let record = record(*kind, &here, *verdict, Mode::Enforce);
            let planned = status::plan(&matter(*kind), &record, "https://gate.example.com");
            let seen = matches!(record.public.binds, Binds::Gates | Binds::Signals);
            if seen && *kind != EventKind::MergeRequested {
                assert!(planned.is_some(), "{kind}");
            }
            let Some(status) = planned else { continue };
            assert_eq!(status.state, status::state(record.public.effect));
            let link = format!("https://gate.example.com/d/{}", record.public.decision);
            assert_eq!(status.url, link);
        }
    }
}

#[test]
fn states_follow_the_effect() {
    let states = Effect::ALL.iter().map(|effect| status::state(*effect).as_str());
    assert_eq!(states.collect::<Vec<_>>(), ["SUCCESSFUL", "INPROGRESS", "FAILED"]);
}

#[test]
fn an_uncovered_review_does_not_write_over_what_was_said_of_the_commit() {
    let here = ground(Product::Cloud, Known::Value(true), true, Known::Value(true));
    for (kind, speaks) in [
        (EventKind::PullRequestOpened, true),
        (EventKind::PullRequestUpdated, true),
        (EventKind::PullRequestReviewersChanged, false),
        (EventKind::PullRequestUnapproved, false),
    ] {
        let mut uncovered = record(kind, &here, Verdict::Allow, Mode::Enforce);
        uncovered.public.uncovered = true;
        uncovered.public.rules.clear();
        let planned = status::plan(&matter(kind), &uncovered, "https://gate.example.com");
        assert_eq!(planned.is_some(), speaks, "{kind}");
        let covered = record(kind, &here, Verdict::Allow, Mode::Enforce);
        assert!(status::plan(&matter(kind), &covered, "https://gate.example.com").is_some());
    }
}
