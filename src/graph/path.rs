//! Paths: the edges that give an identity its level, one by one, so that anyone can check them.
//!
//! A path is minimal: leave out one edge and it proves nothing. The strongest level is proved first; of equal ones the
//! shorter, then the one first in order of id. The effective level is the most that any path proves.

mod replay;

use std::collections::HashMap;
use std::collections::HashSet;
use std::collections::VecDeque;

use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Level;
use crate::graph::Product;
use crate::graph::Relation;
use crate::graph::attribute::Value;
use crate::graph::effective::Claim;
use crate::graph::effective::licensed;
use crate::graph::effective::person;
use crate::graph::effective::worth;
use crate::graph::snapshot::Home;
use crate::graph::snapshot::INACTIVE;
use crate::graph::snapshot::NOWHERE;
use crate::graph::snapshot::NodeNo;
use crate::graph::snapshot::PUBLIC;
use crate::graph::snapshot::Snapshot;
use crate::graph::world::Node;

pub use replay::proves;

/// The most paths that are told: a person in hundreds of groups would otherwise fill a page with one answer.
pub const MAX_PATHS: usize = 50;

/// The most partial chains of groups that are tried for one grant: groups nested crosswise have exponentially many.
const MAX_CHAINS_TRIED: usize = 2_000;

/// One edge of a proof.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    /// Who or what.
    pub from: Id,
    /// The word.
    pub is: Relation,
    /// To whom or what.
    pub to: Id,
    /// Where it was read.
    pub source: Option<String>,
}

/// What a path rests on beside its edges.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ground {
    /// A grant among its edges.
    Grant,
    /// The project's default permission (Data Center).
    Default,
    /// This place is public.
    Public(Id),
}

/// One proof of a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// From the identity to the place.
    pub steps: Vec<Step>,
    /// What it gives.
    pub level: Level,
    /// What it rests on.
    pub ground: Ground,
    /// How a person comes by the licence without which nothing counts (Data Center); else empty.
    pub licence: Vec<Step>,
}

/// The proofs of an identity's level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    /// Strongest first.
    pub all: Vec<Path>,
    /// Whether there are more than are told.
    pub more: bool,
}

/// What is known of the question while paths are collected.
struct Search<'s> {
    graph: &'s Snapshot,
    home: &'s Home,
    claim: Claim<'s>,
    resource: u32,
    licence: Vec<Step>,
    found: Paths,
}

impl Snapshot {
    /// Every minimal path from an identity to a repository, project or workspace, at most [`MAX_PATHS`].
    pub fn paths(&self, identity: NodeNo, resource: NodeNo) -> Paths {
        let (claim, card) = (self.claim(identity.0), self.card(resource.0));
        let place = matches!(card.kind, Kind::Repository | Kind::Project | Kind::Workspace);
        let same = claim.card.connection == card.connection && claim.card.bits & INACTIVE == 0;
        let Some(home) = self.home(card).filter(|_| place && same) else { return Paths::default() };
        let found = Paths::default();
        let mut search =
            Search { graph: self, home, claim, resource: resource.0, licence: Vec::new(), found };
        search.collect();
        let mut paths = search.found;
        paths.all.sort_by(|a, b| {
            let order = |path: &Path| (std::cmp::Reverse(path.level), path.steps.len());
            order(a).cmp(&order(b)).then_with(|| (&a.steps, &a.ground).cmp(&(&b.steps, &b.ground)))
        });
        paths.more |= paths.all.len() > MAX_PATHS;
        paths.all.truncate(MAX_PATHS);
        paths
    }

    /// Every chain of memberships by which a restriction names an identity: the edges from it to the restriction. Also
    /// whether there are more than are told.
    pub(in crate::graph) fn exemptions(&self, identity: u32, rule: u32) -> (Vec<Vec<Step>>, bool) {
        let claim = self.claim(identity);
        let Some(home) = self.home(claim.card) else { return (Vec::new(), false) };
        let found = Paths::default();
        let mut search =
            Search { graph: self, home, claim, resource: rule, licence: Vec::new(), found };
        let mut all = Vec::new();
        for holder in search.holders() {
            if words(self, holder, rule).any(|is| is == Relation::Exempt) {
                for mut steps in search.chains(holder) {
                    steps.extend(search.step(holder, Relation::Exempt, rule));
                    all.push(steps);
                }
            }
        }
        all.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        (all, search.found.more)
    }

    /// An edge as a step of a proof.
    pub(in crate::graph) fn step(&self, from: u32, is: Relation, to: u32) -> Option<Step> {
        let id = |number| self.node(NodeNo(number)).map(|node| node.id.clone());
        let source = self.source(from, is, to).map(ToOwned::to_owned);
        Some(Step { from: id(from)?, is, to: id(to)?, source })
    }

