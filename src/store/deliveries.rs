//! The inbox: deliveries from the moment they are kept until they are done or dead.
//!
//! A hook's deliveries are handed out in the order they came: while an earlier one is unfinished, no other claim gets
//! a later one. Bodies are sealed; `why`s too, and kept out of the ledger, since they may quote a body.

use std::time::Duration;

use rusqlite::Connection;
use rusqlite::OptionalExtension as _;
use rusqlite::Row;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;
use uuid::Uuid;

use crate::event::delivery::HookId;
use crate::graph::ConnectionId;
use crate::graph::Product;
use crate::graph::Time;
use crate::ledger::Kind;
use crate::secret::Seal;
use crate::store::NewEntry;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::log;
use crate::store::recent::Noted;
use crate::store::recent::Of;
use crate::store::row;
use crate::store::writer::Desk;

/// The same body through the same hook within this time is a repetition, whatever its headers say. Bitbucket repeats
/// within seconds; whoever replays an observed delivery can do it any time.
pub const REPEATED_WITHIN: Duration = Duration::from_hours(30 * 24);

/// Deliveries looked at in one claim for one hook; a claim cannot be larger.
const MAX_CLAIM: usize = 1_000;

/// Dead letters on a page.
const MAX_PAGE: usize = 200;

/// A delivery to be kept. The seal on its signature has held.
#[derive(Clone, Debug)]
pub struct NewDelivery<'a> {
    /// The id the answer will name, UUIDv7.
    pub id: Uuid,
    /// Which connection the hook belongs to.
    pub connection: ConnectionId,
    /// Through which hook.
    pub hook: HookId,
    /// Which product sent it.
    pub product: Product,
    /// The event key the sender claims.
    pub key: String,
    /// SHA-256 of the body.
    pub digest: [u8; 32],
    /// The body; it is sealed before it is written.
    pub body: &'a [u8],
    /// When it came in.
    pub received: Time,
    /// The sender's count of its attempts, 1 for the first.
    pub attempt: u32,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is on the disk.
    New(Uuid),
    /// It was there already, as this delivery.
    Duplicate(Uuid),
}

/// A delivery handed out to be worked on, until its lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Its id.
    pub id: Uuid,
    /// Which connection.
    pub connection: ConnectionId,
    /// Through which hook.
    pub hook: HookId,
    /// Which product.
    pub product: Product,
    /// The event key the sender claims.
    pub key: String,
    /// SHA-256 of the body.
    pub digest: [u8; 32],
    /// The body, byte for byte.
    pub body: Vec<u8>,
    /// When it came in.
    pub received: Time,
    /// How often it was handed out, this time included.
    pub tries: u32,
}

/// A delivery nothing could be made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its id.
    pub id: Uuid,
    /// Which connection.
    pub connection: ConnectionId,
    /// Through which hook.
    pub hook: HookId,
    /// Which product.
    pub product: Product,
    /// The event key the sender claimed.
    pub key: String,
    /// SHA-256 of the body.
    pub digest: [u8; 32],
    /// When it came in.
    pub received: Time,
    /// When it was given up.
    pub died: Time,
    /// Why; may quote the body.
    pub why: String,
    /// Where the next page goes on.
    pub place: u64,
}

/// What became of the wish to try a dead letter again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// It waits again, in its old place.
    Waiting,
    /// There is no dead letter of this id.
    NotDead,
    /// Its body was forgotten, only the hash is left.
    Forgotten,
}

/// A claimed row, its body still sealed.
struct Taken {
    seq: i64,
    claimed: Claimed,
    sealed: Option<Vec<u8>>,
}

impl Store {
    /// Keeps a delivery; it is on the disk when this returns. Sealing costs some microseconds on the caller's thread.
    pub async fn keep(&self, delivery: NewDelivery<'_>) -> Result<Kept, StoreError> {
        // Before it is sealed, since nothing sealed can be compressed: a third of the pages, for some 3 µs.
        let packed = lz4_flex::compress_prepend_size(delivery.body);
        let sealed = self.seal()?.seal(&body_purpose(delivery.id), &packed)?;
        let delivery = NewDelivery { body: &[], ..delivery };
        self.write_plain(move |desk| keep(desk, &delivery, &sealed)).await
    }

