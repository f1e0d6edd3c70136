//! What people do in a Cloud workspace: pushes, pull requests, settings. Each act changes the state, then tells the
//! hooks, and is over when every hook was told.

use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use crate::simulator::Simulator;
use crate::simulator::answer::Here;
use crate::simulator::cloud::Holder;
use crate::simulator::cloud::Level;
use crate::simulator::cloud::Person;
use crate::simulator::cloud::ProjectLevel;
use crate::simulator::cloud::Repository;
use crate::simulator::cloud::Workspace;
use crate::simulator::cloud_hooks::outgoing;
use crate::simulator::cloud_hooks::push_change;
use crate::simulator::cloud_json as shape;
use crate::simulator::cloud_pulls;
use crate::simulator::cloud_rules;
use crate::simulator::company::Company;
use crate::simulator::company::braced;
use crate::simulator::delivery::Delivery;
use crate::simulator::delivery::Outgoing;
use crate::simulator::git::Change;
use crate::simulator::git::Moved;
use crate::simulator::git::branch_ref;
use crate::simulator::oracle::cloud_effective;
use crate::simulator::oracle::cloud_on_project;
use crate::simulator::pulls::PullState;
use crate::simulator::pulls::What;
use crate::simulator::refusal::Refusal;
use crate::simulator::state::hold;

/// The Cloud face, for acting. Repositories are named `workspace/slug`, people by id.
#[derive(Clone, Copy)]
pub struct CloudFace<'a> {
    pub(crate) simulator: &'a Simulator,
}

/// A pull request to open.
#[derive(Debug, Clone)]
pub struct OpenPull<'a> {
    /// Title.
    pub title: &'a str,
    /// `workspace/slug` the commits come from, when it is a fork.
    pub fork: Option<&'a str>,
    /// Source branch.
    pub source: &'a str,
    /// Destination branch.
    pub destination: &'a str,
    /// Asked for review.
    pub reviewers: Vec<Uuid>,
    /// Whether it is a draft.
    pub draft: bool,
}

impl<'a> OpenPull<'a> {
    /// From one branch to another of the same repository.
    pub fn new(title: &'a str, source: &'a str, destination: &'a str) -> OpenPull<'a> {
        OpenPull { title, fork: None, source, destination, reviewers: Vec::new(), draft: false }
    }
}

/// What happens to a pull request that is open.
#[derive(Debug, Clone)]
pub enum PullAct {
    /// A new title.
    Retitle(String),
    /// Another destination branch.
    Retarget(String),
    /// Other reviewers.
    Reviewers(Vec<Uuid>),
    /// An approval.
    Approve,
    /// An approval taken back.
    Unapprove,
    /// Changes requested.
    RequestChanges,
    /// A request for changes taken back.
    WithdrawRequest,
    /// A comment.
    Comment(String),
    /// Merged, with a merge commit.
    Merge,
    /// Declined.
    Decline,
}

/// An act's outcome and what the hooks said to it.
#[derive(Debug, Clone)]
pub struct Done<T> {
    /// What came of it.
    pub value: T,
    /// The deliveries it caused.
    pub deliveries: Vec<Delivery>,
}

impl CloudFace<'_> {
    /// Pushes several changes at once, as one person; refused as Cloud would refuse it.
    pub async fn push(
        &self,
        repository: &str,
        by: Uuid,
        changes: &[Change],
    ) -> Result<Done<Vec<Moved>>, Refusal> {
        self.act(|company, here| push(company, here, repository, by, changes)).await
    }

    /// Opens a pull request and gives its number.
    pub async fn open_pull(
        &self,
        repository: &str,
        by: Uuid,
        pull: OpenPull<'_>,
    ) -> Result<Done<u64>, Refusal> {
        self.act(|company, here| cloud_pulls::open(company, here, repository, by, &pull)).await
    }

    /// Does something to an open pull request.
    pub async fn pull(
        &self,
        repository: &str,
        id: u64,
        by: Uuid,
        act: PullAct,
    ) -> Result<Done<()>, Refusal> {
        self.act(|company, here| cloud_pulls::pull_act(company, here, (repository, id, by), &act))
            .await
    }

    /// Forks a repository into another workspace (or the same), and gives the fork's id.
    pub async fn fork(
        &self,
        repository: &str,
        by: Uuid,
        into: (&str, &str),
    ) -> Result<Done<Uuid>, Refusal> {
        self.act(|company, here| fork(company, here, repository, by, into)).await
    }

