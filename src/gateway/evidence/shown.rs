//! What pages and programs are told of evidence: a line of each piece, what was understood of a file, and what follows
//! from a piece for the people and repositories of the graph.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::gateway::evidence::shelf::namesakes;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::NodeNo;
use crate::graph::Snapshot;
use crate::graph::Time;
use crate::posture::evidence::Found;
use crate::posture::evidence::Held;
use crate::posture::evidence::Indexed;
use crate::posture::evidence::Person;
use crate::posture::evidence::piece::Content;
use crate::posture::evidence::piece::EvidenceKind;
use crate::posture::evidence::piece::Head;
use crate::words;

/// People, repositories or rows that one answer lists; the others are counted.
pub const MAX_LISTED: usize = 1_000;

words! {
    /// Whether a piece counts.
    pub enum EvidenceState {
        /// It does.
        InForce = "in-force",
        /// Its time is over.
        Ended = "ended",
        /// Somebody took it back.
        Withdrawn = "withdrawn",
    }
}

/// A piece in a list.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Evidence")]
pub struct Line {
    /// What is known of it.
    #[serde(flatten)]
    pub head: Head,
    /// Whether it counts.
    pub state: EvidenceState,
}

/// What was understood of a file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "EvidenceUnderstood")]
pub struct Understood {
    /// The piece; of a preview, as it would be.
    #[serde(flatten)]
    pub line: Line,
    /// Whether nothing was kept.
    pub preview: bool,
    /// Columns that mean nothing here.
    pub ignored: Vec<String>,
    /// Rows that mean somebody of the graph: their number, and whom.
    pub matched: Vec<Matched>,
    /// How many rows do.
    pub matched_rows: usize,
    /// Rows that mean nobody of the graph: people who have no access, or go by another name.
    pub unmatched: Vec<u64>,
    /// How many rows do.
    pub unmatched_rows: usize,
    /// People of the graph of whom it cannot be told which row means them.
    pub unclear: Vec<Matched>,
    /// People of the graph whom no row means.
    pub not_named: usize,
    /// Repositories of the graph by class; those that the manifest leaves out stand under the empty text.
    pub classes: BTreeMap<String, usize>,
}

