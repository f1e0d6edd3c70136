//! What is found by a hash: bodies, events and questions that came before.
//!
//! The next hash may belong on any page of its index, and to rewrite a page of 4 KiB for a row of 80 bytes costs more
//! than all else a small commit does. So what is new goes to the end of a small table, and into memory; when enough has
//! come it goes into the index together, in the index's own order, and each page is written once for many rows.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;

use rusqlite::Connection;
use rusqlite::OptionalExtension as _;
use uuid::Uuid;

use crate::graph::Time;
use crate::store::StoreError;
use crate::store::seen::Seen;

/// Rows that wait in memory, some 100 bytes each. Fewer, and each page of a large index would again be written for one
/// or two rows; more, and writers would wait longer while they are put in their places (some 15 ms for these).
const FULL: usize = 8_192;

/// What a hash is of. The numbers stand in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Of {
    /// A body and the hook it came through: the delivery that brought it first, and when.
    Body = 0,
    /// An event: the decision it got.
    Event = 1,
    /// A check's question: the decision that stands for it.
    Question = 2,
}

/// What is known by a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Noted {
    /// Of the delivery or the decision.
    pub id: Uuid,
    /// Since when.
    pub at: Time,
}

type Key = (Of, [u8; 32]);

/// What readers see of it: only what is on the disk.
#[derive(Clone, Debug, Default)]
pub(super) struct Shared(Arc<RwLock<HashMap<Key, Noted>>>);

impl Shared {
    /// What came lately by this hash. Look here before a snapshot is opened: what is gone from here by then is in it.
    pub(super) fn find(&self, of: Of, hash: &[u8; 32]) -> Option<Noted> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&(of, *hash)).copied()
    }

    fn change(&self, change: impl FnOnce(&mut HashMap<Key, Noted>)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The writer's end.
#[derive(Debug)]
pub(super) struct Recent {
    shared: Shared,
    seen: Arc<Seen>,
    /// Written in the transaction under way, in this order.
    fresh: Vec<(Key, Noted)>,
    /// Whether the transaction under way put everything before `fresh` in its place.
    folded: bool,
}

/// A point in a transaction to go back to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    fresh: usize,
    folded: bool,
}

