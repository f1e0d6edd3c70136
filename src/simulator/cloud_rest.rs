//! Cloud's REST API, first part: the table of paths, and workspaces, people, groups and projects.
//!
//! Only what the gate uses is here; every other path is a 404, as an unknown path is on Cloud.

use serde_json::Value;
use serde_json::json;

use crate::simulator::answer::Answer;
use crate::simulator::answer::Here;
use crate::simulator::answer::Paging;
use crate::simulator::answer::Reply;
use crate::simulator::answer::Request;
use crate::simulator::answer::cloud_error;
use crate::simulator::answer::cloud_missing;
use crate::simulator::answer::cloud_page;
use crate::simulator::cloud::CloudCredential;
use crate::simulator::cloud::Grant;
use crate::simulator::cloud::Group;
use crate::simulator::cloud::Holder;
use crate::simulator::cloud::Level;
use crate::simulator::cloud::Person;
use crate::simulator::cloud::ProjectLevel;
use crate::simulator::cloud::Repository;
use crate::simulator::cloud::Role;
use crate::simulator::cloud::Workspace;
use crate::simulator::cloud_access as access;
use crate::simulator::cloud_json as shape;
use crate::simulator::cloud_query::filtered;
use crate::simulator::cloud_repository;
use crate::simulator::cloud_runs;
use crate::simulator::cloud_settings;
use crate::simulator::company::Company;
use crate::simulator::company::braced;
use crate::simulator::faults::Posted;
use crate::simulator::oracle;

/// Event keys a hook may subscribe to; the last two only at workspace level.
pub(crate) const EVENTS: [&str; 29] = [
    "repo:push",
    "repo:fork",
    "repo:updated",
    "repo:transfer",
    "repo:imported",
    "repo:commit_comment_created",
    "repo:commit_status_created",
    "repo:commit_status_updated",
    "pullrequest:created",
    "pullrequest:updated",
    "pullrequest:push",
    "pullrequest:approved",
    "pullrequest:unapproved",
    "pullrequest:changes_request_created",
    "pullrequest:changes_request_removed",
    "pullrequest:fulfilled",
    "pullrequest:rejected",
    "pullrequest:comment_created",
    "pullrequest:comment_updated",
    "pullrequest:comment_deleted",
    "pullrequest:comment_resolved",
    "pullrequest:comment_reopened",
    "issue:created",
    "issue:updated",
    "issue:comment_created",
    "pipeline:span_created",
    "project:updated",
    "repo:created",
    "repo:deleted",
];

/// How many of [`EVENTS`], at its end, only a workspace hook may have.
const WORKSPACE_ONLY: usize = 3;

/// Event keys for `repository` or `workspace` hooks.
pub(crate) fn events_of(subject: &str) -> Option<&'static [&'static str]> {
    match subject {
        "workspace" => Some(&EVENTS),
        "repository" => {
            EVENTS.split_at_checked(EVENTS.len() - WORKSPACE_ONLY).map(|(both, _)| both)
        }
        _ => None,
    }
}

/// Answers one Cloud request.
pub(crate) fn answer(
    company: &mut Company,
    request: &Request,
    here: &Here,
    posted: &mut Vec<Posted>,
) -> Reply {
    if request.path.contains(['{', '}']) {
        return Err(cloud_error(400, "Bad request"));
    }
    if let Some(path) = request.path.strip_suffix('/').filter(|path| path.starts_with("/2.0/")) {
        return Ok(Answer::empty(301).with("location", format!("{}{path}", here.base)));
    }
    let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
    let method = request.method.as_str();
    match (method, segments.as_slice()) {
        ("POST", ["site", "oauth2", "access_token"]) => access::oauth_token(company, request, here),
        ("GET", ["2.0", "hook_events", subject]) => hook_events(request, here, subject),
        ("GET", ["2.0", "workspaces", name, "pipelines-config", "identity", "oidc", rest @ ..]) => {
            cloud_runs::identity(company, here, name, rest)
        }
        ("GET", ["2.0", "workspaces" | "repositories"] | ["2.0", "user", "permissions", _]) => {
            Err(gone())
        }
        _ => {
            let shown = access::credential(company, request, here.now)?;
            let ask = Ask { request, here, by: shown.as_ref() };
            known_caller(company, &ask, method, &segments, posted)
        }
    }
}

