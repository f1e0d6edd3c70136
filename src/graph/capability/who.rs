//! Everyone who meets a demand.

use std::collections::BTreeMap;

use crate::graph::Id;
use crate::graph::Known;
use crate::graph::NodeNo;
use crate::graph::Snapshot;
use crate::graph::Why;
use crate::graph::capability::Demand;

/// Who meets a demand, groups resolved to who is in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Who does, in order of id.
    pub nodes: Vec<NodeNo>,
    /// Of whom it cannot be told, and why, in order of id.
    pub maybe: Vec<(NodeNo, Why)>,
    /// Why there may be more of both; none: this is all.
    pub unknown: Option<Why>,
}

impl Snapshot {
    /// Everyone who meets a demand. Only those who hold a door's level are looked at.
    pub fn who_meets(&self, demand: &Demand) -> Allowed {
        let mut allowed = Allowed { unknown: demand.beyond.clone(), ..Allowed::default() };
        if demand.never.is_some() {
            return Allowed::default();
        }
        let mut asked: BTreeMap<Id, NodeNo> = BTreeMap::new();
        for door in &demand.doors {
            let holders = self.who_can(door.level, door.place);
            allowed.unknown = allowed.unknown.or(holders.listed.unknown);
            for holder in holders.listed.nodes {
                if let Some(node) = self.node(holder) {
                    asked.entry(node.id.clone()).or_insert(holder);
                }
            }
        }
        for holder in asked.into_values() {
            match self.meets(holder, demand) {
                Known::Value(true) => allowed.nodes.push(holder),
                Known::Value(false) | Known::Nothing => {}
                Known::Unknown(why) => allowed.maybe.push((holder, why)),
            }
        }
        allowed
    }
}
