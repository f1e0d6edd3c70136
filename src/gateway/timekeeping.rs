//! What follows when the machine's clock is set: grants are frozen and the ledger says so; when a new time has stayed,
//! it is taken for right. If that takes the time back, every grant in force ends first, so that none lives longer than it
//! was granted, and the ledger has the one entry after which its times may be earlier.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Map;
use serde_json::Value;

use crate::approval::Act;
use crate::approval::State;
use crate::approval::Ticket;
use crate::gateway::Gateway;
use crate::gateway::clock::MOST_STEP;
use crate::gateway::clock::Turn;
use crate::gateway::tickets::VoteError;
use crate::ledger::Kind;
use crate::store::NewEntry;
use crate::store::StoreError;
use crate::store::TicketFilter;

/// How often the clock is looked at. A step is felt at once: this is how soon it is said.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Grants that are ended at a time.
const PAGE: usize = 200;

/// Looks at the clock until the gateway stops.
pub async fn run(gateway: Arc<Gateway>) {
    let mut stop = gateway.stopping();
    loop {
        if let Err(error) = gateway.keep_time().await {
            tracing::error!(%error, "what happened to the clock could not be recorded");
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stop.wait_for(|stopping| *stopping) => return,
        }
    }
}

impl Gateway {
    /// Looks at the clock once, and does what follows.
    pub async fn keep_time(&self) -> Result<(), StoreError> {
        match self.clock.look() {
            None => Ok(()),
            Some(Turn::Stepped(by)) => {
                tracing::error!(
                    by_ms = by,
                    "the machine's clock was set: grants are frozen until it is set right or stays for 15 minutes"
                );
                self.say_of_clock("set", &[("by_ms", by.into())]).await
            }
            Some(Turn::Righted) => {
                tracing::info!("the machine's clock is right again: grants count");
                self.say_of_clock("right again", &[]).await
            }
            Some(Turn::Stayed(ahead)) => self.settle_clock(ahead).await,
        }
    }

    async fn settle_clock(&self, ahead: Duration) -> Result<(), StoreError> {
        let is_small = ahead <= Duration::from_millis(MOST_STEP.unsigned_abs());
        // Nobody is to ask again because of a second: a small difference waits until there is nothing to prolong.
        if is_small && !ahead.is_zero() && !self.granted().await?.is_empty() {
            return Ok(());
        }
        let ended = if ahead.is_zero() { 0 } else { self.end_grants().await? };
        let before = self.clock.now();
        let now = self.clock.settle();
        let back = before.since(now);
        tracing::warn!(
            back_ms = back,
            grants_ended = ended,
            "the machine's new time has stayed and is taken for right: grants count"
        );
        if ahead.is_zero() {
            return self.say_of_clock("taken for right", &[]).await;
        }
        self.store.set_back(now);
        let body = [
            ("why", "clock".into()),
            ("what", "set back".into()),
            ("back_ms", back.into()),
            ("grants_ended", ended.into()),
        ];
        let subject = self.store.instance().to_string();
        let entry = NewEntry { body: map(&body), ..NewEntry::new(Kind::Gap, now, subject) };
        self.store.append(vec![entry]).await.map(drop)
    }

    /// Some of the grants in force; none if there are none.
    async fn granted(&self) -> Result<Vec<Ticket>, StoreError> {
        let filter = TicketFilter { state: Some(State::Granted), ..TicketFilter::default() };
        let granted = self.store.tickets(filter, None, PAGE).await?;
        Ok(granted.into_iter().map(|(_, ticket)| ticket).collect())
    }

    /// Ends every grant in force. What was asked and not granted stays.
    async fn end_grants(&self) -> Result<u64, StoreError> {
        let mut ended = 0;
        loop {
            let granted = self.granted().await?;
            if granted.is_empty() {
                return Ok(ended);
            }
            for ticket in granted {
                let reason = "the gate's clock was set back, and how long it was good is not known";
                let act = Act::Revoke { reason: reason.to_owned() };
                let Ok(next) = ticket.step(act) else { continue };
                match self.move_ticket(&ticket, next).await {
                    Ok(_) => ended += 1,
                    // Used or ended at the same moment: it is in force no more, and the next look shows it.
                    Err(VoteError::Moved | VoteError::Unknown | VoteError::Refused(_)) => {}
                    Err(VoteError::Store(error)) => return Err(error),
                }
            }
        }
    }

    async fn say_of_clock(&self, what: &str, more: &[(&str, Value)]) -> Result<(), StoreError> {
        let mut body = map(more);
        body.insert("what".to_owned(), "clock".into());
        body.insert("clock".to_owned(), what.into());
        let subject = self.store.instance().to_string();
        let entry = NewEntry { body, ..NewEntry::new(Kind::Admin, self.clock.now(), subject) };
        self.store.append(vec![entry]).await.map(drop)
    }
}

fn map(pairs: &[(&str, Value)]) -> Map<String, Value> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}
