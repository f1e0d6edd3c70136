//! A world as single statements, and what one world says that another did not: what history is written in.
//!
//! One statement is one thing that can begin and end by itself: that a node is there, one of its attributes, one edge,
//! one gap. What only tells how much a thing is used (when a key was used last, whether a runner is busy) is left out:
//! it changes with every look and says nothing about who may do what.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Relation;
use crate::graph::Time;
use crate::graph::attribute::Value;
use crate::graph::world::Connection;
use crate::graph::world::Edge;
use crate::graph::world::Node;
use crate::graph::world::Unknown;
use crate::graph::world::World;

/// The word under which a node's name stands among its attributes.
pub const NAME: &str = "name";

/// What kind of thing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sort {
    /// A node is there.
    Node,
    /// A node has an attribute, or its name.
    Attribute,
    /// An edge holds.
    Edge,
    /// Something could not be learned.
    Unknown,
}

impl Sort {
    /// Its number, 0 to 3.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The sort of a number.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Node),
            1 => Some(Self::Attribute),
            2 => Some(Self::Edge),
            3 => Some(Self::Unknown),
            _ => None,
        }
    }
}

/// One statement, as words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Statement {
    /// What kind of thing is said.
    pub sort: Sort,
    /// The id of the node it is about; of an edge, where it begins.
    pub about: String,
    /// The attribute, the word of the edge, or the field that is unknown; empty for a node.
    pub says: String,
    /// The value as JSON, where the edge ends, or why it is unknown; empty for a node.
    pub what: String,
    /// Of an edge: where it was read.
    pub source: Option<String>,
}

/// What came and what went from one world to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// What holds no longer.
    pub ended: Vec<Statement>,
    /// What holds from now on.
    pub began: Vec<Statement>,
}

impl Delta {
    /// Whether nothing changed.
    pub const fn is_empty(&self) -> bool {
        self.ended.is_empty() && self.began.is_empty()
    }

