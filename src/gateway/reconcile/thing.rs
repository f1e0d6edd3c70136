//! A changed thing as rules see it, from a graph before the change or after it.

use crate::event::ForkPolicy;
use crate::event::Level;
use crate::event::Scope;
use crate::event::Thing;
use crate::event::Visibility;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::NodeNo;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::Time;
use crate::graph::Why;
use crate::graph::attribute::Value;
use crate::graph::reconcile::Changed;
use crate::graph::reconcile::Found;

/// Words that grant something on a place.
const GRANTS: &[Relation] = &[
    Relation::Read,
    Relation::Write,
    Relation::Create,
    Relation::Admin,
    Relation::Owner,
    Relation::Licensed,
];

/// The thing as this graph tells it; nothing where it is not there.
pub(super) fn thing(graph: &Snapshot, found: &Found) -> Known<Thing> {
    let Some(node) = graph.find(&found.thing) else { return Known::Nothing };
    let told = match (&found.what, &found.on) {
        (Changed::Permission, Some(on)) => granted(graph, node, on),
        (Changed::Permission, None) => Some(account(graph, node)),
        (Changed::Restriction, _) => Some(restriction(graph, node)),
        (Changed::Credential, _) => Some(credential(graph, node)),
        (Changed::Hook, _) => Some(hook(graph, node)),
        (Changed::Runner, _) => Some(runner(graph, node)),
        (Changed::Variable, _) => Some(variable(graph, node)),
        (Changed::Repository, _) => Some(repository(graph, node)),
        (Changed::Project, _) => Some(project(graph, node)),
    };
    Known::or_nothing(told)
}

/// Where a change took place.
pub(super) fn place(graph: &Snapshot, found: &Found) -> Option<Id> {
    let node = graph.find(found.on.as_ref().unwrap_or(&found.thing))?;
    id(graph, graph.home_of(node)?)
}

fn id(graph: &Snapshot, node: NodeNo) -> Option<Id> {
    graph.node(node).map(|node| node.id.clone())
}

fn bare(graph: &Snapshot, node: NodeNo) -> Thing {
    Thing {
        name: Known::or_untold(graph.node(node).and_then(|node| node.name.clone())),
        project: project_key(graph, node),
        ..Thing::bare(Known::or_untold(id(graph, node)))
    }
}

/// The key of the project that a thing is in; none for what is in none.
fn project_key(graph: &Snapshot, node: NodeNo) -> Known<String> {
    let Some(place) = graph.home_of(node) else { return Known::Nothing };
    let project = match graph.node(place).map(|node| node.id.kind()) {
        Some(Kind::Repository) => graph.project_of(place),
        Some(Kind::Project) => Some(place),
        Some(_) | None => return Known::Nothing,
    };
    project.map_or_else(Known::default, |project| graph.text(project, "key").map(ToOwned::to_owned))
}

fn scope(graph: &Snapshot, node: NodeNo) -> Known<Scope> {
    let owner = match graph.node(node).map(|node| node.id.kind()) {
        Some(Kind::Variable) => first(graph, &graph.led_from(node, Relation::In)),
        Some(_) | None => graph.home_of(node),
    };
    match owner.and_then(|place| graph.node(place)).map(|node| node.id.kind()) {
        Some(Kind::Workspace) => Known::Value(Scope::Workspace),
        Some(Kind::Project) => Known::Value(Scope::Project),
        Some(Kind::Repository) => Known::Value(Scope::Repository),
        Some(Kind::Environment) => Known::Value(Scope::Environment),
        Some(_) | None => Known::Nothing,
    }
}

fn first(graph: &Snapshot, ids: &[Id]) -> Option<NodeNo> {
    ids.first().and_then(|id| graph.find(id))
}

fn text(graph: &Snapshot, node: NodeNo, name: &str) -> Known<String> {
    graph.text(node, name).map(ToOwned::to_owned)
}

fn texts(graph: &Snapshot, node: NodeNo, name: &str) -> Known<Vec<String>> {
    match graph.attribute(node, name) {
        Known::Value(Value::List(list)) => Known::Value(list.clone()),
        Known::Value(Value::Flag(_) | Value::Whole(_) | Value::Text(_) | Value::Nothing) => {
            Known::default()
        }
        Known::Nothing => Known::Nothing,
        Known::Unknown(why) => Known::Unknown(why),
    }
}

fn word<T>(text: Known<&str>, read: impl FnOnce(&str) -> Option<T>) -> Known<T> {
    match text {
        Known::Value(text) => Known::or_untold(read(text)),
        Known::Nothing => Known::Nothing,
        Known::Unknown(why) => Known::Unknown(why),
    }
}

