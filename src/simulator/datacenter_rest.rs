//! Data Center's REST API: the table of paths, users, groups, global permissions and projects.
//!
//! Only what the gate uses is here; every other path is a 404. Paths compare with case.

use serde_json::Value;
use serde_json::json;

use crate::simulator::answer::Answer;
use crate::simulator::answer::Here;
use crate::simulator::answer::Reply;
use crate::simulator::answer::Request;
use crate::simulator::answer::dc_error;
use crate::simulator::answer::dc_page;
use crate::simulator::company::Company;
use crate::simulator::datacenter::DataCenter;
use crate::simulator::datacenter::DcGrant;
use crate::simulator::datacenter::DcHolder;
use crate::simulator::datacenter::DcLevel;
use crate::simulator::datacenter::DcUser;
use crate::simulator::datacenter::GlobalLevel;
use crate::simulator::datacenter::ProjectPermission;
use crate::simulator::datacenter_access::Caller;
use crate::simulator::datacenter_access::caller;
use crate::simulator::datacenter_audit as audit;
use crate::simulator::datacenter_checks as checks;
use crate::simulator::datacenter_credentials as credentials;
use crate::simulator::datacenter_json as shape;
use crate::simulator::datacenter_oauth as oauth;
use crate::simulator::datacenter_repository as repository;
use crate::simulator::faults::Posted;
use crate::simulator::oracle;

/// Most numbered filters of `users?permission.N`.
const MOST_FILTERS: usize = 50;

/// One request with its place, time and caller.
pub(crate) struct DcAsk<'a> {
    pub(crate) request: &'a Request,
    pub(crate) here: &'a Here,
    pub(crate) by: Caller,
}

/// Answers one Data Center request and says in `X-AUSERNAME` whom it took the caller for.
pub(crate) fn answer(
    company: &mut Company,
    request: &Request,
    here: &Here,
    posted: &mut Vec<Posted>,
) -> Reply {
    let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
    if let ["bitbucket", "rest", "oauth2", "latest" | "1.0", rest @ ..] = segments.as_slice() {
        return oauth::answer(&mut company.datacenter, request, here, rest);
    }
    let by = caller(&company.datacenter, request, here.now)?;
    let told: Option<String> = by
        .name
        .as_deref()
        .map(|name| url::form_urlencoded::byte_serialize(name.as_bytes()).collect());
    let ask = DcAsk { request, here, by };
    let sign = |answer: Answer| match told.clone() {
        Some(name) => answer.with("X-AUSERNAME", name),
        None => answer,
    };
    match routed(&mut company.datacenter, &ask, posted) {
        Ok(answer) => Ok(sign(answer)),
        Err(refused) => Err(sign(refused)),
    }
}

pub(crate) fn missing() -> Answer {
    dc_error(404, None, "HTTP 404 Not Found", "NoSuchResourceException")
}

fn routed(dc: &mut DataCenter, ask: &DcAsk<'_>, posted: &mut Vec<Posted>) -> Reply {
    let segments: Vec<&str> = ask.request.segments.iter().map(String::as_str).collect();
    let method = ask.request.method.as_str();
    match (method, segments.as_slice()) {
        ("GET", ["bitbucket", "status"]) => {
            Answer::ok(&json!({"state": "RUNNING", "nodeCount": 1}))
        }
        (_, ["bitbucket", "rest", plugin, "latest" | "1.0" | "2.0", rest @ ..]) => match *plugin {
            "api" => api(dc, ask, rest, posted),
            "build-status" => repository::builds(dc, ask, rest),
            "branch-permissions" => repository::restrictions(dc, ask, rest),
            "keys" => repository::access_keys(dc, ask, rest),
            "default-reviewers" | "required-builds" => checks::conditions(dc, ask, plugin, rest),
            "ssh" => credentials::ssh_keys(dc, ask, rest),
            "access-tokens" => credentials::tokens(dc, ask, rest),
            "auditing" => audit::events(dc, ask, rest),
            _ => Err(missing()),
        },
        _ => Err(missing()),
    }
}

