//! Who and what a question is about: looked up in the graph by type and id, on the caller's own connection alone. What
//! is not there is an answer of its own; a name that two have is refused, naming both.

use crate::event::Environment;
use crate::event::RefKind;
use crate::event::Reference;
use crate::event::Repository;
use crate::event::Resource;
use crate::event::Scope;
use crate::event::Variable;
use crate::gateway::authzen::body::Entity;
use crate::gateway::connections::Connection;
use crate::gateway::environments;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::LookupError;
use crate::graph::NodeNo;
use crate::graph::Snapshot;
use crate::graph::Target;
use crate::policy::Vocabulary;

/// Where names are looked up.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The graph as it is now.
    pub graph: &'a Snapshot,
    /// The caller's connection: nothing beyond it is found.
    pub connection: &'a Connection,
    /// What the rules declare.
    pub vocabulary: &'a Vocabulary,
}

/// Who a question is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its node.
    pub node: NodeNo,
    /// Its id.
    pub id: Id,
}

/// What a question is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Thing {
    /// One of Bitbucket's.
    Known {
        /// Of which kind.
        kind: Kind,
        /// Where levels on it are held: itself, or the repository it belongs to; none: that is not known.
        place: Option<NodeNo>,
        /// What deeds are asked of; none: the graph does not hold it.
        target: Option<Target>,
        /// What rules see of it.
        facts: Box<Resource>,
    },
    /// One that only the rules know.
    Declared {
        /// Its type.
        noun: String,
    },
}

/// Kinds that do something.
pub const SUBJECTS: &[Kind] =
    &[Kind::User, Kind::Group, Kind::App, Kind::Token, Kind::Key, Kind::Runner, Kind::Agent];

/// The kind of identity that a type names.
pub fn kind_of_subject(kind: &str) -> Option<Kind> {
    kind.parse().ok().filter(|kind| SUBJECTS.contains(kind))
}

