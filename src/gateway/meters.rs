//! What the road counts. Names begin with `portcullis_`; labels are words of ours, never a repository or a person.

use prometheus::IntCounter;
use prometheus::IntCounterVec;
use prometheus::Opts;
use prometheus::Registry;

use crate::bitbucket::Reading;
use crate::decision::record::Public;

/// The road's counters, on a registry of their own.
#[derive(Clone, Debug)]
pub struct Meters {
    registry: Registry,
    decisions: IntCounterVec,
    deliveries: IntCounterVec,
    uncovered: IntCounter,
    dead_letters: IntCounter,
    ignored_fields: IntCounter,
    actions: IntCounterVec,
}

impl Meters {
    /// Counters on a new registry.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let of = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let one = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        Ok(Self {
            decisions: of(
                "portcullis_decisions_total",
                "Decisions, by surface, verdict and effect.",
                &["surface", "verdict", "effect"],
            )?,
            deliveries: of(
                "portcullis_deliveries_total",
                "Webhook deliveries at the door, by product and outcome.",
                &["product", "outcome"],
            )?,
            uncovered: one("portcullis_uncovered_events_total", "Events that no rule answers.")?,
            dead_letters: one(
                "portcullis_dead_letters_total",
                "Deliveries that could not be read.",
            )?,
            ignored_fields: one(
                "portcullis_unknown_fields_total",
                "Fields of webhook bodies that Bitbucket's documentation does not have.",
            )?,
            actions: of(
                "portcullis_actions_total",
                "Actions on Bitbucket, by outcome.",
                &["outcome"],
            )?,
            registry,
        })
    }

    /// The registry, for `/metrics` and for the counters of other rooms.
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// A delivery at the door.
    pub fn delivered(&self, product: &str, outcome: &str) {
        self.deliveries.with_label_values(&[product, outcome]).inc();
    }

    /// A body was read.
    pub fn read(&self, reading: &Reading) {
        self.ignored_fields.inc_by(u64::from(reading.ignored_fields));
    }

    /// A decision was recorded.
    pub fn decided(&self, public: &Public) {
        let labels = [public.surface.as_str(), public.verdict.as_str(), public.effect.as_str()];
        self.decisions.with_label_values(&labels).inc();
        if public.uncovered {
            self.uncovered.inc();
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
}
