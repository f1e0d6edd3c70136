//! A scan of what changed leaves the same findings and the same counts as a scan of everything, whatever changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis::gateway::patrol::Settings;
use portcullis::graph::Snapshot;
use portcullis::notify;
use portcullis::policy::RuleId;
use portcullis::policy::load;
use portcullis::policy::shipped;
use portcullis::posture::Finding;
use portcullis::posture::Held;
use portcullis::posture::Outcome;
use portcullis::posture::Tally;
use portcullis::posture::Wish;
use portcullis::posture::choice::Choice;
use portcullis::posture::choice::Choices;
use portcullis::posture::choice::Switch;
use portcullis::posture::round::Round;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::Value;
use serde_json::json;

use super::stand::NOW;
use super::stand::Stand;
use super::stand::but;
use super::stand::not_knowing;
use super::stand::without;
use super::stand::world_of;
use super::touched::rich;
use super::touched::with;
use super::touched::without_edge;

/// What can be otherwise in the world, each by itself. What takes nodes away comes last.
const SWITCHES: &[fn(Value) -> Value] = &[
    |world| but(world, "repository/2", "visibility", json!("private")),
    |world| but(world, "repository/1", "visibility", json!("public")),
    |world| but(world, "repository/1", "default_branch", json!("release")),
    |world| but(world, "repository/2", "archived", json!(true)),
    |world| but(world, "project/web", "key", json!("BILLS")),
    |world| but(world, "project/web", "visibility", json!("public")),
    |world| but(world, "restriction/1", "pattern", json!("release/*")),
    |world| but(world, "hook/1", "external", json!(false)),
    |world| but(world, "variable/1", "secured", json!(false)),
    |world| but(world, "user/mia", "active", json!(false)),
    |world| but(world, "workspace/w", "premium", json!(false)),
    |world| without_edge(world, "user/omar", "exempt"),
    |world| moved(world, "repository/2", "project/bill"),
    |world| moved(world, "hook/1", "repository/1"),
    |world| with(world, &json!([]), &[["group/dev", "admin", "repository/2"]]),
    |world| with(world, &json!([]), &[["key/1", "write", "repository/2"]]),
    |world| {
        let new = json!([{"id": "acme/repository/3", "name": "new", "slug": "new", "visibility": "public", "default_branch": "main"}]);
        with(world, &new, &[["repository/3", "in", "project/web"]])
    },
    |world| not_knowing(world, "repository/1", "hooks"),
    |world| not_knowing(world, "repository/2", "restrictions"),
    |world| not_knowing(world, "project/web", "variables"),
    |world| not_knowing(world, "environment/1", "variables"),
    |world| not_knowing(world, "repository/2", "visibility"),
    |world| not_knowing(world, "workspace/w", "runners"),
    |world| not_knowing(world, "project/bill", "repositories"),
    |world| taken(world, "hook/1"),
    |world| taken(world, "restriction/2"),
    |world| taken(world, "key/1"),
    |world| taken(world, "repository/1"),
];

fn moved(mut world: Value, what: &str, place: &str) -> Value {
    let from = format!("acme/{what}");
    for edge in world["edges"].as_array_mut().unwrap() {
        if edge["from"] == from.as_str() && edge["is"] == "in" {
            edge["to"] = json!(format!("acme/{place}"));
        }
    }
    world
}

/// Without a node, and without what was unknown of it.
fn taken(world: Value, what: &str) -> Value {
    let mut world = without(world, what);
    let id = format!("acme/{what}");
    world["unknown"].as_array_mut().unwrap().retain(|gap| gap["about"] != id.as_str());
    world
}

fn world(on: &[bool]) -> Value {
    let on = SWITCHES.iter().zip(on).filter(|(_, on)| **on);
    on.fold(rich(), |world, (switch, _)| switch(world))
}

/// A rule that does not run in one project, and one that runs only there.
fn choices() -> Choices {
    let choice = |rule: &str, project: Option<&str>, switch| Choice {
        rule: format!("posture/{rule}"),
        connection: None,
        project: project.map(str::to_owned),
        switch,
    };
    Choices(vec![
        choice("repository-public", Some("BILL*"), Switch::Off),
        choice("webhook-without-secret", Some("WEB"), Switch::On),
        choice("webhook-without-secret", None, Switch::Off),
    ])
}

/// Everything that is kept, and what the last scan counted.
async fn kept(stand: &Stand) -> (Vec<Finding>, Vec<Tally>) {
    let mut all = Vec::new();
    for outcome in Outcome::ALL {
        let wish = Wish { outcome: Some(*outcome), limit: Some(500), ..Wish::default() };
        all.extend(stand.found(wish).await);
    }
    assert!(all.len() < 500, "one page each");
    let scans = stand.gateway.scans(None, None, 1).await.unwrap().scans;
    (all, scans.into_iter().next().unwrap().tallies)
}

/// Changes of some switches, one after the other.
fn changes() -> impl Strategy<Value = Vec<Vec<usize>>> {
    prop::collection::vec(prop::collection::vec(0..SWITCHES.len(), 1..3), 8)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_any_change_a_whole_scan_finds_nothing_that_a_partial_one_did_not() {
    let settings = Settings { choices: choices(), ..Settings::default() };
    let source = portcullis::gateway::bundles::Source::Shipped;
    let stand = Stand::with(source, settings, notify::Settings::default()).await;
    let mut on = vec![false; SWITCHES.len()];
    stand.read(&world(&on)).await;
    let mut runner = TestRunner::default();
    let mut partial = 0;
    for _ in 0..3 {
        let changes = changes().new_tree(&mut runner).unwrap().current();
        for step in changes {
            for at in &step {
                on[*at] = !on[*at];
            }
            stand.read(&world(&on)).await;
            let (after, counted) = kept(&stand).await;
            let number = stand.gateway.scans(None, None, 1).await.unwrap().scans[0].subjects;
            stand.round().await;
            let (whole, recounted) = kept(&stand).await;
            assert_eq!(after, whole, "{step:?} of {on:?}");
            assert_eq!(counted, recounted, "{step:?} of {on:?}");
            let all = stand.gateway.scans(None, None, 1).await.unwrap().scans[0].subjects;
            partial += usize::from(number < all);
        }
    }
    assert!(partial > 4, "most changes are small: {partial}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Each subject is asked about by itself; the counts are told for many at once.
    #[test]
    fn a_rule_is_counted_for_each_subject_that_it_is_asked_about(
        on in prop::collection::vec(any::<bool>(), SWITCHES.len()),
    ) {
        static BUNDLE: std::sync::LazyLock<Arc<portcullis::policy::Bundle>> =
            std::sync::LazyLock::new(|| Arc::new(load(&shipped::posture()).unwrap().bundle().clone()));
        let world = world_of(&world(&on));
        let graph = Arc::new(Snapshot::build(1, &[world]).unwrap());
        let (held, bundle) = (Arc::new(Held::default()), Arc::clone(&BUNDLE));
        let round = Round::new(graph, held, bundle, Arc::new(choices()), NOW);
        let (ground, connection) = (round.ground(), "acme".parse().unwrap());
        let mut counts: BTreeMap<RuleId, u64> = BTreeMap::new();
        for id in round.subjects(&connection) {
            let Some(question) = round.question(&ground, &id) else { continue };
            let rules = question.rules.iter().map(|at| BUNDLE.rules[*at as usize].id.clone());
            let unseen = question.unseen.iter().map(|said| said.rule.clone());
            for rule in rules.chain(unseen) {
                *counts.entry(rule).or_default() += 1;
            }
        }
        prop_assert_eq!(round.asked_of(&connection), counts);
    }
}
