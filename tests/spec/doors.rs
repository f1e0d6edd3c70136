//! The doors, over real sockets: what each answers, whom it refuses, and that every refusal is one problem.

mod console;
mod described;
mod events;
mod hooks;
pub(crate) mod house;
mod operator;
mod questions;
pub(crate) mod shape;
mod surface;
