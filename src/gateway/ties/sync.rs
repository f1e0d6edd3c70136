//! Reading a Bitbucket now, because somebody asked: first what it will cost and how long that takes at the present budget,
//! then how far it is. The reading itself is [`discovery`](crate::gateway::discovery)'s.

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

use crate::bitbucket::BudgetNow;
use crate::bitbucket::CallClass;
use crate::bitbucket::Client;
use crate::bitbucket::HookPlace;
use crate::bitbucket::LIVE_SHARE;
use crate::bitbucket::Spot;
use crate::bitbucket::price;
use crate::bitbucket::price::Amount;
use crate::decision::pause::By;
use crate::gateway::Gateway;
use crate::gateway::connections::Connection;
use crate::gateway::ties::CALL;
use crate::gateway::ties::TieError;
use crate::graph::ConnectionId;
use crate::graph::Kind;
use crate::graph::Product;
use crate::graph::Time;
use crate::words;

/// Most connections that wait to be read.
const MAX_WAITING: usize = 100;

/// Calls that a live check of a step takes: its pipeline, and the step itself.
const CALLS_A_CHECK: u64 = 2;

/// Environments assumed for a repository before any was read: Bitbucket makes three where Pipelines is switched on.
const ASSUMED_ENVIRONMENTS: u64 = 3;

/// Calls a second that a crawl makes while its budget lasts, four at a time; measured against Cloud's usual answer times
/// of 200 to 400 ms.
const CALLS_A_SECOND: f64 = 12.0;

/// What raises Cloud's budget. Source: "API request limits".
const RAISE_CLOUD: &str = "an access token of a workspace with more than 100 paid seats has 1,000 + 10 × (seats − 100) calls an hour, at most 10,000; every access token has a budget of its own";

/// What raises Data Center's.
const RAISE_DATACENTER: &str = "Data Center does not tell its limit: where one is set, an administrator can exempt the gate's user in Administration → Rate limiting";

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

/// A line of the plan.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Planned {
    /// What is read.
    pub what: &'static str,
    /// How many calls that is.
    pub calls: u64,
    /// Of which class they are.
    pub class: CallClass,
}

/// What a reading will cost.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SyncPlan {
    /// What is read, in order.
    pub reads: Vec<Planned>,
    /// All calls.
    pub calls: u64,
    /// Where the amounts are from: `the last reading`, or `lists asked for now`.
    pub counted_by: &'static str,
    /// What was assumed, if anything.
    pub assumed: Option<String>,
    /// Calls an hour that this credential has; null: Bitbucket tells no limit.
    pub calls_an_hour: Option<u32>,
    /// Of these, kept for live checks.
    pub kept_for_checks: Option<u64>,
    /// Live checks an hour that this is worth while a reading uses up all the rest.
    pub checks_an_hour: Option<u64>,
    /// How long it takes at the present budget, seconds.
    pub seconds: u64,
    /// What would raise the budget.
    pub raise: &'static str,
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

    /// What reading it will cost.
    async fn plan(&self, connection: &Connection, client: &Client) -> Result<SyncPlan, TieError> {
        let (amount, counted_by, assumed) = match self.amount(&connection.id) {
            Some(amount) => (amount, "the last reading", None),
            None => {
                let amount = asked(client).await?;
                let assumed = match client.product() {
                    Product::Cloud => Some(format!(
                        "{ASSUMED_ENVIRONMENTS} environments a repository, and at most 100 people"
                    )),
                    Product::DataCenter => {
                        Some("at most 100 people, and one group a project".to_owned())
                    }
                };
                (amount, "lists asked for now", assumed)
            }
        };
        let class = CallClass::Metadata;
        let lines = price::price(client.product(), &amount).into_iter();
        let reads: Vec<Planned> =
            lines.map(|line| Planned { what: line.what, calls: line.calls, class }).collect();
        let calls = reads.iter().map(|line| line.calls).sum();
        let budget = client.budget_now();
        let kept = budget.per_hour.map(|all| share(f64::from(all) * LIVE_SHARE));
        Ok(SyncPlan {
            reads,
            calls,
            counted_by,
            assumed,
            calls_an_hour: budget.per_hour,
            kept_for_checks: kept,
            checks_an_hour: kept.map(|kept| kept / CALLS_A_CHECK),
            seconds: seconds(calls, &budget),
            raise: match client.product() {
                Product::Cloud => RAISE_CLOUD,
                Product::DataCenter => RAISE_DATACENTER,
            },
        })
    }

    /// How much there is, as the last reading found it.
    fn amount(&self, id: &ConnectionId) -> Option<Amount> {
        let graph = self.graph.load();
        graph.as_of_connection(id)?;
        let count = |kind| {
            let nodes = graph.all(kind).filter_map(|no| graph.node(no));
            nodes.filter(|node| node.id.connection() == *id).count() as u64
        };
        Some(Amount {
            people: count(Kind::User),
            groups: count(Kind::Group),
            projects: count(Kind::Project),
            repositories: count(Kind::Repository),
            environments: count(Kind::Environment),
        })
    }
}

/// How much there is, as lists tell that are cheap to ask for.
async fn asked(client: &Client) -> Result<Amount, TieError> {
    let spots = client.spots(CALL).await?;
    let mut projects: Vec<&str> = spots.iter().map(|spot| spot.project.as_str()).collect();
    projects.sort_unstable();
    projects.dedup();
    let is_repository = |spot: &&Spot| matches!(spot.place, HookPlace::Repository(_));
    let repositories = spots.iter().filter(is_repository).count() as u64;
    let projects = projects.len() as u64;
    let (groups, environments) = match client.product() {
        Product::Cloud => (0, repositories * ASSUMED_ENVIRONMENTS),
        Product::DataCenter => (projects, 0),
    };
    Ok(Amount { people: 0, groups, projects, repositories, environments })
}

/// How long so many calls take: those the purse has left at once, the rest as it fills.
fn seconds(calls: u64, budget: &BudgetNow) -> u64 {
    #[expect(clippy::cast_precision_loss, reason = "an estimate of far fewer than 2^52 calls")]
    let calls = calls as f64;
    let asking = calls / CALLS_A_SECOND;
    let waiting = budget.per_hour.map_or(0.0, |all| {
        let all = f64::from(all);
        let free = (budget.left - all * LIVE_SHARE).max(0.0);
        (calls - free).max(0.0) / all * 3_600.0
    });
    share(asking.max(waiting).ceil())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of calls and seconds, never below zero"
)]
const fn share(number: f64) -> u64 {
    number as u64
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_budget_holds_is_quick_and_the_rest_takes_as_long_as_it_fills() {
        let full = BudgetNow { per_hour: Some(1_000), left: 1_000.0 };
        assert_eq!(seconds(120, &full), 10);
        assert_eq!(seconds(1_800, &full), 3_600, "800 at once, 1,000 as they come");
        let empty = BudgetNow { per_hour: Some(1_000), left: 0.0 };
        assert_eq!(seconds(500, &empty), 1_800);
        let none = BudgetNow { per_hour: None, left: 0.0 };
        assert_eq!(seconds(120, &none), 10);
    }
}
