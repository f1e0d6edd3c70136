//! Ties to a Bitbucket that are made, looked after and cut while the gate runs: `connect`, `doctor`, `sync`, new secrets
//! for hooks, `disconnect`. Each change is an entry of the ledger with who and why.
//!
//! In reading order: [`wish`] (what is asked for, judged), [`probing`] (what a credential can), [`registering`] (which
//! webhooks, and where), then [`connecting`] ([`awaiting`] where it takes long), [`changing`], [`renewing`], [`parting`]. What stands in the configuration file is looked
//! at, never changed: it is changed there.

pub mod awaiting;
pub mod changing;
pub mod connecting;
mod consenting;
pub mod doctor;
pub mod parting;
pub mod probing;
pub mod registering;
pub mod renewing;
pub mod sync;
pub mod wish;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use serde_json::Map;
use serde_json::Value;
use tokio::sync::Notify;

use crate::bitbucket::Client;
use crate::bitbucket::FetchError;
use crate::bitbucket::SettingsError;
use crate::decision::pause::By;
use crate::gateway::Gateway;
use crate::gateway::connections::ConnectionsError;
use crate::gateway::connections::kept::Kept;
use crate::gateway::connections::kept::KeptError;
use crate::gateway::modes::MAX_REASON;
use crate::gateway::spans;
use crate::graph::ConnectionId;
use crate::graph::Time;
use crate::secret::NoRandomness;
use crate::secret::Secret;
use crate::store::Governed;
use crate::store::KeptConnection;
use crate::store::StoreError;

/// How long one call to Bitbucket may take here: somebody waits at a terminal.
const CALL: Duration = Duration::from_secs(10);

/// Calls under way at the same time.
const AT_ONCE: usize = 4;

/// Connections that were made while a gate ran, and the one at a time who changes them.
#[derive(Debug, Default)]
pub struct Ties {
    kept: ArcSwap<BTreeMap<ConnectionId, Arc<Kept>>>,
    /// Held over calls to Bitbucket, which `governing` must never be: a pause does not wait for anybody.
    changing: tokio::sync::Mutex<()>,
    /// Rung when a secret was given an end.
    bell: Notify,
    sync: sync::Desk,
    desk: Arc<awaiting::Desk>,
}

impl Ties {
    /// The connection of this id, if it was made while a gate ran.
    pub fn get(&self, id: &ConnectionId) -> Option<Arc<Kept>> {
        self.kept.load().get(id).cloned()
    }

    fn put(&self, id: &ConnectionId, kept: Option<Arc<Kept>>) {
        let mut all = BTreeMap::clone(&self.kept.load());
        match kept {
            Some(kept) => all.insert(id.clone(), kept),
            None => all.remove(id),
        };
        self.kept.store(Arc::new(all));
    }
}

