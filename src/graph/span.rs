//! How far an identity reaches, in numbers: cheap enough to be asked of every key of a large estate, where
//! [`Snapshot::reached`] would walk all places for each.

use std::collections::BTreeSet;
use std::collections::HashMap;

use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Level;
use crate::graph::NodeNo;
use crate::graph::Product;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::Why;
use crate::graph::ask::most_of_a_key;
use crate::graph::effective::doubt::NO_DEFAULT;
use crate::graph::effective::licensed;
use crate::graph::effective::person;
use crate::graph::effective::wide;
use crate::graph::snapshot::DEFAULT_UNTOLD;
use crate::graph::snapshot::Home;
use crate::graph::snapshot::INACTIVE;
use crate::graph::snapshot::RANK_ADMIN;

/// Words that give a level on a place.
const GRANTS: [Relation; 5] =
    [Relation::Owner, Relation::Read, Relation::Write, Relation::Create, Relation::Admin];

/// What many questions share: how many repositories there are in each project and workspace, and what every home gives
/// to all its licensed people.
#[derive(Clone, Debug, Default)]
pub struct Sizes {
    repositories: HashMap<u32, u64>,
    /// In the order of the homes.
    given: Vec<Given>,
}

/// What Data Center's default permissions of projects give to everybody who is licensed.
#[derive(Clone, Debug)]
struct Given {
    level: Level,
    projects: BTreeSet<u32>,
    /// In those projects.
    repositories: u64,
    /// Why it may be more.
    unknown: Option<Why>,
}

/// How far an identity reaches by what is known to be granted to it and its groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The most that is known to be granted anywhere; `create` where that is to create projects, with nothing more on any
    /// repository than `write`.
    pub level: Level,
    /// The most that one of its kind can be granted.
    pub most: Level,
    /// How many repositories it is known to have any level on.
    pub repositories: u64,
    /// Where it was granted something, in order of number.
    pub places: Vec<NodeNo>,
    /// Why it may reach further; none: this is all.
    pub unknown: Option<Why>,
}

impl Given {
    const NOTHING: Self =
        Self { level: Level::None, projects: BTreeSet::new(), repositories: 0, unknown: None };
}

impl Span {
    const fn nothing(unknown: Option<Why>) -> Self {
        Self {
            level: Level::None,
            most: Level::Admin,
            repositories: 0,
            places: Vec::new(),
            unknown,
        }
    }

    /// Whether it may do this anywhere: known to, known not to, or not known to and perhaps granted it all the same.
    pub fn may(&self, level: Level) -> Known<bool> {
        if self.level >= level {
            return Known::Value(true);
        }
        let more = self.unknown.as_ref().filter(|_| self.most >= level);
        more.map_or(Known::Value(false), |why| Known::Unknown(why.clone()))
    }

    /// The most it is known to do anywhere; unknown where that is nothing and it may reach something all the same.
    pub fn least(&self) -> Known<Level> {
        self.may(Level::Read).map(|_| self.level)
    }

    /// On how many repositories it is known to have a level; unknown like [`Span::least`].
    pub fn least_repositories(&self) -> Known<u64> {
        self.may(Level::Read).map(|_| self.repositories)
    }
}

impl Snapshot {
    /// Cost: one walk over the repositories and projects.
    pub fn sizes(&self) -> Sizes {
        let mut repositories = HashMap::new();
        for home in self.homes.iter() {
            for repository in home.of(Kind::Repository) {
                let project = self.card(repository).home;
                for place in [Some(project), home.workspace].into_iter().flatten() {
                    *repositories.entry(place).or_insert(0) += 1;
                }
            }
        }
        let given = self.homes.iter().map(|home| self.given(home, &repositories)).collect();
        Sizes { repositories, given }
    }

