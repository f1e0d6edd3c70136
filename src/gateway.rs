//! The road: a delivery or a question becomes a decision, is recorded, and what follows from it is carried out.
//!
//! Start with `road`.

pub mod clock;
pub mod workers;
