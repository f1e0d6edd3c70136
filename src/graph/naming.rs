//! Names as people write them: `workspace/slug` on Cloud, `PROJECT/slug` on Data Center. They can change, so nothing is
//! decided by them; they find a node and they are shown.

use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::LookupError;
use crate::graph::NodeNo;
use crate::graph::Product;
use crate::graph::Relation;
use crate::graph::Snapshot;

/// Most ids that an ambiguous name is said to be.
const MAX_AMONG: usize = 10;

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

    /// The repositories of a place: itself, those of a project, all of a workspace or server; none of anything else.
    pub fn repositories_at(&self, place: NodeNo) -> Vec<NodeNo> {
        let Some(node) = self.node(place) else { return Vec::new() };
        let kind = node.id.kind();
        if kind == Kind::Repository {
            return vec![place];
        }
        if kind == Kind::Workspace {
            return self.all_of(&node.id.connection(), Kind::Repository).collect();
        }
        let inside = self.incoming_by(place.0, Relation::In).map(NodeNo);
        inside.filter(|thing| self.card(thing.0).kind == Kind::Repository).collect()
    }

    /// The repository that a thing of a repository belongs to: itself, the one that deploys to an environment, the one a
    /// variable is set on or for. None where it is of several, or of none.
    pub fn repository_of(&self, thing: NodeNo) -> Option<NodeNo> {
        match self.node(thing)?.id.kind() {
            Kind::Repository => Some(thing),
            Kind::Environment => {
                let mut deploying = self.incoming_by(thing.0, Relation::DeploysTo);
                let first = deploying.next();
                if deploying.next().is_some() { None } else { first.map(NodeNo) }
            }
            Kind::Variable => self.repository_of(self.set_on(thing)?),
            Kind::User
            | Kind::Group
            | Kind::App
            | Kind::Token
            | Kind::Key
            | Kind::Runner
            | Kind::Agent
            | Kind::Workspace
            | Kind::Project
            | Kind::Ref
            | Kind::Restriction
            | Kind::Hook
            | Kind::Credential => None,
        }
    }

    /// Where a variable is set: a workspace, project, repository or environment.
    pub fn set_on(&self, variable: NodeNo) -> Option<NodeNo> {
        self.outgoing(variable.0, Relation::In).next().map(NodeNo)
    }

    /// The workspace a repository's connection has.
    pub fn workspace_of(&self, repository: NodeNo) -> Option<NodeNo> {
        let connection = self.node(repository)?.id.connection();
        self.all(Kind::Workspace)
            .find(|place| self.node(*place).is_some_and(|node| node.id.connection() == connection))
    }

    /// Like [`Snapshot::resolve`], beside something of this connection: of several that are called so, its own is meant.
    /// What belongs to another connection holds nothing there.
    pub fn resolve_in(&self, connection: &ConnectionId, text: &str) -> Result<NodeNo, LookupError> {
        let found = self.resolve(text);
        let (Err(LookupError::Ambiguous { .. }), Some((kind, name))) =
            (&found, text.split_once(':'))
        else {
            return found;
        };
        kind.parse().map_or(found, |kind| self.meant(connection, kind, name))
    }

    /// The one node of this connection and kind that `text` means: by its whole id, by the product's own id, else by its
    /// name, slug, key or nickname, a repository also by its full name. An id goes before a name, which people change.
    pub fn meant(
        &self,
        connection: &ConnectionId,
        kind: Kind,
        text: &str,
    ) -> Result<NodeNo, LookupError> {
        let missing = || LookupError::Unknown(quoted(&format!("{}:{text}", kind.as_str())));
        if let Ok(id) = text.parse::<Id>() {
            let ours = id.connection() == *connection && id.kind() == kind;
            return self.find(&id).filter(|_| ours).ok_or_else(missing);
        }
        let native = Id::new(connection, kind, text).ok();
        if let Some(node) = native.and_then(|id| self.find(&id)) {
            return Ok(node);
        }
        let here = |node: &NodeNo| {
            self.node(*node).is_some_and(|node| node.id.connection() == *connection)
        };
        // The slug first: it rules out nearly all without a name being put together.
        let slug = text.split_once('/').map(|(_, slug)| slug).filter(|_| kind == Kind::Repository);
        let has_slug = |node: &NodeNo| {
            let slug = slug.zip(self.text(*node, "slug").value().copied());
            slug.is_some_and(|(wanted, slug)| wanted.eq_ignore_ascii_case(slug))
        };
        let fits = |node: &NodeNo| {
            self.is_called(node.0, kind, text)
                || (has_slug(node)
                    && self.full_name(*node).is_some_and(|name| name.eq_ignore_ascii_case(text)))
        };
        let hits: Vec<NodeNo> = self.all(kind).filter(fits).filter(here).take(MAX_AMONG).collect();
        match hits.as_slice() {
            [] => Err(missing()),
            [only] => Ok(*only),
            [..] => Err(LookupError::Ambiguous {
                name: quoted(&format!("{}:{text}", kind.as_str())),
                among: hits
                    .iter()
                    .filter_map(|node| self.node(*node).map(|node| node.id.to_string()))
                    .collect(),
            }),
        }
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

/// What a message may quote of a foreign text.
fn quoted(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}
