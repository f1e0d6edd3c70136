//! What is wrong when nothing happens: every posture rule about every subject, what it found, and what became of it.
//!
//! A posture rule looks at one subject as it stands, not at an event, and its answer has three values: it passes, it
//! fails, or it cannot be told and what would settle it is named. Unknown is never counted as a pass.
//!
//! In reading order: [`finding`] (what is kept of one rule and one subject), [`tally`] (what a scan counted),
//! `look` (a subject's document, from the graph and from evidence), `judge` (an answer becomes an
//! outcome), [`catalogue`] (what can be found, with the titles and ids of those who asked for it), [`evidence`] (what people
//! brought because no API tells it), [`unseen`] (subjects in lists that could not be read), [`lifecycle`] (what becomes of
//! a finding, over what is [`kept`]), [`news`] (what of it is told again), [`owner`] (whose it is), [`choice`] (which rules run where), [`round`] (all of that
//! over a whole graph), [`touched`] (what has to be looked at again after a change).
//!
//! Then what is told of it: [`score`] (how much is shown to be right, as a range), [`settle`] (what cannot be told, and
//! what would settle it), [`scopes`] (what one more scope would), [`controls`] (which control is how far looked after);
//! and in foreign words [`sarif`], [`csv`], [`markdown`] and [`feed`].

pub mod catalogue;
pub mod choice;
pub mod controls;
pub mod csv;
pub mod evidence;
pub mod feed;
pub mod finding;
pub mod judge;
pub mod kept;
pub mod lifecycle;
pub mod look;
pub mod markdown;
pub mod news;
pub mod owner;
pub mod round;
pub mod sarif;
pub mod scopes;
pub mod score;
pub mod settle;
pub mod tally;
pub mod touched;
pub mod unseen;

pub use catalogue::Alias;
pub use catalogue::Catalogue;
pub use catalogue::Listing;
pub use evidence::Held;
pub use finding::Acceptance;
pub use finding::Finding;
pub use finding::Gap;
pub use finding::Outcome;
pub use finding::Owner;
pub use finding::Reason;
pub use finding::State;
pub use finding::Subject;
pub use finding::Wish;
pub use judge::Judgement;
pub use judge::judge;
pub use kept::Kept;
pub use lifecycle::Seen;
pub use look::look;
pub use scopes::Worth;
pub use score::Score;
pub use settle::Settle;
pub use settle::settles;
pub use tally::Scan;
pub use tally::Tally;
pub use tally::last_of_each;
pub use unseen::judge_unseen;
