//! Telling people: who is to hear of what ([`route`]), in which words ([`message`]), signed ([`sign`]) and sent to
//! addresses that were judged first ([`guard`], [`post`]).
//!
//! A message is a doorbell: it says that there is something and where to look, never a secret, a fact or a person's name
//! that the page behind its link would not show to anybody. What was told before, what waits and what is tried again is
//! the store's and the gateway's: nothing here remembers.

pub mod channel;
pub mod guard;
pub mod message;
pub mod post;
pub mod route;
pub mod sign;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use channel::Channel;
pub use channel::ChannelError;
pub use channel::ChannelId;
pub use guard::Lookup;
pub use message::Message;
pub use route::On;
pub use route::Routes;
pub use route::Severity;

/// How people are told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where messages go, by id.
    pub channels: BTreeMap<ChannelId, Arc<Channel>>,
    /// Who hears what.
    pub routes: Routes,
    /// How long the same cause reaches nobody again. Default a day: what is still so tomorrow is worth another ring.
    pub once_per: Duration,
    /// When the daily digest goes out, minutes after midnight UTC. Default 08:00.
    pub digest_at: u16,
    /// How names become addresses.
    pub lookup: Arc<dyn Lookup>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            channels: BTreeMap::new(),
            routes: Routes::default(),
            once_per: Duration::from_hours(24),
            digest_at: 8 * 60,
            lookup: Arc::new(guard::System),
        }
    }
}

impl Settings {
    /// Whether there is anybody to tell.
    pub fn is_deaf(&self) -> bool {
        self.channels.is_empty()
    }
}
