//! Findings: what fails, what cannot be told, and what ever failed. What passes is only counted.
//!
//! What a list is sorted and counted by stands in the open: rule, severity, outcome, state, times. Subjects, reasons,
//! owners and who accepted what are sealed. What happened to a finding is an entry of the ledger, and who hears of it a
//! notice, both in the transaction of the row. What becomes of a finding is decided in `posture::lifecycle`.

pub(in crate::store) mod forget;
mod read;
mod scans;

use rusqlite::Connection;
use serde_json::Value;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;
use tokio::sync::MutexGuard;

use crate::graph::Id;
use crate::graph::Kind as Thing;
use crate::graph::Time;
use crate::ledger::Kind;
use crate::policy::bundle::Severity;
use crate::posture::Kept;
use crate::posture::Outcome;
use crate::posture::State;
use crate::posture::kept::Deed;
use crate::posture::kept::Step;
use crate::secret::Seal;
use crate::store::NewEntry;
use crate::store::NewNotice;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::log;
use crate::store::log::Prepared;
use crate::store::notices;
use crate::store::notices::SealedNotice;
use crate::store::row;

pub use read::FindingFilter;
pub use read::FindingPage;
pub use scans::Counted as CountedFindings;
pub use scans::ScanFilter;
pub use scans::ScanMark;

/// Findings written in one job: with an entry each, some 10 ms in which nobody else writes.
const STEP_ROWS: usize = 50;

/// Bytes of a digest by which subjects are found again.
const KEY_BYTES: usize = 16;

/// What happens to one finding.
#[derive(Clone, Debug)]
pub struct FindingMove {
    /// What is kept from now on, or was kept until now.
    pub kept: Kept,
    /// Whether it is kept from now on.
    pub stays: Stays,
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// Who hears of it.
    pub notices: Vec<NewNotice>,
}

/// Whether a finding is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stays {
    /// It is.
    Kept,
    /// It is no longer.
    Forgotten,
}

/// A finding ready for its row.
struct Row {
    id: String,
    connection: String,
    rule: String,
    subject: Vec<u8>,
    place: Option<Vec<u8>>,
    severity: i64,
    outcome: i64,
    state: i64,
    since: i64,
    until: Option<i64>,
    sealed: Vec<u8>,
}

/// A move ready for the writer.
struct Written {
    row: Result<Row, String>,
    entries: Vec<Prepared>,
    notices: Vec<SealedNotice>,
}

impl Store {
    /// To be held from reading findings until what follows from them is written: a scan, somebody who accepts one, and an
    /// erasure must not write over each other.
    pub async fn moving_findings(&self) -> MutexGuard<'_, ()> {
        self.inner.moving.lock().await
    }

    /// Writes what happened to findings, each with its entries and notices in one transaction; many in steps.
    pub async fn keep_findings(
        &self,
        moves: Vec<FindingMove>,
        now: Time,
    ) -> Result<(), StoreError> {
        let seal = self.seal()?.clone();
        let mut moves = moves.into_iter().peekable();
        while moves.peek().is_some() {
            let step: Vec<Written> = moves
                .by_ref()
                .take(STEP_ROWS)
                .map(|one| prepare(one, &seal))
                .collect::<Result<_, _>>()?;
            self.write(move |desk| {
                for Written { row, entries, notices } in step {
                    match row {
                        Ok(row) => put(desk.db, &row)?,
                        Err(id) => {
                            let sql = "DELETE FROM finding WHERE id = ?1";
                            desk.db.prepare_cached(sql)?.execute([id])?;
                        }
                    }
                    for notice in notices {
                        notices::add(desk.db, notice, now)?;
                    }
                    for entry in entries {
                        log::append(desk, entry)?;
                    }
                }
                Ok(())
            })
            .await?;
        }
        Ok(())
    }
}

fn prepare(one: FindingMove, seal: &Seal) -> Result<Written, StoreError> {
    let entries = one.steps.iter().map(|step| entry(&one.kept, step).prepare());
    Ok(Written {
        entries: entries.collect::<Result<_, _>>()?,
        notices: one
            .notices
            .into_iter()
            .map(|notice| notices::seal(notice, seal))
            .collect::<Result<_, _>>()?,
        row: match one.stays {
            Stays::Kept => Ok(row_of(&one.kept, seal)?),
            Stays::Forgotten => Err(one.kept.id()),
        },
    })
}

