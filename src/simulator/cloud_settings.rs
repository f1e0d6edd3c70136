//! Cloud's REST API: what a repository is set to: grants, restrictions, environments, variables, runners, keys, hooks.

use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use crate::simulator::answer::Answer;
use crate::simulator::answer::Paging;
use crate::simulator::answer::Reply;
use crate::simulator::answer::cloud_error;
use crate::simulator::answer::cloud_field_error;
use crate::simulator::answer::cloud_missing;
use crate::simulator::cloud::DeployKey;
use crate::simulator::cloud::Environment;
use crate::simulator::cloud::Hook;
use crate::simulator::cloud::Level;
use crate::simulator::cloud::Project;
use crate::simulator::cloud::Repository;
use crate::simulator::cloud::Runner;
use crate::simulator::cloud::Workspace;
use crate::simulator::cloud_access as access;
use crate::simulator::cloud_json as shape;
use crate::simulator::cloud_rest::Ask;
use crate::simulator::cloud_rest::Place;
use crate::simulator::cloud_rest::events_of;
use crate::simulator::cloud_rest::explicit;
use crate::simulator::cloud_rest::words;
use crate::simulator::company::Company;
use crate::simulator::company::braced;
use crate::simulator::company::names;

/// Longest secret a hook takes.
const LONGEST_SECRET: usize = 128;

/// One settings list of a repository.
pub(crate) fn answer(company: &Company, ask: &Ask<'_>, place: Place<'_>, rest: &[&str]) -> Reply {
    let (scopes, level) = match rest.first() {
        Some(&"permissions-config") => (access::GRANTS, Level::Admin),
        Some(&"branch-restrictions" | &"override-settings") => (access::RESTRICTIONS, Level::Admin),
        Some(&"deploy-keys") => (access::KEYS, Level::Admin),
        Some(&"effective-branching-model") => (access::REPOSITORY, Level::Read),
        Some(&"pipelines-config") => (access::RUNNERS, Level::Admin),
        Some(&"pipelines_config") if rest.len() == 1 => (access::RESTRICTIONS, Level::Admin),
        _ => (access::PIPELINES, Level::Write),
    };
    let by = ask.scoped(scopes)?;
    let (home, found, reached) = access::reach(company, place.home, place.name, by)?;
    access::at_least(reached, level)?;
    let environment = |name: &str| {
        let mut all = found.environments.iter();
        all.find(|environment| names(environment.uuid, "", name)).ok_or_else(cloud_missing)
    };
    match rest {
        ["permissions-config", kind @ ("users" | "groups")] => {
            let rows = explicit(ask.here, home, words(&found.grants), (kind, "repository"));
            ask.page(rows, Paging::COUNTED)
        }
        ["branch-restrictions"] => ask.page(restrictions(ask, home, found), Paging::COUNTED),
        ["branch-restrictions", id] => {
            let mut rules = found.restrictions.iter();
            let rule = rules.find(|rule| rule.id.to_string() == *id).ok_or_else(cloud_missing)?;
            Answer::ok(&shape::restriction(ask.here, home, rule))
        }
        ["effective-branching-model"] => Answer::ok(&branching_model(found)),
        ["environments"] => {
            ask.page(found.environments.iter().map(environment_json).collect(), Paging::COUNTED)
        }
        ["environments", name] => Answer::ok(&environment_json(environment(name)?)),
        ["deployments_config", "environments", name, "variables"] => {
            let variables = environment(name)?.variables.iter().map(shape::variable);
            ask.page(variables.collect(), Paging::COUNTED)
        }
        ["override-settings"] => Answer::ok(&json!({
            "type": "repository_override_settings",
            "override_settings": {
                "branching_model": false, "branch_restrictions": found.overrides,
                "default_merge_strategy": false,
            },
        })),
        ["pipelines_config"] => Answer::ok(&json!({
            "type": "repository_pipelines_configuration", "enabled": found.pipelines_enabled,
            "repository": shape::small_repository(ask.here, home, found),
        })),
        ["pipelines_config", "variables"] => {
            ask.page(found.variables.iter().map(shape::variable).collect(), Paging::COUNTED)
        }
        ["pipelines-config", "runners"] => {
            ask.page(found.runners.iter().map(runner).collect(), Paging::COUNTED)
        }
        ["deploy-keys"] => {
            let keys = found.deploy_keys.iter().map(|key| deploy_key(ask, home, found, key));
            ask.page(keys.collect(), Paging::COUNTED)
        }
        _ => Err(cloud_missing()),
    }
}

