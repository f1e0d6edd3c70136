//! Cloud's objects as JSON: the small forms of webhook bodies, and the fuller ones of the REST API.

use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use crate::simulator::answer::Here;
use crate::simulator::cloud::Hook;
use crate::simulator::cloud::Matcher;
use crate::simulator::cloud::Person;
use crate::simulator::cloud::Project;
use crate::simulator::cloud::Repository;
use crate::simulator::cloud::Restriction;
use crate::simulator::cloud::Status;
use crate::simulator::cloud::Variable;
use crate::simulator::cloud::Workspace;
use crate::simulator::company::BEGAN;
use crate::simulator::company::Company;
use crate::simulator::company::braced;
use crate::simulator::git::Commit;
use crate::simulator::git::short;
use crate::simulator::pulls::PullRequest;
use crate::simulator::pulls::Side;
use crate::simulator::pulls::View;

/// How many hex digits a commit has inside a pull request.
const SHORT_HASH: usize = 12;

/// Cloud's date: microseconds and a numeric offset.
pub(crate) fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00").to_string()
}

pub(crate) fn link(href: String) -> Value {
    Value::Object([("href".to_owned(), Value::String(href))].into_iter().collect())
}

/// Adds fields to an object.
pub(crate) fn with(mut value: Value, more: Value) -> Value {
    if let (Some(object), Value::Object(more)) = (value.as_object_mut(), more) {
        object.extend(more);
    }
    value
}

pub(crate) fn person(here: &Here, person: &Person) -> Value {
    let uuid = braced(person.uuid);
    let links = json!({
        "self": link(format!("{}/2.0/users/%7B{}%7D", here.base, person.uuid)),
        "html": link(format!("{}/%7B{}%7D/", here.base, person.uuid)),
    });
    match &person.account_id {
        Some(account) => json!({
            "type": "user", "uuid": uuid, "account_id": account, "display_name": person.display_name,
            "nickname": person.nickname, "links": links,
        }),
        None => json!({
            "type": "app_user", "uuid": uuid, "display_name": person.display_name,
            "nickname": person.nickname, "links": links,
        }),
    }
}

/// The person of this id, or null.
pub(crate) fn person_of(here: &Here, workspace: &Workspace, uuid: Uuid) -> Value {
    workspace.person(uuid).map_or(Value::Null, |found| person(here, found))
}

/// As [`person_of`], in whichever workspace they are: people of others open pull requests from forks.
pub(crate) fn anybody(here: &Here, company: &Company, uuid: Uuid) -> Value {
    let found = company.workspaces.iter().find_map(|home| home.person(uuid));
    found.map_or(Value::Null, |found| person(here, found))
}

pub(crate) fn workspace(here: &Here, workspace: &Workspace) -> Value {
    json!({
        "type": "workspace", "uuid": braced(workspace.uuid), "slug": workspace.slug, "name": workspace.name,
        "links": {"self": link(format!("{}/2.0/workspaces/{}", here.base, workspace.slug))},
    })
}

pub(crate) fn project(here: &Here, home: &Workspace, project: &Project) -> Value {
    let href = format!("{}/2.0/workspaces/{}/projects/{}", here.base, home.slug, project.key);
    json!({
        "type": "project", "uuid": braced(project.uuid), "key": project.key, "name": project.name,
        "links": {"self": link(href)},
    })
}

pub(crate) fn repository_url(here: &Here, home: &Workspace, repository: &Repository) -> String {
    format!("{}/2.0/repositories/{}/{}", here.base, home.slug, repository.slug)
}

/// The form inside pull requests and permission rows.
pub(crate) fn small_repository(here: &Here, home: &Workspace, repository: &Repository) -> Value {
    json!({
        "type": "repository", "uuid": braced(repository.uuid), "name": repository.name,
        "full_name": format!("{}/{}", home.slug, repository.slug),
        "links": {"self": link(repository_url(here, home, repository))},
    })
}

/// The form at the top of a webhook body.
pub(crate) fn repository(here: &Here, home: &Workspace, repository: &Repository) -> Value {
    let owner = json!({
        "type": "team", "uuid": braced(home.uuid), "username": home.slug, "display_name": home.name,
    });
    let parent = repository.parent.as_ref().map(|(full_name, uuid)| {
        json!({"type": "repository", "full_name": full_name, "uuid": braced(*uuid)})
    });
    with(
        small_repository(here, home, repository),
        json!({
            "scm": "git", "website": null, "is_private": repository.is_private, "parent": parent,
            "owner": owner, "workspace": workspace(here, home),
            "project": home.find_project(&repository.project).map(|found| project(here, home, found)),
        }),
    )
}

