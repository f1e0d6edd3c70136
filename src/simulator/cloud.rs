//! What a Cloud workspace holds, and the builder for it. Facts only: who reaches what is the oracle's business.

use jiff::Timestamp;
use uuid::Uuid;

use crate::simulator::company::Dice;
use crate::simulator::company::fresh_secret;
use crate::simulator::company::names;
use crate::simulator::git::Author;
use crate::simulator::git::Git;
use crate::simulator::git::branch_ref;
use crate::simulator::issuer::Issuer;
use crate::simulator::pipelines::Pipeline;
use crate::simulator::pulls::PullRequest;

/// Level on a repository, low to high.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// No explicit grant; not a denial.
    None,
    /// Clone, comment.
    Read,
    /// Push, merge.
    Write,
    /// Settings.
    Admin,
}

impl Level {
    /// As the API writes it.
    pub fn word(self) -> &'static str {
        match self {
            Level::None => "none",
            Level::Read => "read",
            Level::Write => "write",
            Level::Admin => "admin",
        }
    }
}

/// Level on a project, low to high; `create-repo` includes `write`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProjectLevel {
    /// No explicit grant.
    None,
    /// Reads its repositories.
    Read,
    /// Writes to them.
    Write,
    /// Also makes new ones.
    CreateRepo,
    /// Administers all of it.
    Admin,
}

impl ProjectLevel {
    /// As the API writes it.
    pub fn word(self) -> &'static str {
        match self {
            ProjectLevel::None => "none",
            ProjectLevel::Read => "read",
            ProjectLevel::Write => "write",
            ProjectLevel::CreateRepo => "create-repo",
            ProjectLevel::Admin => "admin",
        }
    }
}

/// Role in the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Not a member: a bot, or somebody outside.
    Outside,
    /// A member.
    Member,
    /// A member who may make projects.
    CreateProject,
    /// "Administrator" in the pages, `owner` in the API.
    Owner,
}

/// Somebody who can act: a human, or the bot of a token or app.
#[derive(Debug, Clone)]
pub struct Person {
    /// Immutable id.
    pub uuid: Uuid,
    /// Atlassian account id; bots have none.
    pub account_id: Option<String>,
    /// Shown name; anyone may change theirs.
    pub display_name: String,
    /// Not unique.
    pub nickname: String,
    /// Where API tokens log in; never in API answers.
    pub email: String,
    /// Role in the workspace.
    pub role: Role,
}

impl Person {
    /// Bots are `app_user` in bodies.
    pub fn is_bot(&self) -> bool {
        self.account_id.is_none()
    }

    /// Author line of their commits.
    pub fn author(&self) -> Author {
        Author { name: self.display_name.clone(), email: self.email.clone() }
    }
}

/// A group of the workspace.
#[derive(Debug, Clone)]
pub struct Group {
    /// Unique in the workspace.
    pub slug: String,
    /// Shown name.
    pub name: String,
    /// Default access, granted to repositories made afterwards; the grant is what counts.
    pub permission: Option<Level>,
    /// Direct members.
    pub members: Vec<Uuid>,
}

/// Who a grant is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// A person.
    User(Uuid),
    /// A group, by slug.
    Group(String),
}

/// One explicit grant.
#[derive(Debug, Clone)]
pub struct Grant<L> {
    /// Who holds it.
    pub to: Holder,
    /// How much.
    pub level: L,
}

/// A project.
#[derive(Debug, Clone)]
pub struct Project {
    /// Immutable id.
    pub uuid: Uuid,
    /// Upper-case key.
    pub key: String,
    /// Shown name.
    pub name: String,
    /// Private projects hold only private repositories.
    pub is_private: bool,
    /// Explicit grants.
    pub grants: Vec<Grant<ProjectLevel>>,
    /// Access keys of all its repositories.
    pub deploy_keys: Vec<DeployKey>,
}

