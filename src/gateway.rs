//! The gateway: a delivery or a question becomes a decision, is recorded, and what follows from it is carried out.
//!
//! Start with [`road`] (what a decision is made of), then [`inbox`] (webhooks) and [`question`] (checks). The rest keeps
//! them going: workers that evaluate, bundles, tickets, the outbox, the notary that signs the ledger, the clock.
//! Every read that a page or an API shows goes through here, so that none can show a verdict the road did not make.

pub mod access;
pub mod approvers;
pub mod audit;
pub mod authzen;
pub mod brake;
pub mod bundles;
pub mod clock;
pub mod connections;
pub mod courier;
pub mod discovery;
pub mod environments;
pub mod evidence;
pub mod findings;
pub mod following;
pub mod friction;
pub mod gather;
pub mod glance;
pub mod history;
pub mod inbox;
pub mod issuers;
pub mod meters;
pub mod modes;
pub mod names;
pub mod notary;
pub mod notices;
pub mod outgoing;
pub mod outbox;
pub mod patrol;
pub mod policies;
pub mod posture;
pub mod question;
pub mod readiness;
pub mod reconcile;
pub mod retention;
pub mod resealing;
pub mod road;
pub mod spans;
pub mod status;
pub mod streams;
pub mod telling;
pub mod tickets;
pub mod ties;
pub mod timekeeping;
pub mod troubles;
pub mod workers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use arc_swap::ArcSwapOption;
use tokio::sync::Notify;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::bitbucket::issuer::Keys;
use crate::decision::Modes;
use crate::decision::Pause;
use crate::decision::Record;
use crate::event::delivery;
use crate::event::delivery::Envelope;
use crate::event::delivery::Expected;
use crate::event::delivery::HookId;
use crate::event::delivery::SealError;
use crate::event::delivery::Sealed;
use crate::gateway::clock::Clock;
use crate::gateway::connections::Connections;
use crate::gateway::meters::Meters;
use crate::gateway::meters::Station;
use crate::gateway::policies::Policies;
use crate::graph::ConnectionId;
use crate::graph::Product;
use crate::graph::Snapshot;
use crate::graph::Time;
use crate::ledger::VerifierKey;
use crate::notify;
use crate::policy::Bundle;
use crate::policy::Finding;
use crate::secret::SigningKey;
use crate::store::Heard;
use crate::store::Kept;
use crate::store::NewDelivery;
use crate::store::Store;
use crate::store::StoreError;

pub use policies::Active;

/// Bytes of remembered findings. An entry weighs about 1 KB, so this is some 16,000 different questions.
const MEMORY_BYTES: u64 = 16 << 20;

/// Decisions kept at hand for their retries, some 5 KB each.
const MAX_STOOD: u64 = 4_000;

/// How long a decision is kept at hand for its retries. Short: what is erased must not be told from memory.
const STANDS_IN_MEMORY: Duration = Duration::from_secs(10);

/// Largest webhook body of Bitbucket Cloud, bytes.
pub const CLOUD_BODY: usize = 1 << 20;

/// Largest webhook body of Data Center, bytes.
pub const DATACENTER_BODY: usize = 10 << 20;

/// What a gateway is made of.
#[derive(Debug)]
pub struct Parts {
    /// Everything durable.
    pub store: Store,
    /// The time.
    pub clock: Arc<Clock>,
    /// The Bitbuckets.
    pub connections: Connections,
    /// The rules, loaded.
    pub policies: Policies,
    /// Who reaches what, as far as it is known at start.
    pub graph: Snapshot,
    /// How rules are taken.
    pub modes: Modes,
    /// How the gate may be paused.
    pub brake: brake::Settings,
    /// How people are told.
    pub notify: notify::Settings,
    /// How the patrol goes.
    pub patrol: patrol::Settings,
    /// Signs the ledger.
    pub signing: SigningKey,
    /// Verifies what it signs.
    pub verifier: VerifierKey,
    /// How long things are kept.
    pub keep: Keep,
    /// Where every decision goes besides the record.
    pub streams: Vec<Arc<streams::Settings>>,
    /// How the world reaches the public listener; every link begins with it. No slash at its end.
    pub public_url: String,
    /// Counts.
    pub meters: Meters,
}

