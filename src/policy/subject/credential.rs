//! A key, token, password or app in somebody's hands, as posture rules see it. Never its secret.

use crate::graph::Id;
use crate::graph::IdError;
use crate::graph::Known;
use crate::graph::Level;
use crate::graph::Time;
use crate::policy::subject::EXAMPLE_NOW;
use crate::policy::subject::days_ago;
use crate::policy::subject::id;
use crate::policy::subject::text;
use crate::record;

record! {
    /// A key, token, password or app in somebody's hands.
    pub struct Credential {
        /// Its id.
        id: Id,
        /// Its name.
        name: String,
        /// What it is: `key`, `token`, `app`, `credential`.
        kind: String,
        /// The product's word for what it is: `access key`, `SSH key`, `HTTP access token`, `app password` …
        what: String,
        /// Whether it is switched on.
        active: bool,
        /// Whether it acts for one person, with that person's rights.
        personal: bool,
        /// When it was made.
        created_at: Time,
        /// When it was last used; null for never.
        last_used_at: Time,
        /// When it ends; null for never.
        expires_at: Time,
        /// How many days ago it was made.
        age_days: u64,
        /// How many days ago it was last used; null for never.
        idle_days: u64,
        /// The most it may do anywhere, from what is granted to it.
        level: Level,
        /// How many repositories it reaches.
        repositories: u64,
        /// Repositories it may write to that go to production, by environment or branch; empty for a personal one.
        production: Vec<String>,
        /// Whether it may write and was not used for half a year; what one that is in use is used for is not told.
        wider_than_used: bool,
        /// Who looks after it; null for nobody.
        owners: Vec<Owner>,
        /// Whether everybody who looks after it has left; null where nobody does. Only evidence tells.
        owners_left: bool,
    }
}

record! {
    /// Somebody who looks after a thing.
    pub struct Owner {
        /// His id.
        id: Id,
        /// His name.
        name: String,
        /// Whether they are switched on.
        active: bool,
        /// How sure that is: `told` by Bitbucket, or `inferred`.
        sure: String,
    }
}

/// An invented one, every field set.
pub fn example() -> Result<Credential, IdError> {
    Ok(Credential {
        id: id("key/3")?,
        name: text("deploy"),
        kind: text("key"),
        what: text("access key"),
        active: Known::Value(true),
        personal: Known::Value(false),
        created_at: days_ago(400),
        last_used_at: days_ago(2),
        expires_at: Known::Value(EXAMPLE_NOW),
        age_days: Known::Value(400),
        idle_days: Known::Value(2),
        level: Known::Value(Level::Write),
        repositories: Known::Value(3),
        production: vec!["acme/shop".to_owned()].into(),
        wider_than_used: Known::Value(false),
        owners: vec![owner()?].into(),
        owners_left: Known::Value(false),
    })
}

/// An invented owner, every field set.
pub(super) fn owner() -> Result<Owner, IdError> {
    Ok(Owner {
        id: id("user/2")?,
        name: text("Ana"),
        active: Known::Value(true),
        sure: text("told"),
    })
}