fn restrictions(ask: &Ask<'_>, home: &Workspace, found: &Repository) -> Vec<Value> {
    let asked = |name: &str, value: &Value| {
        ask.request.param(name).is_none_or(|wanted| value.get(name) == Some(&json!(wanted)))
    };
    found
        .restrictions
        .iter()
        .map(|rule| shape::restriction(ask.here, home, rule))
        .filter(|value| asked("kind", value) && asked("pattern", value))
        .collect()
}

fn branching_model(found: &Repository) -> Value {
    let branch = |name: &Option<String>| {
        let name = name.as_ref()?;
        Some(
            json!({"name": name, "branch": {"type": "branch", "name": name}, "use_mainbranch": false}),
        )
    };
    let main = json!({
        "name": found.mainbranch, "use_mainbranch": true,
        "branch": found.mainbranch.as_ref().map(|name| json!({"type": "branch", "name": name})),
    });
    let mut model = json!({
        "type": "effective_repo_branching_model",
        "development": branch(&found.development).unwrap_or(main),
        "branch_types": [
            {"kind": "feature", "prefix": "feature/"}, {"kind": "bugfix", "prefix": "bugfix/"},
            {"kind": "release", "prefix": "release/"}, {"kind": "hotfix", "prefix": "hotfix/"},
        ],
    });
    if let Some(production) = branch(&found.production) {
        model = shape::with(model, json!({"production": production}));
    }
    model
}

fn environment_json(environment: &Environment) -> Value {
    let rank = match environment.tier.as_str() {
        "Test" => 0,
        "Staging" => 1,
        _ => 2,
    };
    json!({
        "type": "deployment_environment", "uuid": braced(environment.uuid), "name": environment.name,
        "slug": environment.name.to_lowercase().replace(' ', "-"), "rank": rank, "hidden": false,
        "category": {"name": environment.tier},
        "environment_type": {"type": "deployment_environment_type", "name": environment.tier, "rank": rank},
        "deployment_gate_enabled": false, "environment_lock_enabled": true,
        "lock": {"type": "deployment_environment_lock_open", "name": "OPEN"},
        "restrictions": {"type": "deployment_restrictions_configuration", "admin_only": environment.admin_only},
    })
}

pub(crate) fn runner(runner: &Runner) -> Value {
    json!({
        "type": "pipeline_runner", "uuid": braced(runner.uuid), "name": runner.name, "labels": runner.labels,
        "state": {
            "type": "pipeline_runner_state", "status": runner.status, "cordoned": false,
            "version": {"type": "pipeline_runner_version", "version": "3.2.0", "current": "3.2.0"},
        },
    })
}

fn deploy_key(ask: &Ask<'_>, home: &Workspace, found: &Repository, key: &DeployKey) -> Value {
    json!({
        "type": "deploy_key", "id": key.id, "key": key.key, "label": key.label, "comment": "",
        "added_on": shape::date(key.added_on), "last_used": key.last_used.map(shape::date),
        "owner": shape::person_of(ask.here, home, key.owner),
        "repository": shape::small_repository(ask.here, home, found),
    })
}

/// An access key of a project: who made it stands where a repository's has its owner.
pub(crate) fn project_key(
    ask: &Ask<'_>,
    home: &Workspace,
    found: &Project,
    key: &DeployKey,
) -> Value {
    json!({
        "type": "project_deploy_key", "id": key.id, "key": key.key, "label": key.label, "comment": "",
        "added_on": shape::date(key.added_on), "last_used": key.last_used.map(shape::date),
        "created_by": shape::person_of(ask.here, home, key.owner),
        "project": shape::project(ask.here, home, found),
    })
}

/// Hooks of a repository: its admins list, make and delete them.
pub(crate) fn repository_hooks(
    company: &mut Company,
    ask: &Ask<'_>,
    place: Place<'_>,
    rest: &[&str],
) -> Reply {
    let by = ask.scoped(scopes(ask))?;
    let (home, found, level) = access::reach(company, place.home, place.name, by)?;
    access::at_least(level, Level::Admin)?;
    let subject = shape::small_repository(ask.here, home, found);
    let hooks = company
        .find_workspace_mut(place.home)
        .and_then(|home| home.repository_mut(place.name))
        .map(|found| &mut found.hooks)
        .ok_or_else(cloud_missing)?;
    hook_list(ask, hooks, ("repository", &subject), rest)
}

