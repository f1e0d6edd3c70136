//! A repository as posture rules see it: who sees it, what protects its default branch, who can write to it.

use crate::event::ForkPolicy;
use crate::event::Visibility;
use crate::graph::Guards;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Level;
use crate::graph::Listed;
use crate::graph::NodeNo;
use crate::graph::Product;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::Why;
use crate::policy::subject::repository::DefaultBranch;
use crate::policy::subject::repository::Exempt;
use crate::policy::subject::repository::Fork;
use crate::policy::subject::repository::Group;
use crate::policy::subject::repository::Key;
use crate::policy::subject::repository::Merges;
use crate::policy::subject::repository::OnDemand;
use crate::policy::subject::repository::Parent;
use crate::policy::subject::repository::Repository;
use crate::policy::subject::repository::StaleApprovals;
use crate::policy::subject::repository::Writers;
use crate::posture::look::Ground;
use crate::posture::look::definition;
use crate::posture::look::environment;
use crate::posture::look::id;
use crate::posture::look::listed;
use crate::posture::look::percent;
use crate::posture::look::those;
use crate::posture::look::word;

/// A day, milliseconds.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Default permissions that let everyone write who may log in.
const WRITING: &[&str] = &["write", "create", "admin"];

const ADVISORY_UNTOLD: Why = Why::fixed(
    "Bitbucket Cloud's API does not tell which merge checks apps add: look under Repository settings, Custom merge checks",
);

/// That there are none is no proof that something scans.
const NO_PIPELINES: Why = Why::fixed(
    "Data Center has no Pipelines: whether another build server scans what changes, no API of it tells",
);

pub(super) fn look(ground: &Ground<'_>, node: NodeNo) -> Repository {
    let graph = ground.graph;
    let cloud = graph.product_of(node) == Some(Product::Cloud);
    let updated_at = graph.instant(node, "updated_at");
    let pipelines =
        if cloud { graph.flag(node, "pipelines") } else { Known::Unknown(NO_PIPELINES) };
    Repository {
        id: id(graph, node),
        name: Known::or_untold(graph.full_name(node)),
        project: of_project(graph, node, |project| graph.text(project, "key").map(str::to_owned)),
        visibility: visibility(graph, node),
        project_visibility: of_project(graph, node, |project| visibility(graph, project)),
        parent: parent(graph, node),
        public_forks: public_forks(ground, node),
        forks: word(graph.text(node, "forks"), ForkPolicy::from_text),
        default_branch: branch(graph, node),
        idle_days: updated_at.clone().map(|at| ground.now.since(at) / DAY_MS),
        updated_at,
        archived: graph.flag(node, "archived"),
        class: ground.held.class_in(graph, node),
        on_demand: if cloud {
            Known::Value(on_demand(graph, node, &pipelines))
        } else {
            Known::Nothing
        },
        pipelines,
        premium: if cloud { graph.premium(node) } else { Known::Nothing },
        advisory_checks: if cloud {
            Known::Unknown(ADVISORY_UNTOLD)
        } else {
            Known::Value(Vec::new())
        },
        merges: Known::Value(Merges {
            looked_at: graph.whole(node, "merges_read"),
            unreviewed: graph.whole(node, "merges_unreviewed"),
        }),
        definition: definition::look(graph, node),
        live_keys: Known::Value(live_keys(graph, node)),
        writers: Known::Value(writers(ground, node)),
    }
}

fn visibility(graph: &Snapshot, node: NodeNo) -> Known<Visibility> {
    word(graph.text(node, "visibility"), Visibility::from_text)
}

fn of_project<T>(
    graph: &Snapshot,
    node: NodeNo,
    view: impl FnOnce(NodeNo) -> Known<T>,
) -> Known<T> {
    match (graph.project_of(node), graph.why_unknown(node, "project")) {
        (Some(project), _) => view(project),
        (None, Some(why)) => Known::Unknown(why.clone()),
        (None, None) => Known::unknown("nothing we have read tells its project"),
    }
}

