//! What each scope lets us know, and what stays unknown without it: one table a product, held against what Bitbucket
//! really answers by asking it one small question a scope.
//!
//! Sources: "API request scopes" of each endpoint of REST 2.0 (Cloud), "Permissions" of Data Center's REST API.

use serde::Deserialize;
use serde::Serialize;

use crate::bitbucket::client::HookPlace;
use crate::bitbucket::client::Spot;
use crate::bitbucket::switches::Scope as Reached;
use crate::graph::Product;
use crate::words;

words! {
    /// How much a connection is meant to see.
    pub enum Profile {
        /// What is there and what happens, without `repository:admin`: restrictions, grants and keys stay unknown.
        Observe = "observe",
        /// Everything the rules can ask for.
        Full = "full",
    }
}

words! {
    /// A small question that tells whether a scope is there.
    pub enum Probe {
        /// Who is in the workspace.
        Members = "members",
        /// Which projects there are.
        Projects = "projects",
        /// Who is granted what on a project.
        ProjectGrants = "project-grants",
        /// Which repositories there are.
        Repositories = "repositories",
        /// What protects a repository's branches.
        Restrictions = "restrictions",
        /// Which pull requests are open.
        PullRequests = "pull-requests",
        /// What a repository deploys to.
        Environments = "environments",
        /// What pipelines run on.
        Runners = "runners",
        /// Which webhooks there are.
        Hooks = "hooks",
        /// Who may administer the whole server.
        Global = "global",
        /// What was changed by whom.
        Audit = "audit",
    }
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// Cloud: the scope of a consumer or access token; Data Center: the permission.
    pub name: &'static str,
    /// Cloud: the same of an API token, without `:bitbucket`.
    pub granular: &'static [&'static str],
    /// What Bitbucket grants with it.
    pub grants: &'static str,
    /// The facts it feeds.
    pub feeds: &'static [&'static str],
    /// The smallest profile it belongs to.
    pub profile: Profile,
    /// How it is tried.
    pub probe: Probe,
}

const fn of(
    name: &'static str,
    granular: &'static [&'static str],
    grants: &'static str,
    feeds: &'static [&'static str],
    (profile, probe): (Profile, Probe),
) -> Scope {
    Scope { name, granular, grants, feeds, profile, probe }
}

const CLOUD: &[Scope] = &[
    of(
        "account",
        &["read:workspace", "read:user"],
        "who we are, members of the workspace, its owners and groups",
        &["actor.level", "actor.via", "actor.groups", "groups of approvers"],
        (Profile::Observe, Probe::Members),
    ),
    of(
        "project",
        &["read:project"],
        "projects and, with them, their repositories",
        &["resource.repository.project", "project.updated"],
        (Profile::Observe, Probe::Projects),
    ),
    of(
        "project:admin",
        &["admin:project", "read:project"],
        "who is granted what on a project, and its access keys",
        &["actor.level (by projects)", "credential.changed"],
        (Profile::Full, Probe::ProjectGrants),
    ),
    of(
        "repository",
        &["read:repository"],
        "repositories, commits and statuses. It includes source code, which no route of this program reads",
        &["resource.repository", "resource.ref", "change", "commit authors", "commit statuses"],
        (Profile::Observe, Probe::Repositories),
    ),
    of(
        "repository:admin",
        &["admin:repository", "read:repository"],
        "branch restrictions, who is granted what on a repository, access keys",
        &[
            "resource.ref.protected (by Bitbucket's rules)",
            "resource.ref.exempt",
            "actor.level (by repositories)",
            "restriction.changed",
            "permission.changed",
        ],
        (Profile::Full, Probe::Restrictions),
    ),
    of(
        "pullrequest",
        &["read:pullrequest"],
        "pull requests, their approvals and builds",
        &["pull_request", "resource.ref.reviewed"],
        (Profile::Observe, Probe::PullRequests),
    ),
    of(
        "pipeline",
        &["read:pipeline"],
        "pipelines and steps, environments, names of variables (never a value)",
        &["pipeline", "resource.environment", "resource.variables", "a step's proof"],
        (Profile::Observe, Probe::Environments),
    ),
    of(
        "runner",
        &["read:runner"],
        "runners of workspace and repositories",
        &["runner.changed"],
        (Profile::Observe, Probe::Runners),
    ),
    of(
        "webhook",
        &["read:webhook", "write:webhook", "delete:webhook"],
        "webhooks, to read and to write them",
        &["every event", "hook.changed"],
        (Profile::Observe, Probe::Hooks),
    ),
];

