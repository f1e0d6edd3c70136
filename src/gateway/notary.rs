//! The notary: signs a checkpoint of the ledger within a second of every growth.

use std::sync::Arc;
use std::time::Duration;

use crate::gateway::Gateway;
use crate::gateway::meters::Alarm;
use crate::ledger::VerifierKey;
use crate::store::CheckpointError;

/// How often the ledger's head is looked at: the contract promises a checkpoint within a second.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Runs until the gateway stops, and signs once more at its end.
pub async fn run(gateway: Arc<Gateway>) {
    let mut stop = gateway.stopping();
    let mut failing = false;
    loop {
        let signed = gateway.sign().await;
        if let (Err(error), false) = (&signed, failing) {
            tracing::error!(%error, "no checkpoint could be signed");
            gateway.meters.alarm(Alarm::CheckpointFailed);
        }
        failing = signed.is_err();
        let was_in_trouble = gateway.store.trouble().is_some();
        // Without this, a gate that nobody asks because it is not ready would never find out that it is again.
        if gateway.store.try_again(gateway.clock.now()).await.is_ok() && was_in_trouble {
            tracing::info!("the store can write again");
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stop.wait_for(|stopping| *stopping) => break,
        }
    }
    if let Err(error) = gateway.sign().await {
        tracing::error!(%error, "no last checkpoint could be signed");
    }
}

impl Gateway {
    /// Signs the ledger's head if it grew since the last checkpoint.
    pub async fn sign(&self) -> Result<(), CheckpointError> {
        let signing = Arc::clone(&self.signing);
        let sign = move |text: &[u8]| signing.sign(text);
        self.store.checkpoint(&self.verifier, self.clock.now(), sign).await.map(drop)
    }

    /// The key that verifies the ledger: hand it to the auditor.
    pub const fn verifier_key(&self) -> &VerifierKey {
        &self.verifier
    }
}
