//! For every estate: what is known no more makes no finding a pass, and none a failure. Whatever discovery can report as
//! not read is withheld, one thing after the other, with what only that would have told.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use proptest::prelude::*;

use portcullis::graph::Id;
use portcullis::graph::Kind;
use portcullis::graph::Product;
use portcullis::graph::Relation;
use portcullis::graph::World;
use portcullis::graph::attribute::Value;
use portcullis::graph::world::Edge;
use portcullis::graph::world::Node;
use portcullis::graph::world::Unknown;
use portcullis::policy::SubjectKind;
use portcullis::posture::Held;
use portcullis::posture::Outcome;
use portcullis::posture::evidence::piece::EvidenceKind;

use crate::spec::findings_table::scene::brought;
use crate::spec::posture::estate::Judged;
use crate::spec::posture::estate::NOW;
use crate::spec::posture::estate::RULES;

const PLACES: &[&str] =
    &["workspace/1", "project/1", "project/2", "repository/1", "repository/2", "repository/3"];
const HOLDERS: &[&str] =
    &["user/1", "user/2", "user/3", "group/a", "group/b", "app/1", "token/1", "key/1"];

/// What discovery can say it could not read: of what, and which list or attribute.
const GAPS: &[(&[&str], &[&str])] = &[
    (&["workspace/1"], &["grants", "groups", "projects", "credentials", "hooks"]),
    (
        &["project/1", "project/2"],
        &["grants", "repositories", "keys", "tokens", "hooks", "default"],
    ),
    (
        &["repository/1", "repository/2", "repository/3"],
        &["grants", "project", "keys", "tokens", "hooks", "environments", "model_production"],
    ),
    (&["group/a", "group/b"], &["members"]),
    (&["user/1", "user/2", "user/3"], &["groups", "holds", "active"]),
    (&["key/1", "key/2", "token/1", "token/2"], &["created_at", "last_used_at", "expires_at"]),
    (&["token/1", "token/2"], &["scopes"]),
    (&["hook/1", "hook/2"], &["active", "external"]),
    (&["environment/1"], &["tier"]),
];

fn gaps() -> Vec<(Id, &'static str)> {
    let of = |(nodes, fields): &(&'static [&'static str], &'static [&'static str])| {
        let (nodes, fields) = (*nodes, *fields);
        nodes.iter().flat_map(move |node| fields.iter().map(move |field| (id(node), *field)))
    };
    GAPS.iter().flat_map(of).collect()
}

fn id(text: &str) -> Id {
    format!("acme/{text}").parse().unwrap()
}

fn edge(from: &str, is: Relation, to: &str) -> Edge {
    Edge::new(id(from), is, id(to))
}

/// Every grant and membership that can be between them. A key of Cloud reads, one of Data Center may write too.
fn grants(product: Product) -> Vec<Edge> {
    let cloud = product == Product::Cloud;
    let words = [
        Relation::Read,
        Relation::Write,
        Relation::Create,
        Relation::Admin,
        Relation::Licensed,
        Relation::Member,
    ];
    let mut all = Vec::new();
    for from in HOLDERS {
        for to in PLACES.iter().chain(&["group/a", "group/b"]) {
            for is in words {
                let kinds = (id(from).kind(), id(to).kind());
                let key = match is {
                    Relation::Read => true,
                    Relation::Write => !cloud,
                    _ => false,
                };
                let licence = is == Relation::Licensed && cloud;
                if from != to
                    && is.joins(kinds.0, kinds.1)
                    && (kinds.0 != Kind::Key || (key && to != &"workspace/1"))
                    && !licence
                {
                    all.push(edge(from, is, to));
                }
            }
        }
    }
    all
}

fn node(at: &str, kind: &str) -> Node {
    let name = at.replace('/', " ");
    if kind.is_empty() {
        Node::new(id(at), &name)
    } else {
        Node::new(id(at), &name).text("kind", kind)
    }
}

/// One of two, by a bit.
fn either(marks: u64, bit: u32, yes: Value, no: Value) -> Value {
    if marks >> bit & 1 == 1 { yes } else { no }
}

