//! Cloud's webhook bodies. They do not name their event: the shape allows some keys, and the key header, which no
//! signature covers, chooses among them. Where the signed state speaks, a key that denies it is refused.
//!
//! Source: Atlassian's "Event payloads" page and the closed list of events in its API description.

mod actor;
mod pull_request;
mod push;
mod repository;
mod spans;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::bitbucket::Home;
use crate::bitbucket::Reading;
use crate::bitbucket::Unreadable;
use crate::bitbucket::contradiction;
use crate::bitbucket::json;
use crate::bitbucket::json::Text;
use crate::bitbucket::told;
use crate::event::Comment;
use crate::event::CommentAct;
use crate::event::Event;
use crate::event::EventKind;
use crate::event::Facts;
use crate::graph::ConnectionId;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Why;

/// A body. Fields that no event of ours needs are not named and not kept.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    actor: Option<actor::User<'a>>,
    #[serde(borrow)]
    repository: Option<repository::Repository<'a>>,
    #[serde(borrow)]
    push: Option<push::Push<'a>>,
    #[serde(borrow)]
    pullrequest: Option<pull_request::PullRequest<'a>>,
    #[serde(borrow)]
    approval: Option<pull_request::Said<'a>>,
    #[serde(borrow)]
    changes_request: Option<pull_request::Said<'a>>,
    #[serde(borrow)]
    comment: Option<CommentBody<'a>>,
    commit: Option<IgnoredAny>,
    #[serde(borrow)]
    commit_status: Option<repository::CommitStatus<'a>>,
    #[serde(borrow)]
    fork: Option<repository::Repository<'a>>,
    #[serde(borrow)]
    changes: Option<repository::Changes<'a>>,
    #[serde(borrow)]
    project: Option<repository::Project<'a>>,
    previous_workspace: Option<IgnoredAny>,
    previous_owner: Option<IgnoredAny>,
    issue: Option<IgnoredAny>,
    #[serde(rename = "resourceSpans", borrow)]
    resource_spans: Option<Vec<spans::ResourceSpans<'a>>>,
}

/// A comment. Its text is never looked at.
#[derive(Deserialize)]
struct CommentBody<'a> {
    #[serde(borrow)]
    user: Option<actor::User<'a>>,
    #[serde(borrow)]
    created_on: Option<Text<'a>>,
    #[serde(borrow)]
    updated_on: Option<Text<'a>>,
    deleted: Option<bool>,
    resolution: Option<IgnoredAny>,
}

/// What a body is about, by the objects it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Push,
    PullRequest,
    PullRequestApproval,
    PullRequestChangesRequest,
    PullRequestComment,
    CommitComment,
    CommitStatus,
    Fork,
    RepositoryChanges,
    RepositoryTransfer,
    Repository,
    Project,
    Spans,
    Issue,
    Other,
}

impl Shape {
    const fn in_words(self) -> &'static str {
        match self {
            Self::Push => "it tells of a push",
            Self::PullRequest => "it tells of a pull request",
            Self::PullRequestApproval => "it tells of an approval of a pull request",
            Self::PullRequestChangesRequest => "it tells of changes asked for in a pull request",
            Self::PullRequestComment => "it tells of a comment on a pull request",
            Self::CommitComment => "it tells of a comment on a commit",
            Self::CommitStatus => "it tells of a commit status",
            Self::Fork => "it tells of a fork",
            Self::RepositoryChanges => "it tells of changes to a repository",
            Self::RepositoryTransfer => "it tells of a repository that moved",
            Self::Repository => "it tells of a repository and nothing else",
            Self::Project => "it tells of a project",
            Self::Spans => "it tells of pipeline spans",
            Self::Issue => "it tells of an issue",
            Self::Other => "it names no repository",
        }
    }
}

