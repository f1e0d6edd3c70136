//! Names as people write them: `workspace/slug` on Cloud, `PROJECT/slug` on Data Center. They can change, so nothing is
//! decided by them; they find a node and they are shown.

use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::NodeNo;
use crate::graph::Product;
use crate::graph::Relation;
use crate::graph::Snapshot;

impl Snapshot {
    /// The repository's name as people write it, if its slug and home are known.
    pub fn full_name(&self, repository: NodeNo) -> Option<String> {
        let slug = self.text(repository, "slug").value().copied()?;
        let home = match self.product(repository.0)? {
            Product::Cloud => self.text(self.workspace_of(repository)?, "slug").value().copied()?,
            Product::DataCenter => {
                self.text(self.project_of(repository)?, "key").value().copied()?
            }
        };
        Some(format!("{home}/{slug}"))
    }

    /// The project a repository is in.
    pub fn project_of(&self, repository: NodeNo) -> Option<NodeNo> {
        let homes = self.outgoing(repository.0, Relation::In).map(NodeNo);
        homes
            .into_iter()
            .find(|home| self.node(*home).is_some_and(|node| node.id.kind() == Kind::Project))
    }

    /// The workspace a repository's connection has.
    pub fn workspace_of(&self, repository: NodeNo) -> Option<NodeNo> {
        let connection = self.node(repository)?.id.connection();
        self.all(Kind::Workspace)
            .find(|place| self.node(*place).is_some_and(|node| node.id.connection() == connection))
    }

    /// The repository of this connection that people call so; none where two are.
    pub fn repository_named(&self, connection: &ConnectionId, name: &str) -> Option<Id> {
        let mut fitting = self.all(Kind::Repository).filter_map(|number| {
            let id = &self.node(number)?.id;
            let called = self.full_name(number)?;
            (id.connection() == *connection && called.eq_ignore_ascii_case(name))
                .then(|| id.clone())
        });
        let first = fitting.next();
        if fitting.next().is_some() { None } else { first }
    }
}
