//! What people see: the console of who runs the gateway, and the notices for the person who was stopped.
//!
//! Pages are pure functions of records, stories and tickets: nothing here asks anything, and nothing is decided here.
//! They work without scripts, at 320 pixels, in the dark, on paper, with the keyboard alone, and with a screen reader.
//! Foreign text goes through [`words::told`] alone, so that no branch name can speak HTML or turn the line around.
//!
//! Reading order: [`frame`] (what stands around every page) · [`words`] (verdicts, times, foreign text) · [`notice`]
//! (what anyone may see of a decision) · the console, part by part: [`overview`] (with `chart`) · [`list`] and [`story`]
//! · [`findings`] · [`access`] · [`tickets`] and [`ticket`] · [`letters`] · [`rules`] and [`rule`] · [`hooks`] · [`record`] · `live` and [`asset`].

pub mod access;
pub mod asset;
mod chart;
pub mod findings;
pub mod frame;
pub mod hooks;
pub mod letters;
pub mod list;
mod live;
pub mod notice;
pub mod overview;
mod part;
pub mod problem;
pub mod record;
pub mod rule;
pub mod rules;
pub mod story;
pub mod ticket;
pub mod tickets;
pub mod words;
