//! The gateway's clock: the only place that stamps time. It never goes back by itself, and it never goes slower than a
//! steady clock that nobody can set: what is granted for half an hour ends after half an hour by either of them,
//! whichever says so first.
//!
//! When the machine's clock was set, nobody knows yet which time is right. The clock says so ([`Clock::is_frozen`]) until
//! it is set right again, or has stayed for a while ([`Turn`]); what follows from that is `timekeeping`'s.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use tokio::time::Instant;

use crate::graph::Time;

/// A difference of less is no step, milliseconds: reading two clocks takes time, and seconds are inserted.
const NO_STEP: i64 = 1_000;

/// A step of more freezes grants, milliseconds: tokens and grants live by the clock.
pub const MOST_STEP: i64 = 60_000;

/// How long a new time has to stay to be taken for the right one. Long enough for an alert to be seen; without an end, a
/// machine that was asleep would be unfit until its next start.
const SETTLES: i64 = 15 * 60_000;

/// Where the time comes from: the machine, or a test that moves it by hand. Milliseconds.
#[derive(Debug)]
enum Source {
    Machine { since: Instant, ahead: AtomicI64, jumped: AtomicI64 },
    Hand { wall: AtomicI64, steady: AtomicI64 },
}

/// What both clocks show at one moment, milliseconds.
#[derive(Clone, Copy, Debug)]
struct Reading {
    /// The one that can be set, since 1970.
    wall: i64,
    /// The one that cannot, since some moment.
    steady: i64,
}

impl Reading {
    /// How far the one is ahead of the other; the same for ever if nobody sets it.
    const fn lead(self) -> i64 {
        self.wall.saturating_sub(self.steady)
    }
}

/// What is known about the machine's clock.
#[derive(Debug)]
struct Watch {
    /// Its lead as it was last taken for right.
    right: i64,
    stepped: Option<Stepped>,
    /// When sub-second differences were last given up, by the steady clock.
    eased: i64,
}

/// Since when it shows another time, by the steady clock, and with which lead.
#[derive(Clone, Copy, Debug)]
struct Stepped {
    at: i64,
    lead: i64,
    froze: Froze,
}

/// Whether a step was large enough to freeze grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Froze {
    Grants,
    Nothing,
}

/// What has happened to the machine's clock since it was last looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It was set, or stands still: by so many milliseconds, below zero to the past. Grants are frozen.
    Stepped(i64),
    /// It was set right. Grants count again.
    Righted,
    /// The new time has stayed and is to be taken for right. The time that was given so far is this far ahead of it:
    /// whatever lives by it has to end before [`Clock::settle`]. Told again until then.
    Stayed(Duration),
}

/// A clock that never goes back by itself: the highest stamp it gave, or was told of, is the floor of the next.
#[derive(Debug)]
pub struct Clock {
    source: Source,
    /// The furthest lead that was given.
    lead: AtomicI64,
    highest: AtomicI64,
    watch: Mutex<Watch>,
}

impl Clock {
    /// The machine's clock, never below `floor`: the highest stamp that is stored.
    pub fn machine(floor: Time) -> Self {
        let (ahead, jumped) = (AtomicI64::new(0), AtomicI64::new(0));
        Self::of(Source::Machine { since: Instant::now(), ahead, jumped }, floor)
    }

    /// A clock that stands still until [`Clock::set`], [`Clock::advance`] or [`Clock::stand`] moves it.
    pub fn by_hand(at: Time) -> Self {
        let (wall, steady) = (AtomicI64::new(at.millis()), AtomicI64::new(0));
        Self::of(Source::Hand { wall, steady }, at)
    }

    fn of(source: Source, floor: Time) -> Self {
        let read = source.read();
        let lead = read.lead().max(floor.millis().saturating_sub(read.steady));
        Self {
            source,
            lead: AtomicI64::new(lead),
            highest: AtomicI64::new(floor.millis()),
            // Nobody has seen the steady clock before: a stamp from the future is as good as the machine's word.
            watch: Mutex::new(Watch { right: lead, stepped: None, eased: 0 }),
        }
    }

    /// Sets a clock that is moved by hand; the machine's is set by its owner.
    pub fn set(&self, to: Time) {
        if let Source::Hand { wall, .. } = &self.source {
            wall.store(to.millis(), Ordering::SeqCst);
        }
    }

    /// As if the machine's clock were set by so many milliseconds, for tests.
    pub fn jump(&self, by: i64) {
        match &self.source {
            Source::Machine { jumped: wall, .. } | Source::Hand { wall, .. } => {
                wall.fetch_add(by, Ordering::SeqCst);
            }
        }
    }

    /// Lets time pass at once, for the demo and for tests. Forward only, like time.
    pub fn advance(&self, by: Duration) {
        let millis = millis(by);
        match &self.source {
            Source::Machine { ahead, .. } => {
                ahead.fetch_add(millis, Ordering::SeqCst);
            }
            Source::Hand { wall, steady } => {
                wall.fetch_add(millis, Ordering::SeqCst);
                steady.fetch_add(millis, Ordering::SeqCst);
            }
        }
    }

