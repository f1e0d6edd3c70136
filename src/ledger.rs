//! The record that cannot be changed quietly: entries, the tree over them, signed checkpoints, proofs, export and
//! verification.
//!
//! An [`Entry`] is canonical JSON without names; names live in [`SealedPart`]s, which the entry only commits to, so
//! that a person can be erased while every proof still holds. The entries are the leaves of an RFC 6962 tree that a
//! [`Frontier`] grows one leaf at a time, a [`Checkpoint`] states its size and root in a signed note, and
//! [`export()`] lays it all out as C2SP tlog-tiles, which [`verify()`] (and `portcullis-verify`) checks from nothing but
//! the folder and a public key.
//!
//! It deliberately knows nothing of what it records, of who signs (a closure does) or of where bytes are kept
//! (closures read and write them). And a log alone cannot see that its own tail was cut: see [`CUT_TAIL`].
//!
//! Sources: RFC 6962 section 2.1, RFC 8785, and from C2SP `tlog-tiles`, `tlog-checkpoint` and `signed-note`.

mod checkpoint;
mod entry;
mod export;
mod note;
mod outbound;
mod proof;
mod report;
mod sealed;
mod tile;
mod time;
mod tree;
mod verify;

pub use checkpoint::Checkpoint;
pub use checkpoint::CheckpointError;
pub use entry::Draft;
pub use entry::Entry;
pub use entry::EntryError;
pub use entry::Kind;
pub use entry::MAX_ENTRY_BYTES;
pub use entry::restamp;
pub use export::ExportError;
pub use export::Record;
pub use export::export;
pub use note::NoteError;
pub use note::VerifierKey;
pub use note::sign_note;
pub use note::verify_note;
pub use outbound::Calls;
pub use outbound::Line;
pub use outbound::OUTBOUND_CALLS;
pub use outbound::Period;
pub use proof::ProofError;
pub use proof::prove_consistency;
pub use proof::prove_inclusion;
pub use proof::root_at;
pub use proof::verify_consistency;
pub use proof::verify_inclusion;
pub use report::CUT_TAIL;
pub use report::Continuity;
pub use report::Failure;
pub use report::Problem;
pub use report::Report;
pub use report::SealedCount;
pub use sealed::Commitment;
pub use sealed::Kept;
pub use sealed::SealedError;
pub use sealed::SealedFile;
pub use sealed::SealedPart;
pub use tile::bundle_path;
pub use tile::node_from_tiles;
pub use tile::tile_path;
pub use time::Moment;
pub use time::MomentError;
pub use tree::Frontier;
pub use tree::Hash;
pub use tree::Node;
pub use tree::leaf_hash;
pub use verify::Since;
pub use verify::strays;
pub use verify::verify;
