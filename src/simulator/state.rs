//! What listener, deliveries and acts share: the company behind a lock, the logs, the clock.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::simulator::answer::Here;
use crate::simulator::company::Company;
use crate::simulator::delivery::Breakers;
use crate::simulator::delivery::Delivery;
use crate::simulator::delivery::Outcome;
use crate::simulator::delivery::Outgoing;
use crate::simulator::delivery::Post;
use crate::simulator::delivery::Sender;
use crate::simulator::faults::Call;
use crate::simulator::faults::Fault;
use crate::simulator::faults::LaidFault;
use crate::simulator::faults::Posted;
use crate::simulator::faults::meet;
use crate::simulator::limit::Limit;

/// How long Cloud waits for a receiver.
const PATIENCE: Duration = Duration::from_secs(10);

/// Everything shared.
pub(crate) struct State {
    pub(crate) company: Mutex<Company>,
    pub(crate) posted: Mutex<Vec<Posted>>,
    pub(crate) calls: Mutex<Vec<Call>>,
    pub(crate) deliveries: Mutex<Vec<Delivery>>,
    pub(crate) faults: Mutex<Vec<LaidFault>>,
    pub(crate) patience: Mutex<Duration>,
    pub(crate) limit: Mutex<Limit>,
    breakers: Mutex<Breakers>,
    /// Deliveries that answers set in motion; they end with the simulator.
    background: Mutex<JoinSet<()>>,
    pending: watch::Sender<usize>,
    base: String,
    turned: AtomicI64,
    post: Post,
}

/// Locks, also after a panic elsewhere: what is behind is only ever replaced whole.
pub(crate) fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    pub(crate) fn new(company: Company, base: String, post: Post) -> State {
        State {
            company: Mutex::new(company),
            posted: Mutex::default(),
            calls: Mutex::default(),
            deliveries: Mutex::default(),
            faults: Mutex::default(),
            patience: Mutex::new(PATIENCE),
            limit: Mutex::default(),
            breakers: Mutex::default(),
            background: Mutex::new(JoinSet::new()),
            pending: watch::Sender::new(0),
            base,
            turned: AtomicI64::new(0),
            post,
        }
    }

    /// The simulated Bitbucket's own clock, as far as it was turned.
    pub(crate) fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "Bitbucket's clock is not the gate's")]
        let now = Timestamp::now();
        let turned = SignedDuration::from_millis(self.turned.load(Ordering::Relaxed));
        now.checked_add(turned).unwrap_or(now)
    }

    pub(crate) fn turn_clock(&self, by: SignedDuration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.turned.fetch_add(millis, Ordering::Relaxed);
    }

    pub(crate) fn here(&self) -> Here {
        Here { base: self.base.clone(), now: self.now() }
    }

    pub(crate) fn log(&self, call: Call) {
        hold(&self.calls).push(call);
    }

    pub(crate) fn meet(&self, path: &str) -> Option<Fault> {
        meet(&mut hold(&self.faults), path)
    }

    /// Delivers all at once and gives what became of each, in the order given.
    pub(crate) async fn deliver(self: &Arc<State>, outgoing: Vec<Outgoing>) -> Vec<Delivery> {
        let mut running = JoinSet::new();
        for (place, sent) in outgoing.into_iter().enumerate() {
            let state = Arc::clone(self);
            running.spawn(async move { (place, state.deliver_one(sent).await) });
        }
        let mut done = running.join_all().await;
        done.sort_by_key(|(place, _)| *place);
        done.into_iter().map(|(_, delivery)| delivery).collect()
    }

    async fn deliver_one(&self, sent: Outgoing) -> Delivery {
        let data_center = sent.sender == Sender::DataCenter;
        let patience = *hold(&self.patience);
        let skipped = data_center && hold(&self.breakers).is_open(&sent.url, self.now());
        let delivery = if skipped {
            Delivery::unsent(sent, Outcome::Skipped)
        } else {
            self.post.deliver(sent, patience).await
        };
        if data_center && !skipped {
            hold(&self.breakers).learn(&delivery.sent.url, delivery.outcome, self.now());
            let last = (self.now(), delivery.outcome);
            hold(&self.company).datacenter.remember(&delivery.sent.hook, last);
        }
        hold(&self.deliveries).push(delivery.clone());
        delivery
    }

    /// Delivers while the caller goes on.
    pub(crate) fn send_later(self: &Arc<State>, outgoing: Vec<Outgoing>) {
        if outgoing.is_empty() {
            return;
        }
        self.pending.send_modify(|pending| *pending += 1);
        let state = Arc::clone(self);
        let mut background = hold(&self.background);
        while background.try_join_next().is_some() {}
        background.spawn(async move {
            state.deliver(outgoing).await;
            state.pending.send_modify(|pending| *pending -= 1);
        });
    }

    /// Waits until nothing is being delivered in the background.
    pub(crate) async fn settled(&self) {
        let mut pending = self.pending.subscribe();
        // The sender lives in `self`, so that waiting cannot fail.
        drop(pending.wait_for(|pending| *pending == 0).await);
    }

    /// Ends background deliveries: they hold the state, and the state holds them.
    pub(crate) fn abandon(&self) {
        hold(&self.background).abort_all();
    }
}
