//! What people do in Data Center. Each act changes the state, then tells the hooks, and is over when every hook was
//! told.

use serde_json::Value;
use serde_json::json;

use crate::simulator::Simulator;
use crate::simulator::answer::Here;
use crate::simulator::cloud_acts::Done;
use crate::simulator::cloud_json::with;
use crate::simulator::datacenter::DataCenter;
use crate::simulator::datacenter::DcLevel;
use crate::simulator::datacenter::DcRepository;
use crate::simulator::datacenter_hooks as hooks;
use crate::simulator::datacenter_json as shape;
use crate::simulator::datacenter_json::Dates;
use crate::simulator::datacenter_pulls as pulls;
use crate::simulator::datacenter_rules;
use crate::simulator::delivery::Delivery;
use crate::simulator::delivery::Outgoing;
use crate::simulator::git::Author;
use crate::simulator::git::Change;
use crate::simulator::git::Moved;
use crate::simulator::git::branch_ref;
use crate::simulator::oracle::dc_effective;
use crate::simulator::pulls::PullState;
use crate::simulator::pulls::What;
use crate::simulator::refusal::Refusal;
use crate::simulator::state::hold;

/// The Data Center face, for acting. Repositories are named `KEY/slug`, people by login name.
#[derive(Clone, Copy)]
pub struct DataCenterFace<'a> {
    pub(crate) simulator: &'a Simulator,
}

/// A pull request to open.
#[derive(Debug, Clone)]
pub struct DcOpenPull<'a> {
    /// Title.
    pub title: &'a str,
    /// `KEY/slug` the commits come from, when it is a fork.
    pub fork: Option<&'a str>,
    /// Source branch.
    pub source: &'a str,
    /// Destination branch.
    pub destination: &'a str,
    /// Asked for review.
    pub reviewers: Vec<String>,
}

/// What happens to a pull request that is open.
#[derive(Debug, Clone)]
pub enum DcPullAct {
    /// A new title.
    Retitle(String),
    /// Another destination branch.
    Retarget(String),
    /// Other reviewers.
    Reviewers(Vec<String>),
    /// An approval.
    Approve,
    /// An approval or demand taken back.
    Unapprove,
    /// "Needs work".
    NeedsWork,
    /// A comment.
    Comment(String),
    /// Merged, with a merge commit.
    Merge,
    /// Declined.
    Decline,
    /// Deleted.
    Delete,
}

pub(crate) type Acted<T> = Result<(T, Vec<Outgoing>), Refusal>;