    /// Lets time pass that the machine's clock does not show, for tests: it stands still.
    pub fn stand(&self, still: Duration) {
        self.advance(still);
        self.jump(-millis(still));
    }

    /// The time now: at least as late as every time given before, as the machine says, and as a steady clock says.
    pub fn now(&self) -> Time {
        let read = self.source.read();
        let lead = self.lead.fetch_max(read.lead(), Ordering::SeqCst).max(read.lead());
        let now = read.steady.saturating_add(lead);
        Time::from_millis(self.highest.fetch_max(now, Ordering::SeqCst).max(now))
    }

    /// How far the machine's clock is from where it has to be: behind the time that was given, or away from a clock
    /// that nobody can set.
    pub fn offset(&self) -> Duration {
        let read = self.source.read();
        let right = self.watching(|watch| watch.right);
        let off = self.off(read, right).unsigned_abs();
        Duration::from_millis(if off < NO_STEP.unsigned_abs() { 0 } else { off })
    }

    /// Whether grants are frozen: the clock was set by more than a minute, and which time is right is not known yet.
    pub fn is_frozen(&self) -> bool {
        let right = self.watching(|watch| watch.right);
        self.off(self.source.read(), right).abs() > MOST_STEP
    }

    /// Looks at the machine's clock; to be done every second or so.
    pub fn look(&self) -> Option<Turn> {
        let read = self.source.read();
        self.watching(|watch| {
            let off = self.off(read, watch.right);
            let step = read.lead().saturating_sub(watch.right).abs();
            // It was ahead and agrees with the steady clock again: nothing speaks for the time between.
            if step < NO_STEP && off <= -NO_STEP {
                return Some(Turn::Stayed(self.ahead_of(read)));
            }
            match (off.abs() < NO_STEP, watch.stepped) {
                (true, None) => {
                    self.ease(watch, read);
                    None
                }
                (true, Some(before)) => {
                    watch.stepped = None;
                    (before.froze == Froze::Grants).then_some(Turn::Righted)
                }
                (false, Some(before)) if is_same(before, read, off) => {
                    let stayed = read.steady.saturating_sub(before.at) >= SETTLES;
                    stayed.then(|| Turn::Stayed(self.ahead_of(read)))
                }
                (false, before) => {
                    let froze = if off.abs() > MOST_STEP { Froze::Grants } else { Froze::Nothing };
                    watch.stepped = Some(Stepped { at: read.steady, lead: read.lead(), froze });
                    match (before.map_or(Froze::Nothing, |before| before.froze), froze) {
                        (Froze::Nothing, Froze::Grants) => Some(Turn::Stepped(off)),
                        (Froze::Grants, Froze::Nothing) => Some(Turn::Righted),
                        (Froze::Grants, Froze::Grants) | (Froze::Nothing, Froze::Nothing) => None,
                    }
                }
            }
        })
    }

    /// Takes the machine's time for right. This alone sets the time back: what lived by the time before must have ended.
    /// Gives the time that counts from now on.
    pub fn settle(&self) -> Time {
        let read = self.source.read();
        self.watching(|watch| {
            watch.right = read.lead();
            watch.stepped = None;
            self.lead.store(read.lead(), Ordering::SeqCst);
            self.highest.store(read.wall, Ordering::SeqCst);
        });
        Time::from_millis(read.wall)
    }

    /// How far it is off: ahead or behind of the steady clock, or behind the time that was given; the larger.
    fn off(&self, read: Reading, right: i64) -> i64 {
        let step = read.lead().saturating_sub(right);
        let behind = -millis(self.ahead_of(read));
        if behind.abs() > step.abs() { behind } else { step }
    }

    /// How far the time that was given is ahead of the machine's.
    fn ahead_of(&self, read: Reading) -> Duration {
        let ahead = self.lead.load(Ordering::SeqCst).saturating_sub(read.lead());
        Duration::from_millis(u64::try_from(ahead).unwrap_or(0))
    }

    /// Small corrections to the past would add up: once in a quarter of an hour the time stands for as long as the last
    /// of them, less than a second.
    fn ease(&self, watch: &mut Watch, read: Reading) {
        if read.steady.saturating_sub(watch.eased) >= SETTLES {
            watch.eased = read.steady;
            watch.right = read.lead();
            self.lead.store(read.lead(), Ordering::SeqCst);
        }
    }

