//! Cloud's REST API: pipelines and their steps, commit statuses, and the step tokens' issuer.

use serde_json::Value;
use serde_json::json;

use crate::simulator::answer::Answer;
use crate::simulator::answer::Here;
use crate::simulator::answer::Paging;
use crate::simulator::answer::Reply;
use crate::simulator::answer::cloud_error;
use crate::simulator::answer::cloud_field_error;
use crate::simulator::answer::cloud_missing;
use crate::simulator::cloud::Level;
use crate::simulator::cloud::Repository;
use crate::simulator::cloud::Status;
use crate::simulator::cloud::Workspace;
use crate::simulator::cloud_access as access;
use crate::simulator::cloud_hooks::outgoing;
use crate::simulator::cloud_json as shape;
use crate::simulator::cloud_rest::Ask;
use crate::simulator::cloud_rest::Place;
use crate::simulator::company::Company;
use crate::simulator::company::braced;
use crate::simulator::company::unbraced;
use crate::simulator::faults::Posted;
use crate::simulator::pipelines::Pipeline;
use crate::simulator::pipelines::Source;
use crate::simulator::pipelines::Step;
use crate::simulator::pipelines::StepState;
use crate::simulator::pipelines::Target;

/// Longest key of a status.
const LONGEST_KEY: usize = 40;
/// Longest description of a status.
const LONGEST_DESCRIPTION: usize = 1024;

/// `iss` of the step tokens of a workspace; moves with this server.
pub(crate) fn issuer_of(here: &Here, home: &Workspace) -> String {
    format!("{}/2.0/workspaces/{}/pipelines-config/identity/oidc", here.base, home.slug)
}

/// Discovery and keys: public, by slug only, and missing until a first token was made.
pub(crate) fn identity(company: &Company, here: &Here, name: &str, rest: &[&str]) -> Reply {
    let mut homes = company.workspaces.iter();
    let home =
        homes.find(|home| home.slug == name && home.issuer.is_used()).ok_or_else(cloud_missing)?;
    let issuer = issuer_of(here, home);
    match rest {
        [".well-known", "openid-configuration"] => Answer::ok(&json!({
            "issuer": issuer, "jwks_uri": format!("{issuer}/keys.json"),
            "subject_types_supported": ["public"], "response_types_supported": ["id_token"],
            "id_token_signing_alg_values_supported": ["RS256"], "scopes_supported": ["openid"],
        })),
        ["keys.json"] => Answer::ok(&home.issuer.key_set()),
        _ => Err(cloud_missing()),
    }
}

/// The list, one pipeline, its steps, one step.
pub(crate) fn pipelines(
    company: &Company,
    ask: &Ask<'_>,
    place: Place<'_>,
    rest: &[&str],
) -> Reply {
    let by = ask.scoped(access::PIPELINES)?;
    let (home, found, _) = access::reach(company, place.home, place.name, by)?;
    let here = ask.here;
    match rest {
        [] => {
            let mut listed: Vec<&Pipeline> = found.pipelines.iter().collect();
            if ask.request.param("sort").is_some_and(|sort| sort.starts_with('-')) {
                listed.reverse();
            }
            let values = listed.into_iter().map(|run| pipeline(here, home, found, run)).collect();
            ask.page(values, Paging::COUNTED)
        }
        [name] => Answer::ok(&pipeline(here, home, found, find(found, name)?)),
        [name, "steps"] => {
            let run = find(found, name)?;
            let values = run.steps.iter().map(|one| step(run, one)).collect();
            ask.page(values, Paging::COUNTED)
        }
        [name, "steps", wanted] => {
            let run = find(found, name)?;
            let uuid = unbraced(wanted).ok_or_else(|| no_step(wanted))?;
            Answer::ok(&step(run, run.step(uuid).ok_or_else(|| no_step(wanted))?))
        }
        _ => Err(cloud_missing()),
    }
}

fn find<'a>(found: &'a Repository, name: &str) -> Result<&'a Pipeline, Answer> {
    let missing = || cloud_error(404, &format!("Pipeline {name} not found."));
    let uuid = unbraced(name).ok_or_else(missing)?;
    found.pipelines.iter().find(|run| run.uuid == uuid).ok_or_else(missing)
}

fn no_step(name: &str) -> Answer {
    cloud_error(404, &format!("Step {name} not found."))
}

/// `stopPipeline`: 204, or 400 when it has ended.
pub(crate) fn stop(company: &mut Company, ask: &Ask<'_>, place: Place<'_>, name: &str) -> Reply {
    let by = ask.scoped(access::STOP)?;
    let (_, found, level) = access::reach(company, place.home, place.name, by)?;
    access::at_least(level, Level::Write)?;
    let uuid = find(found, name)?.uuid;
    let now = ask.here.now;
    let run = company
        .find_workspace_mut(place.home)
        .and_then(|home| home.repository_mut(place.name))
        .and_then(|found| found.pipelines.iter_mut().find(|run| run.uuid == uuid))
        .ok_or_else(cloud_missing)?;
    if run.is_over() {
        return Err(cloud_error(400, "The pipeline has already completed."));
    }
    run.stopped = true;
    run.completed_on = Some(now);
    for step in run.steps.iter_mut().filter(|step| !step.state.is_over()) {
        step.state = StepState::Stopped;
        step.completed_on = Some(now);
    }
    Ok(Answer::empty(204))
}

