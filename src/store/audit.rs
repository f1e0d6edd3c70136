//! Audit logs: where each source stands, the lines that were read, the changes that readings found, and which line
//! explains which change.
//!
//! A page's lines and the place after it are kept in one transaction: what a crash cuts short is read again whole, and a
//! line that is there already is not kept twice. Everything a line or a change says is sealed.

use rusqlite::Connection;
use rusqlite::OptionalExtension as _;
use rusqlite::Row;

use crate::graph::ConnectionId;
use crate::graph::Time;
use crate::graph::audit::AuditLine;
use crate::graph::audit::FoundChange;
use crate::secret::Seal;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::Swept;
use crate::store::retention;
use crate::store::row;
use crate::store::writer::Desk;

/// Lines or changes of one page, when all of them are walked.
pub const AUDIT_PAGE: usize = 5_000;

/// Most rows of one list.
pub const MAX_AUDIT_ROWS: usize = 1_000;

/// Rows forgotten in one job.
const STEP_ROWS: usize = 1_000;

const OPEN: i64 = 0;
const EXPLAINED: i64 = 1;
const ALONE: i64 = 2;

/// Where an audit source stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditPlace {
    /// Its name: `rest`, `organization`, `file:…`, `import`.
    pub source: String,
    /// The beginning of the window that is being read. Of a file: how many bytes of it are read.
    pub since: i64,
    /// The end of that window.
    pub until: Time,
    /// The page that comes next; none: the window begins anew.
    pub page: Option<String>,
    /// When it was asked last.
    pub visited: Time,
    /// Everything until then is read. None: no window was read to its end yet.
    pub read: Option<Time>,
    /// Lines that were kept.
    pub kept: u64,
    /// Lines that tell of nothing the gate has to do with, and were let go.
    pub passed: u64,
    /// Lines that are not what the product documents.
    pub unreadable: u64,
    /// Why it could not be read last.
    pub why: Option<String>,
}

/// How far a line or a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditState {
    /// A line that no reading came after; a change that no line explains.
    Open,
    /// A line that explains a change; a change that a line explains.
    Explained,
    /// A line that explains none.
    Alone,
}

/// Where a line stands among the others: when, and its number.
pub type LinePlace = (Time, i64);

/// A line as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptLine {
    /// Its number.
    pub no: i64,
    /// How far it is.
    pub state: AuditState,
    /// What it says.
    pub line: AuditLine,
}

/// A change as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptChange {
    /// Its number.
    pub no: i64,
    /// The key of its decision.
    pub key: [u8; 32],
    /// The moment of the history that it is of.
    pub moment: i64,
    /// Whether a line explains it.
    pub state: AuditState,
    /// What it is.
    pub change: FoundChange,
}

/// A change to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewChange {
    /// The key of its decision.
    pub key: [u8; 32],
    /// The moment of the history that it is of.
    pub moment: i64,
    /// What it is.
    pub change: FoundChange,
}

/// Which lines and changes are listed, newest first.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Only of this connection.
    pub connection: Option<ConnectionId>,
    /// From then on.
    pub from: Option<Time>,
    /// Before then.
    pub to: Option<Time>,
    /// All, or those without a counterpart.
    pub which: AuditWhich,
}

/// Which lines and changes are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditWhich {
    /// All.
    #[default]
    All,
    /// Lines that explain no change, and changes that no line explains.
    Unmatched,
}

/// What a line is sealed for.
pub(super) fn line_purpose(id: &str) -> String {
    format!("audit line {id}")
}

/// What a change is sealed for.
pub(super) fn change_purpose(key: &[u8]) -> String {
    format!("audit change {}", hex::encode(key))
}

impl Store {
    /// Where a source stands.
    pub async fn audit_place(
        &self,
        connection: &ConnectionId,
        source: &str,
    ) -> Result<Option<AuditPlace>, StoreError> {
        let (connection, source) = (connection.clone(), source.to_owned());
        self.ask(move |db| {
            let sql = format!("{PLACE} WHERE connection = ?1 AND source = ?2");
            let mut query = db.prepare_cached(&sql)?;
            Ok(query.query_row((connection.as_str(), source), place).optional()?)
        })
        .await
    }

