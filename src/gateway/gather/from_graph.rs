//! Facts the graph knows: levels and how they are reached, groups, protection of refs, environments, variables.

use crate::event::Acted;
use crate::event::Actor;
use crate::event::ActorKind;
use crate::event::Environment;
use crate::event::Reference;
use crate::event::Repository;
use crate::event::Resource;
use crate::event::Scope;
use crate::event::Tier;
use crate::event::Variable;
use crate::event::Visibility;
use crate::gateway::gather::GroundFacts;
use crate::gateway::gather::fresh::Stale;
use crate::gateway::names;
use crate::gateway::road::Matter;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::NodeNo;
use crate::graph::Product;
use crate::graph::Snapshot;
use crate::graph::Why;
use crate::graph::fact::Wanted;
use crate::policy::Document;

/// Most paths a record quotes of how a level is reached.
const MAX_VIA: usize = 5;

/// Fills what is wanted from the graph, and what is known of the place where the verdict lands.
pub fn gather(graph: &Snapshot, matter: &mut Matter, wanted: &Wanted, stale: Option<&Stale>) {
    fill(graph, &mut matter.document, &matter.connection.protected_refs, wanted, stale);
    matter.ground = ground(graph, &Place::of(graph, &matter.document, stale), &matter.document);
}

/// Fills what is wanted from the graph.
pub fn fill(
    graph: &Snapshot,
    document: &mut Document,
    protected_refs: &[String],
    wanted: &Wanted,
    stale: Option<&Stale>,
) {
    let place = Place::of(graph, document, stale);
    if let Known::Value(resource) = &mut document.facts.resource {
        fill_resource(graph, &place, resource, protected_refs, wanted);
    }
    if let (Known::Value(actor), Some(_)) = (&mut document.facts.actor, wanted.field("actor")) {
        fill_actor(graph, &place, actor);
    }
}

/// Where in the graph the matter is, or why it is nowhere.
struct Place {
    /// Whether the graph can be used at all.
    graph: Result<(), Why>,
    repository: Result<NodeNo, Why>,
    environment: Option<NodeNo>,
    /// Why its own settings are not known, though the rest is.
    settings: Option<Why>,
}

const NO_GRAPH: &str = "no graph is loaded for this connection: give its credential to discover it, or start with `--world`";

impl Place {
    fn of(graph: &Snapshot, document: &Document, stale: Option<&Stale>) -> Self {
        let nowhere = |why: &Why| Self {
            graph: Err(why.clone()),
            repository: Err(why.clone()),
            environment: None,
            settings: None,
        };
        let settings = match stale {
            Some(Stale::Everything(why)) => return nowhere(why),
            Some(Stale::Settings(why)) => Some(why.clone()),
            None => None,
        };
        let facts = &document.facts;
        if graph.as_of_connection(&document.connection).is_none() {
            return nowhere(&Why::fixed(NO_GRAPH));
        }
        let repository = match names::repository_id(facts) {
            None => Err(Why::fixed("the repository is not known")),
            Some(id) => graph.find(id).ok_or_else(|| not_in_graph(id)),
        };
        let environment =
            facts.resource.value().and_then(|resource| resource.environment.value()?.id.value());
        let environment = environment.and_then(|id| graph.find(id));
        Self { graph: Ok(()), repository, environment, settings }
    }
}

fn not_in_graph(id: &Id) -> Why {
    Why::said(format!(
        "the graph does not know `{id}`: it is newer than the last discovery, or outside its scope"
    ))
}

fn fill_resource(
    graph: &Snapshot,
    place: &Place,
    resource: &mut Resource,
    globs: &[String],
    wanted: &Wanted,
) {
    if let Known::Value(repository) = &mut resource.repository {
        fill_repository(graph, place, repository);
    }
    if let Known::Value(reference) = &mut resource.reference {
        fill_reference(graph, place, reference, globs);
    }
    if let Known::Value(environment) = &mut resource.environment {
        fill_environment(graph, place, environment);
    }
    let wants_variables =
        wanted.field("resource").is_some_and(|wanted| wanted.field("variables").is_some());
    if wants_variables {
        resource.variables.learn(variables(graph, place));
    }
}

