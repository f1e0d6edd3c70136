//! How far an identity reaches, in numbers: cheap enough to be asked of every key of a large estate, where
//! [`Snapshot::reached`] would walk all places for each.

use std::collections::BTreeSet;
use std::collections::HashMap;

use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Level;
use crate::graph::NodeNo;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::Why;
use crate::graph::ask::most_of_a_key;
use crate::graph::effective::licensed;
use crate::graph::effective::wide;
use crate::graph::snapshot::INACTIVE;
use crate::graph::snapshot::RANK_ADMIN;

/// Words that give a level on a place.
const GRANTS: [Relation; 5] =
    [Relation::Owner, Relation::Read, Relation::Write, Relation::Create, Relation::Admin];

/// How many repositories there are in each project and workspace; worked out once for many questions.
#[derive(Clone, Debug, Default)]
pub struct Sizes(HashMap<u32, u64>);

/// How far an identity reaches by what is known to be granted to it and its groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The most that is known to be granted anywhere.
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
    /// Cost: one walk over the repositories.
    pub fn sizes(&self) -> Sizes {
        let mut sizes = HashMap::new();
        for home in self.homes.iter() {
            for repository in home.of(Kind::Repository) {
                let project = self.card(repository).home;
                for place in [Some(project), home.workspace].into_iter().flatten() {
                    *sizes.entry(place).or_insert(0) += 1;
                }
            }
        }
        Sizes(sizes)
    }

    /// How far an identity reaches. What is open to everybody (public places, default permissions) is not counted. Of one
    /// who may be switched off nothing is known to be granted.
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
                    level = level.max(is.level().on_repository());
                    places.insert(place);
                }
            }
        }
        let size = |place: u32| sizes.0.get(&place).copied().unwrap_or(0);
        let repositories = match home.workspace.filter(|_| wide(claim.rank) > Level::None) {
            Some(all) => size(all),
            None => places.iter().map(|place| self.counted(*place, &places, &size)).sum(),
        };
        let homeless = || {
            let project = |place: &u32| self.card(*place).kind == Kind::Project;
            home.hidden.homes.clone().filter(|_| places.iter().any(project))
        };
        let unknown = unknown.or_else(homeless);
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