/// The form the REST API answers.
pub(crate) fn full_repository(here: &Here, home: &Workspace, found: &Repository) -> Value {
    let mainbranch = found.mainbranch.as_ref().map(|name| json!({"type": "branch", "name": name}));
    with(
        repository(here, home, found),
        json!({
            "slug": found.slug, "description": found.description, "fork_policy": found.fork_policy,
            "mainbranch": mainbranch, "size": 0, "language": "", "has_issues": false, "has_wiki": false,
            "created_on": date(BEGAN), "updated_on": date(updated(found)),
        }),
    )
}

fn updated(found: &Repository) -> Timestamp {
    found.updated_on.or_else(|| found.git.newest()).unwrap_or(BEGAN)
}

pub(crate) fn commit(here: &Here, home: &Workspace, found: &Repository, commit: &Commit) -> Value {
    let url = format!("{}/commit/{}", repository_url(here, home, found), commit.hash);
    let user = home.people.iter().find(|person| person.email == commit.author.email);
    let mut author = json!({
        "type": "author", "raw": format!("{} <{}>", commit.author.name, commit.author.email),
    });
    if let Some(user) = user {
        author = with(author, json!({"user": person(here, user)}));
    }
    let parents: Vec<Value> =
        commit.parents.iter().map(|hash| json!({"type": "commit", "hash": hash})).collect();
    json!({
        "type": "commit", "hash": commit.hash, "date": date(commit.at), "author": author,
        "message": commit.message, "parents": parents, "rendered": {}, "properties": {},
        "summary": {"type": "rendered", "raw": commit.message, "markup": "markdown", "html": ""},
        "links": {"self": link(url)},
    })
}

/// A branch or tag as it stands in a push, at this commit.
pub(crate) fn reference(
    here: &Here,
    home: &Workspace,
    found: &Repository,
    reference: &str,
    at: &str,
) -> Value {
    let name = short(reference);
    let target = found.git.commit(at).map(|target| commit(here, home, found, target));
    let branch = reference.starts_with("refs/heads/");
    let folder = if branch { "branches" } else { "tags" };
    let url = format!("{}/refs/{folder}/{name}", repository_url(here, home, found));
    let value = json!({"name": name, "target": target, "links": {"self": link(url)}});
    if branch {
        let strategies = json!(["merge_commit", "squash", "fast_forward"]);
        return with(
            value,
            json!({
                "type": "branch", "merge_strategies": strategies, "sync_strategies": ["merge_commit", "rebase"],
                "default_merge_strategy": "merge_commit",
            }),
        );
    }
    let annotated = found.git.target(reference).is_some_and(|target| target.annotated);
    let kind = if annotated {
        json!({"type": "tag", "message": "tagged", "tagger": {}})
    } else {
        json!({"type": "tag"})
    };
    with(value, kind)
}

pub(crate) fn pull_request(
    here: &Here,
    company: &Company,
    home: &Workspace,
    found: &Repository,
    pull: &PullRequest<Uuid>,
) -> Value {
    let url = format!("{}/pullrequests/{}", repository_url(here, home, found), pull.id);
    let participants: Vec<Value> =
        pull.opinions.iter().map(|opinion| participant(here, company, pull, opinion.of)).collect();
    let reviewers: Vec<Value> =
        pull.reviewers.iter().map(|&reviewer| anybody(here, company, reviewer)).collect();
    let merge =
        pull.merge_commit.as_deref().map(|hash| json!({"type": "commit", "hash": cut(hash)}));
    json!({
        "type": "pullrequest", "id": pull.id, "title": pull.title, "description": pull.description,
        "state": pull.state.word(), "draft": pull.draft, "queued": false,
        "author": anybody(here, company, pull.author),
        "closed_by": pull.closed_by.map(|by| anybody(here, company, by)), "reason": "",
        "source": side(here, company, &pull.source), "destination": side(here, company, &pull.destination),
        "merge_commit": merge, "close_source_branch": false, "comment_count": pull.comments, "task_count": 0,
        "reviewers": reviewers, "participants": participants,
        "created_on": date(pull.created_on), "updated_on": date(pull.updated_on),
        "rendered": {"title": {"raw": pull.title}, "description": {"raw": pull.description}},
        "summary": {"type": "rendered", "raw": pull.description, "markup": "markdown", "html": ""},
        "links": {"self": link(url.clone()), "statuses": link(format!("{url}/statuses"))},
    })
}