impl Place<'_> {
    /// Who is meant.
    pub fn subject(&self, said: &Entity) -> Result<Subject, LookupError> {
        let kind = kind_of_subject(&said.kind).ok_or_else(|| unknown(said))?;
        let node = self.graph.meant(&self.connection.id, kind, &said.id)?;
        let id = self.graph.node(node).map(|node| node.id.clone()).ok_or_else(|| unknown(said))?;
        Ok(Subject { node, id })
    }

    /// What is meant.
    pub fn thing(&self, said: &Entity) -> Result<Thing, LookupError> {
        match said.kind.parse::<Kind>() {
            Ok(Kind::Ref) => self.reference(said),
            Ok(Kind::Environment) => self.environment(said),
            Ok(Kind::Variable) => self.variable(said),
            Ok(
                kind @ (Kind::User
                | Kind::Group
                | Kind::App
                | Kind::Token
                | Kind::Key
                | Kind::Runner
                | Kind::Agent
                | Kind::Workspace
                | Kind::Project
                | Kind::Repository
                | Kind::Restriction
                | Kind::Hook
                | Kind::Credential),
            ) => self.graph.meant(&self.connection.id, kind, &said.id).map(|node| self.node(node)),
            Err(_) if self.vocabulary.noun(&said.kind).is_some() => {
                Ok(Thing::Declared { noun: said.kind.clone() })
            }
            Err(_) => Err(unknown(said)),
        }
    }

    /// A node as what a question is about.
    pub fn node(&self, node: NodeNo) -> Thing {
        let kind = self.graph.node(node).map_or(Kind::Credential, |node| node.id.kind());
        let repository = self.graph.repository_of(node);
        let mut facts = nothing();
        facts.repository = self.repository(repository);
        if kind == Kind::Environment {
            facts.environment = known(self.id(node), |id| Environment {
                id: Known::Value(id),
                ..Environment::default()
            });
        }
        if kind == Kind::Variable {
            facts.variables = Known::Value(vec![self.variable_facts(node)]);
        }
        if kind == Kind::Repository {
            // Which variables a step of it can read is the graph's to tell.
            facts.variables = Known::default();
        }
        let holds_levels = matches!(kind, Kind::Workspace | Kind::Project);
        let place = if holds_levels { Some(node) } else { repository };
        let target = Some(Target { node, reference: None });
        Thing::Known { kind, place, target, facts: Box::new(facts) }
    }

    fn id(&self, node: NodeNo) -> Option<Id> {
        self.graph.node(node).map(|node| node.id.clone())
    }

    fn repository(&self, node: Option<NodeNo>) -> Known<Repository> {
        known(node.and_then(|node| self.id(node)), |id| Repository {
            id: Known::Value(id),
            ..Repository::default()
        })
    }

    /// `PROJECT/slug:rest`: a thing of a repository, by its repository's name.
    fn split<'t>(&self, text: &'t str) -> Option<(Id, &'t str)> {
        let (name, rest) = text.split_once(':')?;
        self.graph.repository_named(&self.connection.id, name).map(|id| (id, rest))
    }

    /// A ref needs no node: the graph holds those that something is known of. Its repository has to be there.
    fn reference(&self, said: &Entity) -> Result<Thing, LookupError> {
        let whole: Option<Id> = said.id.parse().ok();
        let native = match &whole {
            Some(id) if id.kind() == Kind::Ref && id.connection() == self.connection.id => {
                id.native()
            }
            Some(_) => return Err(unknown(said)),
            None => said.id.as_str(),
        };
        let by_native = || {
            let (repository, name) = native.split_once(':')?;
            let id = Id::new(&self.connection.id, Kind::Repository, repository).ok()?;
            self.graph.find(&id).map(|_| (id, name))
        };
        let found = by_native().or_else(|| self.split(&said.id));
        let (repository, name) = found.ok_or_else(|| unknown(said))?;
        let kind = match () {
            () if name.starts_with("refs/heads/") => RefKind::Branch,
            () if name.starts_with("refs/tags/") => RefKind::Tag,
            () => return Err(unknown(said)),
        };
        let node = self.graph.find(&repository);
        let facts = Resource {
            repository: self.repository(node),
            reference: Known::Value(Reference {
                name: Known::Value(name.to_owned()),
                kind: Known::Value(kind),
                ..Reference::default()
            }),
            ..nothing()
        };
        let target = node.map(|node| Target { node, reference: Some(name.to_owned()) });
        Ok(Thing::Known { kind: Kind::Ref, place: node, target, facts: Box::new(facts) })
    }

    /// One of Bitbucket's, or one that configuration names; `PROJECT/slug:name` is that repository's own.
    fn environment(&self, said: &Entity) -> Result<Thing, LookupError> {
        if let Some((repository, name)) = self.split(&said.id) {
            let found = environments::find(self.connection, self.graph, &repository, name);
            if found.value().is_none() {
                return Err(unknown(said));
            }
            let node = self.graph.find(&repository);
            // One that only configuration names is no node: nothing of Bitbucket's stands in its way.
            let target = found.value().and_then(|found| self.graph.find(found.id.value()?));
            let target = target.map(|node| Target { node, reference: None });
            let facts =
                Resource { repository: self.repository(node), environment: found, ..nothing() };
            return Ok(Thing::Known {
                kind: Kind::Environment,
                place: node,
                target,
                facts: Box::new(facts),
            });
        }
        let found = self.graph.meant(&self.connection.id, Kind::Environment, &said.id);
        match (found, self.configured(&said.id)) {
            (Err(LookupError::Unknown(_)), Some(facts)) => {
                let facts = Box::new(facts);
                Ok(Thing::Known { kind: Kind::Environment, place: None, target: None, facts })
            }
            (found, _) => found.map(|node| self.node(node)),
        }
    }

    /// An environment that configuration names for several repositories: of which one, the question does not say.
    fn configured(&self, text: &str) -> Option<Resource> {
        let named = |one: &&environments::NamedEnvironment| {
            one.name.eq_ignore_ascii_case(text) || one.id.as_str() == text
        };
        let found = self.connection.environments.iter().find(named)?;
        Some(Resource { environment: Known::Value(found.fact()), ..nothing() })
    }

    /// By its own id, its name, or `PROJECT/slug:NAME`.
    fn variable(&self, said: &Entity) -> Result<Thing, LookupError> {
        if let Some((repository, name)) = self.split(&said.id) {
            let node = self.graph.find(&repository).ok_or_else(|| unknown(said))?;
            let readable = self.graph.variables_readable(node, None);
            let own = |one: &crate::graph::ReadableVariable| {
                one.name == name && one.scope == Kind::Repository
            };
            let found = readable.all.into_iter().find(own).ok_or_else(|| unknown(said))?;
            return Ok(self.node(found.node));
        }
        let found = self.graph.meant(&self.connection.id, Kind::Variable, &said.id);
        found.map(|node| self.node(node))
    }

    fn variable_facts(&self, node: NodeNo) -> Variable {
        let on = self.graph.set_on(node).and_then(|on| self.id(on));
        let scope = on.and_then(|id| Scope::from_text(id.kind().as_str()));
        Variable {
            name: Known::Value(self.graph.name(node).to_owned()),
            secured: self.graph.flag(node, "secured"),
            scope: Known::or_untold(scope),
        }
    }
}

impl Thing {
    /// What rules see of it.
    pub fn facts(&self) -> Resource {
        match self {
            Self::Known { facts, .. } => Resource::clone(facts),
            Self::Declared { .. } => nothing(),
        }
    }

    /// The repository it is or belongs to.
    pub fn repository(&self) -> Option<&Id> {
        match self {
            Self::Known { facts, .. } => facts.repository.value()?.id.value(),
            Self::Declared { .. } => None,
        }
    }

    /// The name of the environment it is.
    pub fn environment<'a>(&'a self, graph: &'a Snapshot) -> Option<&'a str> {
        let Self::Known { facts, .. } = self else { return None };
        let environment = facts.environment.value()?;
        let known = environment.name.value().map(String::as_str);
        known.or_else(|| {
            let node = graph.find(environment.id.value()?)?;
            graph.node(node)?.name.as_deref()
        })
    }
}

/// Nothing of Bitbucket's.
fn nothing() -> Resource {
    Resource {
        repository: Known::Nothing,
        reference: Known::Nothing,
        environment: Known::Nothing,
        variables: Known::Value(Vec::new()),
    }
}

fn known<T>(id: Option<Id>, fact: impl FnOnce(Id) -> T) -> Known<T> {
    Known::or_nothing(id.map(fact))
}

fn unknown(said: &Entity) -> LookupError {
    let text = format!("{}:{}", said.kind, said.id);
    LookupError::Unknown(text.chars().take(80).flat_map(char::escape_debug).collect())
}
