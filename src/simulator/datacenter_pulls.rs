//! What people do to Data Center's pull requests.

use serde_json::Value;
use serde_json::json;

use crate::simulator::answer::Here;
use crate::simulator::cloud_json::with;
use crate::simulator::datacenter::DataCenter;
use crate::simulator::datacenter::DcLevel;
use crate::simulator::datacenter_acts::Acted;
use crate::simulator::datacenter_acts::DcOpenPull;
use crate::simulator::datacenter_acts::DcPullAct;
use crate::simulator::datacenter_acts::author;
use crate::simulator::datacenter_acts::dates;
use crate::simulator::datacenter_acts::find;
use crate::simulator::datacenter_acts::find_mut;
use crate::simulator::datacenter_acts::need;
use crate::simulator::datacenter_acts::tell as tell_hooks;
use crate::simulator::datacenter_acts::told_push;
use crate::simulator::datacenter_json as shape;
use crate::simulator::delivery::Outgoing;
use crate::simulator::git::Moved;
use crate::simulator::git::branch_ref;
use crate::simulator::pulls::PullRequest;
use crate::simulator::pulls::PullState;
use crate::simulator::pulls::Side;
use crate::simulator::pulls::View;
use crate::simulator::pulls::What;
use crate::simulator::refusal::Refusal;

type Which<'a> = (&'a str, u64, &'a str);

/// Tells the hooks of one pull request's event.
pub(crate) fn tell(
    dc: &DataCenter,
    here: &Here,
    (name, id, by): Which<'_>,
    event: &str,
    more: Value,
) -> Vec<Outgoing> {
    let pull =
        find(dc, name).ok().and_then(|found| found.pull_requests.iter().find(|pull| pull.id == id));
    let pull = pull.map(|pull| shape::pull_request(dc, pull, dates(dc)));
    tell_hooks(dc, here, (name, by), event, with(json!({"pullRequest": pull}), more))
}

/// Opens one: read on both repositories is enough.
pub(crate) fn open(
    dc: &mut DataCenter,
    here: &Here,
    (name, by): (&str, &str),
    order: &DcOpenPull<'_>,
) -> Acted<u64> {
    let side = |dc: &DataCenter, name: &str, branch: &str| {
        let found = find(dc, name)?;
        need(dc, found, by, DcLevel::Read)?;
        let target = found.git.target(&branch_ref(branch));
        let commit = target.ok_or_else(|| Refusal::NoSuchRef(branch.to_owned()))?.commit.clone();
        let repository = Some(format!("{}/{}", found.project, found.slug));
        Ok::<Side, Refusal>(Side { repository, branch: branch.to_owned(), commit })
    };
    let source = side(dc, order.fork.unwrap_or(name), order.source)?;
    let destination = side(dc, name, order.destination)?;
    let found = find_mut(dc, name)?;
    if found.archived {
        return Err(Refusal::WrongState("archived".to_owned()));
    }
    let id = found.pull_requests.iter().map(|pull| pull.id).max().unwrap_or(0) + 1;
    let mut pull = PullRequest {
        id,
        version: 0,
        title: order.title.to_owned(),
        description: String::new(),
        state: PullState::Open,
        draft: false,
        author: by.to_owned(),
        source,
        destination,
        reviewers: order.reviewers.clone(),
        opinions: Vec::new(),
        history: Vec::new(),
        merge_commit: None,
        closed_by: None,
        comments: 0,
        created_on: here.now,
        updated_on: here.now,
    };
    pull.note(What::Opened, by.to_owned(), here.now);
    found.pull_requests.push(pull);
    Ok((id, tell(dc, here, (name, id, by), "pr:opened", json!({}))))
}

/// Does something to one that is open. Merging needs write; declining, sadly, only read.
pub(crate) fn act(
    dc: &mut DataCenter,
    here: &Here,
    which: Which<'_>,
    act: &DcPullAct,
) -> Acted<()> {
    let (name, id, by) = which;
    let found = find(dc, name)?;
    let before = found.pull_requests.iter().find(|pull| pull.id == id);
    let before = before.ok_or(Refusal::NoSuchPullRequest(id))?.clone();
    before.must_be_open()?;
    let level = if matches!(act, DcPullAct::Merge) {
        DcLevel::Write
    } else if matches!(act, DcPullAct::Delete) && before.author != by {
        DcLevel::Admin
    } else {
        DcLevel::Read
    };
    need(dc, found, by, level)?;
    match act {
        DcPullAct::Merge => merge(dc, here, which, &before),
        DcPullAct::Delete => {
            let told = tell(dc, here, which, "pr:deleted", json!({}));
            find_mut(dc, name)?.pull_requests.retain(|pull| pull.id != id);
            Ok(((), told))
        }
        DcPullAct::Approve => judge(dc, here, which, View::Approved, "pr:reviewer:approved"),
        DcPullAct::Unapprove => judge(dc, here, which, View::Open, "pr:reviewer:unapproved"),
        DcPullAct::NeedsWork => {
            judge(dc, here, which, View::ChangesRequested, "pr:reviewer:needs_work")
        }
        DcPullAct::Retitle(_) | DcPullAct::Retarget(_) => modify(dc, here, which, (&before, act)),
        DcPullAct::Reviewers(reviewers) => {
            change(dc, here, (which, What::Edited), |pull| pull.reviewers.clone_from(reviewers))?;
            let users = |of: &[String], not: &[String]| -> Vec<Value> {
                of.iter()
                    .filter(|name| !not.contains(name))
                    .map(|name| shape::user_of(dc, name))
                    .collect()
            };
            let more = json!({
                "addedReviewers": users(reviewers, &before.reviewers),
                "removedReviewers": users(&before.reviewers, reviewers),
            });
            Ok(((), tell(dc, here, which, "pr:reviewer:updated", more)))
        }
        DcPullAct::Comment(text) => {
            change(dc, here, (which, What::Commented), |pull| pull.comments += 1)?;
            let comment = json!({
                "id": here.now.as_millisecond(), "version": 0, "text": text, "author": shape::user_of(dc, by),
                "createdDate": here.now.as_millisecond(), "updatedDate": here.now.as_millisecond(),
                "comments": [], "tasks": [], "severity": "NORMAL", "state": "OPEN",
            });
            Ok(((), tell(dc, here, which, "pr:comment:added", json!({"comment": comment}))))
        }
        DcPullAct::Decline => {
            pull_mut(dc, which)?.close(PullState::Declined, by.to_owned(), here.now)?;
            Ok(((), tell(dc, here, which, "pr:declined", json!({}))))
        }
    }
}

