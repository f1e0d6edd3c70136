//! Bitbucket Cloud.

pub(crate) mod pipelines_file;
pub mod rest;
pub mod webhook;
