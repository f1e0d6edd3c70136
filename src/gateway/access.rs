//! Questions about access, answered from a snapshot: who can, can this one, and by which paths. The same answers for the
//! API, the pages and the offline commands.

use serde_json::Value;
use serde_json::json;

use crate::graph::Known;
use crate::graph::Level;
use crate::graph::LookupError;
use crate::graph::NodeNo;
use crate::graph::Snapshot;

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

fn level(word: &str) -> Result<Level, Unanswered> {
    Level::from_text(word)
        .filter(|level| *level > Level::None)
        .ok_or_else(|| Unanswered::Level(word.chars().take(40).collect()))
}

fn named(graph: &Snapshot, node: NodeNo) -> Value {
    let found = graph.node(node);
    json!({
        "id": found.map(|node| node.id.as_str()),
        "name": found.and_then(|node| node.name.as_deref()),
    })
}

/// Everyone who holds at least this level on the resource.
pub fn who_can(graph: &Snapshot, action: &str, resource: &str) -> Result<Value, Unanswered> {
    let wanted = level(action)?;
    let place = graph.resolve(resource)?;
    let holders = graph.who_can(wanted, place);
    let who: Vec<Value> = holders
        .listed
        .nodes
        .iter()
        .map(|node| {
            let found = graph.node(*node);
            json!({
                "id": found.map(|node| node.id.as_str()),
                "name": found.and_then(|node| node.name.as_deref()),
                "level": graph.effective(*node, place).level,
            })
        })
        .collect();
    Ok(json!({
        "action": action,
        "resource": named(graph, place),
        "anyone": holders.anyone,
        "who": who,
        "unknown": holders.listed.unknown.as_ref().map(crate::graph::Why::as_str),
        "graph": {"revision": graph.revision(), "as_of": graph.as_of()},
    }))
}

/// Whether an identity holds at least this level, and how.
pub fn can(
    graph: &Snapshot,
    identity: &str,
    action: &str,
    resource: &str,
) -> Result<Value, Unanswered> {
    let wanted = level(action)?;
    let (who, place) = (graph.resolve(identity)?, graph.resolve(resource)?);
    let effective = graph.effective(who, place);
    let answer = graph.can(who, wanted, place);
    let via: Vec<String> =
        graph.paths(who, place).all.iter().map(|path| graph.line(who, path)).collect();
    let unknown = match &answer {
        Known::Unknown(why) => Some(why.as_str()),
        Known::Value(_) | Known::Nothing => None,
    };
    Ok(json!({
        "identity": named(graph, who),
        "action": action,
        "resource": named(graph, place),
        "can": answer.value(),
        "level": effective.level,
        "via": via,
        "unknown": unknown,
        "graph": {"revision": graph.revision(), "as_of": graph.as_of()},
    }))
}

/// Every path from an identity to the resource.
pub fn paths(graph: &Snapshot, identity: &str, resource: &str) -> Result<Value, Unanswered> {
    let (who, place) = (graph.resolve(identity)?, graph.resolve(resource)?);
    let found = graph.paths(who, place);
    let paths: Vec<Value> = found
        .all
        .iter()
        .map(|path| {
            let steps: Vec<Value> = path
                .steps
                .iter()
                .map(|step| json!({"from": step.from, "is": step.is, "to": step.to, "source": step.source}))
                .collect();
            json!({"level": path.level, "line": graph.line(who, path), "steps": steps})
        })
        .collect();
    let effective = graph.effective(who, place);
    Ok(json!({
        "identity": named(graph, who),
        "resource": named(graph, place),
        "level": effective.level,
        "paths": paths,
        "more": found.more,
        "unknown": effective.unknown.as_ref().map(crate::graph::Why::as_str),
        "graph": {"revision": graph.revision(), "as_of": graph.as_of()},
    }))
}
