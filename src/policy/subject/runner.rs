//! A pipeline runner, as posture rules see it.

use crate::event::Scope;
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
        /// Where it is registered.
        scope: Scope,
        /// The name of that place.
        place: String,
        /// How many projects have repositories whose steps it may run: at least so many where some could not be read.
        projects: u64,
        /// How many repositories' steps it may run: at least so many where some could not be read.
        repositories: u64,
        /// How many people can have a step of their own run on it: they may write to one of those.
        people: u64,
        /// Public repositories among those: at least these where some could not be read.
        public_repositories: Vec<String>,
        /// Of a repository's runner: runners of the whole workspace whose steps it can catch, since it has all their labels.
        catches: Vec<String>,
    }
}

/// An invented one, every field set.
pub fn example() -> Result<Runner, IdError> {
    Ok(Runner {
        id: id("runner/5")?,
        name: text("build-1"),
        labels: vec!["self.hosted".to_owned(), "linux".to_owned()].into(),
        active: Known::Value(true),
        scope: Known::Value(Scope::Workspace),
        place: text("acme"),
        projects: Known::Value(4),
        repositories: Known::Value(40),
        people: Known::Value(31),
        public_repositories: vec!["acme/site".to_owned()].into(),
        catches: vec!["hardened-1".to_owned()].into(),
    })
}