impl Recent {
    /// What waits in the file.
    pub(super) fn of(db: &Connection, seen: Arc<Seen>) -> Result<Self, StoreError> {
        let shared = Shared::default();
        let mut query = db.prepare("SELECT of, hash, id, at FROM recent ORDER BY seq")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let of = match row.get::<_, i64>(0)? {
                0 => Of::Body,
                1 => Of::Event,
                2 => Of::Question,
                other => return Err(StoreError::Unreadable(format!("a hash of kind {other}"))),
            };
            let noted =
                Noted { id: Uuid::from_bytes(row.get(2)?), at: Time::from_millis(row.get(3)?) };
            let hash = row.get(1)?;
            shared.change(|all| all.extend([((of, hash), noted)]));
        }
        Ok(Self { shared, seen, fresh: Vec::new(), folded: false })
    }

    /// The readers' end.
    pub(super) fn shared(&self) -> Shared {
        self.shared.clone()
    }

    /// What is known by this hash, with what the transaction under way has written.
    pub(super) fn find(
        &self,
        db: &Connection,
        of: Of,
        hash: &[u8; 32],
    ) -> Result<Option<Noted>, StoreError> {
        if !self.seen.may_hold(hash) {
            return Ok(None);
        }
        let fresh = self.fresh.iter().rev().find(|(key, _)| *key == (of, *hash));
        match fresh.map(|(_, noted)| *noted).or_else(|| self.shared.find(of, hash)) {
            Some(noted) => Ok(Some(noted)),
            None => settled(db, of, hash),
        }
    }

    /// Notes it, over what was noted by this hash before.
    pub(super) fn note(
        &mut self,
        db: &Connection,
        of: Of,
        hash: [u8; 32],
        noted: Noted,
    ) -> Result<(), StoreError> {
        db.prepare_cached("INSERT INTO recent (of, hash, id, at) VALUES (?1, ?2, ?3, ?4)")?
            .execute((of as i64, hash, noted.id.as_bytes(), noted.at.millis()))?;
        self.seen.add(&hash);
        self.fresh.push(((of, hash), noted));
        Ok(())
    }

    /// Whether it is time to [`fold`](Self::fold).
    pub(super) fn is_full(&self) -> bool {
        self.shared.0.read().unwrap_or_else(PoisonError::into_inner).len() >= FULL
    }

    /// Puts everything in its place in the index.
    pub(super) fn fold(&mut self, db: &Connection) -> Result<(), StoreError> {
        db.prepare_cached(
            "INSERT INTO known (of, hash, id, at)
             SELECT of, hash, id, at FROM recent WHERE true ORDER BY of, hash, seq
             ON CONFLICT (of, hash) DO UPDATE SET id = excluded.id, at = excluded.at",
        )?
        .execute([])?;
        db.prepare_cached("DELETE FROM recent")?.execute([])?;
        self.folded = true;
        Ok(())
    }

    /// Sees to it that nothing noted before `oldest` waits: what is too old is forgotten in the index alone.
    pub(super) fn settle(&mut self, db: &Connection, oldest: Time) -> Result<(), StoreError> {
        let old = "SELECT EXISTS (SELECT 1 FROM recent WHERE at < ?1)";
        if db.query_row(old, [oldest.millis()], |row| row.get(0))? { self.fold(db) } else { Ok(()) }
    }

    /// Where the transaction under way is.
    pub(super) const fn mark(&self) -> Mark {
        Mark { fresh: self.fresh.len(), folded: self.folded }
    }

    /// The transaction went back to there.
    pub(super) fn back_to(&mut self, mark: Mark) {
        self.fresh.truncate(mark.fresh);
        self.folded = mark.folded;
    }

    /// The transaction is on the disk.
    pub(super) fn committed(&mut self) {
        let (folded, fresh) = (std::mem::take(&mut self.folded), &mut self.fresh);
        self.shared.change(|all| {
            if folded {
                all.clear();
            }
            all.extend(fresh.drain(..));
        });
    }

    /// The transaction never was.
    pub(super) fn undone(&mut self) {
        self.back_to(Mark { fresh: 0, folded: false });
    }
}

/// What the index knows by this hash.
pub(super) fn settled(
    db: &Connection,
    of: Of,
    hash: &[u8; 32],
) -> Result<Option<Noted>, StoreError> {
    let mut query = db.prepare_cached("SELECT id, at FROM known WHERE of = ?1 AND hash = ?2")?;
    let found = query.query_row((of as i64, hash), |row| {
        Ok(Noted { id: Uuid::from_bytes(row.get(0)?), at: Time::from_millis(row.get(1)?) })
    });
    Ok(found.optional()?)
}

