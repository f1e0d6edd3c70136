//! The effective level of an identity on a repository or project: the most that any of its sources gives.
//!
//! Cloud: workspace administration, project grants, repository grants, each own or through a group, and read where
//! the repository is public; `none` is no deny. Data Center: the same without a licence is nothing; with one there are
//! also default permissions, personal projects and nested groups. Source: Bitbucket's permission documentation.
//!
//! Not here: branch restrictions, archived repositories and ended tokens. They take away afterwards, and the last needs
//! a clock.

pub(in crate::graph) mod doubt;

use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Level;
use crate::graph::Product;
use crate::graph::Relation;
use crate::graph::Why;
use crate::graph::rows::below;
use crate::graph::snapshot::Card;
use crate::graph::snapshot::Home;
use crate::graph::snapshot::INACTIVE;
use crate::graph::snapshot::NOWHERE;
use crate::graph::snapshot::NodeNo;
use crate::graph::snapshot::PUBLIC;
use crate::graph::snapshot::RANK_ADMIN;
use crate::graph::snapshot::RANK_CREATE;
use crate::graph::snapshot::RANK_LICENSED;
use crate::graph::snapshot::RANK_READ;
use crate::graph::snapshot::RANK_WRITE;
use crate::graph::snapshot::Snapshot;

/// What an identity may do, as far as the graph knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// The level that what is known gives.
    pub level: Level,
    /// Why it may be otherwise: something that could change it is unknown. None: this is the level.
    pub unknown: Option<Why>,
}

impl Effective {
    /// The level as a fact: unknown if it may be otherwise.
    pub fn known(&self) -> Known<Level> {
        match &self.unknown {
            Some(why) => Known::Unknown(why.clone()),
            None => Known::Value(self.level),
        }
    }
}

/// An identity beside the person it works for. Their levels are told apart, never mixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The identity's own level.
    pub own: Effective,
    /// The person, and that person's level; nothing for one who works for himself.
    pub principal: Known<(NodeNo, Effective)>,
}

/// On whose behalf grants are looked up.
pub(in crate::graph) struct Claim<'s> {
    pub itself: u32,
    pub groups: &'s [u32],
    pub rank: u8,
    pub card: Card,
}

/// The level of each word by its code, in the order of [`Relation`]: the hot path reads a table.
const LEVELS: [Level; 6] =
    [Level::None, Level::Owner, Level::Read, Level::Write, Level::Create, Level::Admin];

impl Snapshot {
    /// The effective level of an identity on a repository (`none read write admin`), a project (`create` too) or the
    /// workspace. Levels exist nowhere else: any other kind of resource gives none and says so.
    pub fn effective(&self, identity: NodeNo, resource: NodeNo) -> Effective {
        let level = self.level(identity.0, resource.0);
        Effective { level, unknown: self.uncertainty(identity.0, resource.0, level) }
    }

    /// An identity's own level, and that of the person it works for.
    pub fn standing(&self, identity: NodeNo, resource: NodeNo) -> Standing {
        let own = self.effective(identity, resource);
        let principal = match self.principal(identity) {
            Known::Value(person) => Known::Value((person, self.effective(person, resource))),
            Known::Nothing => Known::Nothing,
            Known::Unknown(why) => Known::Unknown(why),
        };
        Standing { own, principal }
    }

    /// The person an identity works for.
    pub fn principal(&self, identity: NodeNo) -> Known<NodeNo> {
        match (
            self.outgoing(identity.0, Relation::ActsFor).next(),
            self.doubt(identity.0, "acts_for"),
        ) {
            (Some(person), _) => Known::Value(NodeNo(person)),
            (None, Some(why)) => Known::Unknown(why.clone()),
            (None, None) => Known::Nothing,
        }
    }

