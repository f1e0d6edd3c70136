//! Two graphs side by side: whose level on which place rose or fell, and which edge or attribute did it.
//!
//! Only places that anything could have changed for are looked at: what differs itself, and whatever is granted to those
//! of whom something differs.

use std::collections::BTreeSet;

use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Level;
use crate::graph::Relation;
use crate::graph::Why;
use crate::graph::attribute::Value;
use crate::graph::path::Path;
use crate::graph::path::Step;
use crate::graph::snapshot::NOWHERE;
use crate::graph::snapshot::NodeNo;
use crate::graph::snapshot::Snapshot;

/// Changes of level that are told. Without it a group of thousands that gains a project would fill the memory.
pub const MAX_SHIFTS: usize = 10_000;

/// Somebody's level on a place, before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Shift {
    /// Who. None: anyone at all, since the place became public or ceased to be.
    pub who: Option<Id>,
    /// On what.
    pub place: Id,
    /// The level before.
    pub before: Level,
    /// The level after.
    pub after: Level,
    /// Why either may be otherwise.
    pub unknown: Option<Why>,
    /// What did it.
    pub causes: Vec<Cause>,
}

/// What changed a level.
#[derive(Clone, Debug, PartialEq)]
pub enum Cause {
    /// This edge came.
    Came(Step),
    /// This edge went.
    Went(Step),
    /// An attribute is another one.
    Set {
        /// Of whom or what.
        about: Id,
        /// Which.
        attribute: String,
        /// What it was; none: nothing told it, or the node was not there.
        before: Option<Value>,
        /// What it is.
        after: Option<Value>,
    },
}

/// Every change of level.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shifts {
    /// By place, then by who.
    pub all: Vec<Shift>,
    /// Whether there are more than are told.
    pub more: bool,
}

/// Two graphs, and what differs between them.
struct Pair<'s> {
    before: &'s Snapshot,
    after: &'s Snapshot,
    /// Nodes of which anything differs, and every group they are or were in.
    touched: BTreeSet<Id>,
}

/// What changed from one graph to another: on this place, or on every repository there is or was.
pub fn compare(before: &Snapshot, after: &Snapshot, place: Option<&Id>) -> Shifts {
    let pair = Pair { before, after, touched: touched(before, after) };
    let mut shifts = Shifts::default();
    for place in places(before, after, place) {
        if pair.may_concern(&place) {
            pair.look_at(&place, &mut shifts);
        }
        if shifts.all.len() > MAX_SHIFTS {
            shifts.all.truncate(MAX_SHIFTS);
            shifts.more = true;
            break;
        }
    }
    shifts
}

fn places(before: &Snapshot, after: &Snapshot, place: Option<&Id>) -> BTreeSet<Id> {
    if let Some(place) = place {
        return BTreeSet::from([place.clone()]);
    }
    let of = |graph: &Snapshot| graph.ids(graph.all(Kind::Repository).map(|node| node.0));
    of(before).into_iter().chain(of(after)).collect()
}

/// Nodes that are on one side only or say something else, both ends of such edges, and all groups above them.
fn touched(before: &Snapshot, after: &Snapshot) -> BTreeSet<Id> {
    let mut touched = BTreeSet::new();
    for (one, other) in [(before, after), (after, before)] {
        for number in (0..).take(one.count()) {
            let Some(node) = one.node(NodeNo(number)) else { continue };
            let twin = other.find(&node.id);
            let same = twin.and_then(|twin| other.node(twin)).is_some_and(|twin| twin == node);
            if !same || one.doubts_of(number) != twin.map_or(vec![], |twin| other.doubts_of(twin.0))
            {
                touched.insert(node.id.clone());
            }
            for (is, to) in one.led_everywhere(number) {
                if !other.has_edge(&node.id, is, &to) {
                    touched.insert(node.id.clone());
                    touched.insert(to);
                }
            }
        }
    }
    let above: Vec<Id> = [before, after]
        .into_iter()
        .flat_map(|graph| {
            let nodes = touched.iter().filter_map(|id| graph.find(id));
            nodes
                .flat_map(|node| graph.ids(graph.groups(node.0).iter().copied()))
                .collect::<Vec<_>>()
        })
        .collect();
    touched.extend(above);
    touched
}

