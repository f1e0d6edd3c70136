//! Bitbucket Server and Data Center.

pub mod webhook;
