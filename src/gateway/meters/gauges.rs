//! What is true now rather than counted: depths, ages, states. Looked up every few seconds by [`run`], not when somebody
//! scrapes: the metrics page is open to everybody who reaches the operator listener, and must cost the store nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use prometheus::Gauge;
use prometheus::IntCounter;
use prometheus::IntGauge;
use prometheus::IntGaugeVec;
use prometheus::Opts;

use crate::decision::Brake;
use crate::decision::Mode;
use crate::gateway::Gateway;
use crate::gateway::meters::Alarm;
use crate::gateway::meters::On;
use crate::gateway::readiness::Unready;
use crate::gateway::workers::Ends;
use crate::graph::Time;
use crate::store::Levels;
use crate::store::Room;

/// How often everything is looked up: two or more times between two scrapes, at some milliseconds each.
pub const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The gauges, and the worker counts that are read off with them.
#[derive(Clone, Debug)]
pub struct Gauges {
    deliveries_waiting: IntGauge,
    delivery_wait: Gauge,
    actions_waiting: IntGauge,
    action_wait: Gauge,
    notices_waiting: IntGauge,
    notice_wait: Gauge,
    dead_letters: IntGauge,
    tickets_open: IntGauge,
    workers: IntGauge,
    restarts: Arc<[IntCounter]>,
    bundle_refused: IntGauge,
    bundle_age: Gauge,
    graph_revision: IntGauge,
    graph_age: Gauge,
    hooks_silent: IntGauge,
    ledger_entries: IntGauge,
    checkpoint_age: Gauge,
    store_main: IntGauge,
    store_wal: IntGauge,
    store_free: Gauge,
    clock_offset: Gauge,
    ready: IntGauge,
    unready: Arc<[IntGauge]>,
    paused: IntGauge,
    shadow: IntGauge,
    raised: Arc<Mutex<BTreeSet<Alarm>>>,
}

impl Gauges {
    pub(in crate::gateway::meters) fn register(on: &On) -> Result<Self, prometheus::Error> {
        let bytes =
            on.whole_by("portcullis_store_bytes", "Bytes of the store's files.", "reason")?;
        let restarts = on.counters(
            "portcullis_worker_restarts_total",
            "Evaluation processes that ended and were replaced, by how they ended.",
            &["reason"],
        )?;
        let unready =
            on.whole_by("portcullis_unready", "1 for each reason why it is not ready.", "reason")?;
        let build = on.whole_by("portcullis_build_info", "Always 1.", "version")?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let gauges = Self {
            deliveries_waiting: on
                .whole("portcullis_deliveries_waiting", "Deliveries that wait.")?,
            delivery_wait: on.real(
                "portcullis_delivery_wait_seconds",
                "How long the oldest waiting delivery waits.",
            )?,
            actions_waiting: on.whole("portcullis_actions_waiting", "Actions still to be done.")?,
            action_wait: on.real(
                "portcullis_action_wait_seconds",
                "How long the oldest action still to be done waits.",
            )?,
            notices_waiting: on
                .whole("portcullis_notices_waiting", "Notices that wait to be told.")?,
            notice_wait: on.real(
                "portcullis_notice_wait_seconds",
                "How long the oldest notice waits to be told.",
            )?,
            dead_letters: on
                .whole("portcullis_dead_letters", "Dead letters that were not replayed.")?,
            tickets_open: on.whole("portcullis_tickets_open", "Tickets asked for or granted.")?,
            workers: on.whole("portcullis_workers", "Evaluation processes in service.")?,
            restarts: Ends::WORDS.iter().map(|end| restarts.with_label_values(&[end])).collect(),
            bundle_refused: on.whole(
                "portcullis_bundle_refused",
                "1 while the newest rules are refused and the last good ones serve.",
            )?,
            bundle_age: on
                .real("portcullis_bundle_age_seconds", "Since the active rules were first kept.")?,
            graph_revision: on.whole("portcullis_graph_revision", "Revision of the graph.")?,
            graph_age: on.real(
                "portcullis_graph_age_seconds",
                "Age of the oldest connection's graph; 0 without any.",
            )?,
            hooks_silent: on.whole(
                "portcullis_hooks_silent",
                "Hooks that told nothing for longer than configured.",
            )?,
            ledger_entries: on.whole("portcullis_ledger_entries", "Entries of the ledger.")?,
            checkpoint_age: on.real(
                "portcullis_checkpoint_age_seconds",
                "Age of the last signed checkpoint; a quiet ledger needs no new one.",
            )?,
            store_main: bytes.with_label_values(&["main"]),
            store_wal: bytes.with_label_values(&["wal"]),
            store_free: on.real("portcullis_store_free_ratio", "Free part of the store's disk.")?,
            clock_offset: on.real(
                "portcullis_clock_offset_seconds",
                "How far the machine's clock is from where it has to be.",
            )?,
            ready: on.whole("portcullis_ready", "1 while it can do its work.")?,
            unready: Unready::TEXTS.iter().map(|why| unready.with_label_values(&[why])).collect(),
            paused: on.whole("portcullis_paused", "1 while enforcement is paused.")?,
            shadow: on.whole(
                "portcullis_connections_shadow",
                "Connections where rules are recorded and stop nobody.",
            )?,
            raised: Arc::default(),
        };
        // Until it was looked up, nothing is wrong with the disk.
        gauges.store_free.set(1.0);
        Ok(gauges)
    }

