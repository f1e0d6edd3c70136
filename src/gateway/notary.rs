//! The notary: signs a checkpoint of the ledger within a second of every growth, and forgets what may be forgotten.

use std::sync::Arc;
use std::time::Duration;

use crate::gateway::Gateway;
use crate::gateway::meters::Alarm;
use crate::ledger::VerifierKey;
use crate::store::CheckpointError;
use crate::store::StoreError;

/// How often the ledger's head is looked at: the contract promises a checkpoint within a second.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How many looks between two sweeps of bodies and sealed parts whose time is over: ten minutes.
const SWEEP_EVERY: u32 = 1_200;

/// Runs until the gateway stops, and signs once more at its end.
pub async fn run(gateway: Arc<Gateway>) {
    let mut stop = gateway.stopping();
    let (mut looks, mut failing) = (0, false);
    loop {
        let signed = gateway.sign().await;
        if let Err(error) = &signed {
            tracing::error!(%error, "no checkpoint could be signed");
            if !failing {
                gateway.meters.alarm(Alarm::CheckpointFailed);
            }
        }
        failing = signed.is_err();
        if looks % SWEEP_EVERY == 0
            && let Err(error) = gateway.sweep().await
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
    pub async fn sign(&self) -> Result<(), CheckpointError> {
        let signing = Arc::clone(&self.signing);
        let sign = move |text: &[u8]| signing.sign(text);
        self.store.checkpoint(&self.verifier, self.clock.now(), sign).await.map(drop)
    }

    /// Forgets bodies and sealed parts whose time is over.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.store.forget_bodies(now.minus(self.keep.bodies), now).await?;
        self.store.sweep_sealed(now.minus(self.keep.sealed), now).await?;
        Ok(())
    }

    /// The key that verifies the ledger: hand it to the auditor.
    pub const fn verifier_key(&self) -> &VerifierKey {
        &self.verifier
    }
}
