//! The builder of a Data Center: what an administrator would set up before the story begins.

use std::collections::BTreeMap;

use crate::simulator::company::BEGAN;
use crate::simulator::company::fresh_secret;
use crate::simulator::datacenter::AccessKey;
use crate::simulator::datacenter::DataCenter;
use crate::simulator::datacenter::DcChecks;
use crate::simulator::datacenter::DcCredential;
use crate::simulator::datacenter::DcGrant;
use crate::simulator::datacenter::DcGroup;
use crate::simulator::datacenter::DcHolder;
use crate::simulator::datacenter::DcHook;
use crate::simulator::datacenter::DcProject;
use crate::simulator::datacenter::DcRepository;
use crate::simulator::datacenter::DcRestriction;
use crate::simulator::datacenter::DcUser;
use crate::simulator::datacenter::GlobalLevel;
use crate::simulator::datacenter::HttpToken;
use crate::simulator::datacenter::ProjectPermission;
use crate::simulator::datacenter::RepoPermission;
use crate::simulator::datacenter::TokenHome;
use crate::simulator::git::Author;
use crate::simulator::git::Git;
use crate::simulator::git::branch_ref;

impl DataCenter {
    /// Adds an active user and gives the number.
    pub fn add_user(&mut self, name: &str, display_name: &str) -> u64 {
        let id = self.number();
        let slug = name.to_lowercase().replace(['@', '/', '\\', ' ', '+'], "_");
        self.users.push(DcUser {
            id,
            name: name.to_owned(),
            slug,
            display_name: display_name.to_owned(),
            email: format!("{name}@example.com"),
            active: true,
            service: false,
            last_login: None,
        });
        id
    }

    /// Adds a group of users and groups.
    pub fn add_group(&mut self, name: &str, members: &[&str], groups: &[&str]) {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        self.groups.push(DcGroup {
            name: name.to_owned(),
            members: owned(members),
            groups: owned(groups),
        });
    }

    /// Grants a global permission.
    pub fn grant_global(&mut self, to: DcHolder, level: GlobalLevel) {
        self.global.push(DcGrant { to, level });
    }

    /// Adds a project; `~NAME` with an owner is a personal one.
    pub fn add_project(&mut self, key: &str, name: &str, owner: Option<&str>) -> u64 {
        let id = self.number();
        self.projects.push(DcProject {
            id,
            key: key.to_owned(),
            name: name.to_owned(),
            public: false,
            owner: owner.map(str::to_owned),
            default_permission: None,
            grants: Vec::new(),
            restrictions: Vec::new(),
            hooks: Vec::new(),
            access_keys: Vec::new(),
        });
        id
    }

    /// The project of this key, to change it.
    pub fn project_mut(&mut self, key: &str) -> Option<&mut DcProject> {
        self.projects.iter_mut().find(|project| project.key == key)
    }

    /// Adds a repository with one commit on `main`.
    pub fn add_repository(&mut self, project: &str, slug: &str) -> u64 {
        let id = self.number();
        let mut git = Git::new(format!("dc-{id}-{slug}"));
        let author = Author { name: "Company".to_owned(), email: "company@example.com".to_owned() };
        let first = git.add(Vec::new(), &author, "Begin", BEGAN);
        git.set(&branch_ref("main"), &first);
        self.repositories.push(DcRepository {
            id,
            slug: slug.to_owned(),
            name: slug.to_owned(),
            project: project.to_owned(),
            public: false,
            archived: false,
            forkable: true,
            hierarchy: format!("{id:020x}"),
            origin: None,
            default_branch: "main".to_owned(),
            grants: Vec::new(),
            restrictions: Vec::new(),
            hooks: Vec::new(),
            access_keys: Vec::new(),
            git,
            pull_requests: Vec::new(),
            builds: BTreeMap::new(),
            checks: DcChecks::default(),
        });
        id
    }

    /// Grants on a project.
    pub fn grant_project(&mut self, key: &str, to: DcHolder, level: ProjectPermission) {
        if let Some(project) = self.project_mut(key) {
            project.grants.retain(|grant| grant.to != to);
            project.grants.push(DcGrant { to, level });
        }
    }

    /// Grants on a repository `KEY/slug`.
    pub fn grant(&mut self, repository: &str, to: DcHolder, level: RepoPermission) {
        if let Some(repository) = self.repository_mut(repository) {
            repository.grants.retain(|grant| grant.to != to);
            repository.grants.push(DcGrant { to, level });
        }
    }

    /// A password for a user.
    pub fn password(&mut self, user: &str) -> String {
        self.credential(user, None)
    }

    /// An HTTP access token of a user, up to these levels.
    pub fn token(
        &mut self,
        user: &str,
        project: ProjectPermission,
        repo: RepoPermission,
    ) -> String {
        self.credential(user, Some((project, repo)))
    }

    /// Adds an HTTP access token to the lists of its home, and gives its id. It was never used and never ends.
    pub fn list_token(&mut self, name: &str, home: TokenHome, permissions: &[&str]) -> String {
        let id = format!("{:012}", self.number());
        self.tokens.push(HttpToken {
            id: id.clone(),
            name: name.to_owned(),
            home,
            permissions: permissions.iter().map(|&word| word.to_owned()).collect(),
            created: BEGAN,
            last_used: None,
            expires: None,
        });
        id
    }

    /// An access or SSH key that was added long ago and never used, to put wherever it belongs.
    pub fn key(&mut self, label: &str) -> AccessKey {
        AccessKey {
            id: self.number(),
            label: label.to_owned(),
            text: format!("ssh-ed25519 {}", fresh_secret()),
            write: false,
            added: BEGAN,
            last_used: None,
            expiry_days: None,
        }
    }

    fn credential(
        &mut self,
        user: &str,
        token: Option<(ProjectPermission, RepoPermission)>,
    ) -> String {
        let secret = fresh_secret();
        self.credentials.push(DcCredential {
            secret: secret.clone(),
            user: user.to_owned(),
            token,
        });
        secret
    }

    /// Adds a webhook to a project `KEY` or repository `KEY/slug`, and gives its number.
    pub fn hook(&mut self, on: &str, url: &str, secret: Option<&str>, events: &[&str]) -> u64 {
        let id = self.number();
        let hook = DcHook {
            id,
            name: "gate".to_owned(),
            url: url.to_owned(),
            secret: secret.map(str::to_owned),
            events: events.iter().map(|&event| event.to_owned()).collect(),
            active: true,
            verify_tls: true,
            last: None,
        };
        if on.contains('/') {
            if let Some(repository) = self.repository_mut(on) {
                repository.hooks.push(hook);
            }
        } else if let Some(project) = self.project_mut(on) {
            project.hooks.push(hook);
        }
        id
    }

    /// Adds a branch restriction to a project `KEY` or repository `KEY/slug`, and gives its number.
    pub fn restrict(&mut self, on: &str, kind: &str, matcher_type: &str, matcher_id: &str) -> u64 {
        let id = self.number();
        let rule = DcRestriction {
            id,
            kind: kind.to_owned(),
            matcher_type: matcher_type.to_owned(),
            matcher_id: matcher_id.to_owned(),
            users: Vec::new(),
            groups: Vec::new(),
            access_keys: Vec::new(),
        };
        if on.contains('/') {
            if let Some(repository) = self.repository_mut(on) {
                repository.restrictions.push(rule);
            }
        } else if let Some(project) = self.project_mut(on) {
            project.restrictions.push(rule);
        }
        id
    }
}
