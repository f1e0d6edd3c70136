//! The builder of a Cloud workspace: what an administrator would click together before the story begins.

use uuid::Uuid;

use crate::simulator::cloud::DeployKey;
use crate::simulator::cloud::Environment;
use crate::simulator::cloud::Grant;
use crate::simulator::cloud::Group;
use crate::simulator::cloud::Holder;
use crate::simulator::cloud::Hook;
use crate::simulator::cloud::Level;
use crate::simulator::cloud::Matcher;
use crate::simulator::cloud::Person;
use crate::simulator::cloud::Project;
use crate::simulator::cloud::ProjectLevel;
use crate::simulator::cloud::Repository;
use crate::simulator::cloud::Restriction;
use crate::simulator::cloud::Role;
use crate::simulator::cloud::Runner;
use crate::simulator::cloud::Variable;
use crate::simulator::cloud::Workspace;
use crate::simulator::company::BEGAN;
use crate::simulator::company::fresh_secret;
use crate::simulator::git::Author;
use crate::simulator::git::Git;
use crate::simulator::git::branch_ref;

impl Workspace {
    /// Adds a member of this nickname and gives their id.
    pub fn member(&mut self, nickname: &str, display_name: &str, role: Role) -> Uuid {
        let account = format!("557058:{}", self.dice.uuid());
        self.add_person(nickname, display_name, role, Some(account))
    }

    /// Adds the bot of an app or access token and gives its id.
    pub fn bot(&mut self, nickname: &str, display_name: &str) -> Uuid {
        self.add_person(nickname, display_name, Role::Outside, None)
    }

    fn add_person(
        &mut self,
        nickname: &str,
        name: &str,
        role: Role,
        account: Option<String>,
    ) -> Uuid {
        let uuid = self.dice.uuid();
        self.people.push(Person {
            uuid,
            account_id: account,
            display_name: name.to_owned(),
            nickname: nickname.to_owned(),
            email: format!("{nickname}@{}.example", self.slug),
            role,
        });
        uuid
    }

    /// Adds a group.
    pub fn group(&mut self, slug: &str, name: &str, members: &[Uuid]) {
        let members = members.to_vec();
        let (slug, name) = (slug.to_owned(), name.to_owned());
        self.groups.push(Group { slug, name, permission: None, members });
    }

    /// Adds a project.
    pub fn project(&mut self, key: &str, name: &str, is_private: bool) {
        let uuid = self.dice.uuid();
        let (key, name) = (key.to_owned(), name.to_owned());
        let (grants, deploy_keys) = (Vec::new(), Vec::new());
        self.projects.push(Project { uuid, key, name, is_private, grants, deploy_keys });
    }

    /// Grants on a project; a second grant to the same holder replaces the first.
    pub fn grant_project(&mut self, key: &str, to: Holder, level: ProjectLevel) {
        if let Some(project) = self.projects.iter_mut().find(|project| project.key == key) {
            project.grants.retain(|grant| grant.to != to);
            project.grants.push(Grant { to, level });
        }
    }

    /// Adds a private repository with one commit on `main`, and the groups' default access to it.
    pub fn add_repository(&mut self, slug: &str, project: &str) -> &mut Repository {
        let uuid = self.dice.uuid();
        let mut git = Git::new(uuid.to_string());
        let author = Author { name: "Company".to_owned(), email: "company@example.com".to_owned() };
        let first = git.add(Vec::new(), &author, "Begin", BEGAN);
        git.set(&branch_ref("main"), &first);
        let grants = self.groups.iter().filter_map(default_access).collect();
        let at = self.repositories.len();
        self.repositories.push(Repository {
            uuid,
            slug: slug.to_owned(),
            name: slug.to_owned(),
            description: String::new(),
            is_private: true,
            fork_policy: "no_public_forks".to_owned(),
            mainbranch: Some("main".to_owned()),
            project: project.to_owned(),
            parent: None,
            grants,
            git,
            restrictions: Vec::new(),
            environments: Vec::new(),
            variables: Vec::new(),
            deploy_keys: Vec::new(),
            runners: Vec::new(),
            hooks: Vec::new(),
            pull_requests: Vec::new(),
            pipelines_enabled: true,
            definition: None,
            pipelines: Vec::new(),
            statuses: Vec::new(),
            development: None,
            production: None,
            overrides: false,
            updated_on: None,
        });
        #[expect(clippy::indexing_slicing, reason = "the element was pushed just above")]
        &mut self.repositories[at]
    }

