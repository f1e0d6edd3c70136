//! The graph as it stood at one moment: immutable, shared by all readers, numbered densely.
//!
//! Every node has a number, 0 upwards in order of id, that holds within one snapshot: what is in order of number is in
//! order of id, and the nodes of a kind stand side by side. Edges are packed into one `u32` per direction:
//! a row of `into` holds `from << 4 | word`, in order, so that the grants of one identity are found by binary search;
//! a row of `out` holds `word << 28 | to`, so that the groups of an identity are the plain numbers at its start.
//! What follows from it (levels, paths, protection) is computed in the files beside this one, never stored here.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Product;
use crate::graph::Relation;
use crate::graph::Time;
use crate::graph::Why;
use crate::graph::attribute::Value;
use crate::graph::hidden::Hidden;
use crate::graph::index::Index;
use crate::graph::rows::Rows;
use crate::graph::rows::below;
use crate::graph::world::Connection;
use crate::graph::world::Node;

/// The number of a node within one snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeNo(pub(in crate::graph) u32);

/// No node: a repository whose project was not told.
pub(in crate::graph) const NOWHERE: u32 = u32::MAX;

/// The graph at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(in crate::graph) revision: u64,
    pub(in crate::graph) homes: Arc<[Home]>,
    pub(in crate::graph) nodes: Arc<[Arc<Node>]>,
    pub(in crate::graph) index: Index,
    pub(in crate::graph) cards: Arc<[Card]>,
    /// A bit for every node that holds nothing itself: groups, who is switched off, and who has no licence.
    pub(in crate::graph) idle: Arc<[u64]>,
    pub(in crate::graph) into: Rows,
    pub(in crate::graph) out: Rows,
    /// All groups of those who are in a group that is itself in a group, in order.
    pub(in crate::graph) nested: Arc<HashMap<u32, Box<[u32]>>>,
    pub(in crate::graph) sources: Arc<Sources>,
    pub(in crate::graph) doubts: Arc<HashMap<u32, Vec<Doubt>>>,
}

/// One connection in the graph.
#[derive(Clone, Debug)]
pub(in crate::graph) struct Home {
    pub connection: Connection,
    pub as_of: Time,
    pub workspace: Option<u32>,
    /// Whether public means everyone, signed in or not.
    pub anonymous: bool,
    /// Whether anything at all is listed as unknown: if not, nobody has to ask.
    pub doubtful: bool,
    /// Groups whose members are not all known: anyone may be in them.
    pub open_groups: Vec<u32>,
    /// Why grants may be there that were not read.
    pub hidden: Hidden,
    /// The numbers of its nodes, by kind.
    pub kinds: Box<[Range<u32>; Kind::ALL.len()]>,
    /// Its public repositories, and its public projects where those open their repositories; in order of number.
    pub public: Vec<u32>,
}

impl Home {
    /// The numbers of its nodes of a kind.
    pub fn of(&self, kind: Kind) -> Range<u32> {
        self.kinds.get(kind as usize).cloned().unwrap_or_default()
    }
}

/// What the hot path needs of a node, eight bytes.
#[derive(Clone, Copy, Debug)]
pub(in crate::graph) struct Card {
    /// Repository: its project.
    pub home: u32,
    pub connection: u8,
    pub kind: Kind,
    pub bits: u8,
    /// Identity: what it is on the whole workspace, by the `RANK_…` bits. Project: the code of its default level.
    pub rank: u8,
}

/// Switched off: its grants sleep.
pub(in crate::graph) const INACTIVE: u8 = 1;
/// Everyone may read it.
pub(in crate::graph) const PUBLIC: u8 = 2;
/// Who can see it was not told.
pub(in crate::graph) const VISIBILITY_UNTOLD: u8 = 4;
/// Its groups stand in `nested`.
pub(in crate::graph) const NESTED: u8 = 8;
/// A `default` edge without a level.
pub(in crate::graph) const DEFAULT_UNTOLD: u8 = 16;

