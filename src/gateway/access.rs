//! Questions about access, answered from a snapshot: who can, can this one, and by which paths. The same answers for the
//! API, the pages and the offline commands; none of them cares which day's snapshot it is handed.

mod answers;
mod identities;
mod report;

use std::sync::Arc;

use tokio::task::spawn_blocking;

use crate::gateway::Gateway;
use crate::graph::Action;
use crate::graph::Capability;
use crate::graph::Change;
use crate::graph::Demand;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Level;
use crate::graph::LookupError;
use crate::graph::NodeNo;
use crate::graph::Path;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::Step as Edge;
use crate::graph::Target;
use crate::graph::TargetError;
use crate::graph::Why;

pub use answers::Can;
pub use answers::GraphAsOf;
pub use answers::Holder;
pub use answers::Named;
pub use answers::Principal;
pub use answers::Step;
pub use answers::Unsure;
pub use answers::Way;
pub use answers::Ways;
pub use answers::WhoCan;
pub use identities::Identities;
pub use identities::Identity;
pub use identities::KINDS;
pub use identities::Owner;
pub use identities::Wish;
pub use identities::identities;
pub use identities::most_of as most;
pub use report::Report;
pub use report::Row;
pub use report::report;

/// Questions about access that are worked out at a time: over a large estate one can take a core for seconds.
pub const MAX_ASKING: usize = 2;

/// The gateway is ending, or the answer's own work failed.
#[derive(Debug, thiserror::Error)]
#[error("the answer could not be worked out: the gateway is ending")]
pub struct Unworked;

impl Gateway {
    /// Works out an answer beside the threads that take webhooks and checks, and few at a time.
    pub async fn work_out<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unworked> {
        let leave = Arc::clone(&self.asking).acquire_owned().await.map_err(|_| Unworked)?;
        let worked = spawn_blocking(move || {
            let done = work();
            drop(leave);
            done
        });
        worked.await.map_err(|_| Unworked)
    }
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// The name finds nothing, or several.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// No such level or deed.
    #[error("`{0}` is not an action: use one of {words}", words = Action::WORDS.join(", "))]
    Action(String),
    /// The question is not asked of such a thing.
    #[error("{0}")]
    Unfit(String),
    /// The edge that was to be left out.
    #[error(
        "`{0}` names no edge of the graph: write FROM WORD TO, such as `user:mia member group:release-managers`; the words are {words}",
        words = Relation::TEXTS.join(", ")
    )]
    Edge(String),
}

impl From<TargetError> for Unanswered {
    fn from(error: TargetError) -> Self {
        match error {
            TargetError::Lookup(lookup) => Self::Lookup(lookup),
            TargetError::Unfit(why) => Self::Unfit(why),
        }
    }
}

fn action(word: &str) -> Result<Action, Unanswered> {
    Action::from_text(word).ok_or_else(|| Unanswered::Action(short(word)))
}

fn short(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}

pub(in crate::gateway::access) fn named(graph: &Snapshot, node: NodeNo) -> Named {
    let found = graph.node(node);
    Named {
        id: found.map(|node| node.id.to_string()),
        name: found.and_then(|node| node.name.as_deref()).map(str::to_owned),
    }
}

fn named_target(graph: &Snapshot, target: &Target) -> Named {
    match target.reference {
        Some(_) => {
            Named { id: target.id(graph).map(|id| id.to_string()), name: Some(target.name(graph)) }
        }
        None => named(graph, target.node),
    }
}

pub(in crate::gateway::access) fn as_of(graph: &Snapshot) -> GraphAsOf {
    GraphAsOf { revision: graph.revision(), as_of: graph.as_of() }
}

fn told(why: Option<&Why>) -> Option<String> {
    why.map(|why| why.as_str().to_owned())
}

/// Of how many holders a path is told: a path costs more than its holder, and nobody reads thousands.
const MAX_VIA: usize = 200;

/// What is asked of an identity, ready to be asked.
enum Asked {
    Level(Level),
    Deed(Demand),
}

