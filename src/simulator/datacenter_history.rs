//! Data Center's REST API: what happened to a pull request, and which pull requests hold a commit.

use serde_json::Value;
use serde_json::json;

use crate::simulator::cloud_json::with;
use crate::simulator::datacenter::DataCenter;
use crate::simulator::datacenter::DcRepository;
use crate::simulator::datacenter_json as shape;
use crate::simulator::datacenter_json::Dates;
use crate::simulator::pulls::Deed;
use crate::simulator::pulls::PullRequest;
use crate::simulator::pulls::View;
use crate::simulator::pulls::What;

/// Rows of `commits/{id}/pull-requests`, newest first, in whatever state they are.
pub(crate) fn of_commit(dc: &DataCenter, found: &DcRepository, hash: &str) -> Vec<Option<Value>> {
    let holds = |pull: &&PullRequest<String>| {
        let source = pull.source.repository.as_deref().and_then(|name| dc.repository(name));
        let source = source.map_or(&found.git, |source| &source.git);
        pull.brings(&found.git, source).iter().any(|brought| brought == hash)
    };
    let pulls = found.pull_requests.iter().rev().filter(holds);
    pulls.map(|pull| Some(shape::pull_request(dc, pull, Dates::Millis))).collect()
}

/// Rows of `pull-requests/{id}/activities`, newest first.
pub(crate) fn activities(dc: &DataCenter, pull: &PullRequest<String>) -> Vec<Option<Value>> {
    let before = std::iter::once(None).chain(pull.history.iter().map(Some));
    let mut rows: Vec<Option<Value>> = (1_u64..)
        .zip(pull.history.iter().zip(before))
        .map(|(id, (deed, before))| Some(row(dc, id, deed, before)))
        .collect();
    rows.reverse();
    rows
}

fn row(dc: &DataCenter, id: u64, deed: &Deed<String>, before: Option<&Deed<String>>) -> Value {
    let row = json!({
        "id": id, "createdDate": deed.at.as_millisecond(), "user": shape::user_of(dc, &deed.by),
        "action": word(deed.what),
    });
    match (deed.what, before) {
        (What::Moved, Some(before)) => with(
            row,
            json!({
                "fromHash": deed.source, "previousFromHash": before.source,
                "toHash": deed.destination, "previousToHash": before.destination,
            }),
        ),
        _ => row,
    }
}

fn word(what: What) -> &'static str {
    match what {
        What::Opened => "OPENED",
        What::Moved => "RESCOPED",
        What::Edited => "UPDATED",
        What::Commented => "COMMENTED",
        What::Judged(View::Approved) => "APPROVED",
        What::Judged(View::ChangesRequested) => "REVIEWED",
        What::Judged(View::Open) => "UNAPPROVED",
        What::Merged => "MERGED",
        What::Declined => "DECLINED",
    }
}
