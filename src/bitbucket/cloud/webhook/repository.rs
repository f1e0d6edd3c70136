//! What Cloud tells of a repository or project, and of the commit statuses in it.

use serde::Deserialize;

use crate::bitbucket::Home;
use crate::bitbucket::cloud::webhook::Reader;
use crate::bitbucket::cloud::webhook::actor::User;
use crate::bitbucket::json::Text;
use crate::bitbucket::told;
use crate::event::Build;
use crate::event::BuildState;
use crate::event::Event;
use crate::event::EventKind;
use crate::event::ForkPolicy;
use crate::event::Repository as Told;
use crate::event::Thing;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Known;

/// A repository as webhooks project it.
#[derive(Deserialize)]
pub struct Repository<'a> {
    #[serde(borrow)]
    uuid: Option<Text<'a>>,
    #[serde(borrow)]
    full_name: Option<Text<'a>>,
    is_private: Option<bool>,
    #[serde(borrow)]
    fork_policy: Option<Text<'a>>,
    #[serde(borrow)]
    project: Option<Project<'a>>,
    #[serde(borrow)]
    workspace: Option<Workspace<'a>>,
    #[serde(borrow)]
    owner: Option<User<'a>>,
    #[serde(borrow)]
    mainbranch: Option<MainBranch<'a>>,
}

/// A project, in a repository or by itself.
#[derive(Deserialize)]
pub struct Project<'a> {
    #[serde(borrow)]
    uuid: Option<Text<'a>>,
    #[serde(borrow)]
    key: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    is_private: Option<bool>,
}

#[derive(Deserialize)]
struct Workspace<'a> {
    #[serde(borrow)]
    uuid: Option<Text<'a>>,
    #[serde(borrow)]
    slug: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct MainBranch<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
}

/// What changed, each with `old` and `new`. Visibility is not among the documented names.
#[derive(Deserialize)]
pub struct Changes<'a> {
    #[serde(borrow)]
    full_name: Option<Pair<'a>>,
    #[serde(borrow)]
    name: Option<Pair<'a>>,
    is_private: Option<FlagPair>,
}

#[derive(Deserialize)]
struct Pair<'a> {
    #[serde(borrow)]
    old: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct FlagPair {
    old: Option<bool>,
}

/// A commit status. The commit stands only at the end of a link in most bodies.
#[derive(Deserialize)]
pub struct CommitStatus<'a> {
    #[serde(borrow)]
    key: Option<Text<'a>>,
    #[serde(borrow)]
    state: Option<Text<'a>>,
    #[serde(borrow)]
    refname: Option<Text<'a>>,
    #[serde(borrow)]
    created_on: Option<Text<'a>>,
    #[serde(borrow)]
    updated_on: Option<Text<'a>>,
    #[serde(borrow)]
    commit: Option<StatusCommit<'a>>,
    #[serde(borrow)]
    links: Option<StatusLinks<'a>>,
}

#[derive(Deserialize)]
struct StatusCommit<'a> {
    #[serde(borrow)]
    hash: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct StatusLinks<'a> {
    #[serde(borrow)]
    commit: Option<Link<'a>>,
}

#[derive(Deserialize)]
struct Link<'a> {
    #[serde(borrow)]
    href: Option<Text<'a>>,
}