    /// Hands out up to `limit` deliveries that wait, oldest first, each until `now + lease`. A hook of which another
    /// claim still holds one gets none; those of one hook come in order and are to be finished in order.
    pub async fn claim(
        &self,
        limit: usize,
        now: Time,
        lease: Duration,
    ) -> Result<Vec<Claimed>, StoreError> {
        let limit = limit.min(MAX_CLAIM);
        let taken = self.write(move |desk| claim(desk.db, limit, now, now.plus(lease))).await?;
        let mut claims = Vec::with_capacity(taken.len());
        for one in taken {
            let id = one.claimed.id;
            let opened = match &one.sealed {
                Some(sealed) => opened(self.seal()?, id, sealed),
                None => Err("its body was forgotten".to_owned()),
            };
            match opened {
                Ok(body) => claims.push(Claimed { body, ..one.claimed }),
                Err(why) => self.dead_letter(id, &why, now).await?,
            }
        }
        Ok(claims)
    }

    /// Gives a delivery back, to be handed out again from `retry_at` on. Later ones of its hook wait for it.
    pub async fn give_back(&self, id: Uuid, why: &str, retry_at: Time) -> Result<(), StoreError> {
        let why = self.seal()?.seal(&why_purpose(id), why.as_bytes())?;
        self.write(move |desk| {
            desk.db
                .prepare_cached(
                    "UPDATE delivery SET lease = 0, due = ?2, why_sealed = ?3 WHERE id = ?1 AND state = 0",
                )?
                .execute((id.as_bytes(), retry_at.millis(), why))?;
            Ok(())
        })
        .await
    }

    /// Gives a delivery up: it stays, with the reason, and the ledger says that something could not be seen.
    pub async fn dead_letter(&self, id: Uuid, why: &str, now: Time) -> Result<(), StoreError> {
        let sealed = self.seal()?.seal(&why_purpose(id), why.as_bytes())?;
        self.write(move |desk| bury(desk, id, sealed, now)).await
    }

    /// Finishes a delivery of which there is nothing to decide: our own action, say.
    pub async fn finish_without_decision(
        &self,
        id: Uuid,
        why: &str,
        now: Time,
    ) -> Result<(), StoreError> {
        let why = self.seal()?.seal(&why_purpose(id), why.as_bytes())?;
        self.write(move |desk| finish(desk.db, id, Some(&why), now).map(drop)).await
    }

    /// Dead letters, newest first, at most 200 a page; `before` is the `place` of the last one seen.
    pub async fn dead_letters(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let seal = self.seal()?.clone();
        self.ask(move |db| dead_letters(db, &seal, before, limit.min(MAX_PAGE))).await
    }

    /// Lets a dead letter wait again, in its old place; the ledger says who wanted it.
    pub async fn replay(&self, id: Uuid, by: &str, now: Time) -> Result<Replay, StoreError> {
        let by = by.to_owned();
        self.write(move |desk| replay(desk, id, by, now)).await
    }

    /// How many deliveries wait.
    pub async fn waiting(&self) -> Result<u64, StoreError> {
        self.ask(|db| {
            let count = "SELECT count(*) FROM delivery WHERE state = 0";
            Ok(row::unsigned(db.prepare_cached(count)?.query_row([], |row| row.get(0))?))
        })
        .await
    }
}

pub(super) fn body_purpose(id: Uuid) -> String {
    format!("body {id}")
}

fn opened(seal: &Seal, id: Uuid, sealed: &[u8]) -> Result<Vec<u8>, String> {
    let packed = seal.open(&body_purpose(id), sealed).map_err(|error| error.to_string())?;
    lz4_flex::decompress_size_prepended(&packed).map_err(|error| error.to_string())
}

pub(super) fn why_purpose(id: Uuid) -> String {
    format!("why {id}")
}

/// The same body through another hook is another delivery.
fn body_and_hook(new: &NewDelivery<'_>) -> [u8; 32] {
    Sha256::new().chain_update(new.digest).chain_update(new.hook.as_str()).finalize().into()
}

