//! A connection in the making that may take longer than whoever asked can wait: it is made to its end all the same, how far
//! it is can be asked, and its report is kept until the gate stops or the connection ends. It always comes to an end: one
//! that breaks off by a fault of this program has failed, and says so.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::sync::oneshot::Receiver;
use tokio::sync::oneshot::Sender;
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

    /// Connects by itself from here on, and comes to an end whatever happens: one that breaks off, by a fault of this
    /// program or because the gate stops, has failed. Whoever waits hears nothing of that one but that it is over.
    fn set_off(
        self: &Arc<Self>,
        id: ConnectionId,
        work: impl Future<Output = Result<Connected, TieError>> + Send + 'static,
    ) -> Receiver<Result<Connected, TieError>> {
        let (tell, told) = oneshot::channel();
        let ending = Ending { desk: Arc::clone(self), id, tell: Some(tell) };
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            ending.came(work.await);
        });
        told
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

/// Held while one connection is made. Dropped before it came to an end, it says that it broke off: else it would be under
/// way for ever, and nobody could try again.
struct Ending {
    desk: Arc<Desk>,
    id: ConnectionId,
    /// Dropped after the desk was told.
    tell: Option<Sender<Result<Connected, TieError>>>,
}

impl Ending {
    fn came(mut self, outcome: Result<Connected, TieError>) {
        self.desk.end(&self.id, &outcome);
        if let Some(tell) = self.tell.take() {
            // Whoever asked may have gone: the desk has it.
            let _ = tell.send(outcome);
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if self.tell.is_some() {
            tracing::error!(connection = %self.id, "connecting broke off");
            self.desk.end(&self.id, &Err(TieError::BrokeOff(self.id.clone())));
        }
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
        let gateway = Arc::clone(self);
        let work = async move { Box::pin(gateway.connect(&wish, &by)).await };
        let told = self.ties.desk.set_off(id.clone(), work);
        match timeout(patience, told).await {
            Ok(Ok(outcome)) => outcome.map(|done| Awaited::Ended(Box::new(done))),
            Ok(Err(_)) => Err(TieError::BrokeOff(id)),
            Err(_) => {
                let now = self.ties.desk.now(&id).ok_or(TieError::None(id))?;
                Ok(Awaited::Still(Box::new(now)))
            }
        }
    }

    /// How far the connection of this id is, or what came of it, since the gate started.
    pub fn connecting_now(&self, id: &ConnectionId) -> Result<ConnectNow, TieError> {
        self.ties.desk.now(id).ok_or_else(|| TieError::None(id.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> ConnectionId {
        "acme-cloud".parse().unwrap()
    }

    type Outcome = Result<Connected, TieError>;

    /// A desk where it is under way, and whoever waits for it.
    fn under_way(
        work: impl Future<Output = Outcome> + Send + 'static,
    ) -> (Arc<Desk>, Receiver<Outcome>) {
        let desk = Arc::new(Desk::default());
        desk.begin(&id()).unwrap();
        let told = desk.set_off(id(), work);
        (desk, told)
    }

    fn broke_off(desk: &Desk) {
        let now = desk.now(&id()).unwrap();
        let why = now.why.unwrap();
        assert_eq!(now.state, ConnectState::Failed);
        assert!(why.contains("broke off") && why.contains("portcullis doctor acme-cloud"), "{why}");
        assert!(desk.begin(&id()).is_ok(), "it can be tried again");
    }

    #[tokio::test]
    async fn connecting_that_panics_has_failed_and_says_so() {
        let (desk, told) = under_way(async {
            tokio::task::yield_now().await;
            std::panic::panic_any("as if a line of ours were wrong")
        });
        assert!(told.await.is_err(), "whoever waits hears that it is over");
        broke_off(&desk);
    }

    #[tokio::test]
    async fn connecting_that_is_cut_short_has_failed_and_says_so() {
        let (desk, told) = under_way(std::future::pending());
        desk.tasks.lock().unwrap().abort_all();
        assert!(told.await.is_err());
        broke_off(&desk);
    }

    #[tokio::test]
    async fn connecting_that_comes_to_its_end_is_told_once_and_as_it_was() {
        let (desk, told) = under_way(async { Err(TieError::Taken(id())) });
        assert!(matches!(told.await, Ok(Err(TieError::Taken(_)))));
        let now = desk.now(&id()).unwrap();
        assert_eq!(now.state, ConnectState::Failed);
        assert!(now.why.unwrap().contains("never reused"));
    }
}
