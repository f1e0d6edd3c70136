//! The ledger's tables: entries, the tree over them, sealed parts, checkpoints.
//!
//! An entry is appended in the transaction of what it tells. Its time never runs back: one that was stamped before the
//! last is recorded at the last's time, unless it is the marked entry that says the clock was set back.

use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::OptionalExtension as _;
use serde_json::Map;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::graph::ConnectionId;
use crate::graph::Time;
use crate::ledger;
use crate::ledger::Checkpoint;
use crate::ledger::Commitment;
use crate::ledger::Draft;
use crate::ledger::Entry;
use crate::ledger::Frontier;
use crate::ledger::Hash;
use crate::ledger::Kept;
use crate::ledger::Kind;
use crate::ledger::Moment;
use crate::ledger::NoteError;
use crate::ledger::ProofError;
use crate::ledger::SealedPart;
use crate::ledger::VerifierKey;
use crate::secret;
use crate::store::OpenError;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::meta;
use crate::store::row;
use crate::store::writer::Desk;
use crate::store::writer::State;

/// Sealed parts an entry can have: their place in the table is `entry * 16 + number`.
pub(super) const MAX_PARTS: usize = 16;

/// A node's place is `level * 2^48 + index`.
const LEVEL: u32 = 48;

/// Signed checkpoints kept; whoever wants to compare keeps their own.
const MAX_CHECKPOINTS: i64 = 10_000;

/// An entry to be appended. `subject` and `body` hold ids, hashes and words of ours: never names, free text, ref names
/// or ids made of them. Those go into `sealed`. The body is a tree, or canonical JSON where it is written often.
#[derive(Clone, Debug)]
pub struct NewEntry<B = Map<String, Value>> {
    /// What it is about.
    pub kind: Kind,
    /// When.
    pub at: Time,
    /// The connection it concerns.
    pub connection: Option<ConnectionId>,
    /// The id of what it is about.
    pub subject: String,
    /// Ids, hashes, words.
    pub body: B,
    /// Names and free text, by part name (1 to 64 of a-z, 0-9 and `-_./:`); at most 16 parts.
    pub sealed: Vec<(String, Vec<u8>)>,
    /// Ids of the people the parts speak of, so that they can be erased.
    pub mentions: Vec<String>,
}

impl NewEntry {
    /// An entry with nothing in it yet.
    pub fn new(kind: Kind, at: Time, subject: String) -> Self {
        Self {
            kind,
            at,
            connection: None,
            subject,
            body: Map::new(),
            sealed: Vec::new(),
            mentions: Vec::new(),
        }
    }

    /// Salts, commits and renders: the costly part, done before the writer is asked.
    pub(super) fn prepare(self) -> Result<Prepared, StoreError> {
        let (parts, sealed) = parts_of(self.sealed)?;
        let at = moment(self.at.millis())?;
        let entry = Entry {
            kind: self.kind,
            at,
            connection: self.connection.map(|connection| connection.as_str().to_owned()),
            subject: self.subject,
            body: self.body,
            sealed,
        };
        let (bytes, marks_clock) = (entry.to_bytes()?, entry.marks_clock());
        Ok(Prepared { at, marks_clock, bytes, parts, mentions: self.mentions })
    }
}

impl NewEntry<Box<RawValue>> {
    /// The same for a body that is canonical JSON already.
    pub(super) fn prepare(self) -> Result<Prepared, StoreError> {
        let (parts, sealed) = parts_of(self.sealed)?;
        let at = moment(self.at.millis())?;
        let draft = Draft {
            kind: self.kind,
            at,
            connection: self.connection.as_ref().map(ConnectionId::as_str),
            subject: &self.subject,
            body: &self.body,
            sealed: &sealed,
        };
        let bytes = draft.to_bytes()?;
        Ok(Prepared { at, marks_clock: false, bytes, parts, mentions: self.mentions })
    }
}

/// The parts with their salts, and what the entry commits to.
fn parts_of(
    sealed: Vec<(String, Vec<u8>)>,
) -> Result<(Vec<SealedPart>, BTreeMap<String, Commitment>), StoreError> {
    if sealed.len() > MAX_PARTS {
        return Err(StoreError::Parts(MAX_PARTS));
    }
    // All at once: a call to the generator costs as much as the commitments.
    let salts = secret::random::<{ 32 * MAX_PARTS }>()?;
    let (salts, _) = salts.as_chunks::<32>();
    let salted = |((name, bytes), salt)| SealedPart { name, salt, bytes };
    let parts: Vec<_> = sealed.into_iter().zip(salts.iter().copied()).map(salted).collect();
    let commitments = parts.iter().map(|part| (part.name.clone(), part.commit())).collect();
    Ok((parts, commitments))
}