impl Repository<'_> {
    /// Its id.
    pub fn id(&self, connection: &ConnectionId) -> Known<Id> {
        match &self.uuid {
            Some(uuid) => told::id(connection, Kind::Repository, uuid),
            None => Known::unknown("the body names the repository without a UUID"),
        }
    }

    /// The repository as a fact. Cloud archives none.
    pub fn repository(&self, connection: &ConnectionId) -> Told {
        let key = self.project.as_ref().and_then(|project| project.key.as_deref());
        let main = self.mainbranch.as_ref().and_then(|branch| branch.name.as_deref());
        Told {
            id: self.id(connection),
            name: Known::or_untold(self.full_name.as_deref().map(str::to_owned)),
            project: Known::or_untold(key.map(str::to_owned)),
            visibility: told::visibility(self.is_private.map(|private| !private)),
            default_branch: Known::or_untold(main.map(str::to_owned)),
            archived: Known::Nothing,
            class: Known::default(),
        }
    }

    /// What tells whether it belongs to the hook's connection.
    pub fn home(&self, connection: &ConnectionId) -> Home {
        Home {
            workspace_uuid: self.workspace_uuid(),
            workspace_slug: self.workspace_slug().map(str::to_owned),
            project: self
                .project
                .as_ref()
                .and_then(|project| project.id(connection).value().cloned()),
            repository: self.id(connection).value().cloned(),
        }
    }

    /// Bodies from before workspaces name a team as the owner; it has the workspace's UUID.
    fn workspace_uuid(&self) -> Option<String> {
        let told = self.workspace.as_ref().and_then(|workspace| workspace.uuid.as_deref());
        let team =
            || self.owner.as_ref().filter(|owner| owner.kind() == Kind::App).map(User::native);
        told.or_else(team).map(|uuid| uuid.trim_matches(['{', '}']).to_ascii_lowercase())
    }

    fn workspace_slug(&self) -> Option<&str> {
        let told = self.workspace.as_ref().and_then(|workspace| workspace.slug.as_deref());
        told.or_else(|| {
            self.full_name.as_deref().and_then(|name| name.split_once('/')).map(|(w, _)| w)
        })
    }

    fn thing(&self, connection: &ConnectionId) -> Thing {
        let forks = self.fork_policy.as_deref().and_then(|policy| match policy {
            "allow_forks" => Some(ForkPolicy::Any),
            "no_public_forks" => Some(ForkPolicy::PrivateOnly),
            "no_forks" => Some(ForkPolicy::None),
            _ => None,
        });
        Thing { forks: Known::or_untold(forks), ..told::thing(&self.repository(connection)) }
    }

    /// Whether it lies in another workspace than this one.
    fn outside_of(&self, other: &Self) -> Known<bool> {
        if let (Some(mine), Some(theirs)) = (self.workspace_uuid(), other.workspace_uuid()) {
            return Known::Value(mine != theirs);
        }
        match (self.workspace_slug(), other.workspace_slug()) {
            (Some(mine), Some(theirs)) => Known::Value(mine != theirs),
            (_, _) => Known::unknown("the body does not name both workspaces"),
        }
    }
}

impl Project<'_> {
    /// Its id.
    pub fn id(&self, connection: &ConnectionId) -> Known<Id> {
        match &self.uuid {
            Some(uuid) => told::id(connection, Kind::Project, uuid),
            None => Known::unknown("the body names the project without a UUID"),
        }
    }
}

impl CommitStatus<'_> {
    /// The key of a body that came without one.
    pub fn likeliest(&self) -> &'static str {
        if self.created_on.is_some() && self.created_on == self.updated_on {
            "repo:commit_status_created"
        } else {
            "repo:commit_status_updated"
        }
    }

    fn commit(&self) -> Option<&str> {
        let named = self.commit.as_ref().and_then(|commit| commit.hash.as_deref());
        let link = self.links.as_ref().and_then(|links| links.commit.as_ref());
        named.or_else(|| link.and_then(|link| link.href.as_deref())?.rsplit('/').next())
    }

    fn state(&self) -> BuildState {
        match self.state.as_deref() {
            Some("SUCCESSFUL") => BuildState::Successful,
            Some("FAILED") => BuildState::Failed,
            Some("INPROGRESS") => BuildState::InProgress,
            Some("STOPPED") => BuildState::Stopped,
            Some(_) | None => BuildState::Other,
        }
    }
}

/// A commit status was posted or changed.
pub fn status(reader: &Reader<'_, '_>) -> Event {
    let mut facts = reader.facts();
    let Some(status) = &reader.body.commit_status else {
        return told::event(EventKind::CommitStatusChanged, None, facts);
    };
    if let Some(name) = status.refname.as_deref() {
        told::about(&mut facts, told::reference(format!("{}{name}", told::BRANCHES)));
    }
    facts.commit_status = Known::Value(Build {
        key: Known::or_untold(status.key.as_deref().map(str::to_owned)),
        state: Known::Value(status.state()),
        commit: told::commit(status.commit()).0,
    });
    let at = told::time(status.updated_on.as_deref());
    told::event(EventKind::CommitStatusChanged, at, facts)
}

