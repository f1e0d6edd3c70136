//! Data Center's webhook bodies. They name their event themselves, under the signature; the key header must agree.
//!
//! Bodies of the third-party "Post Webhooks" plugin look like Cloud's and name no ids. They are told as `unknown`:
//! nothing can be decided about a repository that is known by a name which may be another's tomorrow.
//!
//! Source: Atlassian's "Event payload" page, versions 8.19 to 10.x.

mod noun;
mod pull_request;
mod push;
mod repository;

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
use crate::event::delivery::PING;
use crate::graph::ConnectionId;
use crate::graph::Known;
use crate::graph::Time;
use crate::graph::Why;

/// A body. Fields that no event of ours needs are not named and not kept.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(rename = "eventKey", borrow)]
    event_key: Option<Text<'a>>,
    date: Option<noun::Moment>,
    #[serde(borrow)]
    actor: Option<noun::User<'a>>,
    #[serde(borrow)]
    repository: Option<noun::Repository<'a>>,
    #[serde(borrow)]
    changes: Option<Vec<push::RefChange<'a>>>,
    #[serde(rename = "refLimitExceeded")]
    ref_limit_exceeded: Option<bool>,
    #[serde(rename = "mirrorServer")]
    mirror_server: Option<IgnoredAny>,
    #[serde(rename = "pullRequest", borrow)]
    pull_request: Option<pull_request::PullRequest<'a>>,
    #[serde(borrow)]
    participant: Option<pull_request::Participant<'a>>,
    #[serde(rename = "previousFromHash")]
    previous_from: Option<IgnoredAny>,
    #[serde(rename = "previousTitle")]
    previous_title: Option<IgnoredAny>,
    #[serde(rename = "addedReviewers")]
    added_reviewers: Option<IgnoredAny>,
    #[serde(borrow)]
    comment: Option<noun::Comment<'a>>,
    #[serde(rename = "previousComment")]
    previous_comment: Option<IgnoredAny>,
    #[serde(borrow)]
    old: Option<noun::Repository<'a>>,
    #[serde(borrow)]
    new: Option<noun::Repository<'a>>,
    #[serde(rename = "secretLocations", borrow)]
    secret_locations: Option<Vec<repository::SecretLocation<'a>>>,
    test: Option<IgnoredAny>,
}

/// What a key says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Ping,
    RefsChanged,
    Synchronized,
    RepositoryModified,
    RepositoryForked,
    ProjectModified,
    SecretDetected,
    CommitComment(CommentAct),
    PullRequest(EventKind),
    PullRequestComment(CommentAct),
}

/// Every documented key, those too that no server takes yet.
fn said(key: &str) -> Option<Said> {
    Some(match key {
        PING => Said::Ping,
        "repo:refs_changed" => Said::RefsChanged,
        "mirror:repo_synchronized" => Said::Synchronized,
        "repo:modified" => Said::RepositoryModified,
        "repo:forked" => Said::RepositoryForked,
        "project:modified" | "proj:modified" => Said::ProjectModified,
        "repo:secret_detected" => Said::SecretDetected,
        "repo:comment:added" => Said::CommitComment(CommentAct::Added),
        "repo:comment:edited" => Said::CommitComment(CommentAct::Edited),
        "repo:comment:deleted" => Said::CommitComment(CommentAct::Deleted),
        "pr:opened" => Said::PullRequest(EventKind::PullRequestOpened),
        "pr:from_ref_updated" | "pr:modified" | "pr:to_ref_updated" => {
            Said::PullRequest(EventKind::PullRequestUpdated)
        }
        "pr:reviewer:updated" => Said::PullRequest(EventKind::PullRequestReviewersChanged),
        "pr:reviewer:approved" => Said::PullRequest(EventKind::PullRequestApproved),
        "pr:reviewer:unapproved" => Said::PullRequest(EventKind::PullRequestUnapproved),
        "pr:reviewer:needs_work" | "pr:reviewer:changes_requested" => {
            Said::PullRequest(EventKind::PullRequestChangesRequested)
        }
        "pr:merged" => Said::PullRequest(EventKind::PullRequestMerged),
        "pr:declined" => Said::PullRequest(EventKind::PullRequestDeclined),
        "pr:deleted" => Said::PullRequest(EventKind::PullRequestDeleted),
        "pr:comment:added" => Said::PullRequestComment(CommentAct::Added),
        "pr:comment:edited" => Said::PullRequestComment(CommentAct::Edited),
        "pr:comment:deleted" => Said::PullRequestComment(CommentAct::Deleted),
        _ => return None,
    })
}

