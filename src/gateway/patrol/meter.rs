//! What is measured of the patrol. Labels are words of ours: severities, outcomes.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;

use prometheus::Gauge;
use prometheus::IntCounter;
use prometheus::IntCounterVec;
use prometheus::IntGauge;
use prometheus::IntGaugeVec;
use prometheus::Opts;
use prometheus::Registry;

use crate::graph::Time;
use crate::policy::bundle::Severity;
use crate::posture::Outcome;
use crate::store::CountedFindings;

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
    /// When a scan ended last, milliseconds; 0: never.
    last: Arc<AtomicI64>,
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
            "Since a scan ended last; 0 before the first.",
        )?;
        registry.register(Box::new(findings.clone()))?;
        registry.register(Box::new(accepted.clone()))?;
        registry.register(Box::new(scans.clone()))?;
        registry.register(Box::new(faults.clone()))?;
        registry.register(Box::new(age.clone()))?;
        Ok(Self { findings, accepted, scans, faults, age, last: Arc::default() })
    }

    pub(in crate::gateway) fn failed(&self) {
        self.scans.with_label_values(&["failed"]).inc();
    }

    pub(in crate::gateway) fn done(&self, at: Time) {
        self.scans.with_label_values(&["done"]).inc();
        self.last.store(at.millis(), Ordering::Relaxed);
    }

    pub(in crate::gateway) fn faulted(&self, faults: u64) {
        self.faults.inc_by(faults);
    }

    pub(in crate::gateway) fn look(&self, now: Time) {
        let last = self.last.load(Ordering::Relaxed);
        let age = if last == 0 { 0 } else { now.since(Time::from_millis(last)) };
        self.age.set(std::time::Duration::from_millis(age).as_secs_f64());
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
