//! A world: everything known of one connection, written down. One JSON file, version 1; what was written reads back to
//! the same bytes.
//!
//! ```json
//! {"version":1,"connection":{"id":"acme-cloud","product":"cloud","name":"Acme"},"as_of":"2026-11-21T18:05:00.000Z",
//!  "nodes":[{"id":"acme-cloud/user/…","name":"Mia","active":true}],
//!  "edges":[{"from":"acme-cloud/user/…","is":"write","to":"acme-cloud/repository/…","source":"permissions-config"}],
//!  "unknown":[{"about":"acme-cloud/repository/…","field":"restrictions","why":"the token lacks `repository:admin`"}]}
//! ```
//!
//! Attributes stand beside `id` and `name`; [`attribute`](crate::graph::attribute) lists them. One pair of nodes is
//! joined at most once by one word. Grants lead from the identity to the place:
//!
//! | fact | edge |
//! |---|---|
//! | membership, nested groups | `user` or `group` `member` `group` |
//! | grant on a repository or project (`REPO_CREATE`, `create-repo` = `create`) | identity `read write create admin` `repository` or `project` |
//! | Cloud workspace administrator | `user` `owner` `workspace` (or a group's `admin`) |
//! | Data Center licence, `PROJECT_CREATE`, `ADMIN` and `SYS_ADMIN` | `user` or `group` `licensed`, `create`, `admin` `workspace` |
//! | Data Center default permission | `workspace` `default` `project`, whose level is the project's attribute `default` |
//! | personal project (Data Center) | `user` `owner` `project` |
//! | workspace access token | `token` `read write admin` `workspace` |
//! | an agent, app, token or runner that works for a person | it `acts_for` `user` |
//! | in whose hands a credential is | owner `holds` `token key credential app agent` |
//! | home | `repository` `in` `project`, `project` `in` `workspace`, `variable` `in` its scope, `hook` and `ref` `in` theirs |
//! | branch restriction | `restriction` `restricts` `repository` or `project`; identity `exempt` `restriction` |
//! | environments, runners | `repository` `deploys_to` `environment`; a place `runs_on` `runner` |
//!
//! Not here: what follows from it. That is [`Snapshot`](crate::graph::Snapshot).

mod packed;
mod read;
mod write;

use std::collections::BTreeMap;

use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Product;
use crate::graph::Relation;
use crate::graph::Time;
use crate::graph::attribute::Value;

pub use packed::Packed;
pub use packed::PackedError;
pub use packed::is_packed;
pub use read::WorldError;
pub use read::check_edge;
pub use read::check_node;

/// The version of the world file.
pub const VERSION: u64 = 1;

/// The largest world file, bytes. A larger one would not fit beside the graph that is built from it.
pub const MAX_BYTES: usize = 2 << 30;

/// The most nodes: their numbers take 28 bits beside the word of an edge.
pub const MAX_NODES: usize = 1 << 24;

/// The most edges: four times the largest estate that was measured.
pub const MAX_EDGES: usize = 40_000_000;

/// Everything known of one connection.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    /// Whose it is.
    pub connection: Connection,
    /// When it was true.
    pub as_of: Time,
    /// What exists. Each id once.
    pub nodes: Vec<Node>,
    /// How it hangs together. Each triple of from, is and to once.
    pub edges: Vec<Edge>,
    /// What could not be learned.
    pub unknown: Vec<Unknown>,
}

/// Whose world it is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// Part of every id in the world.
    pub id: ConnectionId,
    /// Cloud or Data Center: what a grant means depends on it.
    pub product: Product,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Something that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its id.
    pub id: Id,
    /// What people call it; for a repository `project-or-workspace/slug`.
    pub name: Option<String>,
    /// What else is known, by the names of [`attribute`](crate::graph::attribute).
    pub attributes: BTreeMap<String, Value>,
}

impl Node {
    /// A node of which nothing but this name is known.
    pub fn new(id: Id, name: &str) -> Self {
        Self { id, name: Some(name.to_owned()), attributes: BTreeMap::new() }
    }

    /// A node whose name is told elsewhere.
    pub const fn unnamed(id: Id) -> Self {
        Self { id, name: None, attributes: BTreeMap::new() }
    }

    /// This node with a text attribute.
    #[must_use]
    pub fn text(self, attribute: &str, value: &str) -> Self {
        self.with(attribute, Value::Text(value.to_owned()))
    }

    /// This node with a flag.
    #[must_use]
    pub fn flag(self, attribute: &str, value: bool) -> Self {
        self.with(attribute, Value::Flag(value))
    }

    /// This node with a number.
    #[must_use]
    pub fn whole(self, attribute: &str, value: u64) -> Self {
        self.with(attribute, Value::Whole(value))
    }

    /// This node with an attribute. Its name and form are judged when the world is read or built.
    #[must_use]
    pub fn with(mut self, attribute: &str, value: Value) -> Self {
        self.attributes.insert(attribute.to_owned(), value);
        self
    }
}

/// What one node is to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Who or what.
    pub from: Id,
    /// The word.
    pub is: Relation,
    /// To whom or what.
    pub to: Id,
    /// Where it was read, for proofs: a route, a table, a file.
    pub source: Option<String>,
}

impl Edge {
    /// An edge without a source.
    pub const fn new(from: Id, is: Relation, to: Id) -> Self {
        Self { from, is, to, source: None }
    }

    /// This edge, read there.
    #[must_use]
    pub fn told_by(mut self, source: &str) -> Self {
        self.source = Some(source.to_owned());
        self
    }
}

/// Something that could not be learned.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Unknown {
    /// About which node.
    pub about: Id,
    /// Which attribute or list of it.
    pub field: String,
    /// Why: a scope, a switch, a plan.
    pub why: String,
}

impl World {
    /// An empty world.
    pub const fn new(connection: Connection, as_of: Time) -> Self {
        Self { connection, as_of, nodes: Vec::new(), edges: Vec::new(), unknown: Vec::new() }
    }

    /// Reads a world file. Errors name the place (which node or edge, counted from 0) and what is wanted.
    pub fn read(bytes: &[u8]) -> Result<Self, WorldError> {
        read::read(bytes)
    }

    /// Writes the world file: nodes by id, edges by from, word and to, one a line, so that two can be compared.
    pub fn write(&self) -> Vec<u8> {
        write::write(self)
    }

    /// The world as the store keeps it: a tenth of the file's size, and read without looking for ids. [`Packed::open`]
    /// reads it. Refused: an end of an edge that is not among the nodes.
    pub fn pack(&self) -> Result<Vec<u8>, PackedError> {
        packed::pack(self)
    }
}
