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
    }
}

/// An invented one, every field set.
pub fn example() -> Result<Workspace, IdError> {
    Ok(Workspace { id: id("workspace/1")?, name: text("acme"), premium: Known::Value(true) })
}
