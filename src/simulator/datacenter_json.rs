//! Data Center's objects as JSON, for webhook bodies and REST answers: dates are the only difference between the two.

use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use crate::simulator::cloud_json::with;
use crate::simulator::datacenter::AccessKey;
use crate::simulator::datacenter::DataCenter;
use crate::simulator::datacenter::DcHook;
use crate::simulator::datacenter::DcProject;
use crate::simulator::datacenter::DcRepository;
use crate::simulator::datacenter::DcRestriction;
use crate::simulator::datacenter::DcUser;
use crate::simulator::datacenter::Release;
use crate::simulator::delivery::Outcome;
use crate::simulator::git::Commit;
use crate::simulator::git::branch_ref;
use crate::simulator::pulls::PullRequest;
use crate::simulator::pulls::PullState;
use crate::simulator::pulls::Side;
use crate::simulator::pulls::View;

/// What stands for "no commit" in a ref change.
pub(crate) const NO_COMMIT: &str = "0000000000000000000000000000000000000000";
/// How many hex digits `displayId` of a commit has.
const SHORT_HASH: usize = 11;

/// How dates are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dates {
    /// Milliseconds: REST answers, and webhook bodies up to 9.x.
    Millis,
    /// ISO 8601 with milliseconds and `Z`: webhook bodies from 10.x on.
    Text,
}

impl Dates {
    /// Of webhook bodies.
    pub(crate) fn of(release: Release) -> Dates {
        match release {
            Release::Seven | Release::Nine => Dates::Millis,
            Release::Ten => Dates::Text,
        }
    }

    fn write(self, at: Timestamp) -> Value {
        match self {
            Dates::Millis => json!(at.as_millisecond()),
            Dates::Text => json!(at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()),
        }
    }
}

/// The envelope's `date`, the same in every release: seconds and an offset without a colon.
pub(crate) fn envelope_date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string()
}

pub(crate) fn user(user: &DcUser) -> Value {
    json!({
        "name": user.name, "emailAddress": user.email, "id": user.id, "displayName": user.display_name,
        "active": user.active, "slug": user.slug, "type": if user.service { "SERVICE" } else { "NORMAL" },
    })
}

/// As the administrators' list tells one.
pub(crate) fn detailed_user(one: &DcUser) -> Value {
    let more = json!({
        "directoryName": "Bitbucket Internal Directory", "deletable": true, "mutableDetails": true,
        "mutableGroups": true,
    });
    let value = with(user(one), more);
    match one.last_login {
        Some(last) => with(value, json!({"lastAuthenticationTimestamp": last.as_millisecond()})),
        None => value,
    }
}

/// The user of this login name, or null.
pub(crate) fn user_of(dc: &DataCenter, name: &str) -> Value {
    dc.user(name).map_or(Value::Null, user)
}

pub(crate) fn project(dc: &DataCenter, project: &DcProject) -> Value {
    let kind = if project.owner.is_some() { "PERSONAL" } else { "NORMAL" };
    let value = json!({
        "key": project.key, "id": project.id, "name": project.name, "public": project.public, "type": kind,
    });
    match &project.owner {
        Some(owner) => with(value, json!({"owner": user_of(dc, owner)})),
        None => value,
    }
}

pub(crate) fn repository(dc: &DataCenter, found: &DcRepository) -> Value {
    let value = json!({
        "slug": found.slug, "id": found.id, "name": found.name, "hierarchyId": found.hierarchy, "scmId": "git",
        "state": "AVAILABLE", "statusMessage": "Available", "forkable": found.forkable, "archived": found.archived,
        "public": found.public, "project": dc.project(&found.project).map(|home| project(dc, home)),
    });
    let origin = found.origin.and_then(|id| dc.repositories.iter().find(|other| other.id == id));
    match origin {
        Some(origin) => with(value, json!({"origin": repository(dc, origin)})),
        None => value,
    }
}

fn display(hash: &str) -> String {
    hash.chars().take(SHORT_HASH).collect()
}

/// Authors that match no user are the bare pair of name and address.
pub(crate) fn commit(dc: &DataCenter, commit: &Commit, dates: Dates) -> Value {
    let known = dc.users.iter().find(|user| user.email == commit.author.email);
    let author = known.map_or_else(
        || json!({"name": commit.author.name, "emailAddress": commit.author.email}),
        user,
    );
    let parents: Vec<Value> =
        commit.parents.iter().map(|hash| json!({"id": hash, "displayId": display(hash)})).collect();
    json!({
        "id": commit.hash, "displayId": display(&commit.hash), "author": author, "committer": author,
        "authorTimestamp": dates.write(commit.at), "committerTimestamp": dates.write(commit.at),
        "message": commit.message, "parents": parents,
    })
}