/// The same with what waits, for whoever has the file alone and no writer's memory. Cost: a look at every waiting row.
pub(super) fn anywhere(
    db: &Connection,
    of: Of,
    hash: &[u8; 32],
) -> Result<Option<Noted>, StoreError> {
    let mut query = db.prepare_cached(
        "SELECT id, at FROM recent WHERE of = ?1 AND hash = ?2 ORDER BY seq DESC LIMIT 1",
    )?;
    let waiting = query.query_row((of as i64, hash), |row| {
        Ok(Noted { id: Uuid::from_bytes(row.get(0)?), at: Time::from_millis(row.get(1)?) })
    });
    match waiting.optional()? {
        Some(noted) => Ok(Some(noted)),
        None => settled(db, of, hash),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rusqlite::Connection;
    use uuid::Uuid;

    use crate::graph::Time;
    use crate::store::recent;
    use crate::store::recent::Noted;
    use crate::store::recent::Of;
    use crate::store::recent::Recent;
    use crate::store::seen::Seen;

    fn noted(number: u128) -> Noted {
        Noted { id: Uuid::from_u128(number), at: Time::from_millis(1_772_357_400_125) }
    }

    fn opened(db: &Connection) -> Result<Recent, crate::store::StoreError> {
        Recent::of(db, Arc::new(Seen::of(db)?))
    }

    fn empty() -> Connection {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(include_str!("schema/0001.sql")).unwrap();
        db
    }

    #[test]
    fn the_newest_is_found_before_and_after_it_has_its_place_and_by_whoever_opens_the_file() {
        let db = empty();
        let mut recent = opened(&db).unwrap();
        let found = |recent: &Recent, of| {
            let found = recent.find(&db, of, &[7; 32]).unwrap();
            assert_eq!(recent::anywhere(&db, of, &[7; 32]).unwrap(), found, "with the file alone");
            let again = opened(&db).unwrap();
            assert_eq!(again.find(&db, of, &[7; 32]).unwrap(), found, "after a start");
            found
        };
        recent.note(&db, Of::Event, [7; 32], noted(1)).unwrap();
        recent.note(&db, Of::Question, [7; 32], noted(2)).unwrap();
        recent.note(&db, Of::Question, [7; 32], noted(3)).unwrap();
        for _ in 0..2 {
            assert_eq!(found(&recent, Of::Event), Some(noted(1)));
            assert_eq!(found(&recent, Of::Question), Some(noted(3)));
            assert_eq!(found(&recent, Of::Body), None);
            recent.committed();
            recent.fold(&db).unwrap();
        }
        recent.committed();
        recent.note(&db, Of::Question, [7; 32], noted(4)).unwrap();
        assert_eq!(found(&recent, Of::Question), Some(noted(4)));
        recent.committed();
        recent.fold(&db).unwrap();
        recent.committed();
        assert_eq!(found(&recent, Of::Question), Some(noted(4)));
        assert_eq!(recent.shared().find(Of::Question, &[7; 32]), None, "memory is free again");
    }

    #[test]
    fn readers_see_nothing_that_is_not_on_the_disk() {
        let db = empty();
        let mut recent = opened(&db).unwrap();
        let shared = recent.shared();
        recent.note(&db, Of::Body, [1; 32], noted(1)).unwrap();
        assert_eq!(shared.find(Of::Body, &[1; 32]), None);
        recent.committed();
        assert_eq!(shared.find(Of::Body, &[1; 32]), Some(noted(1)));
    }

    #[test]
    fn what_is_undone_was_never_noted() {
        let db = empty();
        let mut recent = opened(&db).unwrap();
        recent.note(&db, Of::Body, [1; 32], noted(1)).unwrap();
        recent.committed();
        db.execute_batch("BEGIN").unwrap();
        recent.note(&db, Of::Body, [2; 32], noted(2)).unwrap();
        let mark = recent.mark();
        db.execute_batch("SAVEPOINT attempt").unwrap();
        recent.note(&db, Of::Body, [3; 32], noted(3)).unwrap();
        recent.fold(&db).unwrap();
        db.execute_batch("ROLLBACK TO attempt").unwrap();
        recent.back_to(mark);
        let find = |recent: &Recent, hash| recent.find(&db, Of::Body, &[hash; 32]).unwrap();
        assert_eq!([1, 2, 3].map(|hash| find(&recent, hash).is_some()), [true, true, false]);
        db.execute_batch("ROLLBACK").unwrap();
        recent.undone();
        assert_eq!([1, 2, 3].map(|hash| find(&recent, hash).is_some()), [true, false, false]);
    }

    #[test]
    fn what_is_old_does_not_wait() {
        let db = empty();
        let mut recent = opened(&db).unwrap();
        recent.note(&db, Of::Body, [1; 32], noted(1)).unwrap();
        let waits = || db.query_row("SELECT count(*) FROM recent", [], |row| row.get::<_, i64>(0));
        recent.settle(&db, noted(1).at).unwrap();
        assert_eq!(waits(), Ok(1));
        recent.settle(&db, Time::from_millis(noted(1).at.millis() + 1)).unwrap();
        assert_eq!(waits(), Ok(0));
        recent.committed();
        assert_eq!(recent.find(&db, Of::Body, &[1; 32]).unwrap(), Some(noted(1)));
    }
}