fn pipeline(here: &Here, home: &Workspace, found: &Repository, run: &Pipeline) -> Value {
    let (trigger, name) = run.trigger.words();
    let source = match run.source {
        Source::Committed => json!({
            "source": "repository",
            "uri": format!(
                "{}/src/{}/bitbucket-pipelines.yml",
                shape::repository_url(here, home, found), run.target.commit()
            ),
        }),
        Source::OnDemand => json!({
            "source": "ondemand",
            "uri": format!("{}/pipelines/%7B{}%7D/configuration", shape::repository_url(here, home, found), run.uuid),
        }),
    };
    let variables: Vec<Value> = run
        .variables
        .iter()
        .map(|(key, value, secured)| {
            let shown = json!({"type": "pipeline_variable", "key": key, "secured": secured});
            if *secured { shown } else { shape::with(shown, json!({"value": value})) }
        })
        .collect();
    let mut value = json!({
        "type": "pipeline", "uuid": braced(run.uuid), "build_number": run.build_number, "run_number": 1,
        "creator": run.creator.map(|creator| shape::person_of(here, home, creator)),
        "repository": shape::small_repository(here, home, found),
        "target": target(run), "trigger": {"type": trigger, "name": name}, "state": state(run),
        "variables": variables, "configuration_sources": [source],
        "created_on": shape::date(run.created_on), "build_seconds_used": 0,
    });
    if let Some(at) = run.completed_on {
        value = shape::with(value, json!({"completed_on": shape::date(at)}));
    }
    value
}

fn target(run: &Pipeline) -> Value {
    let commit = |hash: &str| json!({"type": "commit", "hash": hash});
    match &run.target {
        Target::Branch { name, commit: hash } => json!({
            "type": "pipeline_ref_target", "ref_type": "branch", "ref_name": name, "commit": commit(hash),
            "selector": {"type": "branches", "pattern": name},
        }),
        Target::Tag { name, commit: hash } => json!({
            "type": "pipeline_ref_target", "ref_type": "tag", "ref_name": name, "commit": commit(hash),
            "selector": {"type": "tags", "pattern": name},
        }),
        Target::PullRequest { id, source, destination, commit: hash, destination_commit } => {
            json!({
                "type": "pipeline_pullrequest_target", "source": source, "destination": destination,
                "commit": commit(hash), "destination_commit": commit(destination_commit),
                "pullrequest": {"type": "pullrequest", "id": id},
                "selector": {"type": "pull-requests", "pattern": "**"},
            })
        }
    }
}

fn state(run: &Pipeline) -> Value {
    let began = run.steps.iter().any(|step| step.started_on.is_some());
    if !run.is_over() {
        return if began {
            json!({
                "type": "pipeline_state_in_progress", "name": "IN_PROGRESS",
                "stage": {"type": "pipeline_state_in_progress_running", "name": "RUNNING"},
            })
        } else {
            json!({"type": "pipeline_state_pending", "name": "PENDING"})
        };
    }
    let failed = run.steps.iter().any(|step| step.state == StepState::Failed);
    let result = match (run.stopped, failed) {
        (true, _) => "STOPPED",
        (false, true) => "FAILED",
        (false, false) => "SUCCESSFUL",
    };
    json!({"type": "pipeline_state_completed", "name": "COMPLETED", "result": {"name": result}})
}

fn step(run: &Pipeline, step: &Step) -> Value {
    let commands = |lines: &[String]| -> Vec<Value> {
        lines.iter().map(|line| json!({"name": line, "command": line})).collect()
    };
    let state = match step.state {
        StepState::Pending => json!({"type": "pipeline_step_state_pending", "name": "PENDING"}),
        StepState::InProgress => {
            json!({"type": "pipeline_step_state_in_progress", "name": "IN_PROGRESS"})
        }
        StepState::Successful | StepState::Failed | StepState::Stopped => json!({
            "type": "pipeline_step_state_completed", "name": "COMPLETED", "result": {"name": step.state.result()},
        }),
    };
    let mut value = json!({
        "type": "pipeline_step", "uuid": braced(step.uuid), "name": step.name, "state": state,
        "image": {"name": step.image}, "setup_commands": commands(&step.setup),
        "script_commands": commands(&step.script), "run_number": step.run_number,
        "pipeline": {"type": "pipeline", "uuid": braced(run.uuid)},
        "trigger": {"type": "pipeline_step_trigger_automatic"},
    });
    for (name, at) in [("started_on", step.started_on), ("completed_on", step.completed_on)] {
        if let Some(at) = at {
            value = shape::with(value, json!({name: shape::date(at)}));
        }
    }
    value
}

