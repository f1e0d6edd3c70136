//! What is counted of the calls to Bitbucket, over all connections. Labels are words of ours, never an address.

use std::sync::Arc;
use std::time::Duration;

use prometheus::Gauge;
use prometheus::GaugeVec;
use prometheus::Histogram;
use prometheus::HistogramOpts;
use prometheus::HistogramVec;
use prometheus::IntCounter;
use prometheus::IntCounterVec;
use prometheus::Opts;
use prometheus::Registry;

use crate::bitbucket::Client;
use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::FetchError;

/// From a quick answer to the longest wait of discovery, seconds. The alert on a slow Bitbucket looks at 2 s.
const BUCKETS: [f64; 13] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0];

/// The metrics of all clients of one gateway; cheap to clone.
#[derive(Clone, Debug)]
pub struct Meters {
    classes: Arc<[OfClass]>,
    throttled: Gauge,
    keys_age: Gauge,
}

/// What is resolved once, so that a call looks nothing up.
#[derive(Debug)]
struct OfClass {
    ok: IntCounter,
    throttled: IntCounter,
    failed: IntCounter,
    seconds: Histogram,
    used: Gauge,
}

impl Meters {
    /// Registers the metrics, every class and outcome present from the start; a second time is an error.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let requests = Opts::new(
            "portcullis_bitbucket_requests_total",
            "Calls to Bitbucket, by class and outcome.",
        );
        let requests = IntCounterVec::new(requests, &["class", "outcome"])?;
        let seconds = HistogramOpts::new(
            "portcullis_bitbucket_seconds",
            "From a call to Bitbucket to its answer, by class.",
        );
        let seconds = HistogramVec::new(seconds.buckets(BUCKETS.to_vec()), &["class"])?;
        let used = Opts::new(
            "portcullis_bitbucket_budget_used_ratio",
            "Part of the hour's calls that a class has used, of the connection that used most.",
        );
        let used = GaugeVec::new(used, &["class"])?;
        let throttled = Gauge::new(
            "portcullis_throttled_seconds",
            "How long Bitbucket has answered 429 and nothing else; 0 if it does not.",
        )?;
        let keys_age = Gauge::new(
            "portcullis_keys_age_seconds",
            "Age of the oldest keys that step tokens are judged by.",
        )?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(used.clone()))?;
        registry.register(Box::new(throttled.clone()))?;
        registry.register(Box::new(keys_age.clone()))?;
        let classes = CallClass::ALL.iter().map(|class| {
            let of = |outcome| requests.with_label_values(&[class.as_str(), outcome]);
            OfClass {
                ok: of("ok"),
                throttled: of("throttled"),
                failed: of("failed"),
                seconds: seconds.with_label_values(&[class.as_str()]),
                used: used.with_label_values(&[class.as_str()]),
            }
        });
        Ok(Self { classes: classes.collect(), throttled, keys_age })
    }

    /// A call was answered or given up. That something is not there is an answer too.
    pub(crate) fn called<T>(
        &self,
        class: CallClass,
        answer: &Result<T, FetchError>,
        took: Duration,
    ) {
        let Some(of) = self.classes.get(class as usize) else { return };
        let outcome = match answer {
            Ok(_) | Err(FetchError::Missing { .. } | FetchError::Gone { .. }) => &of.ok,
            Err(FetchError::Limited { .. }) => &of.throttled,
            Err(_) => &of.failed,
        };
        outcome.inc();
        of.seconds.observe(took.as_secs_f64());
    }

    /// Shows how these clients stand: budget and throttling, each of the one that stands worst.
    pub fn show(&self, clients: &[&Client]) {
        let throttled = clients.iter().map(|client| client.throttled()).max().unwrap_or_default();
        self.throttled.set(throttled.as_secs_f64());
        let used: Vec<Vec<f64>> = clients.iter().map(|client| client.budget_used()).collect();
        for (at, of) in self.classes.iter().enumerate() {
            let most = used.iter().filter_map(|one| one.get(at)).copied().fold(0.0, f64::max);
            of.used.set(most);
        }
    }

    /// Shows how old the oldest issuer's keys are.
    pub fn show_keys(&self, age: Duration) {
        self.keys_age.set(age.as_secs_f64());
    }
}
