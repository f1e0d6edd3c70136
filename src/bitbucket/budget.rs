//! How often one credential may ask: a share of calls kept for live questions, and the rest after a 429.
//!
//! Bitbucket tells neither what is left nor when more comes (Cloud, "API request limits"), so this counts itself: within
//! any hour discovery sends no more than its share, and both together no more than all. A live question that finds
//! nothing left is refused here, as Bitbucket would refuse it. It knows nothing of what is asked, and nothing of what was
//! sent before a restart.

mod hour;
mod rolling;

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use crate::bitbucket::budget::hour::Hour;
use crate::bitbucket::budget::rolling::Rolling;
use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;

/// Discovery asks so many questions at once: Atlassian asks for few, and live questions need room.
const CRAWLERS: usize = 4;

/// The part of an hour's calls that discovery leaves to live questions.
pub const RESERVED: f64 = 0.2;

/// First rest after a 429 that names none; doubled each time.
const FIRST_REST: Duration = Duration::from_secs(5);

/// Longest rest that we choose ourselves. Together with doubling it keeps an hour of 429 below twenty tries.
const LONGEST_REST: Duration = Duration::from_mins(15);

/// Longest `Retry-After` that is believed: Bitbucket's windows are one hour.
const LONGEST_ASKED: Duration = Duration::from_hours(1);

/// How long the one call after a rest may take before another may try.
const PROBE: Duration = Duration::from_secs(10);

/// Longest nap before looking again, so that a successful probe wakes the others soon.
const NAP: Duration = Duration::from_millis(500);

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// A question that somebody waits for.
    Live,
    /// Discovery, which can wait.
    Crawl,
}

/// What a budget holds at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BudgetNow {
    /// Calls an hour; none: Bitbucket tells no limit.
    pub per_hour: Option<u32>,
    /// Calls that are left of them now; each comes back an hour after it was made.
    pub left: f64,
}

/// The budget of one credential.
pub(crate) struct Budget {
    purse: Mutex<Purse>,
    crawlers: Semaphore,
    calls: [AtomicU64; CallClass::ALL.len()],
    hour: Mutex<Hour>,
}

/// Leave to send one request. Dropping it gives the place to another.
pub(crate) struct Turn<'a> {
    _place: Option<SemaphorePermit<'a>>,
}

impl Budget {
    /// A budget of so many calls an hour; none: only 429 limits it.
    pub(crate) fn new(per_hour: Option<u32>) -> Self {
        Self {
            purse: Mutex::new(Purse::new(per_hour, Instant::now())),
            crawlers: Semaphore::new(CRAWLERS),
            calls: Default::default(),
            hour: Mutex::new(Hour::new(Instant::now())),
        }
    }

