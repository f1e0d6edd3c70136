//! Retention: what is too old is forgotten, in steps so small that nobody who writes has to wait for one; and the ledger
//! says that it was.
//!
//! What is old is looked for beside the writer, on a snapshot; the writer only takes it away, some rows or some bytes at
//! a time. Each step counts itself in its own transaction, so that a sweep that is cut short is told by the next one.
//! Sealed parts become zeros in place (see `erase`); rows of zeros are deleted only when their neighbours are zeros too,
//! because deleting moves rows.

use rusqlite::Connection;
use serde::Deserialize;
use serde::Serialize;
use serde_json::json;

use crate::graph::Time;
use crate::ledger::Kind;
use crate::store::NewEntry;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::deliveries::REPEATED_WITHIN;
use crate::store::erase;
use crate::store::log;
use crate::store::meta;
use crate::store::row;
use crate::store::writer::Desk;

/// Rows taken away in one job.
const STEP_ROWS: usize = 100;

/// Bytes taken away in one job, one row more at most: they are overwritten, and the log holds them until it is copied.
const STEP_BYTES: u64 = 1 << 20;

/// Rows looked at in one question.
const LOOK: i64 = 2_000;

/// Rows of zeros that stay between the deleted and the kept. Deleting moves rows of at most three pages, and a page
/// holds fewer than sixty of these.
const MARGIN: i64 = 1_000 * log::MAX_PARTS.cast_signed() as i64;

/// How much a sweep took away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Swept {
    /// Bodies of finished deliveries; their hashes stay.
    pub bodies: u64,
    /// Entries that lost their sealed parts; their proofs stay.
    pub sealed: u64,
    /// What only served to notice repetitions.
    pub repetitions: u64,
    /// Deliveries that could not be read, with the reason.
    pub dead_letters: u64,
    /// Notices, the messages that told them, and what served to tell each cause once.
    pub notices: u64,
    /// Actions that have ended; what became of them is in the ledger.
    pub actions: u64,
    /// Rows of histories: statements that had ended, moments, and words that nothing says any more.
    pub history: u64,
    /// Evidence: what pieces said that have ended, and then the pieces.
    pub evidence: u64,
    /// Findings that were fixed, and scans.
    pub findings: u64,
}

impl Swept {
    fn total(self) -> u64 {
        self.bodies
            + self.sealed
            + self.repetitions
            + self.dead_letters
            + self.notices
            + self.actions
            + self.history
            + self.evidence
            + self.findings
    }
}

/// Until when things were made that are forgotten now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Until {
    /// Bodies.
    pub bodies: Time,
    /// Names and texts of decisions and tickets, dead letters and notices, and what histories tell.
    pub sealed: Time,
}

/// Rows to take away: key, and bytes that go with it.
type Old<K> = Vec<(K, u64)>;

impl Store {
    /// Forgets what was made before `until`, and what served to notice repetitions and is older than
    /// [`REPEATED_WITHIN`]; the ledger says how much. When it returns, the bytes are in no file of the store.
    /// [`StoreError::Busy`] after the sweep means that a long reader held the old bytes: the next sweep cuts the log.
    pub async fn sweep(&self, until: Until, now: Time) -> Result<Swept, StoreError> {
        self.forget_bodies(until.bodies).await?;
        self.forget_deliveries(until.sealed, now).await?;
        self.forget_hashes(repeated_until(now)).await?;
        self.forget_notices(until.sealed, repeated_until(now)).await?;
        self.forget_actions(repeated_until(now)).await?;
        self.forget_history(until.sealed).await?;
        self.forget_evidence(until.sealed, now).await?;
        self.forget_findings(until.sealed).await?;
        while !self.write(move |desk| sweep_sealed(desk, until.sealed, now)).await? {}
        let instance = self.instance().to_string();
        let swept = self.write(move |desk| tell(desk, instance, now)).await?;
        if swept.total() > 0 {
            self.owe_emptying();
        }
        self.leave_nothing_owed().await?;
        Ok(swept)
    }

    async fn forget_bodies(&self, before: Time) -> Result<(), StoreError> {
        let mut after = Some(i64::MIN);
        while let Some(seq) = after {
            let (old, next) = self.ask(move |db| old_bodies(db, seq, before)).await?;
            for step in steps(old) {
                self.write(move |desk| {
                    let bodies = each(
                        desk.db,
                        "DELETE FROM body WHERE seq = ?1
                         AND EXISTS (SELECT 1 FROM delivery WHERE seq = ?1 AND state <> 0)",
                        &step,
                    )?;
                    count(desk.db, &Swept { bodies, ..Swept::default() })
                })
                .await?;
            }
            after = next;
        }
        Ok(())
    }

