//! Projects and repositories, with what they hold.

use serde::Deserialize;

use crate::bitbucket::cloud::rest::Cloud;
use crate::bitbucket::cloud::rest::braced;
use crate::bitbucket::cloud::rest::discovery::PATIENCE;
use crate::bitbucket::cloud::rest::discovery::definition;
use crate::bitbucket::cloud::rest::discovery::definition::Pipelines;
use crate::bitbucket::cloud::rest::discovery::people;
use crate::bitbucket::cloud::rest::discovery::people::Grants;
use crate::bitbucket::cloud::rest::discovery::settings;
use crate::bitbucket::cloud::rest::discovery::settings::Environment;
use crate::bitbucket::cloud::rest::discovery::settings::Hook;
use crate::bitbucket::cloud::rest::discovery::settings::Key;
use crate::bitbucket::cloud::rest::discovery::settings::Model;
use crate::bitbucket::cloud::rest::discovery::settings::Override;
use crate::bitbucket::cloud::rest::discovery::settings::Restriction;
use crate::bitbucket::cloud::rest::discovery::settings::Runner;
use crate::bitbucket::cloud::rest::discovery::settings::Variable;
use crate::bitbucket::cloud::rest::discovery::text_or_none;
use crate::bitbucket::scribe::Scribe;
use crate::bitbucket::scribe::merges;
use crate::bitbucket::scribe::unless_over;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Relation;
use crate::graph::world::Node;

#[derive(Deserialize)]
pub(super) struct Project {
    uuid: String,
    key: String,
    name: Option<String>,
    is_private: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct Repository {
    uuid: String,
    full_name: String,
    slug: Option<String>,
    is_private: Option<bool>,
    fork_policy: Option<String>,
    mainbranch: Option<Branch>,
    parent: Option<Parent>,
    updated_on: Option<String>,
    project: Option<Project>,
}

#[derive(Deserialize)]
struct Branch {
    name: String,
}

#[derive(Deserialize)]
struct Parent {
    uuid: Option<String>,
}

type List<T> = Result<Vec<T>, FetchError>;

/// What a repository holds, list by list: read, or why not.
pub(super) struct Lists {
    grants: Grants,
    restrictions: List<Restriction>,
    overrides: Result<Override, FetchError>,
    model: Result<Model, FetchError>,
    pipelines: Pipelines,
    environments: List<(Environment, List<Variable>)>,
    variables: List<Variable>,
    runners: List<Runner>,
    keys: List<Key>,
    hooks: List<Hook>,
    merges: List<bool>,
}

impl Project {
    pub(super) fn key(&self) -> &str {
        &self.key
    }
}

impl Repository {
    pub(super) fn id(&self, connection: &ConnectionId) -> Option<Id> {
        Id::new(connection, Kind::Repository, &self.uuid).ok()
    }

    /// Key of its project.
    pub(super) fn home(&self) -> &str {
        self.project.as_ref().map(Project::key).unwrap_or_default()
    }

    /// `workspace/slug`.
    pub(super) fn name(&self) -> &str {
        &self.full_name
    }
}

impl Cloud {
    pub(super) async fn project(
        &self,
        scribe: &mut Scribe,
        top: &Id,
        project: &Project,
    ) -> Result<(), FetchError> {
        let Some(id) = write_project(scribe, top, project) else { return Ok(()) };
        let key = project.key.as_str();
        let what = "a project's permissions";
        let users = self.crawl(&["projects", key, "permissions-config", "users"], what).await;
        let groups = self.crawl(&["projects", key, "permissions-config", "groups"], what).await;
        let grants = (unless_over(users)?, unless_over(groups)?);
        people::write_grants(scribe, &id, grants, "projects/permissions-config");
        let keys = self.crawl(&["projects", key, "deploy-keys"], "a project's access keys").await;
        let keys = unless_over(keys)?;
        settings::write_keys(scribe, &id, keys);
        Ok(())
    }

    /// All lists of one repository.
    pub(super) async fn lists(&self, repository: &Repository) -> Result<Lists, FetchError> {
        let uuid = braced(&repository.uuid)?;
        let uuid = uuid.as_str();
        let grants = "a repository's permissions";
        let users = self.crawl_in(uuid, &["permissions-config", "users"], grants).await;
        let groups = self.crawl_in(uuid, &["permissions-config", "groups"], grants).await;
        let restrictions = self
            .crawl_in(uuid, &["branch-restrictions"], "a repository's branch restrictions")
            .await;
        let overrides = self
            .crawl_one_in(
                uuid,
                &["override-settings"],
                "whether a repository left its project's rules",
            )
            .await;
        let model = self
            .crawl_one_in(uuid, &["effective-branching-model"], "a repository's branching model")
            .await;
        let branch = repository.mainbranch.as_ref().map(|branch| branch.name.as_str());
        let pipelines = self.pipelines(uuid, branch).await?;
        let variables = self
            .crawl_in(uuid, &["pipelines_config", "variables"], "a repository's variables")
            .await;
        let runners =
            self.crawl_in(uuid, &["pipelines-config", "runners"], "a repository's runners").await;
        let keys = self.crawl_in(uuid, &["deploy-keys"], "a repository's access keys").await;
        let hooks = self.crawl_in(uuid, &["hooks"], "a repository's webhooks").await;
        Ok(Lists {
            grants: (unless_over(users)?, unless_over(groups)?),
            restrictions: unless_over(restrictions)?,
            overrides: unless_over(overrides)?,
            model: unless_over(model)?,
            pipelines,
            environments: self.environments(uuid).await?,
            variables: unless_over(variables)?,
            runners: unless_over(runners)?,
            keys: unless_over(keys)?,
            hooks: unless_over(hooks)?,
            merges: unless_over(self.merges(uuid).await)?,
        })
    }

