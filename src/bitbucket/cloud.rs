//! Bitbucket Cloud.

pub(crate) mod audit;
pub mod rest;
pub mod webhook;
