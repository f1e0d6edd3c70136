//! Everything that is ever asked of Bitbucket: each route with the class of what it tells. What is not in this table is
//! not asked, and a test walks the calls of a whole discovery and of every live question to hold that.
//!
//! Four classes are on: *metadata* (permissions, settings, who approved), *commit identities* (hashes, parents, who
//! wrote), *executed script* (that a step is real; its commands are hashed while they are read) and *write* (commit
//! statuses, and webhooks of our own). *Pipeline definition* is off until a connection's `classes` switch it on: one
//! file of one name, of which facts are kept and no line. Other file contents, diffs, patches, logs, issues and
//! discussions have no route. Not here: where tokens and signing keys are fetched, which tells nothing of the estate.

use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::CallClass::CommitIdentity;
use crate::bitbucket::transport::CallClass::ExecutedScript;
use crate::bitbucket::transport::CallClass::Metadata;
use crate::bitbucket::transport::CallClass::PipelineDefinition;
use crate::graph::Product;

/// One route: the product, the method, its path below the product's address, and its class. `{…}` is one segment, as in
/// Atlassian's documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Whose it is.
    pub product: Product,
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: &'static str,
    /// Below `api.bitbucket.org`, or below a Data Center's address.
    pub path: &'static str,
    /// What it tells.
    pub class: CallClass,
}

const fn cloud(class: CallClass, path: &'static str) -> Route {
    Route { product: Product::Cloud, method: "GET", path, class }
}

const fn server(class: CallClass, path: &'static str) -> Route {
    Route { product: Product::DataCenter, method: "GET", path, class }
}

const fn written(product: Product, method: &'static str, path: &'static str) -> Route {
    Route { product, method, path, class: CallClass::Write }
}

