//! One small question a scope: whether it is answered tells whether the scope is there.

use serde::Deserialize;

use crate::bitbucket::cloud::rest::Cloud;
use crate::bitbucket::scopes::Probe;
use crate::bitbucket::scopes::Sample;
use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::graph::Time;

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    values: Vec<Repository>,
}

#[derive(Deserialize)]
struct Repository {
    uuid: String,
    project: Option<Project>,
}

#[derive(Deserialize)]
struct Project {
    key: String,
}

impl Cloud {
    /// The first repository and its project; where there is a scope, the first that lies within.
    pub(crate) async fn sample(&self, deadline: Deadline) -> Result<Sample, FetchError> {
        let switches = self.switches();
        if !switches.scope().is_all() {
            return Ok(Sample::within(switches.scope(), &self.spots(deadline).await?));
        }
        let path = ["repositories", self.slug()];
        let mut call = self.ask(&path, "the repositories", CallClass::Metadata)?;
        call.url.query_pairs_mut().append_pair("pagelen", "1");
        let page: Page = self.transport().get(&call, deadline).await?;
        let Some(first) = page.values.into_iter().next() else { return Ok(Sample::default()) };
        Ok(Sample { project: first.project.map(|home| home.key), repository: Some(first.uuid) })
    }

    /// Asks one row of what the scope is for.
    pub(crate) async fn probe(
        &self,
        probe: Probe,
        sample: &Sample,
        deadline: Deadline,
    ) -> Result<(), FetchError> {
        let home = ["workspaces", self.slug()];
        let project = || sample.project.as_deref().ok_or(NO_PROJECT);
        let repository = || sample.repository.as_deref().ok_or(NO_REPOSITORY);
        let path: Vec<&str> = match probe {
            Probe::Members => [&home[..], &["members"]].concat(),
            Probe::Projects => [&home[..], &["projects"]].concat(),
            Probe::ProjectGrants => {
                [&home[..], &["projects", project()?, "permissions-config", "groups"]].concat()
            }
            Probe::Repositories => vec!["repositories", self.slug()],
            Probe::Restrictions => {
                vec!["repositories", self.slug(), repository()?, "branch-restrictions"]
            }
            Probe::PullRequests => {
                vec!["repositories", self.slug(), repository()?, "pullrequests"]
            }
            Probe::Environments => {
                vec!["repositories", self.slug(), repository()?, "environments"]
            }
            Probe::Runners => [&home[..], &["pipelines-config", "runners"]].concat(),
            Probe::Hooks => [&home[..], &["hooks"]].concat(),
            Probe::Global | Probe::Audit => {
                return Err(FetchError::Unsupported("Bitbucket Cloud has no such permission"));
            }
        };
        let call = self.ask(&path, what(probe), CallClass::Metadata)?;
        self.any(call, deadline).await.map(drop)
    }

    /// What time it is there, as any answer's head tells.
    pub(crate) async fn server_time(&self, deadline: Deadline) -> Result<Option<Time>, FetchError> {
        let call = self.ask(&["workspaces", self.slug()], "the workspace", CallClass::Metadata)?;
        self.transport().read(&call, deadline).await.map(|answer| answer.date)
    }
}

/// Why a probe was not tried.
pub(crate) const NO_PROJECT: FetchError =
    FetchError::Unsupported("no whole project is seen, within the scope, to try it on");

/// Why a probe was not tried.
pub(crate) const NO_REPOSITORY: FetchError =
    FetchError::Unsupported("no repository is seen, within the scope, to try it on");

/// For sentences.
pub(crate) const fn what(probe: Probe) -> &'static str {
    match probe {
        Probe::Members => "the members of the workspace",
        Probe::Projects => "the projects",
        Probe::ProjectGrants => "a project's permissions",
        Probe::Repositories => "the repositories",
        Probe::Restrictions => "a repository's branch restrictions",
        Probe::PullRequests => "a repository's pull requests",
        Probe::Environments => "a repository's environments",
        Probe::Runners => "the runners",
        Probe::Hooks => "the webhooks",
        Probe::Global => "the global permissions",
        Probe::Audit => "the audit log",
    }
}