    /// The path in one line for people: `Mia → member of release-managers → write on project BILL → billing`.
    pub fn line(&self, identity: NodeNo, path: &Path) -> String {
        let mut line = self.label(identity);
        for step in &path.steps {
            line.push_str(" → ");
            line.push_str(&self.say(step));
        }
        if let Ground::Public(place) = &path.ground {
            line.push_str(" → anyone reads public ");
            line.push_str(&self.label_of(place));
        }
        line
    }

    pub(in crate::graph) fn say(&self, step: &Step) -> String {
        let to = self.label_of(&step.to);
        let kind = step.to.kind();
        match step.is {
            Relation::Member => format!("member of {to}"),
            Relation::In => self.short(&step.from),
            Relation::Owner => format!("owner of {} {to}", kind.as_str()),
            Relation::Licensed => "licensed".to_owned(),
            Relation::Default => {
                let level = self.find(&step.to).map(|project| self.card(project.0).rank);
                let level = level.and_then(|rank| Level::ALL.get(usize::from(rank)));
                format!("{} by default on project {to}", level.copied().unwrap_or(Level::None))
            }
            Relation::Read
            | Relation::Write
            | Relation::Create
            | Relation::Admin
            | Relation::ActsFor
            | Relation::Holds
            | Relation::Exempt
            | Relation::Restricts
            | Relation::DeploysTo
            | Relation::RunsOn => format!("{} on {} {to}", step.is, kind.as_str()),
        }
    }

    fn label_of(&self, id: &Id) -> String {
        self.find(id).map_or_else(|| id.to_string(), |number| self.label(number))
    }

    /// What people call a node: a project by its key, else by name, else by the product's own. Foreign controls are
    /// escaped.
    pub(in crate::graph) fn label(&self, number: NodeNo) -> String {
        let Some(node) = self.node(number) else { return String::new() };
        let key = text_of(node, "key").filter(|_| node.id.kind() == Kind::Project);
        plain(key.or(node.name.as_deref()).unwrap_or(node.id.native()))
    }

    fn short(&self, id: &Id) -> String {
        let node = self.find(id).and_then(|number| self.node(number));
        node.and_then(|node| text_of(node, "slug")).map_or_else(|| self.label_of(id), plain)
    }
}

fn text_of<'n>(node: &'n Node, attribute: &str) -> Option<&'n str> {
    match node.attributes.get(attribute) {
        Some(Value::Text(text)) => Some(text),
        Some(Value::Nothing | Value::Flag(_) | Value::Whole(_) | Value::List(_)) | None => None,
    }
}

/// A foreign name that cannot turn a line around or break it.
pub(in crate::graph) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '"' | '\'' => out.push(sign),
            _ => out.extend(sign.escape_debug()),
        }
    }
    out
}

