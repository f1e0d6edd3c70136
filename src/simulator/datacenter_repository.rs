//! Data Center's REST API: repositories, their commits, pull requests, builds, grants, restrictions, keys and hooks.

use serde_json::Value;
use serde_json::json;

use crate::simulator::answer::Answer;
use crate::simulator::answer::Reply;
use crate::simulator::answer::dc_error;
use crate::simulator::answer::dc_page;
use crate::simulator::cloud_json::with;
use crate::simulator::datacenter::DataCenter;
use crate::simulator::datacenter::DcHook;
use crate::simulator::datacenter::DcLevel;
use crate::simulator::datacenter::DcRepository;
use crate::simulator::datacenter_checks as checks;
use crate::simulator::datacenter_history;
use crate::simulator::datacenter_hooks::KEYS;
use crate::simulator::datacenter_json as shape;
use crate::simulator::datacenter_json::Dates;
use crate::simulator::datacenter_rest::DcAsk;
use crate::simulator::datacenter_rest::grants;
use crate::simulator::datacenter_rest::missing;
use crate::simulator::datacenter_rest::project_key;
use crate::simulator::faults::Posted;
use crate::simulator::git::Commit;

/// Longest `key` of a build.
const LONGEST_KEY: usize = 255;
/// Longest `url` of a build.
const LONGEST_URL: usize = 450;
/// Longest `parent` of a build.
const LONGEST_PARENT: usize = 1024;

fn invalid(field: &str, message: &str) -> Answer {
    dc_error(400, Some(field), message, "ArgumentValidationException")
}

/// `repos`, or `projects/K/repos`. Without `archived=` the archived ones are left out.
pub(crate) fn list(dc: &DataCenter, ask: &DcAsk<'_>, project: Option<&str>) -> Reply {
    let archived = match ask.request.param("archived") {
        None | Some("ACTIVE") => Some(false),
        Some("ARCHIVED") => Some(true),
        Some("ALL") => None,
        Some(_) => return Err(invalid("archived", "archived must be ACTIVE, ARCHIVED or ALL")),
    };
    let project = project.or(ask.request.param("projectkey"));
    let rows = dc
        .repositories
        .iter()
        .filter(|found| project.is_none_or(|key| found.project == key))
        .filter(|found| archived.is_none_or(|archived| found.archived == archived))
        .map(|found| {
            (ask.by.level(dc, found) > DcLevel::None).then(|| shape::repository(dc, found))
        });
    dc_page(ask.request, rows.collect())
}