    pub(in crate::gateway::meters) fn paused(&self, paused: bool) {
        self.paused.set(i64::from(paused));
    }

    fn levels(&self, levels: &Levels, now: Time) {
        self.deliveries_waiting.set(whole(levels.deliveries_waiting));
        self.delivery_wait.set(age(levels.oldest_delivery, now));
        self.actions_waiting.set(whole(levels.actions_waiting));
        self.action_wait.set(age(levels.oldest_action, now));
        self.notices_waiting.set(whole(levels.notices_waiting));
        self.notice_wait.set(age(levels.oldest_notice, now));
        self.dead_letters.set(whole(levels.dead_letters));
        self.tickets_open.set(whole(levels.tickets_open));
        self.ledger_entries.set(whole(levels.entries));
        self.checkpoint_age.set(age(levels.checkpoint, now));
        self.bundle_age.set(age(levels.bundle, now));
    }

    fn room(&self, room: &Room) {
        self.store_main.set(whole(room.files.store));
        self.store_wal.set(whole(room.files.log));
        if let Some(disk) = room.disk {
            self.store_free.set(disk.free_ratio());
        }
    }

    /// Whether this alarm was not raised at the look before.
    fn is_new(&self, alarm: Alarm, holds: bool) -> bool {
        let mut raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        if holds {
            return raised.insert(alarm);
        }
        raised.remove(&alarm);
        false
    }
}

impl On {
    fn whole(&self, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
        let gauge = IntGauge::new(name, help)?;
        self.0.register(Box::new(gauge.clone()))?;
        Ok(gauge)
    }

    fn real(&self, name: &str, help: &str) -> Result<Gauge, prometheus::Error> {
        let gauge = Gauge::new(name, help)?;
        self.0.register(Box::new(gauge.clone()))?;
        Ok(gauge)
    }

    fn whole_by(
        &self,
        name: &str,
        help: &str,
        label: &str,
    ) -> Result<IntGaugeVec, prometheus::Error> {
        let gauges = IntGaugeVec::new(Opts::new(name, help), &[label])?;
        self.0.register(Box::new(gauges.clone()))?;
        Ok(gauges)
    }
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Seconds since then; 0 for nothing.
fn age(since: Option<Time>, now: Time) -> f64 {
    since.map_or(0.0, |since| Duration::from_millis(now.since(since)).as_secs_f64())
}

/// Looks everything up until the gateway stops.
pub async fn run(gateway: Arc<Gateway>) {
    let mut stop = gateway.stopping();
    gateway.hear_again().await;
    loop {
        gateway.look().await;
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stop.wait_for(|stopping| *stopping) => return,
        }
    }
}