impl Search<'_> {
    fn collect(&mut self) {
        let graph = self.graph;
        let card = graph.card(self.resource);
        if graph.sees_public(&self.claim, self.home, self.resource) {
            self.public(card.home);
        }
        if !licensed(&self.claim, self.home) {
            return;
        }
        if self.home.connection.product == Product::DataCenter && person(self.claim.card.kind) {
            let licences = self.licences();
            self.licence = licences.first().cloned().unwrap_or_default();
            for path in &mut self.found.all {
                path.licence.clone_from(&self.licence);
            }
            self.default(licences);
        }
        self.grants_on(self.resource, &[]);
        if card.kind == Kind::Repository && card.home != NOWHERE {
            let inside = self.step(self.resource, Relation::In, card.home);
            self.grants_on(card.home, &inside.into_iter().collect::<Vec<_>>());
        }
        if let Some(workspace) = self.home.workspace.filter(|&place| place != self.resource) {
            self.grants_on(workspace, &[]);
        }
    }

    /// A public place, and beside it a public project: each opens by itself.
    fn public(&mut self, project: u32) {
        let graph = self.graph;
        let cloud = self.home.connection.product == Product::Cloud;
        for place in [self.resource, project] {
            let opens = place == self.resource || !cloud;
            if !opens || graph.card(place).bits & PUBLIC == 0 || place == NOWHERE {
                continue;
            }
            let inside = (place != self.resource)
                .then(|| self.step(self.resource, Relation::In, place))
                .flatten();
            let Some(node) = graph.node(NodeNo(place)) else { continue };
            let ground = Ground::Public(node.id.clone());
            self.add(inside.into_iter().collect(), Level::Read, ground);
        }
    }

    /// The project's default permission, by way of each licence.
    fn default(&mut self, licences: Vec<Vec<Step>>) {
        let card = self.graph.card(self.resource);
        let project = if card.kind == Kind::Project { self.resource } else { card.home };
        let Some(workspace) = self.home.workspace.filter(|_| project != NOWHERE) else { return };
        let level = Level::ALL.get(usize::from(self.graph.card(project).rank)).copied();
        let Some(level) = level.filter(|level| *level > Level::None) else { return };
        let level = self.worth(level);
        for licence in licences {
            let mut steps = licence.clone();
            steps.extend(self.step(workspace, Relation::Default, project));
            if project != self.resource {
                steps.extend(self.step(self.resource, Relation::In, project));
            }
            self.found.all.push(Path { steps, level, ground: Ground::Default, licence });
        }
    }

    /// Own and group grants on one place; `inside` leads from the resource up to it.
    fn grants_on(&mut self, place: u32, inside: &[Step]) {
        for holder in self.holders() {
            let words: Vec<Relation> = words(self.graph, holder, place).collect();
            for is in words {
                let wide = self.graph.card(place).kind == Kind::Workspace && place != self.resource;
                if is.level() == Level::None || (wide && is == Relation::Create) {
                    continue;
                }
                for mut steps in self.chains(holder) {
                    steps.extend(self.step(holder, is, place));
                    steps.extend_from_slice(inside);
                    let level = self.worth(is.level());
                    self.add(steps, level, Ground::Grant);
                }
            }
        }
    }

    fn worth(&self, level: Level) -> Level {
        worth(level, self.graph.card(self.resource).kind)
    }

    fn holders(&self) -> Vec<u32> {
        std::iter::once(self.claim.itself).chain(self.claim.groups.iter().copied()).collect()
    }

    fn add(&mut self, steps: Vec<Step>, level: Level, ground: Ground) {
        let licence = self.licence.clone();
        let path = Path { steps, level, ground, licence };
        self.found.all.push(path);
    }

    fn step(&self, from: u32, is: Relation, to: u32) -> Option<Step> {
        self.graph.step(from, is, to)
    }

    /// Every way to a licence, the shortest first, then in order of id.
    fn licences(&mut self) -> Vec<Vec<Step>> {
        let Some(workspace) = self.home.workspace else { return Vec::new() };
        let licences = |is: &Relation| {
            matches!(is, Relation::Licensed | Relation::Create | Relation::Admin | Relation::Owner)
        };
        let mut ways = Vec::new();
        for holder in self.holders() {
            for is in words(self.graph, holder, workspace).filter(licences) {
                for mut steps in self.chains(holder) {
                    steps.extend(self.step(holder, is, workspace));
                    ways.push(steps);
                }
            }
        }
        ways.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        ways.truncate(MAX_PATHS);
        ways
    }

    /// Every chain of memberships from the identity to a holder without a repeated group, the shortest among them
    /// whatever the bound.
    fn chains(&mut self, holder: u32) -> Vec<Vec<Step>> {
        if holder == self.claim.itself {
            return vec![Vec::new()];
        }
        let mut chains: Vec<Vec<Step>> = self.shortest(holder).into_iter().collect();
        let mut open = VecDeque::from([vec![self.claim.itself]]);
        let mut tried = 0;
        while let Some(chain) = open.pop_front() {
            let last = chain.last().copied().unwrap_or(NOWHERE);
            for &next in self.graph.out_of(last, Relation::Member) {
                tried += 1;
                if chain.contains(&next) {
                    continue;
                }
                let longer: Vec<u32> = chain.iter().copied().chain([next]).collect();
                if next == holder {
                    let steps = self.member_steps(&longer);
                    if !chains.contains(&steps) {
                        chains.push(steps);
                    }
                } else if self.graph.groups(next).binary_search(&holder).is_ok() {
                    open.push_back(longer);
                }
            }
            if tried > MAX_CHAINS_TRIED || chains.len() > MAX_PATHS {
                self.found.more |= !open.is_empty();
                break;
            }
        }
        chains
    }

    fn member_steps(&self, chain: &[u32]) -> Vec<Step> {
        let pairs = chain.iter().zip(chain.iter().skip(1));
        pairs.filter_map(|(&from, &to)| self.step(from, Relation::Member, to)).collect()
    }

    fn shortest(&self, holder: u32) -> Option<Vec<Step>> {
        let mut came: HashMap<u32, u32> = HashMap::new();
        let mut seen = HashSet::from([self.claim.itself]);
        let mut open = VecDeque::from([self.claim.itself]);
        while let Some(number) = open.pop_front() {
            if number == holder {
                let mut chain = vec![number];
                let mut at = number;
                while let Some(&before) = came.get(&at) {
                    chain.push(before);
                    at = before;
                }
                chain.reverse();
                return Some(self.member_steps(&chain));
            }
            for &next in self.graph.out_of(number, Relation::Member) {
                if seen.insert(next) {
                    came.insert(next, number);
                    open.push_back(next);
                }
            }
        }
        None
    }
}

/// The words that lead from a holder to a place, in their order.
fn words(graph: &Snapshot, holder: u32, place: u32) -> impl Iterator<Item = Relation> {
    let row = graph.into.row(place);
    let at = row.partition_point(|&packed| packed < holder << 4);
    let own =
        row.get(at..).unwrap_or_default().iter().take_while(move |&&packed| packed >> 4 == holder);
    own.filter_map(|packed| Relation::from_code(packed & 15))
}
