//! The gateway's clock: the only place that stamps time. It never goes back.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use tokio::time::Instant;

use crate::graph::Time;

/// A difference of less is no step: reading two clocks takes time, and seconds are inserted.
const NO_STEP: i64 = 1_000;

/// How long after a step the new time is taken for the right one. Long enough for an alert to be seen; without an end, a
/// machine that was asleep would be unfit until its next start.
const SETTLES: Duration = Duration::from_mins(15);

/// Where the time comes from: the machine, or a test that moves it by hand.
#[derive(Debug)]
enum Source {
    Machine { ahead: AtomicI64, anchor: Mutex<Anchor> },
    Hand(AtomicI64),
}

/// Where the machine's clock stood at a moment of the steady one, which nobody can set.
#[derive(Debug)]
struct Anchor {
    wall: i64,
    steady: Instant,
    stepped: Option<Instant>,
}

impl Anchor {
    const fn new(wall: i64, steady: Instant) -> Self {
        Self { wall, steady, stepped: None }
    }

    /// How far the machine's clock is ahead of the steady one, milliseconds.
    fn look(&mut self, wall: i64, now: Instant) -> i64 {
        let passed = now.saturating_duration_since(self.steady).as_millis();
        let due = self.wall.saturating_add(i64::try_from(passed).unwrap_or(i64::MAX));
        let step = wall.saturating_sub(due);
        if step.abs() < NO_STEP {
            self.stepped = None;
            return step;
        }
        let since = *self.stepped.get_or_insert(now);
        if now.saturating_duration_since(since) < SETTLES {
            return step;
        }
        *self = Self::new(wall, now);
        0
    }
}

/// A clock that never goes back: the highest stamp it gave, or was told of, is the floor of the next.
#[derive(Debug)]
pub struct Clock {
    source: Source,
    highest: AtomicI64,
}

impl Clock {
    /// The machine's clock, never below `floor`: the highest stamp that is stored.
    pub fn machine(floor: Time) -> Self {
        let anchor = Mutex::new(Anchor::new(machine_millis(), Instant::now()));
        Self {
            source: Source::Machine { ahead: AtomicI64::new(0), anchor },
            highest: AtomicI64::new(floor.millis()),
        }
    }

    /// A clock that stands still until [`Clock::set`] moves it.
    pub const fn by_hand(at: Time) -> Self {
        Self {
            source: Source::Hand(AtomicI64::new(at.millis())),
            highest: AtomicI64::new(at.millis()),
        }
    }

    /// Moves a clock that is set by hand; the machine's cannot be set.
    pub fn set(&self, to: Time) {
        if let Source::Hand(at) = &self.source {
            at.store(to.millis(), Ordering::SeqCst);
        }
    }

    /// Lets time pass at once, for the demo and for tests. Forward only, like time.
    pub fn advance(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        match &self.source {
            Source::Machine { ahead, .. } => ahead.fetch_add(millis, Ordering::SeqCst),
            Source::Hand(at) => at.fetch_add(millis, Ordering::SeqCst),
        };
    }

    /// The time now, at least as late as every time given before.
    pub fn now(&self) -> Time {
        let read = self.read();
        Time::from_millis(self.highest.fetch_max(read, Ordering::SeqCst).max(read))
    }

    /// How far the source lies behind the highest stamp, milliseconds: above zero, somebody set the clock back.
    pub fn behind(&self) -> i64 {
        self.highest.load(Ordering::SeqCst).saturating_sub(self.read()).max(0)
    }

    /// How far the source is from where it has to be: behind the highest stamp, or away from a clock that nobody can set.
    pub fn offset(&self) -> Duration {
        let step = match &self.source {
            Source::Machine { anchor, .. } => {
                let mut anchor = anchor.lock().unwrap_or_else(PoisonError::into_inner);
                anchor.look(machine_millis(), Instant::now())
            }
            Source::Hand(_) => 0,
        };
        Duration::from_millis(self.behind().unsigned_abs().max(step.unsigned_abs()))
    }

    fn read(&self) -> i64 {
        match &self.source {
            Source::Machine { ahead, .. } => {
                machine_millis().saturating_add(ahead.load(Ordering::SeqCst))
            }
            Source::Hand(at) => at.load(Ordering::SeqCst),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the place that stamps time")]
fn machine_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn a_step_either_way_is_seen_until_it_is_taken_back() {
        let start = Instant::now();
        let mut anchor = Anchor::new(1_000_000, start);
        assert_eq!(anchor.look(1_060_000, start + MINUTE), 0);
        assert_eq!(anchor.look(1_150_000, start + MINUTE), 90_000);
        assert_eq!(anchor.look(970_000, start + MINUTE), -90_000);
        assert_eq!(anchor.look(1_120_000, start + MINUTE * 2), 0);
    }

    #[test]
    fn a_time_that_stays_is_taken_for_the_right_one() {
        let start = Instant::now();
        let mut anchor = Anchor::new(0, start);
        assert_eq!(anchor.look(90_000, start), 90_000);
        assert_eq!(anchor.look(90_000 + 14 * 60_000, start + MINUTE * 14), 90_000);
        assert_eq!(anchor.look(90_000 + 15 * 60_000, start + MINUTE * 15), 0);
        assert_eq!(anchor.look(90_000 + 16 * 60_000, start + MINUTE * 16), 0);
    }

    #[test]
    fn a_clock_behind_the_highest_stamp_is_off_by_that_much() {
        let clock = Clock::by_hand(Time::from_millis(100_000));
        assert_eq!(clock.offset(), Duration::ZERO);
        clock.set(Time::from_millis(30_000));
        assert_eq!(clock.offset(), Duration::from_secs(70));
    }
}