fn row_of(kept: &Kept, seal: &Seal) -> Result<Row, StoreError> {
    let id = kept.id();
    let bytes = serde_json::to_vec(kept).map_err(|error| StoreError::Fault(error.to_string()))?;
    Ok(Row {
        sealed: seal.seal(&purpose(&id), &bytes)?,
        id,
        connection: kept.subject.id.connection().as_str().to_owned(),
        rule: kept.rule.as_str().to_owned(),
        subject: key(&kept.subject.id),
        place: kept.subject.place.as_ref().map(key),
        severity: severity(kept.severity),
        outcome: outcome(kept.outcome),
        state: state(kept.state),
        since: kept.since.millis(),
        until: kept.accepted.as_ref().map(|accepted| accepted.until.millis()),
    })
}

fn put(db: &Connection, row: &Row) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO finding (id, connection, rule, subject, place, severity, outcome, state,
                              since, until, finding_sealed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (id) DO UPDATE SET
           place = excluded.place, severity = excluded.severity, outcome = excluded.outcome,
           state = excluded.state, since = excluded.since, until = excluded.until,
           finding_sealed = excluded.finding_sealed",
    )?
    .execute((
        &row.id,
        &row.connection,
        &row.rule,
        &row.subject,
        &row.place,
        row.severity,
        row.outcome,
        row.state,
        row.since,
        row.until,
        &row.sealed,
    ))?;
    Ok(())
}

/// Words of ours and times in the open; the subject, who and why sealed beside it.
fn entry(kept: &Kept, step: &Step) -> NewEntry {
    let subject = json!({"id": kept.subject.id, "name": kept.subject.name});
    let mut sealed = vec![("subject".to_owned(), subject.to_string().into_bytes())];
    let said = [("by", &step.by), ("reason", &step.because)];
    sealed.extend(
        said.into_iter().filter_map(|(part, text)| {
            Some((part.to_owned(), text.as_ref()?.clone().into_bytes()))
        }),
    );
    let kind = match step.deed {
        Deed::Accepted | Deed::Lapsed => Kind::Waiver,
        Deed::Found | Deed::Acknowledged | Deed::Fixed | Deed::Gone | Deed::Regressed => {
            Kind::Admin
        }
    };
    NewEntry {
        connection: Some(kept.subject.id.connection()),
        body: row::members(json!({
            "what": "finding", "deed": step.deed, "state": step.state, "rule": kept.rule,
            "severity": kept.severity, "outcome": kept.outcome,
            "until": step.until.map_or(Value::Null, |until| json!(until)),
        })),
        sealed,
        mentions: mentions(kept),
        ..NewEntry::new(kind, step.at, kept.id())
    }
}

fn mentions(kept: &Kept) -> Vec<String> {
    let id = &kept.subject.id;
    if id.kind() == Thing::User { vec![id.to_string()] } else { Vec::new() }
}

/// By what rows of a subject are found.
fn key(id: &Id) -> Vec<u8> {
    Sha256::digest(id.as_str()).iter().take(KEY_BYTES).copied().collect()
}

pub(super) fn purpose(id: &str) -> String {
    format!("finding {id}")
}

fn opened(seal: &Seal, id: &str, sealed: &[u8]) -> Result<Kept, StoreError> {
    row::known(serde_json::from_slice(&seal.open(&purpose(id), sealed)?))
}

const fn severity(severity: Severity) -> i64 {
    match severity {
        Severity::Critical => 0,
        Severity::High => 1,
        Severity::Medium => 2,
        Severity::Low => 3,
        Severity::Info => 4,
    }
}

const fn outcome(outcome: Outcome) -> i64 {
    match outcome {
        Outcome::Pass => 0,
        Outcome::Fail => 1,
        Outcome::Unknown => 2,
    }
}

const fn state(state: State) -> i64 {
    match state {
        State::New => 0,
        State::Acknowledged => 1,
        State::Accepted => 2,
        State::Fixed => 3,
        State::Regressed => 4,
    }
}