    /// Rows of deliveries without a body: done ones when a repetition would be kept as new anyhow, dead ones with the
    /// names and texts.
    async fn forget_deliveries(&self, dead_before: Time, now: Time) -> Result<(), StoreError> {
        let done_before = repeated_until(now);
        let mut after = Some(i64::MIN);
        while let Some(seq) = after {
            let find = move |db: &Connection| old_deliveries(db, seq, [done_before, dead_before]);
            let (done, dead, next) = self.ask(find).await?;
            for step in steps(done) {
                self.write(move |desk| {
                    let repetitions = each(desk.db, &forget_delivery(1), &step)?;
                    count(desk.db, &Swept { repetitions, ..Swept::default() })
                })
                .await?;
            }
            for step in steps(dead) {
                self.write(move |desk| {
                    let dead_letters = each(desk.db, &forget_delivery(2), &step)?;
                    count(desk.db, &Swept { dead_letters, ..Swept::default() })
                })
                .await?;
            }
            after = next;
        }
        Ok(())
    }

    /// Notices with the names and texts, whether they were told or not; then messages that tell none of them any more,
    /// and causes that hold nothing back.
    async fn forget_notices(&self, before: Time, causes_before: Time) -> Result<(), StoreError> {
        let old = |table, column, also| {
            format!("SELECT {column} FROM {table} WHERE {also} ORDER BY {column} LIMIT {LOOK}")
        };
        let (before, causes_before) = (before.millis(), causes_before.millis());
        let untold = "NOT EXISTS (SELECT 1 FROM notice WHERE notice.message = message.seq)";
        let notices = old("notice", "seq", format!("at < {before}"));
        let messages =
            old("message", "seq", format!("state <> 0 AND ended < {before} AND {untold}"));
        let causes = old("cause", "hash", format!("told < {causes_before}"));
        self.forget::<i64>(notices, "DELETE FROM notice WHERE seq = ?1").await?;
        self.forget::<i64>(messages, "DELETE FROM message WHERE seq = ?1 AND state <> 0").await?;
        self.forget::<Vec<u8>>(causes, "DELETE FROM cause WHERE hash = ?1").await
    }

