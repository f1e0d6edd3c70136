//! Facts only Bitbucket can tell: what a webhook shortens or leaves out. Read only where a routed rule wants them.

use crate::event::ChangeKind;
use crate::gateway::gather::CALL;
use crate::gateway::names;
use crate::gateway::road::Matter;
use crate::graph::Known;
use crate::graph::Why;
use crate::graph::fact::Wanted;

/// How full names of branches begin.
const BRANCHES: &str = "refs/heads/";

const NO_CREDENTIAL: &str = "this connection has no credential, so nothing is read from Bitbucket: give it one in the configuration";

/// Reads what is wanted and unknown.
pub async fn gather(matter: &mut Matter, wanted: &Wanted) {
    let wants = |root: &str, field: &str| {
        wanted.field(root).is_some_and(|below| below.field(field).is_some())
    };
    if wants("change", "forced") {
        forced(matter).await;
    }
    if wants("change", "pull_request") {
        merged_from(matter).await;
    }
    let wants_pull_request = ["approvals", "author", "source", "target", "builds"]
        .iter()
        .any(|field| wants("pull_request", field));
    if wants_pull_request {
        pull_request(matter).await;
    }
}

/// Data Center does not say whether a push rewrote history: it did if the old tip has commits the new one lacks.
async fn forced(matter: &mut Matter) {
    let facts = &matter.document.facts;
    let Some(change) = facts.change.value().filter(|change| change.forced.is_unknown()) else {
        return;
    };
    let (Some(from), Some(to)) = (change.from.value(), change.to.value()) else { return };
    let told = match (&matter.connection.client, names::repository_id(facts)) {
        (Some(client), Some(repository)) => {
            match client.dropped_history(repository, from, to, CALL).await {
                Ok(dropped) => Known::Value(dropped),
                Err(error) => Known::Unknown(error.why()),
            }
        }
        (None, _) => Known::unknown(NO_CREDENTIAL),
        (_, None) => return,
    };
    if let Some(change) = matter.document.facts.change.value_mut() {
        change.forced = told;
    }
}

/// Which merged pull request brought this change, if one did. A branch's must have been merged into that very branch: a
/// commit reviewed for another one and then pushed here was not reviewed here.
async fn merged_from(matter: &mut Matter) {
    let facts = &matter.document.facts;
    let Some(change) = facts.change.value().filter(|change| change.pull_request.is_unknown())
    else {
        return;
    };
    let told = match (
        change.kind.value(),
        change.to.value(),
        names::repository_id(facts),
        &matter.connection.client,
    ) {
        (Some(ChangeKind::Deleted), ..) => Known::Nothing,
        (_, Some(commit), Some(repository), Some(client)) => {
            let told = match names::reference(facts).filter(|name| name.starts_with(BRANCHES)) {
                Some(branch) => client.merged_into(repository, branch, commit, CALL).await,
                None => client.pull_requests_of(repository, commit, CALL).await,
            };
            match told {
                Ok(merged) => Known::or_nothing(merged.first().copied()),
                Err(error) => Known::Unknown(error.why()),
            }
        }
        (_, _, _, None) => Known::unknown(NO_CREDENTIAL),
        (_, None, _, _) | (_, _, None, _) => return,
    };
    if let Some(change) = matter.document.facts.change.value_mut() {
        change.pull_request = told;
    }
}

/// The pull request as it is now: full commits, author, approvals that stand, builds.
async fn pull_request(matter: &mut Matter) {
    let facts = &matter.document.facts;
    let Some(id) = facts.pull_request.value().and_then(|pr| pr.id.value().copied()) else { return };
    let read = match (&matter.connection.client, names::repository_id(facts)) {
        (Some(client), Some(repository)) => {
            client.pull_request(repository, id, CALL).await.map_err(|error| error.why())
        }
        (None, _) => Err(Why::fixed(NO_CREDENTIAL)),
        (_, None) => return,
    };
    let Some(known) = matter.document.facts.pull_request.value_mut() else { return };
    match read {
        Ok(now) => *known = now.facts,
        Err(why) => {
            known.approvals = Known::Unknown(why.clone());
            known.author.learn_why(&why);
            known.builds.learn_why(&why);
            if let Some(source) = known.source.value_mut() {
                source.commit.learn_why(&why);
            }
        }
    }
}