    fn given(&self, home: &Home, repositories: &HashMap<u32, u64>) -> Given {
        let mut given = Given::NOTHING;
        if home.connection.product == Product::Cloud {
            return given;
        }
        given.unknown.clone_from(&home.hidden.defaults);
        for project in home.of(Kind::Project) {
            let default = self.given_by(project);
            if default > Level::None {
                given.level = given.level.max(default.on_repository());
                given.repositories += repositories.get(&project).copied().unwrap_or(0);
                given.projects.insert(project);
            }
            if self.card(project).bits & DEFAULT_UNTOLD != 0 {
                given.unknown.get_or_insert(NO_DEFAULT);
            }
        }
        given
    }

    /// How far an identity reaches. What is public is open to everybody and not counted. Of one who may be switched off
    /// nothing is known to be granted.
    pub fn span(&self, node: NodeNo, sizes: &Sizes) -> Span {
        let claim = self.claim(node.0);
        let Some(home) = self.home(claim.card).filter(|_| claim.card.bits & INACTIVE == 0) else {
            return Span::nothing(None);
        };
        if let Some(why) = self.doubt(node.0, "active") {
            return Span::nothing(Some(why.clone()));
        }
        let unknown = self.may_hold_more(node);
        if !licensed(&claim, home) {
            return Span::nothing(unknown);
        }
        let mut level = wide(claim.rank);
        let mut places = BTreeSet::new();
        for holder in std::iter::once(claim.itself).chain(claim.groups.iter().copied()) {
            for is in GRANTS {
                for place in self.outgoing(holder, is) {
                    // Creating projects is no level on what is in them.
                    if is == Relation::Create && Some(place) == home.workspace {
                        level = level.max(Level::Create);
                        continue;
                    }
                    level = level.max(is.level().on_repository());
                    places.insert(place);
                }
            }
        }
        let given = sizes.given.get(usize::from(claim.card.connection));
        let given = given.filter(|_| person(claim.card.kind)).unwrap_or(const { &Given::NOTHING });
        level = level.max(given.level);
        let size = |place: u32| sizes.repositories.get(&place).copied().unwrap_or(0);
        let counts = |place: &&u32| {
            let project = self.card(**place).home;
            !given.projects.contains(place) && !given.projects.contains(&project)
        };
        let granted = places.iter().filter(counts);
        let granted = granted.map(|place| self.counted(*place, &places, &size));
        let repositories = match home.workspace.filter(|_| wide(claim.rank) > Level::None) {
            Some(all) => size(all),
            None => given.repositories + granted.sum::<u64>(),
        };
        let homeless = || {
            let project = |place: &u32| self.card(*place).kind == Kind::Project;
            let by_project = !given.projects.is_empty() || places.iter().any(project);
            home.hidden.homes.clone().filter(|_| by_project)
        };
        let unknown = unknown.or_else(homeless).or_else(|| given.unknown.clone());
        let is_key = claim.card.kind == Kind::Key;
        let most = if is_key { most_of_a_key(home.connection.product) } else { Level::Admin };
        let places = places.into_iter().map(NodeNo).collect();
        Span { level, most, repositories, places, unknown }
    }

    /// Whether somebody administers all of it.
    pub fn administers_all(&self, node: NodeNo) -> bool {
        self.card(node.0).rank & RANK_ADMIN != 0
    }

    /// A repository counts once, by itself or by its project.
    fn counted(&self, place: u32, places: &BTreeSet<u32>, size: &impl Fn(u32) -> u64) -> u64 {
        let card = self.card(place);
        match card.kind {
            Kind::Repository if places.contains(&card.home) => 0,
            Kind::Repository => 1,
            Kind::Project | Kind::Workspace => size(place),
            Kind::User
            | Kind::Group
            | Kind::App
            | Kind::Token
            | Kind::Key
            | Kind::Runner
            | Kind::Agent
            | Kind::Ref
            | Kind::Environment
            | Kind::Variable
            | Kind::Restriction
            | Kind::Hook
            | Kind::Credential => 0,
        }
    }
}
