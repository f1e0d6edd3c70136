//! Questions that were certainly never asked: a filter in memory before a look into the file.
//!
//! Nearly every check asks something new, and looking that up costs more than most of what follows. The filter never
//! denies a question that was asked; now and then it takes a new one for an old one, and then the file is asked.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use rusqlite::Connection;

use crate::store::StoreError;

/// Bits: 1 MiB. With 500,000 questions one in 400 new ones is looked up in vain, with more of them more.
const BITS: usize = 1 << 23;

const ALL: &str =
    "SELECT hash FROM known WHERE of = 2 UNION ALL SELECT hash FROM recent WHERE of = 2";

/// Which questions may have been asked.
pub(super) struct Asked(Box<[AtomicU64]>);

impl Asked {
    /// All questions that the file knows.
    pub(super) fn of(db: &Connection) -> Result<Self, StoreError> {
        let asked = Self((0..BITS / 64).map(|_| AtomicU64::new(0)).collect());
        let mut query = db.prepare(ALL)?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            asked.add(&row.get(0)?);
        }
        Ok(asked)
    }

    /// From now on this question may have been asked. Before it is written, so that no reader comes between.
    pub(super) fn add(&self, question: &[u8; 32]) {
        for (word, bit) in places(question) {
            if let Some(word) = self.0.get(word) {
                word.fetch_or(bit, Ordering::SeqCst);
            }
        }
    }

    /// False: it never was.
    pub(super) fn may_hold(&self, question: &[u8; 32]) -> bool {
        places(question).all(|(word, bit)| {
            self.0.get(word).is_none_or(|word| word.load(Ordering::SeqCst) & bit != 0)
        })
    }
}

/// Where a question's bits are: it is a hash already, so parts of it are as good as other hashes.
fn places(question: &[u8; 32]) -> impl Iterator<Item = (usize, u64)> {
    let (parts, _) = question.as_chunks::<4>();
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

    use crate::store::asked::Asked;

    fn question(number: u32) -> [u8; 32] {
        Sha256::digest(number.to_le_bytes()).into()
    }

    #[test]
    fn what_was_asked_is_never_denied_and_nearly_nothing_else_is_held() {
        let db = Connection::open_in_memory().unwrap();
        for (number, table) in (0..).zip(["known", "recent"]) {
            db.execute_batch(&format!("CREATE TABLE {table} (of INTEGER, hash BLOB)")).unwrap();
            db.execute(&format!("INSERT INTO {table} VALUES (2, ?1)"), [question(number)]).unwrap();
        }
        let asked = Asked::of(&db).unwrap();
        (2..10_000).for_each(|number| asked.add(&question(number)));
        assert!((0..10_000).all(|number| asked.may_hold(&question(number))));
        let mistaken = (10_000..20_000).filter(|number| asked.may_hold(&question(*number)));
        assert!(mistaken.count() < 10);
    }
}
