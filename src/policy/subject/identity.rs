//! A person or machine that may act, as posture rules see it.

use crate::graph::Id;
use crate::graph::IdError;
use crate::graph::Known;
use crate::policy::subject::id;
use crate::policy::subject::text;
use crate::record;

record! {
    /// A person or machine that may act.
    pub struct Identity {
        /// Its id.
        id: Id,
        /// Its name.
        name: String,
        /// What it is: `user`, `app`, `token`, `agent` …
        kind: String,
        /// Whether it is switched on.
        active: bool,
    }
}

/// An invented one, every field set.
pub fn example() -> Result<Identity, IdError> {
    Ok(Identity {
        id: id("user/2")?,
        name: text("Ana"),
        kind: text("user"),
        active: Known::Value(true),
    })
}
