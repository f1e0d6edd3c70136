//! Histories: what each connection's world said, from one discovery to the next.
//!
//! Only differences are written. A statement (see [`graph::statement`](crate::graph::statement)) holds from the moment
//! that first read it until the moment that first did not; moments carry when it was true and when it was kept. A world
//! as it stood at any moment is what held then. Ids, names and values are words, each kept once and sealed.
//!
//! A large difference is written in steps, so that nobody who writes has to wait for it; nothing of it is seen before the
//! moment itself is there, and what a crash left of one is taken away before the next.

mod forget;
mod recall;
pub(super) mod words;

use rusqlite::Connection;

use crate::graph::ConnectionId;
use crate::graph::Delta;
use crate::graph::Time;
use crate::graph::World;
use crate::graph::statement::Sort;
use crate::graph::statement::Statement;
use crate::store::NewEntry;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::history::words::Words;
use crate::store::log;
use crate::store::log::Prepared;
use crate::store::meta;
use crate::store::row;
use crate::store::standing;
use crate::store::writer::Desk;

pub use recall::Line;
pub use recall::Moment;
pub use recall::Past;
pub use recall::When;

/// Rows written in one job.
const STEP_ROWS: usize = 1_000;

/// A connection's world as it was read now.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'w> {
    /// All of it.
    pub world: &'w World,
    /// The revision of the graph it stands in.
    pub revision: u64,
    /// When it is kept.
    pub at: Time,
}

/// What a reading was to the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learned {
    /// The first of its connection: there is nothing to compare it with.
    First,
    /// It says what the one before said.
    Same,
    /// It differs; what changed is to be decided until this moment is settled.
    Changed(i64),
}

/// The rows that a difference becomes.
#[derive(Default)]
struct Rows {
    words: Vec<(i64, Vec<u8>)>,
    ended: Vec<[i64; 4]>,
    began: Vec<([i64; 4], Option<i64>)>,
}

/// A moment as it is to be written.
struct NewMoment {
    connection: ConnectionId,
    home: i64,
    head: i64,
    as_of: Time,
    recorded: Time,
    settled: bool,
}

impl Store {
    /// Keeps a connection's world over the one before, and writes into its history what changed. What `tell` says of the
    /// world before is recorded with it.
    pub async fn learn(
        &self,
        reading: Reading<'_>,
        tell: impl FnOnce(Option<&World>) -> Vec<NewEntry>,
    ) -> Result<Learned, StoreError> {
        let _alone = self.inner.history.lock().await;
        let connection = reading.world.connection.id.clone();
        let before = match self.world(&connection).await? {
            Some(kept) => Some((kept.read()?, kept.at)),
            None => None,
        };
        let known = self.last_moment(&connection).await?;
        if let (None, Some((world, at))) = (known, &before) {
            // Kept by a version that had no history: it is where the history begins.
            let all = Delta::between(None, world);
            let moment = Begin { world, recorded: *at, settled: true };
            self.write_moment(&all, &moment, None, Vec::new()).await?;
        }
        let prepared = tell(before.as_ref().map(|(world, _)| world))
            .into_iter()
            .map(|entry: NewEntry| entry.prepare())
            .collect::<Result<Vec<_>, _>>()?;
        let delta = Delta::between(before.as_ref().map(|(world, _)| world), reading.world);
        let kept = Kept::of(reading, self.seal()?)?;
        if before.is_some() && delta.is_empty() {
            let as_of = reading.world.as_of;
            self.write(move |desk| confirm(desk, &kept, as_of, prepared)).await?;
            return Ok(Learned::Same);
        }
        let moment =
            Begin { world: reading.world, recorded: reading.at, settled: before.is_none() };
        let no = self.write_moment(&delta, &moment, Some(kept), prepared).await?;
        Ok(if before.is_none() { Learned::First } else { Learned::Changed(no) })
    }

    /// Everything that changed with this moment is decided; the entries are recorded with that. Does nothing if it was
    /// settled before.
    pub async fn settle(&self, moment: i64, entries: Vec<NewEntry>) -> Result<(), StoreError> {
        let prepared = entries
            .into_iter()
            .map(|entry: NewEntry| entry.prepare())
            .collect::<Result<Vec<_>, _>>()?;
        self.write(move |desk| {
            let sql = "UPDATE moment SET settled = 1 WHERE no = ?1 AND settled = 0";
            if desk.db.prepare_cached(sql)?.execute([moment])? > 0 {
                append(desk, prepared)?;
            }
            Ok(())
        })
        .await
    }

