//! How many calls of each class the last hour held, in slots of five minutes. Time is handed in.

use tokio::time::Instant;

use crate::bitbucket::transport::CallClass;

/// Length of a slot, seconds.
const SLOT: u64 = 300;

/// Slots of an hour.
const SLOTS: usize = 12;

const CLASSES: usize = CallClass::ALL.len();

/// The last hour's calls.
#[derive(Debug)]
pub(super) struct Hour {
    began: Instant,
    /// The slot in use, counted from the beginning.
    slot: u64,
    sent: [[u32; CLASSES]; SLOTS],
}

impl Hour {
    /// Nothing was sent yet.
    pub(super) const fn new(now: Instant) -> Self {
        Self { began: now, slot: 0, sent: [[0; CLASSES]; SLOTS] }
    }

    /// Counts a call.
    pub(super) fn count(&mut self, class: CallClass, now: Instant) {
        self.turn_to(now);
        let at = usize::try_from(self.slot).unwrap_or_default() % SLOTS;
        if let Some(count) = self.sent.get_mut(at).and_then(|slot| slot.get_mut(class as usize)) {
            *count = count.saturating_add(1);
        }
    }

    /// Calls of each class, in the order of [`CallClass::ALL`].
    pub(super) fn sent(&mut self, now: Instant) -> [u32; CLASSES] {
        self.turn_to(now);
        let mut all = [0_u32; CLASSES];
        for slot in &self.sent {
            for (sum, count) in all.iter_mut().zip(slot) {
                *sum = sum.saturating_add(*count);
            }
        }
        all
    }

    /// Empties the slots that were last used more than an hour ago.
    fn turn_to(&mut self, now: Instant) {
        let slot = now.saturating_duration_since(self.began).as_secs() / SLOT;
        let passed = usize::try_from(slot.saturating_sub(self.slot)).unwrap_or(SLOTS);
        for step in 1..=passed.min(SLOTS) {
            let at = usize::try_from(self.slot).unwrap_or_default().wrapping_add(step) % SLOTS;
            if let Some(old) = self.sent.get_mut(at) {
                *old = [0; CLASSES];
            }
        }
        self.slot = self.slot.max(slot);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_sent_counts_for_an_hour_and_no_longer() {
        let start = Instant::now();
        let mut hour = Hour::new(start);
        hour.count(CallClass::Write, start);
        hour.count(CallClass::Write, start + Duration::from_mins(20));
        hour.count(CallClass::Metadata, start + Duration::from_mins(50));
        assert_eq!(hour.sent(start + Duration::from_mins(55)).iter().sum::<u32>(), 3);
        assert_eq!(hour.sent(start + Duration::from_mins(61)).iter().sum::<u32>(), 2);
        assert_eq!(hour.sent(start + Duration::from_hours(9)), [0; CLASSES]);
    }
}
