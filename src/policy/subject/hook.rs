//! A webhook, as posture rules see it. Never its whole address.

use crate::graph::Id;
use crate::graph::IdError;
use crate::graph::Known;
use crate::policy::subject::id;
use crate::policy::subject::text;
use crate::record;

record! {
    /// A webhook.
    pub struct Hook {
        /// Its id.
        id: Id,
        /// Its name.
        name: String,
        /// Host of its address.
        host: String,
        /// Whether it is switched on.
        active: bool,
    }
}

/// An invented one, every field set.
pub fn example() -> Result<Hook, IdError> {
    Ok(Hook {
        id: id("hook/4")?,
        name: text("hooks.example.net"),
        host: text("hooks.example.net"),
        active: Known::Value(true),
    })
}
