//! Which subjects a change of the graph can alter, so that only they are looked at again.
//!
//! Rather one too many than one too few: a thing that changed takes with it where it lives, what lives in it, and what it
//! reaches; `afar` adds what hangs together over a distance. What concerns everybody (a workspace's own settings, who is
//! in it at all, which lists of grants were not read) concerns every subject. What only tells how much a thing is used
//! waits for the next whole look.

mod afar;

use std::collections::BTreeSet;

use crate::graph::Delta;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Level;
use crate::graph::NodeNo;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::World;
use crate::graph::statement::Sort;
use crate::graph::statement::Statement;
use crate::posture::touched::afar::Afar;
use crate::posture::touched::afar::is_felt_afar;

/// Subjects beyond which a scan of some costs as much as one of all.
const MAX_TOUCHED: usize = 20_000;

/// What a change can alter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touched {
    /// Every subject.
    All,
    /// These nodes, those that are gone among them.
    Some(BTreeSet<Id>),
    /// The same; and something can be read again that could not be, so that what stood there before may be gone; or the
    /// other way round, so that it is not certain any more that it is.
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
    if !before.graph.hides_alike(after.graph, &after.world.connection.id) {
        return Touched::All;
    }
    let mut found = BTreeSet::new();
    let mut afar = [before.graph, after.graph].map(Afar::new);
    for statement in delta.ended.iter().chain(&delta.began) {
        if is_everybodys(statement) {
            return Touched::All;
        }
        if let Ok(about) = statement.about.parse::<Id>()
            && is_felt_afar(statement)
        {
            for graph in &mut afar {
                graph.reach(&about, &mut found);
            }
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
    let mut moved = delta.ended.iter().chain(&delta.began);
    let opened = moved.any(|statement| statement.sort == Sort::Unknown);
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
        // Everybody who is licensed has a project's default permission.
        Sort::Attribute => {
            about.kind() == Kind::Workspace
                || (about.kind() == Kind::Project && statement.says == "default")
        }
        // Who is in no known group, or may be switched off, may be anybody anywhere.
        Sort::Unknown => {
            matches!(about.kind(), Kind::Workspace | Kind::Group | Kind::User)
                || matches!(statement.says.as_str(), "groups" | "active")
        }
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
        // What is set on the whole workspace is read of every repository.
        Kind::Runner | Kind::Variable if is_workspaces(graph, node) => return Reached::All,
        // One without a place may be looked after by anybody.
        Kind::Hook if graph.home_of(node).is_none() => return Reached::All,
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

fn is_workspaces(graph: &Snapshot, thing: NodeNo) -> bool {
    let home = graph.home_of(thing).and_then(|home| graph.node(home));
    home.is_some_and(|home| home.id.kind() == Kind::Workspace)
}

fn project(graph: &Snapshot, node: NodeNo, found: &mut BTreeSet<Id>) {
    add(graph, node, found);
    found.extend(graph.led_to(node, Relation::Restricts));
    found.extend(graph.led_from(node, Relation::RunsOn));
    found.extend(credentials_on(graph, node));
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
    found.extend(credentials_on(graph, repository));
}

/// What is in nobody's hands and is let in to a place.
fn credentials_on(graph: &Snapshot, place: NodeNo) -> impl Iterator<Item = Id> {
    let grants = Relation::ALL.iter().filter(|is| is.level() > Level::None);
    let holders = grants.flat_map(move |is| graph.led_to(place, *is));
    holders.filter(|id| matches!(id.kind(), Kind::Key | Kind::Token | Kind::App | Kind::Credential))
}

/// Where an identity holds something, itself or by its groups, and what it holds. One that reaches the whole workspace
/// reaches every subject.
fn identity(graph: &Snapshot, node: NodeNo, found: &mut BTreeSet<Id>) -> Reached {
    add(graph, node, found);
    in_hands(graph, node, found);
    for member in graph.members_of(node).nodes {
        add(graph, member, found);
        in_hands(graph, member, found);
    }
    for restriction in graph.led_from(node, Relation::Exempt) {
        if let Some(restriction) = graph.find(&restriction) {
            thing(graph, restriction, found);
        }
    }
    for place in granted(graph, node) {
        match graph.node(place).map(|place| place.id.kind()) {
            Some(Kind::Workspace) => return Reached::All,
            Some(Kind::Project) => project(graph, place, found),
            Some(_) => repository(graph, place, found),
            None => {}
        }
    }
    Reached::Some
}

/// Where something was granted to an identity or its groups, a licence too, whatever it is worth there.
fn granted(graph: &Snapshot, node: NodeNo) -> Vec<NodeNo> {
    let grants = |is: &&Relation| is.level() > Level::None || **is == Relation::Licensed;
    let holders = graph.groups_of(node).nodes.into_iter().chain([node]);
    let places = holders.flat_map(|holder| {
        let words = Relation::ALL.iter().filter(grants);
        words.flat_map(move |is| graph.led_from(holder, *is))
    });
    let places: BTreeSet<Id> = places.collect();
    places.iter().filter_map(|place| graph.find(place)).collect()
}

/// What an identity holds, what acts for it, and who else holds those: an agent and a person may share one.
fn in_hands(graph: &Snapshot, node: NodeNo, found: &mut BTreeSet<Id>) {
    found.extend(graph.led_to(node, Relation::Holds));
    found.extend(graph.led_from(node, Relation::ActsFor));
    let held = graph.led_from(node, Relation::Holds).into_iter();
    for held in held.chain(graph.led_to(node, Relation::ActsFor)) {
        let others = graph.find(&held).into_iter();
        found.extend(others.flat_map(|held| graph.led_to(held, Relation::Holds)));
        found.insert(held);
    }
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
