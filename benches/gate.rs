//! The gateway that is measured: the real doors, road, store and workers, put together as `serve` does it. Only the
//! rates at which callers may ask are opened wide: in `serve` they stand far below what is measured here.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use portcullis::bitbucket::Client;
use portcullis::decision::Mode;
use portcullis::decision::Modes;
use portcullis::event::caller::Issuer;
use portcullis::gateway::Gateway;
use portcullis::gateway::Keep;
use portcullis::gateway::Parts;
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
use portcullis::graph::World;
use portcullis::http::doors;
use portcullis::http::listener;
use portcullis::http::listener::Doorway;
use portcullis::http::listener::Limits;
use portcullis::http::listener::Security;
use portcullis::http::listener::Stage;
use portcullis::http::meter;
use portcullis::http::operator::Cookie;
use portcullis::http::operator::Doorkeeper;
use portcullis::http::operator::TokenHash;
use portcullis::http::rate;
use portcullis::http::rate::Rate;
use portcullis::http::route::Surface;
use portcullis::http::session;
use portcullis::ledger::VerifierKey;
use portcullis::secret::Seal;
use portcullis::secret::Secret;
use portcullis::secret::SigningKey;
use portcullis::store::Role;
use portcullis::store::Settings;
use portcullis::store::Store;
use serde::Deserialize;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::town;
use crate::town::Town;

/// What the parent asks for.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    /// Where the store lies.
    pub folder: PathBuf,
    /// The world file.
    pub world: Vec<u8>,
    /// Bitbucket's address and the consumer to ask it with; none: only webhooks and the world tell.
    pub bitbucket: Option<(String, (String, String))>,
    /// A folder of rules; none: the shipped ones.
    pub rules: Option<PathBuf>,
    /// Whether what is kept is also decided. Without it only the door works: row 1.
    pub decides: bool,
    /// The log's level.
    pub log: String,
}

/// The role: serves until it is killed, prints its address first.
pub fn serve(order: &str) {
    let order: Order = serde_json::from_str(&std::fs::read_to_string(order).unwrap()).unwrap();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(order.log.as_str())
        .json()
        .flatten_event(true)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run(order));
}

async fn run(order: Order) {
    let decides = order.decides;
    let gateway = gateway(order).await;
    let meters = meter::Meters::register(gateway.meters.registry()).unwrap();
    let doorkeeper = Doorkeeper::new(portcullis::http::operator::Settings {
        token: TokenHash::of("0123456789abcdef0123456789abcdef"),
        people: Vec::new(),
        hosts: Vec::new(),
        cookie: Cookie::Loopback,
        sessions: session::Settings::default(),
    });
    let wide = Rate { every: std::time::Duration::from_nanos(10), burst: 1_000_000 };
    let rates = rate::Settings { caller: wide, connection: wide, ..rate::Settings::default() };
    let service = doors::open(Surface::Public, Arc::clone(&gateway), doorkeeper, rates).unwrap();
    let doorway = Doorway {
        limits: Limits::default(),
        service,
        meter: meters.of(Surface::Public),
        security: Security::Plain,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    let (_stage, open) = watch::channel(Stage::Open);
    if decides {
        tokio::spawn(async move { gateway.run().await });
    }
    listener::serve(listener, Arc::new(doorway), open).await;
}

async fn gateway(order: Order) -> Arc<Gateway> {
    let settings = Settings {
        path: order.folder.join("portcullis.db"),
        seal: Arc::new(Seal::new(&Secret::new([7; 32]), None)),
        origin: "gate.example.com/ledger".to_owned(),
        role: Role::Serve,
    };
    let store = Store::open(settings).await.unwrap();
    let source = order.rules.map_or(Source::Shipped, Source::Folder);
    let policies = Policies::load(source, workers::Settings::of(std::env::current_exe().unwrap()))
        .await
        .unwrap();
    let clock = Arc::new(Clock::machine(store.highest_stamp()));
    let signing = SigningKey::generate().unwrap();
    let verifier = VerifierKey::new(store.origin(), signing.public_key()).unwrap();
    store.keep_bundle(&policies.current().bundle, clock.now(), "start").await.unwrap();
    let parts = Parts {
        store,
        clock,
        connections: Connections::new(vec![connection(order.bitbucket)]).unwrap(),
        policies,
        graph: Snapshot::empty(),
        modes: Modes::new(Mode::Enforce, Vec::new()),
        brake: portcullis::gateway::brake::Settings::default(),
        notify: portcullis::notify::Settings::default(),
        patrol: portcullis::gateway::patrol::Settings::default(),
        signing,
        verifier,
        keep: Keep {
            bodies: std::time::Duration::from_hours(24),
            sealed: std::time::Duration::from_hours(24),
        },
        streams: Vec::new(),
        public_url: town::AUDIENCE.to_owned(),
        meters: Meters::new().unwrap(),
    };
    let gateway = Gateway::new(parts);
    gateway.publish(World::read(&order.world).unwrap()).unwrap();
    gateway
}

fn connection(bitbucket: Option<(String, (String, String))>) -> Connection {
    let api = bitbucket.as_ref().map(|(api, _)| api.clone()).unwrap_or_default();
    let client =
        bitbucket.map(|(api, consumer)| Client::new(Town::settings(api, consumer)).unwrap());
    let hook =
        Hook::new(town::HOOK.parse().unwrap(), vec![Secret::new(town::SECRET.as_bytes().to_vec())]);
    Connection {
        id: town::CONNECTION.parse().unwrap(),
        product: Product::Cloud,
        workspace: Some(town::WORKSPACE.to_owned()),
        client,
        issuer: Some(Issuer {
            connection: town::CONNECTION.parse().unwrap(),
            issuer: format!("{api}/workspaces/{}/pipelines-config/identity/oidc", town::WORKSPACE),
            audiences: vec![town::AUDIENCE.to_owned()],
        }),
        protected_refs: vec!["main".to_owned()],
        premium: Some(true),
        posts_status: false,
        hooks: vec![hook.unwrap()],
        environments: Vec::new(),
        ci: Vec::new(),
        own: ArcSwapOption::empty(),
    }
}
