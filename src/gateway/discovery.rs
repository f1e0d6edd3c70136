//! Discovery: reads who reaches what from each connection that has a credential, keeps it, and publishes it as the next
//! snapshot. What is read broken is a gap in it, never a short list; a discovery that fails leaves the last one, aging.

use std::sync::Arc;
use std::sync::PoisonError;
use std::time::Duration;

use crate::bitbucket::Client;
use crate::bitbucket::FetchError;
use crate::bitbucket::journal::Journal;
use crate::gateway::Gateway;
use crate::gateway::connections::Connection;
use crate::gateway::gather::fresh::STIRRING;
use crate::gateway::patrol::Due;
use crate::gateway::reconcile;
use crate::graph::Builder;
use crate::graph::ConnectionId;
use crate::graph::Kind;
use crate::graph::Snapshot;
use crate::graph::Time;
use crate::graph::World;
use crate::graph::attribute::Value;
use crate::store::CutShort;
use crate::store::GOES_ON;
use crate::store::Learned;
use crate::store::Reading;
use crate::store::StoreError;

/// How long a discovered graph is used before it is read again. A small workspace costs some hundred of the 1,000
/// requests an hour that Bitbucket Cloud allows.
pub const EVERY: Duration = Duration::from_mins(30);

/// How long after a failure it is tried again.
const AFTER_FAILURE: Duration = Duration::from_mins(2);

/// How often what is being read is kept: what a crash costs at most.
const KEPT_EVERY: Duration = Duration::from_secs(1);

/// The workspace's attribute that says whether its plan is Premium.
const PREMIUM: &str = "premium";

/// Why nothing new is known.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// Bitbucket does not tell.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was read does not hang together.
    #[error("what was read does not hang together: {0}")]
    Build(#[from] crate::graph::BuildError),
}

impl DiscoveryError {
    /// A word of ours for what is wrong, for the record.
    fn word(&self) -> &'static str {
        match self {
            Self::Fetch(error) => error.word(),
            Self::Store(_) => "store",
            Self::Build(_) => "form",
        }
    }
}

/// Runs until the gateway stops: every connection, again and again.
pub async fn run(gateway: Arc<Gateway>) {
    let mut stop = gateway.stopping();
    loop {
        let mut wait = EVERY;
        for connection in gateway.connections.iter() {
            let read = gateway.discover(&connection).await;
            if let Err(error) = &read {
                tracing::error!(connection = %connection.id, %error, "discovery failed; the last graph stays");
                wait = AFTER_FAILURE;
            }
            gateway.note_blindness(&connection, read.err()).await;
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = stop.wait_for(|stopping| *stopping) => return,
        }
    }
}

impl Gateway {
    /// Reads one connection now; publishes and keeps what was read.
    pub async fn discover(&self, connection: &Connection) -> Result<(), DiscoveryError> {
        let Some(client) = &connection.client else { return Ok(()) };
        let lock = self.lock_of(&connection.id);
        let _alone = lock.lock().await;
        self.learn_own(connection).await;
        let world = self.crawl(&connection.id, client).await?;
        // It was disconnected meanwhile: nothing of it is kept any more.
        if self.connections.get(&connection.id).is_none() {
            return Ok(());
        }
        let (nodes, edges, unknown) = (world.nodes.len(), world.edges.len(), world.unknown.len());
        self.take_in(world).await?;
        self.store.end_crawl(&connection.id).await?;
        tracing::info!(connection = %connection.id, nodes, edges, unknown, "discovered");
        Ok(())
    }

    /// Reads a connection, and keeps what is read while it is: cut short, it goes on where it was, and what comes of it is
    /// as old as its beginning.
    async fn crawl(&self, id: &ConnectionId, client: &Client) -> Result<World, DiscoveryError> {
        let now = self.clock.now();
        let (silence, longest) = GOES_ON;
        let since = (now.minus(longest), now.minus(silence));
        let (began, answers) = match self.store.cut_short(id, since).await? {
            Some(CutShort { began, answers }) => (began, answers),
            None => (now, Vec::new()),
        };
        let journal = Arc::new(Journal::of(answers));
        if !journal.is_empty() {
            tracing::info!(connection = %id, answers = journal.len(), %began, "a discovery that was cut short goes on");
        }
        client.keep_in(Some(Arc::clone(&journal)));
        let keeping = async {
            loop {
                tokio::time::sleep(KEPT_EVERY).await;
                self.keep_read(id, began, &journal).await;
            }
        };
        let world = tokio::select! {
            world = client.discover(began, |_| {}) => world,
            () = keeping => Err(FetchError::Unreachable),
        };
        client.keep_in(None);
        if world.is_err() {
            self.keep_read(id, began, &journal).await;
        }
        Ok(world?)
    }

    /// What was read lately. A store that cannot costs the next life some questions, and this one nothing.
    async fn keep_read(&self, id: &ConnectionId, began: Time, journal: &Journal) {
        let answers = journal.take();
        if answers.is_empty() {
            return;
        }
        if let Err(error) = self.store.keep_crawl(id, (began, self.clock.now()), answers).await {
            tracing::warn!(connection = %id, %error, "what discovery has read could not be kept");
        }
    }

