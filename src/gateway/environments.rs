//! Environments that configuration names, for callers that have no deployment of Bitbucket's: Data Center knows none, and
//! another CI's job is in none of Cloud's. Whether a caller may name one is not judged here.

use crate::event::Environment;
use crate::event::Tier;
use crate::gateway::connections::Connection;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::IdError;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::RepositoryPattern;
use crate::graph::Snapshot;
use crate::graph::Why;

/// Longest name. It stands in reasons and answers.
const MAX_NAME: usize = 64;

/// An environment, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedEnvironment {
    /// `<connection>/environment/<name>`, the name lower-case.
    pub id: Id,
    /// What people and jobs call it; case is not compared.
    pub name: String,
    /// What it is for.
    pub tier: Tier,
    /// The repositories that deploy to it; empty: every one of the connection.
    pub repositories: Vec<RepositoryPattern>,
}

/// Why an environment cannot be called so.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// A name that cannot be typed or would be mistaken.
    #[error(
        "`{0}` is no name of an environment: use 1 to {MAX_NAME} letters, digits, spaces and `._-/`, and no UUID"
    )]
    Odd(String),
    /// No id can be made of it.
    #[error(transparent)]
    Id(#[from] IdError),
}

impl NamedEnvironment {
    /// One that every repository deploys to.
    pub fn new(connection: &ConnectionId, name: &str, tier: Tier) -> Result<Self, NameError> {
        let plain = |sign: char| sign.is_ascii_alphanumeric() || " ._-/".contains(sign);
        let fits = name == name.trim()
            && (1..=MAX_NAME).contains(&name.len())
            && name.chars().all(plain)
            // A UUID is what Cloud calls an environment of its own.
            && uuid::Uuid::try_parse(name).is_err();
        if !fits {
            let quoted = name.chars().take(MAX_NAME).flat_map(char::escape_debug).collect();
            return Err(NameError::Odd(quoted));
        }
        let id = Id::new(connection, Kind::Environment, &name.to_ascii_lowercase())?;
        Ok(Self { id, name: name.to_owned(), tier, repositories: Vec::new() })
    }

    fn is_of(&self, repository: &Id, called: Option<&str>) -> bool {
        self.repositories.is_empty()
            || self.repositories.iter().any(|pattern| pattern.covers(repository, called))
    }

    /// What rules see of it.
    pub fn fact(&self) -> Environment {
        Environment {
            id: Known::Value(self.id.clone()),
            name: Known::Value(self.name.clone()),
            tier: Known::Value(self.tier),
        }
    }
}

/// The environment of this name that the repository deploys to: one that configuration names, else one of Bitbucket's.
pub fn find(
    connection: &Connection,
    graph: &Snapshot,
    repository: &Id,
    name: &str,
) -> Known<Environment> {
    let node = graph.find(repository);
    let called = node.and_then(|node| graph.full_name(node));
    let configured = connection.environments.iter().find(|environment| {
        environment.name.eq_ignore_ascii_case(name)
            && environment.is_of(repository, called.as_deref())
    });
    if let Some(configured) = configured {
        return Known::Value(configured.fact());
    }
    let listed = node.map(|node| graph.environments_of(node)).unwrap_or_default();
    let own = listed.nodes.into_iter().find(|one| is_called(graph, *one, name));
    let own = own.and_then(|one| graph.node(one));
    match (own, listed.unknown) {
        (Some(own), _) => {
            Known::Value(Environment { id: Known::Value(own.id.clone()), ..Environment::default() })
        }
        (None, Some(why)) => Known::Unknown(why),
        (None, None) => Known::Unknown(Why::said(format!(
            "no environment `{name}` is known for this repository: add it as `[[connection.environment]]` to the gate's configuration"
        ))),
    }
}

fn is_called(graph: &Snapshot, environment: crate::graph::NodeNo, name: &str) -> bool {
    let called = |known: Option<&str>| known.is_some_and(|known| known.eq_ignore_ascii_case(name));
    called(graph.node(environment).and_then(|node| node.name.as_deref()))
        || called(graph.text(environment, "slug").value().copied())
}

/// Whether anything on this connection is called so. Unknown where it was never discovered.
pub fn is_known(connection: &Connection, graph: &Snapshot, name: &str) -> Option<bool> {
    if connection.environments.iter().any(|one| one.name.eq_ignore_ascii_case(name)) {
        return Some(true);
    }
    graph.as_of_connection(&connection.id)?;
    let here = |number: crate::graph::NodeNo| {
        graph.node(number).is_some_and(|node| node.id.connection() == connection.id)
    };
    Some(graph.all(Kind::Environment).any(|one| here(one) && is_called(graph, one, name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_plain_and_no_uuid() {
        let connection: ConnectionId = "acme-dc".parse().unwrap();
        let made = |name: &str| NamedEnvironment::new(&connection, name, Tier::Staging);
        for name in ["staging", "Production EU", "review/feature-1", "a"] {
            let id = made(name).unwrap().id;
            assert_eq!(id.native(), name.to_ascii_lowercase());
        }
        for name in
            ["", " staging", "a\nb", "a`b", &"x".repeat(65), "00000001-1111-4222-8333-000000000001"]
        {
            assert!(made(name).is_err(), "{name}");
        }
    }
}