/// An entry ready to be appended.
#[derive(Debug)]
pub(super) struct Prepared {
    at: Moment,
    /// Whether it says that the clock was set back.
    marks_clock: bool,
    bytes: Vec<u8>,
    parts: Vec<SealedPart>,
    mentions: Vec<String>,
}

/// How long the record is and its root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Entries.
    pub size: u64,
    /// RFC 6962 root.
    pub root: Hash,
}

/// Why there is no checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// It could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be made.
    #[error("the checkpoint cannot be signed: {0}")]
    Note(#[from] NoteError),
}

/// Why an export stopped.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// There is nothing signed to export.
    #[error("the record has no checkpoint yet: start the gateway once")]
    NoCheckpoint,
    /// A file could not be written.
    #[error("the export could not be written: {0}")]
    Write(#[from] std::io::Error),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger refuses to lay it out.
    #[error("{0}")]
    Ledger(String),
}

impl Store {
    /// Appends entries, in this order, in one transaction; returns their indexes.
    pub async fn append(&self, entries: Vec<NewEntry>) -> Result<Vec<u64>, StoreError> {
        let prepared: Vec<_> =
            entries.into_iter().map(|entry: NewEntry| entry.prepare()).collect::<Result<_, _>>()?;
        self.write(move |desk| prepared.into_iter().map(|entry| append(desk, entry)).collect())
            .await
    }

    /// How long the record is, and its root.
    pub async fn head(&self) -> Result<Head, StoreError> {
        self.ask(head).await
    }

    /// Signs where the record stands and keeps the note. If nothing was added since, the note there is.
    pub async fn checkpoint(
        &self,
        key: &VerifierKey,
        now: Time,
        sign: impl FnOnce(&[u8]) -> [u8; 64] + Send + 'static,
    ) -> Result<String, CheckpointError> {
        let (key, origin) = (key.clone(), self.origin().to_owned());
        let note = self.write(move |desk| {
            let edge = &desk.state.edge;
            let text = Checkpoint { origin, size: edge.size(), root: edge.root() }.to_string();
            match latest(desk.db)? {
                Some(note) if note.starts_with(&text) => Ok(Ok(note)),
                Some(_) | None => match ledger::sign_note(&text, &key, sign) {
                    Ok(note) => keep_checkpoint(desk, note, now).map(Ok),
                    Err(error) => Ok(Err(error)),
                },
            }
        });
        Ok(note.await??)
    }

    /// The newest signed note.
    pub async fn latest_checkpoint(&self) -> Result<Option<String>, StoreError> {
        self.ask(latest).await
    }

    /// One entry and what is left of its sealed parts.
    pub async fn entry(&self, index: u64) -> Result<Option<ledger::Record>, StoreError> {
        self.ask(move |db| record(db, row::signed(index))).await
    }

    /// The proof that entry `index` is in the record of `size` entries.
    pub async fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, StoreError> {
        self.ask(move |db| proved(ledger::prove_inclusion(|l, i| node(db, l, i), index, size)))
            .await
    }

    /// The proof that the record of `newer` entries continues the one of `older`.
    pub async fn consistency(&self, older: u64, newer: u64) -> Result<Vec<Hash>, StoreError> {
        self.ask(move |db| proved(ledger::prove_consistency(|l, i| node(db, l, i), older, newer)))
            .await
    }

    /// Writes the record up to the newest checkpoint as files, each by its path below the folder; the checkpoint
    /// comes last. One snapshot, one pass, little memory.
    pub async fn export(
        &self,
        mut write: impl FnMut(&str, &[u8]) -> Result<(), std::io::Error> + Send + 'static,
    ) -> Result<Checkpoint, ExportError> {
        let exported = self.inner.readers.walk(move |db| {
            let Some(note) = latest(db)? else { return Ok(Err(ExportError::NoCheckpoint)) };
            let read = |index| -> Result<ledger::Record, ExportError> {
                let missing = || StoreError::Corrupt(format!("entry {index} is missing"));
                Ok(record(db, row::signed(index))?.ok_or_else(missing)?)
            };
            let written = |path: &str, bytes: &[u8]| Ok(write(path, bytes)?);
            Ok(ledger::export(&note, read, written).map_err(|error| match error {
                ledger::ExportError::Caller(error) => error,
                other @ (ledger::ExportError::Checkpoint(_)
                | ledger::ExportError::TooLong { .. }
                | ledger::ExportError::Sealed { .. }
                | ledger::ExportError::Root { .. }) => ExportError::Ledger(other.to_string()),
            }))
        });
        exported.await?
    }
}