fn pull_mut<'a>(
    dc: &'a mut DataCenter,
    (name, id, _): Which<'_>,
) -> Result<&'a mut PullRequest<String>, Refusal> {
    let mut pulls = find_mut(dc, name)?.pull_requests.iter_mut();
    pulls.find(|pull| pull.id == id).ok_or(Refusal::NoSuchPullRequest(id))
}

fn change(
    dc: &mut DataCenter,
    here: &Here,
    (which, what): (Which<'_>, What),
    how: impl FnOnce(&mut PullRequest<String>),
) -> Result<(), Refusal> {
    let pull = pull_mut(dc, which)?;
    how(pull);
    pull.touch(here.now);
    pull.note(what, which.2.to_owned(), here.now);
    Ok(())
}

fn judge(dc: &mut DataCenter, here: &Here, which: Which<'_>, view: View, event: &str) -> Acted<()> {
    let by = which.2.to_owned();
    let pull = pull_mut(dc, which)?;
    let before = shape::view_word(pull.view(&by));
    pull.judge(by.clone(), view, here.now)?;
    let role = if pull.reviewers.contains(&by) { "REVIEWER" } else { "PARTICIPANT" };
    let pull = pull.clone();
    let participant = shape::participant(dc, &pull, &by, role);
    let more = json!({"participant": participant, "previousStatus": before});
    Ok(((), tell(dc, here, which, event, more)))
}

/// `pr:modified` tells title, description and target of before.
fn modify(
    dc: &mut DataCenter,
    here: &Here,
    which: Which<'_>,
    (before, act): (&PullRequest<String>, &DcPullAct),
) -> Acted<()> {
    if let DcPullAct::Retarget(branch) = act {
        let target = find(dc, which.0)?.git.target(&branch_ref(branch));
        let commit = target.ok_or_else(|| Refusal::NoSuchRef(branch.clone()))?.commit.clone();
        change(dc, here, (which, What::Edited), |pull| {
            pull.destination.commit = commit;
            pull.destination.branch.clone_from(branch);
        })?;
    }
    if let DcPullAct::Retitle(title) = act {
        change(dc, here, (which, What::Edited), |pull| pull.title.clone_from(title))?;
    }
    let target = &before.destination;
    let more = json!({
        "previousTitle": before.title, "previousDescription": before.description,
        "previousTarget": {
            "id": branch_ref(&target.branch), "displayId": target.branch, "type": "BRANCH",
            "latestCommit": target.commit, "latestChangeset": target.commit,
        },
    });
    Ok(((), tell(dc, here, which, "pr:modified", more)))
}

/// A merge is a push by the merger and a `pr:merged`.
fn merge(
    dc: &mut DataCenter,
    here: &Here,
    which: Which<'_>,
    before: &PullRequest<String>,
) -> Acted<()> {
    let (name, id, by) = which;
    let author = author(dc, by)?;
    let source = before.source.repository.as_deref().and_then(|name| dc.repository(name));
    let brought = source.map(|source| source.git.clone());
    let found = find_mut(dc, name)?;
    if let Some(brought) = brought {
        found.git.bring(&brought, &before.source.commit);
    }
    let reference = branch_ref(&before.destination.branch);
    let old = found.git.target(&reference).map(|target| target.commit.clone());
    let old = old.ok_or_else(|| Refusal::NoSuchRef(reference.clone()))?;
    let message = format!("Pull request #{id}: {}", before.title);
    let parents = vec![old.clone(), before.source.commit.clone()];
    let new = found.git.add(parents, &author, &message, here.now);
    found.git.set(&reference, &new);
    let listed = found.git.between(&new, std::slice::from_ref(&old));
    let fresh = listed.iter().map(|commit| commit.hash.clone()).collect();
    let pull = pull_mut(dc, which)?;
    pull.close(PullState::Merged, by.to_owned(), here.now)?;
    pull.merge_commit = Some(new.clone());
    let moved = Moved { reference, old: Some(old), new: Some(new), forced: false, fresh };
    let mut all = told_push(dc, here, (name, by), &[moved]);
    all.extend(tell(dc, here, which, "pr:merged", json!({})));
    Ok(((), all))
}
