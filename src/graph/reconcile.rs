//! What a new reading of a connection changed, thing by thing, and what it does not tell.
//!
//! A list that could not be read is not a list without entries: what the reading before said of it is carried over, so
//! that nothing seems to have gone; and once it can be read again, it is held against what it said last.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;

use crate::graph::Delta;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Relation;
use crate::graph::statement::Sort;
use crate::graph::statement::Statement;
use crate::graph::world::Edge;
use crate::graph::world::Node;
use crate::graph::world::World;
use crate::words;

words! {
    /// What kind of thing changed.
    pub enum Changed {
        /// A grant, a membership, or whether an account is switched on.
        Permission = "permission",
        /// A branch restriction.
        Restriction = "restriction",
        /// A key, token, app or agent, with what it may do and whose it is.
        Credential = "credential",
        /// A webhook.
        Hook = "hook",
        /// A runner.
        Runner = "runner",
        /// A variable.
        Variable = "variable",
        /// A repository.
        Repository = "repository",
        /// A project.
        Project = "project",
    }
}

/// Attributes of a repository that a rule can see change.
const REPOSITORY: &[&str] =
    &["name", "visibility", "default_branch", "archived", "forks", "own_restrictions"];

/// Attributes of a project that a rule can see change.
const PROJECT: &[&str] = &["name", "key", "visibility", "default"];

/// One thing that changed; how it was and is stands in the worlds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// What kind of thing.
    pub what: Changed,
    /// The thing; of a grant, who holds it.
    pub thing: Id,
    /// Of a grant, on what; of a membership, in what.
    pub on: Option<Id>,
}

/// A field of a node that a world lists as unknown.
pub type Part = (Id, String);

/// What a world lists as unknown.
pub fn parts(world: &World) -> BTreeSet<Part> {
    world.unknown.iter().map(|unknown| (unknown.about.clone(), unknown.field.clone())).collect()
}

/// The world, with these parts of it as another one has them.
pub fn carry(into: &World, from: &World, parts: &BTreeSet<Part>) -> World {
    if parts.is_empty() {
        return into.clone();
    }
    let (own, other) = (Index::of(into), Index::of(from));
    let mut dropped: HashSet<(&Id, Relation, &Id)> = HashSet::new();
    let (mut gone, mut come) = (HashSet::new(), HashSet::new());
    let mut met: HashSet<&Id> = HashSet::new();
    let mut edges: Vec<&Edge> = Vec::new();
    let mut fields: HashMap<&Id, Vec<&str>> = HashMap::new();
    for (about, field) in parts.iter().filter(|(about, _)| own.nodes.contains_key(about)) {
        let replaced = own.list(about, field);
        dropped.extend(replaced.iter().map(|edge| (&edge.from, edge.is, &edge.to)));
        gone.extend(own.below(about, &replaced));
        let told = other.list(about, field);
        come.extend(other.below(about, &told));
        // Whom only this list tells of is not gone either; what else is known of them is told by other lists.
        met.extend(told.iter().flat_map(|edge| [&edge.from, &edge.to]));
        edges.extend(told);
        fields.entry(about).or_default().push(field);
    }
    gone.retain(|id| !come.contains(id));
    let mut world = World::new(into.connection.clone(), into.as_of);
    world.nodes = into.nodes.iter().filter(|node| !gone.contains(&node.id)).cloned().collect();
    let there: HashSet<&Id> = own.nodes.keys().copied().filter(|id| !gone.contains(id)).collect();
    met.retain(|id| !there.contains(id) && !come.contains(id));
    let new = come.iter().filter(|id| !there.contains(*id)).chain(&met);
    world.nodes.extend(new.filter_map(|id| other.nodes.get(*id)).map(|node| Node::clone(node)));
    for node in &mut world.nodes {
        for field in fields.get(&node.id).into_iter().flatten() {
            take_attribute(node, other.nodes.get(&node.id).copied(), field);
        }
    }
    let brought = come.iter().flat_map(|id| other.touching(id));
    let known = |id: &Id| there.contains(id) || come.contains(id) || met.contains(id);
    let kept = into.edges.iter().filter(|edge| {
        known(&edge.from) && known(&edge.to) && !dropped.contains(&(&edge.from, edge.is, &edge.to))
    });
    let mut seen: HashSet<(&Id, Relation, &Id)> = HashSet::new();
    let taken =
        edges.into_iter().chain(brought).filter(|edge| known(&edge.from) && known(&edge.to));
    for edge in kept.chain(taken) {
        if seen.insert((&edge.from, edge.is, &edge.to)) {
            world.edges.push(edge.clone());
        }
    }
    world
}

