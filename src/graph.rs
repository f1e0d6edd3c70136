//! What exists and who reaches what: identities, resources, grants, and the effective permission that follows.
//!
//! The words every other room is built from live here too: [`Id`], [`Known`], [`Time`] and [`fact`]. Nothing in this
//! room reads a clock, a file or a socket; what is known is handed in and questions are answered from it.

mod ask;
mod build;
mod change;
mod effective;
mod id;
mod index;
mod known;
mod level;
mod pattern;
mod protect;
mod reached;
mod relation;
mod repositories;
mod rows;
mod snapshot;
mod time;
pub mod attribute;
pub mod csv;
pub mod fact;
mod naming;
mod path;
pub mod world;

pub use ask::Holders;
pub use ask::Listed;
pub use ask::ReadableVariable;
pub use ask::ReadableVariables;
pub use build::BuildError;
pub use build::Builder;
pub use build::Place;
pub use change::Change;
pub use change::difference;
pub use effective::Effective;
pub use effective::Standing;
pub use id::ConnectionId;
pub use id::Id;
pub use id::IdError;
pub use id::Kind;
pub use id::Product;
pub use known::Known;
pub use known::Why;
pub use level::Level;
pub use path::Ground;
pub use path::MAX_PATHS;
pub use path::Path;
pub use path::Paths;
pub use path::Step;
pub use path::proves;
pub use pattern::glob as covers_text;
pub use pattern::within as covers_segment;
pub use protect::Protection;
pub use protect::Rule;
pub use protect::names as names_ref;
pub use reached::Reached;
pub use relation::Relation;
pub use repositories::PatternError;
pub use repositories::RepositoryPattern;
pub use snapshot::LookupError;
pub use snapshot::NodeNo;
pub use snapshot::Snapshot;
pub use time::Time;
pub use world::World;
