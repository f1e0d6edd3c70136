//! Another sealing key: while the gate works, everything that is sealed under the old one is sealed again.

use std::sync::Arc;
use std::time::Duration;

use crate::gateway::Gateway;

/// After a failure, such as a full disk.
const TRY_AGAIN: Duration = Duration::from_mins(1);

/// Seals again what has to be, and ends; or when the gateway stops. The next start goes on.
pub async fn run(gateway: Arc<Gateway>) {
    let mut stop = gateway.stopping();
    loop {
        let done = tokio::select! {
            done = gateway.store.reseal(gateway.clock.now()) => done,
            _ = stop.wait_for(|stopping| *stopping) => return,
        };
        match done {
            Ok(done) if done.rows == 0 && done.broken == 0 => return,
            Ok(done) => {
                tracing::warn!(
                    rows = done.rows,
                    broken = done.broken,
                    "everything is sealed with the new key: the old one is no longer needed here"
                );
                return;
            }
            Err(error) => tracing::error!(%error, "not everything could be sealed again yet"),
        }
        tokio::select! {
            () = tokio::time::sleep(TRY_AGAIN) => {}
            _ = stop.wait_for(|stopping| *stopping) => return,
        }
    }
}
