//! A runner as posture rules see it.

use std::collections::BTreeSet;

use crate::event::Scope;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::NodeNo;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::policy::subject::runner::Runner;
use crate::posture::look::Ground;
use crate::posture::look::id;
use crate::posture::look::place;
use crate::posture::look::scope;

/// Most public repositories that a document names.
const MAX_NAMED: usize = 20;

pub(super) fn look(ground: &Ground<'_>, node: NodeNo) -> Runner {
    let graph = ground.graph;
    let scope = scope(graph, node);
    let served = graph.home_of(node).map(|home| ground.served(home)).unwrap_or_default();
    let public =
        |repository: &&NodeNo| graph.text(**repository, "visibility") == Known::Value("public");
    let open = served.repositories.iter().filter(public).take(MAX_NAMED);
    Runner {
        id: id(graph, node),
        name: Known::Value(graph.name(node).to_owned()),
        labels: graph.texts(node, "labels").map(<[String]>::to_vec),
        active: graph.flag(node, "active"),
        place: place(graph, node),
        projects: Known::Value(served.projects),
        repositories: Known::Value(u64::try_from(served.repositories.len()).unwrap_or(u64::MAX)),
        people: served.people.clone(),
        public_repositories: Known::Value(
            open.filter_map(|repository| graph.full_name(*repository)).collect(),
        ),
        catches: match scope {
            Known::Value(Scope::Repository) => catches(graph, node),
            Known::Value(Scope::Workspace | Scope::Project | Scope::Environment)
            | Known::Nothing
            | Known::Unknown(_) => Known::Value(Vec::new()),
        },
        scope,
    }
}

/// Runners of the whole workspace that have no label which this one lacks.
fn catches(graph: &Snapshot, node: NodeNo) -> Known<Vec<String>> {
    let own: BTreeSet<&String> = match graph.texts(node, "labels") {
        Known::Value(labels) => labels.iter().collect(),
        Known::Nothing => BTreeSet::new(),
        Known::Unknown(why) => return Known::Unknown(why),
    };
    let connection = graph.node(node).map(|node| node.id.connection());
    let mut caught = Vec::new();
    for workspace in graph.all(Kind::Workspace) {
        if graph.node(workspace).map(|node| node.id.connection()) != connection {
            continue;
        }
        if let Some(why) = graph.why_unknown(workspace, "runners") {
            return Known::Unknown(why.clone());
        }
        for shared in graph.led_from(workspace, Relation::RunsOn) {
            let Some(shared) = graph.find(&shared).filter(|shared| *shared != node) else {
                continue;
            };
            if let Known::Value(labels) = graph.texts(shared, "labels")
                && !labels.is_empty()
                && labels.iter().all(|label| own.contains(label))
            {
                caught.push(graph.name(shared).to_owned());
            }
        }
    }
    Known::Value(caught)
}