fn keep(desk: &mut Desk<'_>, new: &NewDelivery<'_>, sealed: &[u8]) -> Result<Kept, StoreError> {
    let (db, hash) = (desk.db, body_and_hook(new));
    let since = new.received.millis().saturating_sub(row::millis(REPEATED_WITHIN));
    let earlier = desk.recent.find(db, Of::Body, &hash)?;
    if let Some(earlier) = earlier.filter(|earlier| earlier.at.millis() > since) {
        return Ok(Kept::Duplicate(earlier.id));
    }
    desk.recent.note(db, Of::Body, hash, Noted { id: new.id, at: new.received })?;
    db.prepare_cached(
        "INSERT INTO delivery (id, connection, hook, product, key, digest, received, attempt, due)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?7)",
    )?
    .execute((
        new.id.as_bytes(),
        new.connection.as_str(),
        new.hook.as_str(),
        new.product.as_str(),
        &new.key,
        new.digest,
        new.received.millis(),
        new.attempt,
    ))?;
    db.prepare_cached("INSERT INTO body (seq, body_sealed) VALUES (?1, ?2)")?
        .execute((db.last_insert_rowid(), sealed))?;
    Ok(Kept::New(new.id))
}

fn claim(db: &Connection, limit: usize, now: Time, until: Time) -> Result<Vec<Taken>, StoreError> {
    let mut taken = Vec::new();
    for hook in waiting_hooks(db)? {
        taken.extend(front(db, &hook, limit, now)?);
    }
    // Oldest first over all hooks; what is cut off is the end of each hook's row, so the order within it holds.
    taken.sort_by_key(|one| one.seq);
    taken.truncate(limit);
    for one in &mut taken {
        db.prepare_cached("UPDATE delivery SET lease = ?2, tries = tries + 1 WHERE seq = ?1")?
            .execute((one.seq, until.millis()))?;
        one.sealed = db
            .prepare_cached("SELECT body_sealed FROM body WHERE seq = ?1")?
            .query_row([one.seq], |row| row.get(0))
            .optional()?;
    }
    Ok(taken)
}

/// Each hook with something waiting, by one step in the index each.
fn waiting_hooks(db: &Connection) -> Result<Vec<String>, StoreError> {
    let mut next = db.prepare_cached(
        "SELECT hook FROM delivery WHERE state = 0 AND hook > ?1 ORDER BY hook LIMIT 1",
    )?;
    let mut hooks: Vec<String> = Vec::new();
    while let Some(hook) =
        next.query_row([hooks.last().map_or("", String::as_str)], |row| row.get(0)).optional()?
    {
        hooks.push(hook);
    }
    Ok(hooks)
}

/// What of a hook can be handed out: from its oldest on, up to one that is held or not due. None if any is held.
fn front(db: &Connection, hook: &str, limit: usize, now: Time) -> Result<Vec<Taken>, StoreError> {
    let mut query = db.prepare_cached(
        "SELECT seq, lease, due, id, connection, hook, product, key, digest, received, tries
         FROM delivery WHERE state = 0 AND hook = ?1 ORDER BY seq LIMIT ?2",
    )?;
    let mut rows = query.query((hook, row::signed(limit as u64)))?;
    let mut front = Vec::new();
    while let Some(row) = rows.next()? {
        let (lease, due): (i64, i64) = (row.get(1)?, row.get(2)?);
        if lease > now.millis() {
            return Ok(Vec::new());
        }
        if due > now.millis() {
            break;
        }
        front.push(Taken { seq: row.get(0)?, claimed: claimed(row)?, sealed: None });
    }
    Ok(front)
}

fn claimed(row: &Row<'_>) -> Result<Claimed, StoreError> {
    Ok(Claimed {
        id: row::uuid(row, 3)?,
        connection: row::parsed(row, 4)?,
        hook: row::parsed(row, 5)?,
        product: row::parsed(row, 6)?,
        key: row.get(7)?,
        digest: row.get(8)?,
        body: Vec::new(),
        received: Time::from_millis(row.get(9)?),
        tries: row.get::<_, u32>(10)?.saturating_add(1),
    })
}

