//! What is looked at again after a change is enough: whatever changes, every subject that is left out says the same as
//! before. Held over worlds with one thing changed at a time.

use std::sync::Arc;

use portcullis::graph::Id;
use portcullis::graph::Snapshot;
use portcullis::graph::World;
use portcullis::policy::load;
use portcullis::policy::shipped;
use portcullis::posture::Held;
use portcullis::posture::choice::Choices;
use portcullis::posture::round::Round;
use portcullis::posture::touched::Side;
use portcullis::posture::touched::Touched;
use portcullis::posture::touched::touched;
use serde_json::Value;
use serde_json::json;

use super::stand::NOW;
use super::stand::acme;
use super::stand::but;
use super::stand::not_knowing;
use super::stand::without;
use super::stand::world_of;

struct Reading {
    world: World,
    graph: Arc<Snapshot>,
}

impl Reading {
    fn side(&self) -> Side<'_> {
        Side { world: &self.world, graph: &self.graph }
    }
}

fn reading(world: &Value) -> Reading {
    let world = world_of(world);
    let graph = Arc::new(Snapshot::build(1, std::slice::from_ref(&world)).unwrap());
    Reading { world, graph }
}

fn round(reading: &Reading) -> Round {
    let bundle = Arc::new(load(&shipped::posture()).unwrap().bundle().clone());
    Round::new(
        Arc::clone(&reading.graph),
        Arc::new(Held::default()),
        bundle,
        Arc::new(Choices::default()),
        NOW,
    )
}

/// What every subject's rules are shown, and who it is.
fn shown(reading: &Reading) -> Vec<(Id, String, Value)> {
    let round = round(reading);
    let ground = round.ground();
    let connection = "acme".parse().unwrap();
    let subjects = round.subjects(&connection).into_iter();
    let seen = subjects.filter_map(|id| {
        let question = round.question(&ground, &id)?;
        let document = serde_json::from_slice(question.input.json()).unwrap();
        Some((id, question.subject.name, document))
    });
    seen.collect()
}

/// Which subjects differ that would not be looked at again.
fn missed(before: &Value, after: &Value) -> Vec<Id> {
    let (before, after) = (reading(before), reading(after));
    let again = match touched(before.side(), after.side()) {
        Touched::All => return Vec::new(),
        Touched::Some(again) | Touched::Opened(again) => again,
    };
    let old = shown(&before);
    let mut missed: Vec<Id> = Vec::new();
    for (id, name, document) in shown(&after) {
        let was = old.iter().find(|(other, ..)| *other == id);
        let same = was.is_some_and(|(_, old, was)| *old == name && *was == document);
        if !same && !again.contains(&id) {
            missed.push(id);
        }
    }
    let gone = old.into_iter().map(|(id, ..)| id).filter(|id| after.graph.find(id).is_none());
    missed.extend(gone.filter(|id| !again.contains(id)));
    missed
}

pub(super) fn with(mut world: Value, nodes: &Value, edges: &[[&str; 3]]) -> Value {
    let id = |told: &str| format!("acme/{told}");
    world["nodes"].as_array_mut().unwrap().extend(nodes.as_array().unwrap().iter().cloned());
    let edges =
        edges.iter().map(|[from, is, to]| json!({"from": id(from), "is": is, "to": id(to)}));
    world["edges"].as_array_mut().unwrap().extend(edges);
    world
}

pub(super) fn without_edge(mut world: Value, from: &str, is: &str) -> Value {
    let from = format!("acme/{from}");
    world["edges"]
        .as_array_mut()
        .unwrap()
        .retain(|edge| edge["from"] != from.as_str() || edge["is"] != is);
    world
}

/// A world with something of everything.
pub(super) fn rich() -> Value {
    let nodes = json!([
        {"id": "acme/restriction/1", "kind": "push", "pattern": "main", "matches": "glob"},
        {"id": "acme/restriction/2", "kind": "require_approvals_to_merge", "pattern": "main", "matches": "glob", "value": 1},
        {"id": "acme/hook/1", "host": "hooks.example.com", "external": true, "active": true},
        {"id": "acme/key/1", "name": "deploy", "kind": "deploy"},
        {"id": "acme/variable/1", "name": "AWS_KEY", "secured": true},
        {"id": "acme/environment/1", "name": "production"},
        {"id": "acme/runner/1", "name": "metal", "labels": ["self.hosted"]},
        {"id": "acme/agent/1", "name": "robot"},
        {"id": "acme/group/ops", "name": "ops"},
    ]);
    with(
        acme(),
        &nodes,
        &[
            ["restriction/1", "restricts", "repository/1"],
            ["restriction/2", "restricts", "project/web"],
            ["user/omar", "exempt", "restriction/1"],
            ["hook/1", "in", "repository/2"],
            ["key/1", "write", "repository/1"],
            ["variable/1", "in", "environment/1"],
            ["repository/1", "deploys_to", "environment/1"],
            ["repository/2", "runs_on", "runner/1"],
            ["agent/1", "acts_for", "user/mia"],
            ["group/ops", "admin", "project/bill"],
            ["user/omar", "member", "group/ops"],
        ],
    )
}

