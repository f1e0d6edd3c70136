//! A person, service account or agent as posture rules see it.

use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Level;
use crate::graph::NodeNo;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::Time;
use crate::policy::subject::identity::Identity;
use crate::policy::subject::identity::InHand;
use crate::policy::subject::identity::Left;
use crate::policy::subject::identity::Shared;
use crate::posture::look::Ground;
use crate::posture::look::credential::what;
use crate::posture::look::id;
use crate::posture::look::owner;

pub(super) fn look(ground: &Ground<'_>, node: NodeNo) -> Identity {
    let graph = ground.graph;
    let kind = match graph.node(node).map(|node| node.id.kind()) {
        Some(Kind::Agent) => "agent",
        Some(_) if graph.is_service(node) => "service",
        Some(_) | None => "user",
    };
    let person = kind == "user";
    let active = owner::active(graph, node);
    let evidence = graph.node(node).map(|told| owner::as_person(graph, node, &told.id));
    Identity {
        id: id(graph, node),
        name: Known::Value(graph.name(node).to_owned()),
        kind: Known::Value(kind.to_owned()),
        active: active.clone(),
        second_factor: match evidence.filter(|_| person && active != Known::Value(false)) {
            Some(evidence) => ground.held.second_factor(evidence),
            None => Known::Nothing,
        },
        last_login: match evidence.filter(|_| person) {
            Some(evidence) => last_login(ground, node, evidence),
            None => Known::Nothing,
        },
        left: if person { left(ground, node) } else { Known::Nothing },
        credentials: if person { credentials(ground, node) } else { Known::Value(Vec::new()) },
        shared_credentials: if kind == "agent" { shared(graph, node) } else { Known::Nothing },
    }
}

/// Bitbucket's own word (Data Center), else what evidence says.
fn last_login(
    ground: &Ground<'_>,
    node: NodeNo,
    evidence: crate::posture::evidence::Person<'_>,
) -> Known<Time> {
    let told = ground.graph.instant(node, "last_used_at");
    if told.is_unknown() { ground.held.last_login(evidence) } else { told }
}

fn left(ground: &Ground<'_>, node: NodeNo) -> Known<Left> {
    owner::left(ground, node).map(|at| {
        let span = ground.graph.span(node, ground.sizes());
        let held = in_hands(ground.graph, node);
        let hooks = ground.hooks_of(node);
        Left {
            at: Known::Value(at),
            level: Known::Value(span.level),
            repositories: Known::Value(span.repositories),
            credentials: Known::Value(names(ground.graph, &held)),
            hooks: Known::Value(names(ground.graph, &hooks)),
        }
    })
}

fn names(graph: &Snapshot, nodes: &[NodeNo]) -> Vec<String> {
    nodes.iter().map(|node| graph.name(*node).to_owned()).collect()
}

/// Everything in somebody's hands.
fn in_hands(graph: &Snapshot, person: NodeNo) -> Vec<NodeNo> {
    let held = graph.led_from(person, Relation::Holds);
    held.iter().filter_map(|id| graph.find(id)).collect()
}

/// Keys and tokens that act for a person. What nobody tells is unknown; that none was told is no proof of none.
fn credentials(ground: &Ground<'_>, node: NodeNo) -> Known<Vec<InHand>> {
    let graph = ground.graph;
    if let Some(why) = ground.hands_untold(node) {
        return Known::Unknown(why);
    }
    let own = in_hands(graph, node).into_iter().filter(|held| {
        let kind = graph.node(*held).map(|node| node.id.kind());
        matches!(kind, Some(Kind::Key | Kind::Token))
            && graph.span(*held, ground.sizes()).level == Level::None
    });
    let shown = |held: NodeNo| InHand {
        id: id(graph, held),
        name: Known::Value(graph.name(held).to_owned()),
        what: Known::Value(what(graph, held)),
        age_days: ground.days_since(&graph.instant(held, "created_at")),
        idle_days: ground.days_since(&graph.instant(held, "last_used_at")),
        expires_at: graph.instant(held, "expires_at"),
    };
    Known::Value(own.map(shown).collect())
}

/// What an agent holds and a person too, or what acts for a person.
fn shared(graph: &Snapshot, agent: NodeNo) -> Known<Vec<Shared>> {
    if let Some(why) = graph.why_unknown(agent, "holds") {
        return Known::Unknown(why.clone());
    }
    let mut all = Vec::new();
    for held in in_hands(graph, agent) {
        let holders = graph.led_to(held, Relation::Holds).into_iter();
        let acts_for = graph.led_from(held, Relation::ActsFor).into_iter();
        let mut people = holders.chain(acts_for).filter(|holder| holder.kind() == Kind::User);
        if let Some(person) = people.find_map(|person| graph.find(&person)) {
            all.push(Shared {
                name: Known::Value(graph.name(held).to_owned()),
                person: Known::Value(graph.name(person).to_owned()),
            });
        }
    }
    Known::Value(all)
}