/// Holds a licence (Data Center).
pub(in crate::graph) const RANK_LICENSED: u8 = 1;
/// May create projects.
pub(in crate::graph) const RANK_CREATE: u8 = 2;
/// Administers all of it.
pub(in crate::graph) const RANK_ADMIN: u8 = 4;
/// Reads all of it.
pub(in crate::graph) const RANK_READ: u8 = 8;
/// Writes to all of it.
pub(in crate::graph) const RANK_WRITE: u8 = 16;

/// Where edges were read: sparse, since most estates need it only for proofs.
#[derive(Clone, Debug, Default)]
pub(in crate::graph) struct Sources {
    pub texts: Vec<Arc<str>>,
    /// From, packed word and to, number of the text; in order.
    pub told: Vec<(u32, u32, u32)>,
}

/// A field of a node that could not be learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::graph) struct Doubt {
    pub field: Box<str>,
    pub why: Why,
}

/// An id that the graph does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// No node has this id or name.
    #[error("the graph knows no `{0}`")]
    Unknown(String),
    /// Two or more have this name.
    #[error("`{name}` could be {}: write the id", among.join(", "))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// The ids that have it, in order, at most ten.
        among: Vec<String>,
    },
}

impl Snapshot {
    /// Counts up with every change.
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// When all of it was true: the oldest of its connections; the epoch for an empty graph.
    pub fn as_of(&self) -> Time {
        self.homes.iter().map(|home| home.as_of).min().unwrap_or_default()
    }

    /// When this connection's part was true.
    pub fn as_of_connection(&self, connection: &ConnectionId) -> Option<Time> {
        self.homes.iter().find(|home| home.connection.id == *connection).map(|home| home.as_of)
    }

    /// How many nodes.
    pub fn count(&self) -> usize {
        self.nodes.len()
    }

    /// The number of an id. Cost: one hash.
    pub fn find(&self, id: &Id) -> Option<NodeNo> {
        self.index.find(&self.nodes, id).map(NodeNo)
    }

    /// The node of an id, or `kind:name`: a name, slug, key or nickname. Data Center compares users and groups without
    /// regard to case. Cost: an id is one hash, a name walks all nodes of the kind.
    pub fn resolve(&self, text: &str) -> Result<NodeNo, LookupError> {
        if let Ok(id) = text.parse::<Id>() {
            return self.find(&id).ok_or_else(|| LookupError::Unknown(quoted(text)));
        }
        let missing = || LookupError::Unknown(quoted(text));
        let (kind, name) = text.split_once(':').ok_or_else(missing)?;
        let kind: Kind = kind.parse().map_err(|_| missing())?;
        let mut hits = self.all(kind).filter(|number| self.is_called(number.0, kind, name));
        let first = hits.next().ok_or_else(missing)?;
        let more: Vec<NodeNo> = hits.take(9).collect();
        if more.is_empty() {
            return Ok(first);
        }
        let among = std::iter::once(first).chain(more).filter_map(|number| self.node(number));
        Err(LookupError::Ambiguous {
            name: quoted(text),
            among: among.map(|node| node.id.to_string()).collect(),
        })
    }

    /// Whether a node of this kind has this name, slug, key or nickname.
    pub(in crate::graph) fn is_called(&self, number: u32, kind: Kind, name: &str) -> bool {
        let card = self.card(number);
        let Some(node) = self.nodes.get(number as usize).filter(|_| card.kind == kind) else {
            return false;
        };
        let loose = matches!(kind, Kind::User | Kind::Group)
            && self.product(number) == Some(Product::DataCenter);
        let same =
            |text: &str| text == name || (loose && text.to_lowercase() == name.to_lowercase());
        let attribute = |key: &str| match node.attributes.get(key) {
            Some(Value::Text(text)) => same(text),
            Some(Value::Nothing | Value::Flag(_) | Value::Whole(_) | Value::List(_)) | None => {
                false
            }
        };
        node.name.as_deref().is_some_and(same)
            || ["slug", "key", "nickname"].into_iter().any(attribute)
    }

    /// The node of a number.
    pub fn node(&self, number: NodeNo) -> Option<&Node> {
        self.nodes.get(number.0 as usize).map(AsRef::as_ref)
    }

    /// What Bitbucket calls a node, unchanged; where it has no name, the product's own. Empty for no node.
    pub fn name(&self, number: NodeNo) -> &str {
        let Some(node) = self.node(number) else { return "" };
        node.name.as_deref().unwrap_or(node.id.native())
    }