    /// Takes away what a question finds, until it finds nothing.
    async fn forget<K>(&self, find: String, delete: &'static str) -> Result<(), StoreError>
    where
        K: rusqlite::types::FromSql + rusqlite::ToSql + Send + 'static,
    {
        loop {
            let find = find.clone();
            let old = self.inner.readers.walk(move |db| {
                let mut query = db.prepare_cached(&find)?;
                let rows = query.query_map([], |row| row.get(0))?;
                rows.map(|key| Ok((key?, 0))).collect::<Result<Old<K>, StoreError>>()
            });
            let old = old.await?;
            if old.is_empty() {
                return Ok(());
            }
            for step in steps(old) {
                self.write(move |desk| {
                    let notices = each(desk.db, delete, &step)?;
                    count(desk.db, &Swept { notices, ..Swept::default() })
                })
                .await?;
            }
        }
    }

    /// Actions that ended before then: their keys are needed no longer than a repetition of what they follow from would
    /// be noticed.
    async fn forget_actions(&self, before: Time) -> Result<(), StoreError> {
        let mut after = Some(i64::MIN);
        while let Some(seq) = after {
            let (old, next) = self.ask(move |db| old_actions(db, seq, before)).await?;
            for step in steps(old) {
                self.write(move |desk| {
                    let delete = "DELETE FROM action WHERE seq = ?1 AND state <> 0";
                    let actions = each(desk.db, delete, &step)?;
                    count(desk.db, &Swept { actions, ..Swept::default() })
                })
                .await?;
            }
            after = next;
        }
        Ok(())
    }

    async fn forget_hashes(&self, before: Time) -> Result<(), StoreError> {
        self.write(move |desk| desk.recent.settle(desk.db, before)).await?;
        loop {
            let old = self.inner.readers.walk(move |db| {
                let find = "SELECT hash FROM known WHERE at < ?1 LIMIT ?2";
                let mut query = db.prepare_cached(find)?;
                let rows = query.query_map((before.millis(), LOOK), |row| row.get(0))?;
                rows.map(|hash| Ok((hash?, 0))).collect::<Result<Old<Vec<u8>>, StoreError>>()
            });
            let old = old.await?;
            if old.is_empty() {
                return Ok(());
            }
            for step in steps(old) {
                // Noted again meanwhile, it is young again and stays.
                let delete = format!(
                    "DELETE FROM known WHERE of IN (0, 1, 2) AND hash = ?1 AND at < {}",
                    before.millis()
                );
                self.write(move |desk| {
                    let repetitions = each(desk.db, &delete, &step)?;
                    count(desk.db, &Swept { repetitions, ..Swept::default() })
                })
                .await?;
            }
        }
    }
}

fn repeated_until(now: Time) -> Time {
    now.minus(REPEATED_WITHIN)
}

fn forget_delivery(state: i64) -> String {
    format!(
        "DELETE FROM delivery WHERE seq = ?1 AND state = {state}
         AND NOT EXISTS (SELECT 1 FROM body WHERE body.seq = ?1)"
    )
}

/// Rows in portions that one job can take away.
fn steps<K>(old: Old<K>) -> Vec<Old<K>> {
    let mut steps: Vec<Old<K>> = Vec::new();
    let mut bytes = 0;
    for (key, size) in old {
        match steps.last_mut() {
            Some(step) if step.len() < STEP_ROWS && bytes < STEP_BYTES => {
                step.push((key, size));
                bytes += size;
            }
            Some(_) | None => {
                steps.push(vec![(key, size)]);
                bytes = size;
            }
        }
    }
    steps
}

/// Runs a statement for each key; how many rows it took.
fn each<K: rusqlite::ToSql>(db: &Connection, sql: &str, step: &Old<K>) -> Result<u64, StoreError> {
    let mut statement = db.prepare_cached(sql)?;
    let mut gone = 0;
    for (key, _) in step {
        gone += statement.execute([key])? as u64;
    }
    Ok(gone)
}

/// Bodies of finished deliveries from before `before`, and where to look on: deliveries come in the order of time.
fn old_bodies(
    db: &Connection,
    after: i64,
    before: Time,
) -> Result<(Old<i64>, Option<i64>), StoreError> {
    let mut query = db.prepare_cached(
        "SELECT body.seq, length(body_sealed), received, state FROM body JOIN delivery USING (seq)
         WHERE body.seq > ?1 ORDER BY body.seq LIMIT ?2",
    )?;
    let mut rows = query.query((after, LOOK))?;
    let (mut old, mut looked, mut last) = (Vec::new(), 0, None);
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(2)? >= before.millis() {
            return Ok((old, None));
        }
        let seq = row.get(0)?;
        if row.get::<_, i64>(3)? != 0 {
            old.push((seq, row::unsigned(row.get(1)?)));
        }
        (looked, last) = (looked + 1, Some(seq));
    }
    Ok((old, last.filter(|_| looked == LOOK)))
}