/// Marks a delivery done; false if it is not waiting any more.
pub(super) fn finish(
    db: &Connection,
    id: Uuid,
    why: Option<&[u8]>,
    now: Time,
) -> Result<bool, StoreError> {
    let changed = db
        .prepare_cached(
            "UPDATE delivery SET state = 1, ended = ?2, lease = 0, why_sealed = ?3
             WHERE id = ?1 AND state = 0",
        )?
        .execute((id.as_bytes(), now.millis(), why))?;
    Ok(changed == 1)
}

fn bury(desk: &mut Desk<'_>, id: Uuid, why: Vec<u8>, now: Time) -> Result<(), StoreError> {
    let buried = desk
        .db
        .prepare_cached(
            "UPDATE delivery SET state = 2, ended = ?2, lease = 0, why_sealed = ?3
             WHERE id = ?1 AND state = 0 RETURNING connection, hook, digest",
        )?
        .query_row((id.as_bytes(), now.millis(), why), |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, [u8; 32]>(2)?))
        })
        .optional()?;
    let Some((connection, hook, digest)) = buried else { return Ok(()) };
    let entry = NewEntry {
        connection: Some(row::known(connection.parse())?),
        body: row::members(json!({
            "why": "unreadable", "hook": hook, "delivery_sha256": hex::encode(digest),
        })),
        ..NewEntry::new(Kind::Gap, now, id.to_string())
    };
    log::append(desk, entry.prepare()?).map(drop)
}

fn dead_letters(
    db: &Connection,
    seal: &Seal,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<DeadLetter>, StoreError> {
    let mut query = db.prepare_cached(
        "SELECT seq, ended, why_sealed, id, connection, hook, product, key, digest, received
         FROM delivery WHERE state = 2 AND seq < ?1 ORDER BY seq DESC LIMIT ?2",
    )?;
    let before = before.map_or(i64::MAX, row::signed);
    let mut rows = query.query((before, row::signed(limit as u64)))?;
    let mut letters = Vec::new();
    while let Some(row) = rows.next()? {
        letters.push(dead_letter(row, seal)?);
    }
    Ok(letters)
}

fn dead_letter(row: &Row<'_>, seal: &Seal) -> Result<DeadLetter, StoreError> {
    let id = row::uuid(row, 3)?;
    let why = seal.open(&why_purpose(id), &row.get::<_, Vec<u8>>(2)?)?;
    Ok(DeadLetter {
        id,
        connection: row::parsed(row, 4)?,
        hook: row::parsed(row, 5)?,
        product: row::parsed(row, 6)?,
        key: row.get(7)?,
        digest: row.get(8)?,
        received: Time::from_millis(row.get(9)?),
        died: Time::from_millis(row.get(1)?),
        why: String::from_utf8_lossy(&why).into_owned(),
        place: row::unsigned(row.get(0)?),
    })
}

fn replay(desk: &mut Desk<'_>, id: Uuid, by: String, now: Time) -> Result<Replay, StoreError> {
    let found = desk
        .db
        .prepare_cached(
            "SELECT seq, connection, EXISTS (SELECT 1 FROM body WHERE body.seq = delivery.seq)
             FROM delivery WHERE id = ?1 AND state = 2",
        )?
        .query_row([id.as_bytes()], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, bool>(2)?))
        })
        .optional()?;
    let (seq, connection) = match found {
        None => return Ok(Replay::NotDead),
        Some((_, _, false)) => return Ok(Replay::Forgotten),
        Some((seq, connection, true)) => (seq, connection),
    };
    desk.db
        .prepare_cached(
            "UPDATE delivery SET state = 0, tries = 0, due = ?2, ended = NULL, why_sealed = NULL
             WHERE seq = ?1",
        )?
        .execute((seq, now.millis()))?;
    let entry = NewEntry {
        connection: Some(row::known(connection.parse())?),
        body: row::members(json!({ "what": "delivery replayed" })),
        sealed: vec![("by".to_owned(), by.into_bytes())],
        ..NewEntry::new(Kind::Admin, now, id.to_string())
    };
    log::append(desk, entry.prepare()?)?;
    Ok(Replay::Waiting)
}
