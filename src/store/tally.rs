//! How much there was of what lately: decisions of the last hours, deliveries by hook, what rules said. For people who look.
//!
//! Every look walks back from the newest row and stops at a number of them, so that a page costs milliseconds however
//! long the record is; beyond that nothing here is exact, and whoever asks is told so.

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde_json::Value;

use crate::decision::Effect;
use crate::decision::record::Public;
use crate::event::delivery::HookId;
use crate::graph::Time;
use crate::ledger::Entry;
use crate::policy::Verdict;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::row;

/// Decisions counted in one look: some 50 ms of a reader. Without a bound a busy day would hold it for seconds.
pub const MAX_TALLIED: usize = 100_000;

/// Deliveries looked at for what each hook brought.
const MAX_BROUGHT: i64 = 20_000;

/// Decisions are recorded in the order in which they were made, but for those that were made at the same moment.
const OUT_OF_ORDER_MS: i64 = 60_000;

/// A decision, as counts see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tallied {
    /// When it was made.
    pub at: Time,
    /// What the rules said.
    pub verdict: Verdict,
    /// What followed.
    pub effect: Effect,
    /// No rule answered it.
    pub uncovered: bool,
}

/// What a hook brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brought {
    /// When it brought something last.
    pub last: Time,
    /// Deliveries since the time that was asked for.
    pub deliveries: u64,
    /// Of those, how many could not be read.
    pub dead: u64,
}

impl Store {
    /// Decisions made since then, newest first, at most [`MAX_TALLIED`].
    pub async fn tally(&self, since: Time) -> Result<Vec<Tallied>, StoreError> {
        self.ask(move |db| tally(db, since)).await
    }

    /// What each hook brought since then, among the newest 20,000 deliveries.
    pub async fn brought(&self, since: Time) -> Result<BTreeMap<HookId, Brought>, StoreError> {
        self.ask(move |db| brought(db, since)).await
    }

    /// Hands the open part of every decision made since then to `fold`, newest first, at most `most` of them; whether
    /// there were more. Some 20 µs each.
    pub async fn fold_decisions<T: Send + 'static>(
        &self,
        since: Time,
        most: usize,
        mut into: T,
        fold: fn(&mut T, &Public),
    ) -> Result<(T, bool), StoreError> {
        self.ask(move |db| {
            let sql = "SELECT decision.at, entry.bytes FROM decision
                       JOIN entry ON entry.idx = decision.entry
                       ORDER BY decision.entry DESC LIMIT ?1";
            let mut query = db.prepare_cached(sql)?;
            let mut rows = query.query([row::signed(most as u64 + 1)])?;
            let mut seen = 0;
            while let Some(row) = rows.next()? {
                match place(since, row.get(0)?) {
                    Place::Over => return Ok((into, false)),
                    Place::Before => continue,
                    Place::Within if seen == most => return Ok((into, true)),
                    Place::Within => seen += 1,
                }
                let entry = row::known(Entry::from_bytes(&row.get::<_, Vec<u8>>(1)?))?;
                let public = row::known(serde_json::from_value(Value::Object(entry.body)))?;
                fold(&mut into, &public);
            }
            Ok((into, false))
        })
        .await
    }
}

/// Where a moment lies before a look that goes back to `since`.
enum Place {
    Within,
    Before,
    /// So far back that nothing older can be within.
    Over,
}

fn place(since: Time, at: i64) -> Place {
    if at >= since.millis() {
        Place::Within
    } else if at >= since.millis().saturating_sub(OUT_OF_ORDER_MS) {
        Place::Before
    } else {
        Place::Over
    }
}

fn tally(db: &Connection, since: Time) -> Result<Vec<Tallied>, StoreError> {
    let sql = "SELECT at, verdict, effect, uncovered FROM decision ORDER BY entry DESC LIMIT ?1";
    let mut query = db.prepare_cached(sql)?;
    let mut rows = query.query([row::signed(MAX_TALLIED as u64)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let at = row.get(0)?;
        match place(since, at) {
            Place::Over => break,
            Place::Before => continue,
            Place::Within => {}
        }
        let word = |column| row.get::<_, String>(column);
        let unreadable = || StoreError::Unreadable("the words of a decision".to_owned());
        found.push(Tallied {
            at: Time::from_millis(at),
            verdict: Verdict::from_text(&word(1)?).ok_or_else(unreadable)?,
            effect: Effect::from_text(&word(2)?).ok_or_else(unreadable)?,
            uncovered: row.get(3)?,
        });
    }
    Ok(found)
}

fn brought(db: &Connection, since: Time) -> Result<BTreeMap<HookId, Brought>, StoreError> {
    let sql = format!(
        "SELECT hook, max(received), sum(received >= ?1), sum(received >= ?1 AND state = 2)
         FROM (SELECT hook, received, state FROM delivery ORDER BY seq DESC LIMIT {MAX_BROUGHT})
         GROUP BY hook"
    );
    let mut query = db.prepare_cached(&sql)?;
    let mut rows = query.query([since.millis()])?;
    let mut all = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let brought = Brought {
            last: Time::from_millis(row.get(1)?),
            deliveries: row::unsigned(row.get(2)?),
            dead: row::unsigned(row.get(3)?),
        };
        all.insert(row::parsed(row, 0)?, brought);
    }
    Ok(all)
}