    pub(in crate::graph) fn claim(&self, identity: u32) -> Claim<'_> {
        let card = self.card(identity);
        Claim { itself: identity, groups: self.groups(identity), rank: card.rank, card }
    }

    pub(in crate::graph) fn level(&self, identity: u32, resource: u32) -> Level {
        self.measure(&self.claim(identity), resource)
    }

    /// The level of a claim, from what is known.
    pub(in crate::graph) fn measure(&self, claim: &Claim<'_>, resource: u32) -> Level {
        let card = self.card(resource);
        let Some(home) = self.home(card) else { return Level::None };
        if claim.card.bits & INACTIVE != 0 || claim.card.connection != card.connection {
            return Level::None;
        }
        let open = self.open_read(claim, home, card);
        if !licensed(claim, home) {
            return open;
        }
        let wide = wide(claim.rank).max(open);
        match card.kind {
            Kind::Repository if wide < Level::Admin => {
                let project = self.project_level(claim, home, card.home).on_repository();
                wide.max(project).max(self.granted(claim, resource)).on_repository()
            }
            Kind::Project => worth(wide.max(self.project_level(claim, home, resource)), card.kind),
            Kind::Workspace if claim.rank & RANK_CREATE != 0 => wide.max(Level::Create),
            Kind::Repository | Kind::Workspace => wide,
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
            | Kind::Credential => Level::None,
        }
    }

    /// Read that needs no grant. On Data Center a public project opens its repositories; on Cloud each repository says
    /// so itself, and its viewers need no account.
    fn open_read(&self, claim: &Claim<'_>, home: &Home, card: Card) -> Level {
        let opened = match home.connection.product {
            Product::Cloud => card.bits & PUBLIC != 0,
            Product::DataCenter => (card.bits | self.project_bits(card)) & PUBLIC != 0,
        };
        if opened && may_see(claim, home) { Level::Read } else { Level::None }
    }

    fn project_bits(&self, card: Card) -> u8 {
        if card.home == NOWHERE { 0 } else { self.card(card.home).bits }
    }

    fn project_level(&self, claim: &Claim<'_>, home: &Home, project: u32) -> Level {
        if project == NOWHERE {
            return Level::None;
        }
        let default = match home.connection.product {
            Product::DataCenter if person(claim.card.kind) => self.given_by(project),
            Product::DataCenter | Product::Cloud => Level::None,
        };
        default.max(self.granted(claim, project))
    }

    /// What a project gives to everybody who is licensed, where that is told.
    pub(in crate::graph) fn given_by(&self, project: u32) -> Level {
        Level::ALL.get(usize::from(self.card(project).rank)).copied().unwrap_or(Level::None)
    }

    /// The most that the grants on one place give a claim. Cost: one search per group, each in what is left of the row
    /// behind the one before.
    fn granted(&self, claim: &Claim<'_>, place: u32) -> Level {
        let mut rest = self.into.row(place);
        let mut best = granted_in(&mut { rest }, claim.itself);
        for &group in claim.groups {
            best = best.max(granted_in(&mut rest, group));
        }
        best
    }
}

/// Whether what is public is open to this claim. Cloud's needs no account, Data Center's a licensed person or the
/// switch for anonymous access.
pub(in crate::graph) fn may_see(claim: &Claim<'_>, home: &Home) -> bool {
    match home.connection.product {
        Product::Cloud => true,
        Product::DataCenter => home.anonymous || (person(claim.card.kind) && licensed(claim, home)),
    }
}

/// Whether an identity's grants count.
pub(in crate::graph) fn licensed(claim: &Claim<'_>, home: &Home) -> bool {
    counts(claim.card.kind, claim.rank, home)
}

/// Whether the grants of an identity of this kind and rank count. Licences are a matter of people on Data Center: keys,
/// tokens and apps have none.
pub(in crate::graph) fn counts(kind: Kind, rank: u8, home: &Home) -> bool {
    home.connection.product == Product::Cloud
        || !person(kind)
        || rank & (RANK_LICENSED | RANK_CREATE | RANK_ADMIN) != 0
}

/// Those whom Data Center licenses.
pub(in crate::graph) const fn person(kind: Kind) -> bool {
    matches!(kind, Kind::User | Kind::Group)
}

/// What a granted level is worth on a place of this kind. Owning is how one comes to administer, not more than that.
pub(in crate::graph) fn worth(level: Level, kind: Kind) -> Level {
    match (kind == Kind::Repository, level) {
        (true, _) => level.on_repository(),
        (false, Level::Owner) => Level::Admin,
        (false, Level::None | Level::Read | Level::Write | Level::Create | Level::Admin) => level,
    }
}

/// What a rank gives everywhere.
pub(in crate::graph) const fn wide(rank: u8) -> Level {
    if rank & RANK_ADMIN != 0 {
        Level::Admin
    } else if rank & RANK_WRITE != 0 {
        Level::Write
    } else if rank & RANK_READ != 0 {
        Level::Read
    } else {
        Level::None
    }
}

/// The most that a row grants one holder; of the row, what lies behind is left.
fn granted_in(row: &mut &[u32], holder: u32) -> Level {
    let at = below(row, holder << 4);
    *row = row.get(at..).unwrap_or_default();
    let own = row.iter().take_while(|&&packed| packed >> 4 == holder);
    let level = |packed: &u32| LEVELS.get((packed & 15) as usize).copied().unwrap_or(Level::None);
    own.map(level).max().unwrap_or(Level::None)
}
