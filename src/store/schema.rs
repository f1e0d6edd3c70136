//! The schema, step by step, and the checks before anything is believed of a file.
//!
//! Steps only go forward, each in one transaction with its number, so that a step cut short never happened.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::ErrorCode;

use crate::store::OpenError;
use crate::store::StoreError;

/// `Port` in ASCII: says that a database file is ours.
const APPLICATION: i64 = 0x506f_7274;

/// The steps: the n-th leads from schema n to n + 1.
const STEPS: &[&str] = &[
    include_str!("schema/0001.sql"),
    include_str!("schema/0002.sql"),
    include_str!("schema/0003.sql"),
    include_str!("schema/0004.sql"),
];

/// The number of the schema this program writes.
pub const KNOWN: i64 = STEPS.len().cast_signed() as i64;

/// Brings a database that may be empty, ours or not ours to the schema this program knows.
pub(super) fn migrate(db: &Connection, path: &Path) -> Result<(), OpenError> {
    let found = version(db, path)?;
    for (from, step) in (0..).zip(STEPS).skip_while(|(from, _)| *from < found) {
        let to: i64 = from + 1;
        let all = format!(
            "BEGIN IMMEDIATE; {step}; PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {to}; COMMIT;"
        );
        db.execute_batch(&all).map_err(|error| undo(db, error))?;
    }
    Ok(())
}

/// For reading: exactly the schema this program knows.
pub(super) fn expect_known(db: &Connection, path: &Path) -> Result<(), OpenError> {
    match version(db, path)? {
        KNOWN => Ok(()),
        0 => Err(OpenError::NotAStore(path.to_owned())),
        found => Err(OpenError::Older { found, known: KNOWN }),
    }
}

/// The schema of the file; 0 for an empty one.
pub(super) fn version(db: &Connection, path: &Path) -> Result<i64, OpenError> {
    let number = |sql| db.query_row(sql, [], |row| row.get::<_, i64>(0));
    let read = || -> Result<_, rusqlite::Error> {
        let tables = number("SELECT count(*) FROM sqlite_schema")?;
        Ok((tables, number("PRAGMA application_id")?, number("PRAGMA user_version")?))
    };
    match read().map_err(|error| unreadable(path, error))? {
        (0, 0, 0) => Ok(0),
        (_, APPLICATION, found) if found > KNOWN => Err(OpenError::Newer { found, known: KNOWN }),
        (_, APPLICATION, found) if found > 0 => Ok(found),
        _ => Err(OpenError::NotAStore(path.to_owned())),
    }
}

/// What an error on the first question to a file means.
pub(super) fn unreadable(path: &Path, error: rusqlite::Error) -> OpenError {
    if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) {
        return OpenError::NotAStore(path.to_owned());
    }
    let error = StoreError::from(error);
    if error == StoreError::Busy {
        return OpenError::Locked(path.to_owned());
    }
    if let StoreError::Io(why) = error {
        return OpenError::Unreachable { path: path.to_owned(), why };
    }
    OpenError::Store(error)
}

fn undo(db: &Connection, error: rusqlite::Error) -> OpenError {
    // The step failed: that it cannot be undone either would be told by the next statement.
    let _ = db.execute_batch("ROLLBACK");
    error.into()
}
