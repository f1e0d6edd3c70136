//! Which subjects a change of the graph can alter, so that only they are looked at again.
//!
//! Rather one too many than one too few: a thing that changed takes with it where it lives, what lives in it, and what it
//! reaches. What concerns everybody (a workspace's own settings, who is in it at all) concerns every subject.

use std::collections::BTreeSet;

use crate::graph::Delta;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::NodeNo;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::World;
use crate::graph::statement::Sort;
use crate::graph::statement::Statement;

/// Subjects beyond which a scan of some costs as much as one of all.
const MAX_TOUCHED: usize = 20_000;

/// What a change can alter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touched {
    /// Every subject.
    All,
    /// These nodes, those that are gone among them.
    Some(BTreeSet<Id>),
    /// The same; and something can be read again that could not be, so that what stood there before may be gone.
    Opened(BTreeSet<Id>),
}

/// A connection's world in the graph that it stands in.
#[derive(Clone, Copy, Debug)]
pub struct Side<'g> {
    /// What it says; where the other side says the same of a node, it may be left out of both.
    pub world: &'g World,
    /// The graph.
    pub graph: &'g Snapshot,
}

/// What the difference between two readings of a connection can alter.
pub fn touched(before: Side<'_>, after: Side<'_>) -> Touched {
    let delta = Delta::between(Some(before.world), after.world);
    let mut found = BTreeSet::new();
    for statement in delta.ended.iter().chain(&delta.began) {
        if is_everybodys(statement) {
            return Touched::All;
        }
        let ends = [&statement.about, &statement.what];
        let ends = ends.into_iter().take(if statement.sort == Sort::Edge { 2 } else { 1 });
        for id in ends.filter_map(|end| end.parse::<Id>().ok()) {
            for graph in [before.graph, after.graph] {
                let Reached::Some = reach(graph, &id, &mut found) else { return Touched::All };
            }
            found.insert(id);
        }
        if found.len() > MAX_TOUCHED {
            return Touched::All;
        }
    }
    let opened = delta.ended.iter().any(|statement| statement.sort == Sort::Unknown);
    if opened { Touched::Opened(found) } else { Touched::Some(found) }
}

/// Whether what changed is asked of by facts about every subject: a workspace's own fields, and who there is at all.
fn is_everybodys(statement: &Statement) -> bool {
    let Ok(about) = statement.about.parse::<Id>() else { return true };
    match statement.sort {
        Sort::Node => matches!(about.kind(), Kind::User | Kind::Workspace),
        Sort::Attribute if about.kind() == Kind::User => {
            matches!(statement.says.as_str(), "active" | "kind")
        }
        Sort::Attribute => about.kind() == Kind::Workspace,
        Sort::Unknown => matches!(about.kind(), Kind::Workspace | Kind::Group | Kind::User),
        Sort::Edge => {
            let to = statement.what.parse::<Id>().map(|id| id.kind());
            let from_workspace = about.kind() == Kind::Workspace;
            let into_workspace = to == Ok(Kind::Workspace);
            let lives = Relation::from_text(&statement.says) == Some(Relation::In);
            let is_place = matches!(about.kind(), Kind::Project | Kind::Repository);
            from_workspace || (into_workspace && !(lives && is_place))
        }
    }
}

/// How far something reaches.
enum Reached {
    /// Everywhere.
    All,
    /// What was added.
    Some,
}

/// Adds what a node can alter: itself, where it lives and what lives there, and all that it reaches.
fn reach(graph: &Snapshot, id: &Id, found: &mut BTreeSet<Id>) -> Reached {
    let Some(node) = graph.find(id) else { return Reached::Some };
    match id.kind() {
        // The workspace alone: that a repository came into it changes no other.
        Kind::Workspace => add(graph, node, found),
        Kind::Project => project(graph, node, found),
        Kind::Repository => repository(graph, node, found),
        Kind::User
        | Kind::Group
        | Kind::App
        | Kind::Agent
        | Kind::Token
        | Kind::Key
        | Kind::Credential => {
            return identity(graph, node, found);
        }
        Kind::Runner
        | Kind::Ref
        | Kind::Environment
        | Kind::Variable
        | Kind::Restriction
        | Kind::Hook => {
            thing(graph, node, found);
        }
    }
    Reached::Some
}