    /// Waits for leave to send one request, at most until the deadline.
    pub(crate) async fn turn(
        &self,
        share: Share,
        deadline: Deadline,
    ) -> Result<Turn<'_>, FetchError> {
        let place = match share {
            Share::Live => None,
            Share::Crawl => {
                match tokio::time::timeout(deadline.left(), self.crawlers.acquire()).await {
                    Ok(Ok(place)) => Some(place),
                    Ok(Err(_)) | Err(_) => return Err(FetchError::Limited { again: NAP }),
                }
            }
        };
        while let Err(wait) = self.purse(|purse| purse.ask(Instant::now(), share)) {
            if wait > deadline.left() {
                return Err(FetchError::Limited { again: wait });
            }
            tokio::time::sleep(wait.min(NAP)).await;
        }
        Ok(Turn { _place: place })
    }

    /// Bitbucket answered 429. Says how long to rest.
    pub(crate) fn refused(&self, asked: Option<Duration>) -> Duration {
        self.purse(|purse| purse.refused(Instant::now(), asked, jitter()))
    }

    /// Bitbucket answered anything else.
    pub(crate) fn served(&self) {
        self.purse(Purse::served);
    }

    /// Counts one request.
    pub(crate) fn count(&self, class: CallClass) {
        if let Some(count) = self.calls.get(class as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.hour(|hour| hour.count(class, Instant::now()));
    }

    /// The part of an hour's calls that each class used within the last hour, 0 to 1 and in the order of
    /// [`CallClass::ALL`]; 0 where no budget is set.
    pub(crate) fn used(&self) -> Vec<f64> {
        let per_hour = self.purse(|purse| purse.per_hour);
        let sent = self.hour(|hour| hour.sent(Instant::now()));
        sent.iter()
            .map(|calls| per_hour.map_or(0.0, |all| f64::from(*calls) / f64::from(all)))
            .collect()
    }

    /// What it holds now.
    pub(crate) fn now(&self) -> BudgetNow {
        self.purse(|purse| purse.holds(Instant::now()))
    }

    /// Bitbucket told how many calls an hour there are: for live questions more than we take for granted.
    pub(crate) fn told(&self, per_hour: u32) {
        self.purse(|purse| purse.told = Some(per_hour));
    }

    /// From now on an hour lasts so long: for tests on a clock that runs faster.
    pub(crate) fn hour_lasts(&self, hour: Duration) {
        self.purse(|purse| purse.sent = Rolling::new(Instant::now(), hour));
    }

    /// How long every answer has been a 429; zero if the last one was not.
    pub(crate) fn throttled(&self) -> Duration {
        let since = self.purse(|purse| purse.refused_since);
        since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Requests sent, by class.
    pub(crate) fn calls(&self) -> Vec<(CallClass, u64)> {
        let counts = self.calls.iter().map(|count| count.load(Ordering::Relaxed));
        CallClass::ALL.iter().copied().zip(counts).collect()
    }

    fn hour<T>(&self, look: impl FnOnce(&mut Hour) -> T) -> T {
        look(&mut self.hour.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn purse<T>(&self, look: impl FnOnce(&mut Purse) -> T) -> T {
        look(&mut self.purse.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A share between 0 and 1, so that several gateways do not ask again in step.
pub(crate) fn jitter() -> f64 {
    let mut byte = [0_u8];
    match getrandom::fill(&mut byte) {
        Ok(()) => f64::from(byte[0]) / 255.0,
        Err(_) => 0.5,
    }
}

/// What was sent, as a value: time is handed in.
#[derive(Debug)]
struct Purse {
    per_hour: Option<u32>,
    /// More than that, as Bitbucket told.
    told: Option<u32>,
    sent: Rolling,
    resting: Option<Instant>,
    strikes: u32,
    refused_since: Option<Instant>,
}

impl Purse {
    const fn new(per_hour: Option<u32>, now: Instant) -> Self {
        Self {
            per_hour,
            told: None,
            sent: Rolling::new(now, Duration::from_hours(1)),
            resting: None,
            strikes: 0,
            refused_since: None,
        }
    }

    /// What it holds, without taking any.
    fn holds(&mut self, now: Instant) -> BudgetNow {
        let used = self.sent.used(now);
        let left = self.per_hour.unwrap_or(0).saturating_sub(used);
        BudgetNow { per_hour: self.per_hour, left: f64::from(left) }
    }

    /// How many calls an hour may have, for this one to be among them.
    fn most(&self, per_hour: u32, share: Share) -> u32 {
        match share {
            Share::Live => per_hour.max(self.told.unwrap_or(0)),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a part of a u32"
            )]
            Share::Crawl => (f64::from(per_hour) * (1.0 - RESERVED)) as u32,
        }
    }

    /// Takes one call, or says how long to wait.
    fn ask(&mut self, now: Instant, share: Share) -> Result<(), Duration> {
        if let Some(until) = self.resting.filter(|until| now < *until) {
            return Err(until - now);
        }
        if let Some(per_hour) = self.per_hour {
            let (used, most) = (self.sent.used(now), self.most(per_hour, share).max(1));
            if used >= most {
                return Err(self.sent.until_fewer(now, used - most + 1));
            }
            self.sent.count(now);
        }
        if self.resting.is_some() {
            // One call tries; the others wait for what becomes of it.
            self.resting = Some(now + PROBE);
        }
        Ok(())
    }

    fn refused(&mut self, now: Instant, asked: Option<Duration>, jitter: f64) -> Duration {
        let doubled = FIRST_REST.saturating_mul(1 << self.strikes.min(16)).min(LONGEST_REST);
        let own = doubled.mul_f64(0.75 + jitter / 2.0);
        let rest = asked.map_or(own, |asked| asked.min(LONGEST_ASKED));
        self.strikes = self.strikes.saturating_add(1);
        self.refused_since.get_or_insert(now);
        self.resting = self.resting.max(Some(now + rest));
        rest
    }

    fn served(&mut self) {
        self.strikes = 0;
        self.resting = None;
        self.refused_since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Virtual time: every second somebody wants to ask, and every answer is a 429.
    #[test]
    fn an_hour_of_429_is_tried_at_most_twenty_times() {
        let start = Instant::now();
        let mut purse = Purse::new(Some(1_000), start);
        let mut tries = 0;
        for second in 0..3_600 {
            let now = start + Duration::from_secs(second);
            if purse.ask(now, Share::Live).is_ok() {
                tries += 1;
                purse.refused(now, None, 0.0);
            }
        }
        assert!((5..=20).contains(&tries), "{tries} tries");
    }

    #[test]
    fn after_the_rest_one_asks_and_the_others_follow_its_success() {
        let start = Instant::now();
        let mut purse = Purse::new(None, start);
        purse.refused(start, Some(Duration::from_secs(3)), 0.0);
        assert_eq!(purse.ask(start, Share::Live), Err(Duration::from_secs(3)));
        let later = start + Duration::from_secs(3);
        assert_eq!(purse.ask(later, Share::Live), Ok(()));
        assert_eq!(purse.ask(later, Share::Live), Err(PROBE));
        purse.served();
        assert_eq!(purse.ask(later, Share::Live), Ok(()));
    }

    #[test]
    fn discovery_leaves_a_fifth_to_live_questions() {
        let now = Instant::now();
        let mut purse = Purse::new(Some(100), now);
        let crawled = (0..200).filter(|_| purse.ask(now, Share::Crawl).is_ok()).count();
        assert_eq!(crawled, 80);
        let live = (0..20).filter(|_| purse.ask(now, Share::Live).is_ok()).count();
        assert_eq!(live, 20);
        let none = purse.ask(now, Share::Live).unwrap_err();
        assert!(none > Duration::from_mins(59), "all of the hour is spent: {none:?}");
        let wait = purse.ask(now, Share::Crawl).unwrap_err();
        assert!(wait > Duration::from_mins(59), "{wait:?}");
        assert_eq!(purse.ask(now + wait, Share::Crawl), Ok(()));
    }

    #[test]
    fn a_higher_limit_that_bitbucket_tells_is_there_for_live_questions() {
        let now = Instant::now();
        let mut purse = Purse::new(Some(100), now);
        purse.told = Some(150);
        let live = (0..200).filter(|_| purse.ask(now, Share::Live).is_ok()).count();
        assert_eq!(live, 150);
        assert!(purse.ask(now, Share::Crawl).is_err());
    }

    #[test]
    fn what_bitbucket_asks_for_is_honoured_up_to_an_hour() {
        let now = Instant::now();
        let mut purse = Purse::new(None, now);
        assert_eq!(purse.refused(now, Some(Duration::from_secs(7)), 0.0).as_secs(), 7);
        assert_eq!(purse.refused(now, Some(Duration::from_secs(1 << 40)), 0.0), LONGEST_ASKED);
    }
}
