//! A subject's document, from the graph and from what people brought: a file for each kind of subject.
//!
//! The three values are worked out here, so that rules stay simple: what the graph does not know is unknown with its
//! why, and nothing is guessed.

mod credential;
mod definition;
mod environment;
mod hook;
mod identity;
mod once;
mod owner;
mod project;
mod repository;
mod runner;
mod variable;
mod workspace;

use std::collections::BTreeMap;
use std::collections::HashMap;

use crate::event::Scope;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Listed;
use crate::graph::NodeNo;
use crate::graph::Snapshot;
use crate::graph::Time;
use crate::graph::Why;
use crate::policy::SubjectDocument;
use crate::policy::SubjectKind;
use crate::policy::subject::About;
use crate::posture::Held;
use crate::posture::look::once::Once;

/// What subjects are looked at with: the graph, what people brought, the hour, and what is worked out once for all.
pub struct Ground<'g> {
    /// What exists and who reaches what.
    pub graph: &'g Snapshot,
    /// What people brought.
    pub held: &'g Held,
    /// The hour.
    pub now: Time,
    /// How many active people each connection has.
    people: BTreeMap<ConnectionId, Known<u64>>,
    /// Parent → the repositories that were forked from it and are known here.
    forks: HashMap<&'g str, Vec<NodeNo>>,
    /// What is worked out when the first subject asks.
    once: Once,
}

impl<'g> Ground<'g> {
    /// Cost: one walk over the people and the repositories.
    pub fn new(graph: &'g Snapshot, held: &'g Held, now: Time) -> Self {
        let mut people = BTreeMap::new();
        for workspace in graph.all(Kind::Workspace) {
            let Some(node) = graph.node(workspace) else { continue };
            let listed = graph.people_of(workspace);
            let count = match listed.unknown {
                Some(why) => Known::Unknown(why),
                None => Known::Value(u64::try_from(listed.nodes.len()).unwrap_or(u64::MAX)),
            };
            people.insert(node.id.connection(), count);
        }
        let mut forks: HashMap<&str, Vec<NodeNo>> = HashMap::new();
        for repository in graph.all(Kind::Repository) {
            if let Known::Value(parent) = graph.text(repository, "parent") {
                forks.entry(parent).or_default().push(repository);
            }
        }
        Self { graph, held, now, people, forks, once: Once::default() }
    }

    /// How many active people a connection has.
    fn people(&self, connection: &ConnectionId) -> Known<u64> {
        let untold = || Known::unknown("nothing we have read tells who is there");
        self.people.get(connection).cloned().unwrap_or_else(untold)
    }