/// A row and whom it means.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "EvidenceMatch")]
pub struct Matched {
    /// The row; null where that is not clear.
    pub row: Option<u64>,
    /// Id in the graph.
    #[schemars(with = "String")]
    pub id: Id,
    /// What people call them.
    pub name: Option<String>,
    /// Why it is not clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A piece with what follows from it now.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "EvidenceSaid")]
pub struct Said {
    /// The piece.
    #[serde(flatten)]
    pub line: Line,
    /// Of each person or repository of the graph, at most `MAX_LISTED`.
    pub says: Vec<SaidOf>,
    /// How many more there are.
    pub more: usize,
    /// Whether a second factor is demanded of everybody; null where it is none of that, or unknown.
    pub second_factor_enforced: Option<bool>,
    /// Why it is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What follows for one person or repository: of each fact a value, null for none; or its name under `unknown`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "EvidenceSays")]
pub struct SaidOf {
    /// Id in the graph.
    #[schemars(with = "String")]
    pub id: Id,
    /// What people call it.
    pub name: Option<String>,
    /// Whether they have a second factor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_factor: Option<bool>,
    /// When they were last signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_login: Option<Time>,
    /// When they left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<Time>,
    /// How it is classified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Facts that are not known, each with its why.
    pub unknown: BTreeMap<String, String>,
}

impl Line {
    /// A piece as it is at `now`.
    pub fn of(head: &Head, now: Time) -> Self {
        let state = if head.withdrawn.is_some() {
            EvidenceState::Withdrawn
        } else if head.counts(now) {
            EvidenceState::InForce
        } else {
            EvidenceState::Ended
        };
        Self { head: head.clone(), state }
    }
}

/// Nodes of this kind and connection.
fn nodes(graph: &Snapshot, kind: Kind, connection: &ConnectionId) -> Vec<NodeNo> {
    let mine =
        |node: &NodeNo| graph.node(*node).is_some_and(|node| node.id.connection() == *connection);
    graph.all(kind).filter(mine).collect()
}

/// A person of the graph, as evidence is asked about him.
fn person(graph: &Snapshot, user: NodeNo) -> Option<Person<'_>> {
    let node = graph.node(user)?;
    let email = graph.text(user, "email").value().copied();
    Some(Person { id: &node.id, email, name: node.name.as_deref() })
}

/// What a file says to this graph.
pub(super) fn understood(
    graph: &Snapshot,
    indexed: &Arc<Indexed>,
    (ignored, preview): (Vec<String>, bool),
    now: Time,
) -> Understood {
    let head = &indexed.piece.head;
    let mut told = Understood {
        line: Line::of(head, now),
        preview,
        ignored,
        matched: Vec::new(),
        matched_rows: 0,
        unmatched: Vec::new(),
        unmatched_rows: 0,
        unclear: Vec::new(),
        not_named: 0,
        classes: BTreeMap::new(),
    };
    match head.kind {
        EvidenceKind::UserDirectory | EvidenceKind::JoinersLeavers => {
            told.match_people(graph, indexed);
        }
        EvidenceKind::Classification => {
            let alone = Held::new(vec![Arc::clone(indexed)], Arc::default(), now);
            for repository in nodes(graph, Kind::Repository, &head.connection) {
                let class = match alone.class_in(graph, repository) {
                    Known::Value(class) => class,
                    Known::Nothing => String::new(),
                    Known::Unknown(_) => "unknown".to_owned(),
                };
                *told.classes.entry(class).or_default() += 1;
            }
        }
        EvidenceKind::SecondFactorPolicy => {}
    }
    told
}

impl Understood {
    fn match_people(&mut self, graph: &Snapshot, indexed: &Indexed) {
        let connection = &indexed.piece.head.connection;
        let namesakes = namesakes(graph, connection);
        let mut meant: BTreeSet<u64> = BTreeSet::new();
        let people = nodes(graph, Kind::User, connection);
        for who in people.into_iter().filter_map(|user| person(graph, user)) {
            let found = |row, why| Matched {
                row,
                id: who.id.clone(),
                name: who.name.map(str::to_owned),
                why,
            };
            match indexed.find(who, &namesakes) {
                Found::Line(line) => {
                    let row = indexed.content().and_then(|content| content.person(line));
                    let row = row.map(|named| named.row);
                    meant.extend(row);
                    self.matched.push(found(row, None));
                }
                Found::Nowhere => self.not_named += 1,
                Found::Unclear(why) => {
                    self.unclear.push(found(None, Some(why.as_str().to_owned())));
                }
            }
        }
        let rows = indexed.content().into_iter().flat_map(Content::people);
        self.unmatched = rows.map(|who| who.row).filter(|row| !meant.contains(row)).collect();
        (self.matched_rows, self.unmatched_rows) = (meant.len(), self.unmatched.len());
        self.matched.sort_by_key(|matched| matched.row);
        self.matched.truncate(MAX_LISTED);
        self.unmatched.truncate(MAX_LISTED);
        self.unclear.truncate(MAX_LISTED);
    }
}

/// What follows from a piece alone, for everybody or every repository of the graph.
pub(super) fn said(graph: &Snapshot, indexed: &Arc<Indexed>, now: Time) -> Said {
    let head = &indexed.piece.head;
    let connection = &head.connection;
    let alone = Held::new(vec![Arc::clone(indexed)], Arc::new(namesakes(graph, connection)), now);
    let mut said = Said {
        line: Line::of(head, now),
        says: Vec::new(),
        more: 0,
        second_factor_enforced: None,
        why: None,
    };
    let kind = match head.kind {
        EvidenceKind::SecondFactorPolicy => {
            match alone.second_factor_enforced() {
                Known::Value(enforced) => said.second_factor_enforced = Some(enforced),
                Known::Unknown(why) => said.why = Some(why.as_str().to_owned()),
                Known::Nothing => {}
            }
            return said;
        }
        EvidenceKind::Classification => Kind::Repository,
        EvidenceKind::UserDirectory | EvidenceKind::JoinersLeavers => Kind::User,
    };
    let nodes = nodes(graph, kind, connection);
    said.more = nodes.len().saturating_sub(MAX_LISTED);
    let all = nodes.into_iter().take(MAX_LISTED);
    said.says = all.filter_map(|node| SaidOf::node(graph, node, (&alone, head.kind))).collect();
    said
}

impl SaidOf {
    fn node(graph: &Snapshot, node: NodeNo, (held, kind): (&Held, EvidenceKind)) -> Option<Self> {
        let of = graph.node(node)?;
        let name = of.name.clone().or_else(|| graph.full_name(node));
        let mut said = Self {
            id: of.id.clone(),
            name,
            second_factor: None,
            last_login: None,
            left: None,
            class: None,
            unknown: BTreeMap::new(),
        };
        let unknown = &mut said.unknown;
        match kind {
            EvidenceKind::UserDirectory => {
                let who = person(graph, node)?;
                said.second_factor = take("second_factor", held.second_factor(who), unknown);
                said.last_login = take("last_login", held.last_login(who), unknown);
            }
            EvidenceKind::JoinersLeavers => {
                said.left = take("left", held.left(person(graph, node)?), unknown);
            }
            EvidenceKind::Classification => {
                said.class = take("class", held.class_in(graph, node), unknown);
            }
            EvidenceKind::SecondFactorPolicy => {}
        }
        Some(said)
    }
}

fn take<T>(name: &str, told: Known<T>, unknown: &mut BTreeMap<String, String>) -> Option<T> {
    match told {
        Known::Value(value) => Some(value),
        Known::Nothing => None,
        Known::Unknown(why) => {
            unknown.insert(name.to_owned(), why.as_str().to_owned());
            None
        }
    }
}
