//! The gateway's own troubles become notices: every alarm that was raised, and every state that has lasted too long, by the
//! same figures that the alert rules of the chart ask for. Somebody who has no Prometheus hears of them all the same.
//!
//! They are read off the metrics, so that what people are told and what a dashboard shows cannot disagree. A store that
//! cannot be written cannot keep a notice either: that trouble is Prometheus' and the log's to tell.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use prometheus::proto::MetricFamily;

use crate::gateway::Gateway;
use crate::gateway::meters::Alarm;
use crate::graph::Time;
use crate::notify::message;
use crate::store::NewNotice;
use crate::store::StoreError;
use crate::words;

/// How often it looks: a trouble reaches its channel a few seconds after it shows.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Dead letters within [`RISING_WITHIN`] that are too many.
const RISING: f64 = 5.0;

/// See [`RISING`].
const RISING_WITHIN: Duration = Duration::from_mins(30);

/// How late a checkpoint may be while the ledger grows, seconds.
const LATE: f64 = 120.0;

words! {
    /// A state that has lasted too long, as a word.
    pub enum Trouble {
        /// An action waits.
        OutboxStuck = "outbox_stuck",
        /// A notice waits.
        NoticesStuck = "notices_stuck",
        /// Bitbucket refuses every call.
        BitbucketThrottled = "bitbucket_throttled",
        /// The keys of an issuer are old.
        KeysStale = "keys_stale",
        /// The certificate ends soon.
        CertificateExpiring = "certificate_expiring",
        /// Deliveries cannot be read.
        DeadLettersRising = "dead_letters_rising",
        /// The ledger grows unsigned.
        CheckpointLate = "checkpoint_late",
    }
}

/// States that one number tells: its metric, and from where on it is too much.
const STATES: [(Trouble, &str, Bound); 5] = [
    (Trouble::OutboxStuck, "portcullis_action_wait_seconds", Bound::Above(900.0)),
    (Trouble::NoticesStuck, "portcullis_notice_wait_seconds", Bound::Above(900.0)),
    (Trouble::BitbucketThrottled, "portcullis_throttled_seconds", Bound::Above(600.0)),
    (Trouble::KeysStale, "portcullis_keys_age_seconds", Bound::Above(6.0 * 3_600.0)),
    (
        Trouble::CertificateExpiring,
        "portcullis_certificate_expiry_seconds",
        Bound::Below(7.0 * 86_400.0),
    ),
];

#[derive(Clone, Copy)]
enum Bound {
    Above(f64),
    Below(f64),
}

/// What was seen at the looks before.
#[derive(Default)]
struct Seen {
    alarms: BTreeMap<String, f64>,
    standing: Vec<Trouble>,
    /// Dead letters at the beginning of the window, and when that was.
    letters: Option<(Time, f64)>,
    /// Age of the checkpoint at the look before, and entries when it was signed.
    signed: Option<(f64, f64)>,
}

/// Looks until the gateway stops.
pub async fn run(gateway: Arc<Gateway>) {
    if gateway.notify.is_deaf() {
        return;
    }
    let mut stop = gateway.stopping();
    let mut seen = Seen::default();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stop.wait_for(|stopping| *stopping) => return,
        }
        let now = gateway.clock.now();
        let raised = seen.look(&gateway.meters.registry().gather(), now);
        if let Err(error) = gateway.raise(&raised, now).await {
            tracing::error!(%error, "an alarm cannot be kept to be told");
            seen.forget(&raised);
        }
    }
}

impl Gateway {
    async fn raise(&self, raised: &[Raised], now: Time) -> Result<(), StoreError> {
        let notices: Vec<NewNotice> =
            raised.iter().flat_map(|raised| self.notices_of_alarm(&raised.told(now))).collect();
        if notices.is_empty() {
            return Ok(());
        }
        if self.store.add_notices(notices, now).await? > 0 {
            self.courier_bell.notify_one();
        }
        Ok(())
    }
}

/// Something that began since the look before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Raised {
    Alarm(Alarm),
    Trouble(Trouble),
}

impl Seen {
    /// What began since the look before; at the first, since this process counts.
    fn look(&mut self, families: &[MetricFamily], now: Time) -> Vec<Raised> {
        let mut raised = self.alarms(families);
        let mut holding: Vec<Trouble> = STATES
            .iter()
            .filter(|(_, metric, bound)| number(families, metric).is_some_and(|at| bound.holds(at)))
            .map(|(trouble, _, _)| *trouble)
            .collect();
        holding.extend(self.letters_rise(families, now).then_some(Trouble::DeadLettersRising));
        holding.extend(self.checkpoint_late(families).then_some(Trouble::CheckpointLate));
        let new = holding.iter().filter(|trouble| !self.standing.contains(trouble));
        raised.extend(new.copied().map(Raised::Trouble));
        self.standing = holding;
        raised
    }

