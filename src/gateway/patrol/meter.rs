//! What is measured of the patrol. Labels are words of ours: severities, outcomes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use prometheus::Gauge;
use prometheus::IntCounter;
use prometheus::IntCounterVec;
use prometheus::IntGauge;
use prometheus::IntGaugeVec;
use prometheus::Opts;
use prometheus::Registry;

use crate::gateway::Gateway;
use crate::graph::ConnectionId;
use crate::graph::Time;
use crate::policy::bundle::Severity;
use crate::posture::Outcome;
use crate::store::CountedFindings;
use crate::store::ScanMark;

/// The outcomes that findings are counted by; what passes is no finding.
const OUTCOMES: [Outcome; 2] = [Outcome::Fail, Outcome::Unknown];

/// Counts and gauges of the patrol; cheap to clone.
#[derive(Clone, Debug)]
pub struct Meter {
    findings: IntGaugeVec,
    accepted: IntGauge,
    scans: IntCounterVec,
    faults: IntCounter,
    age: Gauge,
    /// When all of each connection was looked at last; of one that never was, since when it is known here.
    whole: Arc<Mutex<BTreeMap<ConnectionId, Time>>>,
}

impl Meter {
    /// On a registry.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let findings = Opts::new(
            "portcullis_findings",
            "Findings that fail or cannot be told, by severity and outcome; accepted ones too.",
        );
        let findings = IntGaugeVec::new(findings, &["severity", "outcome"])?;
        for severity in Severity::TEXTS {
            for outcome in OUTCOMES {
                findings.with_label_values(&[severity, outcome.as_str()]);
            }
        }
        let accepted = IntGauge::new(
            "portcullis_findings_accepted",
            "Failing findings that somebody lives with.",
        )?;
        let scans = IntCounterVec::new(
            Opts::new("portcullis_scans_total", "Scans of connections, by outcome."),
            &["outcome"],
        )?;
        for outcome in ["done", "failed"] {
            scans.with_label_values(&[outcome]);
        }
        let faults = IntCounter::new(
            "portcullis_posture_faults_total",
            "Questions that a posture rule did not answer; what it was asked about is unknown.",
        )?;
        let age = Gauge::new(
            "portcullis_scan_age_seconds",
            "Since all of a connection was looked at last, of the one that waits longest; of one that never was, since it is known.",
        )?;
        registry.register(Box::new(findings.clone()))?;
        registry.register(Box::new(accepted.clone()))?;
        registry.register(Box::new(scans.clone()))?;
        registry.register(Box::new(faults.clone()))?;
        registry.register(Box::new(age.clone()))?;
        Ok(Self { findings, accepted, scans, faults, age, whole: Arc::default() })
    }

    pub(in crate::gateway) fn failed(&self) {
        self.scans.with_label_values(&["failed"]).inc();
    }

    pub(in crate::gateway) fn done(&self, connection: &ConnectionId, at: Time, mark: ScanMark) {
        self.scans.with_label_values(&["done"]).inc();
        if mark == ScanMark::Whole {
            self.waits_since(connection, at);
        }
    }

    fn waits_since(&self, connection: &ConnectionId, at: Time) {
        let mut whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        let since = whole.entry(connection.clone()).or_insert(at);
        *since = at.max(*since);
    }

    pub(in crate::gateway) fn faulted(&self, faults: u64) {
        self.faults.inc_by(faults);
    }

    /// Those of these connections of which it is not told since when they wait; the others are forgotten.
    fn untold(&self, connections: &[ConnectionId]) -> Vec<ConnectionId> {
        let mut whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        whole.retain(|connection, _| connections.contains(connection));
        connections.iter().filter(|one| !whole.contains_key(*one)).cloned().collect()
    }

    fn show_age(&self, now: Time) {
        let whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        let longest = whole.values().map(|since| now.since(*since)).max();
        let age = std::time::Duration::from_millis(longest.unwrap_or_default());
        self.age.set(age.as_secs_f64());
    }

    /// Shows how many there are over all connections.
    pub(in crate::gateway) fn show(&self, counted: &[CountedFindings]) {
        let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        for severity in Severity::ALL {
            for outcome in OUTCOMES {
                let mine = counted
                    .iter()
                    .filter(|one| one.severity == *severity && one.outcome == outcome);
                let count = mine.map(|one| one.count).sum();
                self.findings
                    .with_label_values(&[severity.as_str(), outcome.as_str()])
                    .set(whole(count));
            }
        }
        let failing = counted.iter().filter(|one| one.outcome == Outcome::Fail);
        self.accepted.set(whole(failing.map(|one| one.accepted).sum()));
    }
}

impl Gateway {
    /// Shows how long the connection that waits longest was not looked at whole. A connection's name is no label, as
    /// nobody's is: `GET /api/v1/posture/scans` and the log say which it is.
    pub(in crate::gateway) async fn look_at_scans(&self, now: Time) {
        let connections: Vec<_> = self.connections.iter().map(|one| one.id.clone()).collect();
        let meter = self.meters.patrol();
        for connection in meter.untold(&connections) {
            // An earlier life may have looked at it.
            if let Ok(last) = self.store.last_whole_scan(&connection).await {
                meter.waits_since(&connection, last.unwrap_or(now));
            }
        }
        meter.show_age(now);
    }
}
