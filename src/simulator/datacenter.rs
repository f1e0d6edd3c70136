//! What a Data Center instance holds, and its builder. Facts only: who reaches what is the oracle's business.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::simulator::datacenter_audit::DcAuditLog;
use crate::simulator::datacenter_oauth::Provider;
use crate::simulator::delivery::Outcome;
use crate::simulator::git::Git;
use crate::simulator::pulls::PullRequest;

/// Effective level on a repository, low to high.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DcLevel {
    /// Cannot see it.
    None,
    /// Clone, comment, post build statuses.
    Read,
    /// Push, merge.
    Write,
    /// Settings.
    Admin,
}

/// Explicit repository grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RepoPermission {
    /// `REPO_READ`.
    Read,
    /// `REPO_WRITE`.
    Write,
    /// `REPO_ADMIN`.
    Admin,
}

impl RepoPermission {
    /// As the API writes it.
    pub fn word(self) -> &'static str {
        match self {
            RepoPermission::Read => "REPO_READ",
            RepoPermission::Write => "REPO_WRITE",
            RepoPermission::Admin => "REPO_ADMIN",
        }
    }
}

/// Explicit project grant or default permission, low to high.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProjectPermission {
    /// `PROJECT_READ`.
    Read,
    /// `PROJECT_WRITE`.
    Write,
    /// `REPO_CREATE`: write, and makes repositories.
    RepoCreate,
    /// `PROJECT_ADMIN`.
    Admin,
}

impl ProjectPermission {
    /// As the API writes it.
    pub fn word(self) -> &'static str {
        match self {
            ProjectPermission::Read => "PROJECT_READ",
            ProjectPermission::Write => "PROJECT_WRITE",
            ProjectPermission::RepoCreate => "REPO_CREATE",
            ProjectPermission::Admin => "PROJECT_ADMIN",
        }
    }
}

/// Global permission, low to high.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GlobalLevel {
    /// `LICENSED_USER`: without it no other grant works.
    LicensedUser,
    /// `PROJECT_CREATE`.
    ProjectCreate,
    /// `ADMIN`.
    Admin,
    /// `SYS_ADMIN`.
    SysAdmin,
}

impl GlobalLevel {
    /// As the API writes it.
    pub fn word(self) -> &'static str {
        match self {
            GlobalLevel::LicensedUser => "LICENSED_USER",
            GlobalLevel::ProjectCreate => "PROJECT_CREATE",
            GlobalLevel::Admin => "ADMIN",
            GlobalLevel::SysAdmin => "SYS_ADMIN",
        }
    }
}

/// Which release it behaves like: webhook dates differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// 7.21, the last of the Server editions: as 9.4 in all that is here.
    Seven,
    /// 9.4: dates in webhook bodies are milliseconds.
    Nine,
    /// 10.4: dates in webhook bodies are ISO 8601 text.
    Ten,
}

impl Release {
    /// The version text.
    pub fn version(self) -> &'static str {
        match self {
            Release::Seven => "7.21.23",
            Release::Nine => "9.4.12",
            Release::Ten => "10.4.1",
        }
    }
}

/// Who a grant is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DcHolder {
    /// By login name.
    User(String),
    /// By name; compares without case.
    Group(String),
}

/// One explicit grant.
#[derive(Debug, Clone)]
pub struct DcGrant<L> {
    /// Who holds it.
    pub to: DcHolder,
    /// How much.
    pub level: L,
}

/// A user.
#[derive(Debug, Clone)]
pub struct DcUser {
    /// Immutable number.
    pub id: u64,
    /// Login name.
    pub name: String,
    /// Name in URLs; differs from the login name when that has odd characters.
    pub slug: String,
    /// Shown name.
    pub display_name: String,
    /// E-mail address.
    pub email: String,
    /// Inactive users reach nothing.
    pub active: bool,
    /// Hidden users of access keys and tokens.
    pub service: bool,
    /// When they were last signed in.
    pub last_login: Option<Timestamp>,
}

/// A group; may hold groups.
#[derive(Debug, Clone)]
pub struct DcGroup {
    /// Name.
    pub name: String,
    /// Direct members, by login name.
    pub members: Vec<String>,
    /// Groups whose members are members.
    pub groups: Vec<String>,
}

