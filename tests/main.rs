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
    mod about;
    mod access_commands;
    mod access_pages;
    mod alarms;
    mod answers;
    mod approvals;
    mod approvals_read;
    mod attacks;
    mod authzen;
    mod backup;
    mod bitbucket;
    mod brake;
    mod browser;
    mod canaries;
    mod check;
    mod ci_tokens;
    mod clock;
    mod commands;
    mod conformance;
    mod crash;
    mod decisions;
    mod door;
    mod door_tls;
    mod doors;
    mod erasure;
    mod estate;
    mod evidence;
    mod findings;
    mod failures;
    mod findings_table;
    mod governed;
    mod graph;
    mod history;
    mod json;
    mod kept;
    mod layers;
    mod log_lines;
    mod ledger;
    mod metrics;
    mod narratives;
    mod notices;
    mod operator_door;
    mod outgoing;
    mod other_ci;
    mod pages;
    mod policies;
    mod policy_files;
    mod policy_tests;
    mod posture;
    mod receiver;
    mod rekey;
    mod rest;
    mod retention;
    mod rig;
    mod road;
    mod roll_out;
    mod routes;
    mod search;
    mod secrets;
    mod shell_client;
    mod shown;
    mod simulator;
    mod simulator_datacenter;
    mod simulator_history;
    mod simulator_hooks;
    mod simulator_oracle;
    mod simulator_pipelines;
    mod simulator_webhooks;
    mod smuggling;
    mod static_client;
    mod store;
    mod streams;
    mod ties;
    mod tokens;
    mod traces;
    mod webhooks;
    mod words;
    mod workers;
}
