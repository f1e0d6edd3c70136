//! Building a snapshot: from worlds, or from nodes and numbered edges. Linear in the edges but for sorting within rows.

mod derive;
mod pack;

use std::collections::HashMap;
use std::sync::Arc;

use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Relation;
use crate::graph::Time;
use crate::graph::Why;
use crate::graph::attribute::Value;
use crate::graph::build::derive::card;
use crate::graph::build::pack::pack;
use crate::graph::index::Index;
use crate::graph::snapshot::Card;
use crate::graph::snapshot::Doubt;
use crate::graph::snapshot::Home;
use crate::graph::snapshot::NOWHERE;
use crate::graph::snapshot::Snapshot;
use crate::graph::snapshot::Sources;
use crate::graph::world::Connection;
use crate::graph::world::Edge;
use crate::graph::world::MAX_EDGES;
use crate::graph::world::MAX_NODES;
use crate::graph::world::Node;
use crate::graph::world::Packed;
use crate::graph::world::Unknown;
use crate::graph::world::World;
use crate::graph::world::check_edge;
use crate::graph::world::check_node;

/// The most connections in one graph: a node's connection takes one byte of its card.
pub const MAX_CONNECTIONS: usize = 250;

/// What cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// More than we hold.
    #[error("more than {1} {0} in one graph")]
    TooMany(&'static str, usize),
    /// Two worlds of one connection, or a node outside any.
    #[error("connection `{0}` is here twice")]
    Twice(String),
    /// A node that cannot be.
    #[error("node `{0}`: {1}")]
    Node(String, String),
    /// An edge that cannot be.
    #[error("edge from `{from}` `{is}` to `{to}`: {why}")]
    Edge {
        /// Where it starts.
        from: String,
        /// Its word.
        is: Relation,
        /// Where it ends.
        to: String,
        /// What is wrong.
        why: String,
    },
}

/// The place of a node within one builder. It says nothing of the number that the built graph gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(u32);

/// Collects nodes and edges. One connection after the other: nodes belong to the connection opened last.
#[derive(Debug, Default)]
pub struct Builder {
    homes: Vec<Home>,
    nodes: Vec<Arc<Node>>,
    homes_of: Vec<u8>,
    edges: Vec<(u32, u32, Relation)>,
    texts: HashMap<Arc<str>, u32>,
    told: Vec<(u32, Relation, u32, u32)>,
    doubts: HashMap<u32, Vec<Doubt>>,
}

impl Snapshot {
    /// A graph of nothing.
    pub fn empty() -> Self {
        Builder::default().finish(0)
    }

    /// The graph of these worlds, one per connection.
    pub fn build(revision: u64, worlds: &[World]) -> Result<Self, BuildError> {
        let mut builder = Builder::default();
        worlds.iter().try_for_each(|world| builder.world(world))?;
        builder.build(revision)
    }
}

impl Builder {
    /// Opens a connection; the nodes that follow are its own.
    pub fn connection(&mut self, connection: Connection, as_of: Time) -> Result<(), BuildError> {
        if self.homes.len() >= MAX_CONNECTIONS {
            return Err(BuildError::TooMany("connections", MAX_CONNECTIONS));
        }
        if self.homes.iter().any(|home| home.connection.id == connection.id) {
            return Err(BuildError::Twice(connection.id.to_string()));
        }
        self.homes.push(Home {
            connection,
            as_of,
            workspace: None,
            anonymous: false,
            doubtful: false,
            open_groups: Vec::new(),
            kinds: Box::default(),
            public: Vec::new(),
        });
        Ok(())
    }

