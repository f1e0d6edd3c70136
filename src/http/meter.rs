//! What the listeners and the doors count. The names are promises to dashboards. Labels are patterns of the route
//! table and words of ours, never a path as it was sent: an attacker's made-up paths would each become a series.

use std::time::Duration;

use http::StatusCode;
use prometheus::HistogramOpts;
use prometheus::HistogramVec;
use prometheus::IntCounter;
use prometheus::IntCounterVec;
use prometheus::IntGauge;
use prometheus::IntGaugeVec;
use prometheus::Opts;
use prometheus::Registry;

use crate::http::route::Surface;

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// As both sides meant it to.
    Finished,
    /// The TLS handshake failed or took too long.
    Handshake,
    /// A head was not complete in time; a client that sent nothing too.
    LateHead,
    /// Nothing came between two requests for too long.
    Idle,
    /// The client did not take its answer in time.
    LateAnswer,
    /// A message that allows two readings, or none.
    Malformed,
    /// The client went away, or the network did.
    Broken,
    /// A door fell over.
    Panicked,
    /// Still at work when the drain's time was up.
    Cut,
}

const ENDINGS: [Ending; 9] = [
    Ending::Finished,
    Ending::Handshake,
    Ending::LateHead,
    Ending::Idle,
    Ending::LateAnswer,
    Ending::Malformed,
    Ending::Broken,
    Ending::Panicked,
    Ending::Cut,
];

impl Ending {
    /// The value of the label `outcome`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Handshake => "handshake",
            Self::LateHead => "late-head",
            Self::Idle => "idle",
            Self::LateAnswer => "late-answer",
            Self::Malformed => "malformed",
            Self::Broken => "broken",
            Self::Panicked => "panicked",
            Self::Cut => "cut",
        }
    }
}

/// The connection metrics of all listeners of one gateway.
#[derive(Debug, Clone)]
pub struct Meters {
    ended: IntCounterVec,
    open: IntGaugeVec,
}

impl Meters {
    /// Registers the metrics; once a registry, a second time is an error.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let ended = Opts::new(
            "portcullis_connections_total",
            "Connections that have ended, by how they ended.",
        );
        let open = Opts::new("portcullis_connections_open", "Connections that are open now.");
        let meters = Self {
            ended: IntCounterVec::new(ended, &["surface", "outcome"])?,
            open: IntGaugeVec::new(open, &["surface"])?,
        };
        registry.register(Box::new(meters.ended.clone()))?;
        registry.register(Box::new(meters.open.clone()))?;
        Ok(meters)
    }

    /// The part of one listener, with every outcome present from the start.
    pub fn of(&self, surface: Surface) -> Meter {
        let ended =
            ENDINGS.map(|ending| self.ended.with_label_values(&[surface.name(), ending.name()]));
        Meter { ended, open: self.open.with_label_values(&[surface.name()]) }
    }
}

/// The connection metrics of one listener.
#[derive(Debug, Clone)]
pub struct Meter {
    ended: [IntCounter; 9],
    open: IntGauge,
}

impl Meter {
    /// Counts an ending.
    pub fn ended(&self, ending: Ending) {
        if let Some(counter) = self.ended.get(ending as usize) {
            counter.inc();
        }
    }

    /// A connection is open as long as the answer lives, however its task ends.
    pub fn open(&self) -> Open {
        self.open.inc();
        Open(self.open.clone())
    }
}

/// One open connection.
#[derive(Debug)]
pub struct Open(IntGauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// From a hit in memory to the longest wait a door offers, seconds.
const BUCKETS: [f64; 12] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0];

/// The request metrics of one surface.
#[derive(Debug, Clone)]
pub struct Requests {
    answered: IntCounterVec,
    took: HistogramVec,
}

impl Requests {
    /// Registers the metrics; once a registry and surface, a second time is an error.
    pub fn register(registry: &Registry, surface: Surface) -> Result<Self, prometheus::Error> {
        let answered = Opts::new(
            "portcullis_http_requests_total",
            "Requests answered, by route, method and status.",
        );
        let took = HistogramOpts::new(
            "portcullis_http_request_seconds",
            "From a request's head to its answer, by route.",
        );
        let took = took.const_label("surface", surface.name()).buckets(BUCKETS.to_vec());
        let requests = Self {
            answered: IntCounterVec::new(
                answered.const_label("surface", surface.name()),
                &["route", "method", "status"],
            )?,
            took: HistogramVec::new(took, &["route"])?,
        };
        registry.register(Box::new(requests.answered.clone()))?;
        registry.register(Box::new(requests.took.clone()))?;
        Ok(requests)
    }

    /// Counts an answer. `route` is a pattern of the table, `method` one of the table's or `other`.
    pub fn answered(&self, route: &str, method: &str, status: StatusCode, took: Duration) {
        self.answered.with_label_values(&[route, method, status.as_str()]).inc();
        self.took.with_label_values(&[route]).observe(took.as_secs_f64());
    }
}