/// A project.
#[derive(Debug, Clone)]
pub struct DcProject {
    /// Immutable number.
    pub id: u64,
    /// Key; `~NAME` for personal ones.
    pub key: String,
    /// Shown name.
    pub name: String,
    /// Readable by everybody logged in.
    pub public: bool,
    /// Owner of a personal project, by login name.
    pub owner: Option<String>,
    /// What every licensed user has.
    pub default_permission: Option<ProjectPermission>,
    /// Explicit grants.
    pub grants: Vec<DcGrant<ProjectPermission>>,
    /// Branch restrictions of all its repositories.
    pub restrictions: Vec<DcRestriction>,
    /// Webhooks of all its repositories.
    pub hooks: Vec<DcHook>,
    /// Access keys of all its repositories.
    pub access_keys: Vec<AccessKey>,
}

/// A repository.
#[derive(Debug)]
pub struct DcRepository {
    /// Immutable number.
    pub id: u64,
    /// Name in URLs.
    pub slug: String,
    /// Shown name.
    pub name: String,
    /// Key of its project.
    pub project: String,
    /// Readable by everybody logged in.
    pub public: bool,
    /// Archived: reads only.
    pub archived: bool,
    /// Whether it may be forked.
    pub forkable: bool,
    /// Shared by forks.
    pub hierarchy: String,
    /// Id of what it was forked from.
    pub origin: Option<u64>,
    /// Short name of the default branch.
    pub default_branch: String,
    /// Explicit grants.
    pub grants: Vec<DcGrant<RepoPermission>>,
    /// Branch restrictions.
    pub restrictions: Vec<DcRestriction>,
    /// Webhooks.
    pub hooks: Vec<DcHook>,
    /// Access keys.
    pub access_keys: Vec<AccessKey>,
    /// Commits and refs.
    pub git: Git,
    /// Pull requests into it.
    pub pull_requests: Vec<PullRequest<String>>,
    /// Build statuses by commit and key, as posted.
    pub builds: BTreeMap<(String, String), serde_json::Value>,
    /// What a merge needs.
    pub checks: DcChecks,
}

/// What a merge into a repository needs.
#[derive(Debug, Clone, Default)]
pub struct DcChecks {
    /// Approvals, by the merge check; none where it is off.
    pub approvals: Option<u64>,
    /// Passing builds, by the merge check; none where it is off.
    pub builds: Option<u64>,
    /// Default reviewers of whom so many must approve.
    pub reviewers: Vec<DcCondition>,
    /// Builds that must pass, by name.
    pub required_builds: Vec<DcCondition>,
}

/// A condition for merges into some refs.
#[derive(Debug, Clone)]
pub struct DcCondition {
    /// Number.
    pub id: u64,
    /// `BRANCH`, `PATTERN`, `MODEL_BRANCH`, `MODEL_CATEGORY` or `ANY_REF`.
    pub matcher_type: String,
    /// `refs/heads/main`, a pattern, `production`, …
    pub matcher_id: String,
    /// How many must approve; of builds, nothing.
    pub count: u64,
    /// Parent keys of builds; of reviewers, login names.
    pub names: Vec<String>,
}

/// A branch restriction.
#[derive(Debug, Clone)]
pub struct DcRestriction {
    /// Changes when re-created.
    pub id: u64,
    /// `read-only`, `no-deletes`, `fast-forward-only`, `pull-request-only`, `no-creates`.
    pub kind: String,
    /// `BRANCH`, `PATTERN`, `MODEL_BRANCH`, `MODEL_CATEGORY` or `ANY_REF`.
    pub matcher_type: String,
    /// `refs/heads/main`, a pattern, `production`, …
    pub matcher_id: String,
    /// Let through, by login name.
    pub users: Vec<String>,
    /// Let through, by group name.
    pub groups: Vec<String>,
    /// Access keys let through.
    pub access_keys: Vec<u64>,
}

/// An access key.
#[derive(Debug, Clone)]
pub struct AccessKey {
    /// Number; one key may be bound in many places.
    pub id: u64,
    /// Label.
    pub label: String,
    /// The public key.
    pub text: String,
    /// `READ` or `WRITE`, told with the scope's prefix.
    pub write: bool,
    /// When it was added.
    pub added: Timestamp,
    /// When it was last used; none for never.
    pub last_used: Option<Timestamp>,
    /// Days from adding to its end; none for no end.
    pub expiry_days: Option<i64>,
}

/// In whose hands an HTTP access token or SSH key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenHome {
    /// A user's, by login name.
    User(String),
    /// A project's, by key.
    Project(String),
    /// A repository's, `KEY/slug`.
    Repository(String),
}