    /// Every node of a kind, by id.
    pub fn all(&self, kind: Kind) -> impl Iterator<Item = NodeNo> {
        let mut ranges: Vec<Range<u32>> = self.homes.iter().map(|home| home.of(kind)).collect();
        ranges.sort_by_key(|range| range.start);
        ranges.into_iter().flatten().map(NodeNo)
    }

    /// Every node of a kind within one connection, by id.
    pub fn all_of(
        &self,
        connection: &ConnectionId,
        kind: Kind,
    ) -> impl Iterator<Item = NodeNo> + use<> {
        let home = self.homes.iter().find(|home| home.connection.id == *connection);
        home.map(|home| home.of(kind)).unwrap_or_default().map(NodeNo)
    }

    /// An attribute in three values.
    pub fn attribute(&self, number: NodeNo, name: &str) -> Known<&Value> {
        if let Some(why) = self.doubt(number.0, name) {
            return Known::Unknown(why.clone());
        }
        match self.node(number).and_then(|node| node.attributes.get(name)) {
            Some(Value::Nothing) => Known::Nothing,
            Some(value) => Known::Value(value),
            None => Known::Unknown(Why::NOT_TOLD),
        }
    }

    /// A text attribute in three values.
    pub fn text(&self, number: NodeNo, name: &str) -> Known<&str> {
        self.typed(number, name, |value| match value {
            Value::Text(text) => Some(text.as_str()),
            Value::Nothing | Value::Flag(_) | Value::Whole(_) | Value::List(_) => None,
        })
    }

    /// A flag in three values.
    pub fn flag(&self, number: NodeNo, name: &str) -> Known<bool> {
        self.typed(number, name, |value| match value {
            Value::Flag(flag) => Some(*flag),
            Value::Nothing | Value::Whole(_) | Value::Text(_) | Value::List(_) => None,
        })
    }

    /// A list of texts in three values.
    pub fn texts(&self, number: NodeNo, name: &str) -> Known<&[String]> {
        self.typed(number, name, |value| match value {
            Value::List(texts) => Some(texts.as_slice()),
            Value::Nothing | Value::Flag(_) | Value::Whole(_) | Value::Text(_) => None,
        })
    }

    /// A whole number in three values.
    pub fn whole(&self, number: NodeNo, name: &str) -> Known<u64> {
        self.typed(number, name, |value| match value {
            Value::Whole(whole) => Some(*whole),
            Value::Nothing | Value::Flag(_) | Value::Text(_) | Value::List(_) => None,
        })
    }

    fn typed<'s, T>(
        &'s self,
        number: NodeNo,
        name: &str,
        view: impl Fn(&'s Value) -> Option<T>,
    ) -> Known<T> {
        match self.attribute(number, name) {
            Known::Value(value) => Known::or_untold(view(value)),
            Known::Nothing => Known::Nothing,
            Known::Unknown(why) => Known::Unknown(why),
        }
    }

    /// The product a node belongs to.
    pub(in crate::graph) fn product(&self, number: u32) -> Option<Product> {
        self.home(self.card(number)).map(|home| home.connection.product)
    }

    pub(in crate::graph) fn home(&self, card: Card) -> Option<&Home> {
        self.homes.get(usize::from(card.connection))
    }

    /// The card of a number; of a number beyond the last, one that reaches nothing.
    pub(in crate::graph) fn card(&self, number: u32) -> Card {
        const STRANGER: Card = Card {
            home: NOWHERE,
            connection: u8::MAX,
            kind: Kind::Credential,
            bits: INACTIVE,
            rank: 0,
        };
        self.cards.get(number as usize).copied().unwrap_or(STRANGER)
    }

    /// All groups of an identity, through groups too, in order of number. A workspace it is a member of stands among
    /// them: it grants nothing by itself.
    pub(in crate::graph) fn groups(&self, number: u32) -> &[u32] {
        if self.card(number).bits & NESTED != 0
            && let Some(groups) = self.nested.get(&number)
        {
            return groups;
        }
        self.out_of(number, Relation::Member)
    }

