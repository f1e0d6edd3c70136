//! What a repository's pipeline definition says, as posture rules see it. Never a line of it.

use crate::graph::Known;
use crate::policy::subject::text;
use crate::record;

record! {
    /// A pipeline definition on the main branch.
    pub struct Definition {
        /// The images of its steps and services.
        images: Vec<Image>,
        /// Variables that its commands print, by name; `*` where they print all.
        printed: Vec<String>,
        /// Names of secured variables of this repository that its commands print.
        printed_secrets: Vec<String>,
        /// Environments it deploys to, as it calls them.
        deployments: Vec<String>,
    }
}

record! {
    /// An image. Its name is not kept.
    pub struct Image {
        /// Its registry; `$` where a variable names it.
        registry: String,
        /// Whether a digest says which one it is, whatever becomes of its tag; unknown where a variable names it.
        pinned: bool,
        /// Whether a password stands beside it, in clear.
        inline_password: bool,
        /// Whether the registry is none of the organisation's own; unknown where the connection names no `own_hosts`.
        outside: bool,
    }
}

/// An invented one, every field set.
pub(super) fn example() -> Definition {
    let image = Image {
        registry: text("docker.io"),
        pinned: Known::Value(false),
        inline_password: Known::Value(false),
        outside: Known::Value(true),
    };
    Definition {
        images: vec![image].into(),
        printed: vec!["NPM_TOKEN".to_owned()].into(),
        printed_secrets: vec!["NPM_TOKEN".to_owned()].into(),
        deployments: vec!["production-eu".to_owned()].into(),
    }
}
