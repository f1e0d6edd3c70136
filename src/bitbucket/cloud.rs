//! Bitbucket Cloud.

pub(crate) mod pipelines_file;
pub(crate) mod audit;
pub mod rest;
pub mod webhook;