/// A small estate. `marks` are what its things are like, a bit each.
fn estate(product: Product, chosen: &[Edge], marks: u64) -> World {
    let time = |text: &str| Value::Text(format!("{text}T00:00:00.000Z"));
    let aged = |node: Node, bit: u32| {
        let used = either(marks, bit + 1, time("2026-11-20"), time("2026-01-02"));
        node.with("created_at", either(marks, bit, time("2026-11-01"), time("2024-01-01")))
            .with("last_used_at", either(marks, bit + 2, used, Value::Nothing))
            .with("expires_at", either(marks, bit + 3, time("2027-01-01"), Value::Nothing))
    };
    let on = |node: Node, bit: u32| node.flag("active", marks >> bit & 1 == 1);
    let scoped = |node: Node, bit: u32| {
        let scopes = |scope: &str| Value::List(vec![scope.to_owned()]);
        node.with("scopes", either(marks, bit, scopes("REPO_READ"), scopes("REPO_WRITE")))
    };
    let branch = |at: &str, bit: u32| {
        let main = Value::Text("main".to_owned());
        node(at, "").with("model_production", either(marks, bit, main, Value::Nothing))
    };
    let hook = |at: &str, bit: u32| {
        let hook =
            node(at, "").text("host", "ci.example.net").flag("external", marks >> bit & 1 == 1);
        on(hook, bit + 1)
    };
    let tier =
        either(marks, 0, Value::Text("production".to_owned()), Value::Text("test".to_owned()));
    let nodes = vec![
        node("workspace/1", ""),
        node("project/1", "").with(
            "default",
            either(marks, 31, Value::Text("read".to_owned()), Value::Text("none".to_owned())),
        ),
        node("project/2", ""),
        branch("repository/1", 1),
        branch("repository/2", 2),
        branch("repository/3", 3),
        node("environment/1", "").with("tier", tier),
        on(node("user/1", ""), 4),
        on(node("user/2", ""), 5),
        on(node("user/3", ""), 6),
        node("group/a", ""),
        node("group/b", ""),
        node("agent/1", ""),
        node("app/1", "").with("last_used_at", Value::Nothing),
        scoped(aged(node("token/1", "HTTP access token"), 7), 11),
        scoped(aged(node("token/2", "HTTP access token"), 12), 16),
        aged(node("key/1", "access key"), 17),
        aged(node("key/2", "SSH key"), 21),
        hook("hook/1", 25),
        hook("hook/2", 27),
    ];
    let mut edges = vec![
        edge("project/1", Relation::In, "workspace/1"),
        edge("project/2", Relation::In, "workspace/1"),
        edge("repository/1", Relation::In, "project/1"),
        edge("repository/2", Relation::In, "project/2"),
        edge("repository/3", Relation::In, "project/2"),
        edge("repository/1", Relation::DeploysTo, "environment/1"),
        edge("user/1", Relation::Holds, "token/2"),
        edge("token/2", Relation::ActsFor, "user/1"),
        edge("user/2", Relation::Holds, "key/2"),
        edge("agent/1", Relation::Holds, if marks >> 29 & 1 == 1 { "token/1" } else { "token/2" }),
        edge("hook/1", Relation::In, "repository/1"),
        edge(
            "hook/2",
            Relation::In,
            if marks >> 30 & 1 == 1 { "project/2" } else { "workspace/1" },
        ),
    ];
    edges.extend_from_slice(chosen);
    let opens = product == Product::DataCenter && marks >> 31 & 1 == 1;
    edges.extend(opens.then(|| edge("workspace/1", Relation::Default, "project/1")));
    let mut world = World::read(
        br#"{"version":1,"connection":{"id":"acme","product":"cloud"},"as_of":"2026-11-21T18:05:00.000Z","nodes":[],"edges":[],"unknown":[]}"#,
    )
    .unwrap();
    world.connection.product = product;
    (world.nodes, world.edges) = (nodes, edges);
    world
}

/// Whether an edge is told by this list about this node.
fn tells(edge: &Edge, about: &Id, field: &str) -> bool {
    let (from, to) = (edge.from == *about, edge.to == *about);
    let (giver, taken) = (edge.from.kind(), edge.to.kind());
    let grants = matches!(
        edge.is,
        Relation::Read
            | Relation::Write
            | Relation::Create
            | Relation::Admin
            | Relation::Owner
            | Relation::Licensed
    );
    let personal = matches!(taken, Kind::Key | Kind::Token) && edge.is == Relation::Holds;
    match field {
        "grants" => to && grants && giver != Kind::Key,
        "default" => to && edge.is == Relation::Default,
        "keys" => to && grants && giver == Kind::Key,
        "tokens" => to && grants && giver == Kind::Token,
        "members" => to && edge.is == Relation::Member,
        "groups" if about.kind() == Kind::Workspace => edge.is == Relation::Member,
        "groups" => from && edge.is == Relation::Member,
        "projects" => to && edge.is == Relation::In && giver == Kind::Project,
        "repositories" => to && edge.is == Relation::In && giver == Kind::Repository,
        "hooks" => to && edge.is == Relation::In && giver == Kind::Hook,
        "project" => from && edge.is == Relation::In,
        "environments" => from && edge.is == Relation::DeploysTo,
        "holds" => from && personal,
        "credentials" => personal && giver == Kind::User,
        _ => false,
    }
}

/// What is known of a thing by such an edge alone.
fn told_by(edge: &Edge) -> Option<&Id> {
    match edge.is {
        Relation::In => Some(&edge.from).filter(|id| id.kind() != Kind::Repository),
        Relation::DeploysTo | Relation::Holds => Some(&edge.to),
        _ => None,
    }
}