impl Asked {
    fn of(graph: &Snapshot, action: Action, target: &Target) -> Self {
        match action {
            Action::Level(level) => Self::Level(level),
            Action::Capability(deed) => Self::Deed(graph.demand(deed, target)),
        }
    }

    fn can(&self, graph: &Snapshot, who: NodeNo, place: NodeNo) -> Known<bool> {
        match self {
            Self::Level(level) => graph.can(who, *level, place),
            Self::Deed(demand) => graph.meets(who, demand),
        }
    }

    fn lines(&self, graph: &Snapshot, who: NodeNo, place: NodeNo) -> (Vec<String>, bool) {
        match self {
            Self::Level(_) => {
                let paths = graph.paths(who, place);
                (paths.all.iter().map(|path| graph.line(who, path)).collect(), paths.more)
            }
            Self::Deed(demand) => {
                let ways = graph.ways(who, demand);
                (ways.all.into_iter().map(|way| way.line).collect(), ways.more)
            }
        }
    }

    fn missing(&self, graph: &Snapshot, who: NodeNo, place: NodeNo) -> Vec<String> {
        match self {
            Self::Level(level) => {
                let has = graph.effective(who, place).level;
                vec![format!("needs {level} on {}, has {has}", graph.called(place))]
            }
            Self::Deed(demand) => graph.missing(who, demand),
        }
    }

    /// The level where the deed is done.
    fn level(&self, graph: &Snapshot, who: NodeNo, place: NodeNo) -> Level {
        match self {
            Self::Level(_) => graph.effective(who, place).level,
            Self::Deed(demand) => graph.best_level(who, demand),
        }
    }
}

/// Everyone who can do this to the resource.
pub fn who_can(graph: &Snapshot, word: &str, resource: &str) -> Result<WhoCan, Unanswered> {
    let action = action(word)?;
    let target = graph.target(action, resource)?;
    let place = target.node;
    let asked = Asked::of(graph, action, &target);
    let (anyone, nodes, maybe, unknown) = match &asked {
        Asked::Level(level) => {
            let holders = graph.who_can(*level, place);
            (holders.anyone, holders.listed.nodes, Vec::new(), holders.listed.unknown)
        }
        Asked::Deed(demand) => {
            let allowed = graph.who_meets(demand);
            (false, allowed.nodes, allowed.maybe, allowed.unknown)
        }
    };
    let holder = |(at, node): (usize, &NodeNo)| Holder {
        who: named(graph, *node),
        level: asked.level(graph, *node, place),
        via: (at < MAX_VIA)
            .then(|| asked.lines(graph, *node, place).0.into_iter().next())
            .flatten(),
    };
    let unsure = |(node, why): &(NodeNo, Why)| Unsure {
        who: named(graph, *node),
        why: why.as_str().to_owned(),
    };
    Ok(WhoCan {
        action: word.to_owned(),
        resource: named_target(graph, &target),
        anyone,
        who: nodes.iter().enumerate().map(holder).collect(),
        maybe: maybe.iter().map(unsure).collect(),
        unknown: told(unknown.as_ref()),
        graph: as_of(graph),
    })
}

/// Who is meant beside this place.
fn who(graph: &Snapshot, text: &str, place: NodeNo) -> Result<NodeNo, LookupError> {
    match graph.node(place) {
        Some(node) => graph.resolve_in(&node.id.connection(), text),
        None => graph.resolve(text),
    }
}