fn participant(here: &Here, company: &Company, pull: &PullRequest<Uuid>, of: Uuid) -> Value {
    let view = pull.view(&of);
    let state = match view {
        View::Open => Value::Null,
        View::Approved => json!("approved"),
        View::ChangesRequested => json!("changes_requested"),
    };
    let role = if pull.reviewers.contains(&of) { "REVIEWER" } else { "PARTICIPANT" };
    let at = pull.opinions.iter().find(|opinion| opinion.of == of).map(|opinion| date(opinion.at));
    json!({
        "type": "participant", "user": anybody(here, company, of), "role": role,
        "approved": view == View::Approved, "state": state, "participated_on": at,
    })
}

/// A fork that was deleted leaves neither repository nor commit.
pub(crate) fn side(here: &Here, company: &Company, side: &Side) -> Value {
    let branch = json!({"name": side.branch});
    match side.repository.as_deref().and_then(|name| company.find_repository(name)) {
        Some((home, found)) => json!({
            "branch": branch, "commit": {"type": "commit", "hash": cut(&side.commit)},
            "repository": small_repository(here, home, found),
        }),
        None => json!({"branch": branch, "commit": null, "repository": null}),
    }
}

fn cut(hash: &str) -> String {
    hash.chars().take(SHORT_HASH).collect()
}

pub(crate) fn status(here: &Here, home: &Workspace, found: &Repository, status: &Status) -> Value {
    let commit = format!("{}/commit/{}", repository_url(here, home, found), status.commit);
    json!({
        "type": "build", "key": status.key, "name": status.name, "description": status.description,
        "state": status.state, "url": status.url, "refname": status.refname,
        "created_on": date(status.created_on), "updated_on": date(status.updated_on),
        "links": {
            "self": link(format!("{commit}/statuses/build/{}", status.key)), "commit": link(commit),
        },
    })
}

pub(crate) fn restriction(here: &Here, home: &Workspace, rule: &Restriction) -> Value {
    let users: Vec<Value> = rule.users.iter().map(|&user| person_of(here, home, user)).collect();
    let groups: Vec<Value> = rule.groups.iter().filter_map(|slug| group(home, slug)).collect();
    let matcher = match &rule.matcher {
        Matcher::Glob(pattern) => json!({"branch_match_kind": "glob", "pattern": pattern}),
        Matcher::Model(kind) => {
            json!({"branch_match_kind": "branching_model", "branch_type": kind, "pattern": ""})
        }
    };
    with(
        json!({
            "type": "branchrestriction", "id": rule.id, "kind": rule.kind, "value": rule.value,
            "users": users, "groups": groups,
        }),
        matcher,
    )
}

pub(crate) fn group(home: &Workspace, slug: &str) -> Option<Value> {
    let found = home.groups.iter().find(|group| group.slug == slug)?;
    Some(json!({
        "type": "group", "slug": found.slug, "name": found.name,
        "full_slug": format!("{}:{}", home.slug, found.slug),
    }))
}

/// A secured variable has no value, whoever asks.
pub(crate) fn variable(variable: &Variable) -> Value {
    let shown = json!({
        "type": "pipeline_variable", "uuid": braced(variable.uuid), "key": variable.key,
        "secured": variable.secured,
    });
    if variable.secured { shown } else { with(shown, json!({"value": variable.value})) }
}

/// The secret is never answered, only whether there is one.
pub(crate) fn hook(hook: &Hook, subject_type: &str, subject: &Value) -> Value {
    json!({
        "type": "webhook_subscription", "uuid": braced(hook.uuid), "url": hook.url,
        "description": hook.description, "subject_type": subject_type, "subject": subject,
        "active": hook.active, "events": hook.events, "secret_set": hook.secret.is_some(),
        "created_at": date(BEGAN), "history_enabled": false, "read_only": false,
        "skip_cert_verification": hook.skip_cert_verification,
    })
}
