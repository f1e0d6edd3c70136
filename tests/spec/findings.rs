//! What is wrong when nothing happens: what becomes of a finding, what is looked at again, and what people are told.

mod demo;
mod lifecycle;
mod news;
mod owners;
mod partial;
mod patrol;
pub mod stand;
mod touched;
