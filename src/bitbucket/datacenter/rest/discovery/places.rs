//! Projects and repositories, with what they hold.

use serde::Deserialize;

use crate::bitbucket::datacenter::rest::DataCenter;
use crate::bitbucket::datacenter::rest::discovery::List;
use crate::bitbucket::datacenter::rest::discovery::credentials;
use crate::bitbucket::datacenter::rest::discovery::credentials::Token;
use crate::bitbucket::datacenter::rest::discovery::people;
use crate::bitbucket::datacenter::rest::discovery::people::Grants;
use crate::bitbucket::datacenter::rest::discovery::people::User;
use crate::bitbucket::datacenter::rest::discovery::settings;
use crate::bitbucket::datacenter::rest::discovery::settings::Hook;
use crate::bitbucket::datacenter::rest::discovery::settings::Key;
use crate::bitbucket::datacenter::rest::discovery::settings::Model;
use crate::bitbucket::datacenter::rest::discovery::settings::Restriction;
use crate::bitbucket::datacenter::rest::discovery::unless_over;
use crate::bitbucket::datacenter::rest::discovery::upkeep;
use crate::bitbucket::datacenter::rest::discovery::upkeep::Upkeep;
use crate::bitbucket::scribe::Scribe;
use crate::bitbucket::transport::FetchError;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Relation;
use crate::graph::attribute::Value;
use crate::graph::world::Node;

/// Default permissions, highest first, with their words in a world.
const DEFAULTS: [(&str, &str); 4] = [
    ("PROJECT_ADMIN", "admin"),
    ("REPO_CREATE", "create"),
    ("PROJECT_WRITE", "write"),
    ("PROJECT_READ", "read"),
];

#[derive(Deserialize)]
pub(super) struct Project {
    pub(super) id: u64,
    pub(super) key: String,
    name: Option<String>,
    public: Option<bool>,
    #[serde(rename = "type")]
    type_: Option<String>,
    owner: Option<User>,
}

#[derive(Deserialize)]
pub(super) struct Repository {
    id: u64,
    pub(super) slug: String,
    public: Option<bool>,
    archived: Option<bool>,
    forkable: Option<bool>,
    origin: Option<Origin>,
    pub(super) project: Project,
}

#[derive(Deserialize)]
struct Origin {
    id: u64,
}

#[derive(Deserialize)]
struct Permitted {
    permitted: bool,
}

#[derive(Deserialize)]
struct Branch {
    #[serde(rename = "displayId")]
    name: String,
}

/// What a repository holds, list by list: read, or why not.
pub(super) struct Lists {
    grants: Grants,
    restrictions: List<Restriction>,
    keys: List<Key>,
    tokens: List<Token>,
    hooks: List<Hook>,
    branch: Result<Option<String>, FetchError>,
    model: Result<Model, FetchError>,
    upkeep: Upkeep,
}

impl DataCenter {
    pub(super) async fn project(
        &self,
        scribe: &mut Scribe,
        top: &Id,
        project: &Project,
    ) -> Result<(), FetchError> {
        let Some(id) = scribe.id(Kind::Project, &project.id.to_string()) else { return Ok(()) };
        let key = project.key.as_str();
        let default = unless_over(self.default_permission(key).await)?;
        scribe.node(project_node(id.clone(), project, default.as_ref().ok()));
        scribe.join(&id, Relation::In, top, "projects");
        match default {
            Ok("none") => {}
            Ok(_) => scribe.join(top, Relation::Default, &id, "permissions/all"),
            Err(error) => scribe.gap(&id, "default", error.to_string()),
        }
        if let Some(owner) = project.owner.as_ref().and_then(|owner| people::person(scribe, owner))
        {
            scribe.join(&owner, Relation::Owner, &id, "projects");
        }
        let what = "a project's permissions";
        let users = self.crawl(&["projects", key, "permissions", "users"], what).await;
        let groups = self.crawl(&["projects", key, "permissions", "groups"], what).await;
        people::write_grants(scribe, &id, (unless_over(users)?, unless_over(groups)?));
        let path = ["projects", key, "restrictions"];
        let what = "a project's branch restrictions";
        let rules = self.crawl_plugin("branch-permissions", &path, what).await;
        settings::write_restrictions(scribe, (&id, "PROJECT"), unless_over(rules)?);
        let keys =
            self.crawl_plugin("keys", &["projects", key, "ssh"], "a project's access keys").await;
        settings::write_keys(scribe, &id, unless_over(keys)?);
        let what = "a project's HTTP access tokens";
        let tokens = self.crawl_plugin("access-tokens", &["projects", key], what).await;
        credentials::write_tokens(scribe, &id, unless_over(tokens)?);
        let hooks = self.crawl(&["projects", key, "webhooks"], "a project's webhooks").await;
        settings::write_hooks(scribe, &id, unless_over(hooks)?);
        Ok(())
    }

