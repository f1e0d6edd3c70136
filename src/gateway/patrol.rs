//! The patrol: looks at everything that posture rules are about, keeps what was found, and tells who has to know.
//!
//! Everything with the first reading of a life or soon after its start, and on a timer; after a later reading only what
//! its changes can alter. Scans have workers of their own, ask them a bounded number of questions at a time, and read the
//! graph beside the threads that take webhooks: the road does not feel it. A rule that faults, or a subject that cannot be
//! looked at, is unknown with its why and costs nobody else anything.

mod crew;
mod due;
mod meter;
mod notice;
mod scan;
mod settle;
mod strays;
mod walk;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::gateway::Gateway;
use crate::graph::ConnectionId;
use crate::posture::choice::Choices;

use crew::Crew;
pub(in crate::gateway) use due::Due;
pub use meter::Meter;
pub use scan::Progress;
pub use scan::ScanError;
use strays::Strays;

/// How often acceptances that are over are looked for.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// How long after a scan that failed it is tried again.
const AFTER_FAILURE: Duration = Duration::from_mins(2);

/// How the patrol goes.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How often everything is looked at, whether it changed or not. Default 24 h: what only time alters (a key that
    /// grows old) is a day late at most. Each round comes up to a tenth later, so that gates do not scan together.
    pub every: Duration,
    /// How long after the start everything is looked at that no reading came for before. Default 15 s: whoever waits for
    /// the gate to be ready does not wait for a scan, and most connections are read by then.
    pub first: Duration,
    /// Which rules run where.
    pub choices: Choices,
}

impl Default for Settings {
    fn default() -> Self {
        let (every, first) = (Duration::from_hours(24), Duration::from_secs(15));
        Self { every, first, choices: Choices::default() }
    }
}

/// What the patrol has before it, and how far it is.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Desk {
    due: Mutex<BTreeMap<ConnectionId, Due>>,
    bell: Notify,
    progress: Mutex<BTreeMap<ConnectionId, Progress>>,
    strays: Strays,
    /// Held while a scan runs: two at once would only take the machine from the road.
    alone: tokio::sync::Mutex<()>,
    crew: Crew,
    /// Connections that were looked at whole in this life. Before that a change is not looked at by itself: what it is a
    /// change of may never have been judged, or by other rules.
    whole: Mutex<BTreeSet<ConnectionId>>,
}

impl Desk {
    fn take(&self) -> Option<(ConnectionId, Due)> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner).pop_first()
    }

    /// Asks for a look, beside what was asked for before.
    pub(in crate::gateway) fn ask(&self, connection: &ConnectionId, due: Due) {
        let mut all = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let due = match all.remove(connection) {
            Some(earlier) => earlier.and(due),
            None => due,
        };
        all.insert(connection.clone(), due);
        drop(all);
        self.bell.notify_one();
    }

    /// What of a connection is to be looked at, of what was asked for.
    fn wanted(&self, connection: &ConnectionId, asked: &Due) -> Due {
        let whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        if whole.contains(connection) { asked.clone() } else { Due::Whole }
    }

    fn looked_at_whole(&self, connection: &ConnectionId) {
        let mut whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        whole.insert(connection.clone());
    }

    fn note(&self, connection: &ConnectionId, progress: Option<Progress>) {
        let mut all = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        match progress {
            Some(progress) => all.insert(connection.clone(), progress),
            None => all.remove(connection),
        };
    }
}

/// Runs until the gateway stops.
pub async fn run(gateway: Arc<Gateway>) {
    let mut stop = gateway.stopping();
    let settings = gateway.patrol_settings.clone();
    let (mut round, mut is_first) = (Instant::now() + settings.first, true);
    loop {
        // What is cut short here is begun again by the next life.
        let looked = tokio::select! {
            looked = gateway.patrol() => looked,
            _ = stop.wait_for(|stopping| *stopping) => return,
        };
        let wait = if looked { LOOK_EVERY } else { AFTER_FAILURE };
        tokio::select! {
            () = gateway.patrol.bell.notified(), if looked => {}
            () = tokio::time::sleep(wait) => {}
            () = tokio::time::sleep_until(round) => {}
            _ = stop.wait_for(|stopping| *stopping) => return,
        }
        if Instant::now() >= round {
            if is_first {
                gateway.scan_the_rest_soon();
            } else {
                gateway.scan_all_soon();
            }
            (round, is_first) = (Instant::now() + jittered(settings.every), false);
        }
    }
}

/// A length, made longer by up to a tenth.
fn jittered(length: Duration) -> Duration {
    let dice = crate::secret::random::<1>().map_or(0, |[byte]| byte);
    length + length / 10 * u32::from(dice) / 256
}

impl Gateway {
    /// Asks for a look at every subject of every connection.
    pub fn scan_all_soon(&self) {
        for connection in self.connections.iter() {
            self.patrol.ask(&connection.id, Due::Whole);
        }
    }

    /// Asks for a look at every subject of the connections that were not looked at whole in this life.
    fn scan_the_rest_soon(&self) {
        let whole = self.patrol.whole.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for connection in self.connections.iter().filter(|one| !whole.contains(&one.id)) {
            self.patrol.ask(&connection.id, Due::Whole);
        }
    }

    /// Asks for a look at every subject of one connection: what rules know of it beside its graph has changed.
    pub fn scan_soon(&self, connection: &ConnectionId) {
        self.patrol.ask(connection, Due::Whole);
    }

    /// How far scans are that run now.
    pub fn scanning(&self) -> BTreeMap<ConnectionId, Progress> {
        self.patrol.progress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Does everything that is asked for now; whether all of it went well. What did not is asked for again.
    pub async fn patrol(&self) -> bool {
        let mut good = true;
        if let Err(error) = self.lapse_findings().await {
            tracing::error!(%error, "acceptances that are over could not be ended");
            good = false;
        }
        let mut failed = Vec::new();
        let mut idle = true;
        while let Some((connection, due)) = self.patrol.take() {
            idle = false;
            if let Err(error) = self.scan(&connection, &due).await {
                tracing::error!(%connection, %error, "a scan failed; what was found before stays, and it is tried again");
                self.meters.patrol().failed();
                failed.push((connection, due));
            }
        }
        if idle {
            self.patrol.crew.let_go();
        }
        good &= failed.is_empty();
        for (connection, due) in failed {
            self.patrol.ask(&connection, due);
        }
        good
    }
}
