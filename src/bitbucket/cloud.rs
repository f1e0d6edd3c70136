//! Bitbucket Cloud.

pub mod webhook;
