//! How often one may ask: Cloud counts an hour that rolls. Without a limit set, the workspace has one that nobody reaches;
//! either way every answer says what it is.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// What a workspace has that was not limited.
const UNREACHED: u32 = 1_000_000;

/// Calls of the last hour.
#[derive(Debug, Default)]
pub(crate) struct Limit {
    /// Calls an hour, and how long an hour is.
    set: Option<(u32, Duration)>,
    answered: VecDeque<Instant>,
}

impl Limit {
    /// From now on so many calls are answered within so long.
    pub(crate) fn set(&mut self, calls: u32, hour: Duration) {
        (self.set, self.answered) = (Some((calls, hour)), VecDeque::new());
    }

    /// Whether one more is answered; it counts if it is.
    pub(crate) fn admits(&mut self, now: Instant) -> bool {
        let Some((calls, hour)) = self.set else { return true };
        while self.answered.front().is_some_and(|at| now.duration_since(*at) >= hour) {
            self.answered.pop_front();
        }
        let room = self.answered.len() < usize::try_from(calls).unwrap_or(usize::MAX);
        if room {
            self.answered.push_back(now);
        }
        room
    }

    /// `X-RateLimit-Limit`.
    pub(crate) fn told(&self) -> String {
        self.set.map_or(UNREACHED, |(calls, _)| calls).to_string()
    }
}
