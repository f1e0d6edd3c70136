//! Whether the gate can do its work, and each reason why not. Not ready does not mean deaf: deliveries are kept as long
//! as the store takes them.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::decision::Brake;
use crate::gateway::Gateway;
use crate::words;

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
#[derive(Clone, Debug, Serialize, JsonSchema)]
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
    pub words: Vec<Unready>,
    /// The note that says so, where the gate is paused.
    #[serde(skip)]
    pub paused: Option<String>,
}

impl Readiness {
    /// Whether this is one of the reasons.
    pub fn is_for(&self, why: Unready) -> bool {
        self.words.contains(&why)
    }

    /// The notes without the one that says that the gate is paused: pages have a banner for it.
    pub fn notes_but_the_pause(&self) -> Vec<String> {
        self.notes.iter().filter(|note| self.paused.as_ref() != Some(*note)).cloned().collect()
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
        notes.extend(self.policies.posture_refused().map(|why| {
            format!("the newest posture rules were refused, the last good ones stay: {why}")
        }));
        let paused = match self.brake(self.clock.now()) {
            Brake::On { until, .. } => {
                Some(format!("the gate is paused until {until}: nothing is held back"))
            }
            Brake::Off => None,
        };
        notes.extend(paused.clone());
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
            paused,
        }
    }

    /// Every reason, with its sentence.
    async fn unready(&self) -> Vec<(Unready, String)> {
        let mut found = Vec::new();
        if let Err(error) = self.store.head().await {
            found.push((Unready::Store, format!("the store does not answer: {error}")));
        }
        let disk = self.store.room().await.and_then(|room| room.disk);
        if let Some(error) = self.store.trouble() {
            found.push((Unready::Store, format!("the store cannot write: {error}")));
        } else if let Some(disk) = disk.filter(|disk| disk.is_nearly_full()) {
            let free = disk.percent_free();
            let why = format!(
                "the disk of the store is nearly full ({free} % free): free some space before writing fails"
            );
            found.push((Unready::Disk, why));
        }
        if self.connections.is_empty() {
            found.push((Unready::Connection, "no connection is configured: `portcullis connect` makes one, or add one to the configuration file (`portcullis config init` shows how)".to_owned()));
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
    fn a_clock_that_was_set_by_more_than_a_minute_is_a_reason() {
        assert_eq!(clock(Duration::from_mins(1)), None);
        assert!(clock(Duration::from_secs(61)).is_some_and(|why| why.contains("61 s")));
    }
}