/// How long things are kept.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Webhook bodies; then only their hash.
    pub bodies: Duration,
    /// Names and texts of decisions; then only proofs.
    pub sealed: Duration,
}

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    /// Everything durable.
    pub store: Store,
    /// The time.
    pub clock: Arc<Clock>,
    /// The Bitbuckets.
    pub connections: Connections,
    /// The rules.
    pub policies: Policies,
    /// Who reaches what: readers hold a snapshot while a new one is published.
    pub graph: ArcSwap<Snapshot>,
    /// How rules are taken.
    pub modes: ArcSwap<Modes>,
    /// Every link begins with it.
    pub public_url: String,
    /// What was connected while it runs.
    pub ties: ties::Ties,
    /// What is remembered of audit logs between two looks.
    pub audits: audit::Audits,
    /// What was asked of Bitbucket and is not told yet.
    pub outgoing: outgoing::Outgoing,
    /// What people brought because no API tells it.
    pub evidence: evidence::Shelf,
    /// Counts.
    pub meters: Meters,
    /// Keys of step-token issuers.
    pub keys: Keys,
    signing: Arc<SigningKey>,
    verifier: VerifierKey,
    keep: Keep,
    streams: Vec<Arc<streams::Settings>>,
    brake_settings: brake::Settings,
    patrol: patrol::Desk,
    patrol_settings: patrol::Settings,
    notify: notify::Settings,
    digested: ArcSwapOption<Time>,
    paused: ArcSwapOption<Pause>,
    governing: tokio::sync::Mutex<()>,
    memory: moka::sync::Cache<[u8; 32], Arc<[Finding]>>,
    questions: question::Flights,
    searching: tokio::sync::Semaphore,
    /// Leave to work out an answer about access.
    asking: Arc<tokio::sync::Semaphore>,
    /// Held while the graph is put together anew, so that nobody builds upon what another is about to replace.
    publishing: std::sync::Mutex<()>,
    /// Who reads a connection, holds its lock.
    reading: std::sync::Mutex<BTreeMap<ConnectionId, Arc<tokio::sync::Mutex<()>>>>,
    steps: gather::Steps,
    pasts: history::Pasts,
    stirred: gather::fresh::Stirred,
    /// Connections that could not be read when that was tried last.
    blind: std::sync::Mutex<std::collections::BTreeSet<crate::graph::ConnectionId>>,
    proven: question::Proven,
    stood: moka::sync::Cache<[u8; 32], Arc<Record>>,
    inbox_bell: Notify,
    outbox_bell: Notify,
    courier_bell: Notify,
    reconcile_bell: Notify,
    ticket_moved: watch::Sender<Uuid>,
    stop: watch::Sender<bool>,
    /// What traces show of it.
    pub traces: spans::Traces,
}

/// What became of a delivery at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is kept: 202.
    Kept(Uuid),
    /// It was kept before: 200.
    Duplicate(Uuid),
    /// Data Center's "Test connection": 200, nothing kept.
    Ping,
}

/// Why a delivery was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum NotAccepted {
    /// No such hook: 404.
    #[error("there is no such hook here")]
    NoHook,
    /// Its signature does not hold: 401.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// It cannot be kept: 503.
    #[error("the delivery cannot be kept: {0}")]
    Store(#[from] StoreError),
}

impl Gateway {
    /// A gateway of these parts. Nothing runs until [`Gateway::run`].
    pub fn new(parts: Parts) -> Arc<Self> {
        let weigh = |_: &[u8; 32], findings: &Arc<[Finding]>| weight(findings);
        let outgoing = outgoing::Outgoing::default();
        for connection in parts.connections.iter() {
            if let Some(client) = &connection.client {
                client.measure(parts.meters.bitbucket());
                outgoing.hear(&connection.id, client);
            }
        }
        Arc::new(Self {
            store: parts.store,
            clock: parts.clock,
            connections: parts.connections,
            ties: ties::Ties::default(),
            audits: audit::Audits::default(),
            outgoing,
            policies: parts.policies,
            graph: ArcSwap::from_pointee(parts.graph),
            modes: ArcSwap::from_pointee(parts.modes),
            public_url: parts.public_url,
            evidence: evidence::Shelf::default(),
            meters: parts.meters,
            keys: Keys::default(),
            signing: Arc::new(parts.signing),
            verifier: parts.verifier,
            keep: parts.keep,
            streams: parts.streams,
            brake_settings: parts.brake,
            patrol: patrol::Desk::default(),
            patrol_settings: parts.patrol,
            notify: parts.notify,
            digested: ArcSwapOption::empty(),
            paused: ArcSwapOption::empty(),
            governing: tokio::sync::Mutex::new(()),
            memory: moka::sync::Cache::builder().weigher(weigh).max_capacity(MEMORY_BYTES).build(),
            questions: question::Flights::default(),
            searching: tokio::sync::Semaphore::new(authzen::MAX_SEARCHES),
            asking: Arc::new(tokio::sync::Semaphore::new(access::MAX_ASKING)),
            publishing: std::sync::Mutex::default(),
            reading: std::sync::Mutex::default(),
            steps: gather::Steps::new(),
            pasts: history::Pasts::default(),
            stirred: gather::fresh::Stirred::default(),
            blind: std::sync::Mutex::default(),
            proven: question::Proven::new(),
            stood: moka::sync::Cache::builder()
                .max_capacity(MAX_STOOD)
                .time_to_live(STANDS_IN_MEMORY)
                .build(),
            inbox_bell: Notify::new(),
            outbox_bell: Notify::new(),
            courier_bell: Notify::new(),
            reconcile_bell: Notify::new(),
            ticket_moved: watch::Sender::new(Uuid::nil()),
            stop: watch::Sender::new(false),
            traces: spans::Traces::default(),
        })
    }

