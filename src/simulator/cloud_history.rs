//! Cloud's REST API: what happened to a pull request, and which pull requests hold a commit.

use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use crate::simulator::answer::Answer;
use crate::simulator::answer::Here;
use crate::simulator::answer::Paging;
use crate::simulator::answer::Reply;
use crate::simulator::answer::cloud_error;
use crate::simulator::cloud::CommitLinks;
use crate::simulator::cloud::Repository;
use crate::simulator::cloud::Workspace;
use crate::simulator::cloud_access as access;
use crate::simulator::cloud_json as shape;
use crate::simulator::cloud_repository::no_commit;
use crate::simulator::cloud_rest::Ask;
use crate::simulator::cloud_rest::Place;
use crate::simulator::company::Company;
use crate::simulator::git::Git;
use crate::simulator::pulls::Deed;
use crate::simulator::pulls::PullRequest;
use crate::simulator::pulls::View;
use crate::simulator::pulls::What;

/// `commit/{sha}/pullrequests`, in whatever state they are. While the app indexes, the page is there and empty, with
/// 202; without the app it is 404.
pub(crate) fn of_commit(company: &Company, ask: &Ask<'_>, place: Place<'_>, hash: &str) -> Reply {
    let by = ask.scoped(access::PULLS)?;
    let (home, found, _) = access::reach(company, place.home, place.name, by)?;
    match home.commit_links {
        CommitLinks::Off => {
            return Err(cloud_error(404, "Pull request commit links have not been indexed."));
        }
        CommitLinks::Indexing => {
            let page = ask.page(Vec::new(), Paging::OF_COMMIT)?;
            return Ok(Answer { status: 202, ..page });
        }
        CommitLinks::Indexed => {}
    }
    let commit = found.git.commit(hash).ok_or_else(|| no_commit(hash))?;
    let holds = |pull: &&PullRequest<Uuid>| {
        pull.brings(&found.git, source(company, found, pull)).contains(&commit.hash)
    };
    let mut pulls: Vec<_> = found.pull_requests.iter().filter(holds).collect();
    pulls.reverse();
    let rows = pulls.into_iter().map(|pull| {
        let mut row = shape::pull_request(ask.here, company, home, found, pull);
        if let Some(object) = row.as_object_mut() {
            object.retain(|name, _| name != "reviewers" && name != "participants");
        }
        row
    });
    ask.page(rows.collect(), Paging::OF_COMMIT)
}

fn source<'a>(company: &'a Company, found: &'a Repository, pull: &PullRequest<Uuid>) -> &'a Git {
    let origin = pull.source.repository.as_deref().and_then(|name| company.find_repository(name));
    origin.map_or(&found.git, |(_, source)| &source.git)
}

/// `pullrequests/{id}/activity`, newest first. An approval taken back leaves no line of its own.
pub(crate) fn activity(
    company: &Company,
    here: &Here,
    (home, found): (&Workspace, &Repository),
    pull: &PullRequest<Uuid>,
) -> Vec<Value> {
    let full = shape::pull_request(here, company, home, found, pull);
    let small = json!({
        "type": "pullrequest", "id": pull.id, "title": pull.title, "links": full.get("links"),
    });
    let line = |deed: &Deed<Uuid>| {
        let person = shape::anybody(here, company, deed.by);
        let said = json!({"date": shape::date(deed.at), "user": person, "pullrequest": small});
        let row = match deed.what {
            What::Opened | What::Moved | What::Edited | What::Merged | What::Declined => {
                json!({"update": update(here, company, pull, deed)})
            }
            What::Commented => json!({"comment": {
                "type": "pullrequest_comment", "created_on": shape::date(deed.at), "user": person, "deleted": false,
                "pullrequest": small,
            }}),
            What::Judged(View::Approved) => json!({"approval": said}),
            What::Judged(View::ChangesRequested) => json!({"changes_requested": said}),
            What::Judged(View::Open) => return None,
        };
        Some(shape::with(row, json!({"pull_request": small})))
    };
    pull.history.iter().rev().filter_map(line).collect()
}

/// An update tells where both ends stood, by twelve digits, and how the pull request did.
fn update(here: &Here, company: &Company, pull: &PullRequest<Uuid>, deed: &Deed<Uuid>) -> Value {
    let state = match deed.what {
        What::Merged => "MERGED",
        What::Declined => "DECLINED",
        What::Opened | What::Moved | What::Edited | What::Commented | What::Judged(_) => "OPEN",
    };
    let mut then = pull.clone();
    then.source.commit.clone_from(&deed.source);
    then.destination.commit.clone_from(&deed.destination);
    json!({
        "description": pull.description, "title": pull.title, "reason": "", "state": state,
        "source": shape::side(here, company, &then.source),
        "destination": shape::side(here, company, &then.destination),
        "author": shape::anybody(here, company, deed.by), "date": shape::date(deed.at),
    })
}
