//! Discovery of a Data Center: who is in it, what is in it, who is granted what, and what protects it.
//!
//! A list is whole or a gap. Data Center says 401 to one that may not ask, and answers an ignored credential as it
//! would a stranger: so the first answer must name the caller, and a 401 after that is a gap of its list.

mod credentials;
mod people;
mod places;
mod settings;
mod upkeep;

use std::time::Duration;

use futures_util::StreamExt;
use serde::de::DeserializeOwned;

use crate::bitbucket::budget::Share;
use crate::bitbucket::client::Progress;
use crate::bitbucket::datacenter::database;
use crate::bitbucket::datacenter::database::Database;
use crate::bitbucket::datacenter::database::WARNING;
use crate::bitbucket::datacenter::rest::DataCenter;
use crate::bitbucket::datacenter::rest::discovery::places::Project;
use crate::bitbucket::datacenter::rest::discovery::places::Repository;
use crate::bitbucket::scribe::Scribe;
use crate::bitbucket::transport::Call;
use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Product;
use crate::graph::Relation;
use crate::graph::Time;
use crate::graph::World;
use crate::graph::world::Connection;
use crate::graph::world::Node;

/// How long a whole reading may take.
const PATIENCE: Duration = Duration::from_hours(12);

/// Repositories that are read at the same time.
const AT_ONCE: usize = 4;

/// Where most of the API is.
const API: &[&str] = &["rest", "api", "latest"];

const SERVER: &str = "the server";

type List<T> = Result<Vec<T>, FetchError>;

#[derive(serde::Deserialize)]
struct Properties {
    version: String,
}

impl DataCenter {
    /// Reads the whole server. An error means that nothing was learned and what was known before stands.
    pub(crate) async fn discover(
        &self,
        now: Time,
        progress: impl Fn(Progress),
    ) -> Result<World, FetchError> {
        let told = |stage, done, total| progress(Progress { stage, done, total });
        if let Some(database) = self.0.database.get() {
            told("database", 0, 1);
            return self.discover_in(database, now).await;
        }
        told("server", 0, 1);
        let name = self.host().to_owned();
        let id = self.connection().clone();
        let home = Connection { id, product: Product::DataCenter, name: Some(name.clone()) };
        let mut scribe = Scribe::new(home).switched(&self.switches());
        let top = self.server(&mut scribe, &name).await?;
        told("people", 0, 1);
        self.people(&mut scribe, &top).await?;
        let projects = self.projects(&mut scribe, &top, &told).await?;
        self.repositories(&mut scribe, (&top, projects), &told).await?;
        Ok(scribe.finish(now))
    }

    /// The same from Bitbucket's own database: what it does not tell is unknown.
    async fn discover_in(&self, database: &Database, now: Time) -> Result<World, FetchError> {
        let home = database::home(self.connection().clone(), self.host());
        let told = database.read(home, now).await?;
        tracing::info!(warning = WARNING, found = ?told.survey.lines(), "read Bitbucket's database");
        Ok(told.world)
    }

    async fn server(&self, scribe: &mut Scribe, name: &str) -> Result<Id, FetchError> {
        let call = self.crawl_call(&[API, &["application-properties"]].concat(), SERVER)?;
        let answer = self.transport().read(&call, Deadline::within(PATIENCE)).await?;
        if answer.user.is_none() {
            // The credential was ignored: what follows would be a stranger's short lists.
            return Err(FetchError::Refused { what: SERVER, caller_known: false });
        }
        let told: Properties = answer.decode(SERVER)?;
        let top = scribe
            .id(Kind::Workspace, "server")
            .ok_or_else(|| FetchError::Unaskable("server".to_owned(), "an id"))?;
        scribe.node(Node::new(top.clone(), name).text("version", &told.version));
        let why = "Data Center's API does not tell whether strangers may read what is public";
        scribe.gap(&top, "anonymous", why.to_owned());
        Ok(top)
    }