impl Snapshot {
    fn led_everywhere(&self, number: u32) -> Vec<(Relation, Id)> {
        let words = Relation::ALL.iter().copied();
        words
            .flat_map(|is| self.led_from(NodeNo(number), is).into_iter().map(move |to| (is, to)))
            .collect()
    }

    fn doubts_of(&self, number: u32) -> Vec<(&str, &Why)> {
        let doubts = self.doubts.get(&number).into_iter().flatten();
        doubts.map(|doubt| (&*doubt.field, &doubt.why)).collect()
    }

    /// A place, its project and the workspace.
    fn chain(&self, place: NodeNo) -> impl Iterator<Item = u32> {
        let card = self.card(place.0);
        let project =
            Some(card.home).filter(|&home| home != NOWHERE && card.kind == Kind::Repository);
        let workspace = self.home(card).and_then(|home| home.workspace);
        std::iter::once(place.0).chain(project).chain(workspace)
    }
}

impl Pair<'_> {
    fn sides(&self) -> [&Snapshot; 2] {
        [self.before, self.after]
    }

    /// Whether anything that differs could change a level on this place.
    fn may_concern(&self, place: &Id) -> bool {
        self.sides().into_iter().any(|graph| {
            let Some(place) = graph.find(place) else { return false };
            let is_touched = |number: u32| {
                graph.node(NodeNo(number)).is_some_and(|node| self.touched.contains(&node.id))
            };
            graph.chain(place).any(|link| {
                is_touched(link) || graph.incoming(link).any(|(from, _)| is_touched(from))
            })
        })
    }

    fn look_at(&self, place: &Id, shifts: &mut Shifts) {
        let [was, is] = self.sides().map(|graph| graph.find(place));
        let open = |graph: &Snapshot, place: Option<NodeNo>| {
            place.is_some_and(|place| graph.who_can(Level::Read, place).anyone)
        };
        let (before, after) = (open(self.before, was), open(self.after, is));
        if before != after {
            let level = |open: bool| if open { Level::Read } else { Level::None };
            let causes = self.settings([place.clone()].into_iter());
            let (before, after) = (level(before), level(after));
            let place = place.clone();
            shifts.all.push(Shift { who: None, place, before, after, unknown: None, causes });
        }
        let mut holders: BTreeSet<Id> = BTreeSet::new();
        for (graph, place) in [(self.before, was), (self.after, is)] {
            let listed = place.map(|place| graph.who_can(Level::Read, place).listed.nodes);
            let listed = listed.into_iter().flatten();
            holders.extend(graph.ids(listed.map(|node| node.0)));
        }
        for who in holders {
            let (before, doubt) = self.level(self.before, &who, place);
            let (after, other) = self.level(self.after, &who, place);
            if before != after {
                let causes = self.causes(&who, place, (before, after));
                shifts.all.push(Shift {
                    who: Some(who),
                    place: place.clone(),
                    before,
                    after,
                    unknown: other.or(doubt),
                    causes,
                });
            }
            if shifts.all.len() > MAX_SHIFTS {
                return;
            }
        }
    }

    /// A level on one side, and why it may be another one: also of who or what is missing there.
    fn level(&self, graph: &Snapshot, who: &Id, place: &Id) -> (Level, Option<Why>) {
        let found = graph.find(place);
        if let (Some(who), Some(place)) = (graph.find(who), found) {
            let effective = graph.effective(who, place);
            return (effective.level, effective.unknown);
        }
        let sides = self.sides().into_iter();
        let links: Vec<Id> = sides
            .filter_map(|side| side.find(place).map(|place| side.ids(side.chain(place))))
            .flatten()
            .collect();
        (Level::None, graph.unlisted(who, found, links.iter()))
    }

    /// Edges of the paths that prove the higher level and are not there on the other side; without any, the attributes
    /// that differ on the way.
    fn causes(&self, who: &Id, place: &Id, (before, after): (Level, Level)) -> Vec<Cause> {
        let rose = after > before;
        let (graph, other) =
            if rose { (self.after, self.before) } else { (self.before, self.after) };
        let lower = before.min(after);
        let proofs: Vec<Path> = match (graph.find(who), graph.find(place)) {
            (Some(who), Some(place)) => graph.paths(who, place).all,
            _ => Vec::new(),
        };
        let above = || proofs.iter().filter(|path| path.level > lower);
        let mut steps: Vec<&Step> =
            above().flat_map(|path| path.steps.iter().chain(&path.licence)).collect();
        steps.sort();
        steps.dedup();
        let edges = steps.iter().filter(|step| !other.has_edge(&step.from, step.is, &step.to));
        let edges: Vec<Cause> = edges
            .map(|step| Step::clone(step))
            .map(|step| if rose { Cause::Came(step) } else { Cause::Went(step) })
            .collect();
        if !edges.is_empty() {
            return edges;
        }
        let passed = steps.iter().flat_map(|step| [step.from.clone(), step.to.clone()]);
        self.settings(passed.chain([who.clone(), place.clone()]))
    }

    /// Attributes of these nodes, and of the homes of places, that differ.
    fn settings(&self, about: impl Iterator<Item = Id>) -> Vec<Cause> {
        let mut nodes: BTreeSet<Id> = about.collect();
        let homes: Vec<Id> = self
            .sides()
            .into_iter()
            .flat_map(|graph| {
                let found = nodes.iter().filter_map(|id| graph.find(id));
                let places = found.filter(|node| graph.card(node.0).kind == Kind::Repository);
                graph.ids(places.flat_map(|place| graph.chain(place)).collect::<Vec<_>>())
            })
            .collect();
        nodes.extend(homes);
        nodes.iter().flat_map(|id| self.settings_of(id)).collect()
    }

    fn settings_of(&self, id: &Id) -> Vec<Cause> {
        let [before, after] =
            self.sides().map(|graph| graph.find(id).and_then(|node| graph.node(node)));
        let (Some(before), Some(after)) = (before, after) else { return Vec::new() };
        let names: BTreeSet<&String> =
            before.attributes.keys().chain(after.attributes.keys()).collect();
        let differing = names.into_iter().filter(|name| {
            before.attributes.get(*name) != after.attributes.get(*name)
                && !crate::graph::statement::is_passing(id.kind(), name)
        });
        differing
            .map(|name| Cause::Set {
                about: id.clone(),
                attribute: name.clone(),
                before: before.attributes.get(name).cloned(),
                after: after.attributes.get(name).cloned(),
            })
            .collect()
    }
}

impl Snapshot {
    /// Why somebody or a place that is not in this graph may be there all the same: a list that would name it was not
    /// read. `links` are what the place is or was in.
    pub fn unlisted<'i>(
        &self,
        who: &Id,
        place: Option<NodeNo>,
        links: impl Iterator<Item = &'i Id>,
    ) -> Option<Why> {
        let unread = |links: &[u32], fields: &[&str]| {
            let mut all =
                links.iter().flat_map(|link| fields.iter().map(move |field| (link, field)));
            all.find_map(|(link, field)| self.doubt(*link, field)).cloned()
        };
        let Some(place) = place else {
            let links: Vec<u32> = links.filter_map(|id| self.find(id)).map(|node| node.0).collect();
            return unread(&links, &["repositories", "projects"]);
        };
        let chain: Vec<u32> = self.chain(place).collect();
        if who.kind() == Kind::Key {
            return unread(&chain, &["grants", "keys"]);
        }
        let open = || {
            let home = self.home(self.card(place.0))?;
            let group = home.open_groups.first()?;
            self.doubt(*group, "members").cloned()
        };
        unread(&chain, &["grants", "members", "groups"]).or_else(open)
    }
}
