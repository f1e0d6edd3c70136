//! A person, service account or agent, as posture rules see it.

use crate::graph::Id;
use crate::graph::IdError;
use crate::graph::Known;
use crate::graph::Level;
use crate::graph::Time;
use crate::policy::subject::days_ago;
use crate::policy::subject::id;
use crate::policy::subject::text;
use crate::record;

record! {
    /// A person, service account or agent.
    pub struct Identity {
        /// Its id.
        id: Id,
        /// Its name.
        name: String,
        /// What it is: `user`, `service` for an account that no person uses, `agent`.
        kind: String,
        /// Whether it is switched on.
        active: bool,
        /// Whether a person has a second factor; null for what is no person. Only evidence tells.
        second_factor: bool,
        /// When a person was last signed in; null for never.
        last_login: Time,
        /// What a person who left still has; null for one who has not. Only evidence tells who left.
        left: Left,
        /// The keys and tokens in a person's own hands.
        credentials: Vec<InHand>,
        /// Of an agent: credentials it works with that are a person's own; null for what is no agent.
        shared_credentials: Vec<Shared>,
    }
}

record! {
    /// What somebody who left still has.
    pub struct Left {
        /// When they left.
        at: Time,
        /// The most they may still do anywhere.
        level: Level,
        /// How many repositories they still reach.
        repositories: u64,
        /// Names of keys, tokens and apps that are still in their hands.
        credentials: Vec<String>,
        /// Hosts of webhooks that nobody else looks after.
        hooks: Vec<String>,
    }
}

record! {
    /// A key or token in a person's own hands.
    pub struct InHand {
        /// Its id.
        id: Id,
        /// Its name.
        name: String,
        /// The product's word for what it is.
        what: String,
        /// How many days ago it was made.
        age_days: u64,
        /// How many days ago it was last used; null for never.
        idle_days: u64,
        /// When it ends; null for never.
        expires_at: Time,
    }
}

record! {
    /// A credential that an agent and a person both work with.
    pub struct Shared {
        /// Its name.
        name: String,
        /// Whose it is.
        person: String,
    }
}

/// An invented one, every field set.
pub fn example() -> Result<Identity, IdError> {
    let in_hand = InHand {
        id: id("key/3")?,
        name: text("laptop"),
        what: text("SSH key"),
        age_days: Known::Value(400),
        idle_days: Known::Value(120),
        expires_at: Known::Value(crate::policy::subject::EXAMPLE_NOW),
    };
    let left = Left {
        at: days_ago(30),
        level: Known::Value(Level::Write),
        repositories: Known::Value(12),
        credentials: vec!["laptop".to_owned()].into(),
        hooks: vec!["hooks.example.net".to_owned()].into(),
    };
    Ok(Identity {
        id: id("user/2")?,
        name: text("Ana"),
        kind: text("user"),
        active: Known::Value(true),
        second_factor: Known::Value(true),
        last_login: days_ago(1),
        left: left.into(),
        credentials: vec![in_hand].into(),
        shared_credentials: vec![Shared { name: text("laptop"), person: text("Ben") }].into(),
    })
}
