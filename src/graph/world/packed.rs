//! A world as the store keeps it: names by number, and an edge in four bytes, so that ten million of them are read in the
//! time that their JSON would take to be found too large. What is kept is checked where it is written; read back, it is
//! believed but for its numbers, which must lead somewhere.

use std::collections::BTreeMap;
use std::collections::HashMap;

use serde::Deserialize;
use serde::Serialize;

use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Product;
use crate::graph::Relation;
use crate::graph::Time;
use crate::graph::attribute::Value;
use crate::graph::world::Connection;
use crate::graph::world::Edge;
use crate::graph::world::Node;
use crate::graph::world::Unknown;
use crate::graph::world::World;

/// What a packed world begins with; a world file begins with a brace.
const HEAD: &[u8] = b"packed world 1\n";

/// How many bits of an edge's number tell where it ends; its word stands above them.
const TO_BITS: u32 = 28;

/// A packed world that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackedError {
    /// An end of an edge, or what is unknown, is not among the nodes.
    #[error("`{0}` is not among the nodes")]
    Missing(String),
    /// Cut short, of another program, or with a number that leads nowhere.
    #[error("this is not a packed world: {0}")]
    Form(String),
}

/// A packed world, opened: all of it but the edges, and those by the numbers of its nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Packed {
    /// Without its edges.
    pub world: World,
    /// From, to and word, in order of from, word and to.
    pub(in crate::graph) edges: Vec<(u32, u32, Relation)>,
    /// Where edges were read.
    pub(in crate::graph) sources: Vec<String>,
    /// For each edge its source, counted from 1, and 0 for none. Empty: none has one.
    pub(in crate::graph) told: Vec<u32>,
}

/// The bytes, in [`postcard`]'s form.
#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    connection: (&'a str, bool, Option<&'a str>),
    as_of: i64,
    /// Names of attributes and fields, reasons, sources: each once.
    words: Vec<&'a str>,
    #[serde(borrow)]
    nodes: Vec<WireNode<'a>>,
    /// How many edges start at each node.
    counts: Vec<u32>,
    /// Four bytes an edge, little end first: its word above, where it ends below.
    edges: &'a [u8],
    /// A word for each edge, counted from 1; nothing where no edge has one.
    told: Vec<u32>,
    /// Node, field, reason.
    unknown: Vec<(u32, u32, u32)>,
}

#[derive(Serialize, Deserialize)]
struct WireNode<'a> {
    kind: u8,
    native: &'a str,
    name: Option<&'a str>,
    #[serde(borrow)]
    attributes: Vec<(u32, WireValue<'a>)>,
}

#[derive(Serialize, Deserialize)]
enum WireValue<'a> {
    Nothing,
    Flag(bool),
    Whole(u64),
    Text(&'a str),
    #[serde(borrow)]
    List(Vec<&'a str>),
}

/// Words by number, each once.
#[derive(Default)]
struct Words<'a> {
    all: Vec<&'a str>,
    numbers: HashMap<&'a str, u32>,
}

impl<'a> Words<'a> {
    fn number(&mut self, word: &'a str) -> u32 {
        let next = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        *self.numbers.entry(word).or_insert_with(|| {
            self.all.push(word);
            next
        })
    }
}

/// Whether these bytes are a packed world.
pub fn is_packed(bytes: &[u8]) -> bool {
    bytes.starts_with(HEAD)
}