/// Whether the body holds what the key needs.
fn fits(said: Said, body: &Body<'_>) -> bool {
    let repository = body.repository.is_some();
    let both = body.old.as_ref().zip(body.new.as_ref());
    match said {
        Said::Ping => body.test.is_some() && !repository && body.pull_request.is_none(),
        Said::RefsChanged => repository && body.changes.is_some() && body.mirror_server.is_none(),
        Said::Synchronized => repository && body.mirror_server.is_some(),
        Said::RepositoryModified => both.is_some_and(|(_, new)| new.is_repository()),
        Said::ProjectModified => both.is_some_and(|(_, new)| !new.is_repository()),
        Said::RepositoryForked => repository,
        Said::SecretDetected => body.secret_locations.is_some(),
        Said::CommitComment(_) => repository && body.comment.is_some(),
        Said::PullRequest(_) => body.pull_request.is_some(),
        Said::PullRequestComment(_) => body.pull_request.is_some() && body.comment.is_some(),
    }
}

/// The key of a body that names none and came without one.
fn likeliest(body: &Body<'_>) -> &'static str {
    if let Some(pull_request) = &body.pull_request {
        return likeliest_of_pull_request(body, pull_request);
    }
    let told = [
        (body.mirror_server.is_some(), "mirror:repo_synchronized"),
        (body.changes.is_some(), "repo:refs_changed"),
        (fits(Said::RepositoryModified, body), "repo:modified"),
        (fits(Said::ProjectModified, body), "project:modified"),
        (body.secret_locations.is_some(), "repo:secret_detected"),
        (body.comment.is_some() && body.previous_comment.is_some(), "repo:comment:edited"),
        (body.comment.is_some(), "repo:comment:added"),
        (body.repository.as_ref().is_some_and(noun::Repository::is_fork), "repo:forked"),
        (fits(Said::Ping, body), PING),
    ];
    told.iter().find(|(is, _)| *is).map_or("", |(_, key)| *key)
}

fn likeliest_of_pull_request(body: &Body<'_>, pr: &pull_request::PullRequest<'_>) -> &'static str {
    match (&body.comment, &body.participant) {
        (Some(_), _) if body.previous_comment.is_some() => "pr:comment:edited",
        (Some(_), _) => "pr:comment:added",
        (None, Some(participant)) => participant.likeliest(),
        (None, None) if body.added_reviewers.is_some() => "pr:reviewer:updated",
        (None, None) if body.previous_from.is_some() => "pr:from_ref_updated",
        (None, None) if body.previous_title.is_some() => "pr:modified",
        (None, None) => pr.likeliest(),
    }
}

/// Two keys that mean one thing: the documentation has both.
fn same(one: &str, other: &str) -> bool {
    one == other
        || said(one).is_some_and(|meaning| alias(one, other) && said(other) == Some(meaning))
}

fn alias(one: &str, other: &str) -> bool {
    let pairs = [
        ("project:modified", "proj:modified"),
        ("pr:reviewer:needs_work", "pr:reviewer:changes_requested"),
    ];
    pairs.iter().any(|pair| *pair == (one, other) || *pair == (other, one))
}

/// Reads a Data Center body.
pub fn read(connection: &ConnectionId, key: &str, text: &str) -> Result<Reading, Unreadable> {
    if let Some(why) = plugin(text)? {
        return Ok(Reading::unknown(key, why));
    }
    let body: Body<'_> = json::typed(text)?;
    let own = body.event_key.as_deref().unwrap_or_default();
    if !key.is_empty() && !own.is_empty() && !same(key, own) {
        return Err(contradiction(key, &format!("it says of itself `{}`", json::quoted(own))));
    }
    let key =
        [own, key].into_iter().find(|key| !key.is_empty()).unwrap_or_else(|| likeliest(&body));
    let reader = Reader { connection, body: &body };
    let meant = said(key);
    let (events, unknown) = match meant {
        Some(said) if fits(said, &body) => (reader.events(said), None),
        Some(_) => return Err(contradiction(key, "it does not hold what this key speaks of")),
        None => (vec![reader.unknown()], Some(why_unknown(key))),
    };
    Ok(Reading {
        events,
        key: json::quoted(key),
        unknown,
        home: reader.home(meant),
        ignored_fields: 0,
    })
}