    /// Where a word leads from a node, packed, in order. The numbers of members are plain.
    pub(in crate::graph) fn out_of(&self, number: u32, is: Relation) -> &[u32] {
        let row = self.out.row(number);
        let from = below(row, is.code() << 28);
        let rest = row.get(from..).unwrap_or_default();
        // The last word's numbers end with the row.
        let next = (is.code() + 1).checked_shl(28).filter(|next| *next > 0);
        let length = next.map_or(rest.len(), |next| below(rest, next));
        rest.get(..length).unwrap_or_default()
    }

    /// Where a word leads from a node, in order of number.
    pub(in crate::graph) fn outgoing(
        &self,
        number: u32,
        is: Relation,
    ) -> impl Iterator<Item = u32> {
        self.out_of(number, is).iter().map(|packed| packed & MASK)
    }

    /// Who leads to a node, and by which word, in order of number.
    pub(in crate::graph) fn incoming(&self, number: u32) -> impl Iterator<Item = (u32, Relation)> {
        let word = |packed: u32| Some((packed >> 4, Relation::from_code(packed & 15)?));
        self.into.row(number).iter().filter_map(move |&packed| word(packed))
    }

    /// Who is in a group, in order of number.
    pub(in crate::graph) fn members(&self, group: u32) -> impl Iterator<Item = u32> {
        let row = self.into.row(group).iter();
        row.filter(|packed| **packed & 15 == Relation::Member.code()).map(|packed| packed >> 4)
    }

    /// The members of a group whose numbers lie in a range, in order of number.
    pub(in crate::graph) fn members_among(
        &self,
        group: u32,
        range: &Range<u32>,
    ) -> impl Iterator<Item = u32> {
        let row = self.into.row(group);
        let (from, to) = (below(row, range.start << 4), below(row, range.end << 4));
        let row = row.get(from..to).unwrap_or_default().iter();
        row.filter(|packed| **packed & 15 == Relation::Member.code()).map(|packed| packed >> 4)
    }

    /// Who leads to a node by one word, in order of number.
    pub(in crate::graph) fn incoming_by(
        &self,
        number: u32,
        is: Relation,
    ) -> impl Iterator<Item = u32> {
        self.incoming(number).filter(move |(_, word)| *word == is).map(|(from, _)| from)
    }

    /// Why a field of a node is not known, if it is listed so.
    pub(in crate::graph) fn doubt(&self, number: u32, field: &str) -> Option<&Why> {
        let doubts = self.doubts.get(&number)?;
        doubts.iter().find(|doubt| &*doubt.field == field).map(|doubt| &doubt.why)
    }

    /// Why a list or attribute of a node is not known, or not in full; none: it is.
    pub fn why_unknown(&self, number: NodeNo, field: &str) -> Option<&Why> {
        self.doubt(number.0, field)
    }

    /// Whether there is this edge.
    pub fn holds(&self, from: NodeNo, is: Relation, to: NodeNo) -> bool {
        self.outgoing(from.0, is).any(|number| number == to.0)
    }

    /// Where an edge was read.
    pub(in crate::graph) fn source(&self, from: u32, is: Relation, to: u32) -> Option<&str> {
        let told = &self.sources.told;
        let packed = is.code() << 28 | to;
        let at = told.binary_search_by_key(&(from, packed), |entry| (entry.0, entry.1)).ok()?;
        let text = self.sources.texts.get(told.get(at)?.2 as usize)?;
        Some(text)
    }

    /// Ids of these numbers, in order of id.
    pub(in crate::graph) fn ids(&self, numbers: impl IntoIterator<Item = u32>) -> Vec<Id> {
        let node = |number| self.node(NodeNo(number)).map(|node| node.id.clone());
        let mut ids: Vec<Id> = numbers.into_iter().filter_map(node).collect();
        ids.sort();
        ids.dedup();
        ids
    }
}

/// The number in a packed outgoing edge.
pub(in crate::graph) const MASK: u32 = (1 << 28) - 1;

/// What a message may quote of a foreign text: at most 120 characters, controls escaped.
pub(in crate::graph) fn quoted(text: &str) -> String {
    text.chars().take(120).flat_map(char::escape_debug).collect()
}
