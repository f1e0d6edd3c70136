//! A webhook as posture rules see it.

use crate::graph::Known;
use crate::graph::NodeNo;
use crate::graph::Why;
use crate::policy::subject::hook::Hook;
use crate::posture::look::Ground;
use crate::posture::look::id;
use crate::posture::look::owner::Owners;
use crate::posture::look::place;
use crate::posture::look::scope;

pub(super) const NO_OWN_HOSTS: Why = Why::fixed(
    "this connection names no `own_hosts`, so it cannot be told whether a host is outside: name them in its configuration",
);

pub(super) fn look(ground: &Ground<'_>, node: NodeNo) -> Hook {
    let graph = ground.graph;
    let owners = Owners::of(ground, node);
    let mut external = graph.flag(node, "external");
    external.learn_why(&NO_OWN_HOSTS);
    Hook {
        id: id(graph, node),
        name: Known::Value(graph.name(node).to_owned()),
        host: graph.text(node, "host").map(str::to_owned),
        external,
        active: graph.flag(node, "active"),
        secret_set: graph.flag(node, "secret_set"),
        tls_verified: graph.flag(node, "tls_verified"),
        events: graph.texts(node, "events").map(<[String]>::to_vec),
        scope: scope(graph, node),
        place: place(graph, node),
        owners: owners.named(graph),
        owners_left: owners.left(ground),
    }
}
