//! A project, as posture rules see it.

use crate::event::Visibility;
use crate::graph::Id;
use crate::graph::IdError;
use crate::graph::Known;
use crate::policy::subject::id;
use crate::policy::subject::text;
use crate::record;

record! {
    /// A project.
    pub struct Project {
        /// Its id.
        id: Id,
        /// Its name.
        name: String,
        /// Its key.
        key: String,
        /// Who can see it.
        visibility: Visibility,
        /// Its classification; null where it has none.
        class: String,
    }
}

/// An invented one, every field set.
pub fn example() -> Result<Project, IdError> {
    Ok(Project {
        id: id("project/7")?,
        name: text("Shop"),
        key: text("SHOP"),
        visibility: Known::Value(Visibility::Private),
        class: text("critical"),
    })
}
