//! A project as posture rules see it.

use crate::event::Visibility;
use crate::graph::Known;
use crate::graph::NodeNo;
use crate::policy::subject::project::Project;
use crate::posture::look::Ground;
use crate::posture::look::id;
use crate::posture::look::word;

pub(super) fn look(ground: &Ground<'_>, node: NodeNo) -> Project {
    let graph = ground.graph;
    Project {
        id: id(graph, node),
        name: Known::Value(graph.name(node).to_owned()),
        key: graph.text(node, "key").map(str::to_owned),
        visibility: word(graph.text(node, "visibility"), Visibility::from_text),
        class: graph.text(node, "class").map(str::to_owned),
    }
}
