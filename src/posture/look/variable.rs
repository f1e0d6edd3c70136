//! A variable as posture rules see it: who can learn its value, not what a flag says of it.

use crate::event::Scope;
use crate::graph::Known;
use crate::graph::Level;
use crate::graph::NodeNo;
use crate::graph::Snapshot;
use crate::policy::subject::variable::Variable;
use crate::posture::look::Ground;
use crate::posture::look::environment;
use crate::posture::look::id;
use crate::posture::look::place;
use crate::posture::look::scope;

/// What names of secrets hold, in large letters.
const SECRET_WORDS: [&str; 10] = [
    "SECRET",
    "TOKEN",
    "PASSWORD",
    "PASSWD",
    "PRIVATE",
    "CREDENTIAL",
    "APIKEY",
    "API_KEY",
    "ACCESS_KEY",
    "_PAT",
];

/// How names of secrets end.
const SECRET_ENDS: [&str; 4] = ["_KEY", "_PWD", "_PASS", "_AUTH"];

pub(super) fn look(ground: &Ground<'_>, node: NodeNo) -> Variable {
    let graph = ground.graph;
    let kept = kept(graph, node);
    let connection = graph.node(node).map(|node| node.id.connection());
    Variable {
        id: id(graph, node),
        name: Known::Value(graph.name(node).to_owned()),
        secured: graph.flag(node, "secured"),
        named_secret: Known::Value(is_secret(graph.name(node))),
        scope: scope(graph, node),
        place: place(graph, node),
        people: people(ground, node, &kept),
        members: connection.map_or_else(Known::default, |connection| ground.people(&connection)),
        kept,
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
        || SECRET_ENDS.iter().any(|end| name.ends_with(end))
}

fn kept(graph: &Snapshot, node: NodeNo) -> Known<bool> {
    match scope(graph, node) {
        Known::Value(Scope::Environment) => {}
        Known::Value(Scope::Workspace | Scope::Project | Scope::Repository) | Known::Nothing => {
            return Known::Value(false);
        }
        Known::Unknown(why) => return Known::Unknown(why),
    }
    match (graph.set_on(node), graph.repository_of(node)) {
        (Some(environment), Some(repository)) => {
            environment::is_kept(graph, environment, repository)
        }
        (Some(_) | None, Some(_) | None) => Known::default(),
    }
}

/// Those who may write where it reaches; where a permission keeps it, those who administer there.
fn people(ground: &Ground<'_>, node: NodeNo, kept: &Known<bool>) -> Known<u64> {
    let graph = ground.graph;
    let Some(set_on) = graph.set_on(node) else { return Known::default() };
    let Known::Value(Scope::Environment) = scope(graph, node) else {
        return ground.served(set_on).people.clone();
    };
    let Some(repository) = graph.repository_of(node) else { return Known::default() };
    match kept {
        Known::Value(false) | Known::Nothing => ground.served(repository).people.clone(),
        Known::Unknown(why) => Known::Unknown(why.clone()),
        Known::Value(true) => {
            let listed = graph.who_can(Level::Admin, repository).listed;
            listed.unknown.map_or_else(
                || {
                    let people = graph.active_people(listed.nodes);
                    Known::Value(u64::try_from(people.len()).unwrap_or(u64::MAX))
                },
                Known::Unknown,
            )
        }
    }
}