    /// The forks of a repository that are known here.
    fn forks_of(&self, repository: &Id) -> &[NodeNo] {
        self.forks.get(repository.as_str()).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Which kind of subject a node is; none for what no posture rule looks at by itself.
pub const fn subject_kind(kind: Kind) -> Option<SubjectKind> {
    match kind {
        Kind::Workspace => Some(SubjectKind::Workspace),
        Kind::Project => Some(SubjectKind::Project),
        Kind::Repository => Some(SubjectKind::Repository),
        Kind::User | Kind::Agent => Some(SubjectKind::Identity),
        Kind::App | Kind::Token | Kind::Key | Kind::Credential => Some(SubjectKind::Credential),
        Kind::Hook => Some(SubjectKind::Hook),
        Kind::Runner => Some(SubjectKind::Runner),
        Kind::Variable => Some(SubjectKind::Variable),
        Kind::Group | Kind::Ref | Kind::Environment | Kind::Restriction => None,
    }
}

/// Which kind of its subject a node is, by the word that its document has for it.
pub fn kind_of(graph: &Snapshot, node: NodeNo) -> &'static str {
    match graph.node(node).map(|node| node.id.kind()) {
        Some(Kind::User) if graph.is_service(node) => "service",
        Some(kind) => kind.as_str(),
        None => "",
    }
}

/// The document about one node; none for what is no subject, or is not there.
pub fn look(ground: &Ground<'_>, node: NodeNo) -> Option<SubjectDocument> {
    let id = &ground.graph.node(node)?.id;
    let product = ground.graph.product_of(node)?;
    let about = match subject_kind(id.kind())? {
        SubjectKind::Repository => About::Repository(Box::new(repository::look(ground, node))),
        SubjectKind::Project => About::Project(Box::new(project::look(ground, node))),
        SubjectKind::Workspace => About::Workspace(Box::new(workspace::look(ground, node))),
        SubjectKind::Identity => About::Identity(Box::new(identity::look(ground, node))),
        SubjectKind::Credential => About::Credential(Box::new(credential::look(ground, node))),
        SubjectKind::Hook => About::Hook(Box::new(hook::look(ground, node))),
        SubjectKind::Runner => About::Runner(Box::new(runner::look(ground, node))),
        SubjectKind::Variable => About::Variable(Box::new(variable::look(ground, node))),
    };
    Some(SubjectDocument { connection: id.connection(), product, now: ground.now, about })
}

/// The id of a node.
fn id(graph: &Snapshot, node: NodeNo) -> Known<Id> {
    Known::or_untold(graph.node(node).map(|node| node.id.clone()))
}

/// The kind of place a thing is set on.
fn scope(graph: &Snapshot, thing: NodeNo) -> Known<Scope> {
    let place = graph.home_of(thing).and_then(|place| graph.node(place));
    match place.map(|place| place.id.kind()) {
        Some(Kind::Workspace) => Known::Value(Scope::Workspace),
        Some(Kind::Project) => Known::Value(Scope::Project),
        Some(Kind::Repository) => Known::Value(Scope::Repository),
        Some(Kind::Environment) => Known::Value(Scope::Environment),
        Some(_) | None => Known::unknown("nothing we have read tells where it is set"),
    }
}

/// What that place is called: a repository by its full name, an environment beside its repository's.
fn place(graph: &Snapshot, thing: NodeNo) -> Known<String> {
    let Some(place) = graph.home_of(thing) else {
        return Known::unknown("nothing we have read tells where it is set");
    };
    let own = graph.name(place).to_owned();
    Known::Value(match graph.repository_of(place) {
        Some(home) if home == place => graph.full_name(home).unwrap_or(own),
        Some(home) => format!("{own} of {}", graph.full_name(home).unwrap_or_default()),
        None => own,
    })
}

/// A text that the graph keeps, as a word of ours; unknown where it is none of them.
fn word<T>(told: Known<&str>, of: impl Fn(&str) -> Option<T>) -> Known<T> {
    match told {
        Known::Value(text) => Known::or_untold(of(text)),
        Known::Nothing => Known::Nothing,
        Known::Unknown(why) => Known::Unknown(why),
    }
}

/// Those of which it holds, and why there may be more.
fn those(of: Listed, holds: impl Fn(NodeNo) -> Known<bool>) -> Listed {
    let mut those = Listed { nodes: Vec::new(), unknown: of.unknown };
    for node in of.nodes {
        match holds(node) {
            Known::Value(true) => those.nodes.push(node),
            Known::Value(false) | Known::Nothing => {}
            Known::Unknown(why) => _ = those.unknown.get_or_insert(why),
        }
    }
    those
}

/// What was found, however much else is unknown; that there is nothing is known only where nothing was left unknown.
fn listed<T>(those: Listed, view: impl Fn(NodeNo) -> T) -> Known<Vec<T>> {
    found(those.nodes.into_iter().map(view).collect(), those.unknown)
}

/// What was found; where nothing was and there may be some all the same, why.
fn found<T>(all: Vec<T>, unknown: Option<Why>) -> Known<Vec<T>> {
    match unknown {
        Some(why) if all.is_empty() => Known::Unknown(why),
        Some(_) | None => Known::Value(all),
    }
}

/// How large a part is, in whole percent; of nobody, none.
fn percent(part: &Known<u64>, whole: &Known<u64>) -> Known<u64> {
    match (part, whole) {
        (Known::Unknown(why), _) | (_, Known::Unknown(why)) => Known::Unknown(why.clone()),
        (Known::Value(part), Known::Value(whole)) => {
            Known::Value(part.saturating_mul(100).checked_div(*whole).unwrap_or(0))
        }
        (Known::Nothing, _) | (_, Known::Nothing) => Known::Value(0),
    }
}
