//! A gateway in this process before a simulated workspace of many repositories, its webhooks in our hands.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use portcullis::bitbucket::Client;
use portcullis::bitbucket::Credential;
use portcullis::bitbucket::Server;
use portcullis::bitbucket::Settings;
use portcullis::bitbucket::TestServer;
use portcullis::decision::Mode;
use portcullis::decision::Modes;
use portcullis::decision::plan::ModeSetting;
use portcullis::event::caller::Issuer;
use portcullis::event::delivery::Envelope;
use portcullis::gateway::Accepted;
use portcullis::gateway::Gateway;
use portcullis::gateway::Keep;
use portcullis::gateway::Parts;
use portcullis::gateway::brake;
use portcullis::gateway::bundles::Source;
use portcullis::gateway::clock::Clock;
use portcullis::gateway::connections::Connection;
use portcullis::gateway::connections::Connections;
use portcullis::gateway::connections::Hook;
use portcullis::gateway::meters::Meters;
use portcullis::gateway::patrol;
use portcullis::gateway::policies::Policies;
use portcullis::gateway::workers;
use portcullis::graph::Product;
use portcullis::graph::Snapshot;
use portcullis::ledger::VerifierKey;
use portcullis::notify;
use portcullis::secret::Seal;
use portcullis::secret::Secret;
use portcullis::secret::SigningKey;
use portcullis::simulator::Simulator;
use portcullis::simulator::cloud::CloudCredential;
use portcullis::simulator::cloud::CredentialKind;
use portcullis::simulator::cloud::Holder;
use portcullis::simulator::cloud::ProjectLevel;
use portcullis::simulator::cloud::Role;
use portcullis::simulator::company::Company;
use portcullis::simulator::delivery::Delivery;
use portcullis::store::Role as StoreRole;
use portcullis::store::Store;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::model::Demand;
use crate::spec::rig::GATE;
use crate::spec::rig::until;

const CONNECTION: &str = "acme-cloud";
const HOOK: &str = "00000000000000000000000000000c10";
const HOOK_SECRET: &str = "the-secret-of-the-hook";

const SCOPES: &[&str] = &[
    "account",
    "project",
    "project:admin",
    "repository",
    "repository:admin",
    "pipeline",
    "runner",
    "webhook",
];

/// How long an hour of the client's budget lasts: a storm is to be held up by no limit.
const HOUR: Duration = Duration::from_millis(50);

/// What every step is told: the facts as the rules see them, in an order.
const SHOWS: &str = r#"# METADATA
# title: Says what it sees
# description: A rule for tests.
# custom:
#   on: [pipeline.step]
#   reads: [actor.level, resource.repository.visibility]
#   severity: low
#   unknown: handled
package portcullis.rules.test.shows

default level := "unknown"

level := input.actor.level

default visibility := "unknown"

visibility := input.resource.repository.visibility

finding contains {"verdict": "alert", "reason": sprintf("%s %s", [level, visibility])} if input.action.name != ""
"#;

/// Who does not administer a repository needs an approval to deploy from it.
const DEPLOYS: &str = r#"# METADATA
# title: A deploy by somebody who does not administer
# description: A rule for tests.
# custom:
#   on: [pipeline.step]
#   reads: [actor.level]
#   severity: high
#   remedies: [Ask for it.]
package portcullis.rules.test.deploys

finding contains {
	"verdict": "approve",
	"reason": "Somebody who does not administer deploys.",
	"proof": ["actor.level"],
	"approval": {"from": {"group": "approvers"}, "count": 1, "not": [], "expires_in": "4h", "grant_for": "30m"},
} if {
	input.action.name == "deploy"
	input.actor.level != "admin"
}
"#;

/// Finds nothing, and takes no old facts.
const FRESH: &str = r#"# METADATA
# title: Takes fresh facts alone
# description: A rule for tests.
# custom:
#   on: [pipeline.step]
#   reads: [actor.level]
#   fresh: 2s
#   severity: low
#   unknown: handled
package portcullis.rules.test.fresh

finding contains {"verdict": "alert", "reason": "Never."} if input.action.name == "never"
"#;

/// A gateway, the Bitbucket before it, and who is there.
pub struct Stand {
    pub gateway: Arc<Gateway>,
    pub simulator: Simulator,
    pub owner: Uuid,
    pub people: Vec<Uuid>,
    tasks: JoinSet<()>,
    folder: tempfile::TempDir,
}

/// `acme/` and the slug of a repository.
pub fn name(place: usize) -> String {
    format!("acme/repo-{place}")
}

impl Stand {
    /// Repositories are private, and of the people only the first half may write.
    pub async fn open(seed: u64, places: usize, people: usize) -> Self {
        let mut company = Company::seeded(seed);
        let acme = company.workspace("acme", "Acme");
        let owner = acme.member("ada", "Ada", Role::Owner);
        let people: Vec<Uuid> = (0..people)
            .map(|at| acme.member(&format!("p{at}"), &format!("Person {at}"), Role::Member))
            .collect();
        acme.group("developers", "developers", &people[..people.len() / 2]);
        acme.group("approvers", "approvers", &[people[0]]);
        acme.project("ALL", "All of it", false);
        acme.grant_project("ALL", Holder::Group("developers".to_owned()), ProjectLevel::Write);
        for place in 0..places {
            acme.add_repository(&format!("repo-{place}"), "ALL");
        }
        // Nobody listens there: what is sent comes back as broken, and we are the post.
        let nowhere = format!("http://127.0.0.1:9/hooks/{HOOK}");
        acme.hook(None, &nowhere, Some(HOOK_SECRET), &["repo:updated", "repo:push"]);
        let token = company.issue(CloudCredential::new(owner, CredentialKind::AccessToken, SCOPES));
        let simulator = Simulator::start(company).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let gateway = gateway(folder.path(), &simulator, token).await;
        let mut tasks = JoinSet::new();
        let running = Arc::clone(&gateway);
        tasks.spawn(async move { running.run().await });
        Self { gateway, simulator, owner, people, tasks, folder }
    }

