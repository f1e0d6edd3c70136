//! Findings become a verdict, the verdict becomes a plan, and the record of both tells its own story.
//!
//! The verdict is the truth: it is what the rules say. The plan is what we do about it: shadow mode and a pause change
//! the plan, never the verdict. Nothing here knows Rego, Bitbucket or the store.

pub mod binds;
pub mod doorbell;
pub mod impact;
pub mod line;
pub mod narrative;
pub mod pause;
pub mod plan;
pub mod record;
mod verdict;
pub mod waiver;

pub use binds::Binds;
pub use pause::Brake;
pub use pause::Pause;
pub use plan::Because;
pub use plan::Effect;
pub use plan::Mode;
pub use plan::Modes;
pub use record::Record;
pub use verdict::Decided;
pub use verdict::Grant;
pub use verdict::Outcome;
pub use verdict::decide;
pub use verdict::weight;
