//! Bitbucket Server and Data Center.

pub mod rest;
pub mod webhook;