/// Appends one entry with its parts; the tree grows with it.
pub(super) fn append(desk: &mut Desk<'_>, prepared: Prepared) -> Result<u64, StoreError> {
    let Prepared { mut at, marks_clock, mut bytes, parts, mentions } = prepared;
    if at.as_millis() < desk.state.last && !marks_clock {
        at = moment(desk.state.last)?;
        ledger::restamp(&mut bytes, at);
    }
    let index = desk.state.edge.size();
    desk.state.last = at.as_millis();
    let db = desk.db;
    db.prepare_cached("INSERT INTO entry (idx, at, bytes) VALUES (?1, ?2, ?3)")?.execute((
        row::signed(index),
        desk.state.last,
        &bytes,
    ))?;
    // Leaves are not kept: they are the hashes of the entries.
    let inner = desk.state.edge.append(ledger::leaf_hash(&bytes)).into_iter().skip(1);
    for (level, index, hash) in inner {
        db.prepare_cached("INSERT INTO node (place, hash) VALUES (?1, ?2)")?
            .execute((node_place(level, index), hash.0))?;
    }
    for (place, part) in part_places(row::signed(index)).zip(parts) {
        db.prepare_cached("INSERT INTO sealed (place, name, salt, bytes) VALUES (?1, ?2, ?3, ?4)")?
            .execute((place, part.name, part.salt, part.bytes))?;
    }
    for identity in mentions {
        db.prepare_cached("INSERT OR IGNORE INTO mention (identity, entry) VALUES (?1, ?2)")?
            .execute((identity, row::signed(index)))?;
    }
    Ok(index)
}

/// The places of an entry's sealed parts.
pub(super) fn part_places(entry: i64) -> std::ops::Range<i64> {
    let first = entry.saturating_mul(MAX_PARTS.cast_signed() as i64);
    first..first.saturating_add(MAX_PARTS.cast_signed() as i64)
}

/// The entry whose sealed part stands at a place.
pub(super) fn entry_of(place: i64) -> i64 {
    place / MAX_PARTS.cast_signed() as i64
}

fn node_place(level: u8, index: u64) -> i64 {
    (i64::from(level) << LEVEL) | row::signed(index)
}

fn moment(millis: i64) -> Result<Moment, StoreError> {
    Moment::from_millis(millis).map_err(|error| StoreError::Fault(error.to_string()))
}

pub(super) fn edge(db: &Connection) -> Result<Frontier, StoreError> {
    match meta::get(db, meta::EDGE)? {
        None => Ok(Frontier::new()),
        Some(bytes) => Frontier::from_bytes(&bytes)
            .ok_or_else(|| StoreError::Corrupt("the edge of the tree is unreadable".to_owned())),
    }
}

/// How long the record is, and its root.
pub(super) fn head(db: &Connection) -> Result<Head, StoreError> {
    edge(db).map(|edge| Head { size: edge.size(), root: edge.root() })
}

