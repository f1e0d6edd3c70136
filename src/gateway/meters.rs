//! What the road counts. Names begin with `portcullis_`; labels are words of ours, never a repository or a person.
//!
//! Every series on the road's way is resolved once, at the start: counting is then one addition, and a dashboard finds
//! it before its first event. What has to be looked up is in [`gauges`], off the road.

pub mod gauges;
pub mod streams;

use std::sync::Arc;

use prometheus::Histogram;
use prometheus::HistogramOpts;
use prometheus::HistogramVec;
use prometheus::IntCounter;
use prometheus::IntCounterVec;
use prometheus::Opts;
use prometheus::Registry;
use tokio::time::Instant;

use crate::bitbucket;
use crate::bitbucket::Reading;
use crate::decision::Effect;
use crate::decision::record::Public;
use crate::decision::record::Surface;
use crate::gateway::meters::gauges::Gauges;
use crate::gateway::patrol;
use crate::graph::Product;
use crate::policy::Verdict;
use crate::words;

words! {
    /// A station of the road, as a label.
    pub enum Station {
        /// A delivery is made durable.
        Keep = "keep",
        /// Deliveries are handed out.
        Claim = "claim",
        /// A body becomes events.
        Read = "read",
        /// What rules want to know is found out.
        Gather = "gather",
        /// Rules are asked, or remembered.
        Evaluate = "evaluate",
        /// Findings become a verdict and a plan.
        Decide = "decide",
        /// A decision is made durable.
        Record = "record",
        /// An action is carried out.
        Act = "act",
    }
}

words! {
    /// What the gateway raises an alarm about, as a label.
    pub enum Alarm {
        /// An action was given up.
        ActionGivenUp = "action_given_up",
        /// A changed policy folder was refused.
        BundleRefused = "bundle_refused",
        /// Changed files of the certificate were refused.
        CertificateRefused = "certificate_refused",
        /// No checkpoint could be signed.
        CheckpointFailed = "checkpoint_failed",
        /// The machine's clock was set by more than a minute.
        ClockStepped = "clock_stepped",
        /// Too little of the store's disk is free.
        DiskLow = "disk_low",
        /// A hook tells nothing.
        HookSilent = "hook_silent",
        /// An issuer's keys cannot be read.
        KeysUnread = "keys_unread",
        /// No evaluation process can be started.
        NoWorker = "no_worker",
        /// A notice was given up: whoever was to be told was not.
        NoticeGivenUp = "notice_given_up",
    }
}

/// From a lookup in memory to the longest call to Bitbucket, seconds.
const BUCKETS: [f64; 14] = [
    0.000_01, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0,
    5.0, 20.0,
];

/// Ends of a delivery at the door that are resolved beforehand; refusals are looked up.
const ENDS: [&str; 3] = ["kept", "duplicate", "ping"];

