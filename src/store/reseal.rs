//! Another sealing key: whatever is sealed under the one before is sealed again, in steps so small that nobody who writes
//! has to wait for one.
//!
//! Both keys open everything while it lasts, and what is written meanwhile is sealed under the new one; so it may be cut
//! short anywhere and goes on at the next start with both keys. When nothing is left under the old key, the store says
//! that it is the new one's, and the ledger that it changed hands. Names and texts of decisions are not sealed with a
//! key but kept beside their commitments (see `ledger`): no key opens or shuts them.

use rusqlite::Connection;
use rusqlite::Row;
use rusqlite::types::Value;
use serde_json::json;
use uuid::Uuid;

use crate::graph::Time;
use crate::ledger::Kind;
use crate::secret::Seal;
use crate::secret::SealError;
use crate::store::NewEntry;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::connections;
use crate::store::deliveries;
use crate::store::evidence;
use crate::store::findings;
use crate::store::history::words;
use crate::store::log;
use crate::store::messages;
use crate::store::meta;
use crate::store::notices;
use crate::store::outbox;
use crate::store::pause;
use crate::store::row;
use crate::store::standing;
use crate::store::tickets;
use crate::store::tokens;
use crate::store::writer::Desk;

/// Rows looked at in one question.
const LOOK: usize = 500;

/// Rows sealed again in one job.
const STEP_ROWS: usize = 100;

/// Bytes read in one question and written in one job, one row more at most.
const STEP_BYTES: usize = 1 << 20;

/// A column that holds sealed bytes.
struct Place {
    /// The table; a second one where the purpose needs it.
    from: &'static str,
    /// Table and column that is written.
    table: &'static str,
    column: &'static str,
    /// What rows are told apart by.
    key: &'static str,
    /// Where to begin.
    first: fn() -> Value,
    /// What the purpose is made of.
    id: &'static str,
    purpose: fn(&Row<'_>) -> Result<String, StoreError>,
}

fn number() -> Value {
    Value::Integer(i64::MIN)
}

fn text() -> Value {
    Value::Text(String::new())
}

fn blob() -> Value {
    Value::Blob(Vec::new())
}

fn of_uuid(row: &Row<'_>, purpose: fn(Uuid) -> String) -> Result<String, StoreError> {
    row::uuid(row, 2).map(purpose)
}

/// Every column that is sealed. A test holds it against the schema.
const PLACES: &[Place] = &[
    Place {
        from: "meta",
        table: "meta",
        column: "value",
        key: "name",
        first: || Value::Text(meta::SECRETS.to_owned()),
        id: "name",
        purpose: |row| Ok(row.get(2)?),
    },
    Place {
        from: "delivery",
        table: "delivery",
        column: "why_sealed",
        key: "seq",
        first: number,
        id: "id",
        purpose: |row| of_uuid(row, deliveries::why_purpose),
    },
    Place {
        from: "body JOIN delivery USING (seq)",
        table: "body",
        column: "body_sealed",
        key: "seq",
        first: number,
        id: "id",
        purpose: |row| of_uuid(row, deliveries::body_purpose),
    },
    Place {
        from: "bundle",
        table: "bundle",
        column: "bundle_sealed",
        key: "revision",
        first: text,
        id: "revision",
        purpose: |row| Ok(standing::bundle_purpose(&row.get::<_, String>(2)?)),
    },
    Place {
        from: "ticket",
        table: "ticket",
        column: "ticket_sealed",
        key: "seq",
        first: number,
        id: "id",
        purpose: |row| of_uuid(row, tickets::purpose),
    },
    Place {
        from: "action",
        table: "action",
        column: "action_sealed",
        key: "seq",
        first: number,
        id: "key",
        purpose: |row| Ok(outbox::purpose(&row.get(2)?)),
    },
    Place {
        from: "action",
        table: "action",
        column: "why_sealed",
        key: "seq",
        first: number,
        id: "seq",
        purpose: |row| Ok(outbox::why_purpose_of(row.get(2)?)),
    },
    Place {
        from: "token",
        table: "token",
        column: "token_sealed",
        key: "id",
        first: blob,
        id: "id",
        purpose: |row| of_uuid(row, tokens::purpose),
    },
    Place {
        from: "connection",
        table: "connection",
        column: "connection_sealed",
        key: "id",
        first: text,
        id: "id",
        purpose: |row| Ok(connections::purpose(&row::parsed(row, 2)?)),
    },
    Place {
        from: "world",
        table: "world",
        column: "world_sealed",
        key: "connection",
        first: text,
        id: "connection",
        purpose: |row| Ok(standing::world_purpose(&row::parsed(row, 2)?)),
    },
    Place {
        from: "notice",
        table: "notice",
        column: "item_sealed",
        key: "seq",
        first: number,
        id: "channel, about",
        purpose: |row| Ok(notices::purpose(&row.get::<_, String>(2)?, row::uuid(row, 3)?)),
    },
    Place {
        from: "message",
        table: "message",
        column: "body_sealed",
        key: "seq",
        first: number,
        id: "id",
        purpose: |row| of_uuid(row, messages::purpose),
    },
    Place {
        from: "word",
        table: "word",
        column: "word_sealed",
        key: "no",
        first: number,
        id: "no",
        purpose: |row| Ok(words::purpose(row.get(2)?)),
    },
    Place {
        from: "evidence",
        table: "evidence",
        column: "head_sealed",
        key: "seq",
        first: number,
        id: "id",
        purpose: |row| of_uuid(row, evidence::purpose),
    },
    Place {
        from: "evidence",
        table: "evidence",
        column: "content_sealed",
        key: "seq",
        first: number,
        id: "id",
        purpose: |row| of_uuid(row, evidence::content_purpose),
    },
    Place {
        from: "finding",
        table: "finding",
        column: "finding_sealed",
        key: "no",
        first: number,
        id: "id",
        purpose: |row| Ok(findings::purpose(&row.get::<_, String>(2)?)),
    },
    Place {
        from: "pause",
        table: "pause",
        column: "pause_sealed",
        key: "one",
        first: number,
        id: "id",
        purpose: |row| of_uuid(row, pause::purpose),
    },
];

/// What a change of keys did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Rows sealed again, in this life.
    pub rows: u64,
    /// Rows that neither key opens: they were broken before, and stay as they are.
    pub broken: u64,
}