fn take_attribute(node: &mut Node, told: Option<&Node>, field: &str) {
    match told.and_then(|told| told.attributes.get(field)) {
        Some(value) => node.attributes.insert(field.to_owned(), value.clone()),
        None => node.attributes.remove(field),
    };
}

/// A world by its ids.
struct Index<'w> {
    nodes: HashMap<&'w Id, &'w Node>,
    from: HashMap<&'w Id, Vec<&'w Edge>>,
    to: HashMap<&'w Id, Vec<&'w Edge>>,
}

impl<'w> Index<'w> {
    fn of(world: &'w World) -> Self {
        let mut index = Self {
            nodes: world.nodes.iter().map(|node| (&node.id, node)).collect(),
            from: HashMap::new(),
            to: HashMap::new(),
        };
        for edge in &world.edges {
            index.from.entry(&edge.from).or_default().push(edge);
            index.to.entry(&edge.to).or_default().push(edge);
        }
        index
    }

    fn touching(&self, id: &Id) -> impl Iterator<Item = &'w Edge> {
        let from = self.from.get(id).into_iter().flatten().copied();
        from.chain(self.to.get(id).into_iter().flatten().copied())
    }

    /// The edges that a list about a node is made of; none for an attribute.
    fn list(&self, about: &Id, field: &str) -> Vec<&'w Edge> {
        let belongs = |edge: &&&Edge| belongs(edge, about, field);
        let touching: Vec<&Edge> = self.touching(about).collect();
        if field == "groups" && about.kind() == Kind::Workspace {
            let members = self.to.values().flatten().copied();
            return members.filter(|edge| is_membership(edge)).collect();
        }
        if field == "credentials" && about.kind() == Kind::Workspace {
            let held = self.from.values().flatten().copied();
            return held.filter(|edge| is_in_hands(edge)).collect();
        }
        touching.iter().filter(belongs).copied().collect()
    }

    /// The things that such edges tell of, with what lives in them. People and groups are told by more than one list:
    /// they are not brought.
    fn below(&self, about: &Id, edges: &[&'w Edge]) -> HashSet<&'w Id> {
        let mut found = HashSet::new();
        let mut open: Vec<&Id> = edges.iter().filter_map(|edge| told_by(edge, about)).collect();
        while let Some(id) = open.pop() {
            if !found.insert(id) {
                continue;
            }
            let living = self.touching(id).filter_map(|edge| told_by(edge, id));
            open.extend(living.filter(|other| !found.contains(other)));
        }
        found
    }
}

fn is_membership(edge: &Edge) -> bool {
    edge.is == Relation::Member && edge.to.kind() == Kind::Group
}

/// Whether an edge tells of a key or token in somebody's hands, and for whom it acts.
fn is_in_hands(edge: &Edge) -> bool {
    let credential = |kind: Kind| matches!(kind, Kind::Key | Kind::Token);
    match edge.is {
        Relation::Holds => edge.from.kind() == Kind::User && credential(edge.to.kind()),
        Relation::ActsFor => credential(edge.from.kind()),
        Relation::Member
        | Relation::Owner
        | Relation::Read
        | Relation::Write
        | Relation::Create
        | Relation::Admin
        | Relation::Licensed
        | Relation::Default
        | Relation::In
        | Relation::Exempt
        | Relation::Restricts
        | Relation::DeploysTo
        | Relation::RunsOn => false,
    }
}

/// Whether an edge is part of this list about this node.
fn belongs(edge: &Edge, about: &Id, field: &str) -> bool {
    let (from, to) = (edge.from == *about, edge.to == *about);
    match (field, edge.is) {
        ("grants", is) => to && grants(is) && edge.from.kind() != Kind::Key,
        ("keys", is) => to && grants(is) && edge.from.kind() == Kind::Key,
        ("tokens", is) => to && grants(is) && edge.from.kind() == Kind::Token,
        ("members", Relation::Member)
        | ("exempt", Relation::Exempt)
        | ("restrictions", Relation::Restricts) => to,
        ("groups", Relation::Member) => from && edge.to.kind() == Kind::Group,
        ("project", Relation::In) => from && edge.to.kind() == Kind::Project,
        ("acts_for", Relation::ActsFor)
        | ("holds", Relation::Holds)
        | ("environments", Relation::DeploysTo)
        | ("runners", Relation::RunsOn) => from,
        ("variables", Relation::In) => to && edge.from.kind() == Kind::Variable,
        ("hooks", Relation::In) => to && edge.from.kind() == Kind::Hook,
        ("refs", Relation::In) => to && edge.from.kind() == Kind::Ref,
        ("projects", Relation::In) => to && edge.from.kind() == Kind::Project,
        ("repositories", Relation::In) => to && edge.from.kind() == Kind::Repository,
        _ => false,
    }
}

const fn grants(is: Relation) -> bool {
    matches!(
        is,
        Relation::Read
            | Relation::Write
            | Relation::Create
            | Relation::Admin
            | Relation::Owner
            | Relation::Licensed
    )
}

/// The thing that an edge of a node tells of, where nothing but lists like it tells of it.
fn told_by<'w>(edge: &'w Edge, of: &Id) -> Option<&'w Id> {
    match edge.is {
        Relation::In | Relation::Restricts if edge.to == *of => Some(&edge.from),
        Relation::DeploysTo | Relation::RunsOn if edge.from == *of => Some(&edge.to),
        Relation::Read | Relation::Write | Relation::Admin if edge.to == *of => {
            Some(&edge.from).filter(|from| matches!(from.kind(), Kind::Key | Kind::Token))
        }
        Relation::In
        | Relation::Restricts
        | Relation::DeploysTo
        | Relation::RunsOn
        | Relation::Read
        | Relation::Write
        | Relation::Admin
        | Relation::Member
        | Relation::Owner
        | Relation::Create
        | Relation::Licensed
        | Relation::Default
        | Relation::ActsFor
        | Relation::Holds
        | Relation::Exempt => None,
    }
}

