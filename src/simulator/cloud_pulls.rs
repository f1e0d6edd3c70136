//! What people do to Cloud's pull requests.

use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use crate::simulator::answer::Here;
use crate::simulator::cloud::Level;
use crate::simulator::cloud::Person;
use crate::simulator::cloud::Repository;
use crate::simulator::cloud_acts::Acted;
use crate::simulator::cloud_acts::OpenPull;
use crate::simulator::cloud_acts::PullAct;
use crate::simulator::cloud_acts::find;
use crate::simulator::cloud_acts::find_mut;
use crate::simulator::cloud_acts::need;
use crate::simulator::cloud_acts::tell;
use crate::simulator::cloud_acts::told_push;
use crate::simulator::cloud_json as shape;
use crate::simulator::cloud_rules;
use crate::simulator::company::Company;
use crate::simulator::company::braced;
use crate::simulator::delivery::Outgoing;
use crate::simulator::git::Moved;
use crate::simulator::git::branch_ref;
use crate::simulator::pulls::PullRequest;
use crate::simulator::pulls::PullState;
use crate::simulator::pulls::Side;
use crate::simulator::pulls::View;
use crate::simulator::pulls::What;
use crate::simulator::refusal::Refusal;

/// Tells the hooks of one pull request's event.
pub(crate) fn tell_pull(
    company: &Company,
    here: &Here,
    (name, id, by): (&str, u64, Uuid),
    event: &str,
    more: Value,
) -> Vec<Outgoing> {
    let Ok((home, found)) = find(company, name) else { return Vec::new() };
    let pull = found.pull_requests.iter().find(|pull| pull.id == id);
    let pull = pull.map(|pull| shape::pull_request(here, company, home, found, pull));
    tell(company, here, name, by, (event, shape::with(json!({"pullrequest": pull}), more)))
}

/// Opens one: read is enough.
pub(crate) fn open(
    company: &mut Company,
    here: &Here,
    name: &str,
    by: Uuid,
    order: &OpenPull<'_>,
) -> Acted<u64> {
    let (home, found) = find(company, name)?;
    need(home, found, by, Level::Read, "open a pull request")?;
    let (_, origin) = find(company, order.fork.unwrap_or(name))?;
    let side = |of: &Repository, branch: &str| {
        let commit =
            of.head(branch).ok_or_else(|| Refusal::NoSuchRef(branch.to_owned()))?.to_owned();
        Ok::<Side, Refusal>(Side {
            repository: Some(braced(of.uuid)),
            branch: branch.to_owned(),
            commit,
        })
    };
    let id = found.pull_requests.iter().map(|pull| pull.id).max().unwrap_or(0) + 1;
    let mut pull = PullRequest {
        id,
        version: 0,
        title: order.title.to_owned(),
        description: String::new(),
        state: PullState::Open,
        draft: order.draft,
        author: by,
        source: side(origin, order.source)?,
        destination: side(found, order.destination)?,
        reviewers: order.reviewers.clone(),
        opinions: Vec::new(),
        history: Vec::new(),
        merge_commit: None,
        closed_by: None,
        comments: 0,
        created_on: here.now,
        updated_on: here.now,
    };
    pull.note(What::Opened, by, here.now);
    find_mut(company, name)?.pull_requests.push(pull);
    Ok((id, tell_pull(company, here, (name, id, by), "pullrequest:created", json!({}))))
}