/// One request with its place, time and caller.
#[derive(Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) request: &'a Request,
    pub(crate) here: &'a Here,
    pub(crate) by: Option<&'a CloudCredential>,
}

impl<'a> Ask<'a> {
    /// The credential, if its scopes are enough.
    pub(crate) fn scoped(&self, needed: access::Scopes) -> Result<&'a CloudCredential, Answer> {
        access::require(self.by, needed)
    }

    /// A page of these values.
    pub(crate) fn page(&self, values: Vec<Value>, paging: Paging) -> Reply {
        cloud_page(self.request, self.here, values, paging)
    }

    /// A page of what `q=` leaves of these values.
    pub(crate) fn filtered_page(&self, values: Vec<Value>, paging: Paging) -> Reply {
        self.page(filtered(self.request, values)?, paging)
    }
}

fn known_caller(
    company: &mut Company,
    ask: &Ask<'_>,
    method: &str,
    segments: &[&str],
    posted: &mut Vec<Posted>,
) -> Reply {
    match (method, segments) {
        ("GET", ["2.0", "user"]) => user(company, ask),
        ("GET", ["2.0", "user", "workspaces"]) => own_workspaces(company, ask),
        ("GET", ["1.0", "groups", name, ""]) => groups(company, ask, name),
        (_, ["2.0", "workspaces", name, "hooks", rest @ ..]) => {
            cloud_settings::workspace_hooks(company, ask, name, rest)
        }
        ("GET", ["2.0", "workspaces", name, rest @ ..]) => workspace(company, ask, name, rest),
        ("GET", ["2.0", "repositories", name]) => cloud_repository::list(company, ask, name),
        (_, ["2.0", "repositories", home, name, rest @ ..]) => {
            let place = Place { home, name };
            repository(company, ask, place, rest, posted)
        }
        _ => Err(cloud_missing()),
    }
}

/// Workspace and repository as the path names them.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) home: &'a str,
    pub(crate) name: &'a str,
}

fn repository(
    company: &mut Company,
    ask: &Ask<'_>,
    place: Place<'_>,
    rest: &[&str],
    posted: &mut Vec<Posted>,
) -> Reply {
    match (ask.request.method.as_str(), rest) {
        (_, ["commit", hash, "statuses", more @ ..]) => {
            cloud_runs::statuses(company, ask, place, (hash, more), posted)
        }
        ("POST", ["pipelines", run, "stopPipeline"]) => cloud_runs::stop(company, ask, place, run),
        ("GET", ["pipelines", more @ ..]) => cloud_runs::pipelines(company, ask, place, more),
        (_, ["hooks", more @ ..]) => cloud_settings::repository_hooks(company, ask, place, more),
        (
            "GET",
            [
                "permissions-config"
                | "branch-restrictions"
                | "effective-branching-model"
                | "environments"
                | "deployments_config"
                | "pipelines_config"
                | "pipelines-config"
                | "override-settings"
                | "deploy-keys",
                ..,
            ],
        ) => cloud_settings::answer(company, ask, place, rest),
        ("GET", _) => cloud_repository::answer(company, ask, place, rest),
        _ => Err(cloud_missing()),
    }
}

fn gone() -> Answer {
    Answer::json(
        410,
        &json!({"type": "error", "error": {
            "message": "CHANGE-2770: Functionality has been deprecated",
            "data": {"announcement_url": "https://developer.atlassian.com/cloud/bitbucket/changelog/#CHANGE-2770"},
        }}),
    )
}

fn hook_events(request: &Request, here: &Here, subject: &str) -> Reply {
    let events = events_of(subject).ok_or_else(cloud_missing)?;
    let values = events
        .iter()
        .map(|&event| {
            let (category, label) = event.split_once(':').unwrap_or((event, event));
            json!({"event": event, "category": category, "label": label, "description": ""})
        })
        .collect();
    cloud_page(request, here, values, Paging::COUNTED)
}

fn user(company: &Company, ask: &Ask<'_>) -> Reply {
    let by = ask.scoped(access::USER)?;
    let mut homes = company.workspaces.iter();
    let person = homes.find_map(|home| home.person(by.owner)).ok_or_else(cloud_missing)?;
    let more = json!({"account_status": "active", "has_2fa_enabled": null});
    Answer::ok(&shape::with(shape::person(ask.here, person), more))
}

