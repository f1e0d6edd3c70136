//! A workspace or server as posture rules see it.

use crate::graph::Known;
use crate::graph::Level;
use crate::graph::NodeNo;
use crate::graph::Product;
use crate::policy::subject::workspace::Administrator;
use crate::policy::subject::workspace::Workspace;
use crate::posture::look::Ground;
use crate::posture::look::id;

pub(super) fn look(ground: &Ground<'_>, node: NodeNo) -> Workspace {
    let graph = ground.graph;
    let cloud = graph.product_of(node) == Some(Product::Cloud);
    Workspace {
        id: id(graph, node),
        name: Known::Value(graph.name(node).to_owned()),
        premium: if cloud { graph.flag(node, "premium") } else { Known::Nothing },
        second_factor_enforced: ground.held.second_factor_enforced(),
        administrators: administrators(ground, node),
    }
}

fn administrators(ground: &Ground<'_>, node: NodeNo) -> Known<Vec<Administrator>> {
    let graph = ground.graph;
    let listed = graph.who_can(Level::Admin, node).listed;
    if let Some(why) = listed.unknown {
        return Known::Unknown(why);
    }
    let shown = |person: NodeNo| Administrator {
        id: id(graph, person),
        name: Known::Value(graph.name(person).to_owned()),
    };
    let people = graph.active_people(listed.nodes).into_iter();
    Known::Value(people.filter(|person| !graph.is_service(*person)).map(shown).collect())
}