fn shape(body: &Body<'_>) -> Shape {
    if body.issue.is_some() {
        return Shape::Issue;
    }
    if body.pullrequest.is_some() {
        return match (&body.comment, &body.approval, &body.changes_request) {
            (Some(_), _, _) => Shape::PullRequestComment,
            (None, Some(_), _) => Shape::PullRequestApproval,
            (None, None, Some(_)) => Shape::PullRequestChangesRequest,
            (None, None, None) => Shape::PullRequest,
        };
    }
    let told = [
        (body.push.is_some(), Shape::Push),
        (body.commit_status.is_some(), Shape::CommitStatus),
        (body.comment.is_some() && body.commit.is_some(), Shape::CommitComment),
        (body.fork.is_some(), Shape::Fork),
        (body.resource_spans.is_some(), Shape::Spans),
        (
            body.previous_workspace.is_some() || body.previous_owner.is_some(),
            Shape::RepositoryTransfer,
        ),
        (body.project.is_some() && body.repository.is_none(), Shape::Project),
        (body.changes.is_some() && body.repository.is_some(), Shape::RepositoryChanges),
        (body.repository.is_some(), Shape::Repository),
    ];
    told.iter().find(|(is, _)| *is).map_or(Shape::Other, |(_, shape)| *shape)
}

/// What a key says, once it fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Push,
    PullRequest(EventKind),
    Comment(CommentAct),
    CommitComment,
    CommitStatus,
    Fork,
    Updated,
    Transferred,
    Created,
    Deleted,
    Project,
    Spans,
}

/// Every key that Cloud documents but `issue:*`, which it switched off.
fn said(key: &str) -> Option<Said> {
    Some(match key {
        "repo:push" => Said::Push,
        "repo:fork" => Said::Fork,
        "repo:updated" => Said::Updated,
        "repo:transfer" => Said::Transferred,
        "repo:created" | "repo:imported" => Said::Created,
        "repo:deleted" => Said::Deleted,
        "repo:commit_comment_created" => Said::CommitComment,
        "repo:commit_status_created" | "repo:commit_status_updated" => Said::CommitStatus,
        "pullrequest:created" => Said::PullRequest(EventKind::PullRequestOpened),
        "pullrequest:updated" | "pullrequest:push" => {
            Said::PullRequest(EventKind::PullRequestUpdated)
        }
        "pullrequest:approved" => Said::PullRequest(EventKind::PullRequestApproved),
        "pullrequest:unapproved" => Said::PullRequest(EventKind::PullRequestUnapproved),
        "pullrequest:changes_request_created" => {
            Said::PullRequest(EventKind::PullRequestChangesRequested)
        }
        "pullrequest:changes_request_removed" => {
            Said::PullRequest(EventKind::PullRequestChangesWithdrawn)
        }
        "pullrequest:fulfilled" => Said::PullRequest(EventKind::PullRequestMerged),
        "pullrequest:rejected" => Said::PullRequest(EventKind::PullRequestDeclined),
        "pullrequest:comment_created" => Said::Comment(CommentAct::Added),
        "pullrequest:comment_updated" => Said::Comment(CommentAct::Edited),
        "pullrequest:comment_deleted" => Said::Comment(CommentAct::Deleted),
        "pullrequest:comment_resolved" => Said::Comment(CommentAct::Resolved),
        "pullrequest:comment_reopened" => Said::Comment(CommentAct::Reopened),
        "project:updated" => Said::Project,
        "pipeline:span_created" => Said::Spans,
        _ => return None,
    })
}

/// Whether the body can be what the key says.
fn fits(said: Said, shape: Shape, body: &Body<'_>) -> bool {
    match (said, shape) {
        (Said::PullRequest(kind), shape) => pull_request_fits(kind, shape, body),
        (Said::Comment(act), Shape::PullRequestComment) => comment_fits(act, body),
        (Said::Push, Shape::Push)
        | (Said::CommitComment, Shape::CommitComment)
        | (Said::CommitStatus, Shape::CommitStatus)
        | (Said::Fork, Shape::Fork)
        | (Said::Updated, Shape::RepositoryChanges | Shape::Repository)
        | (Said::Transferred, Shape::RepositoryTransfer | Shape::Repository)
        | (Said::Created | Said::Deleted, Shape::Repository)
        | (Said::Project, Shape::Project)
        | (Said::Spans, Shape::Spans) => true,
        (
            Said::Push
            | Said::Comment(_)
            | Said::CommitComment
            | Said::CommitStatus
            | Said::Fork
            | Said::Updated
            | Said::Transferred
            | Said::Created
            | Said::Deleted
            | Said::Project
            | Said::Spans,
            _,
        ) => false,
    }
}

