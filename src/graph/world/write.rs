//! Writing a world file: one order, one spelling, so that equal worlds are equal bytes.

use crate::graph::world::Edge;
use crate::graph::world::Node;
use crate::graph::world::Unknown;
use crate::graph::world::VERSION;
use crate::graph::world::World;

/// The world as bytes. What is said twice is written once.
pub fn write(world: &World) -> Vec<u8> {
    let mut out = Vec::with_capacity(256 + world.nodes.len() * 128 + world.edges.len() * 160);
    out.extend_from_slice(format!("{{\"version\":{VERSION},\"connection\":").as_bytes());
    json(&mut out, &world.connection);
    out.extend_from_slice(format!(",\"as_of\":\"{}\"", world.as_of).as_bytes());
    let mut nodes: Vec<&Node> = world.nodes.iter().collect();
    nodes.sort_by(|a, b| a.id.cmp(&b.id));
    list(&mut out, "nodes", &nodes, |out, node| write_node(out, node));
    let mut edges: Vec<&Edge> = world.edges.iter().collect();
    edges.sort_by(|a, b| (&a.from, a.is, &a.to, &a.source).cmp(&(&b.from, b.is, &b.to, &b.source)));
    edges.dedup_by(|b, a| (&a.from, a.is, &a.to) == (&b.from, b.is, &b.to));
    list(&mut out, "edges", &edges, |out, edge| write_edge(out, edge));
    let mut unknown: Vec<&Unknown> = world.unknown.iter().collect();
    unknown.sort();
    unknown.dedup_by(|b, a| (&a.about, &a.field) == (&b.about, &b.field));
    list(&mut out, "unknown", &unknown, json);
    out.extend_from_slice(b"}\n");
    out
}

fn list<T>(out: &mut Vec<u8>, name: &str, items: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    out.extend_from_slice(format!(",\n\"{name}\":[").as_bytes());
    for (position, item) in items.iter().enumerate() {
        out.extend_from_slice(if position > 0 { b",\n" } else { b"\n" });
        write(out, item);
    }
    out.push(b']');
}

fn write_node(out: &mut Vec<u8>, node: &Node) {
    out.extend_from_slice(b"{\"id\":");
    json(out, &node.id);
    if let Some(name) = &node.name {
        out.extend_from_slice(b",\"name\":");
        json(out, name);
    }
    for (name, value) in &node.attributes {
        out.push(b',');
        json(out, name);
        out.push(b':');
        json(out, value);
    }
    out.push(b'}');
}

fn write_edge(out: &mut Vec<u8>, edge: &Edge) {
    out.extend_from_slice(b"{\"from\":");
    json(out, &edge.from);
    out.extend_from_slice(b",\"is\":");
    json(out, &edge.is);
    out.extend_from_slice(b",\"to\":");
    json(out, &edge.to);
    if let Some(source) = &edge.source {
        out.extend_from_slice(b",\"source\":");
        json(out, source);
    }
    out.push(b'}');
}

fn json(out: &mut Vec<u8>, value: &impl serde::Serialize) {
    // A `Vec` takes every write, and these values have no maps with odd keys: the result cannot be an error.
    let _ = serde_json::to_writer(out, value);
}