    async fn projects(
        &self,
        scribe: &mut Scribe,
        top: &Id,
        told: &impl Fn(&'static str, usize, usize),
    ) -> Result<Vec<u64>, FetchError> {
        let list = unless_over(self.crawl(&["projects"], "the projects").await)?;
        let projects: Vec<Project> = scribe.rows(top, "projects", list);
        for (done, project) in projects.iter().enumerate() {
            told("projects", done, projects.len());
            let within = self.switches().scope().has_project(&project.key);
            self.sees(within).project(scribe, top, project).await?;
        }
        Ok(projects.iter().map(|project| project.id).collect())
    }

    /// Archived ones too: their grants are live. Personal projects are told by their repositories alone.
    async fn repositories(
        &self,
        scribe: &mut Scribe,
        (top, mut seen): (&Id, Vec<u64>),
        told: &impl Fn(&'static str, usize, usize),
    ) -> Result<(), FetchError> {
        let mut call = self.crawl_call(&[API, &["repos"]].concat(), "the repositories")?;
        call.url.query_pairs_mut().append_pair("archived", "ALL");
        let repositories: Vec<Repository> = self.list(call, Deadline::within(PATIENCE)).await?;
        for repository in &repositories {
            if !seen.contains(&repository.project.id) {
                seen.push(repository.project.id);
                let within = self.switches().scope().has_project(&repository.project.key);
                self.sees(within).project(scribe, top, &repository.project).await?;
            }
        }
        let total = repositories.len();
        let read = |repository: Repository| async move {
            let name = format!("{}/{}", repository.project.key, repository.slug);
            let within = self.switches().scope().has_repository(&repository.project.key, &name);
            let lists = self.sees(within).lists(&repository).await?;
            Ok::<_, FetchError>((repository, lists))
        };
        let mut readings =
            futures_util::stream::iter(repositories).map(read).buffer_unordered(AT_ONCE);
        let mut done = 0;
        while let Some(reading) = readings.next().await {
            let (repository, lists) = reading?;
            if let Some(id) = places::write_repository(scribe, &repository, lists) {
                self.remember(&id, &format!("{}/{}", repository.project.key, repository.slug));
            }
            done += 1;
            told("repositories", done, total);
        }
        Ok(())
    }

    /// A list of the main API.
    async fn crawl<T: DeserializeOwned>(&self, path: &[&str], what: &'static str) -> List<T> {
        let call = self.crawl_call(&[API, path].concat(), what)?;
        self.list(call, Deadline::within(PATIENCE)).await
    }

    /// A list of the main API with one parameter.
    async fn crawl_with<T: DeserializeOwned>(
        &self,
        path: &[&str],
        (name, value): (&str, &str),
        what: &'static str,
    ) -> List<T> {
        let mut call = self.crawl_call(&[API, path].concat(), what)?;
        call.url.query_pairs_mut().append_pair(name, value);
        self.list(call, Deadline::within(PATIENCE)).await
    }

    /// A list of another plugin.
    async fn crawl_plugin<T: DeserializeOwned>(
        &self,
        plugin: &str,
        path: &[&str],
        what: &'static str,
    ) -> List<T> {
        let call = self.crawl_call(&[&["rest", plugin, "latest"], path].concat(), what)?;
        self.list(call, Deadline::within(PATIENCE)).await
    }

    /// One object of a plugin.
    async fn crawl_one<T: DeserializeOwned>(
        &self,
        plugin: &str,
        path: &[&str],
        what: &'static str,
    ) -> Result<T, FetchError> {
        let call = self.crawl_call(&[&["rest", plugin, "latest"], path].concat(), what)?;
        self.transport().get_once(&call, Deadline::within(PATIENCE)).await
    }

    fn crawl_call(&self, path: &[&str], what: &'static str) -> Result<Call, FetchError> {
        let call = self.ask(path, what, CallClass::Metadata)?;
        Ok(Call { share: Share::Crawl, ..call })
    }
}

/// A list, or why not; or the error that ends it all. Unlike Cloud's, a 401 may concern one list alone.
fn unless_over<T>(list: Result<T, FetchError>) -> Result<Result<T, FetchError>, FetchError> {
    match list {
        Err(error @ (FetchError::Unreachable | FetchError::Limited { .. })) => Err(error),
        list => Ok(list),
    }
}

/// What a permission grants where it is granted.
fn grant(word: &str) -> Option<Relation> {
    match word {
        "PROJECT_READ" | "REPO_READ" => Some(Relation::Read),
        "PROJECT_WRITE" | "REPO_WRITE" => Some(Relation::Write),
        "REPO_CREATE" => Some(Relation::Create),
        "PROJECT_ADMIN" | "REPO_ADMIN" => Some(Relation::Admin),
        _ => None,
    }
}