    /// What could not be kept is raised at the next look again.
    fn forget(&mut self, raised: &[Raised]) {
        for one in raised {
            match one {
                Raised::Alarm(alarm) => {
                    if let Some(count) = self.alarms.get_mut(alarm.as_str()) {
                        *count -= 1.0;
                    }
                }
                Raised::Trouble(trouble) => self.standing.retain(|other| other != trouble),
            }
        }
    }

    fn alarms(&mut self, families: &[MetricFamily]) -> Vec<Raised> {
        let Some(family) = found(families, "portcullis_alarms_total") else { return Vec::new() };
        let mut raised = Vec::new();
        for metric in family.get_metric() {
            let word = metric.get_label().first().map_or("", |label| label.value());
            let count = metric.get_counter().get_value();
            let before = self.alarms.insert(word.to_owned(), count).unwrap_or_default();
            raised.extend(Alarm::from_text(word).filter(|_| count > before).map(Raised::Alarm));
        }
        raised
    }

    fn letters_rise(&mut self, families: &[MetricFamily], now: Time) -> bool {
        let count = number(families, "portcullis_dead_letters_total").unwrap_or_default();
        let (since, before) = *self.letters.get_or_insert((now, 0.0));
        if u128::from(now.since(since)) > RISING_WITHIN.as_millis() {
            self.letters = Some((now, count));
        }
        count - before >= RISING
    }

    /// A quiet ledger needs no new checkpoint: late is one that is older than an entry.
    fn checkpoint_late(&mut self, families: &[MetricFamily]) -> bool {
        let of = |name| number(families, name).unwrap_or_default();
        let (age, entries) =
            (of("portcullis_checkpoint_age_seconds"), of("portcullis_ledger_entries"));
        let (before, signed) = self.signed.unwrap_or((f64::MAX, entries));
        let signed = if age < before { entries } else { signed };
        self.signed = Some((age, signed));
        age > LATE && entries > signed
    }
}

impl Bound {
    fn holds(self, at: f64) -> bool {
        match self {
            Self::Above(bound) => at > bound,
            Self::Below(bound) => at < bound,
        }
    }
}

fn found<'a>(families: &'a [MetricFamily], name: &str) -> Option<&'a MetricFamily> {
    families.iter().find(|family| family.name() == name)
}

/// The largest value of a metric.
fn number(families: &[MetricFamily], name: &str) -> Option<f64> {
    let metrics = found(families, name)?.get_metric();
    let of = |metric: &prometheus::proto::Metric| {
        metric.get_gauge().get_value().max(metric.get_counter().get_value())
    };
    metrics.iter().map(of).reduce(f64::max)
}

impl Raised {
    fn told(self, at: Time) -> message::Alarm {
        let (word, (text, next)) = match self {
            Self::Alarm(alarm) => (alarm.as_str(), of_alarm(alarm)),
            Self::Trouble(trouble) => (trouble.as_str(), of_trouble(trouble)),
        };
        message::Alarm { alarm: word.to_owned(), at, text: text.to_owned(), next: next.to_owned() }
    }
}

/// What is wrong, and what to do.
const fn of_alarm(alarm: Alarm) -> (&'static str, &'static str) {
    match alarm {
        Alarm::ActionGivenUp => (
            "A commit status was given up: Bitbucket did not take it.",
            "Look for `given up` in the gate's log: it says why.",
        ),
        Alarm::BundleRefused => (
            "The newest policy bundle was refused, so the one before it still decides.",
            "Run `portcullis policy check` on the folder of rules.",
        ),
        Alarm::CertificateRefused => (
            "Changed files of the certificate were refused, so the old one still serves.",
            "Look for `certificate` in the gate's log: it says why.",
        ),
        Alarm::CheckpointFailed => (
            "No checkpoint of the ledger could be signed.",
            "Look for `checkpoint` in the gate's log, then run `portcullis ledger verify`.",
        ),
        Alarm::ClockStepped => (
            "The machine's clock was set by more than a minute: the gate is not ready.",
            "Compare `date -u` with another machine and repair its time service.",
        ),
        Alarm::DiskLow => (
            "Less than 5 % of the store's disk is free: the gate is not ready.",
            "Run `portcullis store info` to see what takes the space, then enlarge the disk.",
        ),
        Alarm::HookSilent => (
            "A webhook has told nothing for longer than configured.",
            "Look at that webhook's recent requests in Bitbucket.",
        ),
        Alarm::KeysUnread => (
            "The public keys of an issuer of step tokens cannot be read.",
            "Try the address that the gate's log names from where the gate runs.",
        ),
        Alarm::NoWorker => (
            "No process that evaluates rules can be started: the gate is not ready.",
            "Look for `worker` in the gate's log: it says why.",
        ),
        Alarm::NoticeGivenUp => (
            "A message to a channel was given up: whoever was to be told was not.",
            "Run `portcullis notify list`, then `portcullis notify test` on that channel.",
        ),
    }
}

