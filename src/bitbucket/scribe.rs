//! Writes a world down while it is read: nodes and edges once each, gaps where a list could not be read.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::bitbucket::switches::Switches;
use crate::bitbucket::transport::FetchError;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Relation;
use crate::graph::Time;
use crate::graph::World;
use crate::graph::attribute::MAX_LIST;
use crate::graph::attribute::MAX_TEXT_BYTES;
use crate::graph::attribute::Value;
use crate::graph::world::Connection;
use crate::graph::world::Edge;
use crate::graph::world::Node;
use crate::graph::world::Unknown;

/// A world in the making.
pub(crate) struct Scribe {
    connection: Connection,
    switches: Switches,
    nodes: BTreeMap<Id, Node>,
    edges: BTreeMap<(Id, Relation, Id), &'static str>,
    unknown: BTreeSet<Unknown>,
}

impl Scribe {
    pub(crate) fn new(connection: Connection) -> Self {
        Self {
            connection,
            switches: Switches::default(),
            nodes: BTreeMap::new(),
            edges: BTreeMap::new(),
            unknown: BTreeSet::new(),
        }
    }

    /// The same, knowing which hosts are the organisation's own.
    pub(crate) fn switched(mut self, switches: &Switches) -> Self {
        self.switches = switches.clone();
        self
    }

    /// Whether a host is none of the organisation's own; nothing where no own hosts were named.
    pub(crate) fn is_external(&self, host: &str) -> Option<bool> {
        self.switches.is_external(host)
    }

    /// A webhook's host among its attributes, and whether it is none of the organisation's own, where that can be told.
    pub(crate) fn host(&self, node: Node, host: Option<&str>) -> Node {
        let Some(host) = host else { return node };
        let node = node.text("host", host);
        match self.is_external(host) {
            Some(external) => node.flag("external", external),
            None => node,
        }
    }

    /// Whose world it is.
    pub(crate) const fn connection(&self) -> &ConnectionId {
        &self.connection.id
    }

    /// What people call the connection.
    pub(crate) fn name(&self) -> Option<&str> {
        self.connection.name.as_deref()
    }

    /// An id of this connection; none for a native name that cannot be one.
    pub(crate) fn id(&self, kind: Kind, native: &str) -> Option<Id> {
        Id::new(&self.connection.id, kind, native).ok()
    }

    /// Writes a node. What was said of it before stays.
    pub(crate) fn node(&mut self, node: Node) {
        let node = bounded(node);
        match self.nodes.get_mut(&node.id) {
            Some(known) => {
                known.name = known.name.take().or(node.name);
                for (name, value) in node.attributes {
                    known.attributes.entry(name).or_insert(value);
                }
            }
            None => {
                self.nodes.insert(node.id.clone(), node);
            }
        }
    }

    /// Whether a node was written.
    pub(crate) fn knows(&self, id: &Id) -> bool {
        self.nodes.contains_key(id)
    }

    /// The projects and repositories that were written.
    pub(crate) fn places(&self) -> Vec<Id> {
        let place = |id: &&Id| matches!(id.kind(), Kind::Project | Kind::Repository);
        self.nodes.keys().filter(place).cloned().collect()
    }

    /// Joins two nodes that were written; the source is the route that told it.
    pub(crate) fn join(&mut self, from: &Id, is: Relation, to: &Id, source: &'static str) {
        if self.knows(from) && self.knows(to) && is.joins(from.kind(), to.kind()) {
            self.edges.entry((from.clone(), is, to.clone())).or_insert(source);
        }
    }

    /// Notes what could not be learned of a node.
    pub(crate) fn gap(&mut self, about: &Id, field: &str, why: String) {
        let about = about.clone();
        self.unknown.insert(Unknown { about, field: field.to_owned(), why });
    }

    /// The rows of a list, or a gap.
    pub(crate) fn rows<T>(
        &mut self,
        about: &Id,
        field: &str,
        list: Result<Vec<T>, FetchError>,
    ) -> Vec<T> {
        list.unwrap_or_else(|error| {
            self.gap(about, field, error.to_string());
            Vec::new()
        })
    }

    pub(crate) fn finish(self, as_of: Time) -> World {
        let mut world = World::new(self.connection, as_of);
        world.nodes = self.nodes.into_values().collect();
        let edge = |((from, is, to), source): ((Id, Relation, Id), &str)| {
            Edge::new(from, is, to).told_by(source)
        };
        world.edges = self.edges.into_iter().map(edge).collect();
        world.unknown = self.unknown.into_iter().collect();
        world
    }
}

/// Whether a failure ends the whole reading: the rest would fail alike, and the graph of before is better than gaps.
pub(crate) const fn ends_all(error: &FetchError) -> bool {
    matches!(
        error,
        FetchError::Refused { .. } | FetchError::Unreachable | FetchError::Limited { .. }
    )
}

/// A list, or why not; or the error that ends it all.
pub(crate) fn unless_over<T>(
    list: Result<T, FetchError>,
) -> Result<Result<T, FetchError>, FetchError> {
    match list {
        Err(error) if ends_all(&error) => Err(error),
        list => Ok(list),
    }
}

/// Adds to a repository's node how many merged pull requests were looked at, and how many of them nobody but their
/// author approved.
pub(crate) fn merges(
    scribe: &mut Scribe,
    (id, node): (&Id, Node),
    reviewed: Result<Vec<bool>, FetchError>,
) -> Node {
    match reviewed {
        Ok(reviewed) => {
            let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
            let unreviewed = reviewed.iter().filter(|reviewed| !**reviewed).count();
            node.whole("merges_read", count(reviewed.len()))
                .whole("merges_unreviewed", count(unreviewed))
        }
        Err(error) => {
            scribe.gap(id, "merges_read", error.to_string());
            scribe.gap(id, "merges_unreviewed", error.to_string());
            node
        }
    }
}

/// Cuts what a world would refuse: a name somebody chose must not cost the whole graph.
fn bounded(mut node: Node) -> Node {
    if let Some(name) = &mut node.name {
        cut(name);
    }
    for value in node.attributes.values_mut() {
        match value {
            Value::Text(text) => cut(text),
            Value::List(items) => {
                items.truncate(MAX_LIST);
                items.iter_mut().for_each(cut);
            }
            Value::Nothing | Value::Flag(_) | Value::Whole(_) => {}
        }
    }
    node
}

fn cut(text: &mut String) {
    let mut end = MAX_TEXT_BYTES.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}
