//! What histories forget: what is too old, with the names of decisions; and the names of one person, whenever asked.

use std::collections::BTreeSet;

use rusqlite::Connection;

use crate::graph::Time;
use crate::graph::audit::ACCOUNT;
use crate::graph::statement::NAME;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::Swept;
use crate::store::history::chunks;
use crate::store::history::words::Reader;
use crate::store::history::words::Words;
use crate::store::retention;
use crate::store::writer::Desk;

/// What stands where an attribute was, as JSON.
const ERASED: &str = "\"(erased)\"";

/// Attributes that say who somebody is.
pub(in crate::store) const PERSONAL: &[&str] = &[NAME, "nickname", "slug", "email", ACCOUNT];

/// A row of a history by its key.
type Key = [i64; 6];

impl Store {
    /// Forgets what had ended before `before`, so that every day since then can still be told.
    pub(in crate::store) async fn forget_history(&self, before: Time) -> Result<(), StoreError> {
        let _alone = self.inner.history.lock().await;
        let mut any = false;
        for (home, moment) in self.ask(move |db| oldest_kept(db, before)).await? {
            let old = self.inner.readers.walk(move |db| ended(db, home, moment)).await?;
            any |= !old.is_empty();
            for step in chunks(old) {
                self.write(move |desk| gone(desk.db, delete(desk.db, &step)?)).await?;
            }
            let forget = "DELETE FROM moment WHERE home = ?1 AND no < ?2 AND settled = 1";
            self.write(move |desk| {
                gone(desk.db, desk.db.prepare_cached(forget)?.execute((home, moment))? as u64)
            })
            .await?;
        }
        if any {
            for step in chunks(self.inner.readers.walk(unused).await?) {
                self.write(move |desk| gone(desk.db, delete_words(desk.db, &step)?)).await?;
            }
        }
        Ok(())
    }

    /// What a person was ever called, in any history.
    pub(in crate::store) async fn names_in_history(
        &self,
        identity: &str,
    ) -> Result<Vec<String>, StoreError> {
        let (seal, identity) = (self.seal()?.clone(), identity.to_owned());
        let walk = self.inner.readers.walk(move |db| {
            let words = Words::read(db, &seal)?;
            let Some(about) = words.find(&identity) else { return Ok(Vec::new()) };
            let mut reader = Reader::new(db, &seal);
            let mut names = Vec::new();
            for says in PERSONAL.iter().filter_map(|name| words.find(name)) {
                for value in said_of(db, about, says)? {
                    // Values are JSON; what is no text is no name.
                    names.extend(serde_json::from_str::<String>(&reader.text(value)?));
                }
            }
            Ok(names)
        });
        walk.await
    }

    /// Takes the names of a person out of every history; how many statements lost one.
    pub(in crate::store) async fn erase_from_history(
        &self,
        identity: &str,
    ) -> Result<u64, StoreError> {
        let _alone = self.inner.history.lock().await;
        let (seal, identity) = (self.seal()?.clone(), identity.to_owned());
        let found = self.inner.readers.walk(move |db| {
            let mut words = Words::read(db, &seal)?;
            let Some(about) = words.find(&identity) else { return Ok(None) };
            let personal = PERSONAL.iter().filter_map(|name| words.find(name)).collect();
            let erased = words.number(ERASED, &seal)?;
            Ok(Some((about, personal, erased, words.new)))
        });
        let Some((about, personal, erased, new)) = found.await? else { return Ok(0) };
        let personal: Vec<i64> = personal;
        self.write(move |desk| {
            crate::store::history::keep_words(desk.db, &new)?;
            erase(desk, about, &personal, erased)
        })
        .await
    }
}

/// Counts rows for the ledger, in the transaction that takes them away.
fn gone(db: &Connection, history: u64) -> Result<(), StoreError> {
    retention::count(db, &Swept { history, ..Swept::default() })
}