    async fn environments(
        &self,
        repository: &str,
    ) -> Result<List<(Environment, List<Variable>)>, FetchError> {
        let list =
            self.crawl_in(repository, &["environments"], "a repository's environments").await;
        let environments: Vec<Environment> = match unless_over(list)? {
            Ok(environments) => environments,
            Err(error) => return Ok(Err(error)),
        };
        let mut found = Vec::new();
        for environment in environments {
            let uuid = braced(&environment.uuid)?;
            let path = ["deployments_config", "environments", &uuid, "variables"];
            let variables = self.crawl_in(repository, &path, "an environment's variables").await;
            found.push((environment, unless_over(variables)?));
        }
        Ok(Ok(found))
    }

    async fn crawl_in<T: serde::de::DeserializeOwned>(
        &self,
        repository: &str,
        path: &[&str],
        what: &'static str,
    ) -> List<T> {
        let head = ["repositories", self.slug(), repository];
        let call = self.crawl_call(&[&head, path].concat(), what)?;
        self.list(call, Deadline::within(PATIENCE)).await
    }

    pub(super) async fn crawl_one_in<T: serde::de::DeserializeOwned>(
        &self,
        repository: &str,
        path: &[&str],
        what: &'static str,
    ) -> Result<T, FetchError> {
        let head = ["repositories", self.slug(), repository];
        let call = self.crawl_call(&[&head, path].concat(), what)?;
        self.transport().get_once(&call, Deadline::within(PATIENCE)).await
    }
}

fn visibility(node: Node, is_private: Option<bool>) -> Node {
    match is_private {
        Some(true) => node.text("visibility", "private"),
        Some(false) => node.text("visibility", "public"),
        None => node,
    }
}

fn write_project(scribe: &mut Scribe, top: &Id, project: &Project) -> Option<Id> {
    let id = scribe.id(Kind::Project, &project.uuid)?;
    if !scribe.knows(&id) {
        let why = "Cloud's public API does not tell a project's branch restrictions";
        let name = project.name.as_deref().unwrap_or(&project.key);
        let node = Node::new(id.clone(), name).text("key", &project.key);
        scribe.node(visibility(node, project.is_private));
        scribe.join(&id, Relation::In, top, "projects");
        scribe.gap(&id, "restrictions", why.to_owned());
    }
    Some(id)
}

pub(super) fn write_repository(
    scribe: &mut Scribe,
    top: &Id,
    projects: &[Project],
    repository: Repository,
    lists: Lists,
) {
    let Some(id) = scribe.id(Kind::Repository, &repository.uuid) else { return };
    let node = repository_node(scribe, id.clone(), &repository);
    let node = merges(scribe, (&id, node), lists.merges);
    let node = definition::write(scribe, node, lists.pipelines);
    scribe.node(settings::model(node, lists.model.as_ref().ok(), lists.overrides.as_ref().ok()));
    if let Err(error) = lists.model {
        for field in settings::MODEL {
            scribe.gap(&id, field, error.to_string());
        }
    }
    if let Err(error) = lists.overrides {
        scribe.gap(&id, "own_restrictions", error.to_string());
    }
    write_home(scribe, top, projects, (&id, repository.project));
    people::write_grants(scribe, &id, lists.grants, "repositories/permissions-config");
    settings::write_restrictions(scribe, &id, lists.restrictions);
    settings::write_environments(scribe, &id, lists.environments);
    settings::write_variables(scribe, &id, lists.variables);
    settings::write_runners(scribe, &id, lists.runners);
    settings::write_keys(scribe, &id, lists.keys);
    settings::write_hooks(scribe, &id, lists.hooks);
}

fn repository_node(scribe: &Scribe, id: Id, repository: &Repository) -> Node {
    let branch = repository.mainbranch.as_ref().map(|branch| branch.name.as_str());
    let mut node = visibility(Node::new(id, &repository.full_name), repository.is_private)
        .with("default_branch", text_or_none(branch))
        // Cloud knows no archives.
        .flag("archived", false);
    if let Some(slug) = &repository.slug {
        node = node.text("slug", slug);
    }
    if let Some(at) = &repository.updated_on {
        node = node.with("updated_at", settings::instant(Some(at)));
    }
    let parent = repository.parent.as_ref().and_then(|parent| parent.uuid.as_deref());
    let parent = parent.and_then(|uuid| scribe.id(Kind::Repository, uuid));
    node = node.with("parent", text_or_none(parent.as_ref().map(Id::as_str)));
    match repository.fork_policy.as_deref() {
        Some("allow_forks") => node.text("forks", "any"),
        Some("no_public_forks") => node.text("forks", "private_only"),
        Some("no_forks") => node.text("forks", "none"),
        Some(_) | None => node,
    }
}

/// A project that the list of projects does not tell is told by its repositories; its grants are not.
fn write_home(
    scribe: &mut Scribe,
    top: &Id,
    projects: &[Project],
    (id, project): (&Id, Option<Project>),
) {
    let Some(project) = project else {
        let why = "Bitbucket does not tell this repository's project".to_owned();
        scribe.gap(id, "project", why);
        return;
    };
    let listed = projects.iter().any(|known| known.uuid == project.uuid);
    let Some(home) = write_project(scribe, top, &project) else { return };
    if !listed {
        let why = "the credential does not see this project: it lacks `project:admin` there";
        scribe.gap(&home, "grants", why.to_owned());
    }
    scribe.join(id, Relation::In, &home, "repositories");
}
