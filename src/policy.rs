//! A bundle of rules: which events it answers, which facts it reads, what it finds. Rego lives here and nowhere else.
//!
//! Two sorts of rules are written alike: those that answer an event, and posture rules, which look at one subject as it
//! stands. [`sides`] keeps them in two bundles, so that the workers that serve do not grow by what only scans ask.
//!
//! In reading order: [`bundle`] (what a rule declares), [`input`] (the document a rule sees), [`finding`] (what it
//! answers), [`load`](mod@load) (a candidate is checked and compiled), [`engine`] (it is asked), [`weigh`](mod@weigh) (what its
//! answer or silence weighs); for posture rules [`stance`] (what they
//! declare beside) and [`subject`] (the document they see). Loading and asking happen in a worker process, never in the gateway's own.

pub mod answer;
pub mod builtins;
pub mod bundle;
mod cycles;
mod data;
pub mod demand;
pub mod diagnostic;
pub mod engine;
pub mod example;
pub mod explain;
pub mod finding;
mod form;
mod heads;
pub mod input;
pub mod interpreter;
pub mod load;
mod metadata;
mod parse;
mod references;
mod scan;
pub mod schema;
pub mod shipped;
pub mod sides;
pub mod stance;
pub mod subject;
pub mod testing;
pub mod told;
mod trial;
mod uses;
pub mod vocabulary;
pub mod weigh;

pub use answer::Answer;
pub use bundle::Bundle;
pub use bundle::Rule;
pub use bundle::RuleId;
pub use bundle::SourceFile;
pub use diagnostic::Diagnostic;
pub use engine::Limits;
pub use engine::Machine;
pub use engine::Prepared;
pub use finding::Demand;
pub use finding::Finding;
pub use finding::Observation;
pub use finding::Verdict;
pub use input::Document;
pub use input::Input;
pub use load::Loaded;
pub use load::load;
pub use sides::Sides;
pub use stance::Stance;
pub use subject::SubjectDocument;
pub use subject::SubjectKind;
pub use told::InputError;
pub use vocabulary::Vocabulary;
pub use weigh::weigh;
