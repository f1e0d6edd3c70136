//! The notary: signs a checkpoint of the ledger within a second of every growth, and forgets what may be forgotten.

use std::sync::Arc;
use std::time::Duration;

use crate::gateway::Gateway;
use crate::ledger::VerifierKey;
use crate::store::StoreError;

/// How often the ledger's head is looked at: the contract promises a checkpoint within a second.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How many looks between two sweeps of bodies and sealed parts whose time is over: ten minutes.
const SWEEP_EVERY: u32 = 1_200;

/// Runs until the gateway stops, and signs once more at its end.
pub async fn run(gateway: Arc<Gateway>) {
    let mut stop = gateway.stopping();
    let mut looks = 0;
    loop {
        if let Err(error) = gateway.sign().await {
            tracing::error!(%error, "no checkpoint could be signed");
        }
        if looks % SWEEP_EVERY == 0
            && let Err(error) = gateway.store.sweep(gateway.clock.now()).await
        {
            tracing::error!(%error, "old bodies and names could not be forgotten");
        }
        looks += 1;
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
    pub async fn sign(&self) -> Result<(), StoreError> {
        let key = self.verifier_key();
        self.store.checkpoint(&key, |text| self.signing.sign(text)).await
    }

    /// The key that verifies the ledger: hand it to the auditor.
    pub fn verifier_key(&self) -> VerifierKey {
        VerifierKey::new(&self.origin, self.signing.public_key())
    }
}
