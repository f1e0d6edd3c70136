//! Who is there at all: the people of a workspace or server, and how many stand behind a grant.

use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Listed;
use crate::graph::NodeNo;
use crate::graph::Product;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::snapshot::INACTIVE;

impl Snapshot {
    /// The product a node belongs to.
    pub fn product_of(&self, node: NodeNo) -> Option<Product> {
        self.product(node.0)
    }

    /// The active people of a workspace (Cloud: its members) or server (Data Center: those with a licence).
    pub fn people_of(&self, workspace: NodeNo) -> Listed {
        let listed = if self.product(workspace.0) == Some(Product::Cloud) {
            let nodes = self.incoming_by(workspace.0, Relation::Member).map(NodeNo).collect();
            Listed { nodes, unknown: self.doubt(workspace.0, "members").cloned() }
        } else {
            let licences = [Relation::Licensed, Relation::Create, Relation::Admin];
            let holders = licences.iter().flat_map(|is| self.incoming_by(workspace.0, *is));
            let listed = self.people(holders);
            let unknown = self.doubt(workspace.0, "grants").cloned().or(listed.unknown);
            Listed { unknown, ..listed }
        };
        Listed { nodes: self.active_people(listed.nodes), ..listed }
    }

    /// Those of these who are people and switched on.
    pub fn active_people(&self, mut nodes: Vec<NodeNo>) -> Vec<NodeNo> {
        nodes.retain(|node| {
            let card = self.card(node.0);
            card.kind == Kind::User && card.bits & INACTIVE == 0
        });
        nodes
    }

    /// How many active people stand behind one whom a grant or rule names: those of a group, or one.
    pub fn people_behind(&self, who: NodeNo) -> Known<u64> {
        if self.card(who.0).kind != Kind::Group {
            return Known::Value(1);
        }
        let listed = self.members_of(who);
        match listed.unknown {
            Some(why) => Known::Unknown(why),
            None => Known::Value(count(&self.active_people(listed.nodes))),
        }
    }
}

fn count<T>(all: &[T]) -> u64 {
    u64::try_from(all.len()).unwrap_or(u64::MAX)
}
