//! Portcullis: the policy gate that Bitbucket never had.
//!
//! Bitbucket (Cloud and Data Center) sends it webhooks, and pipeline steps ask it before they act. It answers
//! **Allow, Alert, Approve or Block**, says why, and keeps a record that anyone can verify.
//!
//! For an architect: [`gateway`] and [`http`] are the enforcement point, [`decision`] the decision point, [`graph`]
//! and [`bitbucket`] the information point, [`policy`] the administration point. These words are used here only.
//!
//! # The rooms, in reading order
//!
//! Start with `gateway::road`. The core (secret to ledger) only thinks: no async, no I/O, no clock, no environment.
//! The edges (bitbucket, people, store, notify, http) each speak to one foreign world and never to each other.
//!
//! # The arrows
//!
//! | room | may name |
//! |---|---|
//! | secret, ledger, simulator | – |
//! | graph | – |
//! | event | secret, graph |
//! | policy | graph, event |
//! | decision | graph, event, policy, ledger |
//! | approval | secret, graph, event, policy, decision, ledger |
//! | posture | graph, event, policy, decision, ledger |
//! | bitbucket | secret, graph, event, policy, decision |
//! | notify | secret, graph, event, decision, approval, posture |
//! | store | secret and the core |
//! | gateway | all of the above but simulator |
//! | http | secret, the core and gateway; not store, bitbucket, notify |
//! | bin | everything; nothing names it |
//!
//! `tests/spec/layers.rs` holds this picture against the code.

pub mod approval;
pub mod bitbucket;
pub mod decision;
pub mod event;
pub mod gateway;
pub mod graph;
pub mod http;
pub mod ledger;
pub mod notify;
pub mod policy;
pub mod posture;
pub mod secret;
pub mod simulator;
pub mod store;
