//! Changing the graph: a set of changes makes a new snapshot, one revision on, while readers keep the old one.
//!
//! A grant that comes or goes copies the two rows it stands in. What changes homes, ranks or groups builds anew.

use std::collections::BTreeMap;

use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Relation;
use crate::graph::Time;
use crate::graph::build::BuildError;
use crate::graph::snapshot::Snapshot;
use crate::graph::world::Edge;
use crate::graph::world::Node;
use crate::graph::world::Unknown;
use crate::graph::world::World;
use crate::graph::world::check_edge;

/// One change. A set of them is made whole or not at all, in the order given.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// This node exists and is so; it replaces one of the same id whole.
    Node(Node),
    /// This node is gone, with its edges and what was unknown about it. Gone already is fine.
    Gone(Id),
    /// This edge holds; a new source replaces the old.
    Edge(Edge),
    /// This edge holds no longer. Gone already is fine.
    NoEdge(Id, Relation, Id),
    /// This is unknown from now on.
    Unknown(Unknown),
    /// This field of a node was learned.
    Learned(Id, String),
    /// A connection's part was true at this time.
    AsOf(crate::graph::ConnectionId, Time),
    /// A connection's part is now this, whole: it is new or replaces what was there.
    World(World),
}

impl Snapshot {
    /// The graph after these changes. The old snapshot stays as it is.
    pub fn change(&self, changes: &[Change]) -> Result<Self, BuildError> {
        let quick: Option<Vec<(u32, Relation, u32, bool)>> =
            changes.iter().map(|change| self.quick(change)).collect();
        if let Some(grants) = quick {
            return Ok(self.with_grants(&grants));
        }
        let mut worlds: Vec<World> =
            self.homes.iter().filter_map(|home| self.world(&home.connection.id)).collect();
        for change in changes {
            apply(&mut worlds, change)?;
        }
        Self::build(self.revision + 1, &worlds)
    }

    /// A grant on a repository or project without a source, between nodes that exist: nothing is derived from it.
    fn quick(&self, change: &Change) -> Option<(u32, Relation, u32, bool)> {
        let (from, is, to, comes) = match change {
            Change::Edge(edge) if edge.source.is_none() => (&edge.from, edge.is, &edge.to, true),
            Change::NoEdge(from, is, to) => (from, *is, to, false),
            Change::Edge(_)
            | Change::Node(_)
            | Change::Gone(_)
            | Change::Unknown(_)
            | Change::Learned(..)
            | Change::AsOf(..)
            | Change::World(_) => return None,
        };
        let grant = matches!(
            is,
            Relation::Read
                | Relation::Write
                | Relation::Create
                | Relation::Admin
                | Relation::Exempt
        ) && matches!(to.kind(), Kind::Repository | Kind::Project | Kind::Restriction)
            && is.joins(from.kind(), to.kind());
        let (from, to) = (self.find(from)?.0, self.find(to)?.0);
        let plain = self.source(from, is, to).is_none();
        let together = self.card(from).connection == self.card(to).connection;
        (grant && plain && together).then_some((from, is, to, comes))
    }

    fn with_grants(&self, grants: &[(u32, Relation, u32, bool)]) -> Self {
        let mut next = self.clone();
        next.revision += 1;
        for &(from, is, to, comes) in grants {
            let row = edited(next.out.row(from), is.code() << 28 | to, comes);
            next.out.replace(from, row);
            let row = edited(next.into.row(to), from << 4 | is.code(), comes);
            next.into.replace(to, row);
        }
        next
    }
}

/// A sorted row with a value or without it.
fn edited(row: &[u32], value: u32, comes: bool) -> Vec<u32> {
    let at = row.partition_point(|&packed| packed < value);
    let (before, after) = row.split_at_checked(at).unwrap_or((row, &[]));
    let after = after.strip_prefix(&[value]).unwrap_or(after);
    let mut edited = Vec::with_capacity(row.len() + 1);
    edited.extend_from_slice(before);
    edited.extend(comes.then_some(value));
    edited.extend_from_slice(after);
    edited
}