/// Packs a world. Equal worlds become equal bytes; what is said twice is kept once.
pub fn pack(world: &World) -> Result<Vec<u8>, PackedError> {
    let mut words = Words::default();
    let mut nodes: Vec<&Node> = world.nodes.iter().collect();
    nodes.sort_by(|a, b| a.id.cmp(&b.id));
    let numbers: HashMap<&Id, u32> = nodes.iter().map(|node| &node.id).zip(0..).collect();
    let number = |id: &Id| {
        numbers.get(id).copied().ok_or_else(|| PackedError::Missing(id.as_str().to_owned()))
    };
    let edges = numbered(&world.edges, number)?;
    let mut counts = vec![0; nodes.len()];
    let mut packed = Vec::with_capacity(edges.len() * 4);
    for (from, is, to, _) in &edges {
        if let Some(count) = counts.get_mut(*from as usize) {
            *count += 1;
        }
        packed.extend_from_slice(&(is.code() << TO_BITS | to).to_le_bytes());
    }
    let some = edges.iter().any(|(.., source)| source.is_some());
    let told = edges.iter().filter(|_| some);
    let told = told.map(|edge| edge.3.map_or(0, |source| words.number(source) + 1)).collect();
    let mut unknown: Vec<&Unknown> = world.unknown.iter().collect();
    unknown.sort();
    unknown.dedup_by(|b, a| (&a.about, &a.field) == (&b.about, &b.field));
    let unknown = unknown.into_iter().map(|Unknown { about, field, why }| {
        Ok((number(about)?, words.number(field), words.number(why)))
    });
    let unknown = unknown.collect::<Result<_, PackedError>>()?;
    let nodes = nodes.into_iter().map(|node| WireNode::of(node, &mut words)).collect();
    let Connection { id, product, name } = &world.connection;
    let wire = Wire {
        connection: (id.as_str(), *product == Product::Cloud, name.as_deref()),
        as_of: world.as_of.millis(),
        words: words.all,
        nodes,
        counts,
        edges: &packed,
        told,
        unknown,
    };
    postcard::to_extend(&wire, HEAD.to_vec()).map_err(form)
}

/// An edge: from, word, to, and where it was read.
type Numbered<'e> = (u32, Relation, u32, Option<&'e str>);

/// Edges by the numbers of their ends, in order of from, word and to, each once.
fn numbered<'e>(
    edges: &'e [Edge],
    number: impl Fn(&Id) -> Result<u32, PackedError>,
) -> Result<Vec<Numbered<'e>>, PackedError> {
    let one = |edge: &'e Edge| {
        Ok((number(&edge.from)?, edge.is, number(&edge.to)?, edge.source.as_deref()))
    };
    let mut edges = edges.iter().map(one).collect::<Result<Vec<_>, PackedError>>()?;
    edges.sort_unstable();
    edges.dedup_by_key(|edge| (edge.0, edge.1, edge.2));
    Ok(edges)
}

impl<'a> WireNode<'a> {
    fn of(node: &'a Node, words: &mut Words<'a>) -> Self {
        let attribute = |(name, value): (&'a String, &'a Value)| {
            let value = match value {
                Value::Nothing => WireValue::Nothing,
                Value::Flag(flag) => WireValue::Flag(*flag),
                Value::Whole(whole) => WireValue::Whole(*whole),
                Value::Text(text) => WireValue::Text(text),
                Value::List(texts) => WireValue::List(texts.iter().map(String::as_str).collect()),
            };
            (words.number(name), value)
        };
        Self {
            kind: node.id.kind() as u8,
            native: node.id.native(),
            name: node.name.as_deref(),
            attributes: node.attributes.iter().map(attribute).collect(),
        }
    }
}

impl Packed {
    /// Opens a packed world. Cost: some tens of milliseconds for a million edges.
    pub fn open(bytes: &[u8]) -> Result<Self, PackedError> {
        let wire = bytes.strip_prefix(HEAD).ok_or_else(|| nowhere("its head"))?;
        let wire: Wire<'_> = postcard::from_bytes(wire).map_err(form)?;
        let (id, cloud, name) = wire.connection;
        let id: ConnectionId = id.parse().map_err(|_| nowhere("its connection"))?;
        let product = if cloud { Product::Cloud } else { Product::DataCenter };
        let word =
            |number: u32| wire.words.get(number as usize).copied().ok_or_else(|| nowhere("a word"));
        let nodes = wire.nodes.iter().map(|node| node.open(&id, word));
        let nodes = nodes.collect::<Result<Vec<Node>, _>>()?;
        let unknown = wire.unknown.iter().map(|&(about, field, why)| {
            let about = nodes.get(about as usize).ok_or_else(|| nowhere("a node"))?;
            let (field, why) = (word(field)?.to_owned(), word(why)?.to_owned());
            Ok(Unknown { about: about.id.clone(), field, why })
        });
        let unknown = unknown.collect::<Result<_, PackedError>>()?;
        let edges = edges(&wire.counts, wire.edges, nodes.len())?;
        if !wire.told.is_empty() && wire.told.len() != edges.len() {
            return Err(nowhere("its sources"));
        }
        wire.told.iter().filter(|told| **told > 0).try_for_each(|told| word(told - 1).map(drop))?;
        let connection = Connection { id, product, name: name.map(ToOwned::to_owned) };
        let as_of = Time::from_millis(wire.as_of);
        Ok(Self {
            world: World { connection, as_of, nodes, edges: Vec::new(), unknown },
            edges,
            sources: wire.words.iter().map(|&word| word.to_owned()).collect(),
            told: wire.told,
        })
    }

