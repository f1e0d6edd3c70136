//! The nouns an event speaks of. Each field is three-valued; its name here is its name in the input document.
//!
//! Changing the meaning of a field raises the input's version; adding one does not.

use crate::graph::Id;
use crate::graph::Level;
use crate::graph::Time;
use crate::record;
use crate::words;

words! {
    /// What an identity is.
    pub enum ActorKind {
        /// A person.
        User = "user",
        /// A group of people.
        Group = "group",
        /// An OAuth consumer, Forge app or the like.
        App = "app",
        /// An access token with a bot user of its own.
        Token = "token",
        /// A deploy or access key.
        Key = "key",
        /// A pipelines runner.
        Runner = "runner",
        /// An agent that acts for a person.
        Agent = "agent",
        /// The platform itself.
        System = "system",
    }
}

words! {
    /// Who can see a repository or project.
    pub enum Visibility {
        /// Only those with a grant.
        Private = "private",
        /// Everyone.
        Public = "public",
    }
}

words! {
    /// Who may fork a repository.
    pub enum ForkPolicy {
        /// Anyone who can read it, to anywhere.
        Any = "any",
        /// Only into private repositories.
        PrivateOnly = "private_only",
        /// Nobody.
        None = "none",
    }
}

words! {
    /// What a ref is.
    pub enum RefKind {
        /// `refs/heads/…`
        Branch = "branch",
        /// `refs/tags/…`
        Tag = "tag",
    }
}

words! {
    /// What an environment is for.
    pub enum Tier {
        /// Tests.
        Test = "test",
        /// Rehearsal.
        Staging = "staging",
        /// Production.
        Production = "production",
        /// A word the platform uses that we do not know.
        Other = "other",
    }
}

words! {
    /// Where a thing is set.
    pub enum Scope {
        /// For every repository of the workspace.
        Workspace = "workspace",
        /// For every repository of a project.
        Project = "project",
        /// For one repository.
        Repository = "repository",
        /// For one environment of a repository.
        Environment = "environment",
    }
}

words! {
    /// What happened to a ref.
    pub enum ChangeKind {
        /// It is new.
        Created = "created",
        /// It moved.
        Updated = "updated",
        /// It is gone.
        Deleted = "deleted",
    }
}

words! {
    /// What happened to a comment.
    pub enum CommentAct {
        /// It is new.
        Added = "added",
        /// Its text changed.
        Edited = "edited",
        /// It is gone.
        Deleted = "deleted",
        /// Its thread was resolved.
        Resolved = "resolved",
        /// Its thread was reopened.
        Reopened = "reopened",
    }
}

words! {
    /// What a build says of itself.
    pub enum BuildState {
        /// It passed.
        Successful = "successful",
        /// It failed.
        Failed = "failed",
        /// It runs.
        InProgress = "in_progress",
        /// It was stopped or cancelled.
        Stopped = "stopped",
        /// A word we do not know.
        Other = "other",
    }
}

words! {
    /// What started a pipeline.
    pub enum Trigger {
        /// A push.
        Push = "push",
        /// A person.
        Manual = "manual",
        /// A timer.
        Schedule = "schedule",
        /// Another step.
        ParentStep = "parent_step",
        /// A word we do not know.
        Other = "other",
    }
}

words! {
    /// Where a pipeline's definition came from.
    pub enum PipelineSource {
        /// The file in the repository at the commit that runs.
        Repository = "repository",
        /// A document posted by whoever started it: no commit, no review.
        OnDemand = "on_demand",
        /// A dynamic-pipelines provider.
        Provider = "provider",
        /// A source we do not know.
        Other = "other",
    }
}

record! {
    /// Whose rights are used.
    pub struct Actor {
        /// Id of the identity.
        id: Id,
        /// What kind of identity it is.
        kind: ActorKind,
        /// Its display name, for reasons only: people change it at will.
        name: String,
        /// Effective level on the repository.
        level: Level,
        /// How that level is reached, one line a path.
        via: Vec<String>,
        /// Names of the groups it is in, as Bitbucket keeps them.
        groups: Vec<String>,
        /// The person it acts for; null for one who acts for himself.
        acts_for: Acted,
        /// Drift-aware risk, 0 to 100; null while none is computed.
        risk: u64,
    }
}

record! {
    /// The person an agent, app or token acts for.
    pub struct Acted {
        /// Id of the person.
        id: Id,
        /// That person's effective level on the repository.
        level: Level,
    }
}

record! {
    /// What is acted on.
    pub struct Resource {
        /// The repository.
        repository: Repository,
        /// The branch or tag.
        reference as "ref": Reference,
        /// The deployment environment; null where the step deploys to none.
        environment: Environment,
        /// The variables the step can read, from the graph.
        variables: Vec<Variable>,
    }
}

record! {
    /// A repository.
    pub struct Repository {
        /// Id of the repository.
        id: Id,
        /// Its name as people write it: `project-or-workspace/slug`.
        name: String,
        /// Key of its project.
        project: String,
        /// Who can see it.
        visibility: Visibility,
        /// Its default branch, as a short name.
        default_branch: String,
        /// Whether it is archived.
        archived: bool,
        /// Its classification; null where it has none.
        class: String,
    }
}

record! {
    /// A branch or tag.
    pub struct Reference {
        /// Full name, `refs/heads/…` or `refs/tags/…`.
        name: String,
        /// Branch or tag.
        kind: RefKind,
        /// Whether a repository rule or the connection's `protected_refs` protect it.
        protected: bool,
        /// Whether a project-level rule protects it; the Cloud API does not tell.
        project_rules: bool,
        /// Ids of those whom its push rule lets through.
        exempt: Vec<Id>,
        /// Whether every change of it must have been reviewed before.
        reviewed: bool,
    }
}