/// Everything below a repository in the `api` plugin.
pub(crate) fn answer(
    dc: &mut DataCenter,
    ask: &DcAsk<'_>,
    place: (&str, &str),
    rest: &[&str],
    posted: &mut Vec<Posted>,
) -> Reply {
    let needed = match rest.first() {
        Some(&("permissions" | "webhooks")) => DcLevel::Admin,
        _ => DcLevel::Read,
    };
    let found = ask.by.repository(dc, place, needed)?;
    match (ask.request.method.as_str(), rest) {
        ("GET", []) => Answer::ok(&shape::repository(dc, found)),
        ("GET", ["permissions", kind @ ("users" | "groups")]) => {
            let all = found.grants.iter().map(|grant| (&grant.to, grant.level.word()));
            dc_page(ask.request, grants(dc, kind, all).into_iter().map(Some).collect())
        }
        ("GET", ["commits"]) => commits(dc, ask, found),
        ("GET", ["commits", hash, "pull-requests"]) => {
            let hash = &commit(found, hash)?.hash;
            dc_page(ask.request, datacenter_history::of_commit(dc, found, hash))
        }
        ("GET", ["commits", hash]) => {
            Answer::ok(&shape::commit(dc, commit(found, hash)?, Dates::Millis))
        }
        ("GET", [kind @ ("branches" | "tags")]) => {
            let prefix = if *kind == "branches" { "refs/heads/" } else { "refs/tags/" };
            let rows = found.git.refs_below(prefix).map(|(name, target)| {
                Some(json!({
                    "id": name, "displayId": name.trim_start_matches(prefix),
                    "type": if *kind == "branches" { "BRANCH" } else { "TAG" },
                    "latestCommit": target.commit,
                    "isDefault": name.trim_start_matches(prefix) == found.default_branch,
                }))
            });
            dc_page(ask.request, rows.collect())
        }
        ("GET", ["default-branch"]) => Answer::ok(&json!({
            "id": format!("refs/heads/{}", found.default_branch), "displayId": found.default_branch,
            "type": "BRANCH",
        })),
        ("GET", ["settings", "pull-requests"]) => Answer::ok(&checks::settings(dc, found)),
        ("GET", ["pull-requests"]) => {
            let wanted = ask.request.param("state").unwrap_or("OPEN");
            let pulls = found.pull_requests.iter();
            let rows = pulls.filter(|pull| wanted == "ALL" || pull.state.word() == wanted);
            let mut rows: Vec<_> = rows.collect();
            match ask.request.param("order") {
                Some("NEWEST") => rows.sort_by_key(|pull| std::cmp::Reverse(pull.updated_on)),
                Some("OLDEST") => rows.sort_by_key(|pull| pull.updated_on),
                Some(_) | None => {}
            }
            dc_page(
                ask.request,
                rows.into_iter()
                    .map(|pull| Some(shape::pull_request(dc, pull, Dates::Millis)))
                    .collect(),
            )
        }
        ("GET", ["pull-requests", id, "activities"]) => {
            let mut pulls = found.pull_requests.iter();
            let pull = pulls.find(|pull| pull.id.to_string() == *id).ok_or_else(missing)?;
            dc_page(ask.request, datacenter_history::activities(dc, pull))
        }
        ("GET", ["pull-requests", id]) => {
            let mut pulls = found.pull_requests.iter();
            let pull = pulls.find(|pull| pull.id.to_string() == *id).ok_or_else(missing)?;
            Answer::ok(&shape::pull_request(dc, pull, Dates::Millis))
        }
        ("POST", ["commits", hash, "builds"]) => {
            let commit = commit(found, hash)?.hash.clone();
            let name = format!("{}/{}", found.project, found.slug);
            post_build(dc, ask, (&name, &commit), posted)
        }
        ("GET", ["commits", hash, "builds"]) => {
            let commit = commit(found, hash)?.hash.clone();
            let key = ask.request.param("key").ok_or_else(|| invalid("key", "key is required"))?;
            let build = found.builds.get(&(commit, key.to_owned()));
            Answer::ok(build.ok_or_else(missing)?)
        }
        (_, ["webhooks", more @ ..]) => {
            let on = format!("{}/{}", found.project, found.slug);
            hooks(dc, ask, &on, more)
        }
        _ => Err(missing()),
    }
}

fn commit<'a>(found: &'a DcRepository, hash: &str) -> Result<&'a Commit, Answer> {
    let message = format!("Commit '{hash}' does not exist in repository '{}'.", found.slug);
    found
        .git
        .resolve(hash)
        .ok_or_else(|| dc_error(404, None, &message, "commit.NoSuchCommitException"))
}

fn commits(dc: &DataCenter, ask: &DcAsk<'_>, found: &DcRepository) -> Reply {
    let until = commit(found, ask.request.param("until").unwrap_or(&found.default_branch))?;
    let since = match ask.request.param("since") {
        None => Vec::new(),
        Some(hash) => vec![commit(found, hash)?.hash.clone()],
    };
    let listed = found.git.between(&until.hash, &since).into_iter();
    dc_page(
        ask.request,
        listed.map(|commit| Some(shape::commit(dc, commit, Dates::Millis))).collect(),
    )
}

/// Any reader may post a build; the same key on the same commit overwrites.
fn post_build(
    dc: &mut DataCenter,
    ask: &DcAsk<'_>,
    (name, commit): (&str, &str),
    posted: &mut Vec<Posted>,
) -> Reply {
    ask.by.known()?;
    let body =
        ask.request.json().ok_or_else(|| invalid("body", "the request body is not valid"))?;
    let (key, state) = read_build(&body)?;
    let shown = with(
        body.clone(),
        json!({"createdDate": ask.here.now.as_millisecond(), "updatedDate": ask.here.now.as_millisecond()}),
    );
    let found = dc.repository_mut(name).ok_or_else(missing)?;
    let overwrote = found.builds.insert((commit.to_owned(), key.clone()), shown).is_some();
    let (repository, commit) = (name.to_owned(), commit.to_owned());
    posted.push(Posted { repository, commit, key, state, body, overwrote });
    Ok(Answer::empty(204))
}