/// A row to be written: its key, what stands there, and what shall.
type Again = (Value, Vec<u8>, Vec<u8>);

/// What one look found.
struct Looked {
    again: Vec<Again>,
    broken: u64,
    /// Where to look on; none: that was the last.
    next: Option<Value>,
}

impl Store {
    /// Whether the store is still, or again in part, under another key than the current one.
    pub async fn needs_resealing(&self) -> Result<bool, StoreError> {
        let seal = self.seal()?.clone();
        self.ask(move |db| {
            let check = meta::get(db, meta::KEY_CHECK)?.unwrap_or_default();
            Ok(!seal.is_current(&check))
        })
        .await
    }

    /// Seals everything again that is not under the current key, and then says in store and ledger whose it is. Does
    /// nothing if it is the current key's already. Cut short, it goes on where it was when it is called again.
    pub async fn reseal(&self, now: Time) -> Result<Resealed, StoreError> {
        let mut done = Resealed::default();
        if !self.needs_resealing().await? {
            return Ok(done);
        }
        self.write(move |desk| begin(desk, now)).await?;
        for place in PLACES {
            let found = self.reseal_place(place).await?;
            done = Resealed { rows: done.rows + found.rows, broken: done.broken + found.broken };
        }
        self.write(move |desk| finish(desk, done, now)).await?;
        self.owe_emptying();
        self.leave_nothing_owed().await?;
        Ok(done)
    }

    async fn reseal_place(&self, place: &'static Place) -> Result<Resealed, StoreError> {
        let (mut done, mut after) = (Resealed::default(), Some((place.first)()));
        while let Some(from) = after {
            let seal = self.seal()?.clone();
            let looked = self.ask(move |db| look(db, place, from, &seal)).await?;
            for step in steps(looked.again) {
                done.rows += self.write(move |desk| again(desk.db, place, &step)).await?;
            }
            done.broken += looked.broken;
            after = looked.next;
        }
        Ok(done)
    }
}

fn look(db: &Connection, place: &Place, from: Value, seal: &Seal) -> Result<Looked, StoreError> {
    let Place { from: tables, column, key, id, .. } = place;
    let sql = format!("SELECT {key}, {column}, {id} FROM {tables} WHERE {key} > ?1 ORDER BY {key}");
    let mut query = db.prepare_cached(&sql)?;
    let mut rows = query.query([from])?;
    let (mut looked, mut seen, mut bytes) =
        (Looked { again: Vec::new(), broken: 0, next: None }, 0, 0);
    while let Some(row) = rows.next()? {
        let key: Value = row.get(0)?;
        if place.table == "meta" && !is_secret(&key) {
            break;
        }
        if let Some(old) = row.get::<_, Option<Vec<u8>>>(1)?.filter(|old| !seal.is_current(old)) {
            let purpose = (place.purpose)(row)?;
            match seal.open(&purpose, &old) {
                Ok(plain) => {
                    bytes += old.len();
                    looked.again.push((key.clone(), old, seal.seal(&purpose, &plain)?));
                }
                Err(SealError::Random(error)) => return Err(error.into()),
                Err(
                    SealError::UnknownKey(_)
                    | SealError::Broken
                    | SealError::Unreadable(_)
                    | SealError::TooLarge,
                ) => looked.broken += 1,
            }
        }
        seen += 1;
        if seen == LOOK || bytes >= STEP_BYTES {
            looked.next = Some(key);
            break;
        }
    }
    Ok(looked)
}

