//! A gate without any connection, in front of a company whose webhooks lead nowhere yet.

use std::path::PathBuf;
use std::sync::Arc;

use portcullis::simulator::cloud::CloudCredential;
use portcullis::simulator::cloud::CredentialKind;
use portcullis::simulator::datacenter::ProjectPermission;
use portcullis::simulator::datacenter::RepoPermission;
use portcullis::simulator::git::Change;
use reqwest::Method;
use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use crate::spec::rig::Asked;
use crate::spec::rig::BILLING;
use crate::spec::rig::Gate;
use crate::spec::rig::LEDGER;
use crate::spec::rig::Said;
use crate::spec::rig::Town;
use crate::spec::rig::until;

/// Everything a workspace access token may have.
pub const ALL_SCOPES: [&str; 9] = [
    "account",
    "project",
    "project:admin",
    "repository",
    "repository:admin",
    "pullrequest",
    "pipeline",
    "runner",
    "webhook",
];

/// Ids of what is connected.
pub const CLOUD: &str = "acme-cloud";
pub const DATACENTER: &str = "acme-dc";

/// Nothing but addresses. The public one has a fixed port: webhooks that are registered must lead there after a restart.
pub fn toml() -> String {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!(
        "[public]\nlisten = \"127.0.0.1:{free}\"\n[operator]\nlisten = \"127.0.0.1:0\"\n[store]\nurl = \"sqlite:FOLDER/portcullis.db\"\n[policies]\nmode = \"enforce\"\n[workers]\ncount = 1\ndeadline = \"10s\"\n"
    )
}

/// A gate that knows nobody yet.
pub struct House {
    pub gate: Gate,
}

impl House {
    pub async fn open() -> Self {
        let town = Arc::new(Town::new().await);
        // What the company had before has nothing to do with us.
        town.simulator.company(|company| {
            company.workspaces[0].hooks.clear();
            company.datacenter.repository_mut(LEDGER).unwrap().hooks.clear();
        });
        Self { gate: Gate::start_alone(town, &toml()).await }
    }

    /// An access token of the workspace with these scopes.
    pub fn token(&self, scopes: &[&str]) -> String {
        self.gate.town.simulator.company(|company| {
            let bot = company.workspaces[0].bot("portcullis-bot", "Portcullis");
            company.issue(CloudCredential::new(bot, CredentialKind::AccessToken, scopes))
        })
    }

    /// An API token of the gate's own account, an owner, with these scopes; and its e-mail address.
    pub fn api_token(&self, scopes: &[&str]) -> (String, String) {
        self.gate.town.simulator.company(|company| {
            let people = &company.workspaces[0].people;
            let gate = people.iter().find(|person| person.nickname == "portcullis").unwrap();
            let (owner, email) = (gate.uuid, gate.email.clone());
            let token = CloudCredential::new(owner, CredentialKind::ApiToken, scopes);
            (email, company.issue(token))
        })
    }

    /// An HTTP access token of the gate's user on Data Center.
    pub fn http_token(&self) -> String {
        self.gate.town.simulator.company(|company| {
            let dc = &mut company.datacenter;
            dc.token("portcullis", ProjectPermission::Admin, RepoPermission::Admin)
        })
    }

    /// Puts a secret into a file, as an operator would.
    pub fn file(&self, name: &str, secret: &str) -> PathBuf {
        let path = self.gate.path(name);
        std::fs::write(&path, format!("{secret}\n")).unwrap();
        path
    }

    /// `portcullis connect` to Cloud with a token in a file.
    pub async fn connect_cloud(&self, token: &str, more: &[&str]) -> Said {
        let file = self.file("cloud.token", token);
        let api = self.gate.town.simulator.cloud_api();
        let args = [
            "connect",
            CLOUD,
            "--product",
            "cloud",
            "--workspace",
            "acme",
            "--api-url",
            &api,
            "--credential",
            "token",
            "--secret-file",
            file.to_str().unwrap(),
        ];
        self.gate.operate(&[&args[..], more].concat()).await
    }

