//! Discovery of a workspace: who is in it, what is in it, who is granted what, and what protects it.
//!
//! A list is whole or a gap: what a scope, plan or missing API hides is `unknown` with its sentence, never a short list.
//! At most four questions at a time, and a fifth of the hour's calls is left to live questions.

mod definition;
mod people;
mod places;
mod settings;
mod upkeep;

use std::time::Duration;

use futures_util::StreamExt;

use crate::bitbucket::budget::Share;
use crate::bitbucket::client::Progress;
use crate::bitbucket::cloud::rest::Cloud;
use crate::bitbucket::cloud::rest::discovery::places::Lists;
use crate::bitbucket::cloud::rest::discovery::places::Project;
use crate::bitbucket::cloud::rest::discovery::places::Repository;
use crate::bitbucket::scribe::Scribe;
use crate::bitbucket::scribe::unless_over;
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
use crate::graph::attribute::Value;
use crate::graph::world::Connection;
use crate::graph::world::Node;

/// How long a whole reading may take. Within it, the budget decides how fast it goes.
const PATIENCE: Duration = Duration::from_hours(12);

/// Repositories that are read at the same time.
const AT_ONCE: usize = 4;

#[derive(serde::Deserialize)]
struct Workspace {
    uuid: String,
    slug: String,
    name: Option<String>,
    is_privacy_enforced: Option<bool>,
    forking_mode: Option<String>,
}

impl Cloud {
    /// Reads the whole workspace. An error means that nothing was learned and what was known before stands.
    pub(crate) async fn discover(
        &self,
        now: Time,
        progress: impl Fn(Progress),
    ) -> Result<World, FetchError> {
        let told = |stage, done, total| progress(Progress { stage, done, total });
        told("workspace", 0, 1);
        let workspace: Workspace = self.crawl_one(&[], "the workspace").await?;
        let mut scribe = Scribe::new(self.home(&workspace)).switched(&self.switches());
        let top = self.write_workspace(&mut scribe, &workspace)?;
        told("people", 0, 1);
        self.people(&mut scribe, &top).await?;
        self.workspace_settings(&mut scribe, &top).await?;
        let projects = self.projects(&mut scribe, &top, &told).await?;
        self.repositories(&mut scribe, &top, &projects, &told).await?;
        Ok(scribe.finish(now))
    }

    fn home(&self, workspace: &Workspace) -> Connection {
        let (id, name) = (self.connection().clone(), workspace.name.clone());
        Connection { id, product: Product::Cloud, name }
    }

    async fn projects(
        &self,
        scribe: &mut Scribe,
        top: &Id,
        told: &impl Fn(&'static str, usize, usize),
    ) -> Result<Vec<Project>, FetchError> {
        let list = unless_over(self.crawl(&["projects"], "the projects").await)?;
        let projects: Vec<Project> = scribe.rows(top, "projects", list);
        for (done, project) in projects.iter().enumerate() {
            told("projects", done, projects.len());
            let within = self.switches().scope().has_project(project.key());
            self.sees(within).project(scribe, top, project).await?;
        }
        Ok(projects)
    }

    async fn repositories(
        &self,
        scribe: &mut Scribe,
        top: &Id,
        projects: &[Project],
        told: &impl Fn(&'static str, usize, usize),
    ) -> Result<(), FetchError> {
        let path = ["repositories", self.slug()];
        let call = self.crawl_call(&path, "the repositories")?;
        let repositories: Vec<Repository> = self.list(call, Deadline::within(PATIENCE)).await?;
        let total = repositories.len();
        let read = |repository: Repository| async move {
            let switches = self.switches();
            let place = (repository.home(), repository.name());
            if let Some(id) = repository.id(self.connection()) {
                self.remember(&id, place);
            }
            let within = switches.scope().has_repository(place.0, place.1);
            let lists = self.sees(within).lists(&repository).await?;
            Ok::<_, FetchError>((repository, lists))
        };
        let mut readings =
            futures_util::stream::iter(repositories).map(read).buffer_unordered(AT_ONCE);
        let mut done = 0;
        while let Some(reading) = readings.next().await {
            let (repository, lists): (Repository, Lists) = reading?;
            places::write_repository(scribe, top, projects, repository, lists);
            done += 1;
            told("repositories", done, total);
        }
        Ok(())
    }

    /// A list below the workspace.
    async fn crawl<T: serde::de::DeserializeOwned>(
        &self,
        path: &[&str],
        what: &'static str,
    ) -> Result<Vec<T>, FetchError> {
        let call = self.crawl_call(&[&["workspaces", self.slug()], path].concat(), what)?;
        self.list(call, Deadline::within(PATIENCE)).await
    }

    /// One object below the workspace.
    async fn crawl_one<T: serde::de::DeserializeOwned>(
        &self,
        path: &[&str],
        what: &'static str,
    ) -> Result<T, FetchError> {
        let call = self.crawl_call(&[&["workspaces", self.slug()], path].concat(), what)?;
        self.transport().get(&call, Deadline::within(PATIENCE)).await
    }

    fn write_workspace(
        &self,
        scribe: &mut Scribe,
        workspace: &Workspace,
    ) -> Result<Id, FetchError> {
        let top = scribe.id(Kind::Workspace, &workspace.uuid).ok_or_else(|| FetchError::Form {
            what: "the workspace",
            why: "`uuid` is not a UUID".to_owned(),
        })?;
        let name = workspace.name.as_deref().unwrap_or(&workspace.slug);
        let mut node = Node::new(top.clone(), name)
            .text("slug", &workspace.slug)
            .flag("definitions", self.switches().reads(CallClass::PipelineDefinition));
        if let Some(private_only) = workspace.is_privacy_enforced {
            node = node.flag("private_only", private_only);
        }
        match workspace.forking_mode.as_deref() {
            Some("allow_forks") => node = node.text("forks", "any"),
            Some("internal_only") => node = node.text("forks", "none"),
            Some(_) | None => {}
        }
        scribe.node(node);
        scribe.gap(
            &top,
            "premium",
            "Cloud's API does not tell the plan: set it on the connection".to_owned(),
        );
        Ok(top)
    }

    fn crawl_call(&self, path: &[&str], what: &'static str) -> Result<Call, FetchError> {
        let call = self.ask(path, what, CallClass::Metadata)?;
        Ok(Call { share: Share::Crawl, ..call })
    }
}

/// A text, or known to be none.
fn text_or_none(text: Option<&str>) -> Value {
    text.map_or(Value::Nothing, |text| Value::Text(text.to_owned()))
}

/// Grants by Cloud's words: `create-repo` lies between `write` and `admin`.
fn grant(word: &str) -> Option<Relation> {
    match word {
        "read" => Some(Relation::Read),
        "write" => Some(Relation::Write),
        "create-repo" => Some(Relation::Create),
        "admin" => Some(Relation::Admin),
        _ => None,
    }
}