    /// Which age of facts is taken from now on.
    pub fn demand(&self, demand: Demand) {
        let fresh = ModeSetting {
            connection: CONNECTION.parse().unwrap(),
            rules: "test/fresh".to_owned(),
            mode: if demand == Demand::Fresh { Mode::Enforce } else { Mode::Off },
            class: None,
        };
        self.gateway.modes.store(Arc::new(Modes::new(Mode::Enforce, vec![fresh])));
    }

    /// Reads everything; whether it was read.
    pub async fn read(&self) -> bool {
        let connection = self.gateway.connections.get(&CONNECTION.parse().unwrap()).unwrap();
        self.gateway.discover(&connection).await.is_ok()
    }

    /// Brings a webhook to the gate, which takes it; whether it was new.
    pub async fn bring(&self, told: &Delivery) -> bool {
        let envelope = Envelope {
            key: told.sent.event.clone(),
            signatures: vec![told.signature.clone().unwrap().into_bytes()],
            body: Bytes::from(told.sent.body.clone()),
            received: self.gateway.clock.now(),
        };
        let taken = self.gateway.accept(&HOOK.parse().unwrap(), envelope).await.unwrap();
        matches!(taken, Accepted::Kept(_))
    }

    /// Waits until no delivery is left to decide.
    pub async fn quiet(&self) {
        let file = self.folder.path().join("portcullis.db");
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let db = rusqlite::Connection::open_with_flags(file, flags).unwrap();
        let left = "SELECT count(*) FROM delivery WHERE state = 0";
        until("quiet", async || {
            let left: i64 = db.query_row(left, [], |row| row.get(0)).unwrap();
            (left == 0).then_some(())
        })
        .await;
    }

    pub async fn close(mut self) {
        self.gateway.stop();
        while self.tasks.join_next().await.is_some() {}
        self.gateway.store.close().await;
        self.simulator.stop().await;
    }
}

async fn gateway(folder: &Path, simulator: &Simulator, token: String) -> Arc<Gateway> {
    let rules = folder.join("rules");
    std::fs::create_dir_all(rules.join("test")).unwrap();
    for (name, text) in [("shows", SHOWS), ("deploys", DEPLOYS), ("fresh", FRESH)] {
        std::fs::write(rules.join(format!("test/{name}.rego")), text).unwrap();
    }
    let mut settings = workers::Settings::of(PathBuf::from(env!("CARGO_BIN_EXE_portcullis")));
    settings.count = 1;
    settings.deadline = Duration::from_secs(10);
    let policies = Policies::load(Source::Folder(rules), settings).await.unwrap();
    let settings = portcullis::store::Settings {
        path: folder.join("portcullis.db"),
        seal: Arc::new(Seal::new(&Secret::new([7; 32]), None)),
        origin: "gate.test/ledger".to_owned(),
        role: StoreRole::Serve,
    };
    let store = Store::open(settings).await.unwrap();
    let clock = Arc::new(Clock::machine(store.highest_stamp()));
    store.keep_bundle(&policies.current().bundle, clock.now(), "start").await.unwrap();
    let signing = SigningKey::generate().unwrap();
    let verifier = VerifierKey::new(store.origin(), signing.public_key()).unwrap();
    let parts = Parts {
        connections: Connections::new(vec![connection(simulator, token)]).unwrap(),
        graph: Snapshot::empty(),
        modes: Modes::new(Mode::Enforce, Vec::new()),
        brake: brake::Settings::default(),
        notify: notify::Settings::default(),
        patrol: patrol::Settings::default(),
        keep: Keep { bodies: Duration::from_hours(24), sealed: Duration::from_hours(24) },
        streams: Vec::new(),
        meters: Meters::new().unwrap(),
        store,
        clock,
        policies,
        signing,
        verifier,
        public_url: GATE.to_owned(),
    };
    Gateway::new(parts)
}

fn connection(simulator: &Simulator, token: String) -> Connection {
    let api = simulator.cloud_api();
    let test = TestServer { api_url: api.clone(), token_url: None };
    let id: portcullis::graph::ConnectionId = CONNECTION.parse().unwrap();
    let client = Client::new(Settings {
        connection: id.clone(),
        server: Server::Cloud { workspace: "acme".to_owned(), test: Some(test) },
        credential: Credential::Bearer(Secret::new(token)),
    });
    let client = client.unwrap();
    client.hour_lasts(HOUR);
    let issuer = Issuer {
        connection: id.clone(),
        issuer: format!("{api}/workspaces/acme/pipelines-config/identity/oidc"),
        audiences: vec![GATE.to_owned()],
    };
    let secrets = vec![Secret::new(HOOK_SECRET.as_bytes().to_vec())];
    Connection {
        id,
        product: Product::Cloud,
        workspace: Some("acme".to_owned()),
        client: Some(client),
        issuer: Some(issuer),
        protected_refs: Vec::new(),
        premium: None,
        posts_status: false,
        hooks: vec![Hook::new(HOOK.parse().unwrap(), secrets).unwrap()],
        environments: Vec::new(),
        ci: Vec::new(),
        own: ArcSwapOption::empty(),
    }
}