    /// Adds a node of the connection opened last. That its id is new is judged by [`Builder::build`].
    pub fn node(&mut self, node: Node) -> Result<Place, BuildError> {
        let refuse = |why: &str| BuildError::Node(node.id.to_string(), why.to_owned());
        if self.nodes.len() >= MAX_NODES {
            return Err(BuildError::TooMany("nodes", MAX_NODES));
        }
        let number = u32::try_from(self.nodes.len()).unwrap_or(NOWHERE);
        let of = u8::try_from(self.homes.len()).unwrap_or(u8::MAX).wrapping_sub(1);
        let Some(home) = self.homes.last_mut() else {
            return Err(refuse("no connection is opened yet"));
        };
        check_node(&node, &home.connection.id).map_err(|why| refuse(&why))?;
        if node.id.kind() == Kind::Workspace {
            if home.workspace.replace(number).is_some() {
                return Err(refuse("one connection has one workspace, and this is another"));
            }
            home.anonymous = node.attributes.get("anonymous") == Some(&Value::Flag(true));
        }
        self.nodes.push(Arc::new(node));
        self.homes_of.push(of);
        Ok(Place(number))
    }

    /// Adds an edge between two nodes. Cost: one push. What is said twice counts once.
    pub fn edge(&mut self, from: Place, is: Relation, to: Place) {
        self.edges.push((from.0, to.0, is));
    }

    /// Says where an edge was read.
    pub fn told_by(&mut self, from: Place, is: Relation, to: Place, source: &str) {
        let next = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        let text = *self.texts.entry(source.into()).or_insert(next);
        self.told.push((from.0, is, to.0, text));
    }

    /// Lists a field of a node as unknown.
    pub fn unknown(&mut self, about: Place, field: &str, why: &str) {
        let doubt = Doubt { field: field.into(), why: Why::said(why.to_owned()) };
        let doubts = self.doubts.entry(about.0).or_default();
        if doubts.iter().all(|known| known.field != doubt.field) {
            doubts.push(doubt);
        }
    }

    /// Adds a whole world.
    pub fn world(&mut self, world: &World) -> Result<(), BuildError> {
        self.connection(world.connection.clone(), world.as_of)?;
        let mut numbers: HashMap<&Id, Place> = HashMap::with_capacity(world.nodes.len());
        for node in &world.nodes {
            let number = self.node(node.clone())?;
            if numbers.insert(&node.id, number).is_some() {
                return Err(BuildError::Node(node.id.to_string(), "it is here twice".to_owned()));
            }
        }
        for edge in &world.edges {
            check_edge(edge).map_err(|why| refuse_edge(edge, why))?;
            let missing = || refuse_edge(edge, "one end is not among the nodes".to_owned());
            let from = *numbers.get(&edge.from).ok_or_else(missing)?;
            let to = *numbers.get(&edge.to).ok_or_else(missing)?;
            self.edge(from, edge.is, to);
            if let Some(source) = &edge.source {
                self.told_by(from, edge.is, to, source);
            }
        }
        for Unknown { about, field, why } in &world.unknown {
            let missing =
                || BuildError::Node(about.to_string(), "unknown, yet not a node".to_owned());
            self.unknown(*numbers.get(about).ok_or_else(missing)?, field, why);
        }
        Ok(())
    }

    /// Adds a world that the store kept, edges by number as they are.
    pub fn packed(&mut self, packed: Packed) -> Result<(), BuildError> {
        let Packed { world, edges, sources, told } = packed;
        let first = u32::try_from(self.nodes.len()).unwrap_or(NOWHERE);
        let of = |number: u32| Place(first.saturating_add(number));
        self.connection(world.connection, world.as_of)?;
        for Unknown { about, field, why } in &world.unknown {
            // They stand in order of id.
            let number = world.nodes.partition_point(|node| node.id < *about);
            self.unknown(of(u32::try_from(number).unwrap_or(NOWHERE)), field, why);
        }
        for node in world.nodes {
            self.node(node)?;
        }
        for (at, (from, to, is)) in edges.into_iter().enumerate() {
            self.edge(of(from), is, of(to));
            let source =
                told.get(at).and_then(|told| sources.get((*told as usize).checked_sub(1)?));
            if let Some(source) = source {
                self.told_by(of(from), is, of(to), source);
            }
        }
        Ok(())
    }

