//! The gateway's clock: the only place that stamps time. It never goes back.

use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use crate::graph::Time;

/// Where the time comes from: the machine, or a test that moves it by hand.
#[derive(Debug)]
enum Source {
    Machine { ahead: AtomicI64 },
    Hand(AtomicI64),
}

/// A clock that never goes back: the highest stamp it gave, or was told of, is the floor of the next.
#[derive(Debug)]
pub struct Clock {
    source: Source,
    highest: AtomicI64,
}

impl Clock {
    /// The machine's clock, never below `floor`: the highest stamp that is stored.
    pub const fn machine(floor: Time) -> Self {
        Self {
            source: Source::Machine { ahead: AtomicI64::new(0) },
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
            Source::Machine { ahead } => ahead.fetch_add(millis, Ordering::SeqCst),
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

    fn read(&self) -> i64 {
        match &self.source {
            Source::Machine { ahead } => {
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