/// A repository.
#[derive(Debug)]
pub struct Repository {
    /// Immutable id.
    pub uuid: Uuid,
    /// Name in URLs; changes with renames.
    pub slug: String,
    /// Shown name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Whether only grants let people in.
    pub is_private: bool,
    /// `allow_forks`, `no_public_forks` or `no_forks`.
    pub fork_policy: String,
    /// Main branch; none while empty.
    pub mainbranch: Option<String>,
    /// Key of its project.
    pub project: String,
    /// `workspace/slug` and id of what it was forked from.
    pub parent: Option<(String, Uuid)>,
    /// Explicit grants.
    pub grants: Vec<Grant<Level>>,
    /// Commits and refs.
    pub git: Git,
    /// Branch restrictions.
    pub restrictions: Vec<Restriction>,
    /// Deployment environments.
    pub environments: Vec<Environment>,
    /// Repository variables.
    pub variables: Vec<Variable>,
    /// Access keys: read-only.
    pub deploy_keys: Vec<DeployKey>,
    /// Runners of this repository.
    pub runners: Vec<Runner>,
    /// Webhooks of this repository.
    pub hooks: Vec<Hook>,
    /// Pull requests into this repository.
    pub pull_requests: Vec<PullRequest<Uuid>>,
    /// Whether pipelines are on.
    pub pipelines_enabled: bool,
    /// `bitbucket-pipelines.yml` on the main branch.
    pub definition: Option<String>,
    /// Pipelines, oldest first.
    pub pipelines: Vec<Pipeline>,
    /// Commit statuses.
    pub statuses: Vec<Status>,
    /// Branch of the branching model's `development`; none means the main branch.
    pub development: Option<String>,
    /// Branch of the branching model's `production`.
    pub production: Option<String>,
    /// Whether it left its project's branch restrictions.
    pub overrides: bool,
    /// When it was changed last; none: when its newest commit was made.
    pub updated_on: Option<Timestamp>,
}

/// A branch restriction.
#[derive(Debug, Clone)]
pub struct Restriction {
    /// Changes when re-created.
    pub id: u64,
    /// `push`, `force`, `delete`, `restrict_merges`, `require_…`
    pub kind: String,
    /// Which branches.
    pub matcher: Matcher,
    /// For numeric kinds.
    pub value: Option<u64>,
    /// Who is let through, for `push` and `restrict_merges`.
    pub users: Vec<Uuid>,
    /// Groups let through, by slug.
    pub groups: Vec<String>,
}

/// Which branches a restriction is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Matcher {
    /// `*` is the only wildcard.
    Glob(String),
    /// A branch type of the branching model, such as `production`.
    Model(String),
}

/// A deployment environment.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Immutable id; a re-created environment has another.
    pub uuid: Uuid,
    /// Shown name.
    pub name: String,
    /// `Test`, `Staging` or `Production`.
    pub tier: String,
    /// Whether only admins may deploy (Premium).
    pub admin_only: bool,
    /// Deployment variables.
    pub variables: Vec<Variable>,
}

/// A pipeline variable.
#[derive(Debug, Clone)]
pub struct Variable {
    /// Immutable id.
    pub uuid: Uuid,
    /// Name.
    pub key: String,
    /// Value; never answered when secured.
    pub value: String,
    /// Whether the value is hidden for good.
    pub secured: bool,
}

/// An access key.
#[derive(Debug, Clone)]
pub struct DeployKey {
    /// Number in URLs.
    pub id: u64,
    /// The public key.
    pub key: String,
    /// Label.
    pub label: String,
    /// Who added it.
    pub owner: Uuid,
    /// When.
    pub added_on: Timestamp,
    /// When it last cloned; none for one that never did.
    pub last_used: Option<Timestamp>,
}

/// A self-hosted runner.
#[derive(Debug, Clone)]
pub struct Runner {
    /// Immutable id.
    pub uuid: Uuid,
    /// Shown name.
    pub name: String,
    /// Labels; a job needs all of its own to be here.
    pub labels: Vec<String>,
    /// `ONLINE`, `OFFLINE`, …
    pub status: String,
}

/// A webhook.
#[derive(Debug, Clone)]
pub struct Hook {
    /// Immutable id.
    pub uuid: Uuid,
    /// Where deliveries go.
    pub url: String,
    /// Shown name.
    pub description: String,
    /// Signing secret; write-only.
    pub secret: Option<String>,
    /// Event keys.
    pub events: Vec<String>,
    /// Whether it fires.
    pub active: bool,
    /// Whether any certificate will do.
    pub skip_cert_verification: bool,
}

/// A commit status.
#[derive(Debug, Clone)]
pub struct Status {
    /// Full hash.
    pub commit: String,
    /// At most 40 characters.
    pub key: String,
    /// `SUCCESSFUL`, `FAILED`, `INPROGRESS` or `STOPPED`.
    pub state: String,
    /// Label.
    pub name: String,
    /// Text.
    pub description: String,
    /// Link.
    pub url: String,
    /// Source branch of the pull request it is for.
    pub refname: Option<String>,
    /// First posted.
    pub created_on: Timestamp,
    /// Last posted.
    pub updated_on: Timestamp,
}

/// A token that Cloud accepts.
#[derive(Debug, Clone)]
pub struct CloudCredential {
    /// The secret text.
    pub token: String,
    /// Whose it is; access tokens belong to a bot of their own.
    pub owner: Uuid,
    /// `Basic email:token` with granular scopes, or `Bearer` with classic ones.
    pub kind: CredentialKind,
    /// What it was ticked for, such as `repository` or `read:repository:bitbucket`.
    pub scopes: Vec<String>,
    /// When it stops working.
    pub expires: Option<Timestamp>,
    /// The repository an access token is limited to; none for the whole workspace or its owner's reach.
    pub only: Option<Uuid>,
}

