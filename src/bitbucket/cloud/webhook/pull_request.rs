//! A Cloud pull request as webhooks tell it. Its commits are cut to twelve digits, and "updated" does not say what was.

use serde::Deserialize;

use crate::bitbucket::cloud::webhook::Reader;
use crate::bitbucket::cloud::webhook::actor::User;
use crate::bitbucket::cloud::webhook::repository::Repository;
use crate::bitbucket::json::Text;
use crate::bitbucket::told;
use crate::event::Approval;
use crate::event::Event;
use crate::event::EventKind;
use crate::event::Facts;
use crate::event::PullRequest as Told;
use crate::event::ShortCommits;
use crate::event::Source;
use crate::event::Target;
use crate::graph::Known;

/// What is touched no later than this after it was made has not been changed: Bitbucket writes both times itself, up to
/// 0.8 s apart.
pub const AT_ONCE_MS: u64 = 1_000;

/// A pull request. Title, description and reason are not looked at.
#[derive(Deserialize)]
pub struct PullRequest<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    state: Option<Text<'a>>,
    #[serde(borrow)]
    author: Option<User<'a>>,
    #[serde(borrow)]
    source: Option<End<'a>>,
    #[serde(borrow)]
    destination: Option<End<'a>>,
    #[serde(borrow)]
    merge_commit: Option<Commit<'a>>,
    #[serde(borrow)]
    participants: Option<Vec<Participant<'a>>>,
    #[serde(borrow)]
    created_on: Option<Text<'a>>,
    #[serde(borrow)]
    updated_on: Option<Text<'a>>,
}

/// `repository` and `commit` are null when the fork or the branch is gone.
#[derive(Deserialize)]
struct End<'a> {
    #[serde(borrow)]
    branch: Option<Branch<'a>>,
    #[serde(borrow)]
    commit: Option<Commit<'a>>,
    #[serde(borrow)]
    repository: Option<Repository<'a>>,
}

#[derive(Deserialize)]
struct Branch<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Commit<'a> {
    #[serde(borrow)]
    hash: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Participant<'a> {
    #[serde(borrow)]
    user: Option<User<'a>>,
    approved: Option<bool>,
    #[serde(borrow)]
    state: Option<Text<'a>>,
}

/// An approval or a request for changes: who, and when.
#[derive(Deserialize)]
pub struct Said<'a> {
    #[serde(borrow)]
    date: Option<Text<'a>>,
    #[serde(borrow)]
    user: Option<User<'a>>,
}

impl PullRequest<'_> {
    /// Whether the signed state allows this kind. Words we do not know (a documentation sample carries
    /// `OPEN|MERGED|DECLINED`) allow everything; a closed pull request can still be edited.
    pub fn state_allows(&self, kind: EventKind) -> bool {
        let needs = [
            (EventKind::PullRequestMerged, "MERGED"),
            (EventKind::PullRequestDeclined, "DECLINED"),
            (EventKind::PullRequestOpened, "OPEN"),
        ];
        let needed = needs.iter().find(|(needing, _)| *needing == kind).map(|(_, state)| *state);
        match (self.state.as_deref(), needed) {
            (Some(state @ ("OPEN" | "MERGED" | "DECLINED" | "SUPERSEDED")), Some(needed)) => {
                state == needed
            }
            (_, _) => true,
        }
    }

    /// Whether it is merged or declined.
    pub fn is_closed(&self) -> bool {
        matches!(self.state.as_deref(), Some("MERGED" | "DECLINED"))
    }

    /// The key of a body that has nothing beside the pull request.
    pub fn likeliest(&self) -> &'static str {
        let times =
            told::time(self.created_on.as_deref()).zip(told::time(self.updated_on.as_deref()));
        let at_once = times.is_some_and(|(made, touched)| touched.since(made) <= AT_ONCE_MS);
        match self.state.as_deref() {
            Some("MERGED") => "pullrequest:fulfilled",
            Some("DECLINED") => "pullrequest:rejected",
            Some(_) | None if at_once => "pullrequest:created",
            Some(_) | None => "pullrequest:updated",
        }
    }

    fn participant(&self, said: &Said<'_>) -> Option<&Participant<'_>> {
        let voter = said.user.as_ref()?.native();
        self.participants.iter().flatten().find(|participant| {
            participant
                .user
                .as_ref()
                .is_some_and(|user| !voter.is_empty() && user.native() == voter)
        })
    }

    /// Whether the voter approves now, as far as the participants tell.
    pub fn vote_of(&self, said: &Said<'_>) -> Option<bool> {
        self.participant(said)?.approved
    }

    /// Whether the voter is told and does not ask for changes now.
    pub fn asks_no_more(&self, said: &Said<'_>) -> bool {
        self.participant(said).is_some_and(|p| p.state.as_deref() != Some("changes_requested"))
    }
}

