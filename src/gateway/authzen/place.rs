//! Where a search goes on: a token that only this gate can read, and only for the same caller and the same query. It is
//! sealed, so it tells nothing, and one that was changed, invented or taken from another query does not open.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;
use std::time::Duration;
use uuid::Uuid;

use crate::graph::Time;
use crate::store::Store;
use crate::store::StoreError;

/// How long a page waits for the next to be asked for. Without an end, one that leaked would open part of an answer for
/// as long as the key lives.
const GOOD_FOR: Duration = Duration::from_hours(1);

/// Longest token that is looked at, bytes: the longest key is an id.
const MAX_TOKEN: usize = 8 * 1024;

/// Where the next page begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Next {
    /// The candidate after which to go on.
    after: String,
    /// When the token ends.
    until: i64,
}

/// A query, as far as its pages belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query(String);

impl Query {
    /// What was asked, by whom.
    pub fn of(caller: Uuid, asked: &Value) -> Self {
        let mut hash = Sha256::new();
        hash.update(caller.as_bytes());
        // Members of an object are in order of their names.
        hash.update(asked.to_string().as_bytes());
        Self(format!("authzen page {}", hex::encode(hash.finalize())))
    }

    /// The token for what comes after this candidate.
    pub fn after(&self, store: &Store, after: String, now: Time) -> Result<String, StoreError> {
        let next = Next { after, until: now.plus(GOOD_FOR).millis() };
        let plain =
            serde_json::to_vec(&next).map_err(|error| StoreError::Fault(error.to_string()))?;
        Ok(URL_SAFE_NO_PAD.encode(store.seal_for(&self.0, &plain)?))
    }

    /// The candidate after which a token goes on; none: it is no token of this query, or its time is over.
    pub fn opened(
        &self,
        store: &Store,
        token: &str,
        now: Time,
    ) -> Result<Option<String>, StoreError> {
        if token.len() > MAX_TOKEN {
            return Ok(None);
        }
        let Ok(sealed) = URL_SAFE_NO_PAD.decode(token) else { return Ok(None) };
        let Some(plain) = store.open_for(&self.0, &sealed)? else { return Ok(None) };
        let next: Option<Next> = serde_json::from_slice(&plain).ok();
        Ok(next.filter(|next| now.millis() < next.until).map(|next| next.after))
    }
}
