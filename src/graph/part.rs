//! One connection's part of the graph as a world again: all of it, or only where two graphs tell something else.

use std::cmp::Ordering;

use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::NodeNo;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::snapshot::MASK;
use crate::graph::snapshot::NOWHERE;
use crate::graph::world::Edge;
use crate::graph::world::Node;
use crate::graph::world::Unknown;
use crate::graph::world::World;

impl Snapshot {
    /// One connection's part, as a world.
    pub fn world(&self, connection: &ConnectionId) -> Option<World> {
        let (mut world, numbers) = self.part(connection)?;
        for number in numbers {
            self.tell(number, &mut world);
        }
        Some(world)
    }

    /// Of a connection, the nodes of which this graph and a later one tell something else, each as its own graph tells it:
    /// the difference of these two worlds is that of the whole ones. None: one of the graphs has no such connection.
    /// Cost: two walks over the nodes of both, one over their edges, and copies of those nodes alone.
    pub fn differing(&self, later: &Self, connection: &ConnectionId) -> Option<[World; 2]> {
        let (mut old, before) = self.part(connection)?;
        let (mut new, after) = later.part(connection)?;
        let pairs = pairs((self, before), (later, after));
        let mut numbers = vec![NOWHERE; self.nodes.len()];
        for (left, right) in pairs.iter().filter_map(|(left, right)| left.zip(*right)) {
            if let Some(number) = numbers.get_mut(left as usize) {
                *number = right;
            }
        }
        for (left, right) in pairs {
            if let (Some(left), Some(right)) = (left, right)
                && self.tells_the_same(left, (later, right), &numbers)
            {
                continue;
            }
            if let Some(left) = left {
                self.tell(left, &mut old);
            }
            if let Some(right) = right {
                later.tell(right, &mut new);
            }
        }
        Some([old, new])
    }

    /// An empty world of a connection, and the numbers of its nodes in order of id.
    fn part(&self, connection: &ConnectionId) -> Option<(World, impl Iterator<Item = u32>)> {
        let at = self.homes.iter().position(|home| home.connection.id == *connection)?;
        let home = self.homes.get(at)?;
        let numbers = (0_u32..).take(self.nodes.len());
        let mine = numbers.filter(move |number| usize::from(self.card(*number).connection) == at);
        Some((World::new(home.connection.clone(), home.as_of), mine))
    }

    /// Adds what is told of a node to a world.
    fn tell(&self, number: u32, world: &mut World) {
        let Some(node) = self.node(NodeNo(number)) else { return };
        world.nodes.push(Node::clone(node));
        world.edges.extend(self.edges_of(number));
        for doubt in self.doubts.get(&number).into_iter().flatten() {
            let why = doubt.why.as_str().to_owned();
            let field = doubt.field.to_string();
            world.unknown.push(Unknown { about: node.id.clone(), field, why });
        }
    }

    fn edges_of(&self, number: u32) -> impl Iterator<Item = Edge> {
        self.out.row(number).iter().filter_map(move |packed| {
            let (is, to) = (Relation::from_code(packed >> 28)?, packed & MASK);
            Some(Edge {
                from: self.node(NodeNo(number))?.id.clone(),
                is,
                to: self.node(NodeNo(to))?.id.clone(),
                source: self.source(number, is, to).map(ToOwned::to_owned),
            })
        })
    }

    fn id_of(&self, number: u32) -> Option<&Id> {
        self.node(NodeNo(number)).map(|node| &node.id)
    }

    /// Whether two graphs tell the same of one node; `numbers` are the later one's, by those of this one. Doubts in another
    /// order count as another word: whoever asks looks closer then.
    fn tells_the_same(&self, mine: u32, (later, theirs): (&Self, u32), numbers: &[u32]) -> bool {
        let same_edge = |(left, right): (&u32, &u32)| {
            let (from, to) = (left & MASK, right & MASK);
            left >> 28 == right >> 28
                && numbers.get(from as usize) == Some(&to)
                && Relation::from_code(left >> 28)
                    .is_none_or(|is| self.source(mine, is, from) == later.source(theirs, is, to))
        };
        let (left, right) = (self.out.row(mine), later.out.row(theirs));
        left.len() == right.len()
            && left.iter().zip(right).all(same_edge)
            && self.node(NodeNo(mine)) == later.node(NodeNo(theirs))
            && self.doubts.get(&mine) == later.doubts.get(&theirs)
    }
}

/// The nodes of one graph beside those of another that have their ids; both in order of id.
fn pairs(
    (mine, before): (&Snapshot, impl Iterator<Item = u32>),
    (theirs, after): (&Snapshot, impl Iterator<Item = u32>),
) -> Vec<(Option<u32>, Option<u32>)> {
    let (mut before, mut after) = (before.peekable(), after.peekable());
    let mut pairs = Vec::new();
    loop {
        let left = before.peek().and_then(|number| mine.id_of(*number));
        let right = after.peek().and_then(|number| theirs.id_of(*number));
        let order = match (left, right) {
            (Some(left), Some(right)) => left.cmp(right),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return pairs,
        };
        let left = if order.is_le() { before.next() } else { None };
        let right = if order.is_ge() { after.next() } else { None };
        pairs.push((left, right));
    }
}