    async fn last_moment(&self, connection: &ConnectionId) -> Result<Option<i64>, StoreError> {
        let connection = connection.clone();
        self.ask(move |db| {
            let sql = "SELECT max(no) FROM moment WHERE connection = ?1";
            Ok(db.prepare_cached(sql)?.query_row([connection.as_str()], |row| row.get(0))?)
        })
        .await
    }

    /// Writes a difference and then the moment that makes it seen.
    async fn write_moment(
        &self,
        delta: &Delta,
        begin: &Begin<'_>,
        kept: Option<Kept>,
        entries: Vec<Prepared>,
    ) -> Result<i64, StoreError> {
        let no = self.write(clear).await?;
        let seal = self.seal()?.clone();
        let opener = seal.clone();
        let mut words = self.inner.readers.walk(move |db| Words::read(db, &opener)).await?;
        let connection = begin.world.connection.id.clone();
        let head = serde_json::to_string(&begin.world.connection)
            .map_err(|error| StoreError::Fault(error.to_string()))?;
        let (home, head) = (words.number(connection.as_str(), &seal)?, words.number(&head, &seal)?);
        let rows = rows(delta, words, &seal)?;
        for step in chunks(rows.words) {
            self.write(move |desk| keep_words(desk.db, &step)).await?;
        }
        for step in chunks(rows.ended) {
            self.write(move |desk| end(desk.db, (home, no), &step)).await?;
        }
        for step in chunks(rows.began) {
            self.write(move |desk| start(desk.db, (home, no), &step)).await?;
        }
        let moment = NewMoment {
            connection,
            home,
            head,
            as_of: begin.world.as_of,
            recorded: begin.recorded,
            settled: begin.settled,
        };
        self.write(move |desk| finish(desk, no, &moment, kept.as_ref(), entries)).await?;
        Ok(no)
    }
}

/// A moment to be written, as it is told.
struct Begin<'w> {
    world: &'w World,
    recorded: Time,
    settled: bool,
}

/// The row of the newest world.
struct Kept {
    connection: ConnectionId,
    revision: u64,
    at: Time,
    sealed: Vec<u8>,
}

impl Kept {
    fn of(reading: Reading<'_>, seal: &crate::secret::Seal) -> Result<Self, StoreError> {
        let connection = reading.world.connection.id.clone();
        let bytes = row::known(reading.world.pack())?;
        let sealed = seal.seal(&standing::world_purpose(&connection), &bytes)?;
        Ok(Self { connection, revision: reading.revision, at: reading.at, sealed })
    }

    fn write(&self, db: &Connection) -> Result<(), StoreError> {
        standing::put_world(db, &self.connection, (self.revision, self.at), &self.sealed)
    }
}

fn chunks<T>(mut all: Vec<T>) -> Vec<Vec<T>> {
    let mut steps = Vec::new();
    while all.len() > STEP_ROWS {
        let rest = all.split_off(STEP_ROWS);
        steps.push(std::mem::replace(&mut all, rest));
    }
    if !all.is_empty() {
        steps.push(all);
    }
    steps
}

/// The difference by numbers.
fn rows(delta: &Delta, mut words: Words, seal: &crate::secret::Seal) -> Result<Rows, StoreError> {
    let mut rows = Rows::default();
    for statement in &delta.ended {
        let Statement { sort, about, says, what, .. } = statement;
        let known = |text: &str| words.find(text);
        // Only an edge is found by where it leads: what else was said may have been erased since.
        let what = match sort {
            Sort::Edge => known(what),
            Sort::Node | Sort::Attribute | Sort::Unknown => Some(0),
        };
        if let (Some(about), Some(says), Some(what)) = (known(about), known(says), what) {
            rows.ended.push([about, i64::from(sort.code()), says, what]);
        }
    }
    for Statement { sort, about, says, what, source } in &delta.began {
        let source = source.as_ref().map(|source| words.number(source, seal)).transpose()?;
        let row = [
            words.number(about, seal)?,
            i64::from(sort.code()),
            words.number(says, seal)?,
            words.number(what, seal)?,
        ];
        rows.began.push((row, source));
    }
    rows.words = words.new;
    Ok(rows)
}

