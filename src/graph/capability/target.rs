//! What a question is about, as people write it.
//!
//! | written | means |
//! |---|---|
//! | an id | that thing; `<connection>/ref/<repository>:refs/heads/main` is a ref whether or not it was ever seen |
//! | `kind:name` | a name, slug, key or nickname; refused when two have it |
//! | `acme/billing` | the repository |
//! | `acme/billing@main`, `acme/billing@refs/tags/v1`, `ref:acme/billing:refs/heads/main` | a ref |
//! | `environment:acme/billing:production` | the repository's environment |
//! | `variable:acme/billing:KEY`, `variable:acme/billing:production:KEY` | a variable of the repository or one of its environments, of that environment |
//! | `variable:acme:KEY` | a variable of the workspace (slug) or project (key) |

use crate::graph::Action;
use crate::graph::Capability;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::LookupError;
use crate::graph::NodeNo;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::path::plain;
use crate::graph::snapshot::quoted;

/// The thing that a question is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The node; of a ref, its repository: most refs are no nodes.
    pub node: NodeNo,
    /// The full name, if it is a ref.
    pub reference: Option<String>,
}

/// A text that names nothing that can be asked about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It finds nothing, or several.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// It is a thing of another kind than the action is about.
    #[error("{0}")]
    Unfit(String),
}

impl Target {
    /// What kind of thing it is.
    pub fn kind(&self, graph: &Snapshot) -> Kind {
        if self.reference.is_some() { Kind::Ref } else { graph.card(self.node.0).kind }
    }

    /// Its id; a ref's is made from its repository's.
    pub fn id(&self, graph: &Snapshot) -> Option<Id> {
        let id = &graph.node(self.node)?.id;
        match &self.reference {
            Some(name) => Id::reference(id, name).ok(),
            None => Some(id.clone()),
        }
    }

    /// What people call it.
    pub fn name(&self, graph: &Snapshot) -> String {
        match &self.reference {
            Some(name) => {
                let short = name.strip_prefix("refs/heads/").unwrap_or(name);
                format!("{}@{}", graph.called(self.node), plain(short))
            }
            None => graph.called(self.node),
        }
    }
}

impl Snapshot {
    /// The thing a text names, if this action can be asked of it.
    pub fn target(&self, action: Action, text: &str) -> Result<Target, TargetError> {
        let target = self.thing(text)?;
        fits(self, action, &target).map(|()| target)
    }

    /// The thing a text names.
    pub fn thing(&self, text: &str) -> Result<Target, LookupError> {
        if let Some((repository, name)) = reference(text) {
            let node = self.repository_called(&repository)?;
            return Ok(Target { node, reference: Some(name) });
        }
        let node = |node| Target { node, reference: None };
        match self.resolve(text) {
            Err(LookupError::Unknown(_)) => self.scoped(text).map(node),
            found => found.map(node),
        }
    }

    /// What people call a node: a repository by its full name.
    pub fn called(&self, node: NodeNo) -> String {
        let full = Some(node).filter(|node| self.card(node.0).kind == Kind::Repository);
        full.and_then(|node| self.full_name(node))
            .map_or_else(|| self.label(node), |full| plain(&full))
    }

    fn repository_called(&self, text: &str) -> Result<NodeNo, LookupError> {
        let node = match text.parse::<Id>() {
            Ok(_) => self.resolve(text),
            Err(_) => self.named(Kind::Repository, text.trim_start_matches("repository:")),
        }?;
        let is_repository = self.card(node.0).kind == Kind::Repository;
        is_repository.then_some(node).ok_or_else(|| unknown(text))
    }

    /// A node by kind and name; a repository also by its full name.
    fn named(&self, kind: Kind, name: &str) -> Result<NodeNo, LookupError> {
        match self.resolve(&format!("{}:{name}", kind.as_str())) {
            Err(LookupError::Unknown(_)) if kind == Kind::Repository => {
                let called = |&number: &NodeNo| {
                    self.full_name(number).is_some_and(|full| full.eq_ignore_ascii_case(name))
                };
                self.single(name, &self.all(kind).filter(called).collect::<Vec<_>>())
            }
            found => found,
        }
    }

