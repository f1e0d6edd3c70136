//! Reading a world file, strictly: what is misspelt, doubled, foreign or dangling is refused with its place.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Relation;
use crate::graph::Time;
use crate::graph::attribute;
use crate::graph::attribute::MAX_ATTRIBUTES;
use crate::graph::attribute::MAX_FIELD_BYTES;
use crate::graph::attribute::MAX_LIST;
use crate::graph::attribute::MAX_TEXT_BYTES;
use crate::graph::attribute::Value;
use crate::graph::world::Connection;
use crate::graph::world::Edge;
use crate::graph::world::MAX_BYTES;
use crate::graph::world::MAX_EDGES;
use crate::graph::world::MAX_NODES;
use crate::graph::world::Node;
use crate::graph::world::Unknown;
use crate::graph::world::VERSION;
use crate::graph::world::World;

/// A text that is not a world file. Places count from 0, as in the file's lists.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorldError {
    /// More than we hold.
    #[error("the world has {0}, more than the {1} we hold")]
    TooLarge(String, usize),
    /// Not JSON, or not of this form.
    #[error("this is not a world file: {0}")]
    Form(String),
    /// A version we do not know.
    #[error("this world file has version {0}; this program reads version {VERSION}")]
    Version(u64),
    /// Something is wrong with one node, edge or unknown.
    #[error("{list} {number} (`{id}`): {why}")]
    At {
        /// `node`, `edge` or `unknown`.
        list: &'static str,
        /// Its place in that list, from 0.
        number: usize,
        /// The id it has or starts from; empty if it could not be read.
        id: String,
        /// What is wrong, and what is wanted.
        why: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire<'a> {
    #[serde(rename = "version")]
    _version: u64,
    connection: Connection,
    as_of: Time,
    #[serde(borrow)]
    nodes: Vec<&'a RawValue>,
    #[serde(borrow)]
    edges: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    unknown: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireEdge<'a> {
    #[serde(borrow)]
    from: Cow<'a, str>,
    #[serde(borrow)]
    is: Cow<'a, str>,
    #[serde(borrow)]
    to: Cow<'a, str>,
    source: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireUnknown {
    about: Id,
    field: String,
    why: String,
}

/// Reads and checks a world.
pub fn read(bytes: &[u8]) -> Result<World, WorldError> {
    limit("bytes", bytes.len(), MAX_BYTES)?;
    // The version first, so that a newer file is called newer and not misspelt.
    let Version { version } = serde_json::from_slice(bytes).map_err(form)?;
    if version != VERSION {
        return Err(WorldError::Version(version));
    }
    let wire: Wire<'_> = serde_json::from_slice(bytes).map_err(form)?;
    limit("nodes", wire.nodes.len(), MAX_NODES)?;
    limit("edges", wire.edges.len(), MAX_EDGES)?;
    limit("unknown facts", wire.unknown.len(), MAX_NODES)?;
    let home = &wire.connection.id;
    let nodes = each("node", &wire.nodes, |raw| read_node(raw, home))?;
    let ids = distinct(&nodes)?;
    let edges = each("edge", &wire.edges, |raw| read_edge(raw, &ids))?;
    single(&edges)?;
    let unknown = each("unknown", &wire.unknown, |raw| read_unknown(raw, &ids))?;
    defaults(&nodes, &edges)?;
    Ok(World { connection: wire.connection, as_of: wire.as_of, nodes, edges, unknown })
}

#[expect(clippy::needless_pass_by_value, reason = "the shape `map_err` wants")]
fn form(error: serde_json::Error) -> WorldError {
    WorldError::Form(error.to_string())
}

fn limit(what: &str, count: usize, most: usize) -> Result<(), WorldError> {
    if count > most { Err(WorldError::TooLarge(format!("{count} {what}"), most)) } else { Ok(()) }
}

/// A refusal: the id it is about, and why.
type Refusal = (String, String);

fn each<T>(
    list: &'static str,
    raws: &[&RawValue],
    read: impl Fn(&RawValue) -> Result<T, Refusal>,
) -> Result<Vec<T>, WorldError> {
    let place = |(number, raw): (usize, &&RawValue)| {
        read(raw).map_err(|(id, why)| WorldError::At { list, number, id: quoted(&id), why })
    };
    raws.iter().enumerate().map(place).collect()
}

/// What a message may quote of a foreign text: at most 120 characters, controls escaped.
fn quoted(text: &str) -> String {
    text.chars().take(120).flat_map(char::escape_debug).collect()
}

fn read_node(raw: &RawValue, home: &ConnectionId) -> Result<Node, Refusal> {
    let fields: Fields =
        serde_json::from_str(raw.get()).map_err(|error| (String::new(), error.to_string()))?;
    let mut attributes = fields.0;
    let Some(Value::Text(text)) = attributes.remove("id") else {
        return Err((String::new(), "it has no `id`".to_owned()));
    };
    let id: Id =
        text.parse().map_err(|error: crate::graph::IdError| (text.clone(), error.to_string()))?;
    if id.as_str() != text {
        return Err((text, format!("write this id as `{id}`")));
    }
    let name = match attributes.remove("name") {
        None => None,
        Some(Value::Text(name)) => Some(name),
        Some(Value::Nothing | Value::Flag(_) | Value::Whole(_) | Value::List(_)) => {
            return Err((
                text,
                "`name` must be a text; leave it out where there is none".to_owned(),
            ));
        }
    };
    let node = Node { id, name, attributes };
    check_node(&node, home).map_err(|why| (text, why))?;
    Ok(node)
}

/// Whether a node belongs to this connection and says nothing its kind cannot.
pub fn check_node(node: &Node, home: &ConnectionId) -> Result<(), String> {
    if node.id.connection() != *home {
        return Err(format!("it belongs to another connection than `{home}`"));
    }
    if node.name.as_ref().is_some_and(|name| name.len() > MAX_TEXT_BYTES) {
        return Err(format!("its name is longer than {MAX_TEXT_BYTES} bytes"));
    }
    if node.attributes.len() > MAX_ATTRIBUTES {
        return Err(format!("it has more than {MAX_ATTRIBUTES} attributes"));
    }
    node.attributes
        .iter()
        .try_for_each(|(name, value)| check_attribute(node.id.kind(), name, value))
}

fn check_attribute(kind: Kind, name: &str, value: &Value) -> Result<(), String> {
    let Some(form) = attribute::form(kind, name) else { return check_foreign(kind, name, value) };
    if !form.takes(value) {
        return Err(format!("`{name}` must be {}, or null for none", form.wanted()));
    }
    check_length(name, value)
}

/// An attribute we have no meaning for is kept as it is, unless it looks like a misspelt one of ours.
fn check_foreign(kind: Kind, name: &str, value: &Value) -> Result<(), String> {
    let near = attribute::of(kind).iter().find(|ours| one_slip(ours.0.as_bytes(), name.as_bytes()));
    match near {
        Some(ours) => {
            Err(format!("`{}` is not an attribute: did you mean `{}`?", quoted(name), ours.0))
        }
        None if name.len() > MAX_FIELD_BYTES => {
            Err(format!("the name of an attribute is longer than {MAX_FIELD_BYTES} bytes"))
        }
        None => check_length(name, value),
    }
}

/// Whether one letter more, less or other, or two turned round, makes one text the other.
fn one_slip(a: &[u8], b: &[u8]) -> bool {
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (a.get(same..).unwrap_or_default(), b.get(same..).unwrap_or_default());
    match (a, b) {
        ([_, a @ ..], [_, b @ ..]) if a == b => true,
        ([first, second, a @ ..], [third, fourth, b @ ..]) if a == b => {
            first == fourth && second == third
        }
        ([_, a @ ..], b) if a == b => true,
        (a, [_, b @ ..]) => a == b,
        ([..], []) => false,
    }
}

fn check_length(name: &str, value: &Value) -> Result<(), String> {
    let long = |text: &String| text.len() > MAX_TEXT_BYTES;
    match value {
        Value::Text(text) if long(text) => {
            Err(format!("`{name}` is longer than {MAX_TEXT_BYTES} bytes"))
        }
        Value::List(items) if items.len() > MAX_LIST || items.iter().any(long) => Err(format!(
            "`{name}` has more than {MAX_LIST} items, or one over {MAX_TEXT_BYTES} bytes"
        )),
        Value::Nothing | Value::Flag(_) | Value::Whole(_) | Value::Text(_) | Value::List(_) => {
            Ok(())
        }
    }
}

/// The ids by their text: edges share them, so that an id is held once.
type Ids<'n> = HashMap<&'n str, &'n Id>;

fn distinct(nodes: &[Node]) -> Result<Ids<'_>, WorldError> {
    let mut ids = HashMap::with_capacity(nodes.len());
    let mut workspace = None;
    for (number, node) in nodes.iter().enumerate() {
        let at = |why: String| WorldError::At {
            list: "node",
            number,
            id: quoted(node.id.as_str()),
            why,
        };
        if ids.insert(node.id.as_str(), &node.id).is_some() {
            return Err(at("another node has this id".to_owned()));
        }
        if node.id.kind() == Kind::Workspace
            && let Some(first) = workspace.replace(&node.id)
        {
            return Err(at(format!("one connection has one workspace, and `{first}` is another")));
        }
    }
    Ok(ids)
}

