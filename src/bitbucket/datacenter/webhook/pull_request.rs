//! A Data Center pull request as webhooks tell it: whole commit names, and which commit each approver looked at.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::bitbucket::datacenter::webhook::Reader;
use crate::bitbucket::datacenter::webhook::noun::Moment;
use crate::bitbucket::datacenter::webhook::noun::Repository;
use crate::bitbucket::datacenter::webhook::noun::User;
use crate::bitbucket::json::Text;
use crate::bitbucket::told;
use crate::event::Approval;
use crate::event::Event;
use crate::event::EventKind;
use crate::event::PullRequest as Told;
use crate::event::ShortCommits;
use crate::event::Source;
use crate::event::Target;
use crate::graph::Known;

/// A pull request. Title and description are not looked at.
#[derive(Deserialize)]
pub struct PullRequest<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    state: Option<Text<'a>>,
    #[serde(rename = "createdDate")]
    created: Option<Moment>,
    #[serde(rename = "updatedDate")]
    updated: Option<Moment>,
    #[serde(rename = "fromRef", borrow)]
    from: Option<End<'a>>,
    #[serde(rename = "toRef", borrow)]
    to: Option<End<'a>>,
    #[serde(borrow)]
    author: Option<Participant<'a>>,
    #[serde(borrow)]
    reviewers: Option<Vec<Participant<'a>>>,
    #[serde(borrow)]
    participants: Option<Vec<Participant<'a>>>,
    #[serde(borrow)]
    properties: Option<Properties<'a>>,
}

#[derive(Deserialize)]
struct End<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(rename = "latestCommit", borrow)]
    latest: Option<Text<'a>>,
    #[serde(borrow)]
    repository: Option<Repository<'a>>,
}

/// One who takes part, and how far.
#[derive(Deserialize)]
pub struct Participant<'a> {
    #[serde(borrow)]
    user: Option<User<'a>>,
    approved: Option<bool>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(rename = "lastReviewedCommit", borrow)]
    reviewed: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Properties<'a> {
    #[serde(rename = "mergeCommit", borrow)]
    merge: Option<Merge<'a>>,
}

#[derive(Deserialize)]
struct Merge<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
}

impl Participant<'_> {
    fn approves(&self) -> bool {
        self.approved == Some(true) || self.status.as_deref() == Some("APPROVED")
    }

    /// The key of a reviewer's body that names none.
    pub fn likeliest(&self) -> &'static str {
        match self.status.as_deref() {
            Some("APPROVED") => "pr:reviewer:approved",
            Some("NEEDS_WORK") => "pr:reviewer:needs_work",
            Some(_) | None => "pr:reviewer:unapproved",
        }
    }
}

impl<'a> PullRequest<'a> {
    /// The repository it goes to.
    pub fn repository(&self) -> Option<&Repository<'a>> {
        self.to.as_ref()?.repository.as_ref()
    }

    /// The key of a body that names none.
    pub fn likeliest(&self) -> &'static str {
        let times = self
            .created
            .as_ref()
            .and_then(Moment::time)
            .zip(self.updated.as_ref().and_then(Moment::time));
        let at_once = times.is_some_and(|(made, touched)| touched.since(made) == 0);
        match self.state.as_deref() {
            Some("MERGED") => "pr:merged",
            Some("DECLINED") => "pr:declined",
            Some(_) | None if at_once => "pr:opened",
            Some(_) | None => "pr:modified",
        }
    }
}

impl End<'_> {
    fn name(&self) -> Option<String> {
        self.id.as_deref().map(str::to_owned)
    }
}

/// The event of this kind; also for a comment on a commit, which has no pull request.
pub fn event(reader: &Reader<'_, '_>, kind: EventKind) -> Event {
    let mut facts = reader.facts();
    let mut short_commits = ShortCommits::default();
    if let Some(pull_request) = &reader.body.pull_request {
        if let Some(name) = pull_request.to.as_ref().and_then(End::name) {
            told::about(&mut facts, told::reference(name));
        }
        let (told, short) = tell(reader, pull_request);
        facts.pull_request = Known::Value(told);
        short_commits = short;
    }
    Event { kind, at: reader.at(), facts, short_commits }
}

fn tell(reader: &Reader<'_, '_>, pull_request: &PullRequest<'_>) -> (Told, ShortCommits) {
    let (from, to) = (pull_request.from.as_ref(), pull_request.to.as_ref());
    let latest = |end: Option<&End<'_>>| told::commit(end.and_then(|end| end.latest.as_deref()));
    let ((source_commit, source), (target_commit, target)) = (latest(from), latest(to));
    let merge = pull_request.properties.as_ref().and_then(|p| p.merge.as_ref()?.id.as_deref());
    let merge = merge.and_then(|hash| match told::named(hash) {
        told::Named::Whole(hash) | told::Named::Short(hash) => Some(hash),
        told::Named::None | told::Named::Unfit => None,
    });
    let told = Told {
        id: Known::or_untold(pull_request.id),
        author: match pull_request.author.as_ref().and_then(|author| author.user.as_ref()) {
            Some(author) => author.id(reader.connection),
            None => Known::Nothing,
        },
        source: Known::Value(Source {
            reference: Known::or_untold(from.and_then(End::name)),
            commit: source_commit,
            repository: match from.and_then(|end| end.repository.as_ref()) {
                Some(repository) => repository.id(reader.connection),
                None => Known::Nothing,
            },
        }),
        target: Known::Value(Target {
            reference: Known::or_untold(to.and_then(End::name)),
            commit: target_commit,
        }),
        approvals: approvals(reader, pull_request),
        builds: Known::default(),
    };
    (told, ShortCommits { source, target, merge })
}

/// Reviewers and participants overlap: each person's approval counts once.
fn approvals(reader: &Reader<'_, '_>, pull_request: &PullRequest<'_>) -> Known<Vec<Approval>> {
    if pull_request.reviewers.is_none() && pull_request.participants.is_none() {
        return Known::default();
    }
    let mut seen = BTreeSet::new();
    let everyone = pull_request.reviewers.iter().chain(&pull_request.participants).flatten();
    let approvals =
        everyone.filter(|participant| participant.approves()).map(|participant| Approval {
            by: match &participant.user {
                Some(user) => user.id(reader.connection),
                None => Known::unknown("the body does not name the approver"),
            },
            commit: match participant.reviewed.as_deref() {
                Some(commit) => told::commit(Some(commit)).0,
                None => Known::unknown("the body does not tell which commit was approved"),
            },
        });
    Known::Value(
        approvals.filter(|a| a.by.value().is_none_or(|by| seen.insert(by.clone()))).collect(),
    )
}
