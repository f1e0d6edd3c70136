//! A key, token, password or app in somebody's hands, as posture rules see it. Never its secret.

use crate::graph::Id;
use crate::graph::IdError;
use crate::graph::Time;
use crate::policy::subject::days_ago;
use crate::policy::subject::id;
use crate::policy::subject::text;
use crate::record;

record! {
    /// A key, token, password or app in somebody's hands.
    pub struct Credential {
        /// Its id.
        id: Id,
        /// Its name.
        name: String,
        /// What it is: `key`, `token`, `app`, `credential`.
        kind: String,
        /// When it was made.
        created_at: Time,
        /// When it was last used; null for never.
        last_used_at: Time,
    }
}

/// An invented one, every field set.
pub fn example() -> Result<Credential, IdError> {
    Ok(Credential {
        id: id("key/3")?,
        name: text("deploy"),
        kind: text("key"),
        created_at: days_ago(400),
        last_used_at: days_ago(2),
    })
}