/// Takes things away with all that is said of them and all that lives in them.
fn forget(world: &mut World, gone: BTreeSet<Id>) {
    let mut open: Vec<Id> = gone.into_iter().collect();
    while let Some(id) = open.pop() {
        let living = world.edges.iter().filter(|edge| edge.to == id && edge.is == Relation::In);
        let deployed =
            world.edges.iter().filter(|edge| edge.from == id && edge.is == Relation::DeploysTo);
        open.extend(living.map(|edge| edge.from.clone()));
        open.extend(deployed.map(|edge| edge.to.clone()));
        world.nodes.retain(|node| node.id != id);
        world.edges.retain(|edge| edge.from != id && edge.to != id);
        world.unknown.retain(|gap| gap.about != id);
    }
}

/// Withholds one thing: of a list, what `kept` has no bit for.
fn withhold(world: &mut World, about: &Id, field: &str, kept: u64) {
    let Some(node) = world.nodes.iter_mut().find(|node| node.id == *about) else { return };
    node.attributes.remove(field);
    let mut at = 0;
    let (left, lost): (Vec<Edge>, Vec<Edge>) =
        std::mem::take(&mut world.edges).into_iter().partition(|edge| {
            let told = tells(edge, about, field);
            at += u32::from(told);
            !told || kept >> (at % 64) & 1 == 1
        });
    world.edges = left;
    let mut gone: BTreeSet<Id> = lost.iter().filter_map(told_by).cloned().collect();
    if field == "repositories" {
        gone.extend(lost.iter().map(|edge| edge.from.clone()));
    }
    forget(world, gone);
    gap(world, about, field);
    // A group that the list of groups did not tell, but a grant: discovery says of it that its members are unknown.
    if field == "groups" && about.kind() == Kind::Workspace {
        for edge in &lost {
            gap(world, &edge.to, "members");
        }
    }
}

fn gap(world: &mut World, about: &Id, field: &str) {
    let gap = Unknown { about: about.clone(), field: field.to_owned(), why: "withheld".to_owned() };
    if !world.unknown.contains(&gap) {
        world.unknown.push(gap);
    }
}

/// What the rules about identities, credentials and webhooks say, by rule and name.
fn said(world: &World, held: &Held) -> BTreeMap<(String, String), Outcome> {
    let kinds = [SubjectKind::Identity, SubjectKind::Credential, SubjectKind::Hook];
    let rules: BTreeSet<String> = kinds
        .iter()
        .flat_map(|kind| RULES.bundle().about(*kind).map(|(_, rule)| rule.id.to_string()))
        .collect();
    let judged = Judged::of(world, held);
    let ours = judged.named().filter(|(key, _)| rules.contains(&key.0));
    ours.map(|(key, one)| (key.clone(), one.outcome)).collect()
}

/// What became certain though less is known.
fn wrong(
    before: &BTreeMap<(String, String), Outcome>,
    after: &BTreeMap<(String, String), Outcome>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (key, now) in after {
        let then = before.get(key);
        if *now != Outcome::Unknown && then != Some(now) {
            wrong.push(format!("{key:?} was {then:?} and is {now}"));
        }
    }
    for (key, then) in before.iter().filter(|(key, _)| !after.contains_key(*key)) {
        let silent = !after.iter().any(|(other, now)| other.0 == key.0 && *now != Outcome::Pass);
        if *then != Outcome::Pass && silent {
            wrong.push(format!("{key:?} was {then} and nothing is said of it"));
        }
    }
    wrong
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_known_no_more_makes_nothing_certain(
        server in any::<bool>(),
        chosen in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        marks in any::<u64>(),
        withheld in prop::collection::vec((any::<prop::sample::Index>(), any::<u64>()), 1..5),
    ) {
        let product = if server { Product::DataCenter } else { Product::Cloud };
        let (grants, gaps) = (grants(product), gaps());
        let chosen: BTreeSet<usize> = chosen.iter().map(|at| at.index(grants.len())).collect();
        let chosen: Vec<Edge> = chosen.iter().map(|at| grants[*at].clone()).collect();
        let mut world = estate(product, &chosen, marks);
        let list = b"name,left\nuser 1,2026-01-31\nuser 2,2026-01-31\n".as_slice();
        let held = brought(&world.connection.id, vec![(EvidenceKind::JoinersLeavers, list, None)], NOW);
        let mut before = said(&world, &held);
        for (at, kept) in withheld {
            let (about, field) = at.get(&gaps);
            withhold(&mut world, about, field, kept & kept.rotate_left(7));
            let after = said(&world, &held);
            let wrong = wrong(&before, &after);
            prop_assert!(wrong.is_empty(), "without {field} of {about}: {wrong:#?}\n{:#?}", world.edges);
            before = after;
        }
    }
}