    /// Changes description and visibility. The hook hears of the description only, as on Cloud.
    pub async fn update_repository(
        &self,
        repository: &str,
        by: Uuid,
        description: &str,
        is_private: bool,
    ) -> Result<Done<()>, Refusal> {
        self.act(|company, here| update(company, here, (repository, by), description, is_private))
            .await
    }

    /// Makes a private repository with one commit, and gives its id. Workspace hooks hear of it.
    pub async fn create_repository(
        &self,
        repository: &str,
        by: Uuid,
        project: &str,
    ) -> Result<Done<Uuid>, Refusal> {
        self.act(|company, here| create(company, here, (repository, by), project)).await
    }

    /// Deletes a repository; pull requests from it are left without a source. Workspace hooks hear of it.
    pub async fn delete_repository(&self, repository: &str, by: Uuid) -> Result<Done<()>, Refusal> {
        self.act(|company, here| delete(company, here, repository, by)).await
    }

    pub(crate) async fn act<T>(
        &self,
        act: impl FnOnce(&mut Company, &Here) -> Result<(T, Vec<Outgoing>), Refusal>,
    ) -> Result<Done<T>, Refusal> {
        let state = &self.simulator.state;
        let (value, outgoing) = act(&mut hold(&state.company), &state.here())?;
        Ok(Done { value, deliveries: state.deliver(outgoing).await })
    }
}

pub(crate) type Acted<T> = Result<(T, Vec<Outgoing>), Refusal>;

/// Workspace and repository of `workspace/slug`.
pub(crate) fn find<'a>(
    company: &'a Company,
    name: &str,
) -> Result<(&'a Workspace, &'a Repository), Refusal> {
    let missing = || Refusal::NoSuchRepository(name.to_owned());
    let (home, slug) = name.split_once('/').ok_or_else(missing)?;
    let home = company.find_workspace(home).ok_or_else(missing)?;
    Ok((home, home.repository(slug).ok_or_else(missing)?))
}

/// As [`find`], to change the repository.
pub(crate) fn find_mut<'a>(
    company: &'a mut Company,
    name: &str,
) -> Result<&'a mut Repository, Refusal> {
    let missing = || Refusal::NoSuchRepository(name.to_owned());
    let (home, slug) = name.split_once('/').ok_or_else(missing)?;
    company.find_workspace_mut(home).and_then(|home| home.repository_mut(slug)).ok_or_else(missing)
}

/// Refuses people below a level.
pub(crate) fn need(
    home: &Workspace,
    found: &Repository,
    by: Uuid,
    level: Level,
    what: &str,
) -> Result<(), Refusal> {
    if cloud_effective(home, found, by) >= level {
        return Ok(());
    }
    let who = home.person(by).map_or_else(|| braced(by), |person| person.nickname.clone());
    Err(Refusal::NotAllowed { who, what: what.to_owned() })
}

/// Tells hooks of one event with the actor and more.
pub(crate) fn tell(
    company: &Company,
    here: &Here,
    name: &str,
    by: Uuid,
    (event, more): (&str, Value),
) -> Vec<Outgoing> {
    let Ok((home, found)) = find(company, name) else { return Vec::new() };
    let extra = shape::with(json!({"actor": shape::anybody(here, company, by)}), more);
    outgoing(here, home, found, event, extra)
}

fn push(
    company: &mut Company,
    here: &Here,
    name: &str,
    by: Uuid,
    changes: &[Change],
) -> Acted<Vec<Moved>> {
    let (home, found) = find(company, name)?;
    need(home, found, by, Level::Write, "push")?;
    for change in changes {
        cloud_rules::allow_push(home, found, change, by)?;
    }
    let author =
        home.person(by).map(Person::author).ok_or_else(|| Refusal::NoSuchPerson(braced(by)))?;
    let found = find_mut(company, name)?;
    let mut trial = found.git.clone();
    let mut moved = Vec::new();
    for change in changes {
        moved.push(trial.apply(change, &author, here.now)?);
    }
    let (_, found) = find(company, name)?;
    for one in &moved {
        if one.forced {
            cloud_rules::allow_force(found, &one.reference)?;
        }
    }
    find_mut(company, name)?.git = trial;
    Ok((moved.clone(), told_push(company, here, name, by, &moved)))
}

