//! What is measured of each stream. Its name is the configuration's, of which there are few.

use std::time::Duration;

use prometheus::Gauge;
use prometheus::GaugeVec;
use prometheus::IntCounter;
use prometheus::IntCounterVec;
use prometheus::IntGauge;
use prometheus::IntGaugeVec;
use prometheus::Opts;

use crate::gateway::meters::On;

/// Of all streams.
#[derive(Clone, Debug)]
pub struct Streams {
    lag: IntGaugeVec,
    late: GaugeVec,
    sent: IntCounterVec,
    failed: IntCounterVec,
}

/// Of one.
#[derive(Clone, Debug)]
pub struct Meter {
    lag: IntGauge,
    late: Gauge,
    sent: IntCounter,
    failed: IntCounter,
}

impl Streams {
    pub(in crate::gateway::meters) fn register(on: &On) -> Result<Self, prometheus::Error> {
        let lag = Opts::new(
            "portcullis_stream_lag_decisions",
            "Decisions that a stream has not taken yet.",
        );
        let lag = IntGaugeVec::new(lag, &["stream"])?;
        on.0.register(Box::new(lag.clone()))?;
        let late = Opts::new(
            "portcullis_stream_lag_seconds",
            "Age of the oldest decision that a stream has not taken yet.",
        );
        let late = GaugeVec::new(late, &["stream"])?;
        on.0.register(Box::new(late.clone()))?;
        Ok(Self {
            lag,
            late,
            sent: on.counters(
                "portcullis_stream_decisions_total",
                "Decisions that a stream has taken.",
                &["stream"],
            )?,
            failed: on.counters(
                "portcullis_stream_failures_total",
                "Batches that a stream did not take.",
                &["stream"],
            )?,
        })
    }

    /// Of the stream of this name.
    pub fn of(&self, id: &str) -> Meter {
        Meter {
            lag: self.lag.with_label_values(&[id]),
            late: self.late.with_label_values(&[id]),
            sent: self.sent.with_label_values(&[id]),
            failed: self.failed.with_label_values(&[id]),
        }
    }
}

impl Meter {
    /// How far behind it is.
    pub fn lag(&self, decisions: u64, late: Duration) {
        self.lag.set(i64::try_from(decisions).unwrap_or(i64::MAX));
        self.late.set(late.as_secs_f64());
    }

    /// So many decisions were taken.
    pub fn sent(&self, decisions: usize) {
        self.sent.inc_by(decisions as u64);
    }

    /// A batch was not taken.
    pub fn failed(&self) {
        self.failed.inc();
    }
}