/// Why nothing was changed, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum TieError {
    /// What was asked for cannot be.
    #[error("{0}")]
    Wish(String),
    /// No such connection.
    #[error("there is no connection `{0}`")]
    None(ConnectionId),
    /// It stands in the configuration file.
    #[error(
        "connection `{0}` stands in the configuration file: change it there, and start the gate again"
    )]
    Configured(ConnectionId),
    /// Its id is taken, or was.
    #[error("the id `{0}` is used, or was used before: an id is never reused, choose another one")]
    Taken(ConnectionId),
    /// Connecting did not come to an end of its own.
    #[error(
        "connecting `{0}` broke off: the gate's log says why. What was done until then may stand: `portcullis doctor {0}` looks, and `portcullis disconnect {0}` takes it away; where there is nothing, connect again"
    )]
    BrokeOff(ConnectionId),
    /// Bitbucket says no.
    #[error("{0}")]
    Bitbucket(#[from] FetchError),
    /// An address or a credential that cannot be.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Hooks that cannot be together.
    #[error(transparent)]
    Connections(#[from] ConnectionsError),
    /// What was kept cannot be used.
    #[error("what was kept of connection `{0}` cannot be used: {1}")]
    Kept(ConnectionId, String),
    /// No randomness.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// The store cannot.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<KeptError> for TieError {
    fn from(error: KeptError) -> Self {
        match error {
            KeptError::Settings(error) => Self::Settings(error),
            KeptError::Hook(error) => Self::Wish(error.to_string()),
            KeptError::Hooks(error) => Self::Connections(error),
        }
    }
}

/// Why a gate does not start on what its store keeps.
#[derive(Debug, thiserror::Error)]
pub enum RecallError {
    /// The same id twice.
    #[error(
        "connection `{0}` stands in the configuration file and was connected while the gate ran, too: take it out of the file, or end it with `portcullis disconnect {0}` before it is written there"
    )]
    Twice(ConnectionId),
    /// An id that was used before.
    #[error(
        "connection `{0}` was disconnected on {1}, and an id is never reused: give the connection in the configuration file another one"
    )]
    Ended(ConnectionId, Time),
    /// What is kept.
    #[error(transparent)]
    Tie(#[from] TieError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Gateway {
    /// Takes up the connections that were made while a gate ran. Before anything else is recalled.
    pub async fn recall_connections(&self) -> Result<(), RecallError> {
        for ended in self.store.ended_connections().await? {
            if self.connections.get(&ended.id).is_some() {
                return Err(RecallError::Ended(ended.id, ended.at));
            }
        }
        let stray = self.store.drop_stray_consents().await?;
        if stray > 0 {
            tracing::warn!(stray, "consents whose connections are not there were forgotten");
        }
        for KeptConnection { id, bytes } in self.store.connections().await? {
            if self.connections.get(&id).is_some() {
                return Err(RecallError::Twice(id));
            }
            let kept: Kept = serde_json::from_slice(bytes.expose())
                .map_err(|error| TieError::Kept(id.clone(), error.to_string()))?;
            let client = self.client_of(&id, &kept).await?;
            self.admit(&id, Arc::new(kept), client)?;
        }
        Ok(())
    }

    /// Speaks with it from now on. One that is spoken with already keeps its client, and what was heard of its hooks.
    fn admit(&self, id: &ConnectionId, kept: Arc<Kept>, client: Client) -> Result<(), TieError> {
        let connection = if let Some(known) = self.connections.get(id) {
            known.with_hooks(kept.listening()?)
        } else {
            client.measure(self.meters.bitbucket());
            if self.traces.outward() == Some(spans::Outward::Told) {
                client.carry_traces();
            }
            let new = kept.connection(id, client, &self.public_url)?;
            for hook in &new.hooks {
                hook.listen(self.clock.now());
            }
            new
        };
        self.connections.put(connection)?;
        self.ties.put(id, Some(kept));
        Ok(())
    }

    /// Keeps a changed connection, records what changed, and speaks with it as it is now.
    async fn keep_tie(
        &self,
        id: &ConnectionId,
        kept: Kept,
        change: Option<(&str, Governed)>,
    ) -> Result<Arc<Kept>, TieError> {
        let sealed = sealed(id, &kept)?;
        let (what, governed) = match change {
            Some((what, governed)) => (Some(what), governed),
            None => (None, Governed { at: self.clock.now(), ..Governed::default() }),
        };
        if !self.store.change_connection(&sealed, what, governed).await? {
            return Err(TieError::None(id.clone()));
        }
        let kept = Arc::new(kept);
        let client = self.connections.get(id).and_then(|known| known.client.clone());
        let client = client.ok_or_else(|| TieError::None(id.clone()))?;
        self.admit(id, Arc::clone(&kept), client)?;
        Ok(kept)
    }

    /// The connection of this id, if it may be changed here.
    fn tie(&self, id: &ConnectionId) -> Result<Arc<Kept>, TieError> {
        match (self.ties.get(id), self.connections.get(id)) {
            (Some(kept), _) => Ok(kept),
            (None, Some(_)) => Err(TieError::Configured(id.clone())),
            (None, None) => Err(TieError::None(id.clone())),
        }
    }

    /// What webhooks of a connection are written with.
    fn hands(&self, id: &ConnectionId, kept: &Kept) -> Result<Client, TieError> {
        if let Some(second) = kept.second(id)? {
            second.measure(self.meters.bitbucket());
            self.outgoing.hear(id, &second);
            return Ok(second);
        }
        let known = self.connections.get(id).and_then(|known| known.client.clone());
        known.ok_or_else(|| TieError::None(id.clone()))
    }

    /// Who, why, and what was shown, for the record.
    fn governed(&self, (by, reason): (&By, &str), shown: Value) -> Result<Governed, TieError> {
        if reason.chars().count() > MAX_REASON {
            return Err(TieError::Wish(format!(
                "the reason is longer than {MAX_REASON} characters"
            )));
        }
        let shown = match shown {
            Value::Object(shown) => shown,
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Map::new(),
        };
        Ok(Governed {
            at: self.clock.now(),
            by: by.as_str().to_owned(),
            reason: reason.trim().to_owned(),
            shown,
        })
    }
}

/// The bytes that the store seals.
fn sealed(id: &ConnectionId, kept: &Kept) -> Result<KeptConnection, TieError> {
    let bytes =
        serde_json::to_vec(kept).map_err(|error| TieError::Kept(id.clone(), error.to_string()))?;
    Ok(KeptConnection { id: id.clone(), bytes: Secret::new(bytes) })
}

/// Runs until the gateway stops: what was asked to be read now, and secrets whose time has come.
pub async fn run(gateway: Arc<Gateway>) {
    tokio::join!(sync::run(&gateway), renewing::run(&gateway));
}
