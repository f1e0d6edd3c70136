//! Finding a node's number by its id: a hash table that holds numbers alone and looks into the nodes for their ids.

use std::hash::BuildHasher;
use std::hash::RandomState;
use std::sync::Arc;

use hashbrown::HashTable;

use crate::graph::Id;
use crate::graph::world::Node;

/// The numbers of nodes by their ids. Cloning costs one counter.
#[derive(Clone, Debug)]
pub struct Index(Arc<(RandomState, HashTable<u32>)>);

impl Index {
    /// Of these nodes, in the order of their numbers. Ids of foreign making cannot be chosen to collide: the hash is
    /// keyed anew each time.
    pub fn of(nodes: &[Arc<Node>]) -> Self {
        let hasher = RandomState::new();
        let hash = |number: &u32| {
            nodes.get(*number as usize).map_or(0, |node| hasher.hash_one(node.id.as_str()))
        };
        let mut numbers = HashTable::with_capacity(nodes.len());
        for number in (0..).take(nodes.len()) {
            numbers.insert_unique(hash(&number), number, hash);
        }
        Self(Arc::new((hasher, numbers)))
    }

    /// The number of an id among those nodes.
    pub fn find(&self, nodes: &[Arc<Node>], id: &Id) -> Option<u32> {
        let (hasher, numbers) = &*self.0;
        let is = |number: &u32| nodes.get(*number as usize).is_some_and(|node| node.id == *id);
        numbers.find(hasher.hash_one(id.as_str()), is).copied()
    }
}