fn apply(worlds: &mut Vec<World>, change: &Change) -> Result<(), BuildError> {
    let at = |id: &Id| id.connection();
    let of = match change {
        Change::Node(node) => at(&node.id),
        Change::Gone(id) | Change::NoEdge(id, ..) | Change::Learned(id, _) => at(id),
        Change::Edge(edge) => at(&edge.from),
        Change::Unknown(unknown) => at(&unknown.about),
        Change::AsOf(connection, _) => connection.clone(),
        Change::World(world) => {
            worlds.retain(|old| old.connection.id != world.connection.id);
            worlds.push(world.clone());
            return Ok(());
        }
    };
    let world = worlds.iter_mut().find(|world| world.connection.id == of);
    let missing =
        || BuildError::Node(of.to_string(), "the graph does not hold this connection".to_owned());
    apply_in(world.ok_or_else(missing)?, change)
}

fn apply_in(world: &mut World, change: &Change) -> Result<(), BuildError> {
    match change {
        Change::Node(node) => {
            world.nodes.retain(|old| old.id != node.id);
            world.nodes.push(node.clone());
        }
        Change::Gone(id) => {
            world.nodes.retain(|node| node.id != *id);
            world.edges.retain(|edge| edge.from != *id && edge.to != *id);
            world.unknown.retain(|unknown| unknown.about != *id);
        }
        Change::Edge(edge) => {
            check_edge(edge).map_err(|why| BuildError::Edge {
                from: edge.from.to_string(),
                is: edge.is,
                to: edge.to.to_string(),
                why,
            })?;
            forget(world, &edge.from, edge.is, &edge.to);
            world.edges.push(edge.clone());
        }
        Change::NoEdge(from, is, to) => forget(world, from, *is, to),
        Change::Unknown(unknown) => {
            learn(world, &unknown.about, &unknown.field);
            world.unknown.push(unknown.clone());
        }
        Change::Learned(id, field) => learn(world, id, field),
        Change::AsOf(_, time) => world.as_of = *time,
        Change::World(_) => {}
    }
    Ok(())
}

fn forget(world: &mut World, from: &Id, is: Relation, to: &Id) {
    world.edges.retain(|edge| (&edge.from, edge.is, &edge.to) != (from, is, to));
}

fn learn(world: &mut World, about: &Id, field: &str) {
    world.unknown.retain(|unknown| (&unknown.about, unknown.field.as_str()) != (about, field));
}

/// What changed from one world to the next, in the order of ids: additions, changes and what is gone. Applying it to the
/// first gives the second. Cost: both worlds are sorted once.
pub fn difference(before: &World, after: &World) -> Vec<Change> {
    let nodes = |world: &World| -> BTreeMap<Id, Node> {
        world.nodes.iter().map(|node| (node.id.clone(), node.clone())).collect()
    };
    let edges = |world: &World| -> BTreeMap<(Id, Relation, Id), Edge> {
        let key = |edge: &Edge| (edge.from.clone(), edge.is, edge.to.clone());
        world.edges.iter().map(|edge| (key(edge), edge.clone())).collect()
    };
    let unknown = |world: &World| -> BTreeMap<(Id, String), Unknown> {
        let key = |unknown: &Unknown| (unknown.about.clone(), unknown.field.clone());
        world.unknown.iter().map(|unknown| (key(unknown), unknown.clone())).collect()
    };
    let mut changes = Vec::new();
    let (old, new) = (nodes(before), nodes(after));
    let gone = old.keys().filter(|id| !new.contains_key(*id));
    changes.extend(gone.map(|id| Change::Gone(id.clone())));
    let told = new.iter().filter(|(id, node)| old.get(*id) != Some(*node));
    changes.extend(told.map(|(_, node)| Change::Node(node.clone())));
    let (old, kept) = (edges(before), new);
    let new = edges(after);
    for (from, is, to) in old.keys().filter(|key| !new.contains_key(*key)) {
        if kept.contains_key(from) && kept.contains_key(to) {
            changes.push(Change::NoEdge(from.clone(), *is, to.clone()));
        }
    }
    let told = new.iter().filter(|(key, edge)| old.get(*key) != Some(*edge));
    changes.extend(told.map(|(_, edge)| Change::Edge(edge.clone())));
    let (old, new) = (unknown(before), unknown(after));
    for (about, field) in old.keys().filter(|key| !new.contains_key(*key)) {
        if kept.contains_key(about) {
            changes.push(Change::Learned(about.clone(), field.clone()));
        }
    }
    let told = new.iter().filter(|(key, unknown)| old.get(*key) != Some(*unknown));
    changes.extend(told.map(|(_, unknown)| Change::Unknown(unknown.clone())));
    if before.as_of != after.as_of {
        changes.push(Change::AsOf(after.connection.id.clone(), after.as_of));
    }
    changes
}