    fn watching<T>(&self, look: impl FnOnce(&mut Watch) -> T) -> T {
        look(&mut self.watch.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether it still shows the time of that step. One that stands still steps again and again, and never settles.
const fn is_same(before: Stepped, read: Reading, off: i64) -> bool {
    let moved = read.lead().saturating_sub(before.lead).abs() >= NO_STEP;
    let grew = matches!(before.froze, Froze::Nothing) && off.abs() > MOST_STEP;
    !moved && !grew
}

impl Source {
    fn read(&self) -> Reading {
        match self {
            Self::Machine { since, ahead, jumped } => {
                let ahead = ahead.load(Ordering::SeqCst);
                let wall = machine_millis().saturating_add(jumped.load(Ordering::SeqCst));
                Reading {
                    wall: wall.saturating_add(ahead),
                    steady: millis(since.elapsed()).saturating_add(ahead),
                }
            }
            Self::Hand { wall, steady } => {
                Reading { wall: wall.load(Ordering::SeqCst), steady: steady.load(Ordering::SeqCst) }
            }
        }
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "this is the place that stamps time")]
fn machine_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time::from_millis(1_795_194_000_000);
    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn a_step_either_way_is_seen_until_it_is_taken_back() {
        for by in [90_000, -90_000] {
            let clock = Clock::by_hand(START);
            clock.advance(MINUTE);
            assert_eq!((clock.offset(), clock.look()), (Duration::ZERO, None));
            clock.jump(by);
            assert!(clock.is_frozen());
            assert_eq!(clock.offset(), Duration::from_secs(90));
            assert_eq!(clock.look(), Some(Turn::Stepped(by)));
            assert_eq!(clock.look(), None, "it is said once");
            clock.jump(-by);
            assert!(!clock.is_frozen());
            assert_eq!(clock.look(), Some(Turn::Righted));
            assert_eq!(clock.look(), None);
        }
    }

    #[test]
    fn a_time_that_stays_is_taken_for_the_right_one_and_a_clock_that_stands_is_not() {
        let clock = Clock::by_hand(START);
        clock.jump(-90_000);
        assert_eq!(clock.look(), Some(Turn::Stepped(-90_000)));
        clock.advance(MINUTE * 14);
        assert_eq!(clock.look(), None);
        clock.advance(MINUTE);
        assert_eq!(clock.look(), Some(Turn::Stayed(Duration::from_secs(90))));
        assert!(clock.is_frozen(), "until it is settled");
        assert_eq!(clock.settle(), START.plus(MINUTE * 15).minus(Duration::from_secs(90)));
        assert!(!clock.is_frozen());
        assert_eq!((clock.offset(), clock.look()), (Duration::ZERO, None));

        let clock = Clock::by_hand(START);
        for minute in 0..60 {
            clock.stand(MINUTE);
            let turn = clock.look();
            assert!(!matches!(turn, Some(Turn::Stayed(_))), "minute {minute}");
            assert_eq!(clock.is_frozen(), minute > 0);
        }
    }

    #[test]
    fn a_clock_that_was_ahead_and_is_right_again_is_believed_at_once() {
        let clock = Clock::by_hand(START);
        clock.jump(3_600_000);
        clock.now();
        assert_eq!(clock.look(), Some(Turn::Stepped(3_600_000)));
        clock.advance(MINUTE);
        clock.jump(-3_600_000);
        assert!(clock.is_frozen());
        assert_eq!(clock.look(), Some(Turn::Stayed(Duration::from_hours(1))));
        assert_eq!(clock.settle(), START.plus(MINUTE));
        assert_eq!((clock.now(), clock.look()), (START.plus(MINUTE), None));
    }

    #[test]
    fn the_time_goes_on_and_not_back_while_the_clock_is_set_or_stands() {
        let clock = Clock::by_hand(START);
        let before = clock.now();
        clock.jump(-3_600_000);
        assert_eq!(clock.now(), before);
        clock.advance(MINUTE);
        assert_eq!(clock.now(), before.plus(MINUTE));
        clock.stand(MINUTE);
        assert_eq!(clock.now(), before.plus(MINUTE * 2));
        clock.jump(2 * 3_600_000);
        assert_eq!(clock.now(), before.plus(MINUTE + Duration::from_hours(1)));
    }

    #[test]
    fn small_corrections_do_not_add_up_and_never_take_the_time_back() {
        let clock = Clock::by_hand(START);
        let mut last = clock.now();
        for _ in 0..1_000 {
            clock.jump(-500);
            clock.advance(MINUTE * 16);
            assert_eq!(clock.look(), None);
            assert!(!clock.is_frozen());
            assert!(clock.now() >= last);
            last = clock.now();
        }
        assert!(clock.offset() < Duration::from_secs(1));
    }

    #[test]
    fn a_clock_behind_the_highest_stamp_is_off_by_that_much() {
        let clock = Clock::machine(Time::from_millis(machine_millis() + 100_000));
        assert!(
            matches!(clock.look(), Some(Turn::Stepped(-100_000..=-98_000))),
            "it is not taken back"
        );
        let off = clock.offset().as_secs();
        assert!((98..=100).contains(&off), "{off} s");
        assert!(clock.is_frozen());
    }
}
