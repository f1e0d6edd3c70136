//! What happened, in our words: a closed list of kinds, and the facts an event speaks of.
//!
//! A delivery is sealed here (its signature is the delivery's own invariant), and a caller's token is judged here. What
//! a product calls things is not known in this room: `bitbucket` reads its bodies into [`Event`].

pub mod caller;
pub mod delivery;
mod facts;
mod thing;

pub use facts::Acted;
pub use facts::Actor;
pub use facts::ActorKind;
pub use facts::Approval;
pub use facts::Build;
pub use facts::BuildState;
pub use facts::Change;
pub use facts::ChangeKind;
pub use facts::Comment;
pub use facts::CommentAct;
pub use facts::Environment;
pub use facts::Facts;
pub use facts::ForkPolicy;
pub use facts::Gate;
pub use facts::Pipeline;
pub use facts::PipelineSource;
pub use facts::PullRequest;
pub use facts::RefKind;
pub use facts::Reference;
pub use facts::Repository;
pub use facts::Resource;
pub use facts::Scope;
pub use facts::Source;
pub use facts::Target;
pub use facts::Thing;
pub use facts::Tier;
pub use facts::Trigger;
pub use facts::Variable;
pub use facts::Visibility;

pub use crate::graph::Level;
use crate::graph::Time;
use crate::words;

words! {
    /// Everything that can happen, in our words. The order is the contract's.
    pub enum EventKind {
        /// An existing branch moved; a force push is `change.forced`.
        Push = "push",
        /// A branch was created.
        BranchCreated = "branch.created",
        /// A branch was deleted.
        BranchDeleted = "branch.deleted",
        /// A tag was created.
        TagCreated = "tag.created",
        /// An existing tag points elsewhere.
        TagMoved = "tag.moved",
        /// A tag was deleted.
        TagDeleted = "tag.deleted",
        /// A pull request was opened.
        PullRequestOpened = "pull_request.opened",
        /// Its text, target or source changed.
        PullRequestUpdated = "pull_request.updated",
        /// Somebody approved it.
        PullRequestApproved = "pull_request.approved",
        /// Somebody took an approval back.
        PullRequestUnapproved = "pull_request.unapproved",
        /// Somebody asked for changes.
        PullRequestChangesRequested = "pull_request.changes_requested",
        /// Somebody took such a request back.
        PullRequestChangesWithdrawn = "pull_request.changes_withdrawn",
        /// Its reviewers changed.
        PullRequestReviewersChanged = "pull_request.reviewers_changed",
        /// A comment on it was added, edited, deleted, resolved or reopened.
        PullRequestCommented = "pull_request.commented",
        /// It was merged.
        PullRequestMerged = "pull_request.merged",
        /// It was declined.
        PullRequestDeclined = "pull_request.declined",
        /// It was deleted.
        PullRequestDeleted = "pull_request.deleted",
        /// A comment on a commit.
        CommitCommented = "commit.commented",
        /// A build status was posted or changed.
        CommitStatusChanged = "commit_status.changed",
        /// A repository appeared.
        RepositoryCreated = "repository.created",
        /// Its name, visibility or other settings changed.
        RepositoryUpdated = "repository.updated",
        /// It was forked.
        RepositoryForked = "repository.forked",
        /// It moved to another owner.
        RepositoryTransferred = "repository.transferred",
        /// It was deleted.
        RepositoryDeleted = "repository.deleted",
        /// A project's settings changed.
        ProjectUpdated = "project.updated",
        /// The platform found a secret in a push.
        SecretDetected = "secret.detected",
        /// A mirror caught up.
        MirrorSynchronized = "mirror.synchronized",
        /// A pipeline step asks before it acts.
        PipelineStep = "pipeline.step",
        /// A pipeline is about to start (Forge provider).
        PipelineRequested = "pipeline.requested",
        /// A merge is about to happen (Forge merge check).
        MergeRequested = "merge.requested",
        /// A pipeline's spans, told afterwards.
        PipelineObserved = "pipeline.observed",
        /// A grant changed; found by discovery.
        PermissionChanged = "permission.changed",
        /// A branch restriction changed; found by discovery.
        RestrictionChanged = "restriction.changed",
        /// A key or token changed; found by discovery.
        CredentialChanged = "credential.changed",
        /// A webhook changed; found by discovery.
        HookChanged = "hook.changed",
        /// A runner changed; found by discovery.
        RunnerChanged = "runner.changed",
        /// A variable changed; found by discovery.
        VariableChanged = "variable.changed",
        /// What we have no word for. Kept and counted.
        Unknown = "unknown",
    }
}

/// One thing that happened. It keeps no commit message, description or comment text.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// When, by the product's own clock, if it says.
    pub at: Option<Time>,
    /// What the body told; everything else is unknown until it is gathered.
    pub facts: Facts,
    /// Commits that the body names by their first digits only; whoever gathers resolves them.
    pub short_commits: ShortCommits,
}

/// Commits of a pull request as Bitbucket Cloud's webhooks name them: the first twelve digits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShortCommits {
    /// Tip of the source branch; stands for `pull_request.source.commit`.
    pub source: Option<String>,
    /// Tip of the target branch; stands for `pull_request.target.commit`.
    pub target: Option<String>,
    /// The merge, once there is one.
    pub merge: Option<String>,
}

impl Event {
    /// An event of this kind of which nothing is known yet.
    pub fn new(kind: EventKind) -> Self {
        Self { kind, at: None, facts: Facts::default(), short_commits: ShortCommits::default() }
    }

    /// What the event is about: see [`Facts::subject`].
    pub fn subject(&self) -> String {
        self.facts.subject()
    }
}

impl Facts {
    /// What is spoken of: the pull request, else the ref, else the step, else the repository.
    pub fn subject(&self) -> String {
        let facts = self;
        let repository = facts.resource.value().and_then(|r| r.repository.value());
        let home = repository.and_then(|r| r.id.value()).map_or("-", |id| id.as_str());
        if let Some(id) = facts.pull_request.value().and_then(|pr| pr.id.value()) {
            return format!("{home}#{id}");
        }
        if let Some(name) =
            facts.resource.value().and_then(|r| r.reference.value()).and_then(|r| r.name.value())
        {
            return format!("{home}:{name}");
        }
        match facts.pipeline.value().and_then(|p| p.step.value()) {
            Some(step) => format!("{home}/{step}"),
            None => home.to_owned(),
        }
    }
}