    /// `acme/billing`, `kind:acme/billing` by full name, and `kind:scope:name`.
    fn scoped(&self, text: &str) -> Result<NodeNo, LookupError> {
        let Some((kind, rest)) = text.split_once(':') else {
            return if text.contains('/') {
                self.named(Kind::Repository, text)
            } else {
                Err(unknown(text))
            };
        };
        let kind: Kind = kind.parse().map_err(|_| unknown(text))?;
        let Some((scope, name)) = rest.split_once(':') else {
            return if kind == Kind::Repository {
                self.named(kind, rest)
            } else {
                Err(unknown(text))
            };
        };
        let scope = [Kind::Repository, Kind::Project, Kind::Workspace]
            .into_iter()
            .find_map(|place| self.named(place, scope).ok())
            .ok_or_else(|| unknown(text))?;
        let environments = || self.outgoing(scope.0, Relation::DeploysTo);
        let hit = |number: &u32, name: &str| self.is_called(*number, kind, name);
        let mut hits: Vec<u32> = match kind {
            Kind::Environment => environments().filter(|number| hit(number, name)).collect(),
            Kind::Variable => {
                let (place, key) =
                    name.split_once(':').map_or((None, name), |(place, key)| (Some(place), key));
                let inner = environments().filter(|number| {
                    place.is_none_or(|place| self.is_called(*number, Kind::Environment, place))
                });
                let own = Some(scope.0).filter(|_| place.is_none());
                own.into_iter()
                    .chain(inner)
                    .flat_map(|place| self.incoming_by(place, Relation::In))
                    .filter(|number| hit(number, key))
                    .collect()
            }
            Kind::Runner => self
                .outgoing(scope.0, Relation::RunsOn)
                .filter(|number| hit(number, name))
                .collect(),
            Kind::Restriction => self
                .incoming_by(scope.0, Relation::Restricts)
                .filter(|number| hit(number, name))
                .collect(),
            Kind::Hook => {
                self.incoming_by(scope.0, Relation::In).filter(|number| hit(number, name)).collect()
            }
            Kind::User
            | Kind::Group
            | Kind::App
            | Kind::Token
            | Kind::Key
            | Kind::Agent
            | Kind::Workspace
            | Kind::Project
            | Kind::Repository
            | Kind::Ref
            | Kind::Credential => Vec::new(),
        };
        hits.sort_unstable();
        hits.dedup();
        self.single(text, &hits.into_iter().map(NodeNo).collect::<Vec<_>>())
    }

    /// The one of these; refused where there is none or more.
    fn single(&self, text: &str, hits: &[NodeNo]) -> Result<NodeNo, LookupError> {
        match hits {
            [] => Err(unknown(text)),
            [one] => Ok(*one),
            [..] => {
                let mut among: Vec<String> = hits
                    .iter()
                    .filter_map(|&hit| self.node(hit))
                    .map(|node| node.id.to_string())
                    .collect();
                among.sort();
                among.truncate(10);
                Err(LookupError::Ambiguous { name: quoted(text), among })
            }
        }
    }
}

/// The repository and full name in a text that names a ref.
fn reference(text: &str) -> Option<(String, String)> {
    if let Some(rest) = text.strip_prefix("ref:") {
        let at = rest.find(":refs/")?;
        return Some((rest.get(..at)?.to_owned(), rest.get(at + 1..)?.to_owned()));
    }
    if let Ok(id) = text.parse::<Id>().as_ref()
        && id.kind() == Kind::Ref
    {
        let (repository, name) = id.native().split_once(':')?;
        let connection = id.connection();
        return Some((format!("{connection}/repository/{repository}"), name.to_owned()));
    }
    let (repository, name) = text.split_once('@')?;
    let plain = repository.strip_prefix("repository:").unwrap_or(repository);
    let is_id = plain.parse::<Id>().is_ok_and(|id| id.kind() == Kind::Repository);
    let is_name = !plain.contains(':') && plain.split('/').count() == 2;
    if name.is_empty() || !(is_id || is_name) {
        return None;
    }
    let full =
        if name.starts_with("refs/") { name.to_owned() } else { format!("refs/heads/{name}") };
    Some((plain.to_owned(), full))
}

/// Whether an action is about things of this kind.
fn fits(graph: &Snapshot, action: Action, target: &Target) -> Result<(), TargetError> {
    let kind = target.kind(graph);
    let name = target.name(graph);
    let refuse = |wanted: String| {
        Err(TargetError::Unfit(format!(
            "`{}` is asked of {wanted}; `{name}` is a {}",
            action.as_str(),
            kind.as_str()
        )))
    };
    match action {
        Action::Level(_) if kind == Kind::Ref => refuse(
            "a repository, project or workspace: of a ref ask `push`, `merge` or `merge-unreviewed`".to_owned(),
        ),
        Action::Capability(capability) if !Capability::of(kind).contains(&capability) => {
            refuse(match capability {
                Capability::Push | Capability::Merge | Capability::MergeUnreviewed => {
                    "a ref, such as `acme/billing@main`".to_owned()
                }
                Capability::EditPipeline => "a repository, such as `acme/billing`".to_owned(),
                Capability::Deploy => {
                    "an environment, such as `environment:acme/billing:production`".to_owned()
                }
                Capability::ReadSecret => "a variable, such as `variable:acme/billing:KEY`".to_owned(),
                Capability::RunOn => "a runner, such as `runner:NAME`".to_owned(),
                Capability::ChangeControls => "a repository, project or workspace".to_owned(),
            })
        }
        Action::Level(_) | Action::Capability(_) => Ok(()),
    }
}

fn unknown(text: &str) -> LookupError {
    LookupError::Unknown(quoted(text))
}