/// Old bodies carry an `approval` beside a decline too, so the objects alone do not decide; the state does.
fn pull_request_fits(kind: EventKind, shape: Shape, body: &Body<'_>) -> bool {
    let Some(pull_request) = &body.pullrequest else { return false };
    let voted = |vote: &Option<pull_request::Said<'_>>| {
        vote.as_ref().and_then(|vote| pull_request.vote_of(vote))
    };
    if kind == EventKind::PullRequestApproved {
        return shape == Shape::PullRequestApproval && voted(&body.approval) != Some(false);
    }
    if kind == EventKind::PullRequestUnapproved {
        return shape == Shape::PullRequestApproval && voted(&body.approval) != Some(true);
    }
    if kind == EventKind::PullRequestChangesRequested
        || kind == EventKind::PullRequestChangesWithdrawn
    {
        return shape == Shape::PullRequestChangesRequest;
    }
    shape != Shape::PullRequestComment && pull_request.state_allows(kind)
}

fn comment_fits(act: CommentAct, body: &Body<'_>) -> bool {
    let deleted = body.comment.as_ref().and_then(|comment| comment.deleted);
    match act {
        CommentAct::Deleted => deleted != Some(false),
        CommentAct::Added | CommentAct::Edited | CommentAct::Resolved | CommentAct::Reopened => {
            deleted != Some(true)
        }
    }
}

/// The key that fits best where none was sent.
fn likeliest(shape: Shape, body: &Body<'_>) -> &'static str {
    let vote = |vote: &Option<pull_request::Said<'_>>| {
        vote.as_ref().zip(body.pullrequest.as_ref()).and_then(|(vote, pr)| pr.vote_of(vote))
    };
    let closed = body.pullrequest.as_ref().is_some_and(pull_request::PullRequest::is_closed);
    match shape {
        Shape::Push => "repo:push",
        Shape::PullRequestApproval if !closed && vote(&body.approval) == Some(false) => {
            "pullrequest:unapproved"
        }
        Shape::PullRequestApproval if !closed => "pullrequest:approved",
        Shape::PullRequestChangesRequest if body.withdrawn() => {
            "pullrequest:changes_request_removed"
        }
        Shape::PullRequestChangesRequest => "pullrequest:changes_request_created",
        Shape::PullRequest | Shape::PullRequestApproval => {
            body.pullrequest.as_ref().map_or("", pull_request::PullRequest::likeliest)
        }
        Shape::PullRequestComment => body.comment.as_ref().map_or("", CommentBody::likeliest),
        Shape::CommitComment => "repo:commit_comment_created",
        Shape::CommitStatus => body.commit_status.as_ref().map_or("", |status| status.likeliest()),
        Shape::Fork => "repo:fork",
        Shape::RepositoryChanges | Shape::Repository => "repo:updated",
        Shape::RepositoryTransfer => "repo:transfer",
        Shape::Project => "project:updated",
        Shape::Spans => "pipeline:span_created",
        Shape::Issue | Shape::Other => "",
    }
}

impl Body<'_> {
    /// Whether the one who had asked for changes no longer does, as far as the participants tell.
    fn withdrawn(&self) -> bool {
        self.changes_request
            .as_ref()
            .zip(self.pullrequest.as_ref())
            .is_some_and(|(said, pull_request)| pull_request.asks_no_more(said))
    }
}

impl CommentBody<'_> {
    fn likeliest(&self) -> &'static str {
        let times =
            told::time(self.created_on.as_deref()).zip(told::time(self.updated_on.as_deref()));
        if self.deleted == Some(true) {
            "pullrequest:comment_deleted"
        } else if self.resolution.is_some() {
            "pullrequest:comment_resolved"
        } else if times
            .is_some_and(|(created, updated)| updated.since(created) > pull_request::AT_ONCE_MS)
        {
            "pullrequest:comment_updated"
        } else {
            "pullrequest:comment_created"
        }
    }
}