    /// The world with its edges, each by the ids of its ends.
    pub fn into_world(self) -> World {
        let Self { mut world, edges, sources, told } = self;
        let id = |number: u32| world.nodes.get(number as usize).map(|node| node.id.clone());
        let source = |told: &u32| sources.get((*told as usize).checked_sub(1)?).cloned();
        let edge = |(at, (from, to, is)): (usize, (u32, u32, Relation))| {
            let source = told.get(at).and_then(source);
            Some(Edge { from: id(from)?, is, to: id(to)?, source })
        };
        let edges: Vec<Edge> = edges.into_iter().enumerate().filter_map(edge).collect();
        world.edges = edges;
        world
    }
}

/// The edges of a packed world; each end must be one of so many nodes.
fn edges(
    counts: &[u32],
    packed: &[u8],
    nodes: usize,
) -> Result<Vec<(u32, u32, Relation)>, PackedError> {
    let (packed, rest) = packed.as_chunks::<4>();
    let told: u64 = counts.iter().map(|&count| u64::from(count)).sum();
    if counts.len() != nodes || !rest.is_empty() || told != packed.len() as u64 {
        return Err(nowhere("its edges"));
    }
    let mut edges = Vec::with_capacity(packed.len());
    let mut left = packed.iter();
    for (from, &count) in (0_u32..).zip(counts) {
        for bytes in left.by_ref().take(count as usize) {
            let packed = u32::from_le_bytes(*bytes);
            let to = packed & ((1 << TO_BITS) - 1);
            let is = Relation::from_code(packed >> TO_BITS).ok_or_else(|| nowhere("a word"))?;
            if to as usize >= nodes {
                return Err(nowhere("a node"));
            }
            edges.push((from, to, is));
        }
    }
    Ok(edges)
}

impl WireNode<'_> {
    fn open<'w>(
        &self,
        connection: &ConnectionId,
        word: impl Fn(u32) -> Result<&'w str, PackedError>,
    ) -> Result<Node, PackedError> {
        let kind = *Kind::ALL.get(usize::from(self.kind)).ok_or_else(|| nowhere("a kind"))?;
        let id = Id::new(connection, kind, self.native).map_err(form)?;
        let attribute = |(name, value): &(u32, WireValue<'_>)| {
            let value = match value {
                WireValue::Nothing => Value::Nothing,
                WireValue::Flag(flag) => Value::Flag(*flag),
                WireValue::Whole(whole) => Value::Whole(*whole),
                WireValue::Text(text) => Value::Text((*text).to_owned()),
                WireValue::List(texts) => {
                    Value::List(texts.iter().map(|&text| text.to_owned()).collect())
                }
            };
            Ok((word(*name)?.to_owned(), value))
        };
        let attributes = self.attributes.iter().map(attribute);
        let attributes = attributes.collect::<Result<BTreeMap<_, _>, PackedError>>()?;
        Ok(Node { id, name: self.name.map(ToOwned::to_owned), attributes })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape `map_err` wants")]
fn form(error: impl ToString) -> PackedError {
    PackedError::Form(error.to_string())
}

fn nowhere(what: &str) -> PackedError {
    PackedError::Form(format!("{what} leads nowhere"))
}