pub(crate) fn pull_request(dc: &DataCenter, pull: &PullRequest<String>, dates: Dates) -> Value {
    let person = |name: &String, role: &str| participant(dc, pull, name, role);
    let reviewers: Vec<Value> =
        pull.reviewers.iter().map(|name| person(name, "REVIEWER")).collect();
    let others = pull.opinions.iter().filter(|opinion| !pull.reviewers.contains(&opinion.of));
    let participants: Vec<Value> =
        others.map(|opinion| person(&opinion.of, "PARTICIPANT")).collect();
    let open = pull.state == PullState::Open;
    let mut value = json!({
        "id": pull.id, "version": pull.version, "title": pull.title, "state": pull.state.word(),
        "open": open, "closed": !open, "draft": pull.draft, "locked": false,
        "createdDate": dates.write(pull.created_on), "updatedDate": dates.write(pull.updated_on),
        "fromRef": side(dc, &pull.source), "toRef": side(dc, &pull.destination),
        "author": person(&pull.author, "AUTHOR"), "reviewers": reviewers, "participants": participants,
    });
    if !pull.description.is_empty() {
        value = with(value, json!({"description": pull.description}));
    }
    if !open {
        value = with(value, json!({"closedDate": dates.write(pull.updated_on)}));
    }
    if let Some(hash) = &pull.merge_commit {
        let merge = json!({"id": hash, "displayId": display(hash)});
        value = with(value, json!({"properties": {"mergeCommit": merge}}));
    }
    value
}

pub(crate) fn participant(
    dc: &DataCenter,
    pull: &PullRequest<String>,
    name: &String,
    role: &str,
) -> Value {
    let view = pull.view(name);
    let value = json!({
        "user": user_of(dc, name), "role": role, "approved": view == View::Approved, "status": view_word(view),
    });
    match pull.opinions.iter().find(|opinion| opinion.of == *name && view != View::Open) {
        Some(opinion) => with(value, json!({"lastReviewedCommit": opinion.commit})),
        None => value,
    }
}

pub(crate) fn view_word(view: View) -> &'static str {
    match view {
        View::Open => "UNAPPROVED",
        View::Approved => "APPROVED",
        View::ChangesRequested => "NEEDS_WORK",
    }
}

pub(crate) fn side(dc: &DataCenter, side: &Side) -> Value {
    let found = side.repository.as_deref().and_then(|name| dc.repository(name));
    json!({
        "id": branch_ref(&side.branch), "displayId": side.branch, "type": "BRANCH",
        "latestCommit": side.commit, "repository": found.map(|found| repository(dc, found)),
    })
}

/// `scope` is `PROJECT` or `REPOSITORY` with its number: two id spaces.
pub(crate) fn restriction(
    dc: &DataCenter,
    rule: &DcRestriction,
    (scope, id): (&str, u64),
) -> Value {
    let users: Vec<Value> = rule.users.iter().map(|name| user_of(dc, name)).collect();
    let keys: Vec<Value> = rule.access_keys.iter().map(|id| json!({"key": {"id": id}})).collect();
    let shown = rule.matcher_id.strip_prefix("refs/heads/").unwrap_or(&rule.matcher_id);
    json!({
        "id": rule.id, "type": rule.kind, "scope": {"type": scope, "resourceId": id},
        "matcher": {
            "id": rule.matcher_id, "displayId": shown, "active": true,
            "type": {"id": rule.matcher_type, "name": rule.matcher_type},
        },
        "users": users, "groups": rule.groups, "accessKeys": keys,
    })
}

pub(crate) fn access_key(key: &AccessKey, scope: &str) -> Value {
    let level = if key.write { "WRITE" } else { "READ" };
    json!({"permission": format!("{scope}_{level}"), "key": ssh_key(key)})
}

/// What was never used and what never ends is left out.
pub(crate) fn ssh_key(key: &AccessKey) -> Value {
    let mut value = json!({
        "id": key.id, "text": key.text, "label": key.label, "algorithmType": "ED25519",
        "createdDate": key.added.as_millisecond(),
    });
    if let Some(used) = key.last_used {
        value = with(value, json!({"lastAuthenticated": used.as_millisecond().to_string()}));
    }
    match key.expiry_days {
        Some(days) => with(value, json!({"expiryDays": days})),
        None => value,
    }
}

/// The secret is readable: every admin of the repository or project sees it.
/// The last delivery of a hook, as its history tells it.
pub(crate) fn invocation((at, outcome): (Timestamp, Outcome)) -> Value {
    let word = match outcome {
        Outcome::Delivered => "SUCCESS",
        Outcome::Refused => "FAILURE",
        Outcome::TimedOut | Outcome::Broken | Outcome::TooLarge | Outcome::Skipped => "ERROR",
    };
    let at = at.as_millisecond();
    json!({"start": at, "finish": at, "duration": 0, "result": {"outcome": word, "description": word}})
}

pub(crate) fn hook(hook: &DcHook, scope: &str) -> Value {
    let configuration = match &hook.secret {
        Some(secret) => json!({ "secret": secret }),
        None => json!({}),
    };
    json!({
        "id": hook.id, "name": hook.name, "url": hook.url, "active": hook.active, "events": hook.events,
        "scopeType": scope, "configuration": configuration, "sslVerificationRequired": hook.verify_tls,
    })
}
