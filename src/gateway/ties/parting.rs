//! The end of a connection: our webhooks are taken away, what was kept of it is erased, and what is left to do by hand is
//! said. Its id stays taken, and what was decided stays in the record.

use std::sync::Arc;
use std::sync::PoisonError;
use std::time::Duration;

use futures_util::StreamExt as _;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;
use tokio::time::timeout_at;

use crate::decision::pause::By;
use crate::gateway::Gateway;
use crate::gateway::connections::kept::Kept;
use crate::gateway::connections::kept::KeptCredential;
use crate::gateway::ties::AT_ONCE;
use crate::gateway::ties::TieError;
use crate::gateway::ties::connecting;
use crate::gateway::ties::registering;
use crate::graph::ConnectionId;
use crate::graph::Snapshot;
use crate::graph::World;

/// How long all webhooks together may take to be taken away. The listener ends a request after a minute, and one that
/// was ended would erase nothing, however often it is asked again.
const REMOVALS: Duration = Duration::from_secs(30);

/// What became of the end of a connection.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Parted {
    /// The connection that was.
    pub id: ConnectionId,
    /// Webhooks that were taken away.
    pub removed: usize,
    /// Webhooks that were not there any more.
    pub gone: usize,
    /// Whether a person's consent was given back to Bitbucket; null: the connection had none.
    pub consent_revoked: Option<bool>,
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
        self.governed((by, reason), json!({}))?;
        let _alone = self.ties.changing.lock().await;
        let kept = self.tie(id)?;
        let mut parted = Parted {
            id: id.clone(),
            removed: 0,
            gone: 0,
            consent_revoked: None,
            left: Vec::new(),
            by_hand: connecting::revoke(&kept),
        };
        self.take_away(&kept, &mut parted).await;
        self.give_back(&kept, &mut parted).await;
        let shown = json!({
            "removed": parted.removed, "gone": parted.gone, "left": parted.left.len(),
            "consent_revoked": parted.consent_revoked,
        });
        let governed = self.governed((by, reason), shown)?;
        self.store.end_connection(id, governed).await?;
        self.connections.remove(id)?;
        self.ties.put(id, None);
        self.ties.desk.forget(id);
        self.withdraw(id)?;
        tracing::warn!(connection = %id, left = parted.left.len(), "a connection was ended");
        Ok(parted)
    }

    /// Takes the webhooks away, as many as can be within [`REMOVALS`]; the others are left.
    async fn take_away(&self, kept: &Kept, parted: &mut Parted) {
        let hands = match self.hands(&parted.id, kept) {
            Ok(hands) => hands,
            Err(error) => {
                let left = kept.hooks.iter().map(|hook| format!("{}: {error}", hook.name));
                parted.left.extend(left);
                return;
            }
        };
        let one = |hook| registering::remove(&hands, &self.public_url, hook);
        let ends = all_within(REMOVALS, kept.hooks.iter().map(one).collect()).await;
        for (hook, end) in kept.hooks.iter().zip(ends) {
            match end {
                Some(Ok(true)) => parted.removed += 1,
                Some(Ok(false)) => parted.gone += 1,
                Some(Err(error)) => parted.left.push(format!("{}: {error}", hook.name)),
                None => parted.left.push(format!(
                    "{}: the {} s for all of them were over, so nobody knows whether it is there",
                    hook.name,
                    REMOVALS.as_secs()
                )),
            }
        }
    }

    /// Gives a person's consent back; where that cannot be done from here, it is left to do by hand.
    async fn give_back(&self, kept: &Kept, parted: &mut Parted) {
        if !matches!(kept.credential, KeptCredential::OauthCode { .. }) {
            return;
        }
        let given = self.withdraw_consent(&parted.id, kept).await;
        parted.consent_revoked = Some(given.is_ok());
        if let Err(error) = given {
            parted.by_hand.push(format!("the consent could not be revoked from here: {error}"));
        }
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

/// What becomes of each, a few at a time and in their order; none: the time for all of them was over before.
async fn all_within<T>(time: Duration, all: Vec<impl Future<Output = T>>) -> Vec<Option<T>> {
    let until = Instant::now() + time;
    let each: Vec<_> =
        all.into_iter().map(|one| async move { timeout_at(until, one).await.ok() }).collect();
    futures_util::stream::iter(each).buffered(AT_ONCE).collect().await
}

#[cfg(test)]
mod tests {
    use super::*;

    use futures_util::FutureExt as _;
    use futures_util::future::pending;
    use futures_util::future::ready;

    #[tokio::test]
    async fn what_never_ends_takes_the_time_once_and_not_once_for_each() {
        let mut all: Vec<_> = (0..200).map(|_| pending::<u8>().boxed()).collect();
        all.insert(0, ready(7).boxed());
        let (begun, time) = (Instant::now(), Duration::from_millis(50));
        let ends = all_within(time, all).await;
        assert!(begun.elapsed() < 20 * time, "{:?}", begun.elapsed());
        assert_eq!(ends.len(), 201);
        assert_eq!(ends[0], Some(7));
        assert!(ends[1..].iter().all(Option::is_none));
    }
}