/// Does something to one that is open; merging needs write.
pub(crate) fn pull_act(
    company: &mut Company,
    here: &Here,
    (name, id, by): (&str, u64, Uuid),
    act: &PullAct,
) -> Acted<()> {
    let (home, found) = find(company, name)?;
    let level = if matches!(act, PullAct::Merge) { Level::Write } else { Level::Read };
    need(home, found, by, level, "do that to a pull request")?;
    if matches!(act, PullAct::Merge) {
        return merge(company, here, (name, id, by));
    }
    let said = json!({"date": shape::date(here.now), "user": shape::anybody(here, company, by)});
    let comment = if let PullAct::Comment(text) = act {
        comment(here, company, by, text)
    } else {
        Value::Null
    };
    let found = find_mut(company, name)?;
    let head =
        |branch: &str| found.git.target(&branch_ref(branch)).map(|target| target.commit.clone());
    let destination = if let PullAct::Retarget(branch) = act { head(branch) } else { None };
    let pull = found.pull_requests.iter_mut().find(|pull| pull.id == id);
    let pull = pull.ok_or(Refusal::NoSuchPullRequest(id))?;
    pull.must_be_open()?;
    let (event, more) = match act {
        PullAct::Retitle(title) => {
            pull.title.clone_from(title);
            ("pullrequest:updated", json!({}))
        }
        PullAct::Retarget(branch) => {
            pull.destination.commit =
                destination.ok_or_else(|| Refusal::NoSuchRef(branch.clone()))?;
            pull.destination.branch.clone_from(branch);
            ("pullrequest:updated", json!({}))
        }
        PullAct::Reviewers(reviewers) => {
            pull.reviewers.clone_from(reviewers);
            ("pullrequest:updated", json!({}))
        }
        PullAct::Approve => {
            pull.judge(by, View::Approved, here.now)?;
            ("pullrequest:approved", json!({"approval": said}))
        }
        PullAct::Unapprove => {
            pull.judge(by, View::Open, here.now)?;
            ("pullrequest:unapproved", json!({"approval": said}))
        }
        PullAct::RequestChanges => {
            pull.judge(by, View::ChangesRequested, here.now)?;
            ("pullrequest:changes_request_created", json!({"changes_request": said}))
        }
        PullAct::WithdrawRequest => {
            pull.judge(by, View::Open, here.now)?;
            ("pullrequest:changes_request_removed", json!({"changes_request": said}))
        }
        PullAct::Comment(_) => {
            pull.comments += 1;
            ("pullrequest:comment_created", json!({"comment": comment}))
        }
        PullAct::Decline => {
            pull.close(PullState::Declined, by, here.now)?;
            ("pullrequest:rejected", json!({}))
        }
        PullAct::Merge => return Ok(((), Vec::new())),
    };
    pull.updated_on = here.now;
    match act {
        PullAct::Retitle(_) | PullAct::Retarget(_) | PullAct::Reviewers(_) => {
            pull.note(What::Edited, by, here.now);
        }
        PullAct::Comment(_) => pull.note(What::Commented, by, here.now),
        PullAct::Approve
        | PullAct::Unapprove
        | PullAct::RequestChanges
        | PullAct::WithdrawRequest
        | PullAct::Decline
        | PullAct::Merge => {}
    }
    Ok(((), tell_pull(company, here, (name, id, by), event, more)))
}

fn comment(here: &Here, company: &Company, by: Uuid, text: &str) -> Value {
    let at = shape::date(here.now);
    json!({
        "type": "pullrequest_comment", "id": here.now.as_millisecond(), "created_on": at, "updated_on": at,
        "content": {"type": "rendered", "raw": text, "markup": "markdown", "html": ""},
        "user": shape::anybody(here, company, by), "deleted": false, "pending": false,
    })
}

/// A merge is a push by the merger, then `fulfilled`.
fn merge(company: &mut Company, here: &Here, (name, id, by): (&str, u64, Uuid)) -> Acted<()> {
    let (home, found) = find(company, name)?;
    let pull = found.pull_requests.iter().find(|pull| pull.id == id);
    let pull = pull.ok_or(Refusal::NoSuchPullRequest(id))?.clone();
    pull.must_be_open()?;
    let reference = branch_ref(&pull.destination.branch);
    cloud_rules::allow_merge(home, found, &pull, by)?;
    let author =
        home.person(by).map(Person::author).ok_or_else(|| Refusal::NoSuchPerson(braced(by)))?;
    let source = pull.source.repository.as_deref().and_then(|name| company.find_repository(name));
    let brought = source
        .filter(|(_, source)| source.uuid != found.uuid)
        .map(|(_, source)| source.git.clone());
    let found = find_mut(company, name)?;
    if let Some(brought) = brought {
        found.git.bring(&brought, &pull.source.commit);
    }
    let old = found.head(&pull.destination.branch).map(str::to_owned);
    let old = old.ok_or_else(|| Refusal::NoSuchRef(reference.clone()))?;
    let message = format!("Merged in {} (pull request #{id})", pull.source.branch);
    let parents = vec![old.clone(), pull.source.commit.clone()];
    let new = found.git.add(parents, &author, &message, here.now);
    found.git.set(&reference, &new);
    let fresh = found.git.between(&new, std::slice::from_ref(&old));
    let fresh = fresh.iter().map(|commit| commit.hash.clone()).collect();
    if let Some(pull) = found.pull_requests.iter_mut().find(|pull| pull.id == id) {
        pull.close(PullState::Merged, by, here.now)?;
        pull.merge_commit = Some(new.clone());
    }
    let moved = Moved { reference, old: Some(old), new: Some(new), forced: false, fresh };
    let mut all = told_push(company, here, name, by, std::slice::from_ref(&moved));
    all.extend(tell_pull(company, here, (name, id, by), "pullrequest:fulfilled", json!({})));
    Ok(((), all))
}
