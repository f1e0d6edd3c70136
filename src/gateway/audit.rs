//! Audit logs: read a window at a time, kept, and held against the changes that readings found.
//!
//! A source stands in the store: which window is being read and which page of it comes next. A page's lines and that place
//! are kept in one transaction, so that a restart in the middle goes on where it was, and loses and doubles nothing. A new
//! window begins a little before the end of the one before, since nodes and products write late; what is read twice is
//! kept once.
//!
//! In reading order: `reading` (sources), `matching` (lines and changes), `told` (what people are shown).

mod matching;
mod reading;
pub mod told;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::gateway::Gateway;
use crate::gateway::audit::reading::Pace;
use crate::graph::ConnectionId;

pub(in crate::gateway) use matching::Actors;

/// Between two looks at a log that has nothing new.
pub(in crate::gateway) const EVERY: Duration = Duration::from_mins(1);

/// What is remembered between two looks.
#[derive(Debug, Default)]
pub struct Audits {
    /// Rung when lines were handed in, or a reading found changes.
    pub(in crate::gateway) bell: Notify,
    /// One at a time reads a connection's log.
    alone: Mutex<BTreeMap<ConnectionId, Arc<tokio::sync::Mutex<Pace>>>>,
    /// One at a time holds lines against changes.
    matching: tokio::sync::Mutex<()>,
}

impl Audits {
    fn pace(&self, connection: &ConnectionId) -> Arc<tokio::sync::Mutex<Pace>> {
        let mut all = self.alone.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(connection.clone()).or_default())
    }
}

/// Runs until the gateway stops. The bell does not read: it holds what was read against what was found.
pub async fn run(gateway: Arc<Gateway>) {
    let mut stop = gateway.stopping();
    let mut next = Instant::now();
    loop {
        let looked = async {
            let wait = if Instant::now() < next { None } else { Some(gateway.read_audits().await) };
            gateway.match_audits().await;
            wait
        };
        tokio::select! {
            wait = looked => next = wait.map_or(next, |wait| Instant::now() + wait),
            _ = stop.wait_for(|stopping| *stopping) => return,
        }
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            () = gateway.audits.bell.notified() => {}
            _ = stop.wait_for(|stopping| *stopping) => return,
        }
    }
}

impl Gateway {
    /// Reads what is new in every log; how soon to look again.
    async fn read_audits(&self) -> Duration {
        let mut wait = EVERY;
        for connection in self.connections.iter() {
            wait = wait.min(self.read_audit(&connection).await);
        }
        wait
    }

    async fn match_audits(&self) {
        for connection in self.connections.iter() {
            if let Err(error) = self.match_audit(&connection).await {
                tracing::error!(connection = %connection.id, %error, "audit lines could not be held against changes; it is tried again");
            }
        }
    }
}