/// Ids that lead to a node, or why they are not all known.
fn listed(graph: &Snapshot, node: NodeNo, is: Relation, field: &str) -> Known<Vec<Id>> {
    match graph.attribute(node, field) {
        Known::Unknown(why) if why != Why::NOT_TOLD => Known::Unknown(why),
        Known::Unknown(_) | Known::Nothing | Known::Value(_) => {
            Known::Value(graph.led_to(node, is))
        }
    }
}

/// The strongest grant that leads from a node anywhere, or to one place.
fn level(graph: &Snapshot, from: NodeNo) -> Known<Level> {
    let held = GRANTS.iter().filter(|is| !graph.led_from(from, **is).is_empty());
    Known::or_nothing(held.map(|is| is.level()).max())
}

fn granted(graph: &Snapshot, holder: NodeNo, on: &Id) -> Option<Thing> {
    let place = graph.find(on)?;
    let words = graph.words_between(holder, place);
    let grants = words.iter().filter(|is| GRANTS.contains(is));
    let level = grants.map(|is| is.level()).max();
    let is_member = words.contains(&Relation::Member);
    if level.is_none() && !is_member {
        return None;
    }
    let kind = match level {
        Some(Level::None) => "licence",
        Some(_) => "grant",
        None => "membership",
    };
    Some(Thing {
        kind: Known::Value(kind.to_owned()),
        level: Known::or_nothing(level),
        identity: Known::or_untold(id(graph, holder)),
        scope: scope(graph, place),
        ..bare(graph, place)
    })
}

fn account(graph: &Snapshot, node: NodeNo) -> Thing {
    Thing {
        kind: Known::Value("account".to_owned()),
        identity: Known::or_untold(id(graph, node)),
        active: graph.flag(node, "active"),
        ..bare(graph, node)
    }
}

fn restriction(graph: &Snapshot, node: NodeNo) -> Thing {
    Thing {
        kind: text(graph, node, "kind"),
        pattern: text(graph, node, "pattern"),
        exempt: listed(graph, node, Relation::Exempt, "exempt"),
        value: graph.whole(node, "value"),
        scope: scope(graph, node),
        ..bare(graph, node)
    }
}

fn credential(graph: &Snapshot, node: NodeNo) -> Thing {
    let owners = graph.led_to(node, Relation::Holds);
    let owners = if owners.is_empty() { graph.led_from(node, Relation::ActsFor) } else { owners };
    Thing {
        kind: text(graph, node, "kind"),
        active: graph.flag(node, "active"),
        level: level(graph, node),
        identity: Known::or_nothing(owners.first().cloned()),
        expires_at: word(graph.text(node, "expires_at"), |text| text.parse::<Time>().ok()),
        scope: scope(graph, node),
        ..bare(graph, node)
    }
}

fn hook(graph: &Snapshot, node: NodeNo) -> Thing {
    Thing {
        host: text(graph, node, "host"),
        external: graph.flag(node, "external"),
        secret_set: graph.flag(node, "secret_set"),
        tls_verified: graph.flag(node, "tls_verified"),
        active: graph.flag(node, "active"),
        events: texts(graph, node, "events"),
        scope: scope(graph, node),
        ..bare(graph, node)
    }
}

fn runner(graph: &Snapshot, node: NodeNo) -> Thing {
    Thing {
        labels: texts(graph, node, "labels"),
        active: graph.flag(node, "active"),
        scope: scope(graph, node),
        ..bare(graph, node)
    }
}

fn variable(graph: &Snapshot, node: NodeNo) -> Thing {
    Thing { secured: graph.flag(node, "secured"), scope: scope(graph, node), ..bare(graph, node) }
}

fn repository(graph: &Snapshot, node: NodeNo) -> Thing {
    Thing {
        name: Known::or_untold(graph.full_name(node)),
        visibility: word(graph.text(node, "visibility"), Visibility::from_text),
        default_branch: text(graph, node, "default_branch"),
        archived: graph.flag(node, "archived"),
        forks: word(graph.text(node, "forks"), ForkPolicy::from_text),
        overridden: graph.flag(node, "own_restrictions"),
        ..bare(graph, node)
    }
}

fn project(graph: &Snapshot, node: NodeNo) -> Thing {
    Thing {
        visibility: word(graph.text(node, "visibility"), Visibility::from_text),
        level: word(graph.text(node, "default"), Level::from_text),
        ..bare(graph, node)
    }
}
