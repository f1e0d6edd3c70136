//! What could make an effective level another one: the unknown facts it rests on. Not the level itself.

use crate::graph::Kind;
use crate::graph::Level;
use crate::graph::Product;
use crate::graph::Why;
use crate::graph::effective::Claim;
use crate::graph::effective::licensed;
use crate::graph::effective::may_see;
use crate::graph::effective::person;
use crate::graph::snapshot::DEFAULT_UNTOLD;
use crate::graph::snapshot::Home;
use crate::graph::snapshot::INACTIVE;
use crate::graph::snapshot::NOWHERE;
use crate::graph::snapshot::Snapshot;
use crate::graph::snapshot::VISIBILITY_UNTOLD;

/// A world without its workspace leaves out who administers or licenses.
pub(in crate::graph) const NO_WORKSPACE: Why =
    Why::fixed("nothing we have read tells who administers the workspace or is licensed");

/// A default permission whose level nobody tells.
pub(in crate::graph) const NO_DEFAULT: Why =
    Why::fixed("the project has a default permission, but nothing tells its level");

/// Whether a licence is there, or could come with a group that was not read to the end.
fn may_be_licensed(claim: &Claim<'_>, home: &Home) -> bool {
    licensed(claim, home) || !home.open_groups.is_empty()
}

impl Snapshot {
    /// What could make the level another one. Where nothing is listed as unknown, this is a few comparisons.
    pub(in crate::graph) fn uncertainty(
        &self,
        identity: u32,
        resource: u32,
        level: Level,
    ) -> Option<Why> {
        let (who, card) = (self.card(identity), self.card(resource));
        let home = self.home(card)?;
        if who.connection != card.connection {
            return None;
        }
        let Some(project) = self.place_of(resource, home) else {
            return Some(Why::fixed("levels are held on repositories, projects and workspaces"));
        };
        let told = project != NOWHERE && self.card(project).bits & DEFAULT_UNTOLD == 0;
        let unseen = (card.bits | self.card(project).bits) & VISIBILITY_UNTOLD != 0;
        if told && !home.doubtful && (level >= Level::Read || !unseen) {
            return None;
        }
        self.doubt_of(identity, resource, level)
    }

    /// The project a level on this resource flows from; the workspace for itself, nothing where no level can be held.
    fn place_of(&self, resource: u32, home: &Home) -> Option<u32> {
        let card = self.card(resource);
        match card.kind {
            Kind::Repository => Some(card.home),
            Kind::Project => Some(resource),
            Kind::Workspace => Some(home.workspace.unwrap_or(NOWHERE)),
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
            | Kind::Credential => None,
        }
    }

    fn doubt_of(&self, identity: u32, resource: u32, level: Level) -> Option<Why> {
        let (who, card) = (self.card(identity), self.card(resource));
        let home = self.home(card)?;
        if let Some(why) = self.doubt(identity, "active").filter(|_| level > Level::None) {
            return Some(why.clone());
        }
        if who.bits & INACTIVE != 0 {
            return None;
        }
        let top = if card.kind == Kind::Repository { Level::Admin } else { Level::Owner };
        if level >= top {
            return None;
        }
        self.doubt_of_sources(identity, resource, home)
            .or_else(|| self.doubt_of_project(identity, resource, home))
            .or_else(|| self.doubt_of_open_groups(identity, resource, level, home))
            .or_else(|| self.doubt_of_sight(identity, resource, level, home))
    }

    /// Lists that were not read to the end.
    fn doubt_of_sources(&self, identity: u32, resource: u32, home: &Home) -> Option<Why> {
        let card = self.card(resource);
        let project = Some(card.home).filter(|&project| project != NOWHERE);
        let near = || std::iter::once(resource).chain(project);
        let unread = near().chain(home.workspace).find_map(|place| self.doubt(place, "grants"));
        // A key's grants are a list of their own.
        let is_key = self.card(identity).kind == Kind::Key;
        let keys = near().find_map(|place| self.doubt(place, "keys")).filter(|_| is_key);
        let unread = unread.or(keys);
        let mut nested = std::iter::once(identity).chain(self.groups(identity).iter().copied());
        let unread = unread.or_else(|| nested.find_map(|member| self.doubt(member, "groups")));
        let rooted = home.workspace.is_some() || !person(self.card(identity).kind);
        unread.cloned().or_else(|| (!rooted).then_some(NO_WORKSPACE))
    }

    /// Where the project, or what it gives to all, is unknown.
    fn doubt_of_project(&self, identity: u32, resource: u32, home: &Home) -> Option<Why> {
        let card = self.card(resource);
        let project = if card.kind == Kind::Project { resource } else { card.home };
        if card.kind == Kind::Workspace {
            return None;
        }
        if project == NOWHERE {
            let why = self.doubt(resource, "project").cloned();
            return Some(why.unwrap_or(Why::fixed("nothing we have read tells its project")));
        }
        let claim = self.claim(identity);
        let served = home.connection.product == Product::DataCenter
            && person(claim.card.kind)
            && may_be_licensed(&claim, home);
        if !served {
            return None;
        }
        let untold = self.card(project).bits & DEFAULT_UNTOLD != 0;
        self.doubt(project, "default").cloned().or_else(|| untold.then_some(NO_DEFAULT))
    }

    /// Groups whose members are not all known: what would it be, were the identity in them?
    fn doubt_of_open_groups(
        &self,
        identity: u32,
        resource: u32,
        level: Level,
        home: &Home,
    ) -> Option<Why> {
        if home.open_groups.is_empty() {
            return None;
        }
        let claim = self.claim(identity);
        if !matches!(
            claim.card.kind,
            Kind::User | Kind::Group | Kind::App | Kind::Token | Kind::Agent
        ) {
            return None;
        }
        let mut groups = claim.groups.to_vec();
        let mut rank = claim.rank;
        for &open in &home.open_groups {
            groups.push(open);
            groups.extend_from_slice(self.groups(open));
            groups.sort_unstable();
            rank |= self.card(open).rank;
            let possible = Claim { itself: identity, groups: &groups, rank, card: claim.card };
            if self.measure(&possible, resource) > level {
                return self.doubt(open, "members").cloned();
            }
        }
        None
    }

    /// Where it could be public, to one whom that would help.
    fn doubt_of_sight(
        &self,
        identity: u32,
        resource: u32,
        level: Level,
        home: &Home,
    ) -> Option<Why> {
        let card = self.card(resource);
        let claim = self.claim(identity);
        let sees =
            may_see(&claim, home) || (person(claim.card.kind) && may_be_licensed(&claim, home));
        if level >= Level::Read {
            return None;
        }
        let opens = home.connection.product == Product::DataCenter && card.home != NOWHERE;
        let project = Some(card.home).filter(|_| opens);
        let mut places = std::iter::once(resource).chain(project);
        let mut unseen = || {
            places.find_map(|place| {
                let untold = self.card(place).bits & VISIBILITY_UNTOLD != 0;
                let listed = self.doubt(place, "visibility").cloned();
                listed.or_else(|| {
                    untold.then(|| Why::fixed("nothing we have read tells who can see it"))
                })
            })
        };
        if sees {
            return unseen();
        }
        // Whether what is public, or may be, is so for strangers too.
        let strangers = home.workspace.and_then(|top| self.doubt(top, "anonymous"))?;
        (self.is_open(resource, home) || unseen().is_some()).then(|| strangers.clone())
    }
}