fn api(dc: &mut DataCenter, ask: &DcAsk<'_>, rest: &[&str], posted: &mut Vec<Posted>) -> Reply {
    match (ask.request.method.as_str(), rest) {
        ("GET", ["application-properties"]) => Answer::ok(&json!({
            "version": dc.release.version(), "buildNumber": "9004012", "buildDate": "1780667684000",
            "displayName": "Bitbucket",
        })),
        ("GET", ["users"]) => users(dc, ask),
        ("GET", ["users", slug]) => {
            ask.by.known()?;
            let found = dc.users.iter().find(|user| user.slug == *slug && !user.service);
            Answer::ok(&shape::user(found.ok_or_else(missing)?))
        }
        ("GET", ["groups"]) => {
            ask.by.global(dc, GlobalLevel::LicensedUser)?;
            dc_page(ask.request, matching(ask, dc.groups.iter().map(|group| json!(group.name))))
        }
        ("GET", ["admin", more @ ..]) => admin(dc, ask, more),
        ("GET", ["projects"]) => {
            let rows =
                dc.projects.iter().filter(|project| project.owner.is_none()).map(|project| {
                    ask.by.sees(dc, &project.key).then(|| shape::project(dc, project))
                });
            dc_page(ask.request, rows.collect())
        }
        ("GET", ["projects", key]) => {
            Answer::ok(&shape::project(dc, ask.by.project(dc, project_key(dc, key), false)?))
        }
        ("GET", ["projects", key, "permissions", more @ ..]) => project_grants(dc, ask, key, more),
        ("GET", ["repos"]) => repository::list(dc, ask, None),
        ("GET", ["projects", key, "repos"]) => {
            let key = ask.by.project(dc, project_key(dc, key), false)?.key.clone();
            repository::list(dc, ask, Some(&key))
        }
        (_, ["projects", key, "webhooks", more @ ..]) => {
            let key = ask.by.project(dc, project_key(dc, key), true)?.key.clone();
            repository::hooks(dc, ask, &key, more)
        }
        (_, ["projects", key, "repos", slug, more @ ..]) => {
            let key = project_key(dc, key).to_owned();
            repository::answer(dc, ask, (&key, slug), more, posted)
        }
        _ => Err(missing()),
    }
}

/// Personal projects are addressed by `~slug` of their owner.
pub(crate) fn project_key<'a>(dc: &'a DataCenter, name: &'a str) -> &'a str {
    let Some(slug) = name.strip_prefix('~') else { return name };
    let owner = dc.users.iter().find(|user| user.slug == slug).map(|user| user.name.as_str());
    let mut personal = dc.projects.iter().filter(|project| project.owner.is_some());
    personal
        .find(|project| project.owner.as_deref() == owner)
        .map_or(name, |project| project.key.as_str())
}

/// Rows whose text holds `filter=`.
fn matching(ask: &DcAsk<'_>, rows: impl Iterator<Item = Value>) -> Vec<Option<Value>> {
    let wanted = ask.request.param("filter").unwrap_or_default().to_lowercase();
    rows.filter(|row| row.to_string().to_lowercase().contains(&wanted)).map(Some).collect()
}

/// `users`: all of them, or those who hold every `permission.N` asked for. Numbers count from 1; one after a gap is
/// ignored, as is what it narrows.
fn users(dc: &DataCenter, ask: &DcAsk<'_>) -> Reply {
    ask.by.known()?;
    let filters: Vec<Filter> = (1..=MOST_FILTERS).map_while(|number| filter(ask, number)).collect();
    let in_group = |user: &DcUser| match ask.request.param("group") {
        Some(group) => oracle::dc_groups(dc, &user.name).contains(&group.to_lowercase()),
        None => true,
    };
    let people = dc.users.iter().filter(|user| !user.service);
    let mut rows = Vec::new();
    for user in people.filter(|user| in_group(user)) {
        let mut fits = true;
        for filter in &filters {
            fits &= holds(dc, filter, &user.name)?;
        }
        if fits {
            rows.push(shape::user(user));
        }
    }
    dc_page(ask.request, matching(ask, rows.into_iter()))
}

struct Filter {
    permission: String,
    project: Option<String>,
    repository: Option<String>,
}

fn filter(ask: &DcAsk<'_>, number: usize) -> Option<Filter> {
    let get = |suffix: &str| {
        ask.request.param(&format!("permission.{number}{suffix}")).map(str::to_owned)
    };
    Some(Filter {
        permission: get("")?,
        project: get(".projectKey"),
        repository: get(".repositorySlug"),
    })
}

