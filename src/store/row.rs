//! Columns and our words: what stands in a row becomes a type again, or is said to be unreadable.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rusqlite::Row;
use serde_json::Map;
use serde_json::Value;
use uuid::Uuid;

use crate::store::StoreError;

/// A number for a column. Ours are counts and stay far below the end of the range.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number out of a column that holds counts.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A duration in milliseconds.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// An id.
pub(super) fn uuid(row: &Row<'_>, column: usize) -> Result<Uuid, StoreError> {
    Ok(Uuid::from_bytes(row.get(column)?))
}

/// A text that is one of our types.
pub(super) fn parsed<T>(row: &Row<'_>, column: usize) -> Result<T, StoreError>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    known(row.get::<_, String>(column)?.parse())
}

/// What we wrote and read back.
pub(super) fn known<T, E: fmt::Display>(read: Result<T, E>) -> Result<T, StoreError> {
    read.map_err(|error| StoreError::Unreadable(error.to_string()))
}

/// The members of a JSON object; anything else has none.
pub(super) fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}
