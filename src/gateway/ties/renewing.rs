//! New secrets for the webhooks of a connection, with overlap: the new one is kept and accepted before Bitbucket is told
//! of it, and the old one ends when deliveries signed with it cannot be under way any more. A webhook that somebody took
//! away or switched off is put right on the way.
//!
//! Where Bitbucket does not answer, nobody knows which secret it signs with: both stay good until the next time.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::bitbucket::Spot;
use crate::bitbucket::scopes::Edition;
use crate::decision::pause::By;
use crate::gateway::Gateway;
use crate::gateway::connections::kept::Kept;
use crate::gateway::connections::kept::KeptHook;
use crate::gateway::ties::TieError;
use crate::gateway::ties::registering;
use crate::gateway::ties::registering::HookMade;
use crate::graph::ConnectionId;
use crate::graph::Time;
use crate::store::Governed;

/// How long the old secret stays good where nobody says otherwise. Cloud delivers again after failures, for minutes.
pub const OVERLAP: Duration = Duration::from_hours(1);

/// Longest overlap: for so long whoever knows the old secret can still speak.
pub const LONGEST_OVERLAP: Duration = Duration::from_hours(7 * 24);

/// How often it is looked whether a secret has come to its end, at most.
const LOOK: Duration = Duration::from_secs(30);

/// What became of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Renewed {
    /// The connection.
    pub id: ConnectionId,
    /// Its webhooks.
    pub hooks: Vec<HookMade>,
    /// When old secrets end; null: none does, because nothing was renewed.
    pub old_ends: Option<Time>,
    /// Webhooks whose last change is still under way: they keep both of their secrets until it ends, and got no third.
    pub still_turning: usize,
}

impl Gateway {
    /// Gives every webhook of a connection a new secret, and puts right those that are not as they should be.
    pub async fn renew_hooks(
        &self,
        id: &ConnectionId,
        overlap: Duration,
        (by, reason): (&By, &str),
    ) -> Result<Renewed, TieError> {
        if overlap > LONGEST_OVERLAP {
            return Err(TieError::Wish("the overlap is longer than 7 days".to_owned()));
        }
        let _alone = self.ties.changing.lock().await;
        let mut kept = Kept::clone(&*self.tie(id)?);
        let (now, mut turning) = (self.clock.now(), 0);
        for hook in &mut kept.hooks {
            end_due(hook, now);
            match hook.secrets.len() {
                0 | 1 => hook.secrets.push(registering::fresh_secret()?),
                // The last time Bitbucket did not answer, or the old one has not ended: no third.
                _ => turning += usize::from(hook.secrets.iter().any(|one| one.ends.is_some())),
            }
        }
        self.hook_up(id, &mut kept).await?;
        let shown = json!({"hooks": kept.hooks.len(), "overlap_ms": millis(overlap)});
        let begun = ("hook secrets begin to change", self.governed((by, reason), shown)?);
        self.keep_tie(id, kept.clone(), Some(begun)).await?;
        let hands = self.hands(id, &kept)?;
        let made = registering::register(&hands, &self.public_url, kept.hooks.clone(), || {}).await;
        let ends = self.clock.now().plus(overlap);
        let (mut hooks, mut told, mut old_ends) = (Vec::new(), Vec::new(), None);
        for (mut hook, made) in made {
            if made.why.is_none() && end_old(&mut hook, ends) {
                old_ends = Some(ends);
            }
            hooks.push(hook);
            told.push(made);
        }
        let failed = told.iter().filter(|made| made.why.is_some()).count();
        let shown = json!({"hooks": told.len(), "failed": failed, "old_end": old_ends});
        let ended = ("hook secrets changed", self.governed((by, reason), shown)?);
        self.keep_tie(id, Kept { hooks, ..kept }, Some(ended)).await?;
        self.ties.bell.notify_one();
        Ok(Renewed { id: id.clone(), hooks: told, old_ends, still_turning: turning })
    }

    /// Adds a webhook wherever one is missing: projects of Data Center are made while nobody tells.
    async fn hook_up(&self, id: &ConnectionId, kept: &mut Kept) -> Result<(), TieError> {
        match self.missing_hooks(id, kept).await {
            Ok(missing) => {
                for spot in missing {
                    kept.hooks.push(registering::drawn(&spot)?);
                }
            }
            // What is there can be renewed all the same.
            Err(error) => {
                tracing::warn!(connection = %id, %error, "where webhooks are missing could not be read");
            }
        }
        Ok(())
    }

