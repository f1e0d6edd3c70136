//! A webhook, as posture rules see it. Never its whole address.

use crate::event::Scope;
use crate::graph::Id;
use crate::graph::IdError;
use crate::graph::Known;
use crate::policy::subject::credential::Owner;
use crate::policy::subject::credential::owner;
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
        /// Whether that host is none of the organisation's own, by the connection's `own_hosts`.
        external: bool,
        /// Whether it is switched on.
        active: bool,
        /// Whether what it sends is signed.
        secret_set: bool,
        /// Whether the receiver's certificate is checked.
        tls_verified: bool,
        /// The events it is sent.
        events: Vec<String>,
        /// Where it is set.
        scope: Scope,
        /// The name of that place.
        place: String,
        /// Who looks after it: those who administer just where it is set, of a workspace its own; null for nobody.
        owners: Vec<Owner>,
        /// Whether everybody who looks after it has left; null where nobody does. Only evidence tells.
        owners_left: bool,
    }
}

/// An invented one, every field set.
pub fn example() -> Result<Hook, IdError> {
    Ok(Hook {
        id: id("hook/4")?,
        name: text("hooks.example.net"),
        host: text("hooks.example.net"),
        external: Known::Value(true),
        active: Known::Value(true),
        secret_set: Known::Value(false),
        tls_verified: Known::Value(true),
        events: vec!["repo:push".to_owned()].into(),
        scope: Known::Value(Scope::Repository),
        place: text("acme/shop"),
        owners: vec![owner()?].into(),
        owners_left: Known::Value(false),
    })
}
