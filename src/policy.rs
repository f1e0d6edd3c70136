//! A bundle of rules: which events it answers, which facts it reads, what it finds. Rego lives here and nowhere else.
//!
//! In reading order: [`bundle`] (what a rule declares), [`input`] (the document a rule sees), [`finding`] (what it
//! answers). `load` checks a candidate and `engine` runs it; both run in a worker process, never in the gateway's own.

pub mod bundle;
pub mod finding;
pub mod input;

pub use bundle::Bundle;
pub use bundle::Rule;
pub use bundle::RuleId;
pub use finding::Demand;
pub use finding::Finding;
pub use finding::Verdict;
pub use input::Document;
pub use input::Input;