fn parent(graph: &Snapshot, node: NodeNo) -> Known<Parent> {
    graph.text(node, "parent").map(|told| {
        let outside = || Known::unknown("it was forked from a repository that is not here");
        let found = told.parse::<Id>().ok().and_then(|id| graph.find(&id));
        Parent {
            id: Known::or_untold(told.parse().ok()),
            name: found.map_or_else(outside, |found| Known::or_untold(graph.full_name(found))),
            visibility: found.map_or_else(
                || outside().map(|_: String| Visibility::Public),
                |found| visibility(graph, found),
            ),
        }
    })
}

/// Only forks on this connection are known: one that was made elsewhere is not told.
fn public_forks(ground: &Ground<'_>, node: NodeNo) -> Known<Vec<Fork>> {
    let graph = ground.graph;
    let Some(me) = graph.node(node) else { return Known::default() };
    let forks = Listed { nodes: ground.forks_of(&me.id).to_vec(), unknown: None };
    let public = those(forks, |fork| visibility(graph, fork).map(|it| it == Visibility::Public));
    listed(public, |fork| Fork {
        id: id(graph, fork),
        name: Known::or_untold(graph.full_name(fork)),
    })
}

fn branch(graph: &Snapshot, node: NodeNo) -> Known<DefaultBranch> {
    graph.text(node, "default_branch").map(|name| {
        let guards = graph.guards(node, &format!("refs/heads/{name}"));
        DefaultBranch {
            name: Known::Value(name.to_owned()),
            stale_approvals: stale(&guards),
            exempt: guards
                .exempt
                .map(|all| all.into_iter().map(|(who, rule)| exempt(graph, who, rule)).collect()),
            protected: guards.protected,
            review_required: guards.review,
            push_closed: guards.push,
            force_push_closed: guards.force,
            deletion_closed: guards.deletion,
            builds_required: guards.builds,
            merge_checks_enforced: guards.enforced,
        }
    })
}

/// That all are dropped is more than that some are.
fn stale(guards: &Guards) -> Known<StaleApprovals> {
    match (&guards.reset, &guards.smart_reset) {
        (Known::Value(true), _) => Known::Value(StaleApprovals::Reset),
        (Known::Value(false) | Known::Nothing | Known::Unknown(_), Known::Value(true)) => {
            Known::Value(StaleApprovals::SmartReset)
        }
        (Known::Unknown(why), _) | (_, Known::Unknown(why)) => Known::Unknown(why.clone()),
        (Known::Value(false) | Known::Nothing, Known::Value(false) | Known::Nothing) => {
            Known::Value(StaleApprovals::Kept)
        }
    }
}

fn exempt(graph: &Snapshot, who: NodeNo, rule: NodeNo) -> Exempt {
    let set_on = match graph.home_of(rule) {
        Some(place) => graph.name(place).to_owned(),
        None => "a place that is not here".to_owned(),
    };
    let kind = graph.node(who).map_or("", |node| node.id.kind().as_str());
    Exempt {
        id: id(graph, who),
        name: Known::Value(graph.name(who).to_owned()),
        kind: Known::Value(kind.to_owned()),
        people: graph.people_behind(who),
        by: graph.text(rule, "kind").map(|kind| format!("{kind} on {set_on}")),
    }
}

/// What a pipeline that is in no commit could reach.
fn on_demand(graph: &Snapshot, node: NodeNo, pipelines: &Known<bool>) -> OnDemand {
    let readable = graph.variables_readable(node, None);
    let all = Listed {
        nodes: readable.all.iter().map(|one| one.node).collect(),
        unknown: readable.unknown,
    };
    let secured = those(all, |variable| graph.flag(variable, "secured"));
    let secrets = match secured.unknown {
        Some(why) if secured.nodes.is_empty() => Known::Unknown(why),
        Some(_) | None => Known::Value(u64::try_from(secured.nodes.len()).unwrap_or(u64::MAX)),
    };
    OnDemand { possible: pipelines.clone(), secrets, production: production(graph, node) }
}