/// Every route there is.
pub const ROUTES: &[Route] = &[
    // Cloud: who we are, and the workspace.
    cloud(Metadata, "2.0/user"),
    cloud(Metadata, "2.0/workspaces/{workspace}"),
    cloud(Metadata, "2.0/workspaces/{workspace}/members"),
    cloud(Metadata, "2.0/workspaces/{workspace}/permissions"),
    cloud(Metadata, "2.0/workspaces/{workspace}/permissions/repositories/{repo_slug}"),
    cloud(Metadata, "2.0/workspaces/{workspace}/projects"),
    cloud(Metadata, "2.0/workspaces/{workspace}/hooks"),
    cloud(Metadata, "2.0/workspaces/{workspace}/pipelines-config/variables"),
    cloud(Metadata, "2.0/workspaces/{workspace}/pipelines-config/runners"),
    cloud(Metadata, "1.0/groups/{workspace}"),
    // Cloud: projects.
    cloud(Metadata, "2.0/workspaces/{workspace}/projects/{project_key}/permissions-config/users"),
    cloud(Metadata, "2.0/workspaces/{workspace}/projects/{project_key}/permissions-config/groups"),
    cloud(Metadata, "2.0/workspaces/{workspace}/projects/{project_key}/deploy-keys"),
    // Cloud: repositories.
    cloud(Metadata, "2.0/repositories/{workspace}"),
    cloud(Metadata, "2.0/repositories/{workspace}/{repo_slug}/permissions-config/users"),
    cloud(Metadata, "2.0/repositories/{workspace}/{repo_slug}/permissions-config/groups"),
    cloud(Metadata, "2.0/repositories/{workspace}/{repo_slug}/branch-restrictions"),
    cloud(Metadata, "2.0/repositories/{workspace}/{repo_slug}/override-settings"),
    cloud(Metadata, "2.0/repositories/{workspace}/{repo_slug}/effective-branching-model"),
    cloud(Metadata, "2.0/repositories/{workspace}/{repo_slug}/pipelines_config/variables"),
    cloud(Metadata, "2.0/repositories/{workspace}/{repo_slug}/pipelines-config/runners"),
    cloud(Metadata, "2.0/repositories/{workspace}/{repo_slug}/deploy-keys"),
    cloud(Metadata, "2.0/repositories/{workspace}/{repo_slug}/hooks"),
    cloud(Metadata, "2.0/repositories/{workspace}/{repo_slug}/pipelines_config"),
    cloud(Metadata, "2.0/repositories/{workspace}/{repo_slug}/environments"),
    cloud(Metadata, "2.0/repositories/{workspace}/{repo_slug}/environments/{environment_uuid}"),
    cloud(
        Metadata,
        "2.0/repositories/{workspace}/{repo_slug}/deployments_config/environments/{environment_uuid}/variables",
    ),
    // Cloud: where it is switched on.
    cloud(
        PipelineDefinition,
        "2.0/repositories/{workspace}/{repo_slug}/src/{commit}/bitbucket-pipelines.yml",
    ),
    // Cloud: what a decision asks.
    cloud(Metadata, "2.0/repositories/{workspace}/{repo_slug}/pullrequests/{pull_request_id}"),
    cloud(
        Metadata,
        "2.0/repositories/{workspace}/{repo_slug}/pullrequests/{pull_request_id}/activity",
    ),
    cloud(Metadata, "2.0/repositories/{workspace}/{repo_slug}/commit/{commit}/statuses"),
    cloud(
        Metadata,
        "2.0/repositories/{workspace}/{repo_slug}/commit/{commit}/statuses/build/{key}",
    ),
    cloud(CommitIdentity, "2.0/repositories/{workspace}/{repo_slug}/commit/{commit}"),
    cloud(CommitIdentity, "2.0/repositories/{workspace}/{repo_slug}/commit/{commit}/pullrequests"),
    cloud(CommitIdentity, "2.0/repositories/{workspace}/{repo_slug}/commits/{revision}"),
    cloud(CommitIdentity, "2.0/repositories/{workspace}/{repo_slug}/refs/branches/{name}"),
    cloud(CommitIdentity, "2.0/repositories/{workspace}/{repo_slug}/refs/tags/{name}"),
    cloud(ExecutedScript, "2.0/repositories/{workspace}/{repo_slug}/pipelines/{pipeline_uuid}"),
    cloud(
        ExecutedScript,
        "2.0/repositories/{workspace}/{repo_slug}/pipelines/{pipeline_uuid}/steps/{step_uuid}",
    ),
    written(
        Product::Cloud,
        "POST",
        "2.0/repositories/{workspace}/{repo_slug}/commit/{commit}/statuses/build",
    ),
    // Cloud: webhooks of our own.
    cloud(Metadata, "2.0/hook_events/{subject_type}"),
    cloud(Metadata, "2.0/repositories/{workspace}/{repo_slug}/pullrequests"),
    written(Product::Cloud, "POST", "2.0/workspaces/{workspace}/hooks"),
    written(Product::Cloud, "PUT", "2.0/workspaces/{workspace}/hooks/{uid}"),
    written(Product::Cloud, "DELETE", "2.0/workspaces/{workspace}/hooks/{uid}"),
    written(Product::Cloud, "POST", "2.0/repositories/{workspace}/{repo_slug}/hooks"),
    written(Product::Cloud, "PUT", "2.0/repositories/{workspace}/{repo_slug}/hooks/{uid}"),
    written(Product::Cloud, "DELETE", "2.0/repositories/{workspace}/{repo_slug}/hooks/{uid}"),
    // Data Center: who we are, people and global permissions.
    server(Metadata, "rest/api/latest/application-properties"),
    server(Metadata, "rest/api/latest/users"),
    server(Metadata, "rest/api/latest/admin/users"),
    server(Metadata, "rest/api/latest/admin/groups"),
    server(Metadata, "rest/api/latest/admin/permissions/users"),
    server(Metadata, "rest/api/latest/admin/permissions/groups"),
    server(Metadata, "rest/ssh/latest/keys"),
    server(Metadata, "rest/access-tokens/latest/users/{userSlug}"),
    // Data Center: projects.
    server(Metadata, "rest/api/latest/projects"),
    server(Metadata, "rest/api/latest/projects/{projectKey}/permissions/users"),
    server(Metadata, "rest/api/latest/projects/{projectKey}/permissions/groups"),
    server(Metadata, "rest/api/latest/projects/{projectKey}/permissions/{permission}/all"),
    server(Metadata, "rest/api/latest/projects/{projectKey}/webhooks"),
    server(Metadata, "rest/branch-permissions/latest/projects/{projectKey}/restrictions"),
    server(Metadata, "rest/keys/latest/projects/{projectKey}/ssh"),
    server(Metadata, "rest/access-tokens/latest/projects/{projectKey}"),
    // Data Center: repositories.
    server(Metadata, "rest/api/latest/repos"),
    server(Metadata, "rest/api/latest/projects/{projectKey}/repos/{repositorySlug}"),
    server(
        Metadata,
        "rest/api/latest/projects/{projectKey}/repos/{repositorySlug}/permissions/users",
    ),
    server(
        Metadata,
        "rest/api/latest/projects/{projectKey}/repos/{repositorySlug}/permissions/groups",
    ),
    server(Metadata, "rest/api/latest/projects/{projectKey}/repos/{repositorySlug}/webhooks"),
    server(Metadata, "rest/api/latest/projects/{projectKey}/repos/{repositorySlug}/default-branch"),
    server(
        Metadata,
        "rest/branch-permissions/latest/projects/{projectKey}/repos/{repositorySlug}/restrictions",
    ),
    server(Metadata, "rest/api/latest/projects/{projectKey}/repos/{repositorySlug}/pull-requests"),
    server(
        Metadata,
        "rest/api/latest/projects/{projectKey}/repos/{repositorySlug}/settings/pull-requests",
    ),
    server(
        Metadata,
        "rest/default-reviewers/latest/projects/{projectKey}/repos/{repositorySlug}/conditions",
    ),
    server(
        Metadata,
        "rest/required-builds/latest/projects/{projectKey}/repos/{repositorySlug}/conditions",
    ),
    server(Metadata, "rest/keys/latest/projects/{projectKey}/repos/{repositorySlug}/ssh"),
    server(Metadata, "rest/access-tokens/latest/projects/{projectKey}/repos/{repositorySlug}"),
    server(
        Metadata,
        "rest/branch-utils/latest/projects/{projectKey}/repos/{repositorySlug}/branchmodel",
    ),
    // Data Center: what a decision asks.
    server(
        Metadata,
        "rest/api/latest/projects/{projectKey}/repos/{repositorySlug}/pull-requests/{pullRequestId}",
    ),
    server(
        Metadata,
        "rest/api/latest/projects/{projectKey}/repos/{repositorySlug}/commits/{commitId}/builds",
    ),
    server(Metadata, "rest/build-status/latest/commits/{commitId}"),
    server(
        CommitIdentity,
        "rest/api/latest/projects/{projectKey}/repos/{repositorySlug}/commits/{commitId}",
    ),
    server(
        CommitIdentity,
        "rest/api/latest/projects/{projectKey}/repos/{repositorySlug}/commits/{commitId}/pull-requests",
    ),
    server(CommitIdentity, "rest/api/latest/projects/{projectKey}/repos/{repositorySlug}/commits"),
    written(
        Product::DataCenter,
        "POST",
        "rest/api/latest/projects/{projectKey}/repos/{repositorySlug}/commits/{commitId}/builds",
    ),
    // Data Center: webhooks of our own, and whether the audit log is open to us.
    server(Metadata, "rest/auditing/1.0/events"),
    server(Metadata, "rest/api/latest/projects/{projectKey}/webhooks/{webhookId}/latest"),
    server(
        Metadata,
        "rest/api/latest/projects/{projectKey}/repos/{repositorySlug}/webhooks/{webhookId}/latest",
    ),
    written(Product::DataCenter, "POST", "rest/api/latest/projects/{projectKey}/webhooks"),
    written(
        Product::DataCenter,
        "PUT",
        "rest/api/latest/projects/{projectKey}/webhooks/{webhookId}",
    ),
    written(
        Product::DataCenter,
        "DELETE",
        "rest/api/latest/projects/{projectKey}/webhooks/{webhookId}",
    ),
    written(
        Product::DataCenter,
        "POST",
        "rest/api/latest/projects/{projectKey}/repos/{repositorySlug}/webhooks",
    ),
    written(
        Product::DataCenter,
        "PUT",
        "rest/api/latest/projects/{projectKey}/repos/{repositorySlug}/webhooks/{webhookId}",
    ),
    written(
        Product::DataCenter,
        "DELETE",
        "rest/api/latest/projects/{projectKey}/repos/{repositorySlug}/webhooks/{webhookId}",
    ),
];

/// The route that a path below the product's address is asked by; none is one that is not ours.
pub fn of(product: Product, method: &str, path: &str) -> Option<&'static Route> {
    ROUTES
        .iter()
        .find(|route| route.product == product && route.method == method && fits(route.path, path))
}

/// Whether a path is one of a pattern: segment by segment, `{…}` any one that is not empty.
fn fits(pattern: &str, path: &str) -> bool {
    let mut parts = path.trim_matches('/').split('/');
    let same = pattern.split('/').all(|wanted| {
        parts
            .next()
            .is_some_and(|part| wanted == part || (wanted.starts_with('{') && !part.is_empty()))
    });
    same && parts.next().is_none()
}
