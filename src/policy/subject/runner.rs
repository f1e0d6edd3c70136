//! A pipeline runner, as posture rules see it.

use crate::graph::Id;
use crate::graph::IdError;
use crate::graph::Known;
use crate::policy::subject::id;
use crate::policy::subject::text;
use crate::record;

record! {
    /// A pipeline runner.
    pub struct Runner {
        /// Its id.
        id: Id,
        /// Its name.
        name: String,
        /// Its labels.
        labels: Vec<String>,
        /// Whether it is switched on.
        active: bool,
    }
}

/// An invented one, every field set.
pub fn example() -> Result<Runner, IdError> {
    Ok(Runner {
        id: id("runner/5")?,
        name: text("build-1"),
        labels: vec!["self.hosted".to_owned(), "linux".to_owned()].into(),
        active: Known::Value(true),
    })
}