fn read_build(body: &Value) -> Result<(String, String), Answer> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let needed = |name: &str, most: usize| {
        text(name).filter(|value| !value.is_empty() && value.chars().count() <= most).ok_or_else(
            || invalid(name, &format!("{name} must be between 1 and {most} characters")),
        )
    };
    let key = needed("key", LONGEST_KEY)?;
    let state = needed("state", LONGEST_KEY)?;
    if !["CANCELLED", "FAILED", "INPROGRESS", "SUCCESSFUL", "UNKNOWN"].contains(&state) {
        return Err(invalid("state", "state is not a known build state"));
    }
    let url = needed("url", LONGEST_URL)?;
    if !url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
        return Err(invalid("url", "url must be an absolute http or https URL"));
    }
    if text("parent").is_some_and(|parent| parent.chars().count() > LONGEST_PARENT) {
        return Err(invalid("parent", "parent must be at most 1024 characters"));
    }
    if text("ref").is_some_and(|name| !name.starts_with("refs/")) {
        return Err(invalid("ref", "ref must be a full ref name"));
    }
    Ok((key.to_owned(), state.to_owned()))
}

/// `build-status`: every build of a commit, of whatever repository.
pub(crate) fn builds(dc: &DataCenter, ask: &DcAsk<'_>, rest: &[&str]) -> Reply {
    let ["commits", hash] = rest else { return Err(missing()) };
    ask.by.known()?;
    let all = dc.repositories.iter().flat_map(|found| &found.builds);
    let rows = all.filter(|((commit, _), _)| commit == hash).map(|(_, build)| Some(build.clone()));
    dc_page(ask.request, rows.collect())
}

/// `branch-permissions`: a repository's list shows its project's rules too.
pub(crate) fn restrictions(dc: &DataCenter, ask: &DcAsk<'_>, rest: &[&str]) -> Reply {
    let (project, repository) = match rest {
        ["projects", key, "restrictions"] => {
            (ask.by.project(dc, project_key(dc, key), true)?, None)
        }
        ["projects", key, "repos", slug, "restrictions"] => {
            let found = ask.by.repository(dc, (project_key(dc, key), slug), DcLevel::Admin)?;
            (dc.project(&found.project).ok_or_else(missing)?, Some(found))
        }
        _ => return Err(missing()),
    };
    if ask.request.method != "GET" {
        return Err(missing());
    }
    let own = repository.into_iter().flat_map(|found| {
        found.restrictions.iter().map(|rule| shape::restriction(dc, rule, ("REPOSITORY", found.id)))
    });
    let inherited = project
        .restrictions
        .iter()
        .map(|rule| shape::restriction(dc, rule, ("PROJECT", project.id)));
    let asked = |value: &Value, pointer: &str, name: &str| {
        ask.request.param(name).is_none_or(|wanted| value.pointer(pointer) == Some(&json!(wanted)))
    };
    let rows = own.chain(inherited).filter(|value| {
        asked(value, "/type", "type")
            && asked(value, "/matcher/type/id", "matcherType")
            && asked(value, "/matcher/id", "matcherId")
    });
    dc_page(ask.request, rows.map(Some).collect())
}

