//! The end of a connection: our webhooks are taken away, what was kept of it is erased, and what is left to do by hand is
//! said. Its id stays taken, and what was decided stays in the record.

use std::sync::Arc;
use std::sync::PoisonError;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::decision::pause::By;
use crate::gateway::Gateway;
use crate::gateway::ties::TieError;
use crate::gateway::ties::connecting;
use crate::gateway::ties::registering;
use crate::graph::ConnectionId;
use crate::graph::Snapshot;
use crate::graph::World;

/// What became of the end of a connection.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Parted {
    /// The connection that was.
    pub id: ConnectionId,
    /// Webhooks that were taken away.
    pub removed: usize,
    /// Webhooks that were not there any more.
    pub gone: usize,
    /// Webhooks that could not be taken away, with why: they deliver to an address that answers 404.
    pub left: Vec<String>,
    /// What only people can do now.
    pub by_hand: Vec<String>,
}

impl Gateway {
    /// Ends a connection. Whatever Bitbucket says to the webhooks, its secrets are erased.
    pub async fn disconnect(
        &self,
        id: &ConnectionId,
        by: &By,
        reason: &str,
    ) -> Result<Parted, TieError> {
        let _alone = self.ties.changing.lock().await;
        let kept = self.tie(id)?;
        let mut parted = Parted {
            id: id.clone(),
            removed: 0,
            gone: 0,
            left: Vec::new(),
            by_hand: connecting::revoke(&kept),
        };
        let hands = self.hands(id, &kept)?;
        for hook in &kept.hooks {
            match registering::remove(&hands, &self.public_url, hook).await {
                Ok(true) => parted.removed += 1,
                Ok(false) => parted.gone += 1,
                Err(error) => parted.left.push(format!("{}: {error}", hook.name)),
            }
        }
        let shown = json!({
            "removed": parted.removed, "gone": parted.gone, "left": parted.left.len(),
        });
        let governed = self.governed((by, reason), shown)?;
        self.store.end_connection(id, governed).await?;
        self.connections.remove(id)?;
        self.ties.put(id, None);
        self.withdraw(id)?;
        tracing::warn!(connection = %id, left = parted.left.len(), "a connection was ended");
        Ok(parted)
    }

    /// Takes what was learned of a connection out of the graph.
    fn withdraw(&self, id: &ConnectionId) -> Result<(), TieError> {
        let _alone = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.graph.load_full();
        let others = self.connections.iter().filter(|connection| connection.id != *id);
        let worlds: Vec<World> =
            others.filter_map(|connection| before.world(&connection.id)).collect();
        let graph = Snapshot::build(before.revision() + 1, &worlds)
            .map_err(|error| TieError::Kept(id.clone(), error.to_string()))?;
        self.graph.store(Arc::new(graph));
        Ok(())
    }
}
