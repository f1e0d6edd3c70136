//! Reading a Bitbucket now, because somebody asked: first what it will cost and how long that takes at the present budget,
//! then how far it is. The reading itself is [`discovery`](crate::gateway::discovery)'s.

pub mod plan;

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use tokio::sync::Notify;

use crate::bitbucket::Client;
use crate::decision::pause::By;
use crate::gateway::Gateway;
use crate::gateway::ties::TieError;
use crate::gateway::ties::sync::plan::SyncPlan;
use crate::graph::ConnectionId;
use crate::graph::Time;
use crate::words;

/// Most connections that wait to be read.
const MAX_WAITING: usize = 100;

words! {
    /// How far a reading is.
    pub enum SyncState {
        /// Nobody asked for one since the start.
        Idle = "idle",
        /// It waits for another one.
        Waiting = "waiting",
        /// It is under way.
        Running = "running",
        /// It has ended well.
        Done = "done",
        /// It has ended otherwise.
        Failed = "failed",
    }
}

/// How far a reading is.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SyncNow {
    /// The connection.
    pub id: ConnectionId,
    /// How far.
    pub state: SyncState,
    /// Calls made so far.
    pub calls: u64,
    /// What it will cost; null before anybody asked for one.
    pub plan: Option<SyncPlan>,
    /// When it began.
    pub began: Option<Time>,
    /// When it ended.
    pub ended: Option<Time>,
    /// Why it failed.
    pub why: Option<String>,
    /// When the connection's graph was read, as it stands.
    pub as_of: Option<Time>,
    /// Facts that are unknown in it; 0 while it is being read.
    pub unknown: usize,
}

#[derive(Clone, Debug)]
struct Job {
    state: SyncState,
    plan: Option<SyncPlan>,
    /// The client's count when it began, and when it ended.
    before: u64,
    after: Option<u64>,
    began: Option<Time>,
    ended: Option<Time>,
    why: Option<String>,
}

/// What waits to be read, and what became of the rest.
#[derive(Debug, Default)]
pub(super) struct Desk {
    queue: Mutex<VecDeque<ConnectionId>>,
    jobs: Mutex<BTreeMap<ConnectionId, Job>>,
    bell: Notify,
}

fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    /// Puts a connection at the end of the line. One that waits already is not read twice; one that is under way is
    /// read again.
    fn ask(&self, id: &ConnectionId, plan: Option<SyncPlan>) {
        let mut queue = hold(&self.queue);
        if !queue.contains(id) && queue.len() < MAX_WAITING {
            queue.push_back(id.clone());
        }
        drop(queue);
        let mut jobs = hold(&self.jobs);
        let running = jobs.get(id).is_some_and(|job| job.state == SyncState::Running);
        if !running {
            let (state, before) = (SyncState::Waiting, 0);
            let job = Job { state, plan, before, after: None, began: None, ended: None, why: None };
            jobs.insert(id.clone(), job);
        }
        drop(jobs);
        self.bell.notify_one();
    }

    fn change(&self, id: &ConnectionId, change: impl FnOnce(&mut Job)) {
        if let Some(job) = hold(&self.jobs).get_mut(id) {
            change(job);
        }
    }

    fn job(&self, id: &ConnectionId) -> Option<Job> {
        hold(&self.jobs).get(id).cloned()
    }

    fn next(&self) -> Option<ConnectionId> {
        hold(&self.queue).pop_front()
    }
}

impl Gateway {
    /// Reads a connection as soon as the ones before it are read; its plan.
    pub async fn sync(
        &self,
        id: &ConnectionId,
        by: &By,
        reason: &str,
    ) -> Result<SyncNow, TieError> {
        let connection = self.connections.get(id).ok_or_else(|| TieError::None(id.clone()))?;
        let Some(client) = &connection.client else {
            return Err(TieError::Wish(format!(
                "connection `{id}` has no credential: nothing can be read"
            )));
        };
        let plan = self.plan(&connection, client).await?;
        let shown = json!({"calls": plan.calls});
        let governed = self.governed((by, reason), shown)?;
        self.store.note_connection(id, "discovery asked for", governed).await?;
        self.ties.sync.ask(id, Some(plan));
        self.sync_now(id)
    }

    /// The same without a plan: for a connection that is new.
    pub(super) fn sync_soon(&self, id: &ConnectionId) {
        self.ties.sync.ask(id, None);
    }

    /// How far the reading of a connection is.
    pub fn sync_now(&self, id: &ConnectionId) -> Result<SyncNow, TieError> {
        let connection = self.connections.get(id).ok_or_else(|| TieError::None(id.clone()))?;
        let sent = connection.client.as_ref().map(sent).unwrap_or_default();
        let graph = self.graph.load();
        let job = self.ties.sync.job(id);
        let calls = job.as_ref().map_or(0, |job| match job.state {
            SyncState::Idle | SyncState::Waiting => 0,
            SyncState::Running => sent.saturating_sub(job.before),
            SyncState::Done | SyncState::Failed => {
                job.after.unwrap_or(sent).saturating_sub(job.before)
            }
        });
        let state = job.as_ref().map_or(SyncState::Idle, |job| job.state);
        // Taken apart only where nothing moves: it costs a walk over the whole graph.
        let unknown = match state {
            SyncState::Waiting | SyncState::Running => 0,
            SyncState::Idle | SyncState::Done | SyncState::Failed => {
                graph.world(id).map_or(0, |world| world.unknown.len())
            }
        };
        Ok(SyncNow {
            id: id.clone(),
            state,
            calls,
            began: job.as_ref().and_then(|job| job.began),
            ended: job.as_ref().and_then(|job| job.ended),
            why: job.as_ref().and_then(|job| job.why.clone()),
            plan: job.and_then(|job| job.plan),
            as_of: graph.as_of_connection(id),
            unknown,
        })
    }
}

/// All calls a client has sent.
fn sent(client: &Client) -> u64 {
    client.calls().into_iter().map(|(_, calls)| calls).sum()
}

/// Runs until the gateway stops.
pub(super) async fn run(gateway: &Arc<Gateway>) {
    let mut stop = gateway.stopping();
    loop {
        while let Some(id) = gateway.ties.sync.next() {
            tokio::select! {
                () = one(gateway, &id) => {}
                _ = stop.wait_for(|stopping| *stopping) => return,
            }
        }
        tokio::select! {
            () = gateway.ties.sync.bell.notified() => {}
            _ = stop.wait_for(|stopping| *stopping) => return,
        }
    }
}

async fn one(gateway: &Gateway, id: &ConnectionId) {
    let desk = &gateway.ties.sync;
    let Some(connection) = gateway.connections.get(id) else { return };
    let Some(client) = &connection.client else { return };
    let plan = match desk.job(id).and_then(|job| job.plan) {
        Some(plan) => Some(plan),
        None => gateway.plan(&connection, client).await.ok(),
    };
    let (began, before) = (gateway.clock.now(), sent(client));
    desk.change(id, |job| {
        (job.state, job.began, job.before, job.plan) =
            (SyncState::Running, Some(began), before, plan);
    });
    let read = gateway.discover(&connection).await;
    if let Err(error) = &read {
        tracing::error!(connection = %id, %error, "discovery failed; the last graph stays");
    }
    let (ended, after) = (gateway.clock.now(), sent(client));
    desk.change(id, |job| {
        job.state = if read.is_ok() { SyncState::Done } else { SyncState::Failed };
        (job.ended, job.after) = (Some(ended), Some(after));
        job.why = read.err().map(|error| error.to_string());
    });
}
