//! stub
mod error;
pub use error::FetchError;
