//! One small question a permission: whether it is answered tells whether the permission is there. Also the version and
//! the clock of the server, which it tells everybody.

use serde::Deserialize;

use crate::bitbucket::datacenter::rest::DataCenter;
use crate::bitbucket::scopes::Probe;
use crate::bitbucket::scopes::Sample;
use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::graph::Time;

const API: [&str; 3] = ["rest", "api", "latest"];

#[derive(Deserialize)]
struct Properties {
    version: String,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    values: Vec<Repository>,
}

#[derive(Deserialize)]
struct Repository {
    slug: String,
    project: Project,
}

#[derive(Deserialize)]
struct Project {
    key: String,
}

impl DataCenter {
    /// Version and time of the server; its version says whether it is one this program was tried with.
    pub(crate) async fn server_version(
        &self,
        deadline: Deadline,
    ) -> Result<(String, Option<Time>), FetchError> {
        let what = "the server";
        let path = [&API[..], &["application-properties"]].concat();
        let call = self.ask(&path, what, CallClass::Metadata)?;
        let answer = self.transport().read(&call, deadline).await?;
        let told: Properties = answer.decode(what)?;
        let plain = |sign: &char| sign.is_ascii_alphanumeric() || ".-_".contains(*sign);
        let version = told.version.chars().filter(plain).take(40).collect();
        Ok((version, answer.date))
    }

    /// The first repository and its project; where there is a scope, the first that lie within.
    pub(crate) async fn sample(&self, deadline: Deadline) -> Result<Sample, FetchError> {
        let switches = self.switches();
        if !switches.scope().is_all() {
            return Ok(Sample::within(switches.scope(), &self.spots(deadline).await?));
        }
        let path = [&API[..], &["repos"]].concat();
        let mut call = self.ask(&path, "the repositories", CallClass::Metadata)?;
        call.url.query_pairs_mut().append_pair("limit", "1");
        let page: Page = self.transport().get(&call, deadline).await?;
        let Some(first) = page.values.into_iter().next() else { return Ok(Sample::default()) };
        let repository = format!("{}/{}", first.project.key, first.slug);
        Ok(Sample { project: Some(first.project.key), repository: Some(repository) })
    }

    /// Asks one row of what the permission is for.
    pub(crate) async fn probe(
        &self,
        probe: Probe,
        sample: &Sample,
        deadline: Deadline,
    ) -> Result<(), FetchError> {
        let none =
            FetchError::Unsupported("no whole project is seen, within the scope, to try it on");
        let project = sample.project.as_deref().ok_or(none);
        let single = sample.repository.as_deref().and_then(|name| name.split_once('/'));
        let path: Vec<&str> = match probe {
            Probe::Projects => [&API[..], &["projects"]].concat(),
            Probe::Repositories => [&API[..], &["repos"]].concat(),
            Probe::ProjectGrants => {
                [&API[..], &["projects", project?, "permissions", "groups"]].concat()
            }
            Probe::Hooks => match (&project, single) {
                (Err(_), Some((key, slug))) => {
                    [&API[..], &["projects", key, "repos", slug, "webhooks"]].concat()
                }
                _ => [&API[..], &["projects", project?, "webhooks"]].concat(),
            },
            Probe::Global => [&API[..], &["admin", "permissions", "groups"]].concat(),
            Probe::Audit => return self.audited(deadline).await,
            Probe::Members
            | Probe::Restrictions
            | Probe::PullRequests
            | Probe::Environments
            | Probe::Runners => {
                return Err(FetchError::Unsupported("Data Center has no such scope"));
            }
        };
        let call = self.ask(&path, what(probe), CallClass::Metadata)?;
        self.any(call, deadline).await.map(drop)
    }

    /// The audit log is another plugin's, with lists of its own form.
    async fn audited(&self, deadline: Deadline) -> Result<(), FetchError> {
        let path = ["rest", "auditing", "1.0", "events"];
        let mut call = self.ask(&path, what(Probe::Audit), CallClass::Metadata)?;
        call.url.query_pairs_mut().append_pair("limit", "1");
        self.transport().read(&call, deadline).await.map(drop)
    }
}

const fn what(probe: Probe) -> &'static str {
    match probe {
        Probe::Projects => "the projects",
        Probe::Repositories => "the repositories",
        Probe::ProjectGrants => "a project's permissions",
        Probe::Hooks => "the webhooks",
        Probe::Global => "the global permissions",
        Probe::Audit => "the audit log",
        Probe::Members
        | Probe::Restrictions
        | Probe::PullRequests
        | Probe::Environments
        | Probe::Runners => "what only Bitbucket Cloud has",
    }
}
