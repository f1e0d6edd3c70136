//! Rows about posture: every shipped rule over 10,000 repositories from a loaded graph, and one repository again after a
//! change. Through the gateway with its store, as it is in service: looked at, asked, judged, kept, recorded.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

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
use portcullis::graph::Product;
use portcullis::graph::Snapshot;
use portcullis::graph::Time;
use portcullis::graph::World;
use portcullis::graph::attribute::Value;
use portcullis::ledger::VerifierKey;
use portcullis::secret::Seal;
use portcullis::secret::Secret;
use portcullis::secret::SigningKey;
use portcullis::store::Role;
use portcullis::store::Store;
use serde_json::json;

use crate::evaluate;
use crate::kit;
use crate::kit::Row;

const REPOSITORIES: usize = 10_000;
const PROJECTS: usize = 500;
const PEOPLE: usize = 2_000;

/// Rounds of the small change; of the large scan one is enough.
const CHANGES: usize = 11;

const CONNECTION: &str = "acme";

/// Aims of the issue: seconds, milliseconds.
const SCAN_AIM: f64 = 20.0;
const CHANGE_AIM: f64 = 50.0;

pub fn rows() -> Vec<Row> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(measured())
}

async fn measured() -> Vec<Row> {
    let folder = kit::folder("posture");
    let gateway = gateway(folder.path()).await;
    let mut world = estate();
    gateway.publish(world.clone()).unwrap();
    let rules = gateway.catalogue().rules.len();
    gateway.scan_all_soon();
    let begun = Instant::now();
    assert!(gateway.patrol().await, "the scan went well");
    let whole = begun.elapsed().as_secs_f64();
    let scans = gateway.scans(None, None, 1).await.unwrap().scans;
    let (subjects, found) =
        (scans[0].subjects, scans[0].tallies.iter().map(|one| one.fail).sum::<u64>());
    let mut took = Vec::new();
    for round in 0..CHANGES {
        let change = Value::Text(if round % 2 == 0 { "public" } else { "private" }.to_owned());
        let repository = world.nodes.iter_mut().find(|node| node.id.native() == "r-77").unwrap();
        repository.attributes.insert("visibility".to_owned(), change);
        gateway.take_in(world.clone()).await.unwrap();
        let begun = Instant::now();
        assert!(gateway.patrol().await, "the scan went well");
        took.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    let (p50, worst) = (kit::median(&took), kit::most(&took));
    gateway.store.close().await;
    vec![
        Row::at_most(
            "40",
            format!(
                "{REPOSITORIES} repositories, {rules} posture rules, from a loaded graph to the record: wall clock"
            ),
            format!("{whole:.1} s, {subjects} subjects, {found} findings"),
            (whole, " s"),
            (SCAN_AIM, "≤ 20 s"),
            (SCAN_AIM / 2.0, "≤ 10 s"),
        ),
        Row::at_most(
            "41",
            "one repository again after a change of it, its workers' start included: wall clock",
            format!("p50 {p50:.0} ms, most {worst:.0} ms"),
            (p50, " ms"),
            (CHANGE_AIM, "≤ 50 ms"),
            (CHANGE_AIM / 2.0, "≤ 25 ms"),
        ),
    ]
}

/// A workspace with projects, repositories of several sorts, groups that write to them, hooks, keys and variables.
fn estate() -> World {
    let id = |kind: &str, native: &str| format!("{CONNECTION}/{kind}/{native}");
    let (mut nodes, mut edges) = (Vec::new(), Vec::new());
    let mut edge = |from: String, is: &str, to: String| {
        edges.push(json!({"from": from, "is": is, "to": to}));
    };
    let workspace = id("workspace", "w");
    nodes.push(json!({"id": workspace, "name": "Acme", "slug": "acme", "premium": true}));
    for number in 0..PEOPLE {
        let user = id("user", &format!("u-{number}"));
        nodes.push(json!({"id": user, "name": format!("Person {number}"), "active": true}));
        edge(user, "member", id("group", &format!("g-{}", number % (PROJECTS / 5))));
    }
    for number in 0..PROJECTS / 5 {
        nodes.push(
            json!({"id": id("group", &format!("g-{number}")), "name": format!("team-{number}")}),
        );
    }
    for number in 0..PROJECTS {
        let project = id("project", &format!("p-{number}"));
        nodes.push(json!({"id": project, "name": format!("Project {number}"), "key": format!("P{number}"), "visibility": "private"}));
        edge(project, "in", workspace.clone());
    }
    for number in 0..REPOSITORIES {
        let native = format!("r-{number}");
        let repository = id("repository", &native);
        nodes.push(json!({
            "id": repository, "name": format!("repository-{number}"), "slug": format!("repository-{number}"),
            "visibility": if number % 40 == 0 { "public" } else { "private" },
            "default_branch": "main", "archived": false, "forks": "private_only",
        }));
        edge(repository.clone(), "in", id("project", &format!("p-{}", number % PROJECTS)));
        edge(id("group", &format!("g-{}", number % (PROJECTS / 5))), "write", repository.clone());
        edge(id("user", &format!("u-{}", number % PEOPLE)), "admin", repository.clone());
        if number % 3 > 0 {
            let rule = id("restriction", &format!("b-{number}"));
            nodes.push(json!({"id": rule, "kind": "push", "pattern": "main", "matches": "glob"}));
            edge(rule, "restricts", repository.clone());
        }
        if number % 10 == 0 {
            let hook = id("hook", &format!("h-{number}"));
            nodes.push(json!({"id": hook, "host": "hooks.example.com", "external": true, "secret_set": number % 20 == 0, "active": true}));
            edge(hook, "in", repository);
        }
    }
    let world = json!({
        "version": 1, "connection": {"id": CONNECTION, "product": "cloud"},
        "as_of": "2026-11-21T18:05:00.000Z", "nodes": nodes, "edges": edges, "unknown": [],
    });
    World::read(world.to_string().as_bytes()).unwrap()
}

async fn gateway(folder: &Path) -> Arc<Gateway> {
    let policies = Policies::load(Source::Shipped, evaluate::settings(2)).await.unwrap();
    let store = Store::open(portcullis::store::Settings {
        path: folder.join("portcullis.db"),
        seal: Arc::new(Seal::new(&Secret::new([7; 32]), None)),
        origin: "bench/ledger".to_owned(),
        role: Role::Serve,
    });
    let store = store.await.unwrap();
    let signing = SigningKey::generate().unwrap();
    let verifier = VerifierKey::new(store.origin(), signing.public_key()).unwrap();
    let day = std::time::Duration::from_hours(24);
    let clock = Arc::new(Clock::machine(Time::from_millis(0)));
    let parts = Parts {
        store,
        clock,
        connections: Connections::new(vec![connection()]).unwrap(),
        policies,
        graph: Snapshot::empty(),
        modes: Modes::new(Mode::Enforce, Vec::new()),
        brake: brake::Settings::default(),
        notify: portcullis::notify::Settings::default(),
        patrol: patrol::Settings::default(),
        signing,
        verifier,
        keep: Keep { bodies: day, sealed: day },
        streams: Vec::new(),
        public_url: "http://127.0.0.1:1".to_owned(),
        meters: Meters::new().unwrap(),
    };
    Gateway::new(parts).unwrap()
}

fn connection() -> Connection {
    Connection {
        id: CONNECTION.parse().unwrap(),
        product: Product::Cloud,
        workspace: Some("acme".to_owned()),
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
