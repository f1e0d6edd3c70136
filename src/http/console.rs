//! What people see: the console of who runs the gateway, and the notices for the person who was stopped.
//!
//! Pages are pure functions of records, stories and tickets: nothing here asks anything, and nothing is decided here.
//! They work without scripts, at 320 pixels, in the dark, on paper, and with a screen reader. Foreign text goes through
//! [`words::told`] alone, so that no branch name can speak HTML or turn the line around.
//!
//! Reading order: [`frame`] (what stands around every page) · [`words`] (verdicts, times, foreign text) · [`notice`]
//! (what anyone may see of a decision) · [`list`] · [`story`] (everything the operator sees of one) · [`asset`].

pub mod asset;
pub mod frame;
pub mod list;
pub mod notice;
mod part;
pub mod problem;
pub mod story;
pub mod words;