/// Hooks of a workspace: its owners list, make and delete them.
pub(crate) fn workspace_hooks(
    company: &mut Company,
    ask: &Ask<'_>,
    name: &str,
    rest: &[&str],
) -> Reply {
    let by = ask.scoped(scopes(ask))?;
    let home = access::enter(company, name, by)?;
    if !access::owns(home, by) {
        return Err(cloud_error(403, "Access denied. You must be a workspace administrator."));
    }
    let subject = shape::workspace(ask.here, home);
    let hooks =
        company.find_workspace_mut(name).map(|home| &mut home.hooks).ok_or_else(cloud_missing)?;
    hook_list(ask, hooks, ("workspace", &subject), rest)
}

fn scopes(ask: &Ask<'_>) -> access::Scopes {
    match ask.request.method.as_str() {
        "GET" => access::HOOKS,
        "DELETE" => access::HOOKS_DELETE,
        _ => access::HOOKS_WRITE,
    }
}

/// Subscribing takes the read scope of every family of events beside that of webhooks.
fn readable(ask: &Ask<'_>, events: &[String]) -> Result<(), Answer> {
    for event in events {
        let needed = match event.split_once(':').map(|(family, _)| family) {
            Some("pullrequest") => access::PULLS,
            Some("pipeline") => access::PIPELINES,
            Some("project") => access::PROJECT,
            _ => access::REPOSITORY,
        };
        ask.scoped(needed)?;
    }
    Ok(())
}

fn hook_list(
    ask: &Ask<'_>,
    hooks: &mut Vec<Hook>,
    (kind, subject): (&str, &Value),
    rest: &[&str],
) -> Reply {
    let place = |name: &str| hooks.iter().position(|hook| names(hook.uuid, "", name));
    match (ask.request.method.as_str(), rest) {
        ("GET", []) => {
            let values = hooks.iter().map(|hook| shape::hook(hook, kind, subject)).collect();
            ask.page(values, Paging::COUNTED)
        }
        ("POST", []) => {
            let hook = read_hook(ask, kind)?;
            let answer = Answer::json(201, &shape::hook(&hook, kind, subject));
            hooks.push(hook);
            Ok(answer)
        }
        ("GET", [name]) => {
            let found = place(name).and_then(|at| hooks.get(at)).ok_or_else(cloud_missing)?;
            Answer::ok(&shape::hook(found, kind, subject))
        }
        // What is left out stays, a secret too; only `null` takes the secret away.
        ("PUT", [name]) => {
            let at = place(name).ok_or_else(cloud_missing)?;
            let known = hooks.get_mut(at).ok_or_else(cloud_missing)?;
            let changed = read_hook(ask, kind)?;
            let named = |field: &str| ask.request.json().and_then(|body| body.get(field).cloned());
            let secret = match named("secret") {
                None => known.secret.clone(),
                Some(_) => changed.secret.clone(),
            };
            *known = Hook { uuid: known.uuid, secret, ..changed };
            Answer::ok(&shape::hook(known, kind, subject))
        }
        ("DELETE", [name]) => {
            hooks.remove(place(name).ok_or_else(cloud_missing)?);
            Ok(Answer::empty(204))
        }
        _ => Err(cloud_missing()),
    }
}

fn read_hook(ask: &Ask<'_>, kind: &str) -> Result<Hook, Answer> {
    let body = ask.request.json().ok_or_else(|| cloud_error(400, "Bad request"))?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let url = text("url").filter(|url| url::Url::parse(url).is_ok());
    let url = url.ok_or_else(|| cloud_field_error("url", "Enter a valid URL."))?;
    let events: Vec<String> = body
        .get("events")
        .and_then(Value::as_array)
        .map(|events| events.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .unwrap_or_default();
    let known = events_of(kind).unwrap_or_default();
    if let Some(unknown) = events.iter().find(|event| !known.contains(&event.as_str())) {
        return Err(cloud_field_error("events", &format!("{unknown} is not a valid event.")));
    }
    if events.is_empty() {
        return Err(cloud_field_error("events", "This field is required."));
    }
    readable(ask, &events)?;
    let secret = text("secret").filter(|secret| !secret.is_empty());
    if secret.as_ref().is_some_and(|secret| secret.chars().count() > LONGEST_SECRET) {
        return Err(cloud_field_error("secret", "Ensure this value has at most 128 characters."));
    }
    let flag = |name: &str, default| body.get(name).and_then(Value::as_bool).unwrap_or(default);
    Ok(Hook {
        uuid: Uuid::new_v4(),
        url,
        description: text("description").unwrap_or_default(),
        secret,
        events,
        active: flag("active", true),
        skip_cert_verification: flag("skip_cert_verification", false),
    })
}
