//! Where a search goes on: a token that only this gate can read, and only for the same caller and the same query. It is
//! sealed, so it tells nothing, and one that was changed, invented or taken from another query does not open.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::secret::Seal;
    use crate::secret::Secret;
    use crate::store::Role;
    use crate::store::Settings;

    #[tokio::test]
    async fn a_token_goes_on_for_its_hour_and_for_its_query_alone() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            path: folder.path().join("portcullis.db"),
            seal: Arc::new(Seal::new(&Secret::new([7; 32]), None)),
            origin: "gate.test/ledger".to_owned(),
            role: Role::Serve,
        };
        let store = Store::open(settings).await.unwrap();
        let caller = Uuid::now_v7();
        let query = Query::of(caller, &json!(["subject", {"b": 1, "a": 2}]));
        let now = Time::from_millis(1_000);
        let token = query.after(&store, "u07".to_owned(), now).unwrap();
        let at = |query: &Query, now: Time| query.opened(&store, &token, now).unwrap();
        let late = now.plus(GOOD_FOR);
        let last = Time::from_millis(late.millis() - 1);
        assert_eq!(at(&query, last).as_deref(), Some("u07"));
        assert_eq!(at(&query, late), None, "its hour is over");
        let same = Query::of(caller, &json!(["subject", {"a": 2, "b": 1}]));
        assert_eq!(at(&same, now).as_deref(), Some("u07"), "members have no order");
        for other in [
            Query::of(caller, &json!(["resource", {"a": 2, "b": 1}])),
            Query::of(caller, &json!(["subject", {"a": 2, "b": 3}])),
            Query::of(Uuid::now_v7(), &json!(["subject", {"a": 2, "b": 1}])),
        ] {
            assert_eq!(at(&other, now), None);
        }
        store.close().await;
    }
}
