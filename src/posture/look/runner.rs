//! A runner as posture rules see it.

use std::sync::Arc;

use crate::event::Scope;
use crate::graph::Known;
use crate::graph::Listed;
use crate::graph::NodeNo;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::policy::subject::runner::Runner;
use crate::posture::look::Ground;
use crate::posture::look::id;
use crate::posture::look::listed;
use crate::posture::look::once::Served;
use crate::posture::look::place;
use crate::posture::look::scope;
use crate::posture::look::those;

/// Most public repositories that a document names.
const MAX_NAMED: usize = 20;

pub(super) fn look(ground: &Ground<'_>, node: NodeNo) -> Runner {
    let graph = ground.graph;
    let scope = scope(graph, node);
    let nowhere = || Arc::new(Served::nowhere());
    let served = graph.home_of(node).map_or_else(nowhere, |home| ground.served(home));
    let public = those(served.repositories.clone(), |repository| {
        graph.text(repository, "visibility").map(|told| told == "public")
    });
    Runner {
        id: id(graph, node),
        name: Known::Value(graph.name(node).to_owned()),
        labels: graph.texts(node, "labels").map(<[String]>::to_vec),
        active: graph.flag(node, "active"),
        place: place(graph, node),
        projects: served.projects.clone(),
        repositories: served.count(),
        people: served.people.clone(),
        public_repositories: listed(public, |repository| graph.called(repository)).map(named),
        catches: match &scope {
            Known::Value(Scope::Repository) => catches(graph, node),
            Known::Value(Scope::Workspace | Scope::Project | Scope::Environment)
            | Known::Nothing => Known::Value(Vec::new()),
            Known::Unknown(why) => Known::Unknown(why.clone()),
        },
        scope,
    }
}

fn named(mut names: Vec<String>) -> Vec<String> {
    names.truncate(MAX_NAMED);
    names
}

/// Runners of the whole workspace that have no label which this one lacks.
fn catches(graph: &Snapshot, node: NodeNo) -> Known<Vec<String>> {
    let own = graph.texts(node, "labels");
    let Some(workspace) = graph.workspace_of(node) else { return Known::default() };
    let shared = graph.led_from(workspace, Relation::RunsOn);
    let shared = shared.iter().filter_map(|id| graph.find(id)).filter(|shared| *shared != node);
    let unknown = graph.why_unknown(workspace, "runners").cloned();
    let caught = those(Listed { nodes: shared.collect(), unknown }, |shared| {
        covers(&own, &graph.texts(shared, "labels"))
    });
    listed(caught, |shared| graph.name(shared).to_owned())
}

/// Whether these labels are all that another runner has, which has some.
fn covers(own: &Known<&[String]>, others: &Known<&[String]>) -> Known<bool> {
    match (own, others) {
        (_, Known::Nothing | Known::Value([])) | (Known::Nothing, Known::Value(_)) => {
            Known::Value(false)
        }
        (Known::Value(own), Known::Value(others)) => {
            Known::Value(others.iter().all(|label| own.contains(label)))
        }
        (Known::Unknown(why), _) | (_, Known::Unknown(why)) => Known::Unknown(why.clone()),
    }
}