    /// The same to Data Center.
    pub async fn connect_datacenter(&self, more: &[&str]) -> Said {
        let file = self.file("dc.token", &self.http_token());
        let base = self.gate.town.simulator.datacenter_url();
        let args = [
            "connect",
            DATACENTER,
            "--product",
            "datacenter",
            "--base-url",
            &base,
            "--credential",
            "token",
            "--secret-file",
            file.to_str().unwrap(),
        ];
        self.gate.operate(&[&args[..], more].concat()).await
    }

    /// A wish to connect to Cloud through the API.
    pub fn wish(&self, id: &str, credential: &Value) -> Value {
        json!({
            "id": id, "product": "cloud", "workspace": "acme",
            "api_url": self.gate.town.simulator.cloud_api(), "credential": credential,
        })
    }

    pub async fn post(&self, path: &str, body: &Value) -> Asked {
        self.gate.api(Method::POST, path, body).await
    }

    /// Pushes to the Cloud repository; the deliveries it set in motion have ended.
    pub async fn push_cloud(&self, branch: &str) {
        let cast = &self.gate.town.cast;
        let push = Change::new_branch(branch, "main", 1);
        self.gate.town.simulator.cloud().push(BILLING, cast.ravi, &[push]).await.unwrap();
        self.gate.town.simulator.settled().await;
    }

    /// Pushes to the Data Center repository.
    pub async fn push_datacenter(&self, branch: &str) {
        let push = Change::new_branch(branch, "main", 1);
        self.gate.town.simulator.datacenter().push(LEDGER, "ravi", &[push]).await.unwrap();
        self.gate.town.simulator.settled().await;
    }

    /// Waits for a decision on this connection beyond those seen so far.
    pub async fn decided(&self, connection: &str, seen: usize) -> usize {
        until("a decision", async || {
            let records = self.gate.records().await;
            let of = records.iter().filter(|one| one.public.connection.as_str() == connection);
            Some(of.count()).filter(|count| *count > seen)
        })
        .await
    }

    /// Waits until a connection has been read since it was asked for.
    pub async fn read(&self, id: &str) -> Value {
        until("the end of a reading", async || {
            let now = self.gate.get(&format!("connections/{id}/sync")).await;
            (now["state"] == "done" || now["state"] == "failed").then_some(now)
        })
        .await
    }

    /// Every entry of the ledger whose `what` is this.
    pub async fn entries(&self, what: &str) -> Vec<Value> {
        let store = self.gate.store().await;
        let size = store.head().await.unwrap().size;
        let mut found = Vec::new();
        for index in 0..size {
            let record = store.entry(index).await.unwrap().unwrap();
            let entry: Value = serde_json::from_slice(&record.entry).unwrap();
            if entry["body"]["what"] == what {
                found.push(entry);
            }
        }
        store.close().await;
        found
    }

    /// The hooks of the workspace, as the simulated Bitbucket has them: id, secret.
    pub fn cloud_hooks(&self) -> Vec<(Uuid, Option<String>)> {
        self.gate.town.simulator.company(|company| {
            let hooks = company.workspaces[0].hooks.iter();
            hooks.map(|hook| (hook.uuid, hook.secret.clone())).collect()
        })
    }

    /// Secrets of every hook of the company.
    pub fn hook_secrets(&self) -> Vec<String> {
        self.gate.town.simulator.company(|company| {
            let dc = &company.datacenter;
            let projects = dc.projects.iter().flat_map(|project| &project.hooks);
            let repositories = dc.repositories.iter().flat_map(|found| &found.hooks);
            let cloud = company.workspaces[0].hooks.iter().filter_map(|hook| hook.secret.clone());
            let single = company.workspaces[0].repositories.iter().flat_map(|found| &found.hooks);
            let single = single.filter_map(|hook| hook.secret.clone());
            let dc = projects.chain(repositories).filter_map(|hook| hook.secret.clone());
            cloud.chain(single).chain(dc).collect()
        })
    }

    /// Whether every delivery so far was answered with a status of the 200s.
    pub fn all_taken(&self) -> bool {
        let all = self.gate.town.simulator.deliveries();
        all.iter().all(|one| {
            one.attempts.last().and_then(|last| last.status).is_some_and(|status| status / 100 == 2)
        })
    }
}

/// Whether a file holds these bytes.
pub fn holds(file: &std::path::Path, part: &[u8]) -> bool {
    let bytes = std::fs::read(file).unwrap_or_default();
    bytes.windows(part.len()).any(|window| window == part)
}