/// Statuses of one commit: list, post, read, overwrite.
pub(crate) fn statuses(
    company: &mut Company,
    ask: &Ask<'_>,
    place: Place<'_>,
    (hash, more): (&str, &[&str]),
    posted: &mut Vec<Posted>,
) -> Reply {
    let by = ask.scoped(access::REPOSITORY)?;
    let (home, found, _) = access::reach(company, place.home, place.name, by)?;
    let missing = || cloud_error(404, &format!("Commit not found: {hash}"));
    let commit = found.git.commit(hash).ok_or_else(missing)?.hash.clone();
    let show = |home: &Workspace, found: &Repository, status: &Status| {
        let more = json!({
            "commit": {"type": "commit", "hash": status.commit},
            "repository": shape::small_repository(ask.here, home, found),
        });
        shape::with(shape::status(ask.here, home, found, status), more)
    };
    let of = |key: &str| found.statuses.iter().find(|one| one.commit == commit && one.key == key);
    match (ask.request.method.as_str(), more) {
        ("GET", []) => {
            let listed = found.statuses.iter().filter(|status| status.commit == commit);
            ask.page(listed.map(|status| show(home, found, status)).collect(), Paging::COUNTED)
        }
        ("GET", ["build", key]) => {
            Answer::ok(&show(home, found, of(key).ok_or_else(cloud_missing)?))
        }
        ("POST", ["build"]) => {
            let body = ask.request.json().ok_or_else(|| cloud_error(400, "Bad request"))?;
            write_status(company, ask, place, (&commit, body), posted)
        }
        ("PUT", ["build", key]) => {
            let old = of(key).ok_or_else(cloud_missing)?;
            let body = ask.request.json().ok_or_else(|| cloud_error(400, "Bad request"))?;
            let kept = json!({
                "key": old.key, "state": old.state, "name": old.name, "description": old.description,
                "url": old.url, "refname": old.refname,
            });
            let body = shape::with(shape::with(kept, body), json!({"key": key}));
            write_status(company, ask, place, (&commit, body), posted)
        }
        _ => Err(cloud_missing()),
    }
}

fn write_status(
    company: &mut Company,
    ask: &Ask<'_>,
    place: Place<'_>,
    (commit, body): (&str, Value),
    posted: &mut Vec<Posted>,
) -> Reply {
    let mut status = read_status(commit, &body, ask.here)?;
    let home = company.find_workspace_mut(place.home).ok_or_else(cloud_missing)?;
    let found = home.repository_mut(place.name).ok_or_else(cloud_missing)?;
    let old = found.statuses.iter_mut().find(|old| old.commit == commit && old.key == status.key);
    let overwrote = old.is_some();
    match old {
        Some(old) => {
            status.created_on = old.created_on;
            *old = status.clone();
        }
        None => found.statuses.push(status.clone()),
    }
    let Some(home) = company.find_workspace(place.home) else { return Err(cloud_missing()) };
    let Some(found) = home.repository(place.name) else { return Err(cloud_missing()) };
    posted.push(Posted {
        repository: format!("{}/{}", home.slug, found.slug),
        commit: commit.to_owned(),
        key: status.key.clone(),
        state: status.state.clone(),
        body,
        overwrote,
    });
    let value = shape::status(ask.here, home, found, &status);
    let event = if overwrote { "repo:commit_status_updated" } else { "repo:commit_status_created" };
    let actor = ask.by.map_or(Value::Null, |by| shape::person_of(ask.here, home, by.owner));
    let extra = json!({"actor": actor, "commit_status": value});
    let more = json!({
        "commit": {"type": "commit", "hash": commit},
        "repository": shape::small_repository(ask.here, home, found),
    });
    let mut answer = Answer::json(if overwrote { 200 } else { 201 }, &shape::with(value, more));
    answer.outgoing = outgoing(ask.here, home, found, event, extra);
    Ok(answer)
}

fn read_status(commit: &str, body: &Value, here: &Here) -> Result<Status, Answer> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let needed = |name: &str| {
        text(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| cloud_field_error(name, "required key not provided"))
    };
    let key = needed("key")?;
    if key.chars().count() > LONGEST_KEY {
        return Err(cloud_field_error("key", "Ensure this value has at most 40 characters."));
    }
    let state = needed("state")?;
    if !["SUCCESSFUL", "FAILED", "INPROGRESS", "STOPPED"].contains(&state.as_str()) {
        return Err(cloud_field_error("state", &format!("{state} is not a valid choice.")));
    }
    let url = needed("url")?;
    if !url::Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
        return Err(cloud_field_error("url", "Enter a valid URL."));
    }
    let description = text("description").unwrap_or_default();
    if description.chars().count() > LONGEST_DESCRIPTION {
        return Err(cloud_field_error(
            "description",
            "Ensure this value has at most 1024 characters.",
        ));
    }
    let name = text("name").unwrap_or_else(|| key.clone());
    Ok(Status {
        commit: commit.to_owned(),
        key,
        state,
        name,
        description,
        url,
        refname: text("refname"),
        created_on: here.now,
        updated_on: here.now,
    })
}
