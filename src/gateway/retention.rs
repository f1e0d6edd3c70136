//! Retention: what was kept long enough is forgotten, on a timer. How long is configuration; how, and that the ledger
//! says so, is the store's.

use std::sync::Arc;
use std::time::Duration;

use crate::gateway::Gateway;
use crate::store::StoreError;
use crate::store::Swept;
use crate::store::Until;

/// Between two sweeps. The longest that anything stays beyond its time.
const SWEEP_EVERY: Duration = Duration::from_mins(10);

/// Runs until the gateway stops.
pub async fn run(gateway: Arc<Gateway>) {
    let mut stop = gateway.stopping();
    loop {
        match gateway.sweep().await {
            Ok(_) => {}
            Err(StoreError::Busy) => {
                tracing::info!(
                    "a long reader, such as a backup, holds old bytes: the next sweep cuts the log"
                );
            }
            Err(error) => tracing::error!(%error, "what is too old could not be forgotten"),
        }
        tokio::select! {
            () = tokio::time::sleep(SWEEP_EVERY) => {}
            _ = stop.wait_for(|stopping| *stopping) => return,
        }
    }
}

impl Gateway {
    /// Forgets what was kept long enough, and says how much that was.
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        let now = self.clock.now();
        let until =
            Until { bodies: now.minus(self.keep.bodies), sealed: now.minus(self.keep.sealed) };
        self.store.sweep(until, now).await
    }
}
