//! Questions about access, answered from a snapshot: who can, can this one, and by which paths. The same answers for the
//! API, the pages and the offline commands.

use schemars::JsonSchema;
use serde::Serialize;

use crate::graph::Known;
use crate::graph::Level;
use crate::graph::LookupError;
use crate::graph::NodeNo;
use crate::graph::Path;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::Time;
use crate::graph::Why;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// The name finds nothing, or several.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// No such level.
    #[error("`{0}` is not a level: use read, write, create, admin or owner")]
    Level(String),
}

/// Everyone who holds a level on a resource.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WhoCan {
    /// The level that was asked for.
    pub action: String,
    /// The resource.
    pub resource: Named,
    /// Whether also anyone at all, signed in or not: it is public.
    pub anyone: bool,
    /// Those with an account or key; groups are resolved to who is in them.
    pub who: Vec<Holder>,
    /// Why there may be more; null: this is all.
    pub unknown: Option<String>,
    /// What it was read from.
    pub graph: GraphAsOf,
}

/// Whether an identity holds a level on a resource.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Can {
    /// The identity.
    pub identity: Named,
    /// The level that was asked for.
    pub action: String,
    /// The resource.
    pub resource: Named,
    /// Whether it can; null: that cannot be told.
    pub can: Option<bool>,
    /// The level that what is known gives.
    pub level: Level,
    /// How, a line for each path.
    pub via: Vec<String>,
    /// Why it cannot be told.
    pub unknown: Option<String>,
    /// What it was read from.
    pub graph: GraphAsOf,
}

/// Every path from an identity to a resource.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Ways {
    /// The identity.
    pub identity: Named,
    /// The resource.
    pub resource: Named,
    /// The level that what is known gives.
    pub level: Level,
    /// The paths, strongest first.
    pub paths: Vec<Way>,
    /// Whether there are more paths than are listed.
    pub more: bool,
    /// Why the level may be another.
    pub unknown: Option<String>,
    /// What it was read from.
    pub graph: GraphAsOf,
}

/// One path.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Way {
    /// What it gives.
    pub level: Level,
    /// The path as one line for people.
    pub line: String,
    /// From the identity to the resource.
    pub steps: Vec<Step>,
}

/// One edge of a path.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Step {
    /// Id of who or what.
    pub from: String,
    /// The word.
    pub is: Relation,
    /// Id of to whom or what.
    pub to: String,
    /// Where it was read.
    pub source: Option<String>,
}

/// A node: its id and its name as Bitbucket keeps it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Named {
    /// `<connection>/<kind>/<native>`.
    pub id: Option<String>,
    /// Null: Bitbucket did not tell one.
    pub name: Option<String>,
}

/// Somebody who holds the level.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Holder {
    /// Who.
    #[serde(flatten)]
    pub who: Named,
    /// Their level there.
    pub level: Level,
}

/// What an answer was read from.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct GraphAsOf {
    /// Its revision.
    pub revision: u64,
    /// When the oldest of its connections was read; 1970: no graph is loaded.
    pub as_of: Time,
}

fn level(word: &str) -> Result<Level, Unanswered> {
    Level::from_text(word)
        .filter(|level| *level > Level::None)
        .ok_or_else(|| Unanswered::Level(word.chars().take(40).collect()))
}

fn named(graph: &Snapshot, node: NodeNo) -> Named {
    let found = graph.node(node);
    Named {
        id: found.map(|node| node.id.to_string()),
        name: found.and_then(|node| node.name.as_deref()).map(str::to_owned),
    }
}

fn as_of(graph: &Snapshot) -> GraphAsOf {
    GraphAsOf { revision: graph.revision(), as_of: graph.as_of() }
}

fn told(why: Option<&Why>) -> Option<String> {
    why.map(|why| why.as_str().to_owned())
}

/// Everyone who holds at least this level on the resource.
pub fn who_can(graph: &Snapshot, action: &str, resource: &str) -> Result<WhoCan, Unanswered> {
    let wanted = level(action)?;
    let place = graph.resolve(resource)?;
    let holders = graph.who_can(wanted, place);
    let holder = |node: &NodeNo| Holder {
        who: named(graph, *node),
        level: graph.effective(*node, place).level,
    };
    Ok(WhoCan {
        action: action.to_owned(),
        resource: named(graph, place),
        anyone: holders.anyone,
        who: holders.listed.nodes.iter().map(holder).collect(),
        unknown: told(holders.listed.unknown.as_ref()),
        graph: as_of(graph),
    })
}

/// Whether an identity holds at least this level, and how.
pub fn can(
    graph: &Snapshot,
    identity: &str,
    action: &str,
    resource: &str,
) -> Result<Can, Unanswered> {
    let wanted = level(action)?;
    let (who, place) = (graph.resolve(identity)?, graph.resolve(resource)?);
    let answer = graph.can(who, wanted, place);
    let unknown = match &answer {
        Known::Unknown(why) => Some(why),
        Known::Value(_) | Known::Nothing => None,
    };
    Ok(Can {
        identity: named(graph, who),
        action: action.to_owned(),
        resource: named(graph, place),
        can: answer.value().copied(),
        level: graph.effective(who, place).level,
        via: graph.paths(who, place).all.iter().map(|path| graph.line(who, path)).collect(),
        unknown: told(unknown),
        graph: as_of(graph),
    })
}

/// Every path from an identity to the resource.
pub fn paths(graph: &Snapshot, identity: &str, resource: &str) -> Result<Ways, Unanswered> {
    let (who, place) = (graph.resolve(identity)?, graph.resolve(resource)?);
    let found = graph.paths(who, place);
    let effective = graph.effective(who, place);
    Ok(Ways {
        identity: named(graph, who),
        resource: named(graph, place),
        level: effective.level,
        paths: found.all.iter().map(|path| way(graph, who, path)).collect(),
        more: found.more,
        unknown: told(effective.unknown.as_ref()),
        graph: as_of(graph),
    })
}

fn way(graph: &Snapshot, who: NodeNo, path: &Path) -> Way {
    let step = |step: &crate::graph::Step| Step {
        from: step.from.to_string(),
        is: step.is,
        to: step.to.to_string(),
        source: step.source.clone(),
    };
    Way {
        level: path.level,
        line: graph.line(who, path),
        steps: path.steps.iter().map(step).collect(),
    }
}
