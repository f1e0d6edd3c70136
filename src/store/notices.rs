//! Notices: what is to be told, recorded with what it tells of, so that none is lost; and held back where the same cause
//! was told to the same channel before.
//!
//! What they say is kept sealed and goes once a message says it (`messages`). Who hears what is not known here.

use rusqlite::Connection;
use rusqlite::OptionalExtension as _;
use sha2::Digest;
use sha2::Sha256;
use uuid::Uuid;

use crate::graph::Time;
use crate::secret::Seal;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::row;
use crate::words;

/// Causes of one notice that are looked up. One is a rule that spoke; no bundle has so many that speak at once.
const MAX_CAUSES: usize = 64;

/// Notices of one channel read at once. More than one message lists, so that none is formed twice for one burst.
pub const MAX_READ: usize = 500;

words! {
    /// When a notice is told.
    pub enum Tell {
        /// At once.
        Now = "now",
        /// With the digest.
        Digest = "digest",
        /// Its cause was told before: counted in the digest.
        Held = "held",
    }
}

/// Something to be told to a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNotice {
    /// The channel's id.
    pub channel: String,
    /// What it is about: a decision, a pause, or an id of its own.
    pub about: Uuid,
    /// What it is the same as, one text for each rule; never none. The first stands for it in the digest.
    pub causes: Vec<String>,
    /// [`Tell::Now`] or [`Tell::Digest`]; whether it is held is found out here.
    pub tell: Tell,
    /// A cause that was told at or after this time is not told again.
    pub held_since: Time,
    /// What it says; kept sealed.
    pub item: Vec<u8>,
}

/// A notice that no message tells yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untold {
    /// Its number.
    pub number: u64,
    /// What it is about.
    pub about: Uuid,
    /// Since when it waits.
    pub at: Time,
    /// What it says.
    pub item: Vec<u8>,
}

/// Notices with one cause that wait for the digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// How many.
    pub count: u64,
    /// What the newest says.
    pub item: Vec<u8>,
}

/// A notice ready for its row.
pub(super) struct SealedNotice {
    channel: String,
    about: Uuid,
    causes: Vec<[u8; 32]>,
    tell: Tell,
    held_since: Time,
    sealed: Vec<u8>,
}

impl Store {
    /// Records notices that come with nothing else. Returns how many of them are told at once.
    pub async fn add_notices(
        &self,
        notices: Vec<NewNotice>,
        now: Time,
    ) -> Result<usize, StoreError> {
        let seal = self.seal()?;
        let sealed: Vec<_> =
            notices.into_iter().map(|notice| self::seal(notice, seal)).collect::<Result<_, _>>()?;
        self.write(move |desk| {
            let told = sealed.into_iter().map(|notice| add(desk.db, notice, now));
            let told = told.collect::<Result<Vec<_>, _>>()?;
            Ok(told.into_iter().filter(|tell| *tell == Tell::Now).count())
        })
        .await
    }