/// Reads a Cloud body.
pub fn read(connection: &ConnectionId, key: &str, text: &str) -> Result<Reading, Unreadable> {
    let body: Body<'_> = json::typed(text)?;
    let shape = shape(&body);
    let key = if key.is_empty() { likeliest(shape, &body) } else { key };
    let reader = Reader { connection, body: &body };
    let home = reader.home();
    let (events, unknown) = match said(key) {
        Some(said) if fits(said, shape, &body) => (reader.events(said), None),
        Some(_) => return Err(contradiction(key, shape.in_words())),
        None if key.starts_with("issue:") && shape != Shape::Issue => {
            return Err(contradiction(key, shape.in_words()));
        }
        None => (vec![reader.unknown()], Some(why_unknown(key, shape))),
    };
    Ok(Reading { events, key: json::quoted(key), unknown, home, ignored_fields: 0 })
}

fn why_unknown(key: &str, shape: Shape) -> Why {
    if shape == Shape::Issue {
        Why::fixed("issues are no matter of this gate")
    } else if key.is_empty() {
        Why::said(format!(
            "no event key was sent, and of the body only this is clear: {}",
            shape.in_words()
        ))
    } else {
        Why::said(format!("`{}` is an event key we have no word for", json::quoted(key)))
    }
}

/// A body on its way into our words.
struct Reader<'b, 'a> {
    connection: &'b ConnectionId,
    body: &'b Body<'a>,
}

impl Reader<'_, '_> {
    fn home(&self) -> Home {
        let mut home =
            self.body.repository.as_ref().map_or_else(Home::default, |r| r.home(self.connection));
        if let Some(project) = &self.body.project {
            home.project = project.id(self.connection).value().cloned();
        }
        if let Some(spans) = &self.body.resource_spans {
            home.repository = spans::repository(self.connection, spans).value().cloned();
        }
        home
    }

    fn facts(&self) -> Facts {
        let actor = actor::actor(self.connection, self.body.actor.as_ref());
        let repository = self
            .body
            .repository
            .as_ref()
            .map_or_else(Known::default, |r| Known::Value(r.repository(self.connection)));
        told::facts(actor, repository)
    }

    fn unknown(&self) -> Event {
        told::event(EventKind::Unknown, None, self.facts())
    }

    fn events(&self, said: Said) -> Vec<Event> {
        match said {
            Said::Push => push::events(self),
            Said::Spans => spans::events(self),
            Said::PullRequest(kind) => vec![pull_request::event(self, kind)],
            Said::Comment(act) => vec![self.commented(EventKind::PullRequestCommented, act)],
            Said::CommitComment => {
                vec![self.commented(EventKind::CommitCommented, CommentAct::Added)]
            }
            Said::CommitStatus => vec![repository::status(self)],
            Said::Fork => vec![repository::forked(self)],
            Said::Updated => vec![repository::updated(self)],
            Said::Transferred => vec![repository::transferred(self)],
            Said::Created => vec![repository::created(self)],
            Said::Deleted => vec![repository::deleted(self)],
            Said::Project => vec![repository::project_updated(self)],
        }
    }

    fn commented(&self, kind: EventKind, act: CommentAct) -> Event {
        let mut event = pull_request::event(self, kind);
        if let Some(comment) = &self.body.comment {
            let by = match &comment.user {
                Some(user) => told::id(self.connection, user.kind(), user.native()),
                None => Known::unknown("the body does not name the comment's author"),
            };
            event.at = told::time(comment.updated_on.as_deref().or(comment.created_on.as_deref()));
            event.facts.comment = Known::Value(Comment { what: Known::Value(act), by });
        }
        event
    }

    fn id(&self, kind: Kind, native: &str) -> Known<crate::graph::Id> {
        told::id(self.connection, kind, native)
    }
}
