//! Time: the graph as it was is what it was; what changed between two readings is decided once; what could not be read
//! is a gap and never a change.

mod asked;
mod found;
mod fresh;
mod oracle;
mod storm;
mod told;
mod wide;

use std::collections::BTreeSet;

use portcullis::graph::Id;
use portcullis::graph::Product;
use portcullis::graph::Relation;
use portcullis::graph::Time;
use portcullis::graph::World;
use portcullis::graph::world::Connection;
use portcullis::graph::world::Edge;
use portcullis::graph::world::Node;
use portcullis::graph::world::Unknown;

/// 2026-03-01T09:30:00Z.
const BEGAN: i64 = 1_772_357_400_000;

/// A day, milliseconds.
const DAY: i64 = 86_400_000;

fn time(after: i64) -> Time {
    Time::from_millis(BEGAN + after)
}

/// `kind/native` of the connection.
fn id(text: &str) -> Id {
    format!("acme/{text}").parse().unwrap()
}

/// A Cloud workspace with a project and a repository in it, both private.
fn world(as_of: Time) -> World {
    let connection =
        Connection { id: "acme".parse().unwrap(), product: Product::Cloud, name: None };
    let mut world = World::new(connection, as_of);
    let private = |node: Node| node.text("visibility", "private");
    world.nodes.push(Node::new(id("workspace/w"), "Acme").text("slug", "acme"));
    world.nodes.push(private(Node::new(id("project/p"), "Billing").text("key", "BILL")));
    world
        .nodes
        .push(private(Node::new(id("repository/r"), "acme/billing").text("slug", "billing")));
    join(&mut world, "project/p in workspace/w");
    join(&mut world, "repository/r in project/p");
    world
}

/// Adds an edge written `from word to`, and the nodes it names.
fn join(world: &mut World, edge: &str) {
    let [from, is, to] = edge.split(' ').collect::<Vec<_>>()[..] else { panic!("{edge}") };
    for end in [from, to] {
        if world.nodes.iter().all(|node| node.id != id(end)) {
            world.nodes.push(Node::new(id(end), end.split('/').nth(1).unwrap()));
        }
    }
    let edge = Edge::new(id(from), Relation::from_text(is).unwrap(), id(to));
    if !world.edges.contains(&edge) {
        world.edges.push(edge);
    }
}

fn part(world: &mut World, edge: &str) {
    let [from, is, to] = edge.split(' ').collect::<Vec<_>>()[..] else { panic!("{edge}") };
    let before = world.edges.len();
    world.edges.retain(|edge| (&edge.from, edge.is.as_str(), &edge.to) != (&id(from), is, &id(to)));
    assert!(world.edges.len() < before, "{edge} was not there");
}

fn node<'w>(world: &'w mut World, at: &str) -> &'w mut Node {
    world.nodes.iter_mut().find(|node| node.id == id(at)).unwrap()
}

fn set(world: &mut World, at: &str, attribute: &str, value: &str) {
    let node = node(world, at);
    *node = node.clone().text(attribute, value);
}

fn unknown(world: &mut World, about: &str, field: &str) {
    let why = format!("{field} was not read");
    world.unknown.push(Unknown { about: id(about), field: field.to_owned(), why });
}

/// Worlds that say the same, whatever the order.
fn same(one: &World, other: &World) -> bool {
    let sorted = |world: &World| world.write();
    sorted(one) == sorted(other)
}

fn words<T: Ord>(all: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    all.into_iter().collect()
}
