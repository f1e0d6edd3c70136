//! Whether the gate can do its work, and each reason why not. Not ready does not mean deaf: deliveries are kept as long
//! as the store takes them.

use std::time::Duration;

use serde::Serialize;

use crate::gateway::Gateway;
use crate::store::Room;
use crate::words;

/// Below this part of the disk the gate says that it is not ready, before writes fail.
pub const LEAST_FREE: f64 = 0.05;

/// A clock that is further away than this was set, or its machine stood still: tokens and grants live by it.
pub const MOST_OFFSET: Duration = Duration::from_mins(1);

words! {
    /// Why it is not ready, as a label.
    pub enum Unready {
        /// The store does not answer.
        Store = "store",
        /// Too little of its disk is free.
        Disk = "disk",
        /// Nothing is configured to be guarded.
        Connection = "connection",
        /// No evaluation process runs or can be started.
        Workers = "workers",
        /// The machine's clock was set.
        Clock = "clock",
        /// It is shutting down.
        Stopping = "stopping",
    }
}

/// Whether the gate can do its work.
#[derive(Clone, Debug, Serialize)]
pub struct Readiness {
    /// Ready or not.
    pub ready: bool,
    /// Why not; empty when ready.
    pub reasons: Vec<String>,
    /// What works but not as well as it could.
    pub notes: Vec<String>,
    /// How well the workers' cage closes: `full` or `partial`.
    pub sandbox: String,
    /// Revision of the active bundle.
    pub bundle: String,
    /// Revision of the graph.
    pub graph_revision: u64,
    /// The reasons' words, in their order.
    #[serde(skip)]
    words: Vec<Unready>,
}

impl Readiness {
    /// Whether this is one of the reasons.
    pub fn is_for(&self, why: Unready) -> bool {
        self.words.contains(&why)
    }
}

impl Gateway {
    /// Whether the gate can do its work, and why not.
    pub async fn readiness(&self) -> Readiness {
        let active = self.policies.current();
        let found = self.unready().await;
        let graph = self.graph.load();
        let mut notes: Vec<String> = Vec::new();
        notes.extend(
            self.policies.refused().map(|why| {
                format!("the newest rules were refused, the last good ones stay: {why}")
            }),
        );
        if graph.count() == 0 {
            notes.push("no graph is loaded: rules that ask who may do what cannot tell".to_owned());
        }
        let (words, reasons): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        Readiness {
            ready: reasons.is_empty(),
            reasons,
            notes,
            sandbox: active.pool.sandbox().to_owned(),
            bundle: active.bundle.revision.clone(),
            graph_revision: graph.revision(),
            words,
        }
    }

    /// Every reason, with its sentence.
    async fn unready(&self) -> Vec<(Unready, String)> {
        let mut found = Vec::new();
        if let Err(error) = self.store.head().await {
            found.push((Unready::Store, format!("the store does not answer: {error}")));
        }
        if let Some(error) = self.store.trouble() {
            found.push((Unready::Store, format!("the store cannot write: {error}")));
        }
        found.extend(disk(&self.store.room().await).map(|why| (Unready::Disk, why)));
        if self.connections.is_empty() {
            found.push((Unready::Connection, "no connection is configured: add one to the configuration file (`portcullis config init` shows how)".to_owned()));
        }
        if self.policies.current().pool.is_stranded() {
            let why = "no evaluation process runs, and none can be started: the log says why";
            found.push((Unready::Workers, why.to_owned()));
        }
        found.extend(clock(self.clock.offset()).map(|why| (Unready::Clock, why)));
        if *self.stop.borrow() {
            found.push((Unready::Stopping, "the gate is shutting down".to_owned()));
        }
        found
    }
}

fn disk(room: &Room) -> Option<String> {
    let free = room.free.filter(|free| *free < LEAST_FREE)?;
    Some(format!(
        "the store's disk has {:.1} % free, less than {:.0} %: enlarge it before writes fail",
        free * 100.0,
        LEAST_FREE * 100.0
    ))
}

fn clock(offset: Duration) -> Option<String> {
    (offset > MOST_OFFSET).then(|| {
        let seconds = offset.as_secs();
        format!(
            "the machine's clock is {seconds} s from where it has to be: repair its time service"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_is_nearly_full_is_a_reason_and_one_with_room_is_none() {
        let with = |free| disk(&Room { main: 1, wal: 0, free });
        assert!(with(Some(0.049)).is_some_and(|why| why.contains("4.9 %")));
        assert_eq!(with(Some(0.05)), None);
        assert_eq!(with(None), None, "what nobody tells is no reason");
    }

    #[test]
    fn a_clock_that_was_set_by_more_than_a_minute_is_a_reason() {
        assert_eq!(clock(Duration::from_mins(1)), None);
        assert!(clock(Duration::from_secs(61)).is_some_and(|why| why.contains("61 s")));
    }
}