fn keep_words(db: &Connection, step: &[(i64, Vec<u8>)]) -> Result<(), StoreError> {
    let mut insert = db.prepare_cached("INSERT INTO word (no, word_sealed) VALUES (?1, ?2)")?;
    for (no, sealed) in step {
        insert.execute((no, sealed))?;
    }
    Ok(())
}

fn end(db: &Connection, (home, no): (i64, i64), step: &[[i64; 4]]) -> Result<(), StoreError> {
    let mut update = db.prepare_cached(
        "UPDATE statement SET until = ?6 WHERE home = ?1 AND about = ?2 AND sort = ?3 AND says = ?4
         AND (sort <> 2 OR what = ?5) AND until IS NULL",
    )?;
    for [about, sort, says, what] in step {
        update.execute((home, about, sort, says, what, no))?;
    }
    Ok(())
}

fn start(
    db: &Connection,
    (home, no): (i64, i64),
    step: &[([i64; 4], Option<i64>)],
) -> Result<(), StoreError> {
    let mut insert = db.prepare_cached(
        "INSERT INTO statement (home, about, sort, says, what, since, source)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for ([about, sort, says, what], source) in step {
        insert.execute((home, about, sort, says, what, no, source))?;
    }
    Ok(())
}

/// The number of the next moment, once nothing is left of one that was cut short.
fn clear(desk: &mut Desk<'_>) -> Result<i64, StoreError> {
    let last: Option<i64> =
        desk.db.prepare_cached("SELECT max(no) FROM moment")?.query_row([], |row| row.get(0))?;
    let next = last.unwrap_or(0).max(meta::number(desk.db, meta::MOMENT)?) + 1;
    if meta::get(desk.db, meta::MOMENT_OPEN)?.is_some() {
        let open = meta::number(desk.db, meta::MOMENT_OPEN)?;
        desk.db.prepare_cached("DELETE FROM statement WHERE since = ?1")?.execute([open])?;
        desk.db
            .prepare_cached("UPDATE statement SET until = NULL WHERE until = ?1")?
            .execute([open])?;
    }
    meta::put(desk.db, meta::MOMENT_OPEN, &next.to_be_bytes())?;
    meta::put(desk.db, meta::MOMENT, &next.to_be_bytes())?;
    Ok(next)
}

fn finish(
    desk: &mut Desk<'_>,
    no: i64,
    moment: &NewMoment,
    kept: Option<&Kept>,
    entries: Vec<Prepared>,
) -> Result<(), StoreError> {
    let NewMoment { connection, home, head, as_of, recorded, settled } = moment;
    let (as_of, recorded) = (as_of.millis(), recorded.millis());
    desk.db
        .prepare_cached(
            "INSERT INTO moment (no, connection, home, head, as_of, confirmed, recorded, settled)
             VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7)",
        )?
        .execute((no, connection.as_str(), home, head, as_of, recorded, settled))?;
    desk.db.prepare_cached("DELETE FROM meta WHERE name = ?1")?.execute([meta::MOMENT_OPEN])?;
    if let Some(kept) = kept {
        kept.write(desk.db)?;
    }
    append(desk, entries)
}

/// The same was read again.
fn confirm(
    desk: &mut Desk<'_>,
    kept: &Kept,
    as_of: Time,
    entries: Vec<Prepared>,
) -> Result<(), StoreError> {
    desk.db
        .prepare_cached(
            "UPDATE moment SET confirmed = max(confirmed, ?2)
             WHERE no = (SELECT max(no) FROM moment WHERE connection = ?1)",
        )?
        .execute((kept.connection.as_str(), as_of.millis()))?;
    kept.write(desk.db)?;
    append(desk, entries)
}

fn append(desk: &mut Desk<'_>, entries: Vec<Prepared>) -> Result<(), StoreError> {
    entries.into_iter().try_for_each(|entry| log::append(desk, entry).map(drop))
}
