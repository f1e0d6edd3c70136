//! Calls of the last hour, in slots of a minute: Bitbucket counts an hour that rolls, not one that begins. Time is handed in.
//!
//! A call counts until its whole slot and one more are older than an hour: it is counted there when it arrives, a little
//! after it is here.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Slots of an hour.
const SLOTS: u32 = 60;

/// The calls of an hour.
#[derive(Debug)]
pub(super) struct Rolling {
    hour: Duration,
    began: Instant,
    /// Slot, counted from the beginning, and how many calls there were in it; oldest first, none empty.
    slots: VecDeque<(u64, u32)>,
    used: u32,
}

impl Rolling {
    /// Nothing was sent yet. `hour` is an hour, but for tests on a clock that runs faster.
    pub(super) const fn new(now: Instant, hour: Duration) -> Self {
        Self { hour, began: now, slots: VecDeque::new(), used: 0 }
    }

    fn slot(&self) -> Duration {
        (self.hour / SLOTS).max(Duration::from_nanos(1))
    }

    fn number(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.began).as_nanos() / self.slot().as_nanos();
        u64::try_from(passed).unwrap_or(u64::MAX)
    }

    /// How many calls the last hour had.
    pub(super) fn used(&mut self, now: Instant) -> u32 {
        let number = self.number(now);
        let old = |slot: u64| slot.saturating_add(u64::from(SLOTS) + 1) < number;
        while let Some((slot, calls)) = self.slots.front().copied().filter(|(slot, _)| old(*slot)) {
            debug_assert!(slot < number, "slots stand in order");
            self.used = self.used.saturating_sub(calls);
            self.slots.pop_front();
        }
        self.used
    }

    /// Counts a call.
    pub(super) fn count(&mut self, now: Instant) {
        let number = self.number(now);
        match self.slots.back_mut() {
            Some((slot, calls)) if *slot == number => *calls = calls.saturating_add(1),
            Some(_) | None => self.slots.push_back((number, 1)),
        }
        self.used = self.used.saturating_add(1);
    }

    /// How long until so many calls fewer count.
    pub(super) fn until_fewer(&self, now: Instant, fewer: u32) -> Duration {
        let mut freed = 0_u32;
        for (slot, calls) in &self.slots {
            freed = freed.saturating_add(*calls);
            if freed >= fewer {
                let end = slot.saturating_add(u64::from(SLOTS) + 2);
                let end = u32::try_from(end).unwrap_or(u32::MAX);
                let at = self.began.checked_add(self.slot().saturating_mul(end)).unwrap_or(now);
                return at.saturating_duration_since(now).max(Duration::from_millis(1));
            }
        }
        self.hour
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_hour_wherever_it_begins_has_more_than_was_counted() {
        let start = Instant::now();
        let hour = Duration::from_hours(1);
        let mut rolling = Rolling::new(start, hour);
        let mut sent: Vec<Instant> = Vec::new();
        // Three hours, a try every second, at most 1,000 within any hour.
        for second in 0..3 * 3_600 {
            let now = start + Duration::from_secs(second);
            if rolling.used(now) < 1_000 {
                rolling.count(now);
                sent.push(now);
            }
        }
        assert!(sent.len() > 2_500, "{} in three hours", sent.len());
        for (at, first) in sent.iter().enumerate() {
            let within = sent[at..].iter().take_while(|one| **one - *first < hour).count();
            assert!(within <= 1_000, "{within} within an hour");
        }
    }

    #[test]
    fn the_wait_that_is_told_is_long_enough() {
        let start = Instant::now();
        let mut rolling = Rolling::new(start, Duration::from_hours(1));
        for second in 0..100 {
            rolling.count(start + Duration::from_secs(second * 10));
        }
        let now = start + Duration::from_secs(1_000);
        let wait = rolling.until_fewer(now, 7);
        assert!(wait > Duration::from_mins(40), "{wait:?}");
        assert!(rolling.used(now + wait) <= 93);
    }
}