    /// Every source of a connection, by name.
    pub async fn audit_places(
        &self,
        connection: &ConnectionId,
    ) -> Result<Vec<AuditPlace>, StoreError> {
        let connection = connection.clone();
        self.ask(move |db| {
            let sql = format!("{PLACE} WHERE connection = ?1 ORDER BY source");
            let mut query = db.prepare_cached(&sql)?;
            let rows = query.query_map([connection.as_str()], place)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Keeps lines and, with them, where their source stands now; how many were new. Counts are added to the place's.
    pub async fn take_audit(
        &self,
        connection: &ConnectionId,
        place: AuditPlace,
        lines: &[AuditLine],
    ) -> Result<u64, StoreError> {
        let (seal, connection) = (self.seal()?.clone(), connection.clone());
        let sealed = lines.iter().map(|line| sealed_line(&seal, line));
        let sealed = sealed.collect::<Result<Vec<_>, _>>()?;
        self.write(move |desk| {
            let mut insert = desk.db.prepare_cached(
                "INSERT OR IGNORE INTO audit_line (connection, id, at, state, line_sealed)
                 VALUES (?1, ?2, ?3, 0, ?4)",
            )?;
            let mut new = 0;
            for (id, at, line) in &sealed {
                new += insert.execute((connection.as_str(), id, at, line))? as u64;
            }
            drop(insert);
            let kept = place.kept + new;
            put_place(desk.db, &connection, &AuditPlace { kept, ..place })?;
            Ok(new)
        })
        .await
    }

    /// Keeps changes that a reading found; those that are there already stay as they are.
    pub async fn keep_changes(
        &self,
        connection: &ConnectionId,
        changes: Vec<NewChange>,
    ) -> Result<(), StoreError> {
        let (seal, connection) = (self.seal()?.clone(), connection.clone());
        let sealed = changes.iter().map(|new| {
            let bytes = row::known(serde_json::to_vec(&new.change))?;
            let sealed = seal.seal(&change_purpose(&new.key), &bytes)?;
            Ok((new.key.to_vec(), new.moment, new.change.until.millis(), sealed))
        });
        let sealed = sealed.collect::<Result<Vec<_>, StoreError>>()?;
        for step in sealed.chunks(STEP_ROWS).map(<[_]>::to_vec).collect::<Vec<_>>() {
            let connection = connection.clone();
            self.write(move |desk| {
                let mut insert = desk.db.prepare_cached(
                    "INSERT OR IGNORE INTO audit_change
                     (connection, key, moment, until, state, change_sealed)
                     VALUES (?1, ?2, ?3, ?4, 0, ?5)",
                )?;
                for (key, moment, until, sealed) in &step {
                    insert.execute((connection.as_str(), key, moment, until, sealed))?;
                }
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// A page of the lines that wait, oldest first, after the one that stands there.
    pub async fn open_lines(
        &self,
        connection: &ConnectionId,
        after: Option<LinePlace>,
    ) -> Result<Vec<KeptLine>, StoreError> {
        self.page_of_lines(connection, "state = 0", (Time::from_millis(i64::MIN), after)).await
    }

    /// A page of the lines from then on that wait no more, oldest first, after the one that stands there.
    pub async fn settled_lines(
        &self,
        connection: &ConnectionId,
        (from, after): (Time, Option<LinePlace>),
    ) -> Result<Vec<KeptLine>, StoreError> {
        self.page_of_lines(connection, "state <> 0", (from, after)).await
    }

    async fn page_of_lines(
        &self,
        connection: &ConnectionId,
        which: &'static str,
        (from, after): (Time, Option<LinePlace>),
    ) -> Result<Vec<KeptLine>, StoreError> {
        let (seal, connection) = (self.seal()?.clone(), connection.clone());
        let (at, no) = after.map_or((from.millis(), i64::MIN), |(at, no)| (at.millis(), no));
        self.ask(move |db| {
            let sql = format!(
                "{LINE} WHERE connection = ?1 AND {which} AND (at, no) > (?2, ?3)
                 ORDER BY at, no LIMIT {AUDIT_PAGE}"
            );
            let mut query = db.prepare_cached(&sql)?;
            let mut rows = query.query((connection.as_str(), at, no))?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(line(row, &seal)?);
            }
            Ok(found)
        })
        .await
    }

    /// A page of the changes that were over at `from` or later, whether a line explains them or not, in the order they
    /// were found, after the one of this number.
    pub async fn changes_since(
        &self,
        connection: &ConnectionId,
        (from, after): (Time, Option<i64>),
    ) -> Result<Vec<KeptChange>, StoreError> {
        let (seal, connection) = (self.seal()?.clone(), connection.clone());
        let after = after.unwrap_or(i64::MIN);
        self.ask(move |db| {
            let sql = format!(
                "{CHANGE} WHERE connection = ?1 AND until >= ?2 AND no > ?3
                 ORDER BY no LIMIT {AUDIT_PAGE}"
            );
            let mut query = db.prepare_cached(&sql)?;
            let mut rows = query.query((connection.as_str(), from.millis(), after))?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(change(row, &seal)?);
            }
            Ok(found)
        })
        .await
    }

    /// Writes down which lines explain which changes, and which explain none; how many rows that were not written down
    /// before. In steps, so that nobody who writes has to wait for all of them.
    pub async fn settle_audit(
        &self,
        pairs: Vec<(i64, i64)>,
        alone: Vec<i64>,
    ) -> Result<u64, StoreError> {
        let new = if pairs.is_empty() { pairs } else { self.ask(|db| unpaired(db, pairs)).await? };
        let count = (new.len() + alone.len()) as u64;
        for step in new.chunks(STEP_ROWS).map(<[_]>::to_vec) {
            self.write(move |desk| pair(desk.db, &step)).await?;
        }
        for step in alone.chunks(STEP_ROWS).map(<[_]>::to_vec) {
            self.write(move |desk| {
                let sql = "UPDATE audit_line SET state = 2 WHERE no = ?1 AND state = 0";
                let mut none = desk.db.prepare_cached(sql)?;
                for line in &step {
                    none.execute([line])?;
                }
                Ok(())
            })
            .await?;
        }
        Ok(count)
    }

    /// Lines, newest first, each with the numbers of the changes it explains.
    pub async fn audit_lines(
        &self,
        filter: AuditFilter,
    ) -> Result<Vec<(ConnectionId, KeptLine, Vec<i64>)>, StoreError> {
        let seal = self.seal()?.clone();
        self.ask(move |db| {
            let only = match filter.which {
                AuditWhich::All => "true",
                AuditWhich::Unmatched => "state <> 1",
            };
            let sql = format!(
                "SELECT no, id, at, state, line_sealed, connection FROM audit_line
                 WHERE (?1 IS NULL OR connection = ?1) AND at >= ?2 AND at < ?3 AND {only}
                 ORDER BY at DESC, no DESC LIMIT ?4"
            );
            let mut query = db.prepare_cached(&sql)?;
            let mut rows = query.query(bounds(&filter))?;
            let mut pairs =
                db.prepare_cached("SELECT change FROM audit_pair WHERE line = ?1 ORDER BY change")?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let kept = line(row, &seal)?;
                let with = pairs.query_map([kept.no], |row| row.get(0))?;
                let with = with.collect::<Result<Vec<i64>, _>>()?;
                found.push((row::parsed(row, 5)?, kept, with));
            }
            Ok(found)
        })
        .await
    }

    /// Changes, newest first, each with the lines that explain it.
    pub async fn audit_changes(
        &self,
        filter: AuditFilter,
    ) -> Result<Vec<(ConnectionId, KeptChange, Vec<KeptLine>)>, StoreError> {
        let seal = self.seal()?.clone();
        self.ask(move |db| {
            let only = match filter.which {
                AuditWhich::All => "true",
                AuditWhich::Unmatched => "state = 0",
            };
            let sql = format!(
                "SELECT no, key, moment, state, change_sealed, connection FROM audit_change
                 WHERE (?1 IS NULL OR connection = ?1) AND until >= ?2 AND until < ?3 AND {only}
                 ORDER BY until DESC, no DESC LIMIT ?4"
            );
            let mut query = db.prepare_cached(&sql)?;
            let mut rows = query.query(bounds(&filter))?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let kept = change(row, &seal)?;
                let lines = lines_of(db, kept.no, &seal)?;
                found.push((row::parsed(row, 5)?, kept, lines));
            }
            Ok(found)
        })
        .await
    }

    /// Changes of these moments of a connection's history, each with the lines that explain it.
    pub async fn explained(
        &self,
        connection: &ConnectionId,
        moments: Vec<i64>,
    ) -> Result<Vec<(KeptChange, Vec<KeptLine>)>, StoreError> {
        let (seal, connection) = (self.seal()?.clone(), connection.clone());
        self.ask(move |db| {
            let sql = format!("{CHANGE} WHERE connection = ?1 AND moment = ?2 AND state = 1");
            let mut query = db.prepare_cached(&sql)?;
            let mut found = Vec::new();
            for moment in moments {
                let mut rows = query.query((connection.as_str(), moment))?;
                while let Some(row) = rows.next()? {
                    let kept = change(row, &seal)?;
                    let lines = lines_of(db, kept.no, &seal)?;
                    found.push((kept, lines));
                }
            }
            Ok(found)
        })
        .await
    }

    /// Forgets lines and changes from before then.
    pub(super) async fn forget_audit(&self, before: Time) -> Result<(), StoreError> {
        let pairs = "DELETE FROM audit_pair WHERE line IN (SELECT no FROM audit_line WHERE at < ?1)
                     OR change IN (SELECT no FROM audit_change WHERE until < ?1)";
        for (table, column) in [("audit_line", "at"), ("audit_change", "until")] {
            let any = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE {column} < ?1)");
            let some = self.ask(move |db| {
                Ok(db.query_row(&any, [before.millis()], |row| row.get::<_, bool>(0))?)
            });
            if !some.await? {
                continue;
            }
            self.write(move |desk| {
                let gone = desk.db.prepare_cached(pairs)?.execute([before.millis()])? as u64;
                count(desk, gone)
            })
            .await?;
            let delete = format!(
                "DELETE FROM {table} WHERE no IN
                 (SELECT no FROM {table} WHERE {column} < ?1 LIMIT {STEP_ROWS})"
            );
            loop {
                let delete = delete.clone();
                let gone = self.write(move |desk| {
                    let gone = desk.db.prepare_cached(&delete)?.execute([before.millis()])? as u64;
                    count(desk, gone)?;
                    Ok(gone)
                });
                if gone.await? == 0 {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// The pairs that are not written down.
fn unpaired(db: &Connection, pairs: Vec<(i64, i64)>) -> Result<Vec<(i64, i64)>, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM audit_pair WHERE line = ?1 AND change = ?2)";
    let mut query = db.prepare_cached(sql)?;
    let mut new = Vec::new();
    for pair in pairs {
        if !query.query_row(pair, |row| row.get::<_, bool>(0))? {
            new.push(pair);
        }
    }
    Ok(new)
}

fn pair(db: &Connection, pairs: &[(i64, i64)]) -> Result<(), StoreError> {
    let mut pair =
        db.prepare_cached("INSERT OR IGNORE INTO audit_pair (line, change) VALUES (?1, ?2)")?;
    let mut of_line =
        db.prepare_cached("UPDATE audit_line SET state = 1 WHERE no = ?1 AND state <> 1")?;
    let mut of_change =
        db.prepare_cached("UPDATE audit_change SET state = 1 WHERE no = ?1 AND state <> 1")?;
    for (line, change) in pairs {
        pair.execute((line, change))?;
        of_line.execute([line])?;
        of_change.execute([change])?;
    }
    Ok(())
}

fn count(desk: &mut Desk<'_>, history: u64) -> Result<(), StoreError> {
    retention::count(desk.db, &Swept { history, ..Swept::default() })
}

const PLACE: &str = "SELECT source, since, until, page, visited, read, kept, passed, unreadable, why FROM audit_source";
const LINE: &str = "SELECT no, id, at, state, line_sealed FROM audit_line";
const CHANGE: &str = "SELECT no, key, moment, state, change_sealed FROM audit_change";

fn bounds(filter: &AuditFilter) -> (Option<String>, i64, i64, i64) {
    (
        filter.connection.as_ref().map(ToString::to_string),
        filter.from.map_or(i64::MIN, Time::millis),
        filter.to.map_or(i64::MAX, Time::millis),
        row::signed(MAX_AUDIT_ROWS as u64),
    )
}

fn place(row: &Row<'_>) -> Result<AuditPlace, rusqlite::Error> {
    Ok(AuditPlace {
        source: row.get(0)?,
        since: row.get(1)?,
        until: Time::from_millis(row.get(2)?),
        page: row.get(3)?,
        visited: Time::from_millis(row.get(4)?),
        read: row.get::<_, Option<i64>>(5)?.map(Time::from_millis),
        kept: row::unsigned(row.get(6)?),
        passed: row::unsigned(row.get(7)?),
        unreadable: row::unsigned(row.get(8)?),
        why: row.get(9)?,
    })
}

fn put_place(
    db: &Connection,
    connection: &ConnectionId,
    place: &AuditPlace,
) -> Result<(), StoreError> {
    let AuditPlace { source, since, until, page, visited, read, kept, passed, unreadable, why } =
        place;
    db.prepare_cached(
        "INSERT OR REPLACE INTO audit_source
         (connection, source, since, until, page, visited, read, kept, passed, unreadable, why)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute((
        connection.as_str(),
        source,
        since,
        until.millis(),
        page,
        visited.millis(),
        read.map(Time::millis),
        row::signed(*kept),
        row::signed(*passed),
        row::signed(*unreadable),
        why,
    ))?;
    Ok(())
}

fn sealed_line(seal: &Seal, line: &AuditLine) -> Result<(String, i64, Vec<u8>), StoreError> {
    let bytes = row::known(serde_json::to_vec(line))?;
    Ok((line.id.clone(), line.at.millis(), seal.seal(&line_purpose(&line.id), &bytes)?))
}

fn state(row: &Row<'_>, column: usize) -> Result<AuditState, StoreError> {
    match row.get::<_, i64>(column)? {
        OPEN => Ok(AuditState::Open),
        EXPLAINED => Ok(AuditState::Explained),
        ALONE => Ok(AuditState::Alone),
        other => Err(StoreError::Unreadable(format!("`{other}` is no state of an audit line"))),
    }
}

fn line(row: &Row<'_>, seal: &Seal) -> Result<KeptLine, StoreError> {
    let id: String = row.get(1)?;
    let bytes = seal.open(&line_purpose(&id), &row.get::<_, Vec<u8>>(4)?)?;
    let line = row::known(serde_json::from_slice(&bytes))?;
    Ok(KeptLine { no: row.get(0)?, state: state(row, 3)?, line })
}

fn change(row: &Row<'_>, seal: &Seal) -> Result<KeptChange, StoreError> {
    let key: Vec<u8> = row.get(1)?;
    let bytes = seal.open(&change_purpose(&key), &row.get::<_, Vec<u8>>(4)?)?;
    let unreadable = |_| StoreError::Unreadable("the key of a change".to_owned());
    Ok(KeptChange {
        no: row.get(0)?,
        key: key.try_into().map_err(unreadable)?,
        moment: row.get(2)?,
        state: state(row, 3)?,
        change: row::known(serde_json::from_slice(&bytes))?,
    })
}

fn lines_of(db: &Connection, change: i64, seal: &Seal) -> Result<Vec<KeptLine>, StoreError> {
    let sql = "SELECT no, id, at, state, line_sealed FROM audit_line
               JOIN audit_pair ON audit_pair.line = audit_line.no
               WHERE audit_pair.change = ?1 ORDER BY at, no";
    let mut query = db.prepare_cached(sql)?;
    let mut rows = query.query([change])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(line(row, seal)?);
    }
    Ok(found)
}
