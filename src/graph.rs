//! What exists and who reaches what: identities, resources, grants, and the effective permission that follows.
//!
//! The words every other room is built from live here too: [`Id`], [`Known`], [`Time`] and [`fact`]. Nothing in this
//! room reads a clock, a file or a socket; what is known is handed in and questions are answered from it.

mod id;
mod known;
mod time;
pub mod fact;

pub use id::ConnectionId;
pub use id::Id;
pub use id::IdError;
pub use id::Kind;
pub use id::Product;
pub use known::Known;
pub use known::Why;
pub use time::Time;
