//! The only integration binary: one promise a file, under `spec/`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    clippy::too_many_lines,
    missing_docs,
    reason = "a test says what it expects by failing"
)]

mod spec {
    mod bitbucket;
    mod door;
    mod door_tls;
    mod graph;
    mod json;
    mod ledger;
    mod operator_door;
    mod pages;
    mod policies;
    mod routes;
    mod secrets;
    mod simulator;
    mod simulator_datacenter;
    mod smuggling;
    mod tokens;
    mod webhooks;
}
