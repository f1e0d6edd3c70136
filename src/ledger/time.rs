//! When something was recorded: UTC, in milliseconds, written one way only. It does not know what time it is now.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// 9999-12-30T22:00:00.999Z: RFC 3339 writes years of four digits, and every zone's local time must have one too.
const LATEST: i64 = 253_402_207_200_999;

/// Milliseconds since 1970-01-01T00:00:00Z, up to the year 9999; written as `2026-03-01T09:30:00.125Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Moment(i64);

/// A text or number that is not a [`Moment`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a UTC time in milliseconds between 1970 and 9999, as in `2026-03-01T09:30:00.125Z`"
)]
pub struct MomentError(String);

impl Moment {
    /// From milliseconds since 1970 in UTC.
    pub fn from_millis(millis: i64) -> Result<Self, MomentError> {
        if (0..=LATEST).contains(&millis) {
            Ok(Self(millis))
        } else {
            Err(MomentError(millis.to_string()))
        }
    }

    /// Milliseconds since 1970 in UTC.
    pub fn as_millis(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timestamp = jiff::Timestamp::from_millisecond(self.0).map_err(|_| fmt::Error)?;
        write!(out, "{timestamp:.3}")
    }
}

impl FromStr for Moment {
    type Err = MomentError;

    fn from_str(text: &str) -> Result<Self, MomentError> {
        let read =
            || Self::from_millis(jiff::Timestamp::from_str(text).ok()?.as_millisecond()).ok();
        // One instant has one spelling, or two copies of an entry could differ and both be right.
        read()
            .filter(|moment| moment.to_string() == text)
            .ok_or_else(|| MomentError(text.chars().take(40).collect()))
    }
}

impl TryFrom<String> for Moment {
    type Error = MomentError;

    fn try_from(text: String) -> Result<Self, MomentError> {
        text.parse()
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.to_string()
    }
}