/// The same of a state.
const fn of_trouble(trouble: Trouble) -> (&'static str, &'static str) {
    match trouble {
        Trouble::OutboxStuck => (
            "A commit status has waited for more than 15 minutes.",
            "Look for `retried` in the gate's log: each line says why.",
        ),
        Trouble::NoticesStuck => (
            "A message to a channel has waited for more than 15 minutes.",
            "Run `portcullis notify list`: it says which channel, and why.",
        ),
        Trouble::BitbucketThrottled => (
            "Bitbucket has answered every call with 429 for more than 10 minutes.",
            "See who else uses this credential.",
        ),
        Trouble::KeysStale => (
            "The public keys of an issuer could not be read for 6 hours; after 24 its tokens are refused.",
            "Look for `the keys of` in the gate's log.",
        ),
        Trouble::CertificateExpiring => (
            "The certificate of the public listener ends within 7 days.",
            "Put the renewed certificate and key in place of the old files.",
        ),
        Trouble::DeadLettersRising => (
            "Five or more deliveries of the last half hour could not be read.",
            "Run `portcullis dead-letter list`: it says why for each.",
        ),
        Trouble::CheckpointLate => (
            "The ledger has grown and its last signed checkpoint is more than two minutes old.",
            "Look for `checkpoint` in the gate's log, then run `portcullis ledger verify`.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use prometheus::Gauge;
    use prometheus::IntCounter;
    use prometheus::IntCounterVec;
    use prometheus::IntGauge;
    use prometheus::Opts;
    use prometheus::Registry;

    use super::*;

    fn at(minutes: u64) -> Time {
        Time::from_millis(0).plus(Duration::from_mins(minutes))
    }

    #[test]
    fn an_alarm_is_raised_once_for_each_time_it_is_counted() {
        let (registry, mut seen) = (Registry::new(), Seen::default());
        let alarms =
            IntCounterVec::new(Opts::new("portcullis_alarms_total", "x"), &["reason"]).unwrap();
        registry.register(Box::new(alarms.clone())).unwrap();
        let silent = alarms.with_label_values(&["hook_silent"]);
        let mut look = || seen.look(&registry.gather(), at(0));
        assert_eq!(look(), []);
        silent.inc();
        assert_eq!(look(), [Raised::Alarm(Alarm::HookSilent)]);
        assert_eq!(look(), []);
        silent.inc();
        assert_eq!(look(), [Raised::Alarm(Alarm::HookSilent)]);
    }

    #[test]
    fn a_state_is_raised_when_it_begins_and_again_when_it_has_come_back() {
        let (registry, mut seen) = (Registry::new(), Seen::default());
        let wait = Gauge::new("portcullis_action_wait_seconds", "x").unwrap();
        let ends = Gauge::new("portcullis_certificate_expiry_seconds", "x").unwrap();
        registry.register(Box::new(wait.clone())).unwrap();
        registry.register(Box::new(ends.clone())).unwrap();
        ends.set(8.0 * 86_400.0);
        let mut look = |waits| {
            wait.set(waits);
            seen.look(&registry.gather(), at(0))
        };
        assert_eq!(look(900.0), []);
        assert_eq!(look(901.0), [Raised::Trouble(Trouble::OutboxStuck)]);
        assert_eq!(look(950.0), []);
        assert_eq!(look(0.0), []);
        assert_eq!(look(901.0), [Raised::Trouble(Trouble::OutboxStuck)]);
        ends.set(6.0 * 86_400.0);
        assert_eq!(look(901.0), [Raised::Trouble(Trouble::CertificateExpiring)]);
    }

    #[test]
    fn dead_letters_rise_when_five_came_within_half_an_hour() {
        let (registry, mut seen) = (Registry::new(), Seen::default());
        let letters = IntCounter::new("portcullis_dead_letters_total", "x").unwrap();
        registry.register(Box::new(letters.clone())).unwrap();
        let mut look = |more, minutes| {
            letters.inc_by(more);
            seen.look(&registry.gather(), at(minutes))
        };
        assert_eq!(look(4, 0), []);
        assert_eq!(look(0, 31), []);
        assert_eq!(look(4, 32), [], "those of the half hour before do not count");
        assert_eq!(look(1, 33), [Raised::Trouble(Trouble::DeadLettersRising)]);
    }

    #[test]
    fn a_checkpoint_is_late_only_if_entries_came_after_it() {
        let (registry, mut seen) = (Registry::new(), Seen::default());
        let age = Gauge::new("portcullis_checkpoint_age_seconds", "x").unwrap();
        let entries = IntGauge::new("portcullis_ledger_entries", "x").unwrap();
        registry.register(Box::new(age.clone())).unwrap();
        registry.register(Box::new(entries.clone())).unwrap();
        let mut look = |old, many| {
            age.set(old);
            entries.set(many);
            seen.look(&registry.gather(), at(0))
        };
        assert_eq!(look(10.0, 7), []);
        assert_eq!(look(500.0, 7), [], "a quiet ledger");
        assert_eq!(look(510.0, 8), [Raised::Trouble(Trouble::CheckpointLate)]);
        assert_eq!(look(1.0, 8), []);
    }
}
