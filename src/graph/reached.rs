//! What an identity reaches: the repositories it holds a level on. The other way round than [`Snapshot::who_can`], and as
//! cheap: the grants of one identity are walked, and no repository is asked about.

use crate::graph::Kind;
use crate::graph::Level;
use crate::graph::Product;
use crate::graph::Relation;
use crate::graph::Why;
use crate::graph::ask::Marks;
use crate::graph::effective::Claim;
use crate::graph::effective::doubt::NO_WORKSPACE;
use crate::graph::effective::licensed;
use crate::graph::effective::may_see;
use crate::graph::effective::person;
use crate::graph::effective::wide;
use crate::graph::snapshot::Home;
use crate::graph::snapshot::INACTIVE;
use crate::graph::snapshot::MASK;
use crate::graph::snapshot::NodeNo;
use crate::graph::snapshot::Snapshot;

/// What an identity reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// Repositories with a level above none, in order of id.
    pub repositories: Vec<(NodeNo, Level)>,
    /// Why it may reach more, or otherwise; none: this is all.
    pub unknown: Option<Why>,
}

/// Fields whose lack can hide a grant, its holder or its worth.
const HIDING: [&str; 7] =
    ["grants", "groups", "members", "active", "visibility", "default", "project"];

/// The field whose lack hides what keys hold, and nothing of others.
const HIDING_KEYS: &str = "keys";

/// Words that give a level on a project or repository.
const GRANTS: [Relation; 5] =
    [Relation::Owner, Relation::Read, Relation::Write, Relation::Create, Relation::Admin];

/// Levels on the places of one home. Most stay none, so what has one is marked.
struct Levels {
    first: u32,
    held: Vec<u8>,
    marks: Marks,
}

impl Levels {
    /// None on any project or repository.
    fn on(home: &Home) -> Self {
        let (projects, repositories) = (home.of(Kind::Project), home.of(Kind::Repository));
        let first = projects.start.min(repositories.start);
        let count = projects.end.max(repositories.end).saturating_sub(first) as usize;
        Self { first, held: vec![0; count], marks: Marks::new(count) }
    }

    fn raise(&mut self, number: u32, level: Level) {
        let at = number.wrapping_sub(self.first);
        let Some(now) = self.held.get_mut(at as usize) else { return };
        if *now == 0 {
            self.marks.add(at);
        }
        *now = (*now).max(level as u8);
    }

    fn at(&self, number: u32) -> Level {
        let now = self.held.get(number.wrapping_sub(self.first) as usize).copied().unwrap_or(0);
        Level::ALL.get(usize::from(now)).copied().unwrap_or(Level::None)
    }

    /// The repositories that have one.
    fn repositories(&self, home: &Home) -> Vec<(NodeNo, Level)> {
        let repositories = home.of(Kind::Repository);
        let marked = self.marks.all().map(|at| at + self.first);
        let marked = marked.filter(|number| repositories.contains(number));
        marked.map(|number| (NodeNo(number), self.at(number).on_repository())).collect()
    }
}

impl Snapshot {
    /// Every repository on which an identity holds a level, with that level; the same that [`Snapshot::effective`] tells
    /// of each. Cost: its grants and those of its groups, and one byte for each place.
    pub fn reached(&self, identity: NodeNo) -> Reached {
        let claim = self.claim(identity.0);
        let Some(home) = self.home(claim.card).filter(|_| claim.card.bits & INACTIVE == 0) else {
            return Reached::default();
        };
        let mut levels = Levels::on(home);
        if may_see(&claim, home) {
            home.public.iter().for_each(|&place| levels.raise(place, Level::Read));
        }
        if licensed(&claim, home) {
            for holder in std::iter::once(claim.itself).chain(claim.groups.iter().copied()) {
                self.raise_grants(&mut levels, holder);
            }
            raise_wide(&mut levels, &claim, home);
        }
        self.raise_inside(&mut levels, &claim, home);
        Reached { repositories: levels.repositories(home), unknown: self.hidden(&claim, home) }
    }

    fn raise_grants(&self, levels: &mut Levels, holder: u32) {
        for is in GRANTS {
            for packed in self.out_of(holder, is) {
                levels.raise(packed & MASK, is.level());
            }
        }
    }

    /// What is held on a project, by grant, by default or because it is public, is held on its repositories.
    fn raise_inside(&self, levels: &mut Levels, claim: &Claim<'_>, home: &Home) {
        let served = home.connection.product == Product::DataCenter
            && person(claim.card.kind)
            && licensed(claim, home);
        for project in home.of(Kind::Project) {
            let default = usize::from(self.card(project).rank);
            let default = Level::ALL.get(default).copied().filter(|_| served);
            let level = levels.at(project).max(default.unwrap_or(Level::None)).on_repository();
            if level > Level::None {
                let inside = self.incoming_by(project, Relation::In);
                inside.for_each(|number| levels.raise(number, level));
            }
        }
    }

    /// Anything unknown that could hide a grant; not whether it really does.
    fn hidden(&self, claim: &Claim<'_>, home: &Home) -> Option<Why> {
        if !home.doubtful {
            return None;
        }
        if home.workspace.is_none() {
            return Some(NO_WORKSPACE);
        }
        if let Some(top) = home.workspace
            && let Some(why) = self.doubt(top, "anonymous").filter(|_| !may_see(claim, home))
        {
            return Some(why.clone());
        }
        let of = |number: &&u32| self.card(**number).connection == claim.card.connection;
        let mut doubted: Vec<&u32> = self.doubts.keys().filter(of).collect();
        doubted.sort_unstable();
        let keys = (claim.card.kind == Kind::Key).then_some(&HIDING_KEYS);
        let fields = || HIDING.iter().chain(keys);
        let why = |number: &u32| fields().find_map(|field| self.doubt(*number, field));
        doubted.into_iter().find_map(why).cloned()
    }
}

/// What the identity is on the whole workspace, it is on every repository of it.
fn raise_wide(levels: &mut Levels, claim: &Claim<'_>, home: &Home) {
    let wide = wide(claim.rank);
    if wide > Level::None {
        home.of(Kind::Repository).for_each(|repository| levels.raise(repository, wide));
    }
}