fn fill_repository(graph: &Snapshot, place: &Place, repository: &mut Repository) {
    let node = match &place.repository {
        Ok(node) => *node,
        Err(why) => {
            repository.class.learn_why(why);
            repository.visibility.learn_why(why);
            return;
        }
    };
    // No event changes a classification.
    repository.class.learn(graph.text(node, "class").map(ToOwned::to_owned));
    if let Some(why) = &place.settings {
        repository.name.learn_why(why);
        repository.visibility.learn_why(why);
        repository.default_branch.learn_why(why);
        repository.archived.learn_why(why);
        return;
    }
    repository.name.learn(Known::or_untold(graph.full_name(node)));
    repository.visibility.learn(word(graph.text(node, "visibility"), Visibility::from_text));
    repository.default_branch.learn(graph.text(node, "default_branch").map(ToOwned::to_owned));
    repository.archived.learn(graph.flag(node, "archived"));
}

fn fill_reference(graph: &Snapshot, place: &Place, reference: &mut Reference, globs: &[String]) {
    let Some(name) = reference.name.value().cloned() else { return };
    match &place.repository {
        Ok(node) => {
            let protection = graph.protecting(*node, &name, globs);
            reference.protected.learn(protection.protected);
            reference.project_rules.learn(protection.project_rules);
            // Nobody is let through where no rule holds anybody back: the list is empty, never null.
            reference.exempt.learn(match protection.exempt {
                Known::Nothing => Known::Value(Vec::new()),
                known @ (Known::Value(_) | Known::Unknown(_)) => known,
            });
            reference.reviewed.learn(protection.reviewed);
        }
        Err(why) => {
            let by_configuration = globs.iter().any(|glob| crate::graph::names_ref(glob, &name));
            reference.protected.learn(if by_configuration {
                Known::Value(true)
            } else {
                Known::Unknown(why.clone())
            });
            reference.project_rules.learn_why(why);
            reference.exempt.learn_why(why);
            reference.reviewed.learn_why(why);
        }
    }
}

fn fill_environment(graph: &Snapshot, place: &Place, environment: &mut Environment) {
    let Some(node) = place.environment else {
        let why = place.repository.as_ref().err().cloned().unwrap_or(Why::fixed(
            "the graph does not know this environment: it is newer than the last discovery",
        ));
        environment.name.learn_why(&why);
        environment.tier.learn_why(&why);
        return;
    };
    environment.name.learn(Known::or_untold(graph.node(node).and_then(|node| node.name.clone())));
    environment.tier.learn(word(graph.text(node, "tier"), Tier::from_text));
}

fn variables(graph: &Snapshot, place: &Place) -> Known<Vec<Variable>> {
    let repository = match &place.repository {
        Ok(node) => *node,
        Err(why) => return Known::Unknown(why.clone()),
    };
    let readable = graph.variables_readable(repository, place.environment);
    if let Some(why) = readable.unknown {
        return Known::Unknown(why);
    }
    let one = |variable: crate::graph::ReadableVariable| Variable {
        name: Known::Value(variable.name),
        secured: variable.secured,
        scope: match variable.scope {
            Kind::Workspace => Known::Value(Scope::Workspace),
            Kind::Project => Known::Value(Scope::Project),
            Kind::Environment => Known::Value(Scope::Environment),
            Kind::Repository
            | Kind::User
            | Kind::Group
            | Kind::App
            | Kind::Token
            | Kind::Key
            | Kind::Runner
            | Kind::Agent
            | Kind::Ref
            | Kind::Variable
            | Kind::Restriction
            | Kind::Hook
            | Kind::Credential => Known::Value(Scope::Repository),
        },
    };
    Known::Value(readable.all.into_iter().map(one).collect())
}

