//! Whether two worlds of one server say the same. What only one of them can tell is listed here, field by field; whatever
//! else differs is a difference.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use portcullis::graph::Change;
use portcullis::graph::Id;
use portcullis::graph::Kind;
use portcullis::graph::Relation;
use portcullis::graph::World;
use portcullis::graph::difference;
use portcullis::graph::world::Edge;

/// What REST tells and the database does not: it lies in files, or in tables that are not read.
const ONLY_BY_REST: [(Kind, &[&str]); 5] = [
    (Kind::User, &["created_at", "last_used_at"]),
    (Kind::Token, &["created_at", "last_used_at", "expires_at"]),
    (Kind::Workspace, &["version"]),
    (
        Kind::Repository,
        &[
            "default_branch",
            "required_approvals",
            "required_builds",
            "updated_at",
            "merges_read",
            "merges_unreviewed",
            "model_development",
            "model_production",
            "model_feature",
            "model_bugfix",
            "model_release",
            "model_hotfix",
        ],
    ),
    (Kind::Key, &["created_at", "fingerprint", "last_used_at", "expires_at"]),
];

/// The differences of two worlds that have no good reason, each as one line.
pub fn differences(rest: &World, other: &World) -> Vec<String> {
    difference(&alike(rest), &alike(other)).iter().map(shown).collect()
}

fn shown(change: &Change) -> String {
    match change {
        Change::Node(node) => format!("node {} {:?} {:?}", node.id, node.name, node.attributes),
        Change::Gone(id) => format!("gone {id}"),
        Change::Edge(edge) => format!("edge {} {} {}", edge.from, edge.is, edge.to),
        Change::NoEdge(from, is, to) => format!("no edge {from} {is} {to}"),
        Change::Unknown(unknown) => format!("unknown {} {}", unknown.about, unknown.field),
        Change::Learned(id, field) => format!("learned {id} {field}"),
        Change::AsOf(..) | Change::World(_) => format!("{change:?}"),
    }
}

/// A world without its sources and the reasons of its gaps, with everyone in a group written into it directly, and
/// without what only one way tells.
fn alike(world: &World) -> World {
    let mut world = world.clone();
    for node in &mut world.nodes {
        for (kind, fields) in ONLY_BY_REST {
            if node.id.kind() == kind {
                for field in fields {
                    node.attributes.remove(*field);
                }
            }
        }
    }
    let only = |kind: Kind, field: &str| {
        ONLY_BY_REST.iter().any(|(of, fields)| *of == kind && fields.contains(&field))
    };
    world.unknown.retain(|gap| !only(gap.about.kind(), &gap.field));
    world.unknown.iter_mut().for_each(|gap| gap.why.clear());
    let everyone = everyone(&world);
    world.edges.retain(|edge| edge.is != Relation::Member);
    let within = |(group, users): (Id, BTreeSet<Id>)| {
        users.into_iter().map(move |user| Edge::new(user, Relation::Member, group.clone()))
    };
    world.edges.extend(everyone.into_iter().flat_map(within));
    world.edges.iter_mut().for_each(|edge| edge.source = None);
    // Of several global permissions REST tells the highest alone, and an administrator creates projects anyway.
    let administrators: BTreeSet<Id> = world
        .edges
        .iter()
        .filter(|edge| edge.is == Relation::Admin && edge.to.kind() == Kind::Workspace)
        .map(|edge| edge.from.clone())
        .collect();
    world.edges.retain(|edge| {
        let less = edge.is == Relation::Create && edge.to.kind() == Kind::Workspace;
        !(less && administrators.contains(&edge.from))
    });
    world
}

/// Every group with everyone in it, through groups in it too.
fn everyone(world: &World) -> BTreeMap<Id, BTreeSet<Id>> {
    let members = world.edges.iter().filter(|edge| edge.is == Relation::Member);
    let mut direct: BTreeMap<Id, BTreeSet<Id>> = BTreeMap::new();
    for edge in members {
        direct.entry(edge.to.clone()).or_default().insert(edge.from.clone());
    }
    let mut all = BTreeMap::new();
    for group in direct.keys() {
        let (mut users, mut seen, mut left) = (BTreeSet::new(), BTreeSet::new(), vec![group]);
        while let Some(group) = left.pop() {
            if !seen.insert(group) {
                continue;
            }
            for member in direct.get(group).into_iter().flatten() {
                if member.kind() == Kind::Group {
                    left.push(member);
                } else {
                    users.insert(member.clone());
                }
            }
        }
        all.insert(group.clone(), users);
    }
    all
}

#[test]
fn a_grant_more_or_less_is_a_difference_and_a_source_is_none() {
    let world = |edges: &str| {
        let text = format!(
            r#"{{"version":1,"connection":{{"id":"acme-dc","product":"datacenter"}},"as_of":"2026-11-21T18:05:00.000Z",
            "nodes":[{{"id":"acme-dc/user/1"}},{{"id":"acme-dc/repository/2"}}],"edges":[{edges}],"unknown":[]}}"#
        );
        World::read(text.as_bytes()).unwrap()
    };
    let edge = r#"{"from":"acme-dc/user/1","is":"read","to":"acme-dc/repository/2"}"#;
    let sourced = edge.replace('}', r#","source":"csv"}"#);
    assert!(differences(&world(edge), &world(&sourced)).is_empty());
    assert_eq!(differences(&world(edge), &world("")).len(), 1);
    assert_eq!(differences(&world(""), &world(edge)).len(), 1);
    assert_eq!(differences(&world(edge), &world(&edge.replace("read", "write"))).len(), 2);
}
