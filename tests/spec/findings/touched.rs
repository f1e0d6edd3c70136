//! What is looked at again after a change is enough: whatever changes, every subject that is left out says the same as
//! before. Held over worlds with one thing changed at a time.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::LazyLock;

use portcullis::graph::Id;
use portcullis::graph::Kind;
use portcullis::graph::Relation;
use portcullis::graph::Snapshot;
use portcullis::graph::World;
use portcullis::graph::attribute;
use portcullis::graph::attribute::Form;
use portcullis::graph::statement::is_passing;
use portcullis::policy::Bundle;
use portcullis::policy::load;
use portcullis::policy::shipped;
use portcullis::posture::Held;
use portcullis::posture::choice::Choices;
use portcullis::posture::evidence::piece::EvidenceKind;
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
use crate::spec::findings_table::scene::brought;

/// Both people of the world here have left.
const LEAVERS: &[u8] = b"name,end_date\nMia,2026-10-01\nOmar,2026-10-02\n";

static BUNDLE: LazyLock<Arc<Bundle>> =
    LazyLock::new(|| Arc::new(load(&shipped::posture()).unwrap().bundle().clone()));

static HELD: LazyLock<Arc<Held>> = LazyLock::new(|| {
    let left = vec![(EvidenceKind::JoinersLeavers, LEAVERS, None)];
    Arc::new(brought(&"acme".parse().unwrap(), left, NOW))
});

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
    let (graph, choices) = (Arc::clone(&reading.graph), Arc::new(Choices::default()));
    Round::new(graph, Arc::clone(&HELD), Arc::clone(&BUNDLE), choices, NOW)
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

/// A reading, and what every subject's rules are shown of it.
struct Looked {
    reading: Reading,
    shown: Vec<(Id, String, Value)>,
}

fn looked(world: &Value) -> Looked {
    let reading = reading(world);
    Looked { shown: shown(&reading), reading }
}

