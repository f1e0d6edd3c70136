//! A Cloud workspace, or a Data Center, as posture rules see it.

use crate::graph::Id;
use crate::graph::IdError;
use crate::graph::Known;
use crate::policy::subject::id;
use crate::policy::subject::text;
use crate::record;

record! {
    /// A Cloud workspace, or a Data Center.
    pub struct Workspace {
        /// Its id.
        id: Id,
        /// Its name.
        name: String,
        /// Whether its plan is Premium; null on Data Center, which has no plans.
        premium: bool,
        /// Whether everybody must have a second factor. Only evidence tells.
        second_factor_enforced: bool,
        /// The active people who administer all of it.
        administrators: Vec<Administrator>,
    }
}

record! {
    /// Somebody who administers all of it.
    pub struct Administrator {
        /// His id.
        id: Id,
        /// His name.
        name: String,
    }
}

/// An invented one, every field set.
pub fn example() -> Result<Workspace, IdError> {
    let administrator = Administrator { id: id("user/2")?, name: text("Ana") };
    Ok(Workspace {
        id: id("workspace/1")?,
        name: text("acme"),
        premium: Known::Value(true),
        second_factor_enforced: Known::Value(true),
        administrators: vec![administrator].into(),
    })
}