record! {
    /// A deployment environment.
    pub struct Environment {
        /// Id of the environment.
        id: Id,
        /// Its name as Bitbucket keeps it.
        name: String,
        /// What it is for.
        tier: Tier,
    }
}

record! {
    /// A pipeline variable. Its value is never read.
    pub struct Variable {
        /// Its name.
        name: String,
        /// Whether it is masked in logs.
        secured: bool,
        /// Where it is declared.
        scope: Scope,
    }
}

record! {
    /// What happened to the ref.
    pub struct Change {
        /// Created, updated or deleted.
        kind: ChangeKind,
        /// Commit before; null for a created ref.
        from: String,
        /// Commit after; null for a deleted ref.
        to: String,
        /// Whether history was rewritten.
        forced: bool,
        /// Whether the body left commits out.
        truncated: bool,
        /// Number of the merged pull request this change comes from; null for a direct push.
        pull_request: u64,
    }
}

record! {
    /// A pull request.
    pub struct PullRequest {
        /// Its number in the repository.
        id: u64,
        /// Who opened it.
        author: Id,
        /// Where the change comes from.
        source: Source,
        /// Where it goes to.
        target: Target,
        /// Approvals that stand.
        approvals: Vec<Approval>,
        /// Builds of its source commit.
        builds: Vec<Build>,
    }
}

record! {
    /// Where a pull request comes from.
    pub struct Source {
        /// Full name of the branch.
        reference as "ref": String,
        /// Commit, 40 hex digits.
        commit: String,
        /// Id of the repository; null when the fork was deleted.
        repository: Id,
    }
}

record! {
    /// Where a pull request goes to.
    pub struct Target {
        /// Full name of the branch.
        reference as "ref": String,
        /// Commit, 40 hex digits.
        commit: String,
    }
}

record! {
    /// An approval that stands.
    pub struct Approval {
        /// Who approved.
        by: Id,
        /// The commit that was looked at.
        commit: String,
    }
}

record! {
    /// A build status.
    pub struct Build {
        /// Its key.
        key: String,
        /// What it says.
        state: BuildState,
        /// The commit it speaks of.
        commit: String,
    }
}

record! {
    /// A comment. Its text is never kept.
    pub struct Comment {
        /// What happened to it.
        what: CommentAct,
        /// Id of its author.
        by: Id,
    }
}

record! {
    /// A pipeline and the step that asks.
    pub struct Pipeline {
        /// UUID of the pipeline.
        id: String,
        /// UUID of the step.
        step: String,
        /// The commit that runs, 40 hex digits.
        commit: String,
        /// What started it.
        trigger: Trigger,
        /// Who started it; null for a timer.
        creator: Id,
        /// Where its definition came from.
        source: PipelineSource,
        /// Whether the executed script asks the gate.
        gate: Gate,
        /// SHA-256 of the executed commands, hex.
        script_sha256: String,
    }
}

record! {
    /// The gate's place in the executed script.
    pub struct Gate {
        /// Whether the script asks at all.
        present: bool,
        /// Whether it asks before anything else.
        first: bool,
    }
}

record! {
    /// A thing that changed, as it was or as it is. Fields that its kind does not have are null.
    pub struct Thing {
        /// Id of the thing.
        id: Id,
        /// Its name.
        name: String,
        /// What kind of thing: the restriction's type, the credential's kind.
        kind: String,
        /// Key of its project.
        project: String,
        /// Who can see it.
        visibility: Visibility,
        /// Whether it lies outside the connection's own workspace or server.
        outside: bool,
        /// Default branch, as a short name.
        default_branch: String,
        /// Whether it is archived.
        archived: bool,
        /// Who may fork it.
        forks: ForkPolicy,
        /// Host of a hook's address; never the whole address, which may hold secrets.
        host: String,
        /// Whether that host is none of the organisation's own.
        external: bool,
        /// Whether a hook has a secret.
        secret_set: bool,
        /// Whether a hook checks the receiver's certificate.
        tls_verified: bool,
        /// The events a hook is sent.
        events: Vec<String>,
        /// Whether it is switched on.
        active: bool,
        /// Whether a variable is masked in logs.
        secured: bool,
        /// Where it is set.
        scope: Scope,
        /// The level a grant or credential gives.
        level: Level,
        /// Who is granted, or owns the credential.
        identity: Id,
        /// When a credential ends.
        expires_at: Time,
        /// The ref pattern a restriction covers, as Bitbucket keeps it.
        pattern: String,
        /// Ids of those a restriction lets through.
        exempt: Vec<Id>,
        /// The number a restriction asks for.
        value: u64,
        /// Whether a repository setting switched a project's rule off here.
        overridden: bool,
        /// A runner's labels.
        labels: Vec<String>,
    }
}

record! {
    /// Everything an event can speak of, as it stands in the input document.
    pub struct Facts {
        /// Whose rights are used. For a step: the pipeline's creator as read from Bitbucket.
        actor: Actor,
        /// What is acted on.
        resource: Resource,
        /// What happened to the ref; null where nothing did.
        change: Change,
        /// The pull request; null where there is none.
        pull_request: PullRequest,
        /// The pipeline; null where there is none.
        pipeline: Pipeline,
        /// The comment; null where there is none.
        comment: Comment,
        /// The build status that was posted; null where there is none.
        commit_status: Build,
        /// The changed thing as it was; null where there was none.
        before: Thing,
        /// The changed thing as it is; null where there is none.
        after: Thing,
    }
}