#[test]
fn nothing_that_a_change_alters_is_left_out() {
    let rich = rich();
    let changes = [
        ("made private", but(rich.clone(), "repository/2", "visibility", json!("private"))),
        ("another branch", but(rich.clone(), "repository/1", "default_branch", json!("release"))),
        ("renamed", but(rich.clone(), "repository/1", "slug", json!("billing-2"))),
        ("archived", but(rich.clone(), "repository/1", "archived", json!(true))),
        ("a project opened", but(rich.clone(), "project/web", "visibility", json!("public"))),
        ("a project renamed", but(rich.clone(), "project/bill", "key", json!("BIL"))),
        ("a rule's pattern", but(rich.clone(), "restriction/1", "pattern", json!("release/*"))),
        ("a rule less", without(rich.clone(), "restriction/1")),
        ("a project's rule less", without(rich.clone(), "restriction/2")),
        ("one exempt less", without_edge(rich.clone(), "user/omar", "exempt")),
        ("a hook less", without(rich.clone(), "hook/1")),
        ("a hook switched off", but(rich.clone(), "hook/1", "active", json!(false))),
        ("a key less", without(rich.clone(), "key/1")),
        ("a variable in the open", but(rich.clone(), "variable/1", "secured", json!(false))),
        ("a runner's labels", but(rich.clone(), "runner/1", "labels", json!(["linux"]))),
        ("a runner less", without(rich.clone(), "runner/1")),
        ("somebody switched off", but(rich.clone(), "user/mia", "active", json!(false))),
        ("somebody renamed", but(rich.clone(), "user/mia", "name", json!("Mia M."))),
        ("somebody less", without(rich.clone(), "user/omar")),
        ("a group less", without(rich.clone(), "group/dev")),
        ("a group of nobody", without_edge(rich.clone(), "user/omar", "member")),
        ("a group renamed", but(rich.clone(), "group/dev", "name", json!("devs"))),
        ("a repository less", without(rich.clone(), "repository/2")),
        ("the workspace's plan", but(rich.clone(), "workspace/w", "premium", json!(false))),
        ("an agent of nobody", without_edge(rich.clone(), "agent/1", "acts_for")),
        ("rules unread", not_knowing(rich.clone(), "repository/1", "restrictions")),
        ("a project's rules unread", not_knowing(rich.clone(), "project/web", "restrictions")),
        ("grants unread", not_knowing(rich.clone(), "repository/2", "grants")),
        ("members unread", not_knowing(rich.clone(), "group/dev", "members")),
        ("a grant more", with(rich.clone(), &json!([]), &[["group/dev", "admin", "repository/2"]])),
        (
            "a project's grant more",
            with(rich.clone(), &json!([]), &[["group/dev", "write", "project/web"]]),
        ),
        (
            "a repository more",
            with(
                rich.clone(),
                &json!([{"id": "acme/repository/3", "name": "new", "slug": "new", "visibility": "private", "default_branch": "main", "parent": "acme/repository/1"}]),
                &[["repository/3", "in", "project/web"]],
            ),
        ),
    ];
    for (what, after) in &changes {
        assert_eq!(missed(&rich, after), [], "{what}");
        assert_eq!(missed(after, &rich), [], "{what}, undone");
    }
}

#[test]
fn a_small_change_touches_few() {
    let (before, after) = (rich(), but(rich(), "repository/2", "archived", json!(true)));
    let (before, after) = (reading(&before), reading(&after));
    let Touched::Some(again) = touched(before.side(), after.side()) else { panic!("all of it") };
    let other: Id = "acme/repository/1".parse().unwrap();
    assert!(!again.contains(&other), "{again:?}");
    assert!(again.contains(&"acme/hook/1".parse().unwrap()), "what lives in it");
}
