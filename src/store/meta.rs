//! Small facts: what the store says of itself, and the keys it keeps sealed.

use rusqlite::Connection;
use rusqlite::OptionalExtension as _;

use crate::secret::Secret;
use crate::store::Store;
use crate::store::StoreError;

/// The right edge of the tree.
pub(super) const EDGE: &str = "edge";
/// The highest stamp, milliseconds, 8 bytes big-endian.
pub(super) const STAMP: &str = "stamp";
/// The id of this store.
pub(super) const INSTANCE: &str = "instance";
/// The ledger's origin.
pub(super) const ORIGIN: &str = "origin";
/// Whose store it is.
pub(super) const ROLE: &str = "role";
/// A seal that opens only with the right key.
pub(super) const KEY_CHECK: &str = "key-check";
/// The same under the key that everything is being sealed again with; there only as long as that lasts.
pub(super) const KEY_NEXT: &str = "key-next";
/// What both seal.
pub(super) const KEY_TEXT: &[u8] = b"portcullis";
/// The first entry whose sealed parts were not swept.
pub(super) const SWEPT: &str = "swept";

/// What sweeps took away and the ledger was not told of yet.
pub(super) const UNTOLD: &str = "swept-untold";
/// Written to see whether writing is possible again.
pub(super) const TRIED: &str = "tried";

/// The number of the newest moment of any history, also of one that was cut short.
pub(super) const MOMENT: &str = "moment";
/// The same while its rows are written and it is not there yet.
pub(super) const MOMENT_OPEN: &str = "moment-open";

/// Names the callers chose stand behind this, so that none of ours can be overwritten.
const THEIRS: &str = "of:";
pub(super) const SECRETS: &str = "key:";

/// Reads one.
pub(super) fn get(db: &Connection, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let mut query = db.prepare_cached("SELECT value FROM meta WHERE name = ?1")?;
    Ok(query.query_row([name], |row| row.get(0)).optional()?)
}

/// Writes one.
pub(super) fn put(db: &Connection, name: &str, value: &[u8]) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO meta (name, value) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE value IS NOT excluded.value",
    )?
    .execute((name, value))?;
    Ok(())
}

/// Forgets a key kept under this name.
pub(super) fn drop_key(db: &Connection, name: &str) -> Result<(), StoreError> {
    let mut query = db.prepare_cached("DELETE FROM meta WHERE name = ?1")?;
    query.execute([format!("{SECRETS}{name}")])?;
    Ok(())
}

/// Reads a number of 8 bytes big-endian; 0 if it is not there.
pub(super) fn number(db: &Connection, name: &str) -> Result<i64, StoreError> {
    let bytes = get(db, name)?.and_then(|bytes| bytes.try_into().ok());
    Ok(bytes.map_or(0, i64::from_be_bytes))
}

impl Store {
    /// A small fact a caller kept under this name. Not for names of people: it is not sealed.
    pub async fn meta(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let name = format!("{THEIRS}{name}");
        self.ask(move |db| get(db, &name)).await
    }

    /// Keeps a small fact under this name, over the one before.
    pub async fn set_meta(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        let (name, value) = (format!("{THEIRS}{name}"), value.to_vec());
        self.write(move |desk| put(desk.db, &name, &value)).await
    }

    /// A key kept sealed under this name.
    pub async fn key(&self, name: &str) -> Result<Option<Secret<Vec<u8>>>, StoreError> {
        let place = format!("{SECRETS}{name}");
        let purpose = place.clone();
        match self.ask(move |db| get(db, &place)).await? {
            Some(sealed) => Ok(Some(Secret::new(self.seal()?.open(&purpose, &sealed)?))),
            None => Ok(None),
        }
    }

    /// Keeps a key sealed under this name, over the one before.
    pub async fn keep_key(&self, name: &str, key: &Secret<Vec<u8>>) -> Result<(), StoreError> {
        let place = format!("{SECRETS}{name}");
        let sealed = self.seal()?.seal(&place, key.expose())?;
        self.write(move |desk| put(desk.db, &place, &sealed)).await
    }
}
