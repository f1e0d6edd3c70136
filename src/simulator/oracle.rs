//! Who reaches what, worked out the slow and obvious way.
//!
//! This is the yardstick the gate's own graph is measured with. It is written from the products' permission pages
//! alone and shares no line with the gate: if both are wrong, they are wrong for different reasons.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::simulator::cloud::Grant;
use crate::simulator::cloud::Holder;
use crate::simulator::cloud::Level;
use crate::simulator::cloud::ProjectLevel;
use crate::simulator::cloud::Repository;
use crate::simulator::cloud::Role;
use crate::simulator::cloud::Workspace;
use crate::simulator::datacenter::DataCenter;
use crate::simulator::datacenter::DcHolder;
use crate::simulator::datacenter::DcLevel;
use crate::simulator::datacenter::DcRepository;
use crate::simulator::datacenter::GlobalLevel;
use crate::simulator::datacenter::ProjectPermission;
use crate::simulator::datacenter::RepoPermission;

/// What Cloud's effective list says: the highest of ownership of the workspace, grants on the project and grants on
/// the repository, each to the person or to a group they are in. Public visibility is not a grant.
pub fn cloud_granted(workspace: &Workspace, repository: &Repository, who: Uuid) -> Level {
    let mut best = Level::None;
    if workspace.person(who).is_some_and(|person| person.role == Role::Owner) {
        best = Level::Admin;
    }
    if let Some(project) = workspace.find_project(&repository.project) {
        for grant in &project.grants {
            if cloud_holds(workspace, grant, who) {
                best = best.max(on_repositories(grant.level));
            }
        }
    }
    for grant in &repository.grants {
        if cloud_holds(workspace, grant, who) {
            best = best.max(grant.level);
        }
    }
    best
}

/// As [`cloud_granted`], but everybody reads a public repository.
pub fn cloud_effective(workspace: &Workspace, repository: &Repository, who: Uuid) -> Level {
    let granted = cloud_granted(workspace, repository, who);
    if repository.is_private { granted } else { granted.max(Level::Read) }
}

/// Level on a project: workspace owners administer all, otherwise the highest grant.
pub fn cloud_on_project(workspace: &Workspace, key: &str, who: Uuid) -> ProjectLevel {
    if workspace.person(who).is_some_and(|person| person.role == Role::Owner) {
        return ProjectLevel::Admin;
    }
    let Some(project) = workspace.find_project(key) else { return ProjectLevel::None };
    let held = project.grants.iter().filter(|grant| cloud_holds(workspace, grant, who));
    held.map(|grant| grant.level).max().unwrap_or(ProjectLevel::None)
}

fn cloud_holds<L>(workspace: &Workspace, grant: &Grant<L>, who: Uuid) -> bool {
    match &grant.to {
        Holder::User(user) => *user == who,
        Holder::Group(slug) => {
            workspace.groups.iter().any(|group| group.slug == *slug && group.members.contains(&who))
        }
    }
}

/// What a project level means on each repository in it.
fn on_repositories(level: ProjectLevel) -> Level {
    match level {
        ProjectLevel::None => Level::None,
        ProjectLevel::Read => Level::Read,
        ProjectLevel::Write | ProjectLevel::CreateRepo => Level::Write,
        ProjectLevel::Admin => Level::Admin,
    }
}

/// Data Center's effective level of a user, by login name, on a repository. `public` counts as read, as it does for
/// anybody logged in.
pub fn dc_effective(dc: &DataCenter, repository: &DcRepository, who: &str) -> DcLevel {
    dc_granted(dc, repository, who).max(dc_public(dc, repository, who))
}

/// As [`dc_effective`], without what is public: the level at which the API's permission filters find somebody.
pub fn dc_granted(dc: &DataCenter, repository: &DcRepository, who: &str) -> DcLevel {
    let Some(global) = dc_global(dc, who) else { return DcLevel::None };
    if global >= GlobalLevel::Admin {
        return DcLevel::Admin;
    }
    let groups = dc_groups(dc, who);
    let mut best = DcLevel::None;
    if let Some(project) = dc.project(&repository.project) {
        if project.owner.as_deref() == Some(who) {
            best = DcLevel::Admin;
        }
        for grant in &project.grants {
            if dc_holds(&grant.to, who, &groups) {
                best = best.max(project_on_repositories(grant.level));
            }
        }
        if let Some(default) = project.default_permission {
            best = best.max(project_on_repositories(default));
        }
    }
    for grant in &repository.grants {
        if dc_holds(&grant.to, who, &groups) {
            best = best.max(repo_level(grant.level));
        }
    }
    best
}

