//! A ticket's life: asked, voted, granted, ended. Bound to exactly what was seen, spent once.
//!
//! The state machine is total and monotone: [`Ticket::step`] answers every act in every state, and no act leads back.
//! Keeping tickets, and the compare-and-set that spends a grant, is the store's matter; who may vote in person is a
//! later wing of this room. Today's only voter is the operator's session, and every record says so.

pub mod binding;
mod ticket;

pub use binding::Binding;
pub use ticket::Act;
pub use ticket::Asked;
pub use ticket::Refusal;
pub use ticket::State;
pub use ticket::Ticket;
pub use ticket::Unfit;
pub use ticket::Vote;
pub use ticket::VoteWord;