    /// Grants on a repository; a second grant to the same holder replaces the first.
    pub fn grant(&mut self, repository: &str, to: Holder, level: Level) {
        if let Some(repository) = self.repository_mut(repository) {
            repository.grants.retain(|grant| grant.to != to);
            repository.grants.push(Grant { to, level });
        }
    }

    /// Adds a branch restriction and gives its id.
    pub fn restrict(
        &mut self,
        repository: &str,
        kind: &str,
        matcher: Matcher,
        users: &[Uuid],
    ) -> u64 {
        let id = self.number();
        let (kind, users) = (kind.to_owned(), users.to_vec());
        let rule = Restriction { id, kind, matcher, value: None, users, groups: Vec::new() };
        if let Some(repository) = self.repository_mut(repository) {
            repository.restrictions.push(rule);
        }
        id
    }

    /// Adds an environment of tier `Test`, `Staging` or `Production`, and gives its id.
    pub fn environment(&mut self, repository: &str, name: &str, tier: &str) -> Uuid {
        let uuid = self.dice.uuid();
        let environment = Environment {
            uuid,
            name: name.to_owned(),
            tier: tier.to_owned(),
            admin_only: false,
            variables: Vec::new(),
        };
        if let Some(repository) = self.repository_mut(repository) {
            repository.environments.push(environment);
        }
        uuid
    }

    /// A variable to put wherever it belongs; its value is random.
    pub fn variable(&mut self, key: &str, secured: bool) -> Variable {
        Variable { uuid: self.dice.uuid(), key: key.to_owned(), value: fresh_secret(), secured }
    }

    /// A runner to put wherever it belongs.
    pub fn runner(&mut self, name: &str, labels: &[&str]) -> Runner {
        Runner {
            uuid: self.dice.uuid(),
            name: name.to_owned(),
            labels: labels.iter().map(|&label| label.to_owned()).collect(),
            status: "ONLINE".to_owned(),
        }
    }

    /// Adds a read-only access key and gives its id.
    pub fn deploy_key(&mut self, repository: &str, label: &str, owner: Uuid) -> u64 {
        let id = self.number();
        let key = DeployKey {
            id,
            key: format!("ssh-ed25519 {}", fresh_secret()),
            label: label.to_owned(),
            owner,
            added_on: BEGAN,
            last_used: None,
        };
        if let Some(repository) = self.repository_mut(repository) {
            repository.deploy_keys.push(key);
        }
        id
    }

    /// Adds a webhook to one repository, or to the workspace, and gives its id.
    pub fn hook(
        &mut self,
        repository: Option<&str>,
        url: &str,
        secret: Option<&str>,
        events: &[&str],
    ) -> Uuid {
        let hook = Hook {
            uuid: self.dice.uuid(),
            url: url.to_owned(),
            description: "gate".to_owned(),
            secret: secret.map(str::to_owned),
            events: events.iter().map(|&event| event.to_owned()).collect(),
            active: true,
            skip_cert_verification: false,
        };
        let uuid = hook.uuid;
        match repository {
            None => self.hooks.push(hook),
            Some(name) => {
                if let Some(repository) = self.repository_mut(name) {
                    repository.hooks.push(hook);
                }
            }
        }
        uuid
    }
}

fn default_access(group: &Group) -> Option<Grant<Level>> {
    let level = group.permission?;
    Some(Grant { to: Holder::Group(group.slug.clone()), level })
}
