//! What people see at a glance: the last day hour by hour, what waits for somebody, what each hook brought, and the
//! newest entries of the ledger. Counted from records; nothing is decided here, and nothing is kept.

use std::time::Duration;

use crate::approval::State;
use crate::approval::Ticket;
use crate::decision::Effect;
use crate::gateway::Gateway;
use crate::gateway::telling::DeadLetter;
use crate::gateway::telling::MAX_ROWS;
use crate::graph::ConnectionId;
use crate::graph::Product;
use crate::graph::Time;
use crate::ledger::Checkpoint;
use crate::ledger::Entry;
use crate::ledger::Kept;
use crate::ledger::Kind;
use crate::policy::Verdict;
pub use crate::store::Levels;
use crate::store::MAX_TALLIED;
use crate::store::StoreError;
use crate::store::Tallied;
use crate::store::TicketFilter;

/// Hours of a day, the present one with them.
pub const HOURS: u32 = 24;

const HOUR: Duration = Duration::from_hours(1);

/// Letters of a hook's id that tell hooks apart. All of it is an address that only Bitbucket needs to know.
pub const HOOK_LETTERS: usize = 6;

/// Counts by verdict and by effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Of each verdict: allow, alert, approve, block.
    verdicts: [u64; 4],
    /// Of each effect: proceed, wait, stop.
    effects: [u64; 3],
    /// Those that no rule answers.
    pub uncovered: u64,
}

impl Counts {
    /// Decisions with this verdict.
    pub const fn verdict(&self, verdict: Verdict) -> u64 {
        let [allow, alert, approve, block] = self.verdicts;
        match verdict {
            Verdict::Allow => allow,
            Verdict::Alert => alert,
            Verdict::Approve => approve,
            Verdict::Block => block,
        }
    }

    /// Decisions with this effect.
    pub const fn effect(&self, effect: Effect) -> u64 {
        let [proceed, wait, stop] = self.effects;
        match effect {
            Effect::Proceed => proceed,
            Effect::Wait => wait,
            Effect::Stop => stop,
        }
    }

    /// All of them.
    pub fn all(&self) -> u64 {
        self.effects.iter().sum()
    }

    fn add(&mut self, one: Tallied) {
        let [allow, alert, approve, block] = &mut self.verdicts;
        let [proceed, wait, stop] = &mut self.effects;
        *match one.verdict {
            Verdict::Allow => allow,
            Verdict::Alert => alert,
            Verdict::Approve => approve,
            Verdict::Block => block,
        } += 1;
        *match one.effect {
            Effect::Proceed => proceed,
            Effect::Wait => wait,
            Effect::Stop => stop,
        } += 1;
        self.uncovered += u64::from(one.uncovered);
    }
}

/// The last [`HOURS`] hours; the last of them is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// Each with the moment it began, oldest first.
    pub hours: Vec<(Time, Counts)>,
    /// Of all of them.
    pub whole: Counts,
    /// There were more decisions than are counted: the oldest are left out.
    pub more: bool,
}

impl Day {
    fn of(decided: &[Tallied], now: Time) -> Self {
        let start = beginning(now);
        let mut hours: Vec<(Time, Counts)> =
            (0..HOURS).map(|hour| (start.plus(HOUR * hour), Counts::default())).collect();
        let mut whole = Counts::default();
        for one in decided {
            let hour = usize::try_from(u128::from(one.at.since(start)) / HOUR.as_millis());
            // What was decided after `now` was read belongs to the hour that runs.
            let hour = hour.unwrap_or(usize::MAX).min(hours.len().saturating_sub(1));
            if let Some((_, counts)) = hours.get_mut(hour) {
                counts.add(*one);
                whole.add(*one);
            }
        }
        Self { hours, whole, more: decided.len() >= MAX_TALLIED }
    }

    /// When it began.
    pub fn since(&self) -> Time {
        self.hours.first().map_or(Time::from_millis(0), |(from, _)| *from)
    }
}

/// The full hour, [`HOURS`] of them back, the present one with them.
fn beginning(now: Time) -> Time {
    let hour = i64::try_from(HOUR.as_millis()).unwrap_or(i64::MAX);
    let present = now.millis().div_euclid(hour) * hour;
    Time::from_millis(present).minus(HOUR * HOURS.saturating_sub(1))
}

/// A hook as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookSeen {
    /// The connection it belongs to.
    pub connection: ConnectionId,
    /// Which product sends to it.
    pub product: Product,
    /// The first letters of its id.
    pub letters: String,
    /// When it brought something last; none: never, or long ago.
    pub last: Option<Time>,
    /// It is missed when it has told nothing for so long.
    pub silent_after: Option<Duration>,
    /// It is missed now.
    pub silent: bool,
    /// Deliveries of the last day.
    pub deliveries: u64,
    /// Of those, how many could not be read.
    pub dead: u64,
}

/// Where the ledger stands.
#[derive(Clone, Debug)]
pub struct LedgerSeen {
    /// Entries.
    pub size: u64,
    /// RFC 6962 root, hex.
    pub root: String,
    /// Name of the log.
    pub origin: String,
    /// The key that verifies its checkpoints, as `portcullis-verify --key` takes it.
    pub key: String,
    /// The newest checkpoint: how many entries it covers, when it was signed, and the signed note.
    pub checkpoint: Option<(u64, Option<Time>, String)>,
}

