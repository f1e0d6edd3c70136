//! What was acknowledged is on the disk, once, in order; and a store that cannot promise that does not open.

mod audit;
mod connections;
mod copies;
mod deliveries;
mod disks;
mod erasing;
mod findings;
mod forgetting;
mod keys;
mod migrations;
mod notices;
mod opening;
mod recording;
mod searching;

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use portcullis::approval::Binding;
use portcullis::approval::State;
use portcullis::approval::Ticket;
use portcullis::decision::Effect;
use portcullis::decision::Record;
use portcullis::decision::record::Names;
use portcullis::decision::record::Part;
use portcullis::decision::record::Public;
use portcullis::decision::record::Told;
use portcullis::graph::Product;
use portcullis::graph::Time;
use portcullis::graph::World;
use portcullis::graph::world::Connection;
use portcullis::graph::world::Node;
use portcullis::policy::Verdict;
use portcullis::secret::Seal;
use portcullis::secret::Secret;
use portcullis::store::Learned;
use portcullis::store::NewDelivery;
use portcullis::store::OpenError;
use portcullis::store::Reading;
use portcullis::store::Role;
use portcullis::store::Settings;
use portcullis::store::Store;
use portcullis::store::StoreError;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;
use uuid::Uuid;

/// 2026-03-01T09:30:00.125Z.
const NOW: i64 = 1_772_357_400_125;

fn at(after_ms: i64) -> Time {
    Time::from_millis(NOW + after_ms)
}

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("portcullis.db")
    }

    fn settings(&self) -> Settings {
        Settings {
            path: self.path(),
            seal: seal(7),
            origin: "gate.example.com/portcullis".to_owned(),
            role: Role::Serve,
        }
    }

    async fn open(&self) -> Store {
        self.try_open().await.unwrap()
    }

    async fn try_open(&self) -> Result<Store, OpenError> {
        Store::open(self.settings()).await
    }

    /// Whether these bytes stand anywhere in the store's files.
    fn holds(&self, needle: &str) -> bool {
        std::fs::read_dir(self.folder.path())
            .unwrap()
            .any(|file| contains(&std::fs::read(file.unwrap().path()).unwrap(), needle.as_bytes()))
    }
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

fn seal(byte: u8) -> Arc<Seal> {
    Arc::new(Seal::new(&Secret::new([byte; 32]), None))
}

/// Straight into the file, beside the program.
fn sql(path: &Path, statement: &str) {
    rusqlite::Connection::open(path).unwrap().execute_batch(statement).unwrap();
}

const HOOK: &str = "0123456789abcdef0123456789abcdef";
const OTHER_HOOK: &str = "fedcba9876543210fedcba9876543210";

fn delivery(hook: &str, body: &'static [u8], received: Time) -> NewDelivery<'static> {
    NewDelivery {
        id: Uuid::now_v7(),
        connection: "acme-cloud".parse().unwrap(),
        hook: hook.parse().unwrap(),
        product: Product::Cloud,
        key: "repo:push".to_owned(),
        digest: Sha256::digest(body).into(),
        body,
        received,
        attempt: 1,
    }
}

fn public(at: Time) -> Public {
    serde_json::from_value(json!({
        "decision": Uuid::now_v7(), "at": at, "connection": "acme-cloud", "product": "cloud",
        "event": "push", "action": "push", "surface": "hook", "caller": "hook",
        "repository": "acme-cloud/repository/1", "actor": "acme-cloud/user/2",
        "input_sha256": "00".repeat(32), "bundle": "11".repeat(32),
        "graph_revision": 3, "graph_age_ms": 40,
        "rules": [
            { "rule": "ref/force-push", "outcome": "matched", "verdict": "block", "mode": "enforce" },
            { "rule": "ref/deletion", "outcome": "did-not-match", "mode": "enforce" },
        ],
        "verdict": "block", "effect": "stop", "binds": "after", "uncovered": false,
        "remembered": false,
    }))
    .unwrap()
}

/// A decision whose parts name `who`.
fn decision_of(who: &str, at: Time) -> Record {
    let input = serde_json::value::to_raw_value(&json!({ "actor": { "name": who } })).unwrap();
    Record {
        public: public(at),
        input: Part::Kept(input),
        names: Part::Kept(Names { actor: Some(who.to_owned()), ..Names::default() }),
        told: Part::Kept(Told { approvers: vec![format!("{who} can")], ..Told::default() }),
    }
}

/// A world with one person in it.
fn world_of(who: &str) -> World {
    let connection =
        Connection { id: "acme-cloud".parse().unwrap(), product: Product::Cloud, name: None };
    let mut world = World::new(connection, at(0));
    world.nodes.push(Node::new("acme-cloud/user/7".parse().unwrap(), who));
    world
}

/// As a discovery keeps it.
async fn learn(
    store: &Store,
    world: &World,
    revision: u64,
    at: Time,
) -> Result<Learned, StoreError> {
    store.learn(Reading { world, revision, at }, |_| Vec::new()).await
}

fn allowed(at: Time, repository: &str) -> Record {
    let mut record = decision_of("Jo", at);
    record.public.verdict = Verdict::Allow;
    record.public.effect = Effect::Proceed;
    record.public.uncovered = true;
    record.public.rules.clear();
    record.public.repository = Some(repository.to_owned());
    record
}

fn ticket(decision: Uuid, state: State) -> Ticket {
    Ticket {
        id: Uuid::now_v7(),
        connection: "acme-cloud".parse().unwrap(),
        decision,
        binding: Binding {
            v: 1,
            connection: "acme-cloud".to_owned(),
            action: "deploy".to_owned(),
            repository: Some("acme-cloud/repository/1".to_owned()),
            reference: Some("refs/heads/main".to_owned()),
            commit: Some("ab".repeat(20)),
            environment: None,
            variables: Vec::new(),
            script_sha256: None,
            bundle: "11".repeat(32),
            rules: Vec::new(),
            facts: "22".repeat(32),
        },
        asked: Vec::new(),
        reason: "Mallory-Reason wants to deploy.".to_owned(),
        asked_because: Some("Mallory-Because".to_owned()),
        asker: "33".repeat(32),
        state,
        why: "It waits.".to_owned(),
        asked_at: at(0),
        expires_at: at(60_000),
        grant_ends: (state == State::Granted).then(|| at(30_000)),
        votes: Vec::new(),
        spent_by: None,
        waiting: None,
        version: 1,
    }
}