/// Every thing that is another one than before, each once and in order. Both worlds tell the same lists: see [`carry`].
pub fn found(before: &World, after: &World) -> Vec<Found> {
    let delta = Delta::between(Some(before), after);
    let [old, new] = [before, after]
        .map(|world| world.nodes.iter().map(|node| node.id.as_str()).collect::<HashSet<&str>>());
    let in_both = |id: &str| old.contains(id) && new.contains(id);
    let told = |statement: &Statement| (statement.about.clone(), statement.says.clone());
    let attribute = |statement: &&Statement| statement.sort == Sort::Attribute;
    let ended: HashSet<_> = delta.ended.iter().filter(attribute).map(told).collect();
    let began: HashSet<_> = delta.began.iter().filter(attribute).map(told).collect();
    let mut all = BTreeSet::new();
    for statement in delta.ended.iter().chain(&delta.began) {
        match statement.sort {
            Sort::Node => all.extend(of_node(statement)),
            // What became known, or is told no more, is no change of the thing.
            Sort::Attribute => {
                let key = told(statement);
                let changed = ended.contains(&key) && began.contains(&key);
                if changed && in_both(&statement.about) {
                    all.extend(of_attribute(statement));
                }
            }
            Sort::Edge => all.extend(of_edge(statement)),
            Sort::Unknown => {}
        }
    }
    // What comes or goes with its repository or project is told by that.
    let homes = Homes { worlds: [Index::of(before), Index::of(after)] };
    let whole = |id: Id| !in_both(id.as_str());
    all.retain(|one| match one.what {
        Changed::Repository | Changed::Project => true,
        Changed::Permission
        | Changed::Restriction
        | Changed::Credential
        | Changed::Hook
        | Changed::Runner
        | Changed::Variable => !homes.of(one).is_some_and(whole),
    });
    all.into_iter().collect()
}