    /// Two readings of one connection would cost twice and tell the same.
    fn lock_of(&self, connection: &ConnectionId) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(connection.clone()).or_default())
    }

    /// That a connection cannot be read at all is a gap on record: once, and once that it can be read again.
    async fn note_blindness(&self, connection: &Connection, failed: Option<DiscoveryError>) {
        let moved = {
            let mut blind = self.blind.lock().unwrap_or_else(PoisonError::into_inner);
            match &failed {
                Some(_) => blind.insert(connection.id.clone()),
                None => blind.remove(&connection.id),
            }
        };
        if !moved {
            return;
        }
        let why = failed.as_ref().map(DiscoveryError::word);
        let entry = reconcile::blind(&connection.id, why, self.clock.now());
        if let Err(error) = self.store.append(vec![entry]).await {
            tracing::error!(connection = %connection.id, %error, "a gap could not be recorded");
        }
    }

    /// Publishes a connection's world, however it was read, keeps it and writes into the history what changed; that is
    /// decided afterwards.
    pub async fn take_in(&self, world: World) -> Result<(), DiscoveryError> {
        let (connection, before) = (world.connection.id.clone(), self.graph.load_full());
        let revision = self.publish(world.clone())?;
        self.patrol.ask(&connection, Due::Since(before));
        let at = self.clock.now();
        let reading = Reading { world: &world, revision, at };
        let told = |before: Option<&World>| reconcile::unread(before, &world, at);
        let learned = self.store.learn(reading, told).await?;
        // Lines of audit logs wait for a reading.
        self.audits.bell.notify_one();
        match learned {
            Learned::First | Learned::Same => {}
            Learned::Changed(_) => self.reconcile_bell.notify_one(),
        }
        Ok(())
    }

    /// Learns whose deeds are our own, so that they are not decided again.
    async fn learn_own(&self, connection: &Connection) {
        let Some(client) = &connection.client else { return };
        match client.whoami(Duration::from_secs(10)).await {
            Ok(own) => connection.own.store(own.map(Arc::new)),
            Err(error) => {
                tracing::warn!(connection = %connection.id, %error, "our own identity could not be read");
            }
        }
    }

    /// Puts a world into the graph, in place of the connection's last one; the new revision.
    pub fn publish(&self, mut world: World) -> Result<u64, DiscoveryError> {
        self.tell_plan(&mut world);
        let _alone = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.graph.load_full();
        let mut worlds: Vec<World> = self
            .connections
            .iter()
            .filter(|connection| connection.id != world.connection.id)
            .filter_map(|connection| before.world(&connection.id))
            .collect();
        let connection = world.connection.id.clone();
        worlds.push(world);
        let revision = before.revision() + 1;
        let graph = Arc::new(Snapshot::build(revision, &worlds)?);
        self.remember_names(&graph, &connection);
        self.graph.store(graph);
        Ok(revision)
    }

    /// No API tells a workspace's plan; what the operator says of it stands where the world says nothing.
    pub(in crate::gateway) fn tell_plan(&self, world: &mut World) {
        let told =
            self.connections.get(&world.connection.id).and_then(|connection| connection.premium);
        let Some(premium) = told else { return };
        world.unknown.retain(|gap| gap.field != PREMIUM);
        for node in world.nodes.iter_mut().filter(|node| node.id.kind() == Kind::Workspace) {
            node.attributes.entry(PREMIUM.to_owned()).or_insert(Value::Flag(premium));
        }
    }

    /// Data Center's REST API addresses repositories by name, and a scope has them by project and name: what a world tells
    /// of that is handed to the client.
    fn remember_names(&self, graph: &Snapshot, connection: &ConnectionId) {
        let client = self.connections.get(connection);
        let Some(client) = client.and_then(|connection| connection.client.clone()) else { return };
        for repository in graph.all_of(connection, Kind::Repository) {
            if let (Some(node), Some(name)) = (graph.node(repository), graph.full_name(repository))
            {
                let project = graph.project_of(repository);
                let key = project.and_then(|home| graph.text(home, "key").value().copied());
                client.remember(&node.id, (key.unwrap_or_default(), &name));
            }
        }
    }

    /// Publishes what was kept by the last run, so that a restart does not begin blind.
    pub async fn recall(&self) -> Result<(), DiscoveryError> {
        let (mut builder, mut revision) = (Builder::default(), 0);
        for connection in self.connections.iter() {
            if let Some(kept) = self.store.world(&connection.id).await? {
                let mut packed = kept.packed()?;
                let as_of = packed.world.as_of;
                let told = self.store.told_since(&connection.id, STIRRING, as_of).await?;
                for (repository, kind, at) in told {
                    self.stirred.stir(&repository, kind, at);
                }
                self.tell_plan(&mut packed.world);
                builder.packed(packed)?;
                revision += 1;
            }
        }
        if revision == 0 {
            return Ok(());
        }
        let graph = Arc::new(builder.build(revision)?);
        for connection in self.connections.iter() {
            self.remember_names(&graph, &connection.id);
        }
        self.graph.store(graph);
        Ok(())
    }
}