/// An HTTP access token, as lists tell it: what it opens is another matter.
#[derive(Debug, Clone)]
pub struct HttpToken {
    /// A text of digits.
    pub id: String,
    /// Shown name.
    pub name: String,
    /// Whose it is.
    pub home: TokenHome,
    /// `REPO_READ`, `PROJECT_ADMIN`, …
    pub permissions: Vec<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last used; none for never.
    pub last_used: Option<Timestamp>,
    /// When it ends; none for never.
    pub expires: Option<Timestamp>,
}

/// A webhook.
#[derive(Debug, Clone)]
pub struct DcHook {
    /// Number.
    pub id: u64,
    /// Shown name.
    pub name: String,
    /// Where deliveries go.
    pub url: String,
    /// Signing secret; readable by admins.
    pub secret: Option<String>,
    /// Event keys.
    pub events: Vec<String>,
    /// Whether it fires.
    pub active: bool,
    /// Whether the certificate must be good.
    pub verify_tls: bool,
    /// The last delivery that was tried: when it ended, and whether it was taken.
    pub last: Option<(Timestamp, Outcome)>,
}

/// What Data Center accepts as proof of who is calling.
#[derive(Debug, Clone)]
pub struct DcCredential {
    /// Token or password.
    pub secret: String,
    /// Login name.
    pub user: String,
    /// Highest level an HTTP token reaches; none for a password, which reaches all its user does.
    pub token: Option<(ProjectPermission, RepoPermission)>,
    /// Client id and scopes, where an incoming link got it.
    pub link: Option<(String, Vec<String>)>,
    /// Its end.
    pub expires: Option<Timestamp>,
}

/// A Data Center instance.
#[derive(Debug)]
pub struct DataCenter {
    /// Which release.
    pub release: Release,
    /// `feature.public.access`: whether anonymous callers read what is public.
    pub public_access: bool,
    /// Users.
    pub users: Vec<DcUser>,
    /// Groups.
    pub groups: Vec<DcGroup>,
    /// Global permissions.
    pub global: Vec<DcGrant<GlobalLevel>>,
    /// Projects, personal ones too.
    pub projects: Vec<DcProject>,
    /// Repositories.
    pub repositories: Vec<DcRepository>,
    /// Tokens and passwords.
    pub credentials: Vec<DcCredential>,
    /// HTTP access tokens, as their lists tell them.
    pub tokens: Vec<HttpToken>,
    /// Incoming links, and the consents of people.
    pub oauth: Provider,
    /// SSH keys of users, by login name.
    pub ssh_keys: Vec<(String, AccessKey)>,
    /// The audit log.
    pub audit: DcAuditLog,
    numbers: u64,
}

impl Default for DataCenter {
    fn default() -> DataCenter {
        DataCenter::new()
    }
}

impl DataCenter {
    /// An empty instance.
    pub fn new() -> DataCenter {
        DataCenter {
            release: Release::Nine,
            public_access: false,
            users: Vec::new(),
            groups: Vec::new(),
            global: Vec::new(),
            projects: Vec::new(),
            repositories: Vec::new(),
            credentials: Vec::new(),
            tokens: Vec::new(),
            oauth: Provider::default(),
            ssh_keys: Vec::new(),
            audit: DcAuditLog::default(),
            numbers: 0,
        }
    }

    /// The next number, for ids.
    pub fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// The user of this login name.
    pub fn user(&self, name: &str) -> Option<&DcUser> {
        self.users.iter().find(|user| user.name == name)
    }

    /// The project of this key; case counts.
    pub fn project(&self, key: &str) -> Option<&DcProject> {
        self.projects.iter().find(|project| project.key == key)
    }

    /// The project named in a URL: its key in any case, or `~slug` of a personal one.
    pub fn project_in_url(&self, name: &str) -> Option<&DcProject> {
        self.projects.iter().find(|project| project.key.eq_ignore_ascii_case(name))
    }

    /// The repository `KEY/slug`.
    pub fn repository(&self, name: &str) -> Option<&DcRepository> {
        let (key, slug) = name.split_once('/')?;
        let key = &self.project_in_url(key)?.key;
        self.repositories
            .iter()
            .find(|repository| repository.project == *key && repository.slug == slug)
    }

    /// As [`DataCenter::repository`], to change it.
    pub fn repository_mut(&mut self, name: &str) -> Option<&mut DcRepository> {
        let id = self.repository(name)?.id;
        self.repositories.iter_mut().find(|repository| repository.id == id)
    }
}