/// The moment that was in force at a time, for each history that has one so old.
fn oldest_kept(db: &Connection, before: Time) -> Result<Vec<(i64, i64)>, StoreError> {
    let sql = "SELECT home, max(no) FROM moment WHERE as_of <= ?1 GROUP BY home";
    let mut query = db.prepare_cached(sql)?;
    let rows = query.query_map([before.millis()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Statements that no moment from this one on says.
fn ended(db: &Connection, home: i64, moment: i64) -> Result<Vec<Key>, StoreError> {
    let sql = "SELECT home, about, sort, says, what, since FROM statement
               WHERE home = ?1 AND until <= ?2";
    let mut query = db.prepare_cached(sql)?;
    let rows = query.query_map((home, moment), |row| {
        Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?])
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn delete(db: &Connection, step: &[Key]) -> Result<u64, StoreError> {
    let mut delete = db.prepare_cached(
        "DELETE FROM statement WHERE home = ?1 AND about = ?2 AND sort = ?3 AND says = ?4
         AND what = ?5 AND since = ?6",
    )?;
    let mut gone = 0;
    for key in step {
        gone += delete.execute(*key)? as u64;
    }
    Ok(gone)
}

/// Words that nothing says any more.
fn unused(db: &Connection) -> Result<Vec<i64>, StoreError> {
    let mut used = BTreeSet::new();
    let mut query = db.prepare_cached("SELECT home, about, says, what, source FROM statement")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        for column in 0..5 {
            used.extend(row.get::<_, Option<i64>>(column)?);
        }
    }
    let mut query = db.prepare_cached("SELECT home, head FROM moment")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        used.extend([row.get::<_, i64>(0)?, row.get(1)?]);
    }
    let mut query = db.prepare_cached("SELECT no FROM word")?;
    let all = query.query_map([], |row| row.get::<_, i64>(0))?;
    let all = all.collect::<Result<Vec<_>, _>>()?;
    Ok(all.into_iter().filter(|no| !used.contains(no)).collect())
}

fn delete_words(db: &Connection, step: &[i64]) -> Result<u64, StoreError> {
    let mut delete = db.prepare_cached("DELETE FROM word WHERE no = ?1")?;
    let mut gone = 0;
    for no in step {
        gone += delete.execute([no])? as u64;
    }
    Ok(gone)
}

/// The words for every value an attribute of somebody ever had.
fn said_of(db: &Connection, about: i64, says: i64) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT DISTINCT what FROM statement WHERE about = ?1 AND sort = 1 AND says = ?2";
    let mut query = db.prepare_cached(sql)?;
    let rows = query.query_map((about, says), |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn erase(
    desk: &mut Desk<'_>,
    about: i64,
    personal: &[i64],
    erased: i64,
) -> Result<u64, StoreError> {
    let (mut count, mut words) = (0, BTreeSet::new());
    for says in personal {
        let find = "SELECT DISTINCT what FROM statement
                    WHERE about = ?1 AND sort = 1 AND says = ?2 AND what <> ?3";
        let mut query = desk.db.prepare_cached(find)?;
        let found = query.query_map((about, says, erased), |row| row.get::<_, i64>(0))?;
        words.extend(found.collect::<Result<Vec<_>, _>>()?);
        let update = "UPDATE statement SET what = ?3
                      WHERE about = ?1 AND sort = 1 AND says = ?2 AND what <> ?3";
        count += desk.db.prepare_cached(update)?.execute((about, says, erased))? as u64;
    }
    // What only this person was called goes; what others are called too says nothing of them any more.
    let unused = "DELETE FROM word WHERE no = ?1 AND NOT EXISTS
                  (SELECT 1 FROM statement WHERE about = ?1 OR says = ?1 OR what = ?1 OR source = ?1)";
    for no in words {
        desk.db.prepare_cached(unused)?.execute([no])?;
    }
    Ok(count)
}
