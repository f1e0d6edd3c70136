//! Hashes that were certainly never seen: a filter in memory before a look into the file.
//!
//! Nearly every body, event and question is a new one, and to look that up costs more than most of what follows. The
//! filter never denies what was seen; now and then it takes something new for something old, and then the file is asked.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use rusqlite::Connection;

use crate::store::StoreError;

/// Bits: 4 MiB. With two million hashes one in 400 new ones is looked up in vain, with more of them more.
const BITS: usize = 1 << 25;

const ALL: &str = "SELECT hash FROM known UNION ALL SELECT hash FROM recent";

/// Which hashes may have been seen.
#[derive(Debug)]
pub(super) struct Seen(Box<[AtomicU64]>);

impl Seen {
    /// All that the file knows. Cost: a pass over them, about half a second for a million.
    pub(super) fn of(db: &Connection) -> Result<Self, StoreError> {
        let seen = Self((0..BITS / 64).map(|_| AtomicU64::new(0)).collect());
        let mut query = db.prepare(ALL)?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            seen.add(&row.get(0)?);
        }
        Ok(seen)
    }

    /// From now on this hash may have been seen. Before it is written, so that no reader comes between.
    pub(super) fn add(&self, hash: &[u8; 32]) {
        for (word, bit) in places(hash) {
            if let Some(word) = self.0.get(word) {
                word.fetch_or(bit, Ordering::SeqCst);
            }
        }
    }

    /// False: it never was.
    pub(super) fn may_hold(&self, hash: &[u8; 32]) -> bool {
        places(hash).all(|(word, bit)| {
            self.0.get(word).is_none_or(|word| word.load(Ordering::SeqCst) & bit != 0)
        })
    }
}

/// Where a hash has its bits: parts of it are as good as other hashes.
fn places(hash: &[u8; 32]) -> impl Iterator<Item = (usize, u64)> {
    let (parts, _) = hash.as_chunks::<4>();
    parts.iter().take(4).map(|part| {
        let place = u32::from_le_bytes(*part) as usize % BITS;
        (place / 64, 1 << (place % 64))
    })
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;
    use sha2::Digest;
    use sha2::Sha256;

    use crate::store::seen::Seen;

    fn hash(number: u32) -> [u8; 32] {
        Sha256::digest(number.to_le_bytes()).into()
    }

    #[test]
    fn what_was_seen_is_never_denied_and_nearly_nothing_else_is_held() {
        let db = Connection::open_in_memory().unwrap();
        for (number, table) in (0..).zip(["known", "recent"]) {
            db.execute_batch(&format!("CREATE TABLE {table} (of INTEGER, hash BLOB)")).unwrap();
            db.execute(&format!("INSERT INTO {table} VALUES (2, ?1)"), [hash(number)]).unwrap();
        }
        let seen = Seen::of(&db).unwrap();
        (2..10_000).for_each(|number| seen.add(&hash(number)));
        assert!((0..10_000).all(|number| seen.may_hold(&hash(number))));
        let mistaken = (10_000..20_000).filter(|number| seen.may_hold(&hash(*number)));
        assert!(mistaken.count() < 10);
    }
}
