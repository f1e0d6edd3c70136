//! AuthZEN: somebody else's program asks whether a subject may do something to a resource, or searches for who, what and
//! which. The same road as a check, and the same record; the meaning of its words is here.
//!
//! The question is about the *subject*, not about the caller: who or what it names is looked up in the graph, and only
//! what is known there is a fact. Properties and context are the caller's own words, and stay claims. It deliberately
//! opens no ticket and tells no channel: nobody was stopped here, a program asked.
//!
//! Source: OpenID AuthZEN Authorization API 1.0.

mod about;
mod answer;
mod body;
mod capability;
mod demand;
mod evaluation;
mod member;
mod metadata;
mod place;
mod search;

pub use answer::Answer;
pub use answer::Answers;
pub use answer::Evaluated;
pub use body::Evaluation;
pub use body::Evaluations;
pub use metadata::Metadata;
pub use search::ActionSearch;
pub use search::ActionsFound;
pub use search::EntitiesFound;
pub use search::MAX_SEARCHES;
pub use search::ResourceSearch;
pub use search::SubjectSearch;
