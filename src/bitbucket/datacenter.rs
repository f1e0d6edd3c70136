//! Bitbucket Server and Data Center. Three ways tell who reaches what in one: REST, its own PostgreSQL, and the CSV that an
//! administrator exports.

pub(crate) mod audit;
pub mod audit_files;
pub mod csv;
pub mod database;
mod matcher;
pub mod rest;
pub mod webhook;