    /// Where a webhook should hang by the connection's scope, and none of ours does.
    pub(super) async fn missing_hooks(
        &self,
        id: &ConnectionId,
        kept: &Kept,
    ) -> Result<Vec<Spot>, TieError> {
        let server = kept.version.as_deref().map(Edition::of) == Some(Edition::Server);
        let known = self.connections.get(id).and_then(|known| known.client.clone());
        let Some(client) = known.filter(|_| !server) else { return Ok(Vec::new()) };
        let mut spots = registering::places(&client, &kept.scope).await?;
        spots.retain(|spot| kept.hooks.iter().all(|hook| hook.place != spot.place));
        Ok(spots)
    }

    /// Ends every secret whose time has come; when to look again.
    async fn end_secrets(&self) -> Result<Duration, TieError> {
        let now = self.clock.now();
        let mut next = LOOK;
        let all: Vec<ConnectionId> = self.ties.kept.load().keys().cloned().collect();
        for id in all {
            let _alone = self.ties.changing.lock().await;
            let Some(kept) = self.ties.get(&id) else { continue };
            let mut kept = Kept::clone(&kept);
            let mut ended = 0;
            for hook in &mut kept.hooks {
                ended += end_due(hook, now);
                let left = hook.secrets.iter().filter_map(|one| one.ends);
                next = left
                    .map(|ends| Duration::from_millis(ends.since(now)))
                    .fold(next, Duration::min);
            }
            if ended > 0 {
                let governed = Governed {
                    at: now,
                    by: "time".to_owned(),
                    shown: [("secrets".to_owned(), json!(ended))].into_iter().collect(),
                    ..Governed::default()
                };
                self.keep_tie(&id, kept, Some(("old hook secrets ended", governed))).await?;
                tracing::info!(connection = %id, secrets = ended, "old secrets of hooks have ended");
            }
        }
        Ok(next)
    }
}

/// Takes away secrets whose time has come, never the last; how many.
fn end_due(hook: &mut KeptHook, now: Time) -> usize {
    let before = hook.secrets.len();
    hook.secrets.retain(|secret| secret.ends.is_none_or(|ends| now < ends));
    before - hook.secrets.len()
}

/// Gives the old secret its end, if there is one without.
fn end_old(hook: &mut KeptHook, ends: Time) -> bool {
    match hook.secrets.as_mut_slice() {
        [old, _] if old.ends.is_none() => {
            old.ends = Some(ends);
            true
        }
        _ => false,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Runs until the gateway stops.
pub(super) async fn run(gateway: &Arc<Gateway>) {
    let mut stop = gateway.stopping();
    loop {
        let next = gateway.end_secrets().await.unwrap_or_else(|error| {
            tracing::error!(%error, "old secrets of hooks could not be ended; it is tried again");
            LOOK
        });
        tokio::select! {
            () = tokio::time::sleep(next.max(Duration::from_millis(10))) => {}
            () = gateway.ties.bell.notified() => {}
            _ = stop.wait_for(|stopping| *stopping) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitbucket::HookPlace;
    use crate::gateway::connections::kept::Hidden;
    use crate::gateway::connections::kept::KeptSecret;

    fn hook(ends: &[Option<i64>]) -> KeptHook {
        let secret = |(at, ends): (usize, &Option<i64>)| KeptSecret {
            text: Hidden::new(format!("secret {at}")),
            ends: ends.map(Time::from_millis),
        };
        KeptHook {
            id: "0".repeat(32),
            place: HookPlace::Workspace,
            name: "the workspace".to_owned(),
            native: None,
            events: Vec::new(),
            secrets: ends.iter().enumerate().map(secret).collect(),
        }
    }

    #[test]
    fn the_old_secret_ends_at_its_time_and_the_new_one_stays() {
        let mut turned = hook(&[None, None]);
        assert!(end_old(&mut turned, Time::from_millis(50)));
        assert!(!end_old(&mut turned, Time::from_millis(90)), "its end is not moved");
        assert_eq!(end_due(&mut turned, Time::from_millis(49)), 0);
        assert_eq!(end_due(&mut turned, Time::from_millis(50)), 1);
        assert_eq!(turned.secrets[0].text, Hidden::new("secret 1".to_owned()));
        assert!(!end_old(&mut turned, Time::from_millis(99)), "the last one never ends");
    }
}