/// The first entry from that time on, or the place after the last. Entries stand in the order of their times, so some
/// twenty of them tell.
pub(super) fn first_since(db: &Connection, time: Time) -> Result<i64, StoreError> {
    let (mut low, mut high) = (0, after_last(db)?);
    let mut at = db.prepare_cached("SELECT at FROM entry WHERE idx = ?1")?;
    while low < high {
        let middle = low + (high - low) / 2;
        if at.query_row([middle], |row| row.get::<_, i64>(0))? < time.millis() {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// The place after the last entry.
pub(super) fn after_last(db: &Connection) -> Result<i64, StoreError> {
    let sql = "SELECT coalesce(max(idx), -1) + 1 FROM entry";
    Ok(db.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

fn latest(db: &Connection) -> Result<Option<String>, StoreError> {
    let sql = "SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1";
    Ok(db.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?)
}

fn keep_checkpoint(desk: &mut Desk<'_>, note: String, now: Time) -> Result<String, StoreError> {
    let size = row::signed(desk.state.edge.size());
    desk.db
        .prepare_cached("INSERT OR REPLACE INTO checkpoint (size, at, note) VALUES (?1, ?2, ?3)")?
        .execute((size, now.millis(), &note))?;
    desk.db
        .prepare_cached(
            "DELETE FROM checkpoint WHERE size <=
             (SELECT size FROM checkpoint ORDER BY size DESC LIMIT 1 OFFSET ?1)",
        )?
        .execute([MAX_CHECKPOINTS])?;
    Ok(note)
}

fn proved(proof: Result<Vec<Hash>, ProofError>) -> Result<Vec<Hash>, StoreError> {
    proof.map_err(|error| match error {
        ProofError::OutOfRange { .. } => StoreError::Fault(error.to_string()),
        ProofError::MissingNode { .. } => StoreError::Corrupt(error.to_string()),
    })
}

/// A complete node; one that cannot be read counts as missing.
fn node(db: &Connection, level: u8, index: u64) -> Option<Hash> {
    if level == 0 {
        let bytes: Vec<u8> = db
            .prepare_cached("SELECT bytes FROM entry WHERE idx = ?1")
            .and_then(|mut query| query.query_row([row::signed(index)], |row| row.get(0)))
            .ok()?;
        return Some(ledger::leaf_hash(&bytes));
    }
    db.prepare_cached("SELECT hash FROM node WHERE place = ?1")
        .and_then(|mut query| query.query_row([node_place(level, index)], |row| row.get(0)))
        .ok()
        .map(Hash)
}

/// An entry and what is left of its parts.
pub(super) fn record(db: &Connection, index: i64) -> Result<Option<ledger::Record>, StoreError> {
    let entry = db
        .prepare_cached("SELECT bytes FROM entry WHERE idx = ?1")?
        .query_row([index], |row| row.get(0))
        .optional()?;
    let Some(entry) = entry else { return Ok(None) };
    Ok(Some(ledger::Record { entry, sealed: parts(db, index)? }))
}

fn parts(db: &Connection, index: i64) -> Result<Vec<Kept>, StoreError> {
    let places = part_places(index);
    let mut present = db.prepare_cached(
        "SELECT name, salt, bytes FROM sealed WHERE place >= ?1 AND place < ?2
         AND place NOT IN (SELECT place FROM erased WHERE place >= ?1 AND place < ?2)",
    )?;
    let present = present.query_map((places.start, places.end), |row| {
        Ok(Kept::Present(SealedPart { name: row.get(0)?, salt: row.get(1)?, bytes: row.get(2)? }))
    })?;
    let mut kept = present.collect::<Result<Vec<_>, _>>()?;
    let mut erased =
        db.prepare_cached("SELECT name, at FROM erased WHERE place >= ?1 AND place < ?2")?;
    let mut rows = erased.query((places.start, places.end))?;
    while let Some(row) = rows.next()? {
        kept.push(Kept::Erased { name: row.get(0)?, at: moment(row.get(1)?)? });
    }
    Ok(kept)
}

/// Where the ledger stands, after asking whether it agrees with itself: the edge with the number of entries, with the
/// nodes below it, and with the newest signed checkpoint. Some dozen lookups; a whole check is the verifier's.
pub(super) fn state(db: &Connection) -> Result<State, OpenError> {
    let edge = edge(db)?;
    let sql = "SELECT idx + 1, at FROM entry ORDER BY idx DESC LIMIT 1";
    let (entries, last) = db
        .query_row(sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
        .optional()?
        .unwrap_or_default();
    let size = edge.size();
    if row::unsigned(entries) != size {
        return Err(OpenError::Record(format!("it has {entries} entries and {size} are counted")));
    }
    let root = |size| {
        ledger::root_at(|l, i| node(db, l, i), size)
            .map_err(|error| OpenError::Record(error.to_string()))
    };
    if root(size)? != edge.root() {
        return Err(OpenError::Record("the tree does not grow from its entries".to_owned()));
    }
    if let Some(note) = latest(db)? {
        let signed: Checkpoint =
            note.parse().map_err(|_| OpenError::Record("its checkpoint is none".to_owned()))?;
        if signed.size > size {
            let cut = format!("{} entries were signed and {size} are left", signed.size);
            return Err(OpenError::Record(cut));
        }
        if root(signed.size)? != signed.root {
            return Err(OpenError::Record("its entries are not those that were signed".to_owned()));
        }
    }
    Ok(State { edge, last })
}
