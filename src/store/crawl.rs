//! Readings that are not done: what each has read so far, so that one that is cut short goes on.

use std::time::Duration;

use rusqlite::OptionalExtension as _;

use crate::graph::ConnectionId;
use crate::graph::Time;
use crate::store::Store;
use crate::store::StoreError;

/// Rows taken away in one job.
const STEP_ROWS: usize = 1_000;

/// What is found by what.
type Answers = Vec<([u8; 32], Vec<u8>)>;

/// A reading that was cut short.
#[derive(Debug)]
pub struct CutShort {
    /// When it began: the graph that comes of it is as old.
    pub began: Time,
    /// What it had read.
    pub answers: Answers,
}

/// What an answer is sealed for.
pub(super) fn purpose(key: &[u8]) -> String {
    format!("crawl answer {}", hex::encode(key))
}

impl Store {
    /// The reading of a connection that was cut short, if it began after `began` and kept an answer after `touched`; one
    /// that is older is forgotten.
    pub async fn cut_short(
        &self,
        connection: &ConnectionId,
        (began, touched): (Time, Time),
    ) -> Result<Option<CutShort>, StoreError> {
        let (seal, id) = (self.seal()?.clone(), connection.clone());
        let found = self.ask(move |db| {
            let sql = "SELECT began, touched FROM crawl WHERE connection = ?1";
            let mut query = db.prepare_cached(sql)?;
            let times = query.query_row([id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)));
            let Some((since, last)) = times.optional()? else { return Ok(None) };
            let (since, last) = (Time::from_millis(since), Time::from_millis(last));
            if since < began || last < touched {
                return Ok(None);
            }
            let sql = "SELECT key, answer_sealed FROM crawl_answer WHERE connection = ?1";
            let mut query = db.prepare_cached(sql)?;
            let mut rows = query.query([id.as_str()])?;
            let mut answers = Answers::new();
            while let Some(row) = rows.next()? {
                let key: [u8; 32] = row.get(0)?;
                answers.push((key, seal.open(&purpose(&key), &row.get::<_, Vec<u8>>(1)?)?));
            }
            Ok(Some(CutShort { began: since, answers }))
        });
        let found = found.await?;
        if found.is_none() {
            self.end_crawl(connection).await?;
        }
        Ok(found)
    }

    /// Keeps what a reading has read since this was called last.
    pub async fn keep_crawl(
        &self,
        connection: &ConnectionId,
        (began, touched): (Time, Time),
        answers: Answers,
    ) -> Result<(), StoreError> {
        let (seal, connection) = (self.seal()?.clone(), connection.clone());
        let sealed = answers.into_iter().map(|(key, answer)| {
            let sealed = seal.seal(&purpose(&key), &answer)?;
            Ok((key, sealed))
        });
        let sealed = sealed.collect::<Result<Answers, StoreError>>()?;
        self.write(move |desk| {
            let sql = "INSERT OR REPLACE INTO crawl (connection, began, touched) VALUES (?1, ?2, ?3)";
            let times = (connection.as_str(), began.millis(), touched.millis());
            desk.db.prepare_cached(sql)?.execute(times)?;
            let mut insert = desk.db.prepare_cached(
                "INSERT OR REPLACE INTO crawl_answer (connection, key, answer_sealed) VALUES (?1, ?2, ?3)",
            )?;
            for (key, answer) in &sealed {
                insert.execute((connection.as_str(), key, answer))?;
            }
            Ok(())
        })
        .await
    }

    /// A reading is done, or too old to go on: what it had read goes.
    pub async fn end_crawl(&self, connection: &ConnectionId) -> Result<(), StoreError> {
        let id = connection.clone();
        let any = self.ask(move |db| {
            let sql = "SELECT EXISTS (SELECT 1 FROM crawl WHERE connection = ?1)";
            Ok(db.prepare_cached(sql)?.query_row([id.as_str()], |row| row.get::<_, bool>(0))?)
        });
        if !any.await? {
            return Ok(());
        }
        let delete = format!(
            "DELETE FROM crawl_answer WHERE no IN
             (SELECT no FROM crawl_answer WHERE connection = ?1 LIMIT {STEP_ROWS})"
        );
        loop {
            let (delete, id) = (delete.clone(), connection.clone());
            let gone = self
                .write(move |desk| Ok(desk.db.prepare_cached(&delete)?.execute([id.as_str()])?));
            if gone.await? < STEP_ROWS {
                break;
            }
        }
        let id = connection.clone();
        self.write(move |desk| {
            let delete = "DELETE FROM crawl WHERE connection = ?1";
            desk.db.prepare_cached(delete)?.execute([id.as_str()])?;
            Ok(())
        })
        .await
    }
}

/// How long after its last answer a reading that was cut short goes on, and how long after it began.
pub const GOES_ON: (Duration, Duration) = (Duration::from_mins(30), Duration::from_hours(12));