fn read_edge(raw: &RawValue, ids: &Ids<'_>) -> Result<Edge, Refusal> {
    let wire: WireEdge<'_> =
        serde_json::from_str(raw.get()).map_err(|error| (String::new(), error.to_string()))?;
    let refuse = |why: String| (wire.from.to_string(), why);
    let end = |text: &str| {
        let missing = || refuse(format!("`{}` is not among the nodes", quoted(text)));
        ids.get(text).copied().cloned().ok_or_else(missing)
    };
    let (from, to) = (end(&wire.from)?, end(&wire.to)?);
    let is = Relation::from_text(&wire.is).ok_or_else(|| {
        refuse(format!("`{}` is not one of {}", quoted(&wire.is), Relation::TEXTS.join(", ")))
    })?;
    let edge = Edge { from, is, to, source: wire.source };
    check_edge(&edge).map_err(|why| (edge.from.as_str().to_owned(), why))?;
    Ok(edge)
}

/// Whether the word can join these kinds, and the source is short.
pub fn check_edge(edge: &Edge) -> Result<(), String> {
    let (from, to) = (edge.from.kind(), edge.to.kind());
    if !edge.is.joins(from, to) {
        return Err(format!("a {} cannot be `{}` to a {}", from.as_str(), edge.is, to.as_str()));
    }
    if edge.from == edge.to {
        return Err(format!("nothing is `{}` to itself", edge.is));
    }
    if edge.source.as_ref().is_some_and(|source| source.len() > MAX_TEXT_BYTES) {
        return Err(format!("its source is longer than {MAX_TEXT_BYTES} bytes"));
    }
    Ok(())
}