    /// Channels for which something of this kind waits.
    pub async fn untold(&self, tell: Tell) -> Result<Vec<String>, StoreError> {
        self.ask(move |db| {
            let mut query = db.prepare_cached(
                "SELECT DISTINCT channel FROM notice WHERE message IS NULL AND state = ?1",
            )?;
            let rows = query.query_map([state(tell)], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// What is to be told to a channel at once, oldest first, at most 500.
    pub async fn untold_of(&self, channel: &str) -> Result<Vec<Untold>, StoreError> {
        let (channel, seal) = (channel.to_owned(), self.seal()?.clone());
        self.ask(move |db| {
            let mut query = db.prepare_cached(
                "SELECT seq, about, item_sealed, at FROM notice
                 WHERE message IS NULL AND state = 0 AND channel = ?1 ORDER BY seq LIMIT ?2",
            )?;
            let mut rows = query.query((&channel, row::signed(MAX_READ as u64)))?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let about = row::uuid(row, 1)?;
                let item = opened(&seal, &channel, about, &row.get::<_, Vec<u8>>(2)?)?;
                let (number, at) = (row::unsigned(row.get(0)?), Time::from_millis(row.get(3)?));
                found.push(Untold { number, about, at, item });
            }
            Ok(found)
        })
        .await
    }

    /// What waits for the digest of a channel up to a time, cause by cause, the most frequent first, at most `limit`; and
    /// how many causes there are in all.
    pub async fn digest_of(
        &self,
        channel: &str,
        until: Time,
        limit: usize,
    ) -> Result<(Vec<Counted>, u64), StoreError> {
        let (channel, seal) = (channel.to_owned(), self.seal()?.clone());
        self.ask(move |db| {
            // Sqlite takes the other columns from the row that has the maximum.
            let mut query = db.prepare_cached(
                "SELECT count(*) AS times, max(seq), about, item_sealed FROM notice
                 WHERE message IS NULL AND state IN (1, 2) AND channel = ?1 AND at < ?2
                 GROUP BY cause ORDER BY times DESC, cause LIMIT ?3",
            )?;
            let mut rows = query.query((&channel, until.millis(), row::signed(limit as u64)))?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let item = opened(&seal, &channel, row::uuid(row, 2)?, &row.get::<_, Vec<u8>>(3)?)?;
                found.push(Counted { count: row::unsigned(row.get(0)?), item });
            }
            let causes = db
                .prepare_cached(
                    "SELECT count(DISTINCT cause) FROM notice
                     WHERE message IS NULL AND state IN (1, 2) AND channel = ?1 AND at < ?2",
                )?
                .query_row((&channel, until.millis()), |row| row.get(0))?;
            Ok((found, row::unsigned(causes)))
        })
        .await
    }
}

pub(super) const fn state(tell: Tell) -> i64 {
    match tell {
        Tell::Now => 0,
        Tell::Digest => 1,
        Tell::Held => 2,
    }
}

pub(super) fn purpose(channel: &str, about: Uuid) -> String {
    format!("notice {channel} {about}")
}

fn opened(seal: &Seal, channel: &str, about: Uuid, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
    Ok(seal.open(&purpose(channel, about), sealed)?)
}

pub(super) fn seal(notice: NewNotice, seal: &Seal) -> Result<SealedNotice, StoreError> {
    let NewNotice { channel, about, causes, tell, held_since, item } = notice;
    let hash = |cause: &String| {
        let hash = Sha256::new().chain_update(&channel).chain_update("\n").chain_update(cause);
        hash.finalize().into()
    };
    let causes: Vec<[u8; 32]> = causes.iter().take(MAX_CAUSES).map(hash).collect();
    let sealed = seal.seal(&purpose(&channel, about), &item)?;
    Ok(SealedNotice { channel, about, causes, tell, held_since, sealed })
}

/// Records a notice, and when it is told: one that was to be told at once is held if each of its causes was told since.
pub(super) fn add(db: &Connection, notice: SealedNotice, at: Time) -> Result<Tell, StoreError> {
    let SealedNotice { channel, about, causes, tell, held_since, sealed } = notice;
    let tell = match tell {
        Tell::Now if !is_new(db, &causes, held_since, at)? => Tell::Held,
        Tell::Now | Tell::Digest | Tell::Held => tell,
    };
    db.prepare_cached(
        "INSERT INTO notice (at, channel, about, cause, state, item_sealed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute((
        at.millis(),
        channel,
        about.as_bytes(),
        causes.first().copied().unwrap_or_default(),
        state(tell),
        sealed,
    ))?;
    Ok(tell)
}

/// Whether any of the causes was not told since; those are told from now on.
fn is_new(db: &Connection, causes: &[[u8; 32]], since: Time, at: Time) -> Result<bool, StoreError> {
    let mut any = false;
    for cause in causes {
        let told: Option<i64> = db
            .prepare_cached("SELECT told FROM cause WHERE hash = ?1")?
            .query_row([cause], |row| row.get(0))
            .optional()?;
        if told.is_some_and(|told| told >= since.millis()) {
            continue;
        }
        any = true;
        db.prepare_cached("INSERT OR REPLACE INTO cause (hash, told) VALUES (?1, ?2)")?
            .execute((cause, at.millis()))?;
    }
    Ok(any)
}