/// Done and dead deliveries without a body, each from before its time, and where to look on.
#[expect(clippy::type_complexity, reason = "two lists and a place, named where they are used")]
fn old_deliveries(
    db: &Connection,
    after: i64,
    [done_before, dead_before]: [Time; 2],
) -> Result<(Old<i64>, Old<i64>, Option<i64>), StoreError> {
    let mut query = db.prepare_cached(
        "SELECT seq, received, state, EXISTS (SELECT 1 FROM body WHERE body.seq = delivery.seq)
         FROM delivery WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    )?;
    let mut rows = query.query((after, LOOK))?;
    let (mut done, mut dead, mut looked, mut last) = (Vec::new(), Vec::new(), 0, None);
    while let Some(row) = rows.next()? {
        let (seq, received, state) = (row.get(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?);
        if received >= done_before.millis() {
            return Ok((done, dead, None));
        }
        let has_body: bool = row.get(3)?;
        match state {
            1 if !has_body && received < done_before.millis() => done.push((seq, 0)),
            2 if !has_body && received < dead_before.min(done_before).millis() => {
                dead.push((seq, 0));
            }
            _ => {}
        }
        (looked, last) = (looked + 1, Some(seq));
    }
    Ok((done, dead, last.filter(|_| looked == LOOK)))
}

/// Actions that ended before `before`, and where to look on. They end nearly in the order they came: at the first that
/// ended later, the rest is left to a later sweep.
fn old_actions(
    db: &Connection,
    after: i64,
    before: Time,
) -> Result<(Old<i64>, Option<i64>), StoreError> {
    let mut query = db.prepare_cached(
        "SELECT seq, ended, coalesce(length(why_sealed), 0) FROM action WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    )?;
    let mut rows = query.query((after, LOOK))?;
    let (mut old, mut looked, mut last) = (Vec::new(), 0, None);
    while let Some(row) = rows.next()? {
        let seq = row.get(0)?;
        match row.get::<_, Option<i64>>(1)? {
            Some(ended) if ended >= before.millis() => return Ok((old, None)),
            Some(_) => old.push((seq, row::unsigned(row.get(2)?))),
            None => {}
        }
        (looked, last) = (looked + 1, Some(seq));
    }
    Ok((old, last.filter(|_| looked == LOOK)))
}

/// One step over the entries: whether it was the last.
fn sweep_sealed(desk: &mut Desk<'_>, before: Time, now: Time) -> Result<bool, StoreError> {
    let from = meta::number(desk.db, meta::SWEPT)?;
    let mut query = desk
        .db
        .prepare_cached("SELECT idx, at FROM entry WHERE idx >= ?1 ORDER BY idx LIMIT ?2")?;
    let entries = query
        .query_map((from, row::signed(STEP_ROWS as u64)), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<(i64, i64)>, _>>()?;
    drop(query);
    let mut is_last = entries.len() < STEP_ROWS;
    let (mut swept, mut sealed, mut bytes) = (from, 0, 0);
    for (entry, at) in entries {
        if at >= before.millis() {
            is_last = true;
            break;
        }
        if bytes >= STEP_BYTES {
            is_last = false;
            break;
        }
        let blanked = erase::blank(desk.db, entry, now)?;
        if blanked.parts > 0 {
            erase::blank_tickets(desk, entry)?;
            sealed += 1;
        }
        bytes += blanked.bytes;
        swept = entry + 1;
    }
    meta::put(desk.db, meta::SWEPT, &swept.to_be_bytes())?;
    let zeros = log::part_places(swept).start.saturating_sub(MARGIN);
    desk.db.prepare_cached("DELETE FROM sealed WHERE place < ?1")?.execute([zeros])?;
    count(desk.db, &Swept { sealed, ..Swept::default() })?;
    Ok(is_last)
}

/// Adds to what the ledger has not been told yet.
pub(super) fn count(db: &Connection, more: &Swept) -> Result<(), StoreError> {
    if more.total() == 0 {
        return Ok(());
    }
    let Swept {
        bodies,
        sealed,
        repetitions,
        dead_letters,
        notices,
        actions,
        history,
        evidence,
        findings,
    } = untold(db)?;
    let all = Swept {
        bodies: bodies + more.bodies,
        sealed: sealed + more.sealed,
        repetitions: repetitions + more.repetitions,
        dead_letters: dead_letters + more.dead_letters,
        notices: notices + more.notices,
        actions: actions + more.actions,
        history: history + more.history,
        evidence: evidence + more.evidence,
        findings: findings + more.findings,
    };
    let bytes = serde_json::to_vec(&all).map_err(|error| StoreError::Fault(error.to_string()))?;
    meta::put(db, meta::UNTOLD, &bytes)
}

fn untold(db: &Connection) -> Result<Swept, StoreError> {
    match meta::get(db, meta::UNTOLD)? {
        None => Ok(Swept::default()),
        Some(bytes) => row::known(serde_json::from_slice(&bytes)),
    }
}

/// Tells the ledger what was taken away since it was last told, if anything was.
fn tell(desk: &mut Desk<'_>, instance: String, now: Time) -> Result<Swept, StoreError> {
    let swept = untold(desk.db)?;
    if swept.total() == 0 {
        return Ok(swept);
    }
    let Swept {
        bodies,
        sealed,
        repetitions,
        dead_letters,
        notices,
        actions,
        history,
        evidence,
        findings,
    } = swept;
    let entry = NewEntry {
        body: row::members(json!({
            "what": "retention", "bodies": bodies, "sealed": sealed, "repetitions": repetitions,
            "dead_letters": dead_letters, "notices": notices, "actions": actions, "history": history,
            "evidence": evidence,
            "findings": findings,
        })),
        ..NewEntry::new(Kind::Admin, now, instance)
    };
    log::append(desk, entry.prepare()?)?;
    desk.db.prepare_cached("DELETE FROM meta WHERE name = ?1")?.execute([meta::UNTOLD])?;
    Ok(swept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_step_is_larger_than_the_writer_may_be_held() {
        let small: Old<i64> = (0..250).map(|key| (key, 10)).collect();
        let rows: Vec<usize> = steps(small.clone()).iter().map(Vec::len).collect();
        assert_eq!(rows, [100, 100, 50]);
        assert_eq!(steps(small.clone()).concat(), small, "none is lost, and none doubled");
        let large: Old<i64> = (0..5).map(|key| (key, STEP_BYTES / 2)).collect();
        assert_eq!(steps(large).iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
        let huge: Old<i64> = (0..3).map(|key| (key, 10 * STEP_BYTES)).collect();
        assert_eq!(steps(huge).len(), 3, "a row is never split");
        assert!(steps(Old::<i64>::new()).is_empty());
    }
}