impl DataCenterFace<'_> {
    /// Pushes several changes at once, as one person; refused as Data Center would refuse it.
    pub async fn push(
        &self,
        repository: &str,
        by: &str,
        changes: &[Change],
    ) -> Result<Done<Vec<Moved>>, Refusal> {
        self.act(|dc, here| push(dc, here, (repository, by), changes)).await
    }

    /// Opens a pull request and gives its number.
    pub async fn open_pull(
        &self,
        repository: &str,
        by: &str,
        pull: DcOpenPull<'_>,
    ) -> Result<Done<u64>, Refusal> {
        self.act(|dc, here| pulls::open(dc, here, (repository, by), &pull)).await
    }

    /// Does something to an open pull request.
    pub async fn pull(
        &self,
        repository: &str,
        id: u64,
        by: &str,
        act: DcPullAct,
    ) -> Result<Done<()>, Refusal> {
        self.act(|dc, here| pulls::act(dc, here, (repository, id, by), &act)).await
    }

    /// Forks into another project as `slug`, and gives the fork's number.
    pub async fn fork(
        &self,
        repository: &str,
        by: &str,
        into: (&str, &str),
    ) -> Result<Done<u64>, Refusal> {
        self.act(|dc, here| fork(dc, here, (repository, by), into)).await
    }

    /// Renames a repository and sets its visibility.
    pub async fn modify(
        &self,
        repository: &str,
        by: &str,
        name: &str,
        public: bool,
    ) -> Result<Done<()>, Refusal> {
        self.act(|dc, here| modify(dc, here, (repository, by), name, public)).await
    }

    /// A mirror tells that it has caught up with these changes; there is no actor.
    pub async fn mirror_synchronized(
        &self,
        repository: &str,
        moved: &[Moved],
    ) -> Result<Done<()>, Refusal> {
        let told = |dc: &mut DataCenter, here: &Here| {
            let found = find(dc, repository)?;
            let body = json!({
                "mirrorServer": {"id": "B0NI-ZH1L-MIRR-0R01", "name": "Mirror"}, "syncType": "incremental",
                "refLimitExceeded": false, "changes": hooks::changes(moved),
                "repository": shape::repository(dc, found),
            });
            Ok(((), hooks::outgoing(dc, here, found, "mirror:repo_synchronized", body)))
        };
        self.act(told).await
    }

    /// The secret scanner found something in a commit that was pushed.
    pub async fn secret_detected(
        &self,
        repository: &str,
        by: &str,
        commit: &str,
        path: &str,
    ) -> Result<Done<()>, Refusal> {
        let told = |dc: &mut DataCenter, here: &Here| {
            let found = find(dc, repository)?;
            let user = dc.user(by).ok_or_else(|| Refusal::NoSuchPerson(by.to_owned()))?;
            let shown = shape::repository(dc, found);
            let body = json!({
                "actor": {
                    "username": user.name, "name": user.name, "id": user.id, "displayName": user.display_name,
                    "slug": user.slug, "active": user.active, "crowdBacked": true, "emailAddress": null,
                },
                "repository": shown,
                "secretLocations": [{
                    "commitId": commit, "line": 3, "path": path, "ruleName": "Private key", "repository": shown,
                }],
            });
            Ok(((), hooks::outgoing(dc, here, found, "repo:secret_detected", body)))
        };
        self.act(told).await
    }

    /// "Test connection" of one hook: an unsigned ping.
    pub async fn ping(&self, hook: u64) -> Option<Delivery> {
        let sent = self.simulator.company(|company| {
            hooks::find(&company.datacenter, &hook.to_string()).map(hooks::ping)
        })?;
        self.simulator.state.deliver(vec![sent]).await.pop()
    }

    async fn act<T>(
        &self,
        act: impl FnOnce(&mut DataCenter, &Here) -> Acted<T>,
    ) -> Result<Done<T>, Refusal> {
        let state = &self.simulator.state;
        let (value, outgoing) = act(&mut hold(&state.company).datacenter, &state.here())?;
        Ok(Done { value, deliveries: state.deliver(outgoing).await })
    }
}

pub(crate) fn find<'a>(dc: &'a DataCenter, name: &str) -> Result<&'a DcRepository, Refusal> {
    dc.repository(name).ok_or_else(|| Refusal::NoSuchRepository(name.to_owned()))
}

pub(crate) fn find_mut<'a>(
    dc: &'a mut DataCenter,
    name: &str,
) -> Result<&'a mut DcRepository, Refusal> {
    dc.repository_mut(name).ok_or_else(|| Refusal::NoSuchRepository(name.to_owned()))
}

pub(crate) fn need(
    dc: &DataCenter,
    found: &DcRepository,
    by: &str,
    level: DcLevel,
) -> Result<(), Refusal> {
    if dc_effective(dc, found, by) < level {
        let what = format!("do that in {}/{}", found.project, found.slug);
        return Err(Refusal::NotAllowed { who: by.to_owned(), what });
    }
    if found.archived && level > DcLevel::Read {
        return Err(Refusal::WrongState("archived".to_owned()));
    }
    Ok(())
}

pub(crate) fn author(dc: &DataCenter, by: &str) -> Result<Author, Refusal> {
    let user = dc.user(by).ok_or_else(|| Refusal::NoSuchPerson(by.to_owned()))?;
    Ok(Author { name: user.display_name.clone(), email: user.email.clone() })
}

/// Tells the hooks of a repository, with the actor.
pub(crate) fn tell(
    dc: &DataCenter,
    here: &Here,
    (name, by): (&str, &str),
    event: &str,
    more: Value,
) -> Vec<Outgoing> {
    let Ok(found) = find(dc, name) else { return Vec::new() };
    let extra = with(json!({"actor": shape::user_of(dc, by)}), more);
    hooks::outgoing(dc, here, found, event, extra)
}