/// How a credential is shown and what it may never do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// An Atlassian API token: Basic with the e-mail address, granular scopes.
    ApiToken,
    /// An OAuth access token: Bearer, classic scopes.
    OAuth,
    /// A repository, project or workspace access token: Bearer, classic scopes, a bot.
    AccessToken,
}

impl CloudCredential {
    /// A fresh credential of `owner` with these scopes.
    pub fn new(owner: Uuid, kind: CredentialKind, scopes: &[&str]) -> CloudCredential {
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        CloudCredential { token: fresh_secret(), owner, kind, scopes, expires: None, only: None }
    }
}

/// Somebody let a consumer act for them. Codes and refresh tokens are good once; one that is shown again ends it.
#[derive(Debug, Clone)]
pub struct Consent {
    /// Key of the consumer.
    pub consumer: String,
    /// For whom it acts.
    pub person: Uuid,
    /// The code that was not spent yet.
    pub code: Option<String>,
    /// The refresh token that was not spent yet.
    pub refresh: Option<String>,
    /// Those that were.
    pub spent: Vec<String>,
}

/// An OAuth consumer: `client_credentials` acts as its owner.
#[derive(Debug, Clone)]
pub struct Consumer {
    /// Client id.
    pub key: String,
    /// Client secret.
    pub secret: String,
    /// Whom its tokens act as.
    pub owner: Uuid,
    /// Scopes ticked on it.
    pub scopes: Vec<String>,
}

/// How far the app "Pull Request Commit Links" is: without it Cloud cannot say which pull requests hold a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitLinks {
    /// Nobody installed it.
    Off,
    /// It was installed and is still at work.
    Indexing,
    /// It knows every pull request.
    Indexed,
}

/// A Cloud workspace and everything in it.
#[derive(Debug)]
pub struct Workspace {
    /// Immutable id.
    pub uuid: Uuid,
    /// Name in URLs and in the step tokens' issuer.
    pub slug: String,
    /// Shown name.
    pub name: String,
    /// Whether the plan has merge-check enforcement and deployment permissions.
    pub premium: bool,
    /// How far the app "Pull Request Commit Links" is.
    pub commit_links: CommitLinks,
    /// Members and bots.
    pub people: Vec<Person>,
    /// Groups.
    pub groups: Vec<Group>,
    /// Projects.
    pub projects: Vec<Project>,
    /// Repositories.
    pub repositories: Vec<Repository>,
    /// Workspace variables.
    pub variables: Vec<Variable>,
    /// Workspace runners.
    pub runners: Vec<Runner>,
    /// Workspace webhooks: fire for every repository.
    pub hooks: Vec<Hook>,
    pub(crate) issuer: Issuer,
    pub(crate) dice: Dice,
    pub(crate) numbers: u64,
}

impl Workspace {
    pub(crate) fn new(slug: &str, name: &str, mut dice: Dice) -> Workspace {
        Workspace {
            uuid: dice.uuid(),
            slug: slug.to_owned(),
            name: name.to_owned(),
            premium: true,
            commit_links: CommitLinks::Indexed,
            people: Vec::new(),
            groups: Vec::new(),
            projects: Vec::new(),
            repositories: Vec::new(),
            variables: Vec::new(),
            runners: Vec::new(),
            hooks: Vec::new(),
            issuer: Issuer::default(),
            dice,
            numbers: 0,
        }
    }

    /// The next number of the workspace, for ids that are numbers.
    pub(crate) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// The repository of this slug or braced UUID.
    pub fn repository(&self, name: &str) -> Option<&Repository> {
        self.repositories.iter().find(|repository| names(repository.uuid, &repository.slug, name))
    }

    /// As [`Workspace::repository`], to change it.
    pub fn repository_mut(&mut self, name: &str) -> Option<&mut Repository> {
        self.repositories
            .iter_mut()
            .find(|repository| names(repository.uuid, &repository.slug, name))
    }

    /// The person of this id.
    pub fn person(&self, uuid: Uuid) -> Option<&Person> {
        self.people.iter().find(|person| person.uuid == uuid)
    }

    /// The person of this nickname: for tests and demos, where nicknames are chosen to be unique.
    pub fn named(&self, nickname: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.nickname == nickname)
    }

    /// The project of this key or braced UUID.
    pub fn find_project(&self, name: &str) -> Option<&Project> {
        self.projects.iter().find(|project| names(project.uuid, &project.key, name))
    }
}

impl Repository {
    /// Tip of a branch.
    pub fn head(&self, branch: &str) -> Option<&str> {
        self.git.target(&branch_ref(branch)).map(|target| target.commit.as_str())
    }
}