fn fill_actor(graph: &Snapshot, place: &Place, actor: &mut Actor) {
    // No score is computed yet: that is known, so rules that look at risk see none.
    actor.risk.learn(Known::Nothing);
    let Some(id) = actor.id.value().cloned() else { return };
    actor.kind.learn(kind(&id));
    let node = match (&place.graph, graph.find(&id)) {
        (Err(why), _) => return nothing_of(actor, why),
        (Ok(()), None) => return nothing_of(actor, &not_in_graph(&id)),
        (Ok(()), Some(node)) => node,
    };
    // Which groups somebody is in does not hang on where they act.
    actor.name.learn(Known::or_untold(graph.node(node).and_then(|node| node.name.clone())));
    actor.groups.learn(groups(graph, node));
    let repository = match &place.repository {
        Err(why) => return nothing_of(actor, why),
        Ok(repository) => *repository,
    };
    let standing = graph.standing(node, repository);
    actor.level.learn(standing.own.known());
    actor.via.learn(Known::Value(via(graph, node, repository)));
    actor.acts_for.learn(standing.principal.map(|(person, level)| Acted {
        id: Known::or_untold(graph.node(person).map(|node| node.id.clone())),
        level: level.known(),
    }));
}

fn nothing_of(actor: &mut Actor, why: &Why) {
    actor.level.learn_why(why);
    actor.via.learn_why(why);
    actor.groups.learn_why(why);
    actor.acts_for.learn_why(why);
}

fn via(graph: &Snapshot, actor: NodeNo, repository: NodeNo) -> Vec<String> {
    let paths = graph.paths(actor, repository);
    paths.all.iter().take(MAX_VIA).map(|path| graph.line(actor, path)).collect()
}

fn groups(graph: &Snapshot, actor: NodeNo) -> Known<Vec<String>> {
    let listed = graph.groups_of(actor);
    match listed.unknown {
        Some(why) => Known::Unknown(why),
        None => Known::Value(
            listed
                .nodes
                .into_iter()
                .filter_map(|group| graph.node(group).and_then(|node| node.name.clone()))
                .collect(),
        ),
    }
}

fn kind(id: &Id) -> Known<ActorKind> {
    ActorKind::from_text(id.kind().as_str())
        .map_or_else(|| Known::unknown("this kind of thing does not act"), Known::Value)
}

fn word<T>(text: Known<&str>, read: impl FnOnce(&str) -> Option<T>) -> Known<T> {
    match text {
        Known::Value(text) => read(text).map_or_else(
            || Known::Unknown(Why::said(format!("`{text}` is a word this version does not know"))),
            Known::Value,
        ),
        Known::Nothing => Known::Nothing,
        Known::Unknown(why) => Known::Unknown(why),
    }
}

/// What is known of required checks where the verdict lands. Unknown counts as the weaker.
fn ground(graph: &Snapshot, place: &Place, document: &Document) -> GroundFacts {
    let Ok(repository) = place.repository else { return GroundFacts::default() };
    let premium = graph
        .workspace_of(repository)
        .map_or_else(Known::default, |workspace| graph.flag(workspace, "premium"));
    let target = document.facts.pull_request.value();
    let target = target.and_then(|pr| pr.target.value()?.reference.value());
    let status_required = match (target, document.product) {
        (Some(target), Product::Cloud) => {
            let rules = graph.protecting(repository, target, &[]).rules;
            let has = |kind: &str| {
                rules.iter().any(|rule| rule.kind.value().is_some_and(|word| word == kind))
            };
            Known::Value(has("require_passing_builds_to_merge") && has("enforce_merge_checks"))
        }
        (Some(_), Product::DataCenter) => Known::unknown("required builds are not read yet"),
        (None, _) => Known::Nothing,
    };
    GroundFacts { premium, status_required }
}