fn push(
    dc: &mut DataCenter,
    here: &Here,
    (name, by): (&str, &str),
    changes: &[Change],
) -> Acted<Vec<Moved>> {
    let found = find(dc, name)?;
    need(dc, found, by, DcLevel::Write)?;
    let author = author(dc, by)?;
    let mut trial = found.git.clone();
    let mut moved = Vec::new();
    for change in changes {
        moved.push(trial.apply(change, &author, here.now)?);
    }
    for one in &moved {
        datacenter_rules::allow(dc, found, one, by)?;
    }
    find_mut(dc, name)?.git = trial;
    let told = told_push(dc, here, (name, by), &moved);
    Ok((moved, told))
}

/// The push itself, then the pull requests whose source it moved.
pub(crate) fn told_push(
    dc: &mut DataCenter,
    here: &Here,
    (name, by): (&str, &str),
    moved: &[Moved],
) -> Vec<Outgoing> {
    let Ok(found) = find(dc, name) else { return Vec::new() };
    let body = hooks::push(dc, found, moved);
    let source = format!("{}/{}", found.project, found.slug);
    let mut all = tell(dc, here, (name, by), "repo:refs_changed", body);
    for (name, id, old) in moved_pulls(dc, here, (&source, by), moved) {
        let more = json!({"previousFromHash": old});
        all.extend(pulls::tell(dc, here, (&name, id, by), "pr:from_ref_updated", more));
    }
    all
}

fn moved_pulls(
    dc: &mut DataCenter,
    here: &Here,
    (source, by): (&str, &str),
    moved: &[Moved],
) -> Vec<(String, u64, String)> {
    let mut found = Vec::new();
    for repository in &mut dc.repositories {
        let name = format!("{}/{}", repository.project, repository.slug);
        let open = repository.pull_requests.iter_mut().filter(|pull| pull.state == PullState::Open);
        for pull in open.filter(|pull| pull.source.repository.as_deref() == Some(source)) {
            let reference = branch_ref(&pull.source.branch);
            let hit = moved.iter().find(|one| one.reference == reference);
            if let Some(new) = hit.and_then(|one| one.new.clone()) {
                let old = std::mem::replace(&mut pull.source.commit, new);
                pull.touch(here.now);
                pull.note(What::Moved, by.to_owned(), here.now);
                found.push((name.clone(), pull.id, old));
            }
        }
    }
    found
}

fn fork(
    dc: &mut DataCenter,
    here: &Here,
    (name, by): (&str, &str),
    (into, slug): (&str, &str),
) -> Acted<u64> {
    let found = find(dc, name)?;
    need(dc, found, by, DcLevel::Read)?;
    let (git, origin, hierarchy) = (found.git.clone(), found.id, found.hierarchy.clone());
    dc.project(into).ok_or_else(|| Refusal::NoSuchRepository(into.to_owned()))?;
    let id = dc.add_repository(into, slug);
    let made = find_mut(dc, &format!("{into}/{slug}"))?;
    made.git = git;
    made.origin = Some(origin);
    made.hierarchy = hierarchy;
    let body = json!({"repository": shape::repository(dc, find(dc, &format!("{into}/{slug}"))?)});
    Ok((id, tell(dc, here, (name, by), "repo:forked", body)))
}

/// Hooks hear of it at the repository's new name.
fn modify(
    dc: &mut DataCenter,
    here: &Here,
    (name, by): (&str, &str),
    new_name: &str,
    public: bool,
) -> Acted<()> {
    let found = find(dc, name)?;
    need(dc, found, by, DcLevel::Admin)?;
    let old = shape::repository(dc, found);
    let key = found.project.clone();
    let found = find_mut(dc, name)?;
    new_name.clone_into(&mut found.name);
    found.slug = new_name.to_lowercase().replace(' ', "-");
    found.public = public;
    let renamed = format!("{key}/{}", found.slug);
    let new = shape::repository(dc, find(dc, &renamed)?);
    Ok(((), tell(dc, here, (&renamed, by), "repo:modified", json!({"old": old, "new": new}))))
}

/// How dates are written in webhook bodies now.
pub(crate) fn dates(dc: &DataCenter) -> Dates {
    Dates::of(dc.release)
}
