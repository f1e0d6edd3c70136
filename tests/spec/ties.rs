//! Connections made while the gate runs: on both products, with hooks that really deliver, secrets that change while
//! deliveries come in, an end that leaves nothing behind, and a doctor who finds what is wrong.

mod awaited;
mod consent;
mod doctor;
mod guided;
mod house;
mod incoming;
mod life;
mod outside;
mod reach;
mod scopes;
mod sync;
mod trust;
