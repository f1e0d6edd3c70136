//! Single edges: what joins two nodes, and where a word leads.

use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Relation;
use crate::graph::snapshot::NodeNo;
use crate::graph::snapshot::Snapshot;

impl Snapshot {
    /// The words that lead from one node to another, in their order.
    pub fn words_between(&self, from: NodeNo, to: NodeNo) -> Vec<Relation> {
        let led = |is: &Relation| self.outgoing(from.0, *is).any(|number| number == to.0);
        Relation::ALL.iter().copied().filter(led).collect()
    }

    /// Whether this edge holds.
    pub fn has_edge(&self, from: &Id, is: Relation, to: &Id) -> bool {
        let (Some(from), Some(to)) = (self.find(from), self.find(to)) else { return false };
        self.outgoing(from.0, is).any(|number| number == to.0)
    }

    /// Where a word leads from a node, in order of id.
    pub fn led_from(&self, from: NodeNo, is: Relation) -> Vec<Id> {
        self.ids(self.outgoing(from.0, is))
    }

    /// From where a word leads to a node, in order of id.
    pub fn led_to(&self, to: NodeNo, is: Relation) -> Vec<Id> {
        self.ids(self.incoming_by(to.0, is))
    }

    /// The place a thing belongs to: what a restriction restricts, where a variable or hook is set, what a runner runs
    /// for, what an environment is deployed from, where a key is let in. The first by id where there are several.
    pub fn home_of(&self, thing: NodeNo) -> Option<NodeNo> {
        let first = |mut numbers: Vec<Id>| {
            numbers.truncate(1);
            numbers.pop().and_then(|id| self.find(&id))
        };
        match self.card(thing.0).kind {
            Kind::Repository | Kind::Project | Kind::Workspace => Some(thing),
            Kind::Restriction => first(self.led_from(thing, Relation::Restricts)),
            Kind::Variable | Kind::Hook | Kind::Ref => first(self.led_from(thing, Relation::In)),
            Kind::Runner => first(self.led_to(thing, Relation::RunsOn)),
            Kind::Environment => first(self.led_to(thing, Relation::DeploysTo)),
            Kind::Key | Kind::Token | Kind::Credential => {
                let grants = [Relation::Admin, Relation::Write, Relation::Read];
                grants.into_iter().find_map(|is| first(self.led_from(thing, is)))
            }
            Kind::User | Kind::Group | Kind::App | Kind::Agent => None,
        }
    }
}
