//! Scans: what was counted, scan by scan, for the trend; each summary is an entry of the ledger as well.

use rusqlite::Connection;
use rusqlite::OptionalExtension as _;
use rusqlite::Row;
use serde_json::json;

use crate::graph::ConnectionId;
use crate::graph::Time;
use crate::ledger::Kind;
use crate::policy::RuleId;
use crate::policy::bundle::Severity;
use crate::posture::Outcome;
use crate::posture::Scan;
use crate::posture::State;
use crate::posture::Tally;
use crate::store::NewEntry;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::findings::outcome;
use crate::store::findings::state;
use crate::store::log;
use crate::store::row;

/// How much a scan looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanMark {
    /// Every subject of the connection.
    Whole,
    /// Only what had changed.
    Part,
}

/// Which scans are asked for, newest first.
#[derive(Clone, Debug, Default)]
pub struct ScanFilter {
    /// Of this connection.
    pub connection: Option<ConnectionId>,
    /// Before the scan of this number.
    pub before: Option<u64>,
    /// How many at most.
    pub limit: usize,
}

/// How many findings of one rule stand how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The connection.
    pub connection: String,
    /// The rule.
    pub rule: RuleId,
    /// How bad each of them is.
    pub severity: Severity,
    /// What the rule says.
    pub outcome: Outcome,
    /// How many.
    pub count: u64,
    /// Of those, with how many somebody lives.
    pub accepted: u64,
}

impl Counted {
    /// What they have in common.
    fn key(&self) -> (&str, &RuleId, Outcome, Severity) {
        (&self.connection, &self.rule, self.outcome, self.severity)
    }
}

impl Store {
    /// How many findings fail or cannot be told, by connection, rule, outcome and severity. Cost: one walk through the
    /// index, some 70 ns a finding.
    pub async fn count_findings(&self, now: Time) -> Result<Vec<Counted>, StoreError> {
        self.ask(move |db| {
            // In the index's own order: any other would sort, and read the findings themselves.
            let sql = "SELECT connection, rule, outcome, severity, count(*) FROM finding
                       WHERE outcome <> ?1 GROUP BY connection, rule, outcome, severity";
            let mut query = db.prepare_cached(sql)?;
            let mut rows = query.query([outcome(Outcome::Pass)])?;
            let mut all = Vec::new();
            while let Some(row) = rows.next()? {
                all.push(counted(row)?);
            }
            for accepted in accepted(db, now)? {
                let is_same = |one: &&mut Counted| one.key() == accepted.key();
                if let Some(one) = all.iter_mut().find(is_same) {
                    one.accepted = accepted.count;
                }
            }
            Ok(all)
        })
        .await
    }

    /// Keeps what a scan counted, and tells the ledger.
    pub async fn keep_scan(&self, scan: &Scan, mark: ScanMark) -> Result<u64, StoreError> {
        let tallies = serde_json::to_string(&scan.tallies)
            .map_err(|error| StoreError::Fault(error.to_string()))?;
        let entry = entry(scan, mark).prepare()?;
        let scan = scan.clone();
        self.write(move |desk| {
            desk.db
                .prepare_cached(
                    "INSERT INTO scan (connection, at, whole, revision, bundle, subjects, tallies)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute((
                    &scan.connection,
                    scan.at.millis(),
                    mark == ScanMark::Whole,
                    row::signed(scan.graph_revision),
                    &scan.bundle,
                    row::signed(scan.subjects),
                    tallies,
                ))?;
            let no = row::unsigned(desk.db.last_insert_rowid());
            log::append(desk, entry)?;
            Ok(no)
        })
        .await
    }

    /// Scans with their numbers, newest first.
    pub async fn scans(&self, filter: ScanFilter) -> Result<Vec<(u64, Scan)>, StoreError> {
        self.ask(move |db| {
            let sql = "SELECT no, connection, at, revision, bundle, subjects, tallies FROM scan
                       WHERE (?1 IS NULL OR connection = ?1) AND no < ?2
                       ORDER BY no DESC LIMIT ?3";
            let mut query = db.prepare_cached(sql)?;
            let name = filter.connection.as_ref().map(ConnectionId::as_str);
            let before = filter.before.map_or(i64::MAX, row::signed);
            let mut rows = query.query((name, before, row::signed(filter.limit as u64)))?;
            let mut scans = Vec::new();
            while let Some(row) = rows.next()? {
                scans.push((row::unsigned(row.get(0)?), scan(row)?));
            }
            Ok(scans)
        })
        .await
    }

    /// When every subject of a connection was looked at last.
    pub async fn last_whole_scan(
        &self,
        connection: &ConnectionId,
    ) -> Result<Option<Time>, StoreError> {
        let connection = connection.clone();
        self.ask(move |db| {
            let sql = "SELECT at FROM scan WHERE connection = ?1 AND whole = 1
                       ORDER BY no DESC LIMIT 1";
            let mut query = db.prepare_cached(sql)?;
            let at = query.query_row([connection.as_str()], |row| row.get(0)).optional()?;
            Ok(at.map(Time::from_millis))
        })
        .await
    }
}

/// How many somebody lives with. They are few beside all findings, and found by their end.
fn accepted(db: &Connection, now: Time) -> Result<Vec<Counted>, StoreError> {
    let sql = "SELECT connection, rule, outcome, severity, count(*) FROM finding
               WHERE until > ?1 AND state = ?2 GROUP BY connection, rule, outcome, severity";
    let mut query = db.prepare_cached(sql)?;
    let mut rows = query.query((now.millis(), state(State::Accepted)))?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(counted(row)?);
    }
    Ok(all)
}

fn counted(row: &Row<'_>) -> Result<Counted, StoreError> {
    let unreadable = |number: i64| StoreError::Unreadable(number.to_string());
    let (outcome, severity): (i64, i64) = (row.get(2)?, row.get(3)?);
    let at = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    Ok(Counted {
        connection: row.get(0)?,
        rule: RuleId::told(&row.get::<_, String>(1)?),
        severity: *Severity::ALL.get(at(severity)).ok_or_else(|| unreadable(severity))?,
        outcome: *Outcome::ALL.get(at(outcome)).ok_or_else(|| unreadable(outcome))?,
        count: row::unsigned(row.get(4)?),
        accepted: 0,
    })
}

fn scan(row: &Row<'_>) -> Result<Scan, StoreError> {
    Ok(Scan {
        connection: row.get(1)?,
        at: Time::from_millis(row.get(2)?),
        graph_revision: row::unsigned(row.get(3)?),
        bundle: row.get(4)?,
        subjects: row::unsigned(row.get(5)?),
        tallies: row::known(serde_json::from_str(&row.get::<_, String>(6)?))?,
    })
}

fn entry(scan: &Scan, mark: ScanMark) -> NewEntry {
    let sum = |count: fn(&Tally) -> u64| scan.tallies.iter().map(count).sum::<u64>();
    NewEntry {
        connection: scan.connection.parse().ok(),
        body: row::members(json!({
            "what": "scan", "whole": mark == ScanMark::Whole, "revision": scan.graph_revision,
            "bundle": scan.bundle, "subjects": scan.subjects, "rules": scan.tallies.len(),
            "pass": sum(|one| one.pass), "fail": sum(|one| one.fail),
            "unknown": sum(|one| one.unknown), "accepted": sum(|one| one.accepted),
        })),
        ..NewEntry::new(Kind::Admin, scan.at, scan.connection.clone())
    }
}
