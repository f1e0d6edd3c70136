//! Changes: a new snapshot beside the old one, the same as one built from the changed world.

use portcullis::graph::Change;
use portcullis::graph::Level;
use portcullis::graph::Product;
use portcullis::graph::Relation;
use portcullis::graph::Snapshot;
use portcullis::graph::World;
use portcullis::graph::difference;
use portcullis::graph::world::Edge;
use portcullis::graph::world::Node;

use crate::spec::graph::build;
use crate::spec::graph::id;
use crate::spec::graph::set;
use crate::spec::graph::unknown;
use crate::spec::graph::with;

fn level(graph: &Snapshot, who: &str) -> Level {
    graph.effective(graph.find(&id(who)).unwrap(), graph.find(&id("repository/9")).unwrap()).level
}

fn bytes(graph: &Snapshot) -> String {
    String::from_utf8(graph.world(&"c1".parse().unwrap()).unwrap().write()).unwrap()
}

fn base() -> World {
    with(
        Product::DataCenter,
        &["user/1 member group/a", "group/a licensed workspace/1", "user/2 read repository/9"],
    )
}

#[test]
fn readers_keep_the_snapshot_they_hold() {
    let before = build(&base());
    let grant = Change::Edge(Edge::new(id("user/1"), Relation::Write, id("repository/9")));
    let after = before.change(&[grant]).unwrap();
    assert_eq!((level(&before, "user/1"), level(&after, "user/1")), (Level::None, Level::Write));
    assert_eq!((before.revision(), after.revision()), (1, 2));
    let gone = Change::NoEdge(id("user/1"), Relation::Write, id("repository/9"));
    let back = after.change(&[gone.clone(), gone]).unwrap();
    assert_eq!(level(&back, "user/1"), Level::None);
    assert_eq!(level(&after, "user/1"), Level::Write);
    assert_eq!(bytes(&back), bytes(&before));
}

#[test]
fn a_grant_said_twice_is_one_grant() {
    let grant = Change::Edge(Edge::new(id("user/1"), Relation::Write, id("repository/9")));
    let after = build(&base()).change(&[grant.clone(), grant]).unwrap();
    assert_eq!(bytes(&after).matches("\"write\"").count(), 1);
}

#[test]
fn what_moves_homes_ranks_or_groups_is_derived_anew() {
    let graph = build(&base());
    let changes = [
        Change::Edge(Edge::new(id("user/1"), Relation::Write, id("repository/9"))),
        Change::NoEdge(id("user/1"), Relation::Member, id("group/a")),
    ];
    assert_eq!(
        level(&graph.change(&changes).unwrap(), "user/1"),
        Level::None,
        "no licence any more"
    );
    let node = Node::new(id("user/9"), "new");
    let edges = [("user/9", "member", "group/a"), ("user/9", "admin", "project/7")];
    let mut changes = vec![Change::Node(node)];
    changes.extend(edges.map(|(from, is, to)| {
        Change::Edge(Edge::new(id(from), Relation::from_text(is).unwrap(), id(to)))
    }));
    assert_eq!(level(&graph.change(&changes).unwrap(), "user/9"), Level::Admin);
    let gone = graph.change(&[Change::Gone(id("group/a"))]).unwrap();
    assert!(gone.find(&id("group/a")).is_none());
}

#[test]
fn a_change_that_cannot_be_changes_nothing() {
    let graph = build(&base());
    let dangling = Change::Edge(Edge::new(id("user/77"), Relation::Write, id("repository/9")));
    assert!(graph.change(&[dangling]).is_err());
    let backwards = Change::Edge(Edge::new(id("repository/9"), Relation::Write, id("user/1")));
    assert!(graph.change(&[backwards]).unwrap_err().to_string().contains("cannot be `write`"));
    let foreign = Change::Gone("c2/user/1".parse().unwrap());
    assert!(graph.change(&[foreign]).is_err());
}

#[test]
fn the_difference_of_two_worlds_leads_from_one_to_the_other() {
    let before = base();
    let mut after = with(
        Product::DataCenter,
        &["user/1 member group/b", "group/b licensed workspace/1", "user/1 admin repository/9"],
    );
    set(&mut after, "project/7", |node| node.text("visibility", "public"));
    unknown(&mut after, "project/7", "grants");
    for (from, to) in [(&before, &after), (&after, &before), (&before, &before)] {
        let changes = difference(from, to);
        assert_eq!(bytes(&build(from).change(&changes).unwrap()), bytes(&build(to)));
    }
    assert!(difference(&before, &before).is_empty());
}

#[test]
fn a_world_replaces_its_connection_whole() {
    let graph = Snapshot::empty().change(&[Change::World(base())]).unwrap();
    assert_eq!(bytes(&graph), bytes(&build(&base())));
    let other = with(Product::DataCenter, &[]);
    let graph = graph.change(&[Change::World(other.clone())]).unwrap();
    assert_eq!(bytes(&graph), bytes(&build(&other)));
    assert_eq!(graph.revision(), 2);
}