fn add(graph: &Snapshot, node: NodeNo, found: &mut BTreeSet<Id>) {
    found.extend(graph.node(node).map(|node| node.id.clone()));
}

fn project(graph: &Snapshot, node: NodeNo, found: &mut BTreeSet<Id>) {
    add(graph, node, found);
    found.extend(graph.led_to(node, Relation::Restricts));
    found.extend(graph.led_from(node, Relation::RunsOn));
    for living in graph.led_to(node, Relation::In) {
        let below = graph.find(&living).filter(|_| living.kind() == Kind::Repository);
        found.insert(living);
        if let Some(repository) = below {
            inside(graph, repository, found);
        }
    }
}

fn repository(graph: &Snapshot, node: NodeNo, found: &mut BTreeSet<Id>) {
    add(graph, node, found);
    inside(graph, node, found);
    found.extend(graph.led_from(node, Relation::In));
    if let Some(workspace) = graph.workspace_of(node) {
        add(graph, workspace, found);
    }
}

/// What lives in a repository, and what reaches into it from where it is in nobody's hands.
fn inside(graph: &Snapshot, repository: NodeNo, found: &mut BTreeSet<Id>) {
    found.extend(graph.led_to(repository, Relation::In));
    found.extend(graph.led_from(repository, Relation::RunsOn));
    for environment in graph.led_from(repository, Relation::DeploysTo) {
        let node = graph.find(&environment);
        found.extend(node.into_iter().flat_map(|node| graph.led_to(node, Relation::In)));
        found.insert(environment);
    }
    for is in [Relation::Read, Relation::Write, Relation::Admin] {
        let holders = graph.led_to(repository, is).into_iter();
        found.extend(holders.filter(|id| {
            matches!(id.kind(), Kind::Key | Kind::Token | Kind::App | Kind::Credential)
        }));
    }
}

/// Where an identity holds something, itself or by its groups, and what it holds. One that reaches the whole workspace
/// reaches every subject.
fn identity(graph: &Snapshot, node: NodeNo, found: &mut BTreeSet<Id>) -> Reached {
    add(graph, node, found);
    found.extend(graph.led_from(node, Relation::Holds));
    found.extend(graph.led_to(node, Relation::Holds));
    found.extend(graph.led_from(node, Relation::ActsFor));
    found.extend(graph.led_to(node, Relation::ActsFor));
    for restriction in graph.led_from(node, Relation::Exempt) {
        if let Some(restriction) = graph.find(&restriction) {
            thing(graph, restriction, found);
        }
    }
    for reached in graph.reach(node) {
        match graph.node(reached.place).map(|place| place.id.kind()) {
            Some(Kind::Workspace) => return Reached::All,
            Some(Kind::Project) => project(graph, reached.place, found),
            Some(_) => repository(graph, reached.place, found),
            None => {}
        }
    }
    // A runner or app that acts for it stands in places of its own, and whoever is in a group can do what it can.
    found.extend(graph.led_to(node, Relation::Member));
    Reached::Some
}

/// A thing of a place, with that place.
fn thing(graph: &Snapshot, node: NodeNo, found: &mut BTreeSet<Id>) {
    add(graph, node, found);
    let mut places = graph.places_of(node);
    places.extend(graph.home_of(node));
    for place in places {
        match graph.node(place).map(|place| place.id.kind()) {
            Some(Kind::Project) => project(graph, place, found),
            Some(Kind::Repository) => repository(graph, place, found),
            Some(Kind::Environment) => {
                add(graph, place, found);
                if let Some(home) = graph.home_of(place) {
                    repository(graph, home, found);
                }
            }
            Some(_) => add(graph, place, found),
            None => {}
        }
    }
}
