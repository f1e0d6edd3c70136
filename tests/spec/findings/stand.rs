//! A gateway over a world that a test writes, with rules that a test writes: nothing of it is played.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portcullis::decision::Mode;
use portcullis::decision::Modes;
use portcullis::gateway::Gateway;
use portcullis::gateway::Keep;
use portcullis::gateway::Parts;
use portcullis::gateway::brake;
use portcullis::gateway::bundles::Source;
use portcullis::gateway::clock::Clock;
use portcullis::gateway::connections::Connection;
use portcullis::gateway::connections::Connections;
use portcullis::gateway::meters::Meters;
use portcullis::gateway::patrol;
use portcullis::gateway::policies::Policies;
use portcullis::gateway::workers;
use portcullis::graph::Product;
use portcullis::graph::Snapshot;
use portcullis::graph::Time;
use portcullis::graph::World;
use portcullis::ledger::Entry;
use portcullis::ledger::VerifierKey;
use portcullis::notify;
use portcullis::posture::Finding;
use portcullis::posture::Wish;
use portcullis::secret::Seal;
use portcullis::secret::Secret;
use portcullis::secret::SigningKey;
use portcullis::store::Role;
use portcullis::store::Store;
use serde_json::Value;
use serde_json::json;

pub const NOW: Time = Time::from_millis(1_795_284_300_000);

/// A gateway in a folder of its own.
pub struct Stand {
    pub gateway: Arc<Gateway>,
    _folder: tempfile::TempDir,
}

impl Stand {
    pub async fn new() -> Self {
        Self::with(Source::Shipped, patrol::Settings::default(), notify::Settings::default()).await
    }

    pub async fn with(source: Source, patrol: patrol::Settings, notify: notify::Settings) -> Self {
        Self::of(&["acme"], source, patrol, notify).await
    }

    /// With these connections.
    pub async fn of(
        connections: &[&str],
        source: Source,
        patrol: patrol::Settings,
        notify: notify::Settings,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let connections = connections.iter().map(|id| connection(id)).collect();
        let gateway = gateway(folder.path(), connections, source, patrol, notify).await;
        Self { gateway, _folder: folder }
    }

    /// The value of a series of the metrics, after everything was looked up.
    pub async fn metric(&self, series: &str) -> f64 {
        self.gateway.look().await;
        let gathered = self.gateway.meters.registry().gather();
        let text = prometheus::TextEncoder::new().encode_to_string(&gathered).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{series} ")));
        line.unwrap_or_else(|| panic!("no {series} in {text}")).parse().unwrap()
    }

    /// A reading of Bitbucket that found this, and everything that is due after it.
    pub async fn read(&self, world: &Value) {
        self.gateway.take_in(world_of(world)).await.unwrap();
        assert!(self.gateway.patrol().await, "the patrol went well");
    }

    /// Everything is looked at.
    pub async fn round(&self) {
        self.gateway.scan_all_soon();
        assert!(self.gateway.patrol().await, "the patrol went well");
    }

    /// What is found of these wishes.
    pub async fn found(&self, wish: Wish) -> Vec<Finding> {
        self.gateway.findings(&wish).await.unwrap().findings
    }

    /// What one rule found about one subject.
    pub async fn one(&self, rule: &str, about: &str) -> Option<Finding> {
        let rule = Some(format!("posture/{rule}"));
        for outcome in portcullis::posture::Outcome::ALL {
            let wish = Wish { rule: rule.clone(), outcome: Some(*outcome), ..Wish::default() };
            let found = self.found(wish).await;
            let about = format!("acme/{about}");
            let one = found.into_iter().find(|one| one.subject.id.as_str() == about);
            if one.is_some() {
                return one;
            }
        }
        None
    }

    /// What the ledger says happened to findings: rule and deed.
    pub async fn deeds(&self) -> Vec<String> {
        let size = self.gateway.store.head().await.unwrap().size;
        let mut deeds = Vec::new();
        for index in 0..size {
            let kept = self.gateway.store.entry(index).await.unwrap().unwrap();
            let entry = Entry::from_bytes(&kept.entry).unwrap();
            let text = |name: &str| entry.body.get(name).and_then(Value::as_str);
            if text("what") == Some("finding") {
                deeds.push(format!("{} {}", text("rule").unwrap(), text("deed").unwrap()));
            }
        }
        deeds
    }

    pub fn let_pass(&self, time: Duration) {
        self.gateway.clock.advance(time);
    }
}

pub fn world_of(world: &Value) -> World {
    World::read(world.to_string().as_bytes()).unwrap()
}