/// Each edge once, and one home for each repository and project.
fn single(edges: &[Edge]) -> Result<(), WorldError> {
    let mut seen = HashSet::with_capacity(edges.len());
    let mut homes = HashSet::new();
    for (number, edge) in edges.iter().enumerate() {
        let at = |why: &str| WorldError::At {
            list: "edge",
            number,
            id: quoted(edge.from.as_str()),
            why: why.to_owned(),
        };
        if !seen.insert((edge.from.as_str(), edge.is, edge.to.as_str())) {
            return Err(at("another edge says the same"));
        }
        let housed = edge.is == Relation::In
            && matches!(edge.to.kind(), Kind::Project)
            && edge.from.kind() == Kind::Repository;
        if housed && !homes.insert(edge.from.as_str()) {
            return Err(at("a repository is in one project, and another edge puts it elsewhere"));
        }
    }
    Ok(())
}

fn read_unknown(raw: &RawValue, ids: &Ids<'_>) -> Result<Unknown, Refusal> {
    let WireUnknown { about, field, why } =
        serde_json::from_str(raw.get()).map_err(|error| (String::new(), error.to_string()))?;
    let refuse = |why: String| (about.as_str().to_owned(), why);
    if !ids.contains_key(about.as_str()) {
        return Err(refuse("it is not among the nodes".to_owned()));
    }
    let kind = about.kind();
    if attribute::form(kind, &field).is_none() && !attribute::lists(kind).contains(&field.as_str())
    {
        let lists = attribute::lists(kind).join(", ");
        return Err(refuse(format!(
            "`{}` is neither an attribute of a {} nor one of its lists ({lists})",
            quoted(&field),
            kind.as_str()
        )));
    }
    if why.is_empty() || why.len() > MAX_TEXT_BYTES {
        return Err(refuse(format!("`why` must be a sentence of at most {MAX_TEXT_BYTES} bytes")));
    }
    Ok(Unknown { about, field, why })
}

/// A default permission is one fact in two places: the edge that grants it and the level on the project.
fn defaults(nodes: &[Node], edges: &[Edge]) -> Result<(), WorldError> {
    let granted: HashSet<&Id> =
        edges.iter().filter(|edge| edge.is == Relation::Default).map(|edge| &edge.to).collect();
    for (number, node) in nodes.iter().enumerate() {
        let Some(Value::Text(level)) = node.attributes.get("default") else { continue };
        if level != "none" && !granted.contains(&node.id) {
            return Err(WorldError::At {
                list: "node",
                number,
                id: quoted(node.id.as_str()),
                why: format!(
                    "`default` is `{level}`, but no `default` edge leads from the workspace to it"
                ),
            });
        }
    }
    Ok(())
}

/// The fields of a node, each once.
struct Fields(BTreeMap<String, Value>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> serde::de::Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a node")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, WireValue>()? {
            if fields.insert(name.clone(), value.into()).is_some() {
                return Err(serde::de::Error::custom(format!("`{}` is said twice", quoted(&name))));
            }
        }
        Ok(Fields(fields))
    }
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "an attribute is null, a flag, a whole number, a text or a list of texts"
)]
enum WireValue {
    Nothing(()),
    Flag(bool),
    Whole(u64),
    Text(String),
    List(Vec<String>),
}

impl From<WireValue> for Value {
    fn from(wire: WireValue) -> Self {
        match wire {
            WireValue::Nothing(()) => Self::Nothing,
            WireValue::Flag(flag) => Self::Flag(flag),
            WireValue::Whole(whole) => Self::Whole(whole),
            WireValue::Text(text) => Self::Text(text),
            WireValue::List(list) => Self::List(list),
        }
    }
}
