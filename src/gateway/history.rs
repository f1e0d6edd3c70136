//! The graph as it was: what was true at a time, or what was believed then.
//!
//! Discovery reads a connection from time to time, so nothing between two readings is known to the second: a graph "at"
//! a time is what the newest reading that had begun by then said. What was believed is what the newest reading that was
//! kept by then said; the two differ for as long as a reading takes.

pub mod first;
pub mod shifts;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::gateway::Gateway;
use crate::graph::BuildError;
use crate::graph::ConnectionId;
use crate::graph::Snapshot;
use crate::graph::Time;
use crate::graph::World;
use crate::store::StoreError;
use crate::store::When;
use crate::words;

/// Graphs of the past kept at hand. Each is as large as the graph itself.
const MAX_PASTS: u64 = 4;

/// How long one is kept at hand. Short: what is erased must not be told from memory.
const AT_HAND: Duration = Duration::from_mins(1);

words! {
    /// Which of the two pasts is asked for.
    pub enum View {
        /// What was true then.
        True = "true",
        /// What was believed then.
        Believed = "believed",
    }
}

/// Why there is no graph of then.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoPast {
    /// Not a time.
    #[error(
        "`{0}` is not a time: write a day such as `2026-03-03`, a minute such as `2026-03-03T14:00Z`, or RFC 3339 with an offset"
    )]
    Form(String),
    /// It has not come.
    #[error("{0} has not come yet: leave the time out to ask what holds now")]
    Future(Time),
    /// Nothing was read yet.
    #[error("nothing is known of {at}: the first discovery is of {since}")]
    Before {
        /// What was asked for.
        at: Time,
        /// Since when anything is known.
        since: Time,
    },
    /// Nothing was ever read.
    #[error(
        "there is no history: no connection was discovered yet; give one its credential, and what is read from then on is kept"
    )]
    Nothing,
    /// It cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was kept does not hang together.
    #[error("the graph of then cannot be built: {0}")]
    Build(#[from] BuildError),
    /// The gateway is ending.
    #[error("the gateway is ending")]
    Ending,
}

/// A graph of the past by what it is made of: for each connection its moment, and the reading that says so; not by the
/// time that was asked for, so that many times share one graph.
type Key = Vec<(ConnectionId, i64, Time)>;

/// Graphs of the past that are built at a time.
const MAX_BUILDING: usize = 2;

/// Graphs of the past at hand.
#[derive(Debug)]
pub struct Pasts {
    at_hand: moka::future::Cache<Key, Arc<Snapshot>>,
    building: Semaphore,
}

impl Default for Pasts {
    fn default() -> Self {
        let cache = moka::future::Cache::builder();
        Self {
            at_hand: cache.max_capacity(MAX_PASTS).time_to_live(AT_HAND).build(),
            building: Semaphore::new(MAX_BUILDING),
        }
    }
}

/// Reads a time as people write it: RFC 3339, or a day, minute or second of UTC.
pub fn instant(text: &str) -> Result<Time, NoPast> {
    let text = text.trim();
    let bare = text.trim_end_matches('Z');
    let whole = match bare.len() {
        10 => format!("{bare}T00:00:00Z"),
        16 => format!("{bare}:00Z"),
        19 => format!("{bare}Z"),
        _ => text.to_owned(),
    };
    let read = |text: &str| text.parse::<Time>().ok();
    let form = || NoPast::Form(text.chars().take(40).flat_map(char::escape_debug).collect());
    read(&whole).or_else(|| read(text)).ok_or_else(form)
}

impl Gateway {
    /// The graph that a question is about: as it was at `at` where it names a time, else as it is.
    pub async fn graph_for(&self, at: Option<&str>, view: View) -> Result<Arc<Snapshot>, NoPast> {
        match at.filter(|at| !at.is_empty()) {
            Some(at) => self.graph_at(instant(at)?, view).await,
            None => Ok(self.graph.load_full()),
        }
    }

    /// The graph as it was, of every connection that was known then. Its revision is the number of the newest moment in
    /// it. Bounded: few are built at a time and kept at hand.
    pub async fn graph_at(&self, at: Time, view: View) -> Result<Arc<Snapshot>, NoPast> {
        if at > self.clock.now() {
            return Err(NoPast::Future(at));
        }
        let when = match view {
            View::True => When::True(at),
            View::Believed => When::Believed(at),
        };
        let mut key = Key::new();
        for connection in self.connections.iter() {
            if let Some(moment) = self.store.moment(&connection.id, when).await? {
                let as_of = match view {
                    View::True => moment.true_at(at),
                    View::Believed => moment.as_of,
                };
                key.push((connection.id.clone(), moment.no, as_of));
            }
        }
        if key.is_empty() {
            return Err(self.before_everything(at).await?);
        }
        let building = self.build_past(key.clone());
        let built = self.pasts.at_hand.try_get_with(key, building).await;
        built.map_err(|error: Arc<NoPast>| NoPast::clone(&error))
    }

    async fn build_past(&self, key: Key) -> Result<Arc<Snapshot>, NoPast> {
        let _turn = self.pasts.building.acquire().await.map_err(|_| NoPast::Ending)?;
        let (mut worlds, mut revision): (Vec<World>, i64) = (Vec::new(), 0);
        for (connection, moment, as_of) in key {
            if let Some(past) = self.store.past(&connection, When::At(moment)).await? {
                let mut world = past.world;
                world.as_of = as_of;
                self.tell_plan(&mut world);
                worlds.push(world);
                revision = revision.max(moment);
            }
        }
        let revision = u64::try_from(revision).unwrap_or_default();
        let built = spawn_blocking(move || Snapshot::build(revision, &worlds)).await;
        Ok(Arc::new(built.map_err(|_| NoPast::Ending)??))
    }

    async fn before_everything(&self, at: Time) -> Result<NoPast, StoreError> {
        let mut since: Option<Time> = None;
        for connection in self.connections.iter() {
            let known = self.store.known_since(&connection.id).await?;
            since = since.into_iter().chain(known).min();
        }
        Ok(since.map_or(NoPast::Nothing, |since| NoPast::Before { at, since }))
    }

    /// Connections of which nothing was known at that time, with since when it is: what is not found in the graph of
    /// then may be theirs.
    pub async fn unknown_at(
        &self,
        at: Time,
    ) -> Result<Vec<(ConnectionId, Option<Time>)>, StoreError> {
        let mut unknown = Vec::new();
        for connection in self.connections.iter() {
            let since = self.store.known_since(&connection.id).await?;
            if since.is_none_or(|since| since > at) {
                unknown.push((connection.id.clone(), since));
            }
        }
        Ok(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_people_write_it() {
        let same = |text: &str, full: &str| {
            assert_eq!(instant(text).unwrap(), full.parse().unwrap(), "{text}");
        };
        same("2026-03-03", "2026-03-03T00:00:00Z");
        same("2026-03-03T14:00", "2026-03-03T14:00:00Z");
        same("2026-03-03T14:00Z", "2026-03-03T14:00:00Z");
        same("2026-03-03T14:00:05", "2026-03-03T14:00:05Z");
        same("2026-03-03T14:00:05.125Z", "2026-03-03T14:00:05.125Z");
        same("2026-03-03T14:00:05+02:00", "2026-03-03T12:00:05Z");
        for wrong in ["yesterday", "2026-13-03", "3.3.2026", ""] {
            assert!(matches!(instant(wrong), Err(NoPast::Form(_))), "{wrong}");
        }
    }
}
