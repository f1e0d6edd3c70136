//! How often one caller, or one connection to Bitbucket, may ask.
//!
//! GCRA: one number a key (the moment at which the key's bucket is empty again), so a check is one lookup and one
//! compare-and-swap. The keys live in a bounded cache; the coldest is forgotten first, which at worst gives that
//! caller a fresh bucket. Time is handed in. It is deliberately not fair queueing: too many is answered at once.

use std::hash::BuildHasher;
use std::hash::RandomState;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::AcqRel;
use std::sync::atomic::Ordering::Acquire;
use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tokio::time::Instant;

/// A sustained rate with room for a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// One request each this long, on average.
    pub every: Duration,
    /// How many may come at once after a quiet time; at least 1.
    pub burst: u32,
}

/// The rates of one listener.
#[derive(Debug, Clone)]
pub struct Settings {
    /// One caller: a token, a hook, a person, or an address before anything is known. Default 50 a second with a
    /// burst of 200: a Data Center's batch of pushes passes, a loop in a pipeline does not.
    pub caller: Rate,
    /// All callers of one connection together. Default 500 a second with a burst of 2,000.
    pub connection: Rate,
    /// Keys remembered. Default 100,000 (about 10 MiB); without a bound, made-up addresses fill the memory.
    pub keys: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            caller: Rate { every: Duration::from_millis(20), burst: 200 },
            connection: Rate { every: Duration::from_millis(2), burst: 2_000 },
            keys: 100_000,
        }
    }
}

/// Whose bucket a request is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key<'a> {
    /// One caller, by whatever names it best.
    Caller(&'a str),
    /// One connection, by its id.
    Connection(&'a str),
}

/// The key has asked too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many requests; try again in {} ms", wait.as_millis())]
pub struct TooMany {
    /// When the same request would pass.
    pub wait: Duration,
}

/// The buckets.
pub struct Limiter {
    start: Instant,
    settings: Settings,
    hasher: RandomState,
    empty_at: Cache<u64, Arc<AtomicU64>>,
}

impl Limiter {
    /// All buckets full. `start` is the zero of its clock: no later call may hand in an earlier moment.
    pub fn new(settings: Settings, start: Instant) -> Self {
        // The default policy lets a newcomer in only when it is asked for more often than the coldest key, so a
        // flood of new keys would never be remembered and never be limited.
        let policy = EvictionPolicy::lru();
        let empty_at = Cache::builder().max_capacity(settings.keys).eviction_policy(policy).build();
        Self { start, settings, hasher: RandomState::new(), empty_at }
    }

    /// Takes one request from the key's bucket. Two keys share a bucket with a chance of 2⁻⁶⁴, unforeseeably.
    pub fn admit(&self, key: Key<'_>, now: Instant) -> Result<(), TooMany> {
        let rate = match key {
            Key::Caller(_) => self.settings.caller,
            Key::Connection(_) => self.settings.connection,
        };
        let bucket = self.empty_at.get_with(self.hasher.hash_one(key), Arc::default);
        take(&bucket, rate, nanos(now.saturating_duration_since(self.start)))
    }
}

fn take(bucket: &AtomicU64, rate: Rate, now: u64) -> Result<(), TooMany> {
    let every = nanos(rate.every);
    let ahead = every.saturating_mul(u64::from(rate.burst.max(1)));
    let next = |empty_at: u64| empty_at.max(now).saturating_add(every);
    let room =
        |empty_at: u64| Some(next(empty_at)).filter(|next| *next <= now.saturating_add(ahead));
    let refused = |empty_at: u64| TooMany {
        wait: Duration::from_nanos(next(empty_at) - now.saturating_add(ahead)),
    };
    bucket.fetch_update(AcqRel, Acquire, room).map(|_| ()).map_err(refused)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(start: Instant) -> Limiter {
        let caller = Rate { every: Duration::from_secs(1), burst: 3 };
        let connection = Rate { every: Duration::from_secs(1), burst: 5 };
        Limiter::new(Settings { caller, connection, keys: 10 }, start)
    }

    #[test]
    fn a_burst_passes_then_one_each_interval() {
        let start = Instant::now();
        let limiter = limiter(start);
        let ask = |at: u64| limiter.admit(Key::Caller("a"), start + Duration::from_millis(at));
        assert_eq!([ask(0), ask(0), ask(0)], [Ok(()); 3]);
        assert_eq!(ask(0), Err(TooMany { wait: Duration::from_secs(1) }));
        assert_eq!(ask(400), Err(TooMany { wait: Duration::from_millis(600) }));
        assert_eq!([ask(1_000).is_ok(), ask(1_000).is_ok()], [true, false]);
        assert_eq!([ask(60_000), ask(60_000), ask(60_000)], [Ok(()); 3]);
        assert!(ask(60_000).is_err());
    }

    #[test]
    fn one_key_does_not_use_up_another() {
        let start = Instant::now();
        let limiter = limiter(start);
        while limiter.admit(Key::Caller("a"), start).is_ok() {}
        assert!(limiter.admit(Key::Caller("b"), start).is_ok());
        assert_eq!(
            (0..9).filter(|_| limiter.admit(Key::Connection("a"), start).is_ok()).count(),
            5
        );
    }

    #[test]
    fn a_newcomer_is_limited_also_when_the_table_is_full() {
        let start = Instant::now();
        let limiter = limiter(start);
        for old in 0..1_000 {
            let _ = limiter.admit(Key::Caller(&old.to_string()), start);
        }
        limiter.empty_at.run_pending_tasks();
        assert!(limiter.empty_at.entry_count() <= 10);
        assert_eq!((0..9).filter(|_| limiter.admit(Key::Caller("new"), start).is_ok()).count(), 3);
    }
}
