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
        /// Whether its name says that it holds a secret: `…_TOKEN`, `…PASSWORD…` and so on.
        named_secret: bool,
        /// Where it is set.
        scope: Scope,
        /// The name of that place.
        place: String,
        /// Whether a deployment permission keeps it: administrators alone deploy there, and the plan enforces that.
        kept: bool,
        /// How many people can learn its value, by a step of their own.
        people: u64,
        /// How many people there are.
        members: u64,
    }
}

/// An invented one, every field set.
pub fn example() -> Result<Variable, IdError> {
    Ok(Variable {
        id: id("variable/6")?,
        name: text("AWS_PROD_KEY"),
        secured: Known::Value(true),
        named_secret: Known::Value(true),
        scope: Known::Value(Scope::Repository),
        place: text("acme/shop"),
        kept: Known::Value(false),
        people: Known::Value(18),
        members: Known::Value(24),
    })
}
