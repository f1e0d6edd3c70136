//! A key, token, password or app as posture rules see it.

use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Level;
use crate::graph::NodeNo;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::Span;
use crate::graph::Why;
use crate::policy::subject::credential::Credential;
use crate::posture::look::Ground;
use crate::posture::look::environment;
use crate::posture::look::id;
use crate::posture::look::owner;
use crate::posture::look::owner::Owners;
use crate::posture::look::those;

/// Days after which one that may write is said not to be used.
const IDLE: u64 = 180;

const USED_FOR_WHAT: Why =
    Why::fixed("Bitbucket tells when it was last used, and not what for: ask who works with it");

/// Most repositories whose production is looked for behind one credential: one that reaches more is found by that alone.
const MAX_PLACES: usize = 2_000;

pub(super) fn look(ground: &Ground<'_>, node: NodeNo) -> Credential {
    let graph = ground.graph;
    let own = graph.span(node, ground.sizes());
    let person = person_behind(graph, node).filter(|_| own.level == Level::None);
    let span = match person {
        Some(person) => capped(graph, node, graph.span(person, ground.sizes())),
        None => own,
    };
    let kind = graph.node(node).map_or("", |node| node.id.kind().as_str());
    let owners = Owners::of(ground, node);
    let (created, used) = (graph.instant(node, "created_at"), graph.instant(node, "last_used_at"));
    Credential {
        id: id(graph, node),
        name: Known::Value(graph.name(node).to_owned()),
        kind: Known::Value(kind.to_owned()),
        what: Known::Value(what(graph, node)),
        active: owner::active(graph, node),
        personal: Known::Value(person.is_some()),
        age_days: ground.days_since(&created),
        wider_than_used: wider(&span, &ground.days_since(&used)),
        idle_days: ground.days_since(&used),
        created_at: created,
        last_used_at: used,
        expires_at: graph.instant(node, "expires_at"),
        level: Known::Value(span.level),
        repositories: Known::Value(span.repositories),
        production: match person {
            Some(_) => Known::Value(Vec::new()),
            None => production(ground, node, &span),
        },
        owners: owners.named(graph),
        owners_left: owners.left(ground),
    }
}

/// One that only reads could do no less. Of one that is in use nothing tells what for.
fn wider(span: &Span, idle_days: &Known<u64>) -> Known<bool> {
    if span.level < Level::Write {
        return Known::Value(false);
    }
    match idle_days {
        Known::Nothing => Known::Value(true),
        Known::Value(days) if *days > IDLE => Known::Value(true),
        Known::Value(_) => Known::Unknown(USED_FOR_WHAT),
        Known::Unknown(why) => Known::Unknown(why.clone()),
    }
}

/// The product's word for it.
pub(super) fn what(graph: &Snapshot, node: NodeNo) -> String {
    let told = graph.text(node, "kind").value().map(|kind| (*kind).to_owned());
    told.unwrap_or_else(|| graph.node(node).map_or("", |node| node.id.kind().as_str()).to_owned())
}

/// The person whose rights it has.
fn person_behind(graph: &Snapshot, node: NodeNo) -> Option<NodeNo> {
    if let Known::Value(person) = graph.principal(node) {
        return Some(person);
    }
    let is_key = graph.node(node).is_some_and(|node| node.id.kind() == Kind::Key);
    let held = graph.led_to(node, Relation::Holds).into_iter();
    held.filter(|_| is_key).find_map(|holder| graph.find(&holder))
}

/// What a person may do, as far as the token's own permissions let it.
fn capped(graph: &Snapshot, node: NodeNo, span: Span) -> Span {
    let level = |scope: &String| match scope.rsplit(['_', ':']).next() {
        Some("READ" | "read") => Level::Read,
        Some("WRITE" | "write") => Level::Write,
        Some(_) | None => Level::Admin,
    };
    let scopes = graph.texts(node, "scopes");
    let most = scopes.value().and_then(|scopes| scopes.iter().map(level).max());
    Span { level: most.map_or(span.level, |most| span.level.min(most)), ..span }
}

fn production(ground: &Ground<'_>, node: NodeNo, span: &Span) -> Known<Vec<String>> {
    let graph = ground.graph;
    if span.level < Level::Write {
        return Known::Value(Vec::new());
    }
    let mut repositories: Vec<NodeNo> = Vec::new();
    for place in &span.places {
        let inside = graph.led_to(*place, Relation::In).into_iter();
        let inside = inside.filter(|thing| thing.kind() == Kind::Repository);
        repositories.push(*place);
        repositories.extend(inside.filter_map(|thing| graph.find(&thing)).take(MAX_PLACES));
    }
    let (mut found, mut unknown) = (Vec::new(), None);
    let is_repository =
        |place: &NodeNo| graph.node(*place).is_some_and(|node| node.id.kind() == Kind::Repository);
    for place in repositories.into_iter().filter(is_repository).take(MAX_PLACES) {
        if graph.effective(node, place).level < Level::Write {
            continue;
        }
        match is_production(graph, place) {
            Known::Value(true) => found.push(graph.called(place)),
            Known::Value(false) | Known::Nothing => {}
            Known::Unknown(why) => unknown = Some(why),
        }
    }
    match (found.is_empty(), unknown) {
        (true, Some(why)) => Known::Unknown(why),
        (true, None) | (false, _) => Known::Value(found),
    }
}

/// Whether a repository deploys to production, or has a branch that its branching model calls so.
fn is_production(graph: &Snapshot, repository: NodeNo) -> Known<bool> {
    let environments = graph.environments_of(repository);
    let live = those(environments, |one| environment::is_production(graph, one));
    if !live.nodes.is_empty() {
        return Known::Value(true);
    }
    match (graph.text(repository, "model_production"), live.unknown) {
        (Known::Value(_), _) => Known::Value(true),
        (Known::Unknown(why), _) | (Known::Nothing, Some(why)) => Known::Unknown(why),
        (Known::Nothing, None) => Known::Value(false),
    }
}