/// The push itself, then the pull requests whose source it moved.
pub(crate) fn told_push(
    company: &mut Company,
    here: &Here,
    name: &str,
    by: Uuid,
    moved: &[Moved],
) -> Vec<Outgoing> {
    let Ok((home, found)) = find(company, name) else { return Vec::new() };
    let changes: Vec<Value> = moved.iter().map(|one| push_change(here, home, found, one)).collect();
    let uuid = braced(found.uuid);
    let event = ("repo:push", json!({"push": {"changes": changes}}));
    let mut all = tell(company, here, name, by, event);
    for (home, found, id) in moved_pulls(company, here, (&uuid, by), moved) {
        let name = format!("{home}/{found}");
        for event in ["pullrequest:updated", "pullrequest:push"] {
            all.extend(cloud_pulls::tell_pull(company, here, (&name, id, by), event, json!({})));
        }
    }
    all
}

/// Moves the source of every open pull request a push moved, in whichever repository it is open.
fn moved_pulls(
    company: &mut Company,
    here: &Here,
    (source, by): (&str, Uuid),
    moved: &[Moved],
) -> Vec<(String, String, u64)> {
    let mut found = Vec::new();
    for home in &mut company.workspaces {
        for repository in &mut home.repositories {
            for pull in
                repository.pull_requests.iter_mut().filter(|pull| pull.state == PullState::Open)
            {
                let mine = pull.source.repository.as_deref() == Some(source);
                let reference = branch_ref(&pull.source.branch);
                let hit = moved.iter().find(|one| mine && one.reference == reference);
                if let Some(new) = hit.and_then(|one| one.new.clone()) {
                    pull.source.commit = new;
                    pull.touch(here.now);
                    pull.note(What::Moved, by, here.now);
                    found.push((home.slug.clone(), repository.slug.clone(), pull.id));
                }
            }
        }
    }
    found
}

fn fork(
    company: &mut Company,
    here: &Here,
    name: &str,
    by: Uuid,
    (into, slug): (&str, &str),
) -> Acted<Uuid> {
    let (home, found) = find(company, name)?;
    need(home, found, by, Level::Read, "fork")?;
    if found.fork_policy == "no_forks" {
        return Err(Refusal::NotAllowed { who: braced(by), what: "fork: no_forks".to_owned() });
    }
    let (git, uuid, private) = (found.git.clone(), found.uuid, found.is_private);
    let full_name = format!("{}/{}", home.slug, found.slug);
    let target = company
        .find_workspace_mut(into)
        .ok_or_else(|| Refusal::NoSuchRepository(into.to_owned()))?;
    let project = target.projects.first().map_or_else(String::new, |project| project.key.clone());
    let made = target.add_repository(slug, &project);
    made.git = git;
    made.parent = Some((full_name, uuid));
    made.is_private = private;
    let fork = made.uuid;
    let described = find(company, &format!("{into}/{slug}"))
        .map(|(home, made)| shape::repository(here, home, made))?;
    Ok((fork, tell(company, here, name, by, ("repo:fork", json!({"fork": described})))))
}

fn update(
    company: &mut Company,
    here: &Here,
    (name, by): (&str, Uuid),
    description: &str,
    is_private: bool,
) -> Acted<()> {
    let (home, found) = find(company, name)?;
    need(home, found, by, Level::Admin, "change the settings")?;
    let found = find_mut(company, name)?;
    let old = std::mem::replace(&mut found.description, description.to_owned());
    found.is_private = is_private;
    let changes = json!({"description": {"old": old, "new": description}});
    Ok(((), tell(company, here, name, by, ("repo:updated", json!({"changes": changes})))))
}

fn create(
    company: &mut Company,
    here: &Here,
    (name, by): (&str, Uuid),
    project: &str,
) -> Acted<Uuid> {
    let missing = || Refusal::NoSuchRepository(name.to_owned());
    let (into, slug) = name.split_once('/').ok_or_else(missing)?;
    let home = company.find_workspace_mut(into).ok_or_else(missing)?;
    if cloud_on_project(home, project, by) < ProjectLevel::CreateRepo {
        let what = format!("create repositories in {project}");
        return Err(Refusal::NotAllowed { who: braced(by), what });
    }
    if home.repository(slug).is_some() {
        return Err(Refusal::AlreadyThere(name.to_owned()));
    }
    let uuid = home.add_repository(slug, project).uuid;
    home.grant(slug, Holder::User(by), Level::Admin);
    Ok((uuid, tell(company, here, name, by, ("repo:created", json!({})))))
}

fn delete(company: &mut Company, here: &Here, name: &str, by: Uuid) -> Acted<()> {
    let (home, found) = find(company, name)?;
    need(home, found, by, Level::Admin, "delete it")?;
    let uuid = found.uuid;
    let told = tell(company, here, name, by, ("repo:deleted", json!({})));
    for home in &mut company.workspaces {
        home.repositories.retain(|repository| repository.uuid != uuid);
    }
    Ok(((), told))
}