/// Of the small facts, only keys are sealed, and they stand together.
fn is_secret(name: &Value) -> bool {
    matches!(name, Value::Text(name) if name.starts_with(meta::SECRETS))
}

fn steps(rows: Vec<Again>) -> Vec<Vec<Again>> {
    let mut steps: Vec<Vec<Again>> = Vec::new();
    for row in rows {
        match steps.last_mut() {
            Some(step) if step.len() < STEP_ROWS => step.push(row),
            Some(_) | None => steps.push(vec![row]),
        }
    }
    steps
}

/// Writes rows that are still as they were read; what was written meanwhile is under the current key.
fn again(db: &Connection, place: &Place, step: &[Again]) -> Result<u64, StoreError> {
    let Place { table, column, key, .. } = place;
    let sql = format!("UPDATE {table} SET {column} = ?3 WHERE {key} = ?1 AND {column} = ?2");
    let mut update = db.prepare_cached(&sql)?;
    let mut rows = 0;
    for (key, old, new) in step {
        rows += update.execute((key, old, new))? as u64;
    }
    Ok(rows)
}

/// From now on a start without the new key is told which one is missing.
fn begin(desk: &mut Desk<'_>, now: Time) -> Result<(), StoreError> {
    let begun = meta::get(desk.db, meta::KEY_NEXT)?;
    if begun.is_some_and(|begun| desk.seal.is_current(&begun)) {
        return Ok(());
    }
    let check = desk.seal.seal(meta::KEY_NEXT, meta::KEY_TEXT)?;
    meta::put(desk.db, meta::KEY_NEXT, &check)?;
    tell(desk, "sealing key change begun", Resealed::default(), now)
}

fn finish(desk: &mut Desk<'_>, done: Resealed, now: Time) -> Result<(), StoreError> {
    tell(desk, "sealing key changed", done, now)?;
    let check = desk.seal.seal(meta::KEY_CHECK, meta::KEY_TEXT)?;
    meta::put(desk.db, meta::KEY_CHECK, &check)?;
    desk.db.prepare_cached("DELETE FROM meta WHERE name = ?1")?.execute([meta::KEY_NEXT])?;
    Ok(())
}

fn tell(desk: &mut Desk<'_>, what: &str, done: Resealed, now: Time) -> Result<(), StoreError> {
    let check = meta::get(desk.db, meta::KEY_CHECK)?.unwrap_or_default();
    let from = Seal::key_of(&check).map(|id| id.to_string());
    let to = desk.seal.current().to_string();
    let entry = NewEntry {
        body: row::members(json!({
            "what": what, "from": from, "to": to, "rows": done.rows, "broken": done.broken,
        })),
        ..NewEntry::new(Kind::Key, now, to.clone())
    };
    log::append(desk, entry.prepare()?).map(drop)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rusqlite::Connection;

    use crate::store::reseal::PLACES;
    use crate::store::schema;

    #[test]
    fn every_sealed_column_is_sealed_again() {
        let db = Connection::open_in_memory().unwrap();
        schema::migrate(&db, std::path::Path::new("memory")).unwrap();
        let sql = "SELECT t.name, c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
                   WHERE t.type = 'table' AND c.name LIKE '%\\_sealed' ESCAPE '\\'";
        let mut query = db.prepare(sql).unwrap();
        let columns = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let columns: BTreeSet<(String, String)> = columns.map(Result::unwrap).collect();
        let known = PLACES.iter().filter(|place| place.table != "meta");
        let known: BTreeSet<_> =
            known.map(|place| (place.table.to_owned(), place.column.to_owned())).collect();
        assert_eq!(columns, known);
        for place in PLACES {
            let sql = format!("SELECT {}, {} FROM {}", place.key, place.id, place.from);
            db.prepare(&sql).unwrap();
        }
    }
}