/// Production environments that others than administrators deploy to.
fn production(graph: &Snapshot, node: NodeNo) -> Known<Vec<String>> {
    let open = those(graph.environments_of(node), |environment| {
        match (
            environment::is_production(graph, environment),
            environment::is_kept(graph, environment, node),
        ) {
            (Known::Value(false) | Known::Nothing, _) | (_, Known::Value(true)) => {
                Known::Value(false)
            }
            (Known::Value(true), Known::Value(false) | Known::Nothing) => Known::Value(true),
            (Known::Unknown(why), _) | (_, Known::Unknown(why)) => Known::Unknown(why),
        }
    });
    listed(open, |environment| graph.name(environment).to_owned())
}

/// Keys that are known to be let in to the repository or its project. What was not read adds none: they make worse what
/// is found, and decide nothing.
fn live_keys(graph: &Snapshot, node: NodeNo) -> Vec<Key> {
    let mut all: Vec<(NodeNo, bool)> = Vec::new();
    for place in std::iter::once(node).chain(graph.project_of(node)) {
        for (is, writes) in
            [(Relation::Write, true), (Relation::Admin, true), (Relation::Read, false)]
        {
            let holders = graph.led_to(place, is).into_iter();
            let keys = holders.filter(|holder| holder.kind() == Kind::Key);
            let keys = keys.filter_map(|key| graph.find(&key));
            all.extend(keys.map(|key| (key, writes)));
        }
    }
    all.retain(|(key, _)| graph.flag(*key, "active") != Known::Value(false));
    all.into_iter().map(|(key, writes)| shown(graph, key, writes)).collect()
}

fn shown(graph: &Snapshot, key: NodeNo, writes: bool) -> Key {
    Key {
        id: id(graph, key),
        name: Known::Value(graph.name(key).to_owned()),
        writes: Known::Value(writes),
        last_used_at: graph.instant(key, "last_used_at"),
    }
}

fn writers(ground: &Ground<'_>, node: NodeNo) -> Writers {
    let graph = ground.graph;
    let members =
        graph.node(node).map_or_else(Known::default, |me| ground.people(&me.id.connection()));
    let listed = graph.who_can(Level::Write, node).listed;
    let people = listed.unknown.map_or_else(
        || {
            let people = graph.active_people(listed.nodes);
            Known::Value(u64::try_from(people.len()).unwrap_or(u64::MAX))
        },
        Known::Unknown,
    );
    Writers {
        share: percent(&people, &members),
        groups: groups(graph, node, &members),
        everyone: everyone(graph, node),
        people,
        members,
    }
}

/// Groups that may write by a grant on the repository or its project.
fn groups(graph: &Snapshot, node: NodeNo, members: &Known<u64>) -> Known<Vec<Group>> {
    let mut groups: Vec<Id> = Vec::new();
    for place in std::iter::once(node).chain(graph.project_of(node)) {
        if let Some(why) = graph.why_unknown(place, "grants") {
            return Known::Unknown(why.clone());
        }
        for is in [Relation::Write, Relation::Create, Relation::Admin] {
            let holders = graph.led_to(place, is).into_iter();
            groups.extend(holders.filter(|holder| holder.kind() == Kind::Group));
        }
    }
    groups.sort();
    groups.dedup();
    let shown = |group: NodeNo| {
        let people = graph.people_behind(group);
        Group {
            name: Known::Value(graph.name(group).to_owned()),
            share: percent(&people, members),
            people,
        }
    };
    Known::Value(groups.iter().filter_map(|group| graph.find(group)).map(shown).collect())
}

/// Whether a default permission of its project lets everyone write (Data Center).
fn everyone(graph: &Snapshot, node: NodeNo) -> Known<bool> {
    if graph.product_of(node) == Some(Product::Cloud) {
        return Known::Value(false);
    }
    of_project(graph, node, |project| match graph.text(project, "default") {
        Known::Value(level) => Known::Value(WRITING.contains(&level)),
        Known::Nothing => Known::Value(false),
        Known::Unknown(why) => Known::Unknown(why),
    })
}