/// Whether an identity can do this, how, and what it lacks if not.
pub fn can(
    graph: &Snapshot,
    identity: &str,
    word: &str,
    resource: &str,
) -> Result<Can, Unanswered> {
    let action = action(word)?;
    let target = graph.target(action, resource)?;
    let place = target.node;
    let who = who(graph, identity, place)?;
    let asked = Asked::of(graph, action, &target);
    let answer = asked.can(graph, who, place);
    let yes = answer == Known::Value(true);
    let lines = match (&asked, yes) {
        (Asked::Level(_), _) | (Asked::Deed(_), true) => asked.lines(graph, who, place),
        (Asked::Deed(_), false) => (Vec::new(), false),
    };
    let principal = match graph.principal(who) {
        Known::Value(person) => Some(Principal {
            who: named(graph, person),
            can: asked.can(graph, person, place).value().copied(),
        }),
        Known::Nothing | Known::Unknown(_) => None,
    };
    Ok(Can {
        identity: named(graph, who),
        action: word.to_owned(),
        resource: named_target(graph, &target),
        can: answer.value().copied(),
        level: asked.level(graph, who, place),
        via: lines.0,
        more: lines.1,
        missing: if yes { Vec::new() } else { asked.missing(graph, who, place) },
        unknown: told(answer.why()),
        acts_for: principal,
        graph: as_of(graph),
    })
}

/// Every path from an identity to the resource: to a level, or to the deeds that are asked of such a thing.
pub fn paths(graph: &Snapshot, identity: &str, resource: &str) -> Result<Ways, Unanswered> {
    let target = graph.thing(resource)?;
    let who = who(graph, identity, target.node)?;
    let kind = target.kind(graph);
    if matches!(kind, Kind::Repository | Kind::Project | Kind::Workspace) {
        return Ok(level_paths(graph, who, &target));
    }
    let mut ways = Vec::new();
    let (mut more, mut unknown) = (false, None);
    let mut level = Level::None;
    for deed in Capability::of(kind) {
        let demand = graph.demand(*deed, &target);
        let found = graph.ways(who, &demand);
        more |= found.more;
        level = level.max(graph.best_level(who, &demand));
        if let Known::Unknown(why) = graph.meets(who, &demand) {
            unknown = unknown.or(Some(format!("{deed}: {}", why.as_str())));
        }
        ways.extend(found.all.into_iter().map(|way| Way {
            gives: deed.as_str().to_owned(),
            level: way.level,
            line: way.line,
            steps: steps(&way.steps),
        }));
    }
    Ok(Ways {
        identity: named(graph, who),
        resource: named_target(graph, &target),
        level,
        paths: ways,
        more,
        unknown,
        graph: as_of(graph),
    })
}

fn level_paths(graph: &Snapshot, who: NodeNo, target: &Target) -> Ways {
    let found = graph.paths(who, target.node);
    let effective = graph.effective(who, target.node);
    let way = |path: &Path| Way {
        gives: path.level.as_str().to_owned(),
        level: path.level,
        line: graph.line(who, path),
        steps: steps(&path.steps),
    };
    Ways {
        identity: named(graph, who),
        resource: named(graph, target.node),
        level: effective.level,
        paths: found.all.iter().map(way).collect(),
        more: found.more,
        unknown: told(effective.unknown.as_ref()),
        graph: as_of(graph),
    }
}

fn steps(steps: &[Edge]) -> Vec<Step> {
    let step = |step: &Edge| Step {
        from: step.from.to_string(),
        is: step.is,
        to: step.to.to_string(),
        source: step.source.clone(),
    };
    steps.iter().map(step).collect()
}

/// The graph as it would be without one edge, written `FROM WORD TO`: every question can be asked of it.
pub fn without(graph: &Snapshot, edge: &str) -> Result<Snapshot, Unanswered> {
    let wrong = || Unanswered::Edge(short(edge));
    let ends = |is: &Relation| {
        let (from, to) = edge.split_once(&format!(" {is} "))?;
        let (from, to) = (graph.thing(from.trim()).ok()?.node, graph.thing(to.trim()).ok()?.node);
        graph.holds(from, *is, to).then_some((from, *is, to))
    };
    let (from, is, to) = Relation::ALL.iter().find_map(ends).ok_or_else(wrong)?;
    let id = |node: NodeNo| graph.node(node).map(|node| node.id.clone());
    let (Some(from), Some(to)) = (id(from), id(to)) else { return Err(wrong()) };
    graph.change(&[Change::NoEdge(from, is, to)]).map_err(|_| wrong())
}