/// An entry as people see it.
#[derive(Clone, Debug)]
pub struct EntrySeen {
    /// Its place in the record.
    pub index: u64,
    /// What it says.
    pub entry: Entry,
    /// What is left of what stands beside it.
    pub parts: Vec<Kept>,
}

impl Gateway {
    /// The last day, hour by hour.
    pub async fn day(&self) -> Result<Day, StoreError> {
        let now = self.clock.now();
        Ok(Day::of(&self.store.tally(beginning(now)).await?, now))
    }

    /// How full everything is now.
    pub async fn levels(&self) -> Result<Levels, StoreError> {
        self.store.levels(&self.active_bundle().revision).await
    }

    /// Every hook, by connection.
    pub async fn hooks_seen(&self) -> Result<Vec<HookSeen>, StoreError> {
        let now = self.clock.now();
        let brought = self.store.brought(beginning(now)).await?;
        let of = |connection: &crate::gateway::connections::Connection| -> Vec<HookSeen> {
            let seen = |hook: &crate::gateway::connections::Hook| {
                let stored = brought.get(hook.id());
                HookSeen {
                    connection: connection.id.clone(),
                    product: connection.product,
                    letters: hook.id().as_str().chars().take(HOOK_LETTERS).collect(),
                    last: stored.map(|stored| stored.last).max(hook.spoke()),
                    silent_after: hook.silent_after(),
                    silent: hook.is_silent(now),
                    deliveries: stored.map_or(0, |stored| stored.deliveries),
                    dead: stored.map_or(0, |stored| stored.dead),
                }
            };
            connection.hooks.iter().map(seen).collect()
        };
        Ok(self.connections.iter().flat_map(|connection| of(&connection)).collect())
    }

    /// Tickets with their places, newest first; `before` is the place of the last one seen.
    pub async fn ticket_page(
        &self,
        state: Option<State>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, Ticket)>, StoreError> {
        let filter = TicketFilter { state, ..TicketFilter::default() };
        self.store.tickets(filter, before, limit.min(MAX_ROWS)).await
    }

    /// Bodies that could not be read, newest first; `before` is the place of the last one seen.
    pub async fn dead_letters_before(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        self.store.dead_letters(before, limit.min(MAX_ROWS)).await
    }

    /// Where the ledger stands.
    pub async fn ledger_seen(&self) -> Result<LedgerSeen, StoreError> {
        let head = self.store.head().await?;
        let note = self.store.latest_checkpoint().await?;
        let at = self.levels().await?.checkpoint;
        let size = |note: &str| note.parse::<Checkpoint>().map_or(0, |signed| signed.size);
        Ok(LedgerSeen {
            size: head.size,
            root: hex::encode(head.root.0),
            origin: self.store.origin().to_owned(),
            key: self.verifier_key().to_string(),
            checkpoint: note.map(|note| (size(&note), at, note)),
        })
    }

    /// Entries of these kinds, or of all, newest first; with where to go on.
    pub async fn entries_seen(
        &self,
        kinds: &[Kind],
        before: Option<u64>,
        limit: usize,
    ) -> Result<(Vec<EntrySeen>, Option<u64>), StoreError> {
        let page = self.store.entries(kinds.to_vec(), before, limit).await?;
        let read = |(index, record): (u64, crate::ledger::Record)| {
            let entry = Entry::from_bytes(&record.entry)
                .map_err(|error| StoreError::Unreadable(error.to_string()))?;
            Ok(EntrySeen { index, entry, parts: record.sealed })
        };
        let items = page.items.into_iter().map(read).collect::<Result<_, StoreError>>()?;
        Ok((items, page.next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(at: &str, verdict: Verdict) -> Tallied {
        let at = at.parse().unwrap();
        Tallied { at, verdict, effect: Effect::from(verdict), uncovered: verdict == Verdict::Allow }
    }

    #[test]
    fn a_day_has_twenty_four_hours_and_each_decision_is_in_one_of_them() {
        let now: Time = "2026-11-20T17:55:00Z".parse().unwrap();
        assert_eq!(beginning(now), "2026-11-19T18:00:00Z".parse().unwrap());
        let decided = [
            decided("2026-11-20T17:55:00.001Z", Verdict::Block),
            decided("2026-11-20T17:00:00Z", Verdict::Block),
            decided("2026-11-20T16:59:59.999Z", Verdict::Approve),
            decided("2026-11-19T18:00:00Z", Verdict::Allow),
        ];
        let day = Day::of(&decided, now);
        assert_eq!((day.hours.len(), day.whole.all(), day.more), (24, 4, false));
        let with = |hour: usize, verdict| day.hours[hour].1.verdict(verdict);
        assert_eq!(with(23, Verdict::Block), 2);
        assert_eq!(with(22, Verdict::Approve), 1);
        assert_eq!(with(0, Verdict::Allow), 1);
        assert_eq!((day.whole.effect(Effect::Wait), day.whole.uncovered), (1, 1));
        assert_eq!(day.since(), beginning(now));
    }
}