/// A Cloud workspace with two projects, and a repository in each: one in order, one public and unprotected.
pub fn acme() -> Value {
    let id = |told: &str| format!("acme/{told}");
    let edge = |from: &str, is: &str, to: &str| json!({"from": id(from), "is": is, "to": id(to)});
    let repository = |told: &str, slug: &str, visibility: &str| {
        json!({
            "id": id(told), "name": slug, "slug": slug, "visibility": visibility,
            "default_branch": "main", "archived": false, "forks": "private_only",
        })
    };
    json!({
        "version": 1, "connection": {"id": "acme", "product": "cloud"},
        "as_of": "2026-11-21T18:00:00.000Z",
        "nodes": [
            {"id": id("workspace/w"), "name": "Acme", "slug": "acme", "premium": true},
            {"id": id("project/bill"), "name": "Billing", "key": "BILL", "visibility": "private"},
            {"id": id("project/web"), "name": "Web", "key": "WEB", "visibility": "private"},
            repository("repository/1", "billing", "private"),
            repository("repository/2", "site", "public"),
            {"id": id("user/mia"), "name": "Mia", "active": true},
            {"id": id("user/omar"), "name": "Omar", "active": true},
            {"id": id("group/dev"), "name": "developers"},
        ],
        "edges": [
            edge("project/bill", "in", "workspace/w"), edge("project/web", "in", "workspace/w"),
            edge("repository/1", "in", "project/bill"), edge("repository/2", "in", "project/web"),
            edge("user/mia", "member", "group/dev"), edge("user/omar", "member", "group/dev"),
            edge("user/mia", "member", "workspace/w"), edge("user/omar", "member", "workspace/w"),
            edge("group/dev", "write", "repository/1"), edge("user/mia", "admin", "repository/2"),
        ],
        "unknown": [],
    })
}

/// The same with something said of one of its nodes.
pub fn but(mut world: Value, about: &str, name: &str, value: Value) -> Value {
    let id = format!("acme/{about}");
    let nodes = world["nodes"].as_array_mut().unwrap();
    nodes.iter_mut().find(|node| node["id"] == id.as_str()).unwrap()[name] = value;
    world
}

/// The same without a node and its edges.
pub fn without(mut world: Value, about: &str) -> Value {
    let id = format!("acme/{about}");
    world["nodes"].as_array_mut().unwrap().retain(|node| node["id"] != id.as_str());
    let touches = |edge: &Value| edge["from"] == id.as_str() || edge["to"] == id.as_str();
    world["edges"].as_array_mut().unwrap().retain(|edge| !touches(edge));
    world
}

/// The same with a gap.
pub fn not_knowing(mut world: Value, about: &str, field: &str) -> Value {
    let gap = json!({"about": format!("acme/{about}"), "field": field, "why": "the credential has no scope for it"});
    world["unknown"].as_array_mut().unwrap().push(gap);
    world
}

async fn gateway(
    folder: &Path,
    connections: Vec<Connection>,
    source: Source,
    patrol: patrol::Settings,
    notify: notify::Settings,
) -> Arc<Gateway> {
    let mut settings = workers::Settings::of(env!("CARGO_BIN_EXE_portcullis").into());
    settings.count = 1;
    settings.deadline = Duration::from_secs(10);
    settings.load_deadline = Duration::from_mins(1);
    let policies = Policies::load(source, settings).await.unwrap();
    let store = Store::open(portcullis::store::Settings {
        path: folder.join("portcullis.db"),
        seal: Arc::new(Seal::new(&Secret::new([7; 32]), None)),
        origin: "gate.test/ledger".to_owned(),
        role: Role::Serve,
    });
    let store = store.await.unwrap();
    let signing = SigningKey::generate().unwrap();
    let verifier = VerifierKey::new(store.origin(), signing.public_key()).unwrap();
    let day = Duration::from_hours(24);
    let parts = Parts {
        store,
        clock: Arc::new(Clock::by_hand(NOW)),
        connections: Connections::new(connections).unwrap(),
        policies,
        graph: Snapshot::empty(),
        modes: Modes::new(Mode::Enforce, Vec::new()),
        brake: brake::Settings::default(),
        notify,
        patrol,
        signing,
        verifier,
        keep: Keep { bodies: day, sealed: day * 400 },
        streams: Vec::new(),
        public_url: "https://gate.test".to_owned(),
        meters: Meters::new().unwrap(),
    };
    Gateway::new(parts)
}

fn connection(id: &str) -> Connection {
    Connection {
        id: id.parse().unwrap(),
        product: Product::Cloud,
        workspace: Some(id.to_owned()),
        client: None,
        issuer: None,
        protected_refs: Vec::new(),
        premium: Some(true),
        posts_status: false,
        hooks: Vec::new(),
        environments: Vec::new(),
        ci: Vec::new(),
        own: None.into(),
    }
}
