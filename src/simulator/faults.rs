//! What can be made to go wrong on purpose, and the log of what was asked.

use std::time::Duration;

/// What happens instead of, or before, the real answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Answers this status with an error body.
    Status(u16),
    /// Waits, then answers truly.
    Delay(Duration),
    /// 429, with `Retry-After` in seconds if given (Cloud promises none).
    TooManyRequests(Option<u64>),
    /// Closes the connection without a word.
    Drop,
    /// Answers 200 with an HTML page, as a proxy or login page would.
    Html,
}

/// A fault laid on every path that begins with a prefix.
#[derive(Debug, Clone)]
pub(crate) struct LaidFault {
    pub(crate) prefix: String,
    pub(crate) fault: Fault,
    /// How many requests it still meets; none = until cleared.
    pub(crate) left: Option<u64>,
}

/// Takes the fault that meets this path, counting it down.
pub(crate) fn meet(faults: &mut Vec<LaidFault>, path: &str) -> Option<Fault> {
    let found = faults.iter_mut().find(|laid| path.starts_with(&laid.prefix))?;
    let fault = found.fault.clone();
    if let Some(left) = &mut found.left {
        *left = left.saturating_sub(1);
    }
    faults.retain(|laid| laid.left != Some(0));
    Some(fault)
}

/// One request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path as sent, without the query.
    pub path: String,
    /// Query as sent.
    pub query: String,
    /// `traceparent` as sent.
    pub traceparent: Option<String>,
    /// Status answered; 0 when the connection was dropped.
    pub status: u16,
}

/// One commit or build status as somebody posted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// Cloud `workspace/slug`, Data Center `KEY/slug`.
    pub repository: String,
    /// Full hash.
    pub commit: String,
    /// Its key.
    pub key: String,
    /// Its state.
    pub state: String,
    /// The whole body.
    pub body: serde_json::Value,
    /// Whether one of this key was there before.
    pub overwrote: bool,
}