fn own_workspaces(company: &Company, ask: &Ask<'_>) -> Reply {
    let by = ask.scoped(access::ACCOUNT)?;
    let mine = company.workspaces.iter().filter_map(|home| {
        let role =
            home.person(by.owner).map(|person| person.role).filter(|&role| role > Role::Outside)?;
        Some(json!({
            "type": "workspace_access", "administrator": role == Role::Owner,
            "workspace": {"type": "workspace_base", "slug": home.slug, "uuid": braced(home.uuid)},
        }))
    });
    ask.page(mine.collect(), Paging::UNCOUNTED)
}

/// The 1.0 endpoint: a bare array, not a page.
fn groups(company: &Company, ask: &Ask<'_>, name: &str) -> Reply {
    let by = ask.scoped(access::GROUPS)?;
    let home = access::enter(company, name, by)?;
    if !access::owns(home, by) {
        return Err(cloud_error(403, "Access denied. You must be a workspace administrator."));
    }
    let all: Vec<Value> = home.groups.iter().map(|found| group(ask.here, home, found)).collect();
    Answer::ok(&Value::Array(all))
}

fn group(here: &Here, home: &Workspace, group: &Group) -> Value {
    let members: Vec<Value> =
        group.members.iter().map(|&member| shape::person_of(here, home, member)).collect();
    json!({
        "name": group.name, "slug": group.slug, "permission": group.permission.map(Level::word),
        "auto_add": false, "members": members, "owner": {"uuid": braced(home.uuid), "type": "team"},
        "resource_uri": format!("/1.0/groups/{}/{}", home.slug, group.slug),
    })
}

fn workspace(company: &Company, ask: &Ask<'_>, name: &str, rest: &[&str]) -> Reply {
    match rest {
        [] => {
            let home = access::enter(company, name, ask.scoped(access::WORKSPACE)?)?;
            let more = json!({
                "is_private": true, "is_personal": false, "is_privacy_enforced": false,
                "forking_mode": "allow_forks",
            });
            Answer::ok(&shape::with(shape::workspace(ask.here, home), more))
        }
        ["members"] => {
            let home = access::enter(company, name, ask.scoped(access::ACCOUNT)?)?;
            let row = |user| json!({"type": "workspace_membership", "user": user, "workspace": shape::workspace(ask.here, home)});
            let people = members(home).map(|person| row(shape::person(ask.here, person)));
            ask.page(people.collect(), Paging::COUNTED)
        }
        ["permissions"] => {
            let home = access::enter(company, name, ask.scoped(access::ACCOUNT)?)?;
            ask.filtered_page(workspace_roles(ask.here, home), Paging::UNCOUNTED)
        }
        ["permissions", "repositories", only @ ..] => effective(company, ask, name, only),
        ["projects"] => {
            let by = ask.scoped(access::PROJECT)?;
            let home = access::enter(company, name, by)?;
            ask.filtered_page(projects(ask.here, home, by), Paging::COUNTED)
        }
        ["projects", key, more @ ..] => project(company, ask, name, (key, more)),
        ["pipelines-config", "variables"] => {
            let home = access::enter(company, name, ask.scoped(access::PIPELINES)?)?;
            ask.page(home.variables.iter().map(shape::variable).collect(), Paging::COUNTED)
        }
        ["pipelines-config", "runners"] => {
            let home = access::enter(company, name, ask.scoped(access::RUNNERS)?)?;
            ask.page(home.runners.iter().map(cloud_settings::runner).collect(), Paging::COUNTED)
        }
        _ => Err(cloud_missing()),
    }
}

fn members(home: &Workspace) -> impl Iterator<Item = &Person> {
    home.people.iter().filter(|person| person.role > Role::Outside)
}

/// This list tells owners from members and nothing finer.
fn workspace_roles(here: &Here, home: &Workspace) -> Vec<Value> {
    let row = |person: &Person| {
        let permission = if person.role == Role::Owner { "owner" } else { "member" };
        json!({
            "type": "workspace_membership", "permission": permission,
            "user": shape::person(here, person), "workspace": shape::workspace(here, home),
        })
    };
    members(home).map(row).collect()
}

