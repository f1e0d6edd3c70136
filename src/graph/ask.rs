//! Questions that list: who can, which groups, which members, which environments and variables.
//!
//! An answer is the list that is known, in order of id, and why it may be longer.

use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Level;
use crate::graph::Product;
use crate::graph::Relation;
use crate::graph::Why;
use crate::graph::effective::Claim;
use crate::graph::effective::doubt::NO_WORKSPACE;
use crate::graph::effective::may_see;
use crate::graph::effective::person;
use crate::graph::effective::worth;
use crate::graph::relation::identity;
use crate::graph::snapshot::DEFAULT_UNTOLD;
use crate::graph::snapshot::Home;
use crate::graph::snapshot::NOWHERE;
use crate::graph::snapshot::NodeNo;
use crate::graph::snapshot::PUBLIC;
use crate::graph::snapshot::Snapshot;
use crate::graph::snapshot::VISIBILITY_UNTOLD;

/// A list that may be longer than what is known of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// What is known, in order of id.
    pub nodes: Vec<NodeNo>,
    /// Why there may be more; none: this is all.
    pub unknown: Option<Why>,
}

/// Who holds a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holders {
    /// Whether also anyone at all, signed in or not: the place is public.
    pub anyone: bool,
    /// Those with an account or key; groups are resolved to who is in them.
    pub listed: Listed,
}

/// A variable that a step can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadableVariable {
    /// The variable.
    pub node: NodeNo,
    /// Its name.
    pub name: String,
    /// Whether it is masked in logs.
    pub secured: Known<bool>,
    /// The kind of place it is set on: workspace, project, repository or environment.
    pub scope: Kind,
}

/// The variables that a step can read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadableVariables {
    /// By name, then scope, then id.
    pub all: Vec<ReadableVariable>,
    /// Why there may be more.
    pub unknown: Option<Why>,
}

/// The most that an access key can be given: on Cloud it reads, on Data Center it writes.
pub(in crate::graph) const fn most_of_a_key(product: Product) -> Level {
    match product {
        Product::Cloud => Level::Read,
        Product::DataCenter => Level::Write,
    }
}

/// Nodes written at a time. Of a usual group of holders a word has three or four.
const HANDFUL: usize = 8;

/// Marked nodes, a bit each.
pub(in crate::graph) struct Marks(Vec<u64>);

impl Marks {
    /// None of so many nodes.
    pub fn new(count: usize) -> Self {
        Self(vec![0; count / 64 + 1])
    }

    /// Marks a node; whether it was not marked before.
    pub fn add(&mut self, number: u32) -> bool {
        let Some(word) = self.0.get_mut(number as usize / 64) else { return false };
        let bit = 1_u64 << (number % 64);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// Every marked node but those of another set, in order of number. The list is as long as it will be from the
    /// start, so that nothing is asked about its length for each of ten thousand people. A word's nodes are written a
    /// handful at a time, whether it has so many or not, and the next word writes over what was none: a loop that ended
    /// with each word's last bit would end where the processor did not expect it, three thousand times.
    fn without(mut self, others: &[u64]) -> Vec<NodeNo> {
        for (word, other) in self.0.iter_mut().zip(others) {
            *word &= !other;
        }
        let count = self.0.iter().map(|word| word.count_ones() as usize).sum();
        let mut nodes = vec![NodeNo(0); count + HANDFUL];
        let mut end = 0;
        for (first, &word) in (0_u32..).step_by(64).zip(&self.0) {
            let (mut left, mut at) = (word, end);
            end += word.count_ones() as usize;
            while left != 0
                && let Some(places) = nodes.get_mut(at..).and_then(<[_]>::first_chunk_mut)
            {
                let places: &mut [NodeNo; HANDFUL] = places;
                for place in places {
                    *place = NodeNo(first + left.trailing_zeros());
                    left &= left.wrapping_sub(1);
                }
                at += HANDFUL;
            }
        }
        nodes.truncate(count);
        nodes
    }

    /// Every marked node, in order of number.
    pub fn all(&self) -> impl Iterator<Item = u32> {
        (0_u32..).step_by(64).zip(&self.0).flat_map(|(first, &word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left - 1;
                Some(first + bit)
            })
        })
    }
}

impl Snapshot {
    /// Whether an identity holds at least this level. Unknown only where the answer hangs on something unknown.
    pub fn can(&self, identity: NodeNo, level: Level, resource: NodeNo) -> Known<bool> {
        let effective = self.effective(identity, resource);
        let certain = effective.level >= level && self.doubt(identity.0, "active").is_none();
        match effective.unknown {
            Some(why) if !certain => Known::Unknown(why),
            Some(_) | None => Known::Value(effective.level >= level),
        }
    }