fn dc_public(dc: &DataCenter, repository: &DcRepository, who: &str) -> DcLevel {
    let public =
        repository.public || dc.project(&repository.project).is_some_and(|project| project.public);
    let active = dc.user(who).is_some_and(|user| user.active);
    let let_in = dc_global(dc, who).is_some() || dc.public_access;
    if public && active && let_in { DcLevel::Read } else { DcLevel::None }
}

/// The highest global permission of an active user; none = not licensed, so that no other grant works.
pub fn dc_global(dc: &DataCenter, who: &str) -> Option<GlobalLevel> {
    dc.user(who).filter(|user| user.active)?;
    let groups = dc_groups(dc, who);
    let held = dc.global.iter().filter(|grant| dc_holds(&grant.to, who, &groups));
    held.map(|grant| grant.level).max()
}

/// Highest level on a project by project grants, default permission, ownership and global permission.
pub fn dc_on_project(dc: &DataCenter, key: &str, who: &str) -> Option<ProjectPermission> {
    let global = dc_global(dc, who)?;
    if global >= GlobalLevel::Admin {
        return Some(ProjectPermission::Admin);
    }
    let project = dc.project(key)?;
    if project.owner.as_deref() == Some(who) {
        return Some(ProjectPermission::Admin);
    }
    let groups = dc_groups(dc, who);
    let held = project.grants.iter().filter(|grant| dc_holds(&grant.to, who, &groups));
    held.map(|grant| grant.level).chain(project.default_permission).max()
}

/// Whether the project may be seen at all: any level on it or on a repository in it, or something public.
pub fn dc_sees_project(dc: &DataCenter, key: &str, who: &str) -> bool {
    dc_on_project(dc, key, who).is_some()
        || dc.project(key).is_some_and(|project| project.public)
        || dc
            .repositories
            .iter()
            .filter(|repository| repository.project == key)
            .any(|repository| dc_effective(dc, repository, who) > DcLevel::None)
}

/// Every group a user is in, through groups in groups too; lower-cased, as names compare without case.
pub fn dc_groups(dc: &DataCenter, who: &str) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = BTreeSet::new();
    loop {
        let before = found.len();
        for group in &dc.groups {
            let direct = group.members.iter().any(|member| member == who);
            let nested = group.groups.iter().any(|inner| found.contains(&inner.to_lowercase()));
            if direct || nested {
                found.insert(group.name.to_lowercase());
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

fn dc_holds(to: &DcHolder, who: &str, groups: &BTreeSet<String>) -> bool {
    match to {
        DcHolder::User(user) => user == who,
        DcHolder::Group(group) => groups.contains(&group.to_lowercase()),
    }
}

fn project_on_repositories(level: ProjectPermission) -> DcLevel {
    match level {
        ProjectPermission::Read => DcLevel::Read,
        ProjectPermission::Write | ProjectPermission::RepoCreate => DcLevel::Write,
        ProjectPermission::Admin => DcLevel::Admin,
    }
}

fn repo_level(level: RepoPermission) -> DcLevel {
    match level {
        RepoPermission::Read => DcLevel::Read,
        RepoPermission::Write => DcLevel::Write,
        RepoPermission::Admin => DcLevel::Admin,
    }
}

/// Every person of a workspace on every repository of it: repository, person, level by grants and level in effect.
pub fn cloud_table(workspace: &Workspace) -> Vec<(Uuid, Uuid, Level, Level)> {
    let mut rows = Vec::new();
    for repository in &workspace.repositories {
        for person in &workspace.people {
            let granted = cloud_granted(workspace, repository, person.uuid);
            let effective = cloud_effective(workspace, repository, person.uuid);
            rows.push((repository.uuid, person.uuid, granted, effective));
        }
    }
    rows
}

/// Every user, by number, on every repository, by number, with the level in effect.
pub fn dc_table(dc: &DataCenter) -> Vec<(u64, u64, DcLevel)> {
    let mut rows = Vec::new();
    for repository in &dc.repositories {
        for user in &dc.users {
            rows.push((repository.id, user.id, dc_effective(dc, repository, &user.name)));
        }
    }
    rows
}