/// The road's counters, on a registry of their own; cheap to clone.
#[derive(Clone, Debug)]
pub struct Meters {
    registry: Registry,
    decisions: Arc<[IntCounter]>,
    deliveries: IntCounterVec,
    taken: Arc<[(Product, &'static str, IntCounter)]>,
    uncovered: IntCounter,
    dead_letters: IntCounter,
    ignored_fields: IntCounter,
    actions: IntCounterVec,
    notices: IntCounterVec,
    stations: Arc<[Histogram]>,
    remembered: IntCounter,
    asked: IntCounter,
    alarms: Arc<[IntCounter]>,
    gauges: Gauges,
    streams: streams::Streams,
    bitbucket: bitbucket::meter::Meters,
    patrol: patrol::Meter,
}

impl Meters {
    /// Counters on a new registry.
    pub fn new() -> Result<Self, prometheus::Error> {
        let on = On(Registry::new());
        let deliveries = on.counters(
            "portcullis_deliveries_total",
            "Webhook deliveries at the door, by product and outcome.",
            &["product", "outcome"],
        )?;
        let actions =
            on.counters("portcullis_actions_total", "Actions tried, by outcome.", &["outcome"])?;
        for outcome in ["done", "retried", "given_up"] {
            actions.with_label_values(&[outcome]);
        }
        let notices = on.counters(
            "portcullis_notices_total",
            "Messages to channels tried, by outcome.",
            &["outcome"],
        )?;
        for outcome in ["told", "retried", "given_up"] {
            notices.with_label_values(&[outcome]);
        }
        let answers = on.counters(
            "portcullis_answers_total",
            "Questions to the rules, by whether an equal one was answered before.",
            &["outcome"],
        )?;
        Ok(Self {
            decisions: decisions(&on)?,
            taken: taken(&deliveries),
            deliveries,
            uncovered: on
                .counter("portcullis_uncovered_events_total", "Events that no rule answers.")?,
            dead_letters: on
                .counter("portcullis_dead_letters_total", "Deliveries that became dead letters.")?,
            ignored_fields: on.counter(
                "portcullis_unknown_fields_total",
                "Fields of webhook bodies that Bitbucket's documentation does not have.",
            )?,
            actions,
            notices,
            stations: stations(&on)?,
            remembered: answers.with_label_values(&["hit"]),
            asked: answers.with_label_values(&["miss"]),
            alarms: alarms(&on)?,
            gauges: Gauges::register(&on)?,
            streams: streams::Streams::register(&on)?,
            bitbucket: bitbucket::meter::Meters::register(&on.0)?,
            patrol: patrol::Meter::register(&on.0)?,
            registry: on.0,
        })
    }

    /// The registry, for `/metrics` and for the counters of other rooms.
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What is measured of the patrol.
    pub const fn patrol(&self) -> &patrol::Meter {
        &self.patrol
    }

    /// What is looked up now and then.
    pub const fn gauges(&self) -> &Gauges {
        &self.gauges
    }

    /// What is measured of streams.
    pub const fn streams(&self) -> &streams::Streams {
        &self.streams
    }

    /// What is counted of calls to Bitbucket.
    pub const fn bitbucket(&self) -> &bitbucket::meter::Meters {
        &self.bitbucket
    }

    /// A delivery at a hook of ours.
    pub fn delivered(&self, product: Product, outcome: &'static str) {
        match self.taken.iter().find(|(of, end, _)| *of == product && *end == outcome) {
            Some((_, _, counter)) => counter.inc(),
            None => self.deliveries.with_label_values(&[product.as_str(), outcome]).inc(),
        }
    }

    /// A delivery at a hook that nobody has.
    pub fn delivered_nowhere(&self) {
        self.deliveries.with_label_values(&["unknown", "no_hook"]).inc();
    }

    /// A body was read.
    pub fn read(&self, reading: &Reading) {
        self.ignored_fields.inc_by(u64::from(reading.ignored_fields));
    }

    /// A decision was recorded.
    pub fn decided(&self, public: &Public) {
        if let Some(counter) =
            self.decisions.get(place(public.surface, public.verdict, public.effect))
        {
            counter.inc();
        }
        if public.uncovered {
            self.uncovered.inc();
        }
    }

    /// Rules were asked, or an equal question's findings remembered.
    pub fn answered(&self, remembered: Remembered) {
        match remembered {
            Remembered::Yes => self.remembered.inc(),
            Remembered::No => self.asked.inc(),
        }
    }

    /// A delivery became a dead letter.
    pub fn dead_letter(&self) {
        self.dead_letters.inc();
    }

    /// An action was tried.
    pub fn acted(&self, outcome: &str) {
        self.actions.with_label_values(&[outcome]).inc();
    }

    /// A message to a channel was tried.
    pub fn noticed(&self, outcome: &str) {
        self.notices.with_label_values(&[outcome]).inc();
    }

    /// A station was passed that was begun at `since`. Gives the present, where the next one begins.
    pub fn took(&self, station: Station, since: Instant) -> Instant {
        let now = Instant::now();
        if let Some(histogram) = self.stations.get(station as usize) {
            histogram.observe((now - since).as_secs_f64());
        }
        now
    }

    /// An alarm was raised. Whoever raises it says in the log what it is about.
    pub fn alarm(&self, alarm: Alarm) {
        if let Some(counter) = self.alarms.get(alarm as usize) {
            counter.inc();
        }
    }
}

/// Whether an answer came from memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// An equal question was answered before.
    Yes,
    /// A worker was asked.
    No,
}

/// Registers what it makes.
pub(in crate::gateway::meters) struct On(Registry);

impl On {
    fn counter(&self, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
        let counter = IntCounter::new(name, help)?;
        self.0.register(Box::new(counter.clone()))?;
        Ok(counter)
    }

    fn counters(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<IntCounterVec, prometheus::Error> {
        let counters = IntCounterVec::new(Opts::new(name, help), labels)?;
        self.0.register(Box::new(counters.clone()))?;
        Ok(counters)
    }
}

fn decisions(on: &On) -> Result<Arc<[IntCounter]>, prometheus::Error> {
    let all = on.counters(
        "portcullis_decisions_total",
        "Decisions, by surface, verdict and effect.",
        &["surface", "verdict", "effect"],
    )?;
    let mut children = Vec::new();
    for surface in Surface::TEXTS {
        for verdict in Verdict::TEXTS {
            for effect in Effect::TEXTS {
                children.push(all.with_label_values(&[surface, verdict, effect]));
            }
        }
    }
    Ok(children.into())
}

/// Where a decision's counter stands among [`decisions`].
const fn place(surface: Surface, verdict: Verdict, effect: Effect) -> usize {
    let row = surface as usize * Verdict::TEXTS.len() + verdict as usize;
    row * Effect::TEXTS.len() + effect as usize
}

fn taken(deliveries: &IntCounterVec) -> Arc<[(Product, &'static str, IntCounter)]> {
    let of = |product: Product, end| {
        (product, end, deliveries.with_label_values(&[product.as_str(), end]))
    };
    let both =
        ENDS.into_iter().flat_map(|end| [of(Product::Cloud, end), of(Product::DataCenter, end)]);
    both.collect()
}

fn stations(on: &On) -> Result<Arc<[Histogram]>, prometheus::Error> {
    let took =
        HistogramOpts::new("portcullis_station_seconds", "Seconds at a station of the road.");
    let took = HistogramVec::new(took.buckets(BUCKETS.to_vec()), &["station"])?;
    on.0.register(Box::new(took.clone()))?;
    Ok(Station::TEXTS.iter().map(|station| took.with_label_values(&[station])).collect())
}

fn alarms(on: &On) -> Result<Arc<[IntCounter]>, prometheus::Error> {
    let all = on.counters(
        "portcullis_alarms_total",
        "The gateway's own alarms, by reason.",
        &["reason"],
    )?;
    Ok(Alarm::TEXTS.iter().map(|alarm| all.with_label_values(&[alarm])).collect())
}