    /// What the second world says and the first did not, and the other way round; all of the second without a first.
    /// Cost: both are sorted once.
    pub fn between(before: Option<&World>, after: &World) -> Self {
        let old = before.map(said).unwrap_or_default();
        let new = said(after);
        let mut delta = Self::default();
        let (mut left, mut right) = (old.iter().peekable(), new.iter().peekable());
        loop {
            let order = match (left.peek(), right.peek()) {
                (Some(old), Some(new)) => old.key().cmp(&new.key()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return delta,
            };
            let (old, new) = match order {
                Ordering::Less => (left.next(), None),
                Ordering::Greater => (None, right.next()),
                Ordering::Equal => (left.next(), right.next()),
            };
            if old != new {
                delta.ended.extend(old.map(Said::in_words));
                delta.began.extend(new.map(Said::in_words));
            }
        }
    }
}

/// What is said of what, borrowed from a world.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Said<'w> {
    sort: Sort,
    about: &'w str,
    says: &'w str,
    what: What<'w>,
    source: Option<&'w str>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What<'w> {
    Nothing,
    Text(&'w str),
    Name(&'w str),
    Value(&'w Value),
}

impl<'w> Said<'w> {
    /// By what it is found again when it ends: an edge by both its ends, anything else whatever it says.
    fn key(&self) -> (&'w str, Sort, &'w str, &'w str) {
        let to = match (self.sort, self.what) {
            (Sort::Edge, What::Text(to)) => to,
            _ => "",
        };
        (self.about, self.sort, self.says, to)
    }

    fn in_words(&self) -> Statement {
        Statement {
            sort: self.sort,
            about: self.about.to_owned(),
            says: self.says.to_owned(),
            what: match self.what {
                What::Nothing => String::new(),
                What::Text(text) => text.to_owned(),
                What::Name(name) => json(&name),
                What::Value(value) => json(value),
            },
            source: self.source.map(ToOwned::to_owned),
        }
    }
}

fn json(value: &impl serde::Serialize) -> String {
    // A text or an attribute's value is always JSON.
    serde_json::to_string(value).unwrap_or_default()
}

/// Everything a world says, in order, each once.
fn said(world: &World) -> Vec<Said<'_>> {
    let mut all = Vec::with_capacity(world.nodes.len() * 5 + world.edges.len());
    for node in &world.nodes {
        let about = node.id.as_str();
        let of = |says, what| Said { sort: Sort::Attribute, about, says, what, source: None };
        all.push(Said { sort: Sort::Node, says: "", what: What::Nothing, ..of("", What::Nothing) });
        all.extend(node.name.as_deref().map(|name| of(NAME, What::Name(name))));
        let lasting = node.attributes.iter().filter(|(name, _)| !is_passing(node.id.kind(), name));
        all.extend(lasting.map(|(name, value)| of(name, What::Value(value))));
    }
    all.extend(world.edges.iter().map(|edge| Said {
        sort: Sort::Edge,
        about: edge.from.as_str(),
        says: edge.is.as_str(),
        what: What::Text(edge.to.as_str()),
        source: edge.source.as_deref(),
    }));
    all.extend(world.unknown.iter().map(|unknown| Said {
        sort: Sort::Unknown,
        about: unknown.about.as_str(),
        says: &unknown.field,
        what: What::Text(&unknown.why),
        source: None,
    }));
    all.sort_by(|a, b| a.key().cmp(&b.key()));
    all.dedup_by(|b, a| a.key() == b.key());
    all
}

/// Whether an attribute only tells of use.
pub fn is_passing(kind: Kind, attribute: &str) -> bool {
    attribute == "last_used_at" || (kind == Kind::Runner && attribute == "state")
}

/// A statement that cannot be read as part of a world.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a kept statement cannot be read: {0}")]
pub struct StatementError(String);

impl World {
    /// The world that says exactly this. What is said of a node that is not there is left out: it ended with it.
    pub fn of_statements(
        connection: Connection,
        as_of: Time,
        statements: impl IntoIterator<Item = Statement>,
    ) -> Result<Self, StatementError> {
        let mut nodes: BTreeMap<String, Node> = BTreeMap::new();
        let (mut attributes, mut edges, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
        for statement in statements {
            match statement.sort {
                Sort::Node => {
                    let node =
                        Node { id: id(&statement.about)?, name: None, attributes: BTreeMap::new() };
                    nodes.insert(statement.about, node);
                }
                Sort::Attribute => attributes.push(statement),
                Sort::Edge => edges.push(statement),
                Sort::Unknown => unknown.push(statement),
            }
        }
        for statement in attributes {
            if let Some(node) = nodes.get_mut(&statement.about) {
                attribute(node, &statement)?;
            }
        }
        let mut world = Self::new(connection, as_of);
        let known = |text: &str| nodes.get(text).map(|node| node.id.clone());
        for Statement { about, says, what, source, .. } in edges {
            let is = Relation::from_text(&says).ok_or(StatementError(says))?;
            if let (Some(from), Some(to)) = (known(&about), known(&what)) {
                world.edges.push(Edge { from, is, to, source });
            }
        }
        for Statement { about, says, what, .. } in unknown {
            if let Some(about) = known(&about) {
                world.unknown.push(Unknown { about, field: says, why: what });
            }
        }
        world.nodes = nodes.into_values().collect();
        Ok(world)
    }
}

fn id(text: &str) -> Result<Id, StatementError> {
    text.parse().map_err(|error: crate::graph::IdError| StatementError(error.to_string()))
}

fn attribute(node: &mut Node, statement: &Statement) -> Result<(), StatementError> {
    let value: Value =
        serde_json::from_str(&statement.what).map_err(|error| StatementError(error.to_string()))?;
    match (statement.says.as_str(), value) {
        (NAME, Value::Text(name)) => node.name = Some(name),
        (_, value) => {
            node.attributes.insert(statement.says.clone(), value);
        }
    }
    Ok(())
}