    /// One question a level: the highest that is permitted.
    async fn default_permission(&self, key: &str) -> Result<&'static str, FetchError> {
        for (permission, word) in DEFAULTS {
            let path = ["projects", key, "permissions", permission, "all"];
            let told = self.crawl_one::<Permitted>("api", &path, "a project's default permission");
            match told.await {
                Ok(told) if told.permitted => return Ok(word),
                Ok(_) => {}
                // Before 8.3 there was no such level.
                Err(FetchError::Missing { .. } | FetchError::Unexpected { .. })
                    if permission == "REPO_CREATE" => {}
                Err(error) => return Err(error),
            }
        }
        Ok("none")
    }

    /// All lists of one repository.
    pub(super) async fn lists(&self, repository: &Repository) -> Result<Lists, FetchError> {
        let home = ["projects", repository.project.key.as_str(), "repos", repository.slug.as_str()];
        let below = |path: &[&'static str]| [&home, path].concat();
        let what = "a repository's permissions";
        let users = self.crawl(&below(&["permissions", "users"]), what).await;
        let groups = self.crawl(&below(&["permissions", "groups"]), what).await;
        let what = "a repository's branch restrictions";
        let rules = self.crawl_plugin("branch-permissions", &below(&["restrictions"]), what).await;
        let what = "a repository's access keys";
        let keys = self.crawl_plugin("keys", &below(&["ssh"]), what).await;
        let what = "a repository's HTTP access tokens";
        let tokens = self.crawl_plugin("access-tokens", &home, what).await;
        let hooks = self.crawl(&below(&["webhooks"]), "a repository's webhooks").await;
        let what = "a repository's default branch";
        let branch = match self.crawl_one::<Branch>("api", &below(&["default-branch"]), what).await
        {
            Ok(branch) => Ok(Some(branch.name)),
            // An empty repository has none.
            Err(FetchError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        };
        let what = "a repository's branching model";
        let model = self.crawl_one("branch-utils", &below(&["branchmodel"]), what).await;
        Ok(Lists {
            grants: (unless_over(users)?, unless_over(groups)?),
            restrictions: unless_over(rules)?,
            keys: unless_over(keys)?,
            tokens: unless_over(tokens)?,
            hooks: unless_over(hooks)?,
            branch: unless_over(branch)?,
            model: unless_over(model)?,
            upkeep: self.upkeep(repository).await?,
        })
    }
}

fn visibility(node: Node, public: Option<bool>) -> Node {
    match public {
        Some(true) => node.text("visibility", "public"),
        Some(false) => node.text("visibility", "private"),
        None => node,
    }
}

fn project_node(id: Id, project: &Project, default: Option<&&'static str>) -> Node {
    let name = project.name.as_deref().unwrap_or(&project.key);
    let personal = project.type_.as_deref() == Some("PERSONAL");
    let node = Node::new(id, name).text("key", &project.key).flag("personal", personal);
    let node = visibility(node, project.public);
    match default {
        Some(default) => node.text("default", default),
        None => node,
    }
}

/// Writes a repository and gives its id.
pub(super) fn write_repository(
    scribe: &mut Scribe,
    repository: &Repository,
    lists: Lists,
) -> Option<Id> {
    let id = scribe.id(Kind::Repository, &repository.id.to_string())?;
    let mut node = repository_node(scribe, id.clone(), repository);
    match &lists.branch {
        Ok(Some(name)) => node = node.text("default_branch", name),
        Ok(None) => node = node.with("default_branch", Value::Nothing),
        Err(error) => scribe.gap(&id, "default_branch", error.to_string()),
    }
    let (node, rules) = upkeep::node(scribe, (&id, node), lists.upkeep);
    scribe.node(settings::model(node, lists.model.as_ref().ok()));
    if let Err(error) = lists.model {
        for field in settings::MODEL {
            scribe.gap(&id, field, error.to_string());
        }
    }
    let home = scribe.id(Kind::Project, &repository.project.id.to_string())?;
    scribe.join(&id, Relation::In, &home, "repos");
    people::write_grants(scribe, &id, lists.grants);
    settings::write_restrictions(scribe, (&id, "REPOSITORY"), lists.restrictions);
    upkeep::rules(scribe, &id, &rules);
    settings::write_keys(scribe, &id, lists.keys);
    credentials::write_tokens(scribe, &id, lists.tokens);
    settings::write_hooks(scribe, &id, lists.hooks);
    Some(id)
}

fn repository_node(scribe: &Scribe, id: Id, repository: &Repository) -> Node {
    let name = format!("{}/{}", repository.project.key, repository.slug);
    let mut node =
        visibility(Node::new(id, &name), repository.public).text("slug", &repository.slug);
    if let Some(archived) = repository.archived {
        node = node.flag("archived", archived);
    }
    if let Some(forkable) = repository.forkable {
        node = node.text("forks", if forkable { "any" } else { "none" });
    }
    let parent = repository.origin.as_ref().map(|origin| origin.id.to_string());
    let parent = parent.and_then(|parent| scribe.id(Kind::Repository, &parent));
    node.with("parent", parent.map_or(Value::Nothing, |id| Value::Text(id.to_string())))
}