    /// Stations 1 to 3: a body from the door is sealed, kept, and answered. Durable when it returns.
    pub async fn accept(&self, hook: &HookId, envelope: Envelope) -> Result<Accepted, NotAccepted> {
        let known = self.connections.now();
        let (connection, hook) = known.hook(hook).ok_or(NotAccepted::NoHook)?;
        let expected = Expected { product: connection.product, secrets: hook.secrets() };
        let received = envelope.received;
        let sealed = match delivery::seal(envelope, &expected)? {
            Sealed::Ping => {
                hook.hear(received);
                return Ok(Accepted::Ping);
            }
            Sealed::Delivery(sealed) => sealed,
        };
        let began = Instant::now();
        let key = sealed.key.clone();
        let new = NewDelivery {
            id: Uuid::now_v7(),
            connection: connection.id.clone(),
            hook: hook.id().clone(),
            product: connection.product,
            key: sealed.key,
            digest: sealed.digest,
            body: &sealed.body,
            received: sealed.received,
            attempt: 1,
        };
        let keeping = self.store.keep(new).instrument(spans::station(Station::Keep));
        let kept = keeping.await?;
        hook.hear(received);
        self.meters.took(Station::Keep, began);
        match kept {
            Kept::New(id) => {
                self.hear_of_change(connection, (&key, &sealed.body), received);
                self.traces.took(id);
                self.inbox_bell.notify_one();
                Ok(Accepted::Kept(id))
            }
            Kept::Duplicate(id) => Ok(Accepted::Duplicate(id)),
        }
    }

    /// Takes up again when each hook was heard last, as far as the store tells; the others are listened to from now on.
    pub async fn hear_again(&self) {
        let heard = self.store.heard().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the store does not tell when hooks were heard last");
            Heard::default()
        });
        let now = self.clock.now();
        let known = self.connections.now();
        for hook in known.iter().flat_map(|connection| &connection.hooks) {
            hook.listen(heard.last.get(hook.id()).copied().or(heard.others).unwrap_or(now));
        }
    }

    /// The largest body this hook may be sent: nothing longer is read.
    pub fn body_limit(&self, hook: &HookId) -> usize {
        match self.connections.now().hook(hook).map(|(connection, _)| connection.product) {
            Some(Product::DataCenter) => DATACENTER_BODY,
            Some(Product::Cloud) | None => CLOUD_BODY,
        }
    }

    /// Runs everything that happens after the answer, until [`Gateway::stop`]; returns when all of it has ended.
    pub async fn run(self: &Arc<Self>) {
        let mut tasks = JoinSet::new();
        tasks.spawn(inbox::run(Arc::clone(self)));
        tasks.spawn(outbox::run(Arc::clone(self)));
        tasks.spawn(courier::run(Arc::clone(self)));
        tasks.spawn(troubles::run(Arc::clone(self)));
        tasks.spawn(tickets::run(Arc::clone(self)));
        tasks.spawn(brake::run(Arc::clone(self)));
        tasks.spawn(evidence::run(Arc::clone(self)));
        tasks.spawn(timekeeping::run(Arc::clone(self)));
        tasks.spawn(notary::run(Arc::clone(self)));
        tasks.spawn(outgoing::run(Arc::clone(self)));
        tasks.spawn(retention::run(Arc::clone(self)));
        tasks.spawn(resealing::run(Arc::clone(self)));
        tasks.spawn(streams::run(Arc::clone(self)));
        tasks.spawn(discovery::run(Arc::clone(self)));
        tasks.spawn(ties::run(Arc::clone(self)));
        tasks.spawn(reconcile::run(Arc::clone(self)));
        tasks.spawn(patrol::run(Arc::clone(self)));
        tasks.spawn(audit::run(Arc::clone(self)));
        tasks.spawn(policies::watch(Arc::clone(self)));
        tasks.spawn(issuers::run(Arc::clone(self)));
        tasks.spawn(meters::gauges::run(Arc::clone(self)));
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a part of the gateway ended by itself");
                self.stop();
            }
        }
    }

    /// Makes traces from now on.
    pub fn trace(&self, settings: spans::Settings) {
        self.traces.begin(settings);
        if settings.outward == spans::Outward::Told {
            let clients = self.connections.iter().filter_map(|one| one.client.clone());
            clients.for_each(|client| client.carry_traces());
        }
    }

    /// Asks everything to end after what is under way.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Tells when the gateway is to end.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// The bundle of a revision: the active one, or one that a record names.
    pub async fn bundle(&self, revision: &str) -> Result<Option<Arc<Bundle>>, StoreError> {
        let active = self.policies.current();
        if active.bundle.revision == revision {
            return Ok(Some(Arc::clone(&active.bundle)));
        }
        Ok(self.store.bundle(revision).await?.map(Arc::new))
    }
}

/// What remembered findings weigh, bytes, roughly.
fn weight(findings: &[Finding]) -> u32 {
    let texts: usize = findings.iter().map(|finding| finding.reason.len() + 128).sum();
    u32::try_from(texts + 128).unwrap_or(u32::MAX)
}
