//! Commits: who wrote them, where they came from, and which merged pull requests hold them.

use crate::bitbucket::client::CommitFacts;
use crate::bitbucket::client::hex;
use crate::bitbucket::client::is_full;
use crate::bitbucket::cloud::rest::Cloud;
use crate::bitbucket::cloud::rest::account::Account;
use crate::bitbucket::cloud::rest::pull_request::Outline;
use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::graph::Id;

/// Most pull requests of one commit that are looked up one by one, where the list does not say which are merged.
const MAX_LOOKUPS: usize = 20;

#[derive(serde::Deserialize)]
struct Commit {
    hash: String,
    author: Option<Person>,
    committer: Option<Person>,
    #[serde(default)]
    parents: Vec<Parent>,
}

#[derive(serde::Deserialize)]
struct Person {
    user: Option<Account>,
}

#[derive(serde::Deserialize)]
struct Parent {
    hash: String,
}

#[derive(serde::Deserialize)]
struct Reference {
    name: String,
    target: Parent,
}

#[derive(serde::Deserialize)]
struct Holder {
    id: u64,
    #[serde(flatten)]
    told: Outline,
}

impl Cloud {
    /// GET `commit/{hash}`: abbreviated hashes are resolved.
    pub(crate) async fn commit(
        &self,
        repository: &Id,
        commit: &str,
        deadline: Deadline,
    ) -> Result<CommitFacts, FetchError> {
        let what = "the commit";
        let hash = hex(commit)?;
        let call = self.ask_in(repository, &["commit", hash], what, CallClass::CommitIdentity)?;
        let wire: Commit = self.transport().get(&call, deadline).await?;
        if !is_full(&wire.hash) || !wire.hash.starts_with(&hash.to_ascii_lowercase()) {
            let why = "`hash` is not the commit that was asked for".to_owned();
            return Err(FetchError::Form { what, why });
        }
        let users: Vec<Option<Id>> = [wire.author, wire.committer]
            .into_iter()
            .flatten()
            .map(|person| person.user.and_then(|user| user.id(self.connection())))
            .collect();
        let unlinked = users.is_empty() || users.iter().any(Option::is_none);
        let mut authors: Vec<Id> = users.into_iter().flatten().collect();
        authors.dedup();
        let parents = wire.parents.into_iter().map(|parent| parent.hash).collect();
        Ok(CommitFacts { hash: wire.hash, authors, unlinked, parents })
    }

    /// GET `commit/{hash}/pullrequests`. Answers 202 while it is being indexed and 404 if it never was: neither means
    /// that there is none. With `into`, the full name of a branch, only those merged into that branch: a commit that
    /// was reviewed for another branch was not reviewed for this one.
    pub(crate) async fn pull_requests_of(
        &self,
        repository: &Id,
        commit: &str,
        into: Option<&str>,
        deadline: Deadline,
    ) -> Result<Vec<u64>, FetchError> {
        let path = ["commit", hex(commit)?, "pullrequests"];
        let what = "the pull requests of a commit";
        let call = self.ask_in(repository, &path, what, CallClass::CommitIdentity)?;
        let holders: Vec<Holder> = match self.short_list(call, deadline).await {
            Err(
                FetchError::Missing { .. } | FetchError::NotJson { .. } | FetchError::Form { .. },
            ) => {
                return Err(FetchError::NotIndexed);
            }
            holders => holders?,
        };
        let mut merged = Vec::new();
        for (place, holder) in holders.into_iter().enumerate() {
            let told = match holder.told {
                told if told.is_enough(into) => told,
                _ if place >= MAX_LOOKUPS => {
                    return Err(FetchError::TooLong { what, limit: MAX_LOOKUPS });
                }
                _ => self.outline_of(repository, holder.id, deadline).await?,
            };
            if told.is_merged(into) {
                merged.push(holder.id);
            }
        }
        Ok(merged)
    }

    /// GET `commits/{from}?exclude={to}`: what the old tip reaches and the new one does not is lost history. `to` is a
    /// commit, or the full name of a ref.
    pub(crate) async fn dropped_history(
        &self,
        repository: &Id,
        from: &str,
        to: &str,
        deadline: Deadline,
    ) -> Result<bool, FetchError> {
        let path = ["commits", hex(from)?];
        let what = "the commits that a ref left behind";
        let mut call = self.ask_in(repository, &path, what, CallClass::CommitIdentity)?;
        let to = self.tip_of(repository, to, deadline).await?;
        call.url.query_pairs_mut().append_pair("exclude", &to);
        self.any(call, deadline).await
    }

    /// GET `refs/branches/{name}` or `refs/tags/{name}`: a short name in a query could mean either. A commit is itself.
    async fn tip_of(
        &self,
        repository: &Id,
        to: &str,
        deadline: Deadline,
    ) -> Result<String, FetchError> {
        let (folder, name) = match (to.strip_prefix("refs/heads/"), to.strip_prefix("refs/tags/")) {
            (Some(branch), _) => ("branches", branch),
            (None, Some(tag)) => ("tags", tag),
            (None, None) => return hex(to).map(str::to_owned),
        };
        let (what, class) = ("the branch or tag", CallClass::CommitIdentity);
        let call = self.ask_in(repository, &["refs", folder, name], what, class)?;
        let wire: Reference = self.transport().get(&call, deadline).await?;
        if wire.name != name || !is_full(&wire.target.hash) {
            let why = "it is about another ref than was asked for".to_owned();
            return Err(FetchError::Form { what, why });
        }
        Ok(wire.target.hash)
    }
}
