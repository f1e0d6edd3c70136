//! Pull requests. Hashes are full here, and every approval names the commit that was looked at.

use std::collections::BTreeSet;

use crate::bitbucket::client::PullRequestFacts;
use crate::bitbucket::client::PullRequestState;
use crate::bitbucket::client::is_full;
use crate::bitbucket::datacenter::rest::DataCenter;
use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::event::Approval;
use crate::event::PullRequest;
use crate::event::Source;
use crate::event::Target;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Known;

const WHAT: &str = "the pull request";

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    id: u64,
    state: String,
    author: Option<Participant>,
    #[serde(default)]
    reviewers: Vec<Participant>,
    #[serde(default)]
    participants: Vec<Participant>,
    from_ref: Side,
    to_ref: Side,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Participant {
    user: User,
    #[serde(default)]
    approved: bool,
    last_reviewed_commit: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    id: Option<u64>,
    display_name: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Side {
    id: String,
    latest_commit: String,
    repository: Option<Repository>,
}

#[derive(serde::Deserialize)]
struct Repository {
    id: u64,
}

impl DataCenter {
    /// GET `pull-requests/{id}`, then the builds of its source commit.
    pub(crate) async fn pull_request(
        &self,
        repository: &Id,
        id: u64,
        deadline: Deadline,
    ) -> Result<PullRequestFacts, FetchError> {
        let number = id.to_string();
        let class = CallClass::Metadata;
        let call = self
            .ask_in(("api", repository), &["pull-requests", &number], WHAT, class, deadline)
            .await?;
        let wire: Wire = self.transport().get(&call, deadline).await?;
        if wire.id != id {
            let why = "`id` is not the pull request that was asked for".to_owned();
            return Err(FetchError::Form { what: WHAT, why });
        }
        let builds = match self.builds(&wire.from_ref.latest_commit, deadline).await {
            Ok(builds) => Known::Value(builds),
            Err(error) => Known::Unknown(error.why()),
        };
        let author = wire.author.as_ref().and_then(|author| self.user(author.user.id?));
        let facts = PullRequest {
            id: Known::Value(id),
            author: match author {
                Some(author) => Known::Value(author),
                None => Known::unknown("Bitbucket does not tell who opened the pull request"),
            },
            source: Known::Value(self.source(&wire.from_ref)),
            target: Known::Value(Target {
                reference: Known::Value(wire.to_ref.id),
                commit: Known::Value(wire.to_ref.latest_commit),
            }),
            approvals: Known::Value(self.approvals(&wire.reviewers, &wire.participants)),
            builds,
        };
        let author_name = wire.author.and_then(|author| author.user.display_name);
        Ok(PullRequestFacts { state: state(&wire.state), facts, author_name })
    }

    fn source(&self, side: &Side) -> Source {
        let number = side.repository.as_ref().map(|repository| repository.id.to_string());
        let id = number.and_then(|id| Id::new(self.connection(), Kind::Repository, &id).ok());
        Source {
            reference: Known::Value(side.id.clone()),
            commit: Known::Value(side.latest_commit.clone()),
            repository: Known::or_nothing(id),
        }
    }

    fn approvals(&self, reviewers: &[Participant], participants: &[Participant]) -> Vec<Approval> {
        let approved = reviewers.iter().chain(participants).filter(|one| one.approved);
        let approval = |one: &Participant| {
            let by = self.user(one.user.id?)?;
            let commit = match &one.last_reviewed_commit {
                Some(commit) if is_full(commit) => Known::Value(commit.clone()),
                Some(_) => Known::unknown("what Bitbucket tells was approved is not a commit"),
                None => Known::unknown("Bitbucket does not tell which commit was approved"),
            };
            Some(Approval { by: Known::Value(by), commit })
        };
        // Reviewers and participants may overlap: each person's approval counts once.
        let mut seen = BTreeSet::new();
        let mut first = |one: &Approval| seen.insert(one.by.value().cloned());
        approved.filter_map(approval).filter(|one| first(one)).collect()
    }
}

fn state(word: &str) -> PullRequestState {
    match word {
        "OPEN" => PullRequestState::Open,
        "MERGED" => PullRequestState::Merged,
        "DECLINED" => PullRequestState::Declined,
        _ => PullRequestState::Other,
    }
}