/// `keys`: access keys of a project, or of a repository (with the project's when `effective=true`).
pub(crate) fn access_keys(dc: &DataCenter, ask: &DcAsk<'_>, rest: &[&str]) -> Reply {
    let rows: Vec<Value> = match (ask.request.method.as_str(), rest) {
        ("GET", ["projects", key, "ssh"]) => {
            let found = ask.by.project(dc, project_key(dc, key), true)?;
            found.access_keys.iter().map(|key| shape::access_key(key, "PROJECT")).collect()
        }
        ("GET", ["projects", key, "repos", slug, "ssh"]) => {
            let found = ask.by.repository(dc, (project_key(dc, key), slug), DcLevel::Admin)?;
            let own = found.access_keys.iter().map(|key| shape::access_key(key, "REPO"));
            let effective = ask.request.param("effective") == Some("true");
            let home = dc.project(&found.project).filter(|_| effective);
            let inherited = home.into_iter().flat_map(|home| &home.access_keys);
            own.chain(inherited.map(|key| shape::access_key(key, "PROJECT"))).collect()
        }
        _ => return Err(missing()),
    };
    dc_page(ask.request, rows.into_iter().map(Some).collect())
}

/// Webhooks of a project `KEY` or repository `KEY/slug`, for its admins.
pub(crate) fn hooks(dc: &mut DataCenter, ask: &DcAsk<'_>, on: &str, rest: &[&str]) -> Reply {
    let id = dc.number();
    let (scope, hooks) = if on.contains('/') {
        ("repository", dc.repository_mut(on).map(|found| &mut found.hooks))
    } else {
        ("project", dc.project_mut(on).map(|found| &mut found.hooks))
    };
    let hooks = hooks.ok_or_else(missing)?;
    let place = |name: &str| hooks.iter().position(|hook| hook.id.to_string() == name);
    match (ask.request.method.as_str(), rest) {
        ("GET", []) => {
            dc_page(ask.request, hooks.iter().map(|hook| Some(shape::hook(hook, scope))).collect())
        }
        ("POST", []) => {
            let hook = read_hook(ask, id, scope)?;
            let answer = Answer::json(201, &shape::hook(&hook, scope));
            hooks.push(hook);
            Ok(answer)
        }
        ("GET", [name]) => {
            let found = place(name).and_then(|at| hooks.get(at)).ok_or_else(missing)?;
            Answer::ok(&shape::hook(found, scope))
        }
        // All of it is put in the place of what was there: a secret that is left out is gone.
        ("PUT", [name]) => {
            let at = place(name).ok_or_else(missing)?;
            let known = hooks.get_mut(at).ok_or_else(missing)?;
            let changed = read_hook(ask, known.id, scope)?;
            *known = DcHook { last: known.last, ..changed };
            Answer::ok(&shape::hook(known, scope))
        }
        ("GET", [name, "latest"]) => {
            let found = place(name).and_then(|at| hooks.get(at)).ok_or_else(missing)?;
            match &found.last {
                Some(last) => Answer::ok(&shape::invocation(*last)),
                None => Ok(Answer::empty(204)),
            }
        }
        ("DELETE", [name]) => {
            hooks.remove(place(name).ok_or_else(missing)?);
            Ok(Answer::empty(204))
        }
        _ => Err(missing()),
    }
}

/// One unknown event refuses the whole hook.
fn read_hook(ask: &DcAsk<'_>, id: u64, scope: &str) -> Result<DcHook, Answer> {
    let body =
        ask.request.json().ok_or_else(|| invalid("body", "the request body is not valid"))?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let url = text("url").filter(|url| url::Url::parse(url).is_ok());
    let events: Vec<String> = body
        .get("events")
        .and_then(Value::as_array)
        .map(|events| events.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .unwrap_or_default();
    let known = |event: &String| {
        KEYS.contains(&event.as_str()) || (scope == "project" && event == "project:modified")
    };
    if let Some(unknown) = events.iter().find(|event| !known(event)) {
        return Err(invalid("events", &format!("The event '{unknown}' is unknown.")));
    }
    Ok(DcHook {
        id,
        name: text("name").ok_or_else(|| invalid("name", "name is required"))?,
        url: url.ok_or_else(|| invalid("url", "url is not valid"))?,
        secret: body.pointer("/configuration/secret").and_then(Value::as_str).map(str::to_owned),
        events,
        active: body.get("active").and_then(Value::as_bool).unwrap_or(true),
        verify_tls: body.get("sslVerificationRequired").and_then(Value::as_bool).unwrap_or(true),
        last: None,
    })
}
