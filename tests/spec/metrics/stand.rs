//! A gateway whose clock is moved by hand and which runs only when it is told to: what it shows is then exact.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use portcullis::decision::Mode;
use portcullis::decision::Modes;
use portcullis::event::EventKind;
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
use portcullis::gateway::policies::Policies;
use portcullis::gateway::workers;
use portcullis::graph::Product;
use portcullis::graph::Snapshot;
use portcullis::graph::Time;
use portcullis::graph::fact::Wanted;
use portcullis::ledger::Kind;
use portcullis::ledger::VerifierKey;
use portcullis::policy::Answer;
use portcullis::policy::example::example;
use portcullis::secret::Seal;
use portcullis::secret::Secret;
use portcullis::secret::SigningKey;
use portcullis::store::NewEntry;
use portcullis::store::Role;
use portcullis::store::Store;
use prometheus::TextEncoder;

use super::page::Page;
use crate::spec::rig::until;

pub const SECOND: Duration = Duration::from_secs(1);

const HOOK: &str = "00000000000000000000000000000c10";
const QUIET_HOOK: &str = "00000000000000000000000000000dc0";
const SECRET: &str = "the-secret-of-the-hooks";

/// 2026-11-20T17:00:00Z.
const BEGINNING: i64 = 1_795_194_000_000;

const RULE: &str = "# METADATA\n# title: It is calm\n# description: A rule for tests.\n# custom:\n#   on: [push]\n#   reads: [resource.ref.name]\n#   severity: low\n#   remedies:\n#     - Nothing.\npackage portcullis.rules.test.calm\n\nfinding contains {\"verdict\": \"alert\", \"reason\": \"It is calm.\", \"proof\": [\"resource.ref.name\"]} if input.resource.ref.name == \"nothing\"\n";

pub struct Stand {
    pub gateway: Arc<Gateway>,
    folder: Arc<tempfile::TempDir>,
}

impl Stand {
    pub async fn new() -> Self {
        Self::with_workers(Path::new(env!("CARGO_BIN_EXE_portcullis"))).await
    }

    pub async fn with_workers(program: &Path) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let rules = folder.path().join("rules/test");
        std::fs::create_dir_all(&rules).unwrap();
        std::fs::write(rules.join("calm.rego"), RULE).unwrap();
        let gateway = gateway(folder.path(), program, Time::from_millis(BEGINNING)).await;
        Self { gateway, folder }
    }

    /// The same, stopped and started again.
    pub async fn again(self) -> Self {
        let now = self.gateway.clock.now();
        self.gateway.store.close().await;
        let folder = Arc::clone(&self.folder);
        drop(self);
        let program = Path::new(env!("CARGO_BIN_EXE_portcullis"));
        Self { gateway: gateway(folder.path(), program, now).await, folder }
    }

    /// The only rule's file.
    pub fn rule(&self) -> PathBuf {
        self.folder.path().join("rules/test/calm.rego")
    }

    pub fn page(&self) -> Page {
        let families = self.gateway.meters.registry().gather();
        Page::read(&TextEncoder::new().encode_to_string(&families).unwrap())
    }

    /// The page after everything was looked up.
    pub async fn look(&self) -> Page {
        self.gateway.look().await;
        self.page()
    }

    pub fn let_pass(&self, time: Duration) {
        self.gateway.clock.advance(time);
    }

    pub fn set_back(&self, time: Duration) {
        self.gateway.clock.set(self.gateway.clock.now().minus(time));
    }

    pub fn set_right(&self) {
        self.gateway.clock.set(self.gateway.clock.now());
    }

    /// A signed delivery through the hook that is missed after an hour.
    pub async fn deliver(&self, body: &'static str) -> Accepted {
        let signature = crate::spec::receiver::hmac_hex(SECRET, body.as_bytes());
        let envelope = Envelope {
            key: "repo:push".to_owned(),
            signatures: vec![signature.into_bytes()],
            body: Bytes::from_static(body.as_bytes()),
            received: self.gateway.clock.now(),
        };
        self.gateway.accept(&HOOK.parse().unwrap(), envelope).await.unwrap()
    }

    /// Another entry in the ledger.
    pub async fn grow_ledger(&self) {
        let entry = NewEntry::new(Kind::Admin, self.gateway.clock.now(), "test".to_owned());
        self.gateway.store.append(vec![entry]).await.unwrap();
    }

    /// Asks the only rule.
    pub async fn ask(&self) -> Vec<Answer> {
        let mut all = Wanted::default();
        all.add("resource.ref.name");
        let input = Arc::new(example(EventKind::Push).unwrap().page(&all));
        self.gateway.policies.current().pool.ask(input, vec![0]).await
    }

    /// Runs everything until that holds, and stops it again.
    pub async fn run_until(&self, holds: impl AsyncFn(&Self) -> bool) {
        let running = self.gateway.run();
        let waiting = async {
            until("what was waited for", async || holds(self).await.then_some(())).await;
        };
        tokio::select! {
            () = running => panic!("the gateway ended by itself"),
            () = waiting => {}
        }
    }
}

async fn gateway(folder: &Path, program: &Path, now: Time) -> Arc<Gateway> {
    let mut settings = workers::Settings::of(program.to_owned());
    settings.count = 1;
    settings.deadline = Duration::from_secs(10);
    settings.load_deadline = Duration::from_mins(1);
    let policies = Policies::load(Source::Folder(folder.join("rules")), settings).await.unwrap();
    let settings = portcullis::store::Settings {
        path: folder.join("portcullis.db"),
        seal: Arc::new(Seal::new(&Secret::new([7; 32]), None)),
        origin: "gate.test/ledger".to_owned(),
        role: Role::Serve,
    };
    let store = Store::open(settings).await.unwrap();
    store.keep_bundle(&policies.current().bundle, now, "start").await.unwrap();
    let signing = SigningKey::generate().unwrap();
    let verifier = VerifierKey::new(store.origin(), signing.public_key()).unwrap();
    let parts = Parts {
        store,
        clock: Arc::new(Clock::by_hand(now)),
        connections: Connections::new(vec![connection()]).unwrap(),
        policies,
        graph: Snapshot::empty(),
        modes: Modes::new(Mode::Enforce, Vec::new()),
        brake: brake::Settings::default(),
        notify: portcullis::notify::Settings::default(),
        patrol: portcullis::gateway::patrol::Settings::default(),
        signing,
        verifier,
        keep: Keep { bodies: Duration::from_hours(24), sealed: Duration::from_hours(24) },
        streams: Vec::new(),
        public_url: "https://gate.test".to_owned(),
        meters: Meters::new().unwrap(),
    };
    Gateway::new(parts)
}

fn connection() -> Connection {
    let hook = |id: &str, missed: Option<Duration>| {
        let secrets = vec![Secret::new(SECRET.as_bytes().to_vec())];
        Hook::new(id.parse().unwrap(), secrets).unwrap().missed_after(missed)
    };
    Connection {
        id: "acme".parse().unwrap(),
        product: Product::Cloud,
        workspace: Some("acme".to_owned()),
        client: None,
        issuer: None,
        protected_refs: Vec::new(),
        premium: None,
        posts_status: false,
        hooks: vec![hook(HOOK, Some(Duration::from_hours(1))), hook(QUIET_HOOK, None)],
        environments: Vec::new(),
        ci: Vec::new(),
        own: None.into(),
    }
}
