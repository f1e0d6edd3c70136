//! Pull requests. Their hashes are cut to 12 digits and must be resolved.

use std::collections::BTreeSet;

use crate::bitbucket::client::PullRequestFacts;
use crate::bitbucket::client::PullRequestState;
use crate::bitbucket::cloud::rest::Cloud;
use crate::bitbucket::cloud::rest::account::Account;
use crate::bitbucket::told::BRANCHES;
use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::event::Build;
use crate::event::PullRequest;
use crate::event::Source;
use crate::event::Target;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Known;

const WHAT: &str = "the pull request";

#[derive(serde::Deserialize)]
struct Wire {
    id: u64,
    state: String,
    author: Option<Account>,
    source: Side,
    destination: Side,
    #[serde(default)]
    participants: Vec<Participant>,
}

#[derive(serde::Deserialize)]
struct Side {
    branch: Option<Branch>,
    commit: Option<Commit>,
    repository: Option<Repository>,
}

#[derive(serde::Deserialize)]
struct Branch {
    name: String,
}

#[derive(serde::Deserialize)]
struct Commit {
    hash: String,
}

#[derive(serde::Deserialize)]
struct Repository {
    uuid: Option<String>,
}

#[derive(serde::Deserialize)]
struct Participant {
    user: Option<Account>,
    #[serde(default)]
    approved: bool,
}

/// As much of a pull request as says whether it was merged, and into what. Lists leave out the one or the other.
#[derive(serde::Deserialize)]
pub(crate) struct Outline {
    state: Option<String>,
    destination: Option<Side>,
}

impl Outline {
    /// Whether it tells what is asked.
    pub(crate) fn is_enough(&self, into: Option<&str>) -> bool {
        let branch = self.destination.as_ref().and_then(|side| side.branch.as_ref());
        self.state.is_some() && (into.is_none() || branch.is_some())
    }

    /// Whether it was merged; with `into`, the full name of a branch, into that one.
    pub(crate) fn is_merged(&self, into: Option<&str>) -> bool {
        let branch = || self.destination.as_ref()?.branch.as_ref();
        let fits = |into: &str| {
            branch().is_some_and(|branch| into.strip_prefix(BRANCHES) == Some(&branch.name))
        };
        self.state.as_deref() == Some("MERGED") && into.is_none_or(fits)
    }
}

impl Cloud {
    /// GET `pullrequests/{id}`, then its commits, builds and activity at the same time.
    pub(crate) async fn pull_request(
        &self,
        repository: &Id,
        id: u64,
        deadline: Deadline,
    ) -> Result<PullRequestFacts, FetchError> {
        let number = id.to_string();
        let call =
            self.ask_in(repository, &["pullrequests", &number], WHAT, CallClass::Metadata)?;
        let wire: Wire = self.transport().get(&call, deadline).await?;
        if wire.id != id {
            let why = "`id` is not the pull request that was asked for".to_owned();
            return Err(FetchError::Form { what: WHAT, why });
        }
        let approvers = self.approvers(&wire.participants);
        let (source, target, seen) = tokio::join!(
            self.tip(repository, &wire.source, deadline),
            self.tip(repository, &wire.destination, deadline),
            self.seen(repository, &number, approvers.is_empty(), deadline),
        );
        let (builds, approvals) = tokio::join!(
            self.builds_of(repository, &source, deadline),
            self.approvals(repository, approvers, (seen, &source), deadline),
        );
        let facts = PullRequest {
            id: Known::Value(id),
            author: author(self.id_of(wire.author.as_ref())),
            approvals: Known::Value(approvals),
            source: Known::Value(self.source(&wire.source, source)),
            target: Known::Value(Target {
                reference: full_name(&wire.destination),
                commit: target,
            }),
            builds,
        };
        let author_name = wire.author.and_then(|author| author.display_name);
        Ok(PullRequestFacts { state: state(&wire.state), facts, author_name })
    }

    /// State and destination of one pull request.
    pub(crate) async fn outline_of(
        &self,
        repository: &Id,
        id: u64,
        deadline: Deadline,
    ) -> Result<Outline, FetchError> {
        let path = ["pullrequests", &id.to_string()];
        let call = self.ask_in(repository, &path, WHAT, CallClass::Metadata)?;
        self.transport().get(&call, deadline).await
    }

    pub(super) fn id_of(&self, account: Option<&Account>) -> Option<Id> {
        account.and_then(|account| account.id(self.connection()))
    }

    /// Who approves now, each person once.
    fn approvers(&self, participants: &[Participant]) -> Vec<Id> {
        let approved = participants.iter().filter(|one| one.approved);
        let ids: BTreeSet<Id> = approved.filter_map(|one| self.id_of(one.user.as_ref())).collect();
        ids.into_iter().collect()
    }

    /// The 40 digits of one side's commit. A fork's commit is looked up where the pull request is: it is reachable
    /// there, and the credential need not reach the fork.
    async fn tip(&self, repository: &Id, side: &Side, deadline: Deadline) -> Known<String> {
        let Some(commit) = &side.commit else {
            return Known::unknown("Bitbucket does not tell the commit: the fork was deleted");
        };
        match self.commit(repository, &commit.hash, deadline).await {
            Ok(commit) => Known::Value(commit.hash),
            Err(error) => Known::Unknown(error.why()),
        }
    }

    async fn builds_of(
        &self,
        repository: &Id,
        source: &Known<String>,
        deadline: Deadline,
    ) -> Known<Vec<Build>> {
        match source {
            Known::Value(commit) => match self.builds(repository, commit, deadline).await {
                Ok(builds) => Known::Value(builds),
                Err(error) => Known::Unknown(error.why()),
            },
            Known::Nothing => Known::Nothing,
            Known::Unknown(why) => Known::Unknown(why.clone()),
        }
    }

    fn source(&self, side: &Side, commit: Known<String>) -> Source {
        let uuid = side.repository.as_ref().and_then(|repository| repository.uuid.as_deref());
        let id = uuid.and_then(|uuid| Id::new(self.connection(), Kind::Repository, uuid).ok());
        Source { reference: full_name(side), commit, repository: Known::or_nothing(id) }
    }
}

fn author(id: Option<Id>) -> Known<Id> {
    match id {
        Some(id) => Known::Value(id),
        None => Known::unknown("Bitbucket does not tell who opened the pull request"),
    }
}

fn full_name(side: &Side) -> Known<String> {
    match &side.branch {
        Some(branch) => Known::Value(format!("{BRANCHES}{}", branch.name)),
        None => Known::unknown("Bitbucket does not tell the branch: the fork was deleted"),
    }
}

fn state(word: &str) -> PullRequestState {
    match word {
        "OPEN" => PullRequestState::Open,
        "MERGED" => PullRequestState::Merged,
        "DECLINED" | "SUPERSEDED" => PullRequestState::Declined,
        _ => PullRequestState::Other,
    }
}
