//! The graph: worlds keep their bytes, levels follow the products' own tables, and every level has a proof.

mod ask;
mod capability;
mod deeds;
mod change;
mod effective;
mod oracle;
mod path;
mod properties;
mod protect;
mod reports;
mod world;

use portcullis::graph::Id;
use portcullis::graph::Product;
use portcullis::graph::Relation;
use portcullis::graph::Snapshot;
use portcullis::graph::World;
use portcullis::graph::world::Connection;
use portcullis::graph::world::Edge;
use portcullis::graph::world::Node;
use portcullis::graph::world::Unknown;

/// A world of one connection `c1` with its workspace, project 7 and repository 9 in it, all private.
fn estate(product: Product) -> World {
    let connection = Connection { id: "c1".parse().unwrap(), product, name: None };
    let mut world = World::new(connection, "2026-11-21T18:05:00Z".parse().unwrap());
    let private = |node: Node| node.text("visibility", "private");
    world.nodes.push(Node::new(id("workspace/1"), "Acme"));
    world.nodes.push(private(Node::new(id("project/7"), "Billing").text("key", "BILL")));
    world
        .nodes
        .push(private(Node::new(id("repository/9"), "BILL/billing").text("slug", "billing")));
    join(&mut world, "repository/9 in project/7");
    join(&mut world, "project/7 in workspace/1");
    world
}

/// `kind/native` in connection `c1`.
fn id(text: &str) -> Id {
    format!("c1/{text}").parse().unwrap()
}

/// Adds an edge written `from word to`, and the nodes it names.
fn join(world: &mut World, edge: &str) {
    let parts: Vec<&str> = edge.split(' ').collect();
    let [from, is, to] = parts[..] else { panic!("`{edge}` is not `from word to`") };
    for end in [from, to] {
        if world.nodes.iter().all(|node| node.id != id(end)) {
            world.nodes.push(Node::new(id(end), end.split('/').nth(1).unwrap()));
        }
    }
    world.edges.push(Edge::new(id(from), Relation::from_text(is).unwrap(), id(to)));
}

/// A world with these edges.
fn with(product: Product, edges: &[&str]) -> World {
    let mut world = estate(product);
    for edge in edges {
        join(&mut world, edge);
    }
    world
}

fn set(world: &mut World, at: &str, change: impl Fn(Node) -> Node) {
    let node = world.nodes.iter_mut().find(|node| node.id == id(at)).unwrap();
    *node = change(node.clone());
}

fn unknown(world: &mut World, about: &str, field: &str) {
    let why = format!("{field} was not read");
    world.unknown.push(Unknown { about: id(about), field: field.to_owned(), why });
}

fn build(world: &World) -> Snapshot {
    Snapshot::build(1, std::slice::from_ref(world)).unwrap()
}
