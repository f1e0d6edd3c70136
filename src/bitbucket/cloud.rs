//! Bitbucket Cloud.

pub mod rest;
pub mod webhook;
