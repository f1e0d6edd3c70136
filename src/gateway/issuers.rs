//! Keeps the keys of those who sign tokens fresh while nobody asks: a check then never waits for them, and their age tells
//! of an issuer that does not answer rather than of a quiet night. One small request an issuer each time, without a
//! credential: it costs nothing of the budget.

use std::sync::Arc;
use std::time::Duration;

use crate::gateway::Gateway;
use crate::gateway::meters::Alarm;

/// How often keys are read. Below the half hour after which a check would read them itself.
const EVERY: Duration = Duration::from_mins(20);

/// How long after a failure they are tried again.
const AFTER_FAILURE: Duration = Duration::from_mins(1);

/// Runs until the gateway stops.
pub async fn run(gateway: Arc<Gateway>) {
    let mut stop = gateway.stopping();
    let mut failing = false;
    loop {
        let good = gateway.renew_keys().await;
        if !good && !failing {
            gateway.meters.alarm(Alarm::KeysUnread);
        }
        failing = !good;
        tokio::select! {
            () = tokio::time::sleep(if good { EVERY } else { AFTER_FAILURE }) => {}
            _ = stop.wait_for(|stopping| *stopping) => return,
        }
    }
}

impl Gateway {
    /// Reads every issuer's keys; whether all of them could be read.
    async fn renew_keys(&self) -> bool {
        let mut good = true;
        let known = self.connections.now();
        for issuer in known.issuers() {
            // The error says of whom: `the keys of …`.
            if let Err(error) = self.keys.renew(&issuer.issuer).await {
                tracing::warn!(connection = %issuer.connection, %error, "the keys of an issuer cannot be read; those known from before stay");
                good = false;
            }
        }
        for trusted in self.connections.iter().flat_map(|connection| connection.ci.clone()) {
            if let Err(error) = self.keys.renew_of(&trusted.keys).await {
                let (connection, ci) = (&trusted.ci.issuer.connection, &trusted.ci.id);
                tracing::warn!(%connection, ci, %error, "the keys of a CI cannot be read; those known from before stay");
                good = false;
            }
        }
        good
    }
}