fn holds(dc: &DataCenter, filter: &Filter, who: &str) -> Result<bool, Answer> {
    let global = |needed| oracle::dc_global(dc, who).is_some_and(|held| held >= needed);
    let project = |needed| {
        let key = filter.project.as_deref().unwrap_or_default();
        oracle::dc_on_project(dc, key, who).is_some_and(|held| held >= needed)
    };
    let repository = |needed| {
        let key = filter.project.as_deref().unwrap_or_default();
        let slug = filter.repository.as_deref().unwrap_or_default();
        let found = dc.repository(&format!("{key}/{slug}"));
        found.is_some_and(|found| oracle::dc_granted(dc, found, who) >= needed)
    };
    Ok(match filter.permission.as_str() {
        "LICENSED_USER" => global(GlobalLevel::LicensedUser),
        "PROJECT_CREATE" => global(GlobalLevel::ProjectCreate),
        "ADMIN" => global(GlobalLevel::Admin),
        "SYS_ADMIN" => global(GlobalLevel::SysAdmin),
        "PROJECT_READ" => project(ProjectPermission::Read),
        "PROJECT_WRITE" => project(ProjectPermission::Write),
        "REPO_CREATE" => project(ProjectPermission::RepoCreate),
        "PROJECT_ADMIN" => project(ProjectPermission::Admin),
        "REPO_READ" => repository(DcLevel::Read),
        "REPO_WRITE" => repository(DcLevel::Write),
        "REPO_ADMIN" => repository(DcLevel::Admin),
        other => {
            let message = format!("{other} is not a permission");
            return Err(dc_error(400, Some("permission"), &message, "ArgumentValidationException"));
        }
    })
}

fn admin(dc: &DataCenter, ask: &DcAsk<'_>, more: &[&str]) -> Reply {
    let needed = match more.first() {
        Some(&"permissions") => GlobalLevel::Admin,
        _ => GlobalLevel::LicensedUser,
    };
    ask.by.global(dc, needed)?;
    let context = || {
        let absent =
            || dc_error(400, Some("context"), "context is required", "ArgumentValidationException");
        ask.request.param("context").map(str::to_lowercase).ok_or_else(absent)
    };
    match more {
        ["permissions", kind @ ("users" | "groups")] => {
            dc_page(ask.request, matching(ask, highest(dc, kind).into_iter()))
        }
        ["users"] => {
            let people = dc.users.iter().filter(|user| !user.service).map(shape::detailed_user);
            dc_page(ask.request, matching(ask, people))
        }
        ["groups"] => {
            let groups =
                dc.groups.iter().map(|group| json!({"name": group.name, "deletable": true}));
            dc_page(ask.request, matching(ask, groups))
        }
        // Direct members only.
        ["groups", "more-members"] => {
            let wanted = context()?;
            let group = dc.groups.iter().find(|group| group.name.to_lowercase() == wanted);
            let members = group.ok_or_else(missing)?.members.iter();
            dc_page(ask.request, matching(ask, members.map(|name| shape::user_of(dc, name))))
        }
        ["users", "more-members"] => {
            let wanted = context()?;
            let of = |name: &String| name.to_lowercase() == wanted;
            let groups = dc.groups.iter().filter(|group| group.members.iter().any(of));
            dc_page(ask.request, matching(ask, groups.map(|group| json!({"name": group.name}))))
        }
        _ => Err(missing()),
    }
}

/// Each principal once, with its highest global permission.
fn highest(dc: &DataCenter, kind: &str) -> Vec<Value> {
    let mut best: Vec<&DcGrant<GlobalLevel>> = Vec::new();
    for grant in &dc.global {
        match best.iter_mut().find(|other| other.to == grant.to) {
            Some(other) if other.level < grant.level => *other = grant,
            Some(_) => {}
            None => best.push(grant),
        }
    }
    grants(dc, kind, best.into_iter().map(|grant| (&grant.to, grant.level.word())))
}

/// Rows of an explicit list: users or groups.
pub(crate) fn grants<'a>(
    dc: &DataCenter,
    kind: &str,
    all: impl Iterator<Item = (&'a DcHolder, &'static str)>,
) -> Vec<Value> {
    all.filter_map(|(to, word)| match (to, kind) {
        (DcHolder::User(name), "users") => {
            Some(json!({"user": shape::user_of(dc, name), "permission": word}))
        }
        (DcHolder::Group(name), "groups") => {
            Some(json!({"group": {"name": name}, "permission": word}))
        }
        _ => None,
    })
    .collect()
}

/// Explicit grants of a project, and its default permission: one question a level.
fn project_grants(dc: &DataCenter, ask: &DcAsk<'_>, key: &str, more: &[&str]) -> Reply {
    let found = ask.by.project(dc, project_key(dc, key), true)?;
    match more {
        [kind @ ("users" | "groups")] => {
            let all = found.grants.iter().map(|grant| (&grant.to, grant.level.word()));
            dc_page(ask.request, matching(ask, grants(dc, kind, all).into_iter()))
        }
        [word, "all"] => {
            let levels = [
                ProjectPermission::Read,
                ProjectPermission::Write,
                ProjectPermission::RepoCreate,
                ProjectPermission::Admin,
            ];
            let level =
                levels.into_iter().find(|level| level.word() == *word).ok_or_else(missing)?;
            let permitted = found.default_permission.is_some_and(|held| held >= level);
            Answer::ok(&json!({ "permitted": permitted }))
        }
        _ => Err(missing()),
    }
}
