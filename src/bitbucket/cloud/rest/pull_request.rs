//! Pull requests. Their hashes are cut to 12 digits and must be resolved; which commit was approved is told only by
//! the activity, as the last update before the approval.

use crate::bitbucket::client::PullRequestFacts;
use crate::bitbucket::client::PullRequestState;
use crate::bitbucket::cloud::rest::Cloud;
use crate::bitbucket::cloud::rest::account::Account;
use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::event::Approval;
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

#[derive(serde::Deserialize)]
struct State {
    state: String,
}

/// One line of the activity, newest first.
#[derive(serde::Deserialize)]
struct Activity {
    update: Option<Update>,
    approval: Option<Approved>,
}

#[derive(serde::Deserialize)]
struct Update {
    source: Option<Side>,
}

#[derive(serde::Deserialize)]
struct Approved {
    user: Option<Account>,
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
        let approvers: Vec<Id> = wire
            .participants
            .iter()
            .filter(|one| one.approved)
            .filter_map(|one| self.id_of(one.user.as_ref()))
            .collect();
        let (source, target, approved) = tokio::join!(
            self.tip(repository, &wire.source, deadline),
            self.tip(repository, &wire.destination, deadline),
            self.approved_commits(repository, &number, approvers.is_empty(), deadline),
        );
        let builds = self.builds_of(repository, &source, deadline).await;
        let facts = PullRequest {
            id: Known::Value(id),
            author: author(self.id_of(wire.author.as_ref())),
            approvals: Known::Value(approvals(approvers, &approved, &source)),
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

    /// The state word of one pull request.
    pub(crate) async fn state_of(
        &self,
        repository: &Id,
        id: u64,
        deadline: Deadline,
    ) -> Result<String, FetchError> {
        let path = ["pullrequests", &id.to_string()];
        let call = self.ask_in(repository, &path, WHAT, CallClass::Metadata)?;
        Ok(self.transport().get::<State>(&call, deadline).await?.state)
    }

    fn id_of(&self, account: Option<&Account>) -> Option<Id> {
        account.and_then(|account| account.id(self.connection()))
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

    /// Who approved, with the (cut) hash that stood at the time; newest first. Not asked if nobody did.
    async fn approved_commits(
        &self,
        repository: &Id,
        number: &str,
        nobody: bool,
        deadline: Deadline,
    ) -> Result<Vec<(Id, Option<String>)>, FetchError> {
        if nobody {
            return Ok(Vec::new());
        }
        let path = ["pullrequests", number, "activity"];
        let what = "the activity of the pull request";
        let call = self.ask_in(repository, &path, what, CallClass::Metadata)?;
        let lines: Vec<Activity> = self.short_list(call, deadline).await?;
        let mut waiting: Vec<(Id, Option<String>)> = Vec::new();
        for line in lines {
            let hash =
                line.update.and_then(|update| update.source?.commit).map(|commit| commit.hash);
            if let Some(hash) = hash {
                waiting
                    .iter_mut()
                    .filter(|one| one.1.is_none())
                    .for_each(|one| one.1 = Some(hash.clone()));
            }
            let by = line.approval.and_then(|approval| self.id_of(approval.user.as_ref()));
            waiting.extend(by.map(|by| (by, None)));
        }
        Ok(waiting)
    }
}

/// Each approval with the commit it was given under: known in full only if it is the one that stands.
fn approvals(
    approvers: Vec<Id>,
    told: &Result<Vec<(Id, Option<String>)>, FetchError>,
    source: &Known<String>,
) -> Vec<Approval> {
    let commit = |by: &Id| match told {
        Err(error) => Known::Unknown(error.why()),
        Ok(told) => match told.iter().find(|one| one.0 == *by) {
            Some((_, Some(cut))) => in_full(cut, source),
            Some((_, None)) | None => {
                Known::unknown("Bitbucket's activity does not tell which commit was approved")
            }
        },
    };
    approvers.into_iter().map(|by| Approval { commit: commit(&by), by: Known::Value(by) }).collect()
}

/// An older commit stays cut: it is another than the one that stands, and that is what counts.
fn in_full(cut: &str, source: &Known<String>) -> Known<String> {
    match source.value() {
        Some(full) if full.starts_with(cut) && cut.len() >= 12 => Known::Value(full.clone()),
        Some(_) => Known::Value(cut.to_owned()),
        None => Known::unknown("the commit that stands could not be resolved"),
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
        Some(branch) => Known::Value(format!("refs/heads/{}", branch.name)),
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
