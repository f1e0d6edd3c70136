//! Putting a gateway together: the same for `serve` and `demo`, so that the demo shows the product and not a likeness.

mod keys;
mod running;

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use portcullis::decision::Mode;
use portcullis::decision::Modes;
use portcullis::decision::plan::ModeSetting;
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
use portcullis::gateway::streams::Settings as Stream;
use portcullis::gateway::workers;
use portcullis::graph::Snapshot;
use portcullis::graph::World;
use portcullis::notify;
use portcullis::secret::Seal;
use portcullis::store::Role;
use portcullis::store::Store;

pub use keys::KeysError;
pub use keys::VKEY;
pub use keys::seal_beside;
pub use keys::seal_made;
pub use keys::seal_of;
pub use running::Listeners;
pub use running::Running;

/// Everything a gateway is put together from.
pub struct Plan {
    /// The store's file.
    pub store: PathBuf,
    /// What seals its secrets.
    pub seal: Arc<Seal>,
    /// What it is for.
    pub role: Role,
    /// The Bitbuckets.
    pub connections: Vec<Connection>,
    /// Where the rules come from.
    pub rules: Source,
    /// The evaluation processes.
    pub workers: workers::Settings,
    /// How rules are taken where nothing else is said.
    pub mode: Mode,
    /// Every link begins with it.
    pub public_url: String,
    /// How long things are kept.
    pub keep: Keep,
    /// Where every decision goes besides the record.
    pub streams: Vec<Arc<Stream>>,
    /// How the gate may be paused.
    pub brake: brake::Settings,
    /// How people are told.
    pub notify: notify::Settings,
    /// How the patrol goes.
    pub patrol: patrol::Settings,
    /// Worlds that are loaded, not discovered.
    pub worlds: Vec<World>,
}

/// Why no gateway could be put together: one sentence and the next step.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    /// The store.
    #[error("{0}")]
    Store(String),
    /// The rules.
    #[error("the rules cannot be loaded: {0}")]
    Rules(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl AssemblyError {
    /// From anything that says what is wrong.
    pub fn other(error: impl std::fmt::Display) -> Self {
        Self::Other(error.to_string())
    }
}

/// Puts it together; nothing runs yet but the workers.
pub async fn assemble(plan: Plan) -> Result<Arc<Gateway>, AssemblyError> {
    let settings = portcullis::store::Settings {
        path: plan.store,
        seal: plan.seal,
        origin: origin(&plan.public_url),
        role: plan.role,
    };
    let store =
        Store::open(settings).await.map_err(|error| AssemblyError::Store(error.to_string()))?;
    let policies = Policies::load(plan.rules, plan.workers).await.map_err(rules_refused)?;
    let clock = Arc::new(Clock::machine(store.highest_stamp()));
    let (signing, verifier) = keys::signing(&store).await?;
    let kept = store.modes().await.map_err(AssemblyError::other)?;
    let connections = Connections::new(plan.connections).map_err(AssemblyError::other)?;
    let active = policies.current();
    store.keep_bundle(&active.bundle, clock.now(), "start").await.map_err(AssemblyError::other)?;
    let posture = policies.posture();
    store
        .keep_bundle(&posture.bundle, clock.now(), "start (posture rules)")
        .await
        .map_err(AssemblyError::other)?;
    let parts = Parts {
        store,
        clock,
        connections,
        policies,
        graph: Snapshot::empty(),
        modes: modes(plan.mode, kept),
        brake: plan.brake,
        notify: plan.notify,
        patrol: plan.patrol,
        signing,
        verifier,
        keep: plan.keep,
        streams: plan.streams,
        public_url: plan.public_url,
        meters: Meters::new().map_err(AssemblyError::other)?,
    };
    let gateway = Gateway::new(parts).map_err(AssemblyError::other)?;
    gateway.record_refused_posture().await.map_err(AssemblyError::other)?;
    gateway.recall_connections().await.map_err(AssemblyError::other)?;
    gateway.recall().await.map_err(AssemblyError::other)?;
    gateway.recall_brake().await.map_err(AssemblyError::other)?;
    gateway.recall_evidence().await.map_err(AssemblyError::other)?;
    for world in plan.worlds {
        gateway.publish(world).map_err(AssemblyError::other)?;
    }
    Ok(gateway)
}

fn modes(default: Mode, kept: Vec<ModeSetting>) -> Modes {
    Modes::new(default, kept)
}

fn rules_refused(error: portcullis::gateway::policies::BundleError) -> AssemblyError {
    use portcullis::gateway::policies::BundleError;
    use portcullis::gateway::workers::PoolError;
    match error {
        BundleError::Pool(PoolError::Refused(found)) => AssemblyError::Rules(format!(
            "\n{}",
            portcullis::policy::diagnostic::render_all(&found)
        )),
        BundleError::Pool(error @ PoolError::Worker(_)) => AssemblyError::Rules(error.to_string()),
        BundleError::Folder(error) => AssemblyError::Rules(error.to_string()),
    }
}

/// The ledger's name: the public address without its scheme.
fn origin(public_url: &str) -> String {
    let host = public_url.trim_start_matches("https://").trim_start_matches("http://");
    format!("{}/ledger", host.trim_end_matches('/'))
}

/// The program whose hidden `worker` command evaluates rules: this one.
pub fn workers_of(count: Option<usize>) -> workers::Settings {
    let mut settings = workers::Settings::of(PathBuf::from("/proc/self/exe"));
    if !Path::new("/proc/self/exe").exists()
        && let Ok(program) = std::env::current_exe()
    {
        settings.program = program;
    }
    settings.count = count.unwrap_or(settings.count).max(1);
    settings
}