/// Which subjects differ that would not be looked at again.
fn missed(before: &Looked, after: &Looked) -> Vec<Id> {
    let again = match touched(before.reading.side(), after.reading.side()) {
        Touched::All => return Vec::new(),
        Touched::Some(again) | Touched::Opened(again) => again,
    };
    let was: HashMap<&Id, (&String, &Value)> =
        before.shown.iter().map(|(id, name, document)| (id, (name, document))).collect();
    let differs = after
        .shown
        .iter()
        .filter(|(id, name, document)| was.get(id).is_none_or(|was| *was != (name, document)));
    let gone = was.keys().copied().filter(|id| after.reading.graph.find(id).is_none());
    let differs = differs.map(|(id, ..)| id).chain(gone);
    differs.filter(|id| !again.contains(*id)).cloned().collect()
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
        {"id": "acme/restriction/1", "kind": "push", "pattern": "main", "match": "glob"},
        {"id": "acme/restriction/2", "kind": "require_approvals_to_merge", "pattern": "main", "match": "glob", "value": 1},
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
    let rich = looked(&rich);
    for (what, after) in &changes {
        let after = looked(after);
        assert_eq!(missed(&rich, &after), [], "{what}");
        assert_eq!(missed(&after, &rich), [], "{what}, undone");
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

#[test]
fn what_only_concerns_a_repository_leaves_what_is_set_on_the_workspace_alone() {
    let pushed = but(tied(), "repository/1", "updated_at", json!("2026-11-21T17:00:00.000Z"));
    let (before, after) = (reading(&tied()), reading(&pushed));
    let Touched::Some(again) = touched(before.side(), after.side()) else { panic!("all of it") };
    for far in ["runner/w", "variable/w", "token/w", "repository/3"] {
        assert!(!again.contains(&format!("acme/{far}").parse().unwrap()), "{far} in {again:?}");
    }
}

/// A world in which what is far apart hangs together: forks, what is set on a whole workspace or project, groups in
/// groups, and what several hold.
fn tied() -> Value {
    let repository = |told: &str, slug: &str, parent: Value| {
        json!({
            "id": format!("acme/repository/{told}"), "name": slug, "slug": slug,
            "visibility": "private", "default_branch": "main", "archived": false,
            "pipelines": true, "parent": parent,
        })
    };
    let nodes = json!([
        repository("3", "billing-fork", json!("acme/repository/1")),
        repository("4", "elsewhere", json!(null)),
        {"id": "acme/project/lab", "name": "Lab", "key": "LAB", "visibility": "private"},
        {"id": "acme/environment/2", "name": "live", "tier": "production"},
        {"id": "acme/runner/w", "name": "shared", "labels": ["linux"]},
        {"id": "acme/runner/p", "name": "of a project", "labels": ["linux"]},
        {"id": "acme/variable/w", "name": "NPM_TOKEN", "secured": true},
        {"id": "acme/variable/p", "name": "PIP_TOKEN", "secured": true},
        {"id": "acme/hook/w", "host": "hooks.example.com", "active": true},
        {"id": "acme/hook/p", "host": "ci.example.com", "active": true},
        {"id": "acme/key/p", "name": "of a project", "kind": "deploy"},
        {"id": "acme/token/w", "name": "of the workspace"},
        {"id": "acme/token/m", "name": "Mia's"},
        {"id": "acme/credential/b", "name": "shared"},
        {"id": "acme/agent/2", "name": "another robot"},
        {"id": "acme/group/inner", "name": "inner"},
        {"id": "acme/restriction/3", "kind": "push", "pattern": "main", "match": "glob"},
    ]);
    with(
        rich(),
        &nodes,
        &[
            ["repository/3", "in", "project/web"],
            ["repository/4", "in", "project/lab"],
            ["project/lab", "in", "workspace/w"],
            ["repository/4", "deploys_to", "environment/2"],
            ["workspace/w", "runs_on", "runner/w"],
            ["project/web", "runs_on", "runner/p"],
            ["variable/w", "in", "workspace/w"],
            ["variable/p", "in", "project/web"],
            ["hook/w", "in", "workspace/w"],
            ["hook/p", "in", "project/bill"],
            ["key/p", "write", "project/lab"],
            ["token/w", "write", "workspace/w"],
            ["token/m", "acts_for", "user/mia"],
            ["user/mia", "holds", "credential/b"],
            ["agent/2", "holds", "credential/b"],
            ["group/inner", "member", "group/dev"],
            ["user/mia", "member", "group/inner"],
            ["restriction/3", "restricts", "repository/4"],
            ["group/dev", "exempt", "restriction/3"],
        ],
    )
}

fn texts(world: &Value, of: &str) -> Vec<String> {
    let nodes = world["nodes"].as_array().unwrap().iter();
    nodes.map(|node| node[of].as_str().unwrap()["acme/".len()..].to_owned()).collect()
}

/// Another value of an attribute.
fn another(form: Form, value: &Value) -> Value {
    match form {
        Form::Text => json!("release"),
        Form::Word(words) => {
            let word = words.iter().find(|word| value != *word);
            json!(word)
        }
        Form::Flag => json!(*value != json!(true)),
        Form::Whole => json!(7),
        Form::List => json!(["self.hosted", "linux"]),
        Form::Instant => json!("2026-01-02T03:04:05.000Z"),
    }
}

/// Every world that differs from this one by one statement: a thing, an edge or an attribute less, more or other, or a
/// gap.
fn neighbours(world: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    let ids = texts(world, "id");
    let kind = |id: &str| -> Kind { format!("acme/{id}").parse::<Id>().unwrap().kind() };
    for (at, id) in ids.iter().enumerate() {
        let kind = kind(id);
        if kind != Kind::Workspace {
            all.push((format!("without {id}"), without(world.clone(), id)));
        }
        all.push((format!("{id} renamed"), but(world.clone(), id, "name", json!("renamed"))));
        let lasting = attribute::of(kind).iter().filter(|(name, ..)| !is_passing(kind, name));
        for (name, form, _) in lasting {
            let mut untold = but(world.clone(), id, name, json!(null));
            untold["nodes"][at].as_object_mut().unwrap().remove(*name);
            all.push((format!("{id}.{name} unread"), not_knowing(untold, id, name)));
            let value = another(*form, &world["nodes"][at][*name]);
            let is_parent = *name == "parent";
            let value = if is_parent { json!("acme/repository/2") } else { value };
            all.push((format!("{id}.{name} = {value}"), but(world.clone(), id, name, value)));
        }
        for list in attribute::lists(kind) {
            all.push((format!("{list} of {id} unread"), not_knowing(world.clone(), id, list)));
        }
    }
    let edges = world["edges"].as_array().unwrap();
    let short = |end: &Value| end.as_str().unwrap()["acme/".len()..].to_owned();
    let edges: BTreeSet<[String; 3]> = edges
        .iter()
        .map(|edge| {
            [short(&edge["from"]), edge["is"].as_str().unwrap().to_owned(), short(&edge["to"])]
        })
        .collect();
    for edge in &edges {
        let mut less = world.clone();
        less["edges"].as_array_mut().unwrap().retain(|one| {
            [short(&one["from"]), one["is"].as_str().unwrap().to_owned(), short(&one["to"])]
                != *edge
        });
        all.push((format!("without {edge:?}"), less));
    }
    for (from, to) in ids.iter().flat_map(|from| ids.iter().map(move |to| (from, to))) {
        for is in Relation::ALL.iter().filter(|is| is.joins(kind(from), kind(to)) && from != to) {
            // A thing lives in one place, and a group not in itself.
            let lives = matches!(is, Relation::In | Relation::Restricts | Relation::RunsOn);
            let nests = *is == Relation::Member && kind(from) == Kind::Group;
            let edge = [from.clone(), is.as_str().to_owned(), to.clone()];
            if !lives && !nests && !edges.contains(&edge) {
                let more = with(world.clone(), &json!([]), &[[from, is.as_str(), to]]);
                all.push((format!("with {edge:?}"), more));
            }
        }
    }
    all
}

/// Holds over every change of one statement, done and undone.
fn nothing_is_left_out(world: &Value) {
    let before = looked(world);
    let (mut count, mut wrong) = (0, Vec::new());
    for (what, other) in neighbours(world) {
        if World::read(other.to_string().as_bytes()).is_err() {
            continue;
        }
        count += 1;
        let after = looked(&other);
        for (way, missed) in [("", missed(&before, &after)), (", undone", missed(&after, &before))]
        {
            if !missed.is_empty() {
                wrong.push(format!("{what}{way}: {missed:?}"));
            }
        }
    }
    assert!(count > 500, "{count}");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn no_single_change_of_a_workspace_leaves_out_what_it_alters() {
    nothing_is_left_out(&tied());
}

#[test]
fn no_single_change_of_a_server_leaves_out_what_it_alters() {
    let mut server = tied();
    server["connection"]["product"] = json!("datacenter");
    let edges = server["edges"].as_array_mut().unwrap();
    edges.retain(|edge| !(edge["is"] == "member" && edge["to"] == "acme/workspace/w"));
    let licensed = [["group/dev", "licensed", "workspace/w"]];
    nothing_is_left_out(&with(server, &json!([]), &licensed));
}
