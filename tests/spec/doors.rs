//! The doors, over real sockets: what each answers, whom it refuses, and that every refusal is one problem.

mod console;
mod events;
mod hooks;
pub(crate) mod house;
mod operator;
mod questions;
mod surface;
