//! Rows about posture: every shipped rule over 10,000 repositories from a loaded graph, and one repository again after a
//! change. Through the gateway with its store, as it is in service: looked at, asked, judged, kept, recorded.

use std::collections::BTreeSet;
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
use portcullis::graph::Id;
use portcullis::graph::Product;
use portcullis::graph::Snapshot;
use portcullis::graph::Time;
use portcullis::graph::World;
use portcullis::graph::attribute::Value;
use portcullis::ledger::VerifierKey;
use portcullis::posture::Held;
use portcullis::posture::evidence::Indexed;
use portcullis::posture::evidence::Place;
use portcullis::posture::evidence::piece::ClassRule;
use portcullis::posture::evidence::piece::Content;
use portcullis::posture::evidence::piece::Coverage;
use portcullis::posture::evidence::piece::EvidenceKind;
use portcullis::posture::evidence::piece::Head;
use portcullis::posture::evidence::piece::Piece;
use portcullis::posture::evidence::piece::Selector;
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

/// Rounds of the small change, each way; of the large scan one is enough.
const CHANGES: usize = 12;

/// The rules of a manifest of classifications, and how often it is asked.
const RULES: usize = 5_000;
const LOOKS: usize = 20_000;

const NOW: Time = Time::from_millis(1_795_284_300_000);

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
    let mut started = Vec::new();
    let mut waiting = Vec::new();
    for round in 0..CHANGES * 2 {
        let change = Value::Text(if round % 2 == 0 { "public" } else { "private" }.to_owned());
        let repository = world.nodes.iter_mut().find(|node| node.id.native() == "r-77").unwrap();
        repository.attributes.insert("visibility".to_owned(), change);
        let took = if round % 4 < 2 { &mut started } else { &mut waiting };
        if round % 4 < 2 {
            // With nothing due the workers that wait are let go.
            assert!(gateway.patrol().await);
        }
        gateway.take_in(world.clone()).await.unwrap();
        let begun = Instant::now();
        assert!(gateway.patrol().await, "the scan went well");
        took.push(begun.elapsed().as_secs_f64() * 1e3);
    }
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
        changed("one repository again after a change of it, its workers' start included", &started),
        changed("the same where workers wait since a change less than a minute ago", &waiting),
        class(),
    ]
}

fn changed(what: &str, took: &[f64]) -> Row {
    let (p50, worst) = (kit::median(took), kit::most(took));
    Row::at_most(
        "41",
        format!("{what}: wall clock"),
        format!("p50 {p50:.0} ms, most {worst:.0} ms"),
        (p50, " ms"),
        (CHANGE_AIM, "≤ 50 ms"),
        (CHANGE_AIM / 2.0, "≤ 25 ms"),
    )
}

/// The class of each of a thousand repositories by a manifest as long as one may be, of which no rule fits most of them.
fn class() -> Row {
    let of = |number: usize| match number % 4 {
        0 => Selector::Repository(format!("acme/service-{number}")),
        1 => Selector::Name(format!("team-{number}-*")),
        2 => Selector::Name(format!("*-unit-{number}")),
        _ => Selector::Project(format!("K{number}")),
    };
    let rules = (0..RULES).map(|number| ClassRule {
        row: number as u64,
        of: of(number),
        class: "confidential".to_owned(),
    });
    let piece = Piece {
        head: head(),
        content: Some(Content::Classes(rules.collect())),
        erased: BTreeSet::new(),
    };
    let held = Held::new(vec![Arc::new(Indexed::new(Arc::new(piece)))], Arc::default(), NOW);
    let places: Vec<(Id, String)> = (0..1_000)
        .map(|number| {
            let id = format!("{CONNECTION}/repository/{number}").parse().unwrap();
            (id, format!("acme/team-{number}-api-unit-{number}"))
        })
        .collect();
    let (found, took) = kit::spent(|| {
        let places = places.iter().cycle().take(LOOKS);
        let classes = places.map(|(id, name)| {
            held.class(Place { id, name: Some(name), project: Some("PAY") }).value().is_some()
        });
        classes.filter(|found| *found).count()
    });
    let each = took / LOOKS as f64;
    Row::remark(
        "41",
        format!(
            "the class of a repository by a manifest of {RULES} rules, which each decision asks for: CPU"
        ),
        format!("{found} of {LOOKS} classified"),
        format!("{each:.2} µs"),
    )
}

fn head() -> Head {
    Head {
        id: uuid::Uuid::nil(),
        connection: CONNECTION.parse().unwrap(),
        kind: EvidenceKind::Classification,
        coverage: Coverage::Whole,
        as_of: NOW,
        brought: NOW,
        until: NOW.plus(std::time::Duration::from_hours(24)),
        sha256: String::new(),
        bytes: 0,
        rows: RULES as u64,
        file: "manifest.csv".to_owned(),
        by: "bench".to_owned(),
        reason: String::new(),
        withdrawn: None,
    }
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
    Gateway::new(parts)
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