    /// Everyone who holds at least this level on a repository, project or workspace. Nothing is asked of each: the
    /// grants are walked once and their groups resolved. For [`Level::None`], anyone.
    pub fn who_can(&self, level: Level, resource: NodeNo) -> Holders {
        let card = self.card(resource.0);
        let Some(home) = self.home(card).filter(|_| level > Level::None) else {
            return Holders { anyone: level == Level::None, listed: Listed::default() };
        };
        let mut marks = Marks::new(self.count());
        for (holder, granted) in self.grants_reaching(resource.0, home) {
            if granted >= level {
                self.mark(&mut marks, holder, home);
            }
        }
        let open = level == Level::Read && self.is_open(resource.0, home);
        let everyone = open || self.default_level(resource.0, home) >= level;
        if everyone && home.connection.product == Product::DataCenter {
            // What is given to every licensed user is given to people, not to a token in a licensed group.
            let mut licences = Marks::new(self.count());
            self.licensed_holders(home).for_each(|holder| self.mark(&mut licences, holder, home));
            let people = licences.all().filter(|&number| person(self.card(number).kind));
            people.for_each(|number| _ = marks.add(number));
        }
        let nodes = marks.without(&self.idle);
        let anyone = open && (home.connection.product == Product::Cloud || home.anonymous);
        let unknown = self.doubt_of_holders(level, resource.0, home);
        Holders { anyone, listed: Listed { nodes, unknown } }
    }

    /// Every grant that reaches a resource, and what it gives there.
    fn grants_reaching(&self, resource: u32, home: &Home) -> impl Iterator<Item = (u32, Level)> {
        let card = self.card(resource);
        let on_repository = card.kind == Kind::Repository;
        let project = Some(card.home).filter(|&project| on_repository && project != NOWHERE);
        let near = std::iter::once(resource).chain(project);
        let near = near.flat_map(|place| self.incoming(place));
        let wide = home.workspace.filter(|&workspace| workspace != resource);
        let wide = wide.into_iter().flat_map(|workspace| self.incoming(workspace));
        // Creating projects is no level on what is in them.
        let wide = wide.filter(|(_, is)| *is != Relation::Create);
        let granted =
            near.chain(wide).map(move |(holder, is)| (holder, worth(is.level(), card.kind)));
        granted.filter(|(_, level)| *level > Level::None)
    }

    fn licensed_holders(&self, home: &Home) -> impl Iterator<Item = u32> {
        let incoming = home.workspace.into_iter().flat_map(|workspace| self.incoming(workspace));
        let licences = |is: Relation| {
            matches!(is, Relation::Licensed | Relation::Create | Relation::Admin | Relation::Owner)
        };
        incoming.filter(move |(_, is)| licences(*is)).map(|(holder, _)| holder)
    }

    /// The level that a licensed user has on a resource without any grant.
    fn default_level(&self, resource: u32, home: &Home) -> Level {
        let card = self.card(resource);
        let project = if card.kind == Kind::Project { resource } else { card.home };
        if home.connection.product == Product::Cloud || project == NOWHERE {
            return Level::None;
        }
        worth(self.given_by(project), card.kind)
    }

    /// Whether a resource is public, to whomever that is.
    pub(in crate::graph) fn is_open(&self, resource: u32, home: &Home) -> bool {
        let card = self.card(resource);
        let project = match home.connection.product {
            Product::DataCenter if card.home != NOWHERE => self.card(card.home).bits,
            Product::DataCenter | Product::Cloud => 0,
        };
        (card.bits | project) & PUBLIC != 0
    }

    /// Marks a holder, and if it is a group all who are in it, through groups too.
    fn mark(&self, marks: &mut Marks, holder: u32, home: &Home) {
        let groups = home.of(Kind::Group);
        let mut open: Vec<u32> = Vec::new();
        if marks.add(holder) && groups.contains(&holder) {
            open.push(holder);
        }
        while let Some(group) = open.pop() {
            // Most members are people, of whom nothing follows. Groups stand side by side in a row, too.
            if !self.nested.is_empty() {
                let inner = self.members_among(group, &groups);
                open.extend(inner.filter(|&inner| marks.add(inner)));
            }
            self.members(group).for_each(|member| _ = marks.add(member));
        }
    }

    fn doubt_of_holders(&self, level: Level, resource: u32, home: &Home) -> Option<Why> {
        let card = self.card(resource);
        let inner = card.kind == Kind::Repository;
        let project = Some(card.home).filter(|&project| project != NOWHERE);
        let places = || std::iter::once(resource).chain(project);
        let unread = places().chain(home.workspace).find_map(|place| self.doubt(place, "grants"));
        let hold = most_of_a_key(home.connection.product);
        let keys = places().find_map(|place| self.doubt(place, "keys")).filter(|_| level <= hold);
        let homeless = (inner && project.is_none())
            .then(|| Why::fixed("nothing we have read tells its project"));
        let default =
            places().find(|&place| self.card(place).bits & DEFAULT_UNTOLD != 0).map(|_| {
                Why::fixed("the project has a default permission, but nothing tells its level")
            });
        let unseen = places()
            .find(|&place| level == Level::Read && self.card(place).bits & VISIBILITY_UNTOLD != 0)
            .map(|_| Why::fixed("nothing we have read tells who can see it"));
        let listed = places().find_map(|place| {
            let seen = self.doubt(place, "visibility").filter(|_| level == Level::Read);
            seen.or_else(|| self.doubt(place, "default"))
        });
        let open_group = home.open_groups.iter().find(|&&group| {
            home.connection.product == Product::DataCenter || self.level(group, resource) >= level
        });
        let strangers = home.workspace.and_then(|top| self.doubt(top, "anonymous"));
        let strangers = strangers.filter(|_| level == Level::Read && self.is_open(resource, home));
        let rootless = home.workspace.is_none().then_some(NO_WORKSPACE);
        unread
            .or(keys)
            .cloned()
            .or(rootless)
            .or(homeless)
            .or(default)
            .or(unseen)
            .or_else(|| listed.cloned())
            .or_else(|| strangers.cloned())
            .or_else(|| open_group.and_then(|&group| self.doubt(group, "members").cloned()))
            .or_else(|| self.doubt_of_people(card.connection))
    }