const DATACENTER: &[Scope] = &[
    of(
        "PROJECT_READ",
        &[],
        "projects",
        &["resource.repository.project"],
        (Profile::Observe, Probe::Projects),
    ),
    of(
        "REPO_READ",
        &[],
        "repositories, commits, pull requests, build statuses",
        &["resource.repository", "resource.ref", "change", "pull_request", "commit statuses"],
        (Profile::Observe, Probe::Repositories),
    ),
    of(
        "PROJECT_ADMIN",
        &[],
        "who is granted what on projects and repositories, branch restrictions, access keys",
        &[
            "actor.level",
            "resource.ref.protected (by Bitbucket's rules)",
            "resource.ref.exempt",
            "permission.changed",
        ],
        (Profile::Full, Probe::ProjectGrants),
    ),
    of(
        "PROJECT_ADMIN or REPO_ADMIN",
        &[],
        "webhooks, to read and to write them",
        &["every event", "hook.changed"],
        (Profile::Observe, Probe::Hooks),
    ),
    of(
        "ADMIN",
        &[],
        "who may administer the whole server. An HTTP token never has it",
        &["actor.level (by global permissions)", "licences"],
        (Profile::Full, Probe::Global),
    ),
    of(
        "ADMIN (audit)",
        &[],
        "the audit log",
        &["who changed a permission or a setting"],
        (Profile::Full, Probe::Audit),
    ),
];

/// The table of a product, in the order in which it is shown.
pub const fn table(product: Product) -> &'static [Scope] {
    match product {
        Product::Cloud => CLOUD,
        Product::DataCenter => DATACENTER,
    }
}

/// What probes are tried on. Without one, what it would be tried on is not known to be there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Key of a project.
    pub project: Option<String>,
    /// Cloud: a repository's braced UUID; Data Center: `KEY/slug`.
    pub repository: Option<String>,
}

impl Sample {
    /// What of all this lies within a scope: a whole project, and a repository.
    pub(crate) fn within(scope: &Reached, spots: &[Spot]) -> Self {
        let project = spots.iter().find(|spot| scope.has_project(&spot.project));
        let repository = spots.iter().find_map(|spot| match &spot.place {
            HookPlace::Repository(native) if scope.has_repository(&spot.project, &spot.name) => {
                Some(native.clone())
            }
            HookPlace::Workspace | HookPlace::Project(_) | HookPlace::Repository(_) => None,
        });
        Self { project: project.map(|spot| spot.project.clone()), repository }
    }
}

/// Versions of Data Center that this program was tried with, as simulated from Atlassian's documents; a real one was not to
/// be had.
const TRIED: [&str; 2] = ["9.4", "10.4"];

/// The first version that was not sold as Server any more.
const FIRST_DATA_CENTER_ONLY: u32 = 8;

/// The end of Atlassian's support for Server editions.
pub const SERVER_ENDED: &str = "2024-02-15";

/// What a version of Bitbucket's own server means to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edition {
    /// This program was tried with it.
    Tried,
    /// It was not, and may work as well.
    Untried,
    /// A Server edition: nothing is written there.
    Server,
}

impl Edition {
    /// Of a version such as `9.4.12`. One that cannot be read was not tried.
    pub fn of(version: &str) -> Self {
        let mut parts = version.split('.');
        let major = parts.next().and_then(|part| part.parse::<u32>().ok());
        let line = format!(
            "{}.{}",
            version.split('.').next().unwrap_or_default(),
            parts.next().unwrap_or_default()
        );
        if major.is_some_and(|major| major < FIRST_DATA_CENTER_ONLY) {
            Self::Server
        } else if TRIED.contains(&line.as_str()) {
            Self::Tried
        } else {
            Self::Untried
        }
    }

    /// A sentence about it.
    pub fn said(self, version: &str) -> String {
        match self {
            Self::Tried => {
                format!("version {version}: tried with this program, as a simulated server")
            }
            Self::Untried => format!(
                "version {version}: not tried with this program, which was tried with a simulated {}",
                TRIED.join(" and ")
            ),
            Self::Server => format!(
                "version {version} is of the time of Server editions, which Atlassian has not supported since {SERVER_ENDED}: it is read, and nothing is written there"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_tried_untried_or_of_a_server_edition() {
        assert_eq!(Edition::of("9.4.12"), Edition::Tried);
        assert_eq!(Edition::of("10.4.1"), Edition::Tried);
        assert_eq!(Edition::of("8.19.3"), Edition::Untried);
        assert_eq!(Edition::of("7.21.0"), Edition::Server);
        assert_eq!(Edition::of("next"), Edition::Untried);
        assert!(Edition::Server.said("7.21.0").contains("2024-02-15"));
    }
}
