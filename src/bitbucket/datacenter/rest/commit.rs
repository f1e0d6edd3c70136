//! Commits: who wrote them, where they came from, and which merged pull requests hold them.

use crate::bitbucket::client::CommitFacts;
use crate::bitbucket::client::hex;
use crate::bitbucket::client::is_full;
use crate::bitbucket::datacenter::rest::DataCenter;
use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::graph::Id;

#[derive(serde::Deserialize)]
struct Commit {
    id: String,
    author: Option<Person>,
    committer: Option<Person>,
    #[serde(default)]
    parents: Vec<Parent>,
}

/// A name from git; with an id only if it belongs to an account.
#[derive(serde::Deserialize)]
struct Person {
    id: Option<u64>,
}

#[derive(serde::Deserialize)]
struct Parent {
    id: String,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Holder {
    id: u64,
    state: String,
    to_ref: Reference,
}

#[derive(serde::Deserialize)]
struct Reference {
    id: String,
}

impl Holder {
    fn is_merged(&self, into: Option<&str>) -> bool {
        self.state == "MERGED" && into.is_none_or(|into| self.to_ref.id == into)
    }
}

impl DataCenter {
    /// GET `commits/{id}`.
    pub(crate) async fn commit(
        &self,
        repository: &Id,
        commit: &str,
        deadline: Deadline,
    ) -> Result<CommitFacts, FetchError> {
        let what = "the commit";
        let hash = hex(commit)?;
        let class = CallClass::CommitIdentity;
        let call =
            self.ask_in(("api", repository), &["commits", hash], what, class, deadline).await?;
        let wire: Commit = self.transport().get(&call, deadline).await?;
        if !is_full(&wire.id) || !wire.id.starts_with(&hash.to_ascii_lowercase()) {
            let why = "`id` is not the commit that was asked for".to_owned();
            return Err(FetchError::Form { what, why });
        }
        let users: Vec<Option<Id>> = [wire.author, wire.committer]
            .into_iter()
            .flatten()
            .map(|person| person.id.and_then(|id| self.user(id)))
            .collect();
        let unlinked = users.is_empty() || users.iter().any(Option::is_none);
        let mut authors: Vec<Id> = users.into_iter().flatten().collect();
        authors.dedup();
        let parents = wire.parents.into_iter().map(|parent| parent.id).collect();
        Ok(CommitFacts { hash: wire.id, authors, unlinked, parents })
    }

    /// GET `commits/{id}/pull-requests`. With `into`, the full name of a branch, only those merged into that branch.
    pub(crate) async fn pull_requests_of(
        &self,
        repository: &Id,
        commit: &str,
        into: Option<&str>,
        deadline: Deadline,
    ) -> Result<Vec<u64>, FetchError> {
        let path = ["commits", hex(commit)?, "pull-requests"];
        let what = "the pull requests of a commit";
        let call = self
            .ask_in(("api", repository), &path, what, CallClass::CommitIdentity, deadline)
            .await?;
        let holders: Vec<Holder> = self.list(call, deadline).await?;
        Ok(holders.into_iter().filter(|one| one.is_merged(into)).map(|one| one.id).collect())
    }

    /// GET `commits?since={to}&until={from}`: what the old tip reaches and the new one does not is lost history.
    /// `to` is a commit, or the full name of a ref.
    pub(crate) async fn dropped_history(
        &self,
        repository: &Id,
        from: &str,
        to: &str,
        deadline: Deadline,
    ) -> Result<bool, FetchError> {
        let what = "the commits that a ref left behind";
        let to = if to.starts_with("refs/") { to } else { hex(to)? };
        let class = CallClass::CommitIdentity;
        let mut call =
            self.ask_in(("api", repository), &["commits"], what, class, deadline).await?;
        call.url.query_pairs_mut().append_pair("since", to).append_pair("until", hex(from)?);
        self.any(call, deadline).await
    }
}
