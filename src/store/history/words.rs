//! The words of histories: each text once, sealed, known by its number.

use std::collections::HashMap;

use rusqlite::Connection;
use rusqlite::OptionalExtension as _;

use crate::secret::Seal;
use crate::store::StoreError;
use crate::store::row;

/// What a word is sealed for.
pub(in crate::store) fn purpose(no: i64) -> String {
    format!("word {no}")
}

/// Numbers of texts, and those that are not kept yet.
pub(super) struct Words {
    numbers: HashMap<String, i64>,
    next: i64,
    /// Number and text of each that is new.
    pub new: Vec<(i64, Vec<u8>)>,
}

impl Words {
    /// Every word there is. Cost: opens them all.
    pub fn read(db: &Connection, seal: &Seal) -> Result<Self, StoreError> {
        let mut query = db.prepare_cached("SELECT no, word_sealed FROM word ORDER BY no")?;
        let mut rows = query.query([])?;
        let (mut numbers, mut last) = (HashMap::new(), 0);
        while let Some(row) = rows.next()? {
            last = row.get(0)?;
            numbers.insert(open(seal, last, &row.get::<_, Vec<u8>>(1)?)?, last);
        }
        Ok(Self { numbers, next: last + 1, new: Vec::new() })
    }

    /// The number of a text that is kept.
    pub fn find(&self, text: &str) -> Option<i64> {
        self.numbers.get(text).copied()
    }

    /// The number of a text; a new one if it is not kept yet.
    pub fn number(&mut self, text: &str, seal: &Seal) -> Result<i64, StoreError> {
        if let Some(known) = self.find(text) {
            return Ok(known);
        }
        let no = self.next;
        self.next += 1;
        self.numbers.insert(text.to_owned(), no);
        self.new.push((no, seal.seal(&purpose(no), text.as_bytes())?));
        Ok(no)
    }
}

/// Reads words by their numbers, each once.
pub(super) struct Reader<'db> {
    db: &'db Connection,
    seal: &'db Seal,
    known: HashMap<i64, String>,
}

impl<'db> Reader<'db> {
    pub fn new(db: &'db Connection, seal: &'db Seal) -> Self {
        Self { db, seal, known: HashMap::new() }
    }

    /// The text of a number.
    pub fn text(&mut self, no: i64) -> Result<String, StoreError> {
        if let Some(known) = self.known.get(&no) {
            return Ok(known.clone());
        }
        let sql = "SELECT word_sealed FROM word WHERE no = ?1";
        let sealed: Option<Vec<u8>> =
            self.db.prepare_cached(sql)?.query_row([no], |row| row.get(0)).optional()?;
        let missing = || StoreError::Unreadable(format!("history names word {no}, which is gone"));
        let text = open(self.seal, no, &sealed.ok_or_else(missing)?)?;
        self.known.insert(no, text.clone());
        Ok(text)
    }
}

fn open(seal: &Seal, no: i64, sealed: &[u8]) -> Result<String, StoreError> {
    row::known(String::from_utf8(seal.open(&purpose(no), sealed)?))
}
