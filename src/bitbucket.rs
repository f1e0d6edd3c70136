//! Bitbucket, Cloud and Data Center: a delivery's body becomes events in our words.
//!
//! Wire types stay in the file that reads them. A body is read only after its signature held; what cannot be read is
//! an [`Unreadable`], which becomes a dead letter with its sentence. No commit message, description, title or comment
//! text gets further than this room.

pub mod audit;
mod budget;
pub mod client;
mod cloud;
pub mod datacenter;
mod fields;
mod gist;
pub mod issuer;
pub mod journal;
mod json;
pub mod meter;
pub mod price;
pub mod scopes;
pub mod route;
mod scribe;
pub mod switches;
mod tally;
mod told;
pub mod transport;

use crate::event::Event;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Product;
use crate::graph::Why;

pub use budget::BudgetNow;
pub use budget::RESERVED as LIVE_SHARE;
pub use client::Agreed;
pub use client::Client;
pub use client::CommitFacts;
pub use client::ConsentError;
pub use client::Credential;
pub use client::EnvironmentFacts;
pub use client::HookPlace;
pub use client::HookWish;
pub use client::Keeper;
pub use client::Keeping;
pub use client::LastDelivery;
pub use client::MadeHook;
pub use client::NotKept;
pub use client::PostedStatus;
pub use client::Progress;
pub use client::PullRequestFacts;
pub use client::PullRequestState;
pub use client::SeenHook;
pub use client::Server;
pub use client::Settings;
pub use client::SettingsError;
pub use client::Spot;
pub use client::StatusPost;
pub use client::StatusState;
pub use client::StepFacts;
pub use client::StepState;
pub use client::TestServer;
pub use client::Trust;
pub use client::Workspace;
pub use json::MAX_DEPTH;
pub use switches::Switches;
pub use tally::Asked;
pub use tally::Sum;
pub use tally::Tally;
pub use transport::CallClass;
pub use transport::FetchError;

/// Most changed refs that one body may tell. A mirror push can move thousands; without a bound one body of 10 MiB
/// would ask for forty thousand decisions.
pub const MAX_EVENTS: usize = 5_000;

/// What a body told.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// What happened, in the body's order. Empty for Data Center's ping.
    pub events: Vec<Event>,
    /// The event key that fits the body: the sender's, or the body's own where none was sent. Empty if none fits.
    pub key: String,
    /// Why the event is of kind `unknown`: such a delivery is kept as a dead letter with this sentence.
    pub unknown: Option<Why>,
    /// Where it happened, to check against the hook's connection.
    pub home: Home,
    /// Fields whose name Bitbucket's documentation does not have.
    pub ignored_fields: u32,
}

/// What a body says of the place it comes from. A hook may only speak for the repositories of its own connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Home {
    /// Cloud: UUID of the workspace, bare and lower-case, where the body names it.
    pub workspace_uuid: Option<String>,
    /// Cloud: the workspace's slug, from the repository's full name. Slugs can be renamed.
    pub workspace_slug: Option<String>,
    /// The project: Cloud its UUID, Data Center its number.
    pub project: Option<Id>,
    /// The repository.
    pub repository: Option<Id>,
}

/// Why a body could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Not JSON.
    #[error("the body is not JSON: {why} (line {line}, column {column})")]
    NotJson {
        /// What the parser met.
        why: String,
        /// From 1.
        line: usize,
        /// From 1; 0 before the first character.
        column: usize,
    },
    /// Not UTF-8.
    #[error("the body is not UTF-8: byte {offset} begins no character")]
    NotUtf8 {
        /// From 0.
        offset: usize,
    },
    /// Starts with a byte order mark, which JSON forbids.
    #[error("the body starts with a byte order mark, which JSON does not allow")]
    ByteOrderMark,
    /// An object names a key twice: two readers would see two bodies.
    #[error("the body repeats the key `{key}` within one object")]
    RepeatedKey {
        /// The key, escaped and cut.
        key: String,
    },
    /// Nested too deeply.
    #[error("the body is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// A field is of another kind than documented.
    #[error(
        "the body is JSON, but a field is of another kind than Bitbucket documents (line {line}, column {column})"
    )]
    Shape {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// The key header and the signed body speak of different things.
    #[error("the event key `{key}` does not fit the body: {shape}")]
    ContradictsKey {
        /// The key, escaped and cut.
        key: String,
        /// What the body is instead.
        shape: String,
    },
    /// More changed refs than are looked at.
    #[error("the body tells {told} changes, more than the {MAX_EVENTS} that are looked at")]
    TooMany {
        /// How many.
        told: usize,
    },
}

impl Unreadable {
    /// A word for metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NotJson { .. } | Self::ByteOrderMark => "not_json",
            Self::NotUtf8 { .. } => "not_utf8",
            Self::RepeatedKey { .. } => "repeated_key",
            Self::TooDeep => "too_deep",
            Self::Shape { .. } => "shape",
            Self::ContradictsKey { .. } => "contradicts_key",
            Self::TooMany { .. } => "too_many",
        }
    }
}

/// Reads a body. `key` is the `X-Event-Key` header, or empty: the signature does not cover it, so it only chooses among
/// the kinds that the body's shape allows.
///
/// Without a key Data Center's body names its own. Cloud's does not; its shape then decides, and where several keys
/// share one shape the signed state does: a merged pull request is `merged`, one touched later than a second after it
/// was opened is `updated`. Cost: two passes over the body, no tree.
pub fn read(
    product: Product,
    connection: &ConnectionId,
    key: &str,
    body: &[u8],
) -> Result<Reading, Unreadable> {
    let looked = json::look(body)?;
    let mut reading = if looked.is_object {
        match product {
            Product::Cloud => cloud::webhook::read(connection, key, looked.text)?,
            Product::DataCenter => datacenter::webhook::read(connection, key, looked.text)?,
        }
    } else {
        Reading::unknown(key, Why::fixed("the body is JSON, but not an object"))
    };
    if reading.events.len() > MAX_EVENTS {
        return Err(Unreadable::TooMany { told: reading.events.len() });
    }
    reading.ignored_fields = looked.ignored_fields;
    Ok(reading)
}

impl Reading {
    /// A body of which nothing is known but why.
    fn unknown(key: &str, why: Why) -> Self {
        let events = vec![Event::new(crate::event::EventKind::Unknown)];
        Self {
            events,
            key: json::quoted(key),
            unknown: Some(why),
            home: Home::default(),
            ignored_fields: 0,
        }
    }
}

/// The refusal of a key that does not fit.
fn contradiction(key: &str, shape: &str) -> Unreadable {
    Unreadable::ContradictsKey { key: json::quoted(key), shape: shape.to_owned() }
}