/// The event of this kind; also for a comment on a commit, which has no pull request.
pub fn event(reader: &Reader<'_, '_>, kind: EventKind) -> Event {
    let mut facts = reader.facts();
    let Some(pull_request) = &reader.body.pullrequest else {
        return told::event(kind, None, facts);
    };
    let short_commits = tell(reader, pull_request, &mut facts);
    let said = reader.body.approval.as_ref().or(reader.body.changes_request.as_ref());
    let said_at = said.and_then(|said| said.date.as_deref());
    let at = told::time(said_at.or(pull_request.updated_on.as_deref()));
    Event { kind, at, facts, short_commits }
}

fn tell(
    reader: &Reader<'_, '_>,
    pull_request: &PullRequest<'_>,
    facts: &mut Facts,
) -> ShortCommits {
    let (source, target) = (pull_request.source.as_ref(), pull_request.destination.as_ref());
    let (source_commit, short_source) = told::commit(source.and_then(End::hash));
    let (target_commit, short_target) = told::commit(target.and_then(End::hash));
    let merge = pull_request.merge_commit.as_ref().and_then(|commit| commit.hash.as_deref());
    if let Some(name) = target.and_then(End::branch) {
        told::about(facts, told::reference(name));
    }
    facts.pull_request = Known::Value(Told {
        id: Known::or_untold(pull_request.id),
        author: match &pull_request.author {
            Some(author) => reader.id(author.kind(), author.native()),
            None => Known::Nothing,
        },
        source: Known::Value(Source {
            reference: Known::or_untold(source.and_then(End::branch)),
            commit: source_commit,
            repository: match source.and_then(|end| end.repository.as_ref()) {
                Some(repository) => repository.id(reader.connection),
                None => Known::Nothing,
            },
        }),
        target: Known::Value(Target {
            reference: Known::or_untold(target.and_then(End::branch)),
            commit: target_commit,
        }),
        approvals: approvals(reader, pull_request),
        builds: Known::default(),
    });
    let named = |hash: &str| match told::named(hash) {
        told::Named::Whole(hash) | told::Named::Short(hash) => Some(hash),
        told::Named::None | told::Named::Unfit => None,
    };
    ShortCommits { source: short_source, target: short_target, merge: merge.and_then(named) }
}

impl End<'_> {
    fn hash(&self) -> Option<&str> {
        self.commit.as_ref().and_then(|commit| commit.hash.as_deref())
    }

    fn branch(&self) -> Option<String> {
        let name = self.branch.as_ref().and_then(|branch| branch.name.as_deref())?;
        Some(format!("{}{name}", told::BRANCHES))
    }
}

/// Cloud does not tell which commit an approver looked at.
fn approvals(reader: &Reader<'_, '_>, pull_request: &PullRequest<'_>) -> Known<Vec<Approval>> {
    let Some(participants) = &pull_request.participants else { return Known::default() };
    let approvals = participants.iter().filter(|p| p.approved == Some(true)).map(|p| Approval {
        by: match &p.user {
            Some(user) => reader.id(user.kind(), user.native()),
            None => Known::unknown("the body does not name the approver"),
        },
        commit: Known::unknown("Bitbucket Cloud does not tell which commit was approved"),
    });
    Known::Value(approvals.collect())
}