/// Where things are, before or after.
struct Homes<'w> {
    worlds: [Index<'w>; 2],
}

impl Homes<'_> {
    /// The repository or project that a thing belongs to.
    fn of(&self, found: &Found) -> Option<Id> {
        if let Some(on) = &found.on {
            return Some(on.clone()).filter(is_place);
        }
        self.worlds.iter().find_map(|world| {
            let ends = world.touching(&found.thing).flat_map(|edge| [&edge.to, &edge.from]);
            ends.filter(|id| **id != found.thing).find(|id| is_place(id)).cloned()
        })
    }
}

fn is_place(id: &Id) -> bool {
    matches!(id.kind(), Kind::Repository | Kind::Project)
}

fn of_node(statement: &Statement) -> Option<Found> {
    let thing: Id = statement.about.parse().ok()?;
    let what = kind_of(thing.kind())?;
    Some(Found { what, thing, on: None })
}

fn of_attribute(statement: &Statement) -> Option<Found> {
    let thing: Id = statement.about.parse().ok()?;
    let says = statement.says.as_str();
    let what = match thing.kind() {
        Kind::User => (says == "active").then_some(Changed::Permission),
        Kind::Repository => REPOSITORY.contains(&says).then_some(Changed::Repository),
        Kind::Project => PROJECT.contains(&says).then_some(Changed::Project),
        kind @ (Kind::App
        | Kind::Token
        | Kind::Key
        | Kind::Agent
        | Kind::Credential
        | Kind::Restriction
        | Kind::Hook
        | Kind::Runner
        | Kind::Variable
        | Kind::Group
        | Kind::Workspace
        | Kind::Ref
        | Kind::Environment) => kind_of(kind),
    };
    Some(Found { what: what?, thing, on: None })
}

const fn kind_of(kind: Kind) -> Option<Changed> {
    match kind {
        Kind::Restriction => Some(Changed::Restriction),
        Kind::App | Kind::Token | Kind::Key | Kind::Agent | Kind::Credential => {
            Some(Changed::Credential)
        }
        Kind::Hook => Some(Changed::Hook),
        Kind::Runner => Some(Changed::Runner),
        Kind::Variable => Some(Changed::Variable),
        Kind::Repository => Some(Changed::Repository),
        Kind::Project => Some(Changed::Project),
        Kind::User | Kind::Group | Kind::Workspace | Kind::Ref | Kind::Environment => None,
    }
}

fn of_edge(statement: &Statement) -> Option<Found> {
    let (from, to): (Id, Id) = (statement.about.parse().ok()?, statement.what.parse().ok()?);
    let of = |what, thing| Some(Found { what, thing, on: None });
    match Relation::from_text(&statement.says)? {
        Relation::Read
        | Relation::Write
        | Relation::Create
        | Relation::Admin
        | Relation::Owner
        | Relation::Licensed
            if matches!(from.kind(), Kind::Key | Kind::Token | Kind::Credential) =>
        {
            of(Changed::Credential, from)
        }
        Relation::Read
        | Relation::Write
        | Relation::Create
        | Relation::Admin
        | Relation::Owner
        | Relation::Licensed
        | Relation::Member => Some(Found { what: Changed::Permission, thing: from, on: Some(to) }),
        Relation::Default => of(Changed::Project, to),
        Relation::ActsFor if from.kind() == Kind::Runner => of(Changed::Runner, from),
        Relation::ActsFor => of(Changed::Credential, from),
        Relation::Holds => of(Changed::Credential, to),
        Relation::In if from.kind() == Kind::Ref => None,
        Relation::In => of(kind_of(from.kind())?, from),
        Relation::Exempt => of(Changed::Restriction, to),
        Relation::Restricts => of(Changed::Restriction, from),
        Relation::DeploysTo => None,
        Relation::RunsOn => of(Changed::Runner, to),
    }
}
