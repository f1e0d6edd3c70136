//! Decisions as they are made, for whoever follows them: from a place in the record on, in its order, none left out and
//! none twice. Nothing is kept for a follower but its place; what it missed, it reads from the store.

use std::time::Duration;

use tokio::sync::watch;

use crate::decision::Record;
use crate::gateway::Gateway;
use crate::gateway::telling::Filter;
use crate::gateway::telling::StoreError;
use crate::graph::Time;
use crate::store::Store;

/// Decisions that are told at a time.
const PORTION: usize = 100;

/// How long decisions are gathered once one is there. Without it, each of hundreds a second would be read by itself, by
/// every follower.
const GATHERED: Duration = Duration::from_millis(50);

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the next decision.
    Now,
    /// At the entry of this index.
    At(u64),
    /// With decisions made since.
    Since(Time),
}

/// Follows decisions.
#[derive(Debug)]
pub struct Following {
    store: Store,
    filter: Filter,
    from: u64,
    news: watch::Receiver<u64>,
}

impl Gateway {
    /// Follows decisions from a place on.
    pub async fn follow(&self, filter: Filter, start: Start) -> Result<Following, StoreError> {
        let news = self.store.news();
        let from = match start {
            Start::Now => self.store.first_since(None).await?,
            Start::At(index) => index,
            Start::Since(time) => self.store.first_since(Some(time)).await?,
        };
        Ok(Following { store: self.store.clone(), filter, from, news })
    }
}

impl Following {
    /// The place after everything that was looked at.
    pub const fn from(&self) -> u64 {
        self.from
    }

    /// The next decisions, each with the index of its entry; waits for them. Dropped while it waits, it loses none.
    pub async fn next(&mut self) -> Result<Vec<(u64, Record)>, StoreError> {
        loop {
            self.news.mark_unchanged();
            let found = self.store.decisions_from(self.filter.clone(), self.from, PORTION).await?;
            self.from = found.from;
            if !found.items.is_empty() {
                return Ok(found.items);
            }
            if found.more {
                continue;
            }
            // Never: the store this was asked of is held here.
            self.news.changed().await.map_err(|_| StoreError::Closed)?;
            tokio::time::sleep(GATHERED).await;
        }
    }
}