fn here(reader: &Reader<'_, '_>) -> Known<Thing> {
    let repository = reader.body.repository.as_ref();
    repository.map_or_else(Known::default, |r| Known::Value(r.thing(reader.connection)))
}

/// The repository was forked: `after` is the fork.
pub fn forked(reader: &Reader<'_, '_>) -> Event {
    let mut facts = reader.facts();
    if let (Some(fork), Some(origin)) = (&reader.body.fork, &reader.body.repository) {
        let outside = fork.outside_of(origin);
        facts.after = Known::Value(Thing { outside, ..fork.thing(reader.connection) });
    }
    told::event(EventKind::RepositoryForked, None, facts)
}

/// A setting changed. The body lists old and new of some, visibility not among them: it is to be read again.
pub fn updated(reader: &Reader<'_, '_>) -> Event {
    let mut facts = reader.facts();
    facts.after = here(reader);
    facts.before = before(reader);
    told::event(EventKind::RepositoryUpdated, None, facts)
}

fn before(reader: &Reader<'_, '_>) -> Known<Thing> {
    let Known::Value(now) = here(reader) else { return Known::default() };
    let changes = reader.body.changes.as_ref();
    let renamed = changes.and_then(|changes| changes.full_name.as_ref()?.old.as_deref());
    let was_private = changes.and_then(|changes| changes.is_private.as_ref()?.old);
    let name = match (renamed, changes) {
        (Some(old), _) => Known::Value(old.to_owned()),
        (None, Some(changes)) if changes.name.is_none() => now.name,
        (None, _) => Known::default(),
    };
    Known::Value(Thing {
        name,
        project: Known::unknown("Bitbucket Cloud's webhook does not tell the former project"),
        visibility: match was_private {
            Some(private) => told::visibility(Some(!private)),
            None => Known::unknown("Bitbucket Cloud's webhook does not tell the former visibility"),
        },
        default_branch: Known::default(),
        archived: Known::Nothing,
        forks: Known::default(),
        ..Thing::bare(now.id)
    })
}

/// It moved to another workspace. Whether it still lies in the connection's own is the connection's to say.
pub fn transferred(reader: &Reader<'_, '_>) -> Event {
    let mut facts = reader.facts();
    facts.after = here(reader);
    if let Some(after) = facts.after.value_mut() {
        after.outside = Known::default();
        facts.before =
            Known::Value(Thing { name: Known::default(), ..Thing::bare(after.id.clone()) });
    }
    told::event(EventKind::RepositoryTransferred, None, facts)
}

/// It is new, or was imported.
pub fn created(reader: &Reader<'_, '_>) -> Event {
    let mut facts = reader.facts();
    facts.after = here(reader);
    told::event(EventKind::RepositoryCreated, None, facts)
}

/// It is gone.
pub fn deleted(reader: &Reader<'_, '_>) -> Event {
    let mut facts = reader.facts();
    facts.before = here(reader);
    told::event(EventKind::RepositoryDeleted, None, facts)
}

/// A project's settings changed; what they were is not told.
pub fn project_updated(reader: &Reader<'_, '_>) -> Event {
    let mut facts = reader.facts();
    if let Some(resource) = facts.resource.value_mut() {
        resource.repository = Known::Nothing;
    }
    if let Some(project) = &reader.body.project {
        let id = project.id(reader.connection);
        facts.before =
            Known::unknown("Bitbucket Cloud's webhook does not tell what the project was");
        facts.after = Known::Value(Thing {
            name: Known::or_untold(project.name.as_deref().map(str::to_owned)),
            project: Known::or_untold(project.key.as_deref().map(str::to_owned)),
            visibility: told::visibility(project.is_private.map(|private| !private)),
            ..Thing::bare(id)
        });
    }
    told::event(EventKind::ProjectUpdated, None, facts)
}