    /// Builds the graph. Its nodes are numbered in order of id.
    pub fn build(mut self, revision: u64) -> Result<Snapshot, BuildError> {
        if self.edges.len() > MAX_EDGES {
            return Err(BuildError::TooMany("edges", MAX_EDGES));
        }
        self.sort_nodes()?;
        for &(from, to, is) in &self.edges {
            let of = |number: u32| self.homes_of.get(number as usize);
            if of(from).is_none() || of(from) != of(to) {
                let name = |number: u32| {
                    self.nodes
                        .get(number as usize)
                        .map_or("-".to_owned(), |node| node.id.to_string())
                };
                let why = "its ends are in different connections".to_owned();
                return Err(BuildError::Edge { from: name(from), is, to: name(to), why });
            }
        }
        Ok(self.finish(revision))
    }

    /// Puts the nodes in order of id, and whatever names their places after them. An id twice is refused.
    fn sort_nodes(&mut self) -> Result<(), BuildError> {
        let id = |number: &u32| self.nodes.get(*number as usize).map(|node| &node.id);
        let mut order: Vec<u32> = (0..).take(self.nodes.len()).collect();
        if !self.nodes.is_sorted_by(|a, b| a.id <= b.id) {
            order.sort_by(|a, b| id(a).cmp(&id(b)));
        }
        for (a, b) in order.iter().zip(order.iter().skip(1)) {
            if let Some(same) = id(a).filter(|&first| Some(first) == id(b)) {
                return Err(BuildError::Node(same.to_string(), "it is here twice".to_owned()));
            }
        }
        if order.is_sorted() {
            return Ok(());
        }
        let mut moved = vec![NOWHERE; order.len()];
        for (to, &from) in (0_u32..).zip(&order) {
            if let Some(place) = moved.get_mut(from as usize) {
                *place = to;
            }
        }
        let to = |from: u32| moved.get(from as usize).copied().unwrap_or(NOWHERE);
        let at = |from: &u32| *from as usize;
        self.nodes = order.iter().filter_map(|from| self.nodes.get(at(from)).cloned()).collect();
        self.homes_of =
            order.iter().filter_map(|from| self.homes_of.get(at(from)).copied()).collect();
        for (from, end, _) in &mut self.edges {
            (*from, *end) = (to(*from), to(*end));
        }
        for (from, _, end, _) in &mut self.told {
            (*from, *end) = (to(*from), to(*end));
        }
        self.doubts = self.doubts.drain().map(|(about, doubts)| (to(about), doubts)).collect();
        for home in &mut self.homes {
            home.workspace = home.workspace.map(to);
        }
        Ok(())
    }

    fn finish(mut self, revision: u64) -> Snapshot {
        let edges = std::mem::take(&mut self.edges);
        let (into, out) = pack(self.nodes.len(), &edges);
        drop(edges);
        let cards: Vec<Card> =
            self.nodes.iter().zip(&self.homes_of).map(|(node, &of)| card(node, of)).collect();
        let mut snapshot = Snapshot {
            revision,
            homes: Arc::from([]),
            index: Index::of(&self.nodes),
            nodes: self.nodes.into(),
            cards: Arc::from([]),
            idle: Arc::from([]),
            into,
            out,
            nested: Arc::default(),
            sources: Arc::new(sources(self.texts, self.told)),
            doubts: Arc::new(self.doubts),
        };
        snapshot.derive(self.homes, cards);
        snapshot
    }
}

fn refuse_edge(edge: &Edge, why: String) -> BuildError {
    BuildError::Edge { from: edge.from.to_string(), is: edge.is, to: edge.to.to_string(), why }
}

fn sources(texts: HashMap<Arc<str>, u32>, told: Vec<(u32, Relation, u32, u32)>) -> Sources {
    let mut order: Vec<(u32, Arc<str>)> = texts.into_iter().map(|(text, at)| (at, text)).collect();
    order.sort();
    let packed =
        |(from, is, to, text): (u32, Relation, u32, u32)| (from, is.code() << 28 | to, text);
    let mut told: Vec<(u32, u32, u32)> = told.into_iter().map(packed).collect();
    told.sort_unstable();
    told.dedup_by_key(|entry| (entry.0, entry.1));
    Sources { texts: order.into_iter().map(|(_, text)| text).collect(), told }
}