    /// People and other holders of whom it is unknown in which groups they are, or whether they are active. A webhook may
    /// be switched off too, but holds nothing.
    fn doubt_of_people(&self, connection: u8) -> Option<Why> {
        let of = |number: &&u32| {
            let card = self.card(**number);
            card.connection == connection && identity(card.kind)
        };
        let mut numbers: Vec<&u32> = self.doubts.keys().filter(of).collect();
        numbers.sort_unstable();
        let why = |number: &u32| self.doubt(*number, "groups").or(self.doubt(*number, "active"));
        numbers.into_iter().find_map(why).cloned()
    }

    /// The groups an identity is in, through groups too.
    pub fn groups_of(&self, identity: NodeNo) -> Listed {
        let group = |number: &u32| self.card(*number).kind == Kind::Group;
        let nodes = self.groups(identity.0).iter().copied().filter(group).map(NodeNo).collect();
        let home = self.home(self.card(identity.0));
        let open = home.and_then(|home| home.open_groups.first());
        let unknown = self.doubt(identity.0, "groups").cloned();
        let unknown =
            unknown.or_else(|| open.and_then(|&group| self.doubt(group, "members").cloned()));
        Listed { nodes, unknown }
    }

    /// Who is in a group, through groups too; the groups themselves are not listed.
    pub fn members_of(&self, group: NodeNo) -> Listed {
        self.people(std::iter::once(group.0))
    }

    /// These identities, with groups resolved to who is in them.
    pub(in crate::graph) fn people(&self, holders: impl Iterator<Item = u32>) -> Listed {
        let mut marks = Marks::new(self.count());
        for holder in holders {
            if let Some(home) = self.home(self.card(holder)) {
                self.mark(&mut marks, holder, home);
            }
        }
        let group = |number: &u32| self.card(*number).kind == Kind::Group;
        let unknown = marks.all().filter(group).find_map(|group| self.doubt(group, "members"));
        let nodes = marks.all().filter(|number| !group(number)).map(NodeNo).collect();
        Listed { nodes, unknown: unknown.cloned() }
    }

    /// The environments a repository deploys to.
    pub fn environments_of(&self, repository: NodeNo) -> Listed {
        let nodes = self.outgoing(repository.0, Relation::DeploysTo).map(NodeNo).collect();
        let unknown = self.doubt(repository.0, "environments").cloned();
        Listed { nodes, unknown }
    }

    /// The variables that a step of a repository can read: of its workspace, project and itself, and of the environment
    /// if it deploys to one of the repository's. Values are never known here.
    pub fn variables_readable(
        &self,
        repository: NodeNo,
        environment: Option<NodeNo>,
    ) -> ReadableVariables {
        let card = self.card(repository.0);
        let workspace = self.home(card).and_then(|home| home.workspace);
        let project = Some(card.home).filter(|&project| project != NOWHERE);
        let deploys =
            |number: &u32| self.outgoing(repository.0, Relation::DeploysTo).any(|to| to == *number);
        let environment = environment.map(|number| number.0).filter(deploys);
        let scopes = workspace.into_iter().chain(project).chain([repository.0]).chain(environment);
        let mut found = ReadableVariables::default();
        for scope in scopes {
            if found.unknown.is_none() {
                found.unknown = self.doubt(scope, "variables").cloned();
            }
            let variables = self.incoming_by(scope, Relation::In);
            let variables = variables.filter(|&number| self.card(number).kind == Kind::Variable);
            found.all.extend(variables.map(|number| self.readable(number, scope)));
        }
        let id = |variable: &ReadableVariable| self.node(variable.node).map(|node| &node.id);
        found.all.sort_by(|a, b| (&a.name, a.scope, id(a)).cmp(&(&b.name, b.scope, id(b))));
        found
    }

    fn readable(&self, number: u32, scope: u32) -> ReadableVariable {
        let node = NodeNo(number);
        ReadableVariable {
            node,
            name: self.name(node).to_owned(),
            secured: self.flag(node, "secured"),
            scope: self.card(scope).kind,
        }
    }

    /// Whether public places are open to an identity.
    pub(in crate::graph) fn sees_public(
        &self,
        claim: &Claim<'_>,
        home: &Home,
        resource: u32,
    ) -> bool {
        self.is_open(resource, home) && may_see(claim, home)
    }
}
