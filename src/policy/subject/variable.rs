//! A pipeline variable, as posture rules see it. Never its value.

use crate::event::Scope;
use crate::graph::Id;
use crate::graph::IdError;
use crate::graph::Known;
use crate::policy::subject::id;
use crate::policy::subject::text;
use crate::record;

record! {
    /// A pipeline variable.
    pub struct Variable {
        /// Its id.
        id: Id,
        /// Its name.
        name: String,
        /// Whether it is masked in logs.
        secured: bool,
        /// Where it is set.
        scope: Scope,
    }
}

/// An invented one, every field set.
pub fn example() -> Result<Variable, IdError> {
    Ok(Variable {
        id: id("variable/6")?,
        name: text("AWS_PROD_KEY"),
        secured: Known::Value(true),
        scope: Known::Value(Scope::Repository),
    })
}