/// Effective levels: of all repositories for owners of the workspace, of one for its admins.
fn effective(company: &Company, ask: &Ask<'_>, name: &str, only: &[&str]) -> Reply {
    let (home, repositories): (&Workspace, Vec<&Repository>) = match only {
        [] => {
            let by = ask.scoped(access::ALL_PERMISSIONS)?;
            let home = access::enter(company, name, by)?;
            if !access::owns(home, by) {
                return Err(cloud_error(
                    403,
                    "Access denied. You must be a workspace administrator.",
                ));
            }
            (home, home.repositories.iter().collect())
        }
        [repository] => {
            let by = ask.scoped(access::REPOSITORY)?;
            let (home, found, level) = access::reach(company, name, repository, by)?;
            access::at_least(level, Level::Admin)?;
            (home, vec![found])
        }
        _ => return Err(cloud_missing()),
    };
    let mut rows = Vec::new();
    for repository in repositories {
        for person in &home.people {
            let level = oracle::cloud_granted(home, repository, person.uuid);
            if level > Level::None {
                rows.push(json!({
                    "type": "repository_permission", "permission": level.word(),
                    "user": shape::person(ask.here, person),
                    "repository": shape::small_repository(ask.here, home, repository),
                }));
            }
        }
    }
    ask.filtered_page(rows, Paging::UNCOUNTED)
}

/// Projects the caller has a level on, or that are public, or that hold something they reach.
fn projects(here: &Here, home: &Workspace, by: &CloudCredential) -> Vec<Value> {
    let sees = |key: &str| {
        oracle::cloud_on_project(home, key, by.owner) > ProjectLevel::None
            || access::owns(home, by)
            || home
                .repositories
                .iter()
                .any(|found| found.project == key && access::level(home, found, by) > Level::None)
    };
    let listed = home.projects.iter().filter(|project| !project.is_private || sees(&project.key));
    listed.map(|project| {
        let more = json!({
            "is_private": project.is_private, "description": "", "has_publicly_visible_repos":
                home.repositories.iter().any(|found| found.project == project.key && !found.is_private),
        });
        shape::with(shape::project(here, home, project), more)
    })
    .collect()
}

fn project(company: &Company, ask: &Ask<'_>, name: &str, (key, more): (&str, &[&str])) -> Reply {
    let needed = if more.is_empty() { access::PROJECT } else { access::PROJECT_ADMIN };
    let by = ask.scoped(needed)?;
    let home = access::enter(company, name, by)?;
    let found = home.find_project(key).ok_or_else(cloud_missing)?;
    let level = oracle::cloud_on_project(home, &found.key, by.owner);
    let admin = level == ProjectLevel::Admin || access::owns(home, by);
    match more {
        [] => {
            let mut seen = projects(ask.here, home, by).into_iter();
            let wanted = seen.find(|value| value.get("key") == Some(&json!(found.key)));
            Answer::ok(&wanted.ok_or_else(cloud_missing)?)
        }
        ["permissions-config", kind @ ("users" | "groups")] if admin => {
            let words = found.grants.iter().map(|grant| (&grant.to, grant.level.word()));
            let rows = explicit(ask.here, home, words, (kind, "project"));
            ask.page(rows, Paging::COUNTED)
        }
        ["deploy-keys"] if admin => {
            let told = |key| cloud_settings::project_key(ask, home, found, key);
            ask.page(found.deploy_keys.iter().map(told).collect(), Paging::COUNTED)
        }
        ["permissions-config", "users" | "groups"] | ["deploy-keys"] => {
            Err(cloud_error(403, "Access denied. You must have admin access."))
        }
        _ => Err(cloud_missing()),
    }
}

/// Rows of an explicit list: users or groups, of a project or a repository.
pub(crate) fn explicit<'a>(
    here: &Here,
    home: &Workspace,
    grants: impl Iterator<Item = (&'a Holder, &'static str)>,
    (kind, of): (&str, &str),
) -> Vec<Value> {
    grants
        .filter_map(|(to, word)| match (to, kind) {
            (Holder::User(user), "users") => Some(json!({
                "type": format!("{of}_user_permission"), "permission": word,
                "user": shape::person_of(here, home, *user),
            })),
            (Holder::Group(slug), "groups") => Some(json!({
                "type": format!("{of}_group_permission"), "permission": word, "group": shape::group(home, slug),
            })),
            _ => None,
        })
        .collect()
}

/// The holder and word of each grant of a repository.
pub(crate) fn words(grants: &[Grant<Level>]) -> impl Iterator<Item = (&Holder, &'static str)> {
    grants.iter().map(|grant| (&grant.to, grant.level.word()))
}