impl Gateway {
    /// Looks everything up once. What the store does not tell keeps its last value, and the gate is not ready.
    pub async fn look(&self) {
        let gauges = self.meters.gauges();
        let now = self.clock.now();
        match self.store.levels(&self.active_bundle().revision).await {
            Ok(levels) => gauges.levels(&levels, now),
            Err(error) => tracing::warn!(%error, "the store does not tell how full it is"),
        }
        if let Some(room) = self.store.room().await {
            gauges.room(&room);
        }
        self.look_at_rules();
        self.look_outside(now).await;
        self.look_at_readiness().await;
    }

    fn look_at_rules(&self) {
        let gauges = self.meters.gauges();
        let active = self.policies.current();
        gauges.workers.set(whole(active.pool.in_service() as u64));
        for (counter, ended) in gauges.restarts.iter().zip(self.policies.ends().counts()) {
            counter.inc_by(ended.saturating_sub(counter.get()));
        }
        let refused =
            self.policies.refused().is_some() || self.policies.posture_refused().is_some();
        gauges.bundle_refused.set(i64::from(refused));
        gauges.paused(self.brake(self.clock.now()) != Brake::Off);
        let modes = self.modes.load();
        let in_shadow = self.connections.iter().filter(|connection| {
            let taken =
                || active.bundle.rules.iter().map(|rule| modes.anywhere(&connection.id, &rule.id));
            taken().any(|mode| mode == Mode::Shadow) && taken().all(|mode| mode != Mode::Enforce)
        });
        gauges.shadow.set(whole(in_shadow.count() as u64));
    }

    async fn look_outside(&self, now: Time) {
        let gauges = self.meters.gauges();
        let graph = self.graph.load_full();
        let read = self.connections.iter().filter_map(|one| graph.as_of_connection(&one.id)).min();
        gauges.graph_revision.set(whole(graph.revision()));
        gauges.graph_age.set(age(read, now));
        self.look_at_scans(now).await;
        let known = self.connections.now();
        let clients = known.iter().filter_map(|one| one.client.as_ref());
        self.meters.bitbucket().show(&clients.collect::<Vec<_>>());
        let mut oldest = Duration::ZERO;
        for issuer in known.issuers() {
            oldest = oldest.max(self.keys.age(&issuer.issuer).await);
        }
        for trusted in known.iter().flat_map(|connection| &connection.ci) {
            oldest = oldest.max(self.keys.age_of(&trusted.keys).await);
        }
        self.meters.bitbucket().show_keys(oldest);
        gauges.clock_offset.set(self.clock.offset().as_secs_f64());
        let hooks = known.iter().flat_map(|connection| &connection.hooks);
        let silent = hooks.filter(|hook| hook.is_silent(now)).count();
        gauges.hooks_silent.set(whole(silent as u64));
        if gauges.is_new(Alarm::HookSilent, silent > 0) {
            self.meters.alarm(Alarm::HookSilent);
            tracing::error!(hooks = silent, "hooks have told nothing for longer than configured");
        }
    }

    async fn look_at_readiness(&self) {
        let gauges = self.meters.gauges();
        let readiness = self.readiness().await;
        gauges.ready.set(i64::from(readiness.ready));
        for (why, gauge) in Unready::ALL.iter().zip(gauges.unready.iter()) {
            gauge.set(i64::from(readiness.is_for(*why)));
        }
        for (why, alarm) in [
            (Unready::Clock, Alarm::ClockStepped),
            (Unready::Disk, Alarm::DiskLow),
            (Unready::Workers, Alarm::NoWorker),
        ] {
            if gauges.is_new(alarm, readiness.is_for(why)) {
                self.meters.alarm(alarm);
                tracing::error!(reason = why.as_str(), "the gate is not ready");
            }
        }
    }
}