fn why_unknown(key: &str) -> Why {
    if key.is_empty() {
        Why::fixed("no event key was sent, and the body tells nothing we know")
    } else {
        Why::said(format!("`{}` is an event key we have no word for", json::quoted(key)))
    }
}

/// Just enough to know the plugin's bodies, whose fields are of other kinds under the same names.
#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow)]
    repository: Option<RepositoryOutline<'a>>,
    push: Option<IgnoredAny>,
    pullrequest: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct RepositoryOutline<'a> {
    id: Option<IgnoredAny>,
    #[serde(rename = "fullName", borrow)]
    full_name: Option<&'a serde_json::value::RawValue>,
}

fn plugin(text: &str) -> Result<Option<Why>, Unreadable> {
    let outline: Outline<'_> = json::typed(text)?;
    let nameless = outline.repository.is_some_and(|r| r.id.is_none() && r.full_name.is_some());
    let theirs = nameless || outline.push.is_some() || outline.pullrequest.is_some();
    Ok(theirs.then(|| {
        Why::fixed("the body has the form of the Post Webhooks plugin, which names no ids: use Bitbucket's own webhooks")
    }))
}

/// A body on its way into our words.
struct Reader<'b, 'a> {
    connection: &'b ConnectionId,
    body: &'b Body<'a>,
}

impl<'a> Reader<'_, 'a> {
    /// The repository a body is about: a pull request's target, the changed repository as it is. A fork's body has the
    /// fork in this place.
    fn repository(&self) -> Option<&noun::Repository<'a>> {
        let body = self.body;
        let target = body.pull_request.as_ref().and_then(pull_request::PullRequest::repository);
        let changed = body.new.as_ref().filter(|new| new.is_repository());
        let secret =
            body.secret_locations.iter().flatten().find_map(repository::SecretLocation::repository);
        target.or(changed).or(body.repository.as_ref()).or(secret)
    }

    /// A fork may lie in a project of its own; the hook speaks for what was forked.
    fn home(&self, said: Option<Said>) -> Home {
        let repository = match said {
            Some(Said::RepositoryForked) => self.repository().and_then(noun::Repository::origin),
            Some(_) | None => self.repository(),
        };
        let id = repository.map(|r| r.id(self.connection));
        let project = repository.and_then(|r| r.project_id(self.connection));
        let changed = self.body.new.as_ref().filter(|new| !new.is_repository());
        let changed =
            changed.and_then(|new| new.project_thing(self.connection).id.value().cloned());
        Home {
            workspace_uuid: None,
            workspace_slug: None,
            project: project.or(changed),
            repository: id.and_then(|id| id.value().cloned()),
        }
    }

    fn at(&self) -> Option<Time> {
        self.body.date.as_ref().and_then(noun::Moment::time)
    }

    fn facts(&self) -> Facts {
        let actor = noun::actor(self.connection, self.body.actor.as_ref());
        let repository = self
            .repository()
            .map_or_else(Known::default, |r| Known::Value(r.told(self.connection)));
        told::facts(actor, repository)
    }

    fn unknown(&self) -> Event {
        told::event(EventKind::Unknown, self.at(), self.facts())
    }

    fn events(&self, said: Said) -> Vec<Event> {
        match said {
            Said::Ping => Vec::new(),
            Said::RefsChanged => push::events(self),
            Said::Synchronized => push::synchronized(self),
            Said::RepositoryModified => {
                vec![repository::modified(self, EventKind::RepositoryUpdated)]
            }
            Said::ProjectModified => vec![repository::modified(self, EventKind::ProjectUpdated)],
            Said::RepositoryForked => vec![repository::forked(self)],
            Said::SecretDetected => {
                vec![told::event(EventKind::SecretDetected, self.at(), self.facts())]
            }
            Said::CommitComment(act) => vec![self.commented(EventKind::CommitCommented, act)],
            Said::PullRequest(kind) => vec![pull_request::event(self, kind)],
            Said::PullRequestComment(act) => {
                vec![self.commented(EventKind::PullRequestCommented, act)]
            }
        }
    }

    fn commented(&self, kind: EventKind, act: CommentAct) -> Event {
        let mut event = pull_request::event(self, kind);
        let by = match self.body.comment.as_ref().and_then(noun::Comment::author) {
            Some(author) => author.id(self.connection),
            None => Known::unknown("the body does not name the comment's author"),
        };
        event.facts.comment = Known::Value(Comment { what: Known::Value(act), by });
        event
    }
}
