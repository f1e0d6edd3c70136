//! A connection in the making that may take longer than whoever asked can wait: it is made to its end all the same, how far
//! it is can be asked, and its report is kept until the gate stops or the connection ends.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::decision::pause::By;
use crate::gateway::Gateway;
use crate::gateway::ties::TieError;
use crate::gateway::ties::connecting::Connected;
use crate::gateway::ties::wish::ConnectWish;
use crate::graph::ConnectionId;
use crate::words;

/// How long an answer may take. The listener ends a request after a minute.
const PATIENCE: Duration = Duration::from_secs(40);

/// Most reports that are kept: nobody makes more connections than that while a gate runs.
const MAX_KEPT: usize = 500;

words! {
    /// What becomes of a connection in the making.
    pub enum ConnectState {
        /// It is being made.
        Connecting = "connecting",
        /// It is made.
        Done = "done",
        /// It did not come about.
        Failed = "failed",
    }
}

/// How far a connection in the making is.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ConnectNow {
    /// Its id.
    pub id: ConnectionId,
    /// What becomes of it.
    pub state: ConnectState,
    /// Webhooks it will have; 0 until that is known.
    pub hooks: usize,
    /// How many of them Bitbucket was told of.
    pub told: usize,
    /// What came of it, once it is made.
    pub report: Option<Connected>,
    /// Why it did not come about.
    pub why: Option<String>,
}

/// What whoever asks is answered.
#[derive(Debug)]
pub enum Awaited {
    /// It came to its end while they waited.
    Ended(Box<Connected>),
    /// It goes on.
    Still(Box<ConnectNow>),
}

/// Connections in the making, and the reports of those that were made.
#[derive(Debug, Default)]
pub struct Desk {
    all: Mutex<BTreeMap<ConnectionId, ConnectNow>>,
    tasks: Mutex<JoinSet<()>>,
}

impl Desk {
    fn now(&self, id: &ConnectionId) -> Option<ConnectNow> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn change(&self, id: &ConnectionId, change: impl FnOnce(&mut ConnectNow)) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(now) = all.get_mut(id) {
            change(now);
        }
    }

    /// Begins, unless it is under way.
    fn begin(&self, id: &ConnectionId) -> Result<(), Box<ConnectNow>> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(now) = all.get(id).filter(|now| now.state == ConnectState::Connecting) {
            return Err(Box::new(now.clone()));
        }
        if all.len() >= MAX_KEPT {
            all.retain(|_, now| now.state == ConnectState::Connecting);
        }
        let now = ConnectNow {
            id: id.clone(),
            state: ConnectState::Connecting,
            hooks: 0,
            told: 0,
            report: None,
            why: None,
        };
        all.insert(id.clone(), now);
        Ok(())
    }

    fn end(&self, id: &ConnectionId, outcome: &Result<Connected, TieError>) {
        self.change(id, |now| match outcome {
            Ok(report) => {
                now.state = ConnectState::Done;
                now.report = Some(report.clone());
            }
            Err(error) => {
                now.state = ConnectState::Failed;
                now.why = Some(error.to_string());
            }
        });
    }

    /// It will have so many webhooks.
    pub(super) fn expect(&self, id: &ConnectionId, hooks: usize) {
        self.change(id, |now| now.hooks = hooks);
    }

    /// Bitbucket was told of one more.
    pub(super) fn tell(&self, id: &ConnectionId) {
        self.change(id, |now| now.told += 1);
    }

    /// The connection ended: its report goes with it.
    pub(super) fn forget(&self, id: &ConnectionId) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

impl Gateway {
    /// Connects, whether or not whoever asks waits for the end of it; or only looks, while they wait.
    pub async fn connect_awaited(
        self: &Arc<Self>,
        wish: ConnectWish,
        by: By,
    ) -> Result<Awaited, TieError> {
        if wish.preview {
            return Ok(Awaited::Ended(Box::new(Box::pin(self.connect(&wish, &by)).await?)));
        }
        let (id, patience) = (wish.id.clone(), wish.patience().min(PATIENCE));
        // Whether the id is free is said by `connect`; the report of one that was made is not lost to a second wish.
        if self.connections.get(&id).is_some() {
            return Err(TieError::Taken(id));
        }
        if let Err(now) = self.ties.desk.begin(&id) {
            return Ok(Awaited::Still(now));
        }
        let (tell, told) = oneshot::channel();
        let gateway = Arc::clone(self);
        {
            let mut tasks = self.ties.desk.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            while tasks.try_join_next().is_some() {}
            tasks.spawn(async move {
                let outcome = Box::pin(gateway.connect(&wish, &by)).await;
                gateway.ties.desk.end(&wish.id, &outcome);
                // Whoever asked may have gone: the desk has it.
                let _ = tell.send(outcome);
            });
        }
        if let Ok(Ok(outcome)) = timeout(patience, told).await {
            return outcome.map(|done| Awaited::Ended(Box::new(done)));
        }
        let now = self.ties.desk.now(&id).ok_or(TieError::None(id))?;
        Ok(Awaited::Still(Box::new(now)))
    }

    /// How far the connection of this id is, or what came of it, since the gate started.
    pub fn connecting_now(&self, id: &ConnectionId) -> Result<ConnectNow, TieError> {
        self.ties.desk.now(id).ok_or_else(|| TieError::None(id.clone()))
    }
}
