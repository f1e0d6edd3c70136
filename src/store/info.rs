//! What a store is, for the person who keeps it: who it is, how large, how full its disk, how far its record goes.
//!
//! Everything is read in one snapshot, beside a running gateway too; a few lookups and four counts over partial indexes.

use std::path::Path;
use std::path::PathBuf;

use rusqlite::Connection;
use rusqlite::OptionalExtension as _;
use uuid::Uuid;

use crate::graph::Time;
use crate::store::Head;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::log;
use crate::store::open;
use crate::store::row;
use crate::store::schema;

/// Of a disk, what has to stay free: below it a gate says that it is not ready, while it can still write.
const LEAST_FREE_PERCENT: u64 = 5;

/// What a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// The number of its schema.
    pub schema: u32,
    /// Its id, made with it.
    pub instance: Uuid,
    /// The origin of its ledger.
    pub origin: String,
    /// Whose it is: `serve` or `demo`.
    pub role: String,
    /// Whether the key at hand is the one that seals it.
    pub key: KeyCheck,
    /// Bytes of its files.
    pub files: Files,
    /// The disk they are on; none where the system does not tell.
    pub disk: Option<Disk>,
    /// How long its record is.
    pub head: Head,
    /// The newest signed checkpoint.
    pub checkpoint: Option<Signed>,
    /// Deliveries that wait to be decided.
    pub waiting: u64,
    /// Deliveries that could not be read.
    pub dead_letters: u64,
    /// Actions that wait to be carried out.
    pub actions: u64,
    /// When its first and its last decision were made.
    pub decisions: Option<(Time, Time)>,
}

/// Whether a key opens what is sealed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyCheck {
    /// It does.
    Right,
    /// It does not.
    Wrong,
    /// No key was given.
    NotGiven,
}

impl KeyCheck {
    /// The word in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Wrong => "wrong",
            Self::NotGiven => "not given",
        }
    }
}

/// Bytes of a store's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Files {
    /// The database.
    pub store: u64,
    /// The write-ahead log beside it.
    pub log: u64,
}

impl Files {
    /// The store of this name. A file that is not there has no bytes.
    pub(super) fn of(path: &Path) -> Self {
        Self { store: bytes(path), log: bytes(&beside(path, "-wal")) }
    }
}

/// A disk's space, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// What we may still use.
    pub free: u64,
    /// That and what is used.
    pub total: u64,
}

impl Disk {
    /// The disk that holds this file; none where the system does not tell.
    pub fn of(path: &Path) -> Option<Self> {
        let of = rustix::fs::statvfs(open::folder_of(path)).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(of.f_frsize);
        // Some blocks are free and yet not for us: they are kept for the administrator, or for other folders.
        let used = of.f_blocks.saturating_sub(of.f_bfree);
        Some(Self { free: bytes(of.f_bavail), total: bytes(used.saturating_add(of.f_bavail)) })
    }

    /// Whether so little is left that somebody has to act before writes fail.
    pub const fn is_nearly_full(self) -> bool {
        self.free < self.total / 100 * LEAST_FREE_PERCENT
    }

    /// What is free of it, 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a ratio of bytes on a disk needs no 53 bits")]
    pub fn free_ratio(self) -> f64 {
        if self.total == 0 { 1.0 } else { self.free as f64 / self.total as f64 }
    }

    /// What is free, in whole per cent.
    pub fn percent_free(self) -> u64 {
        self.free.checked_div(self.total / 100).unwrap_or_default()
    }
}

/// A signed checkpoint, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Entries it covers.
    pub size: u64,
    /// When it was signed.
    pub at: Time,
}

impl Store {
    /// What this store is. `key` says what came of trying one: the store itself may be open without any.
    pub async fn info(&self, key: KeyCheck) -> Result<Info, StoreError> {
        let (path, identity) = (self.inner.path.clone(), self.inner.identity.clone());
        self.ask(move |db| {
            let count = |what: &str| -> Result<u64, StoreError> {
                let sql = format!("SELECT count(*) FROM {what}");
                Ok(row::unsigned(db.prepare_cached(&sql)?.query_row([], |row| row.get(0))?))
            };
            Ok(Info {
                schema: u32::try_from(schema::KNOWN).unwrap_or_default(),
                instance: identity.instance,
                origin: identity.origin,
                role: open::role_of(db)?,
                key,
                files: Files::of(&path),
                disk: Disk::of(&path),
                head: log::head(db)?,
                checkpoint: signed(db)?,
                waiting: count("delivery WHERE state = 0")?,
                dead_letters: count("delivery WHERE state = 2")?,
                actions: count("action WHERE state = 0")?,
                decisions: span(db)?,
            })
        })
        .await
    }
}

/// The file of this name with something added to it.
pub(super) fn beside(path: &Path, added: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(added);
    PathBuf::from(name)
}

fn bytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |found| found.len())
}

fn signed(db: &Connection) -> Result<Option<Signed>, StoreError> {
    let sql = "SELECT size, at FROM checkpoint ORDER BY size DESC LIMIT 1";
    let found = db.prepare_cached(sql)?.query_row([], |row| {
        Ok(Signed { size: row::unsigned(row.get(0)?), at: Time::from_millis(row.get(1)?) })
    });
    Ok(found.optional()?)
}

fn span(db: &Connection) -> Result<Option<(Time, Time)>, StoreError> {
    let at = |order: &str| -> Result<Option<Time>, StoreError> {
        let sql = format!("SELECT at FROM decision ORDER BY entry {order} LIMIT 1");
        let found = db.prepare_cached(&sql)?.query_row([], |row| row.get(0)).optional()?;
        Ok(found.map(Time::from_millis))
    };
    Ok(at("ASC")?.zip(at("DESC")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_nearly_full_below_a_twentieth() {
        let disk = |free| Disk { free, total: 10_000 };
        assert!(disk(499).is_nearly_full() && disk(0).is_nearly_full());
        assert!(!disk(500).is_nearly_full() && !disk(10_000).is_nearly_full());
        assert_eq!([disk(499).percent_free(), disk(500).percent_free()], [4, 5]);
    }
}
