//! What can go wrong, in sentences that say the next step. No type of the database's library leaves the room.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::ErrorCode;

use crate::ledger::EntryError;
use crate::secret::NoRandomness;
use crate::secret::SealError;

/// Why the store could not answer or keep something. The doors answer 503 to each: nothing was kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No space left.
    #[error("the disk of the store is full: free some space, nothing needs to be restarted")]
    Full,
    /// Opened for reading, or the file system became so.
    #[error("the store can only be read: it was opened so, or its disk was mounted so")]
    ReadOnly,
    /// Too much waits already.
    #[error("the store has more to write than it can take at the moment: try again shortly")]
    Busy,
    /// Bytes that cannot be what we wrote.
    #[error("the store is damaged ({0}): stop, and restore a backup")]
    Corrupt(String),
    /// A row that this program cannot read.
    #[error("the store holds what this program cannot read: {0}")]
    Unreadable(String),
    /// The disk failed. What was in flight may be lost, so nothing is taken until the store is opened again.
    #[error(
        "the disk of the store failed ({0}): nothing is written until portcullis is started again"
    )]
    Io(String),
    /// Closed, or closing.
    #[error("the store is closed")]
    Closed,
    /// A question ran longer than a page may wait.
    #[error("the store took longer than {}s to answer: ask for less", .0.as_secs())]
    TooSlow(Duration),
    /// Opened without the key that this needs.
    #[error("this part of the store is sealed, and it was opened without the key-encryption key")]
    NoKey,
    /// A seal does not open.
    #[error("the store holds what does not open: {0}")]
    Seal(#[from] SealError),
    /// No random bytes for a salt.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// What cannot stand in the ledger.
    #[error("this cannot be recorded: {0}")]
    Entry(#[from] EntryError),
    /// More sealed parts than one entry can have.
    #[error("this cannot be recorded: an entry has at most {0} sealed parts")]
    Parts(usize),
    /// A statement of ours that the database refuses: a mistake in this program.
    #[error("the store refused a statement: {0}")]
    Fault(String),
}

impl StoreError {
    /// Whether the disk keeps the store from writing, whatever is to be written.
    pub(super) const fn is_of_the_disk(&self) -> bool {
        matches!(self, Self::Full | Self::ReadOnly | Self::Io(_) | Self::Corrupt(_))
    }

    /// Whether what was written before may be in doubt, so that only opening the store again can tell.
    pub(super) const fn breaks(&self) -> bool {
        matches!(self, Self::Io(_) | Self::Corrupt(_))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(text),
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => Self::Io(text),
            Some(ErrorCode::OperationInterrupted) => {
                Self::TooSlow(crate::store::reader::LONGEST_READ)
            }
            _ => Self::Fault(text),
        }
    }
}

/// Why the store does not open: one sentence with the next step.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not `sqlite:FILE`.
    #[error("`{0}` is not an address of a store: write `sqlite:` and the path of a file")]
    Address(String),
    /// The file cannot be opened or made.
    #[error("the store `{}` cannot be opened ({why}): check the folder and who may write there", path.display())]
    Unreachable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// Some other file.
    #[error("`{}` is not a store of portcullis: name another file, or restore a backup", .0.display())]
    NotAStore(PathBuf),
    /// Another process writes to it.
    #[error("another portcullis is using the store `{}`: stop it first, or name another file", .0.display())]
    Locked(PathBuf),
    /// Written by a later program.
    #[error(
        "this store was written by a newer portcullis (schema {found}; this program knows up to {known}): use that version or restore a backup"
    )]
    Newer {
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// Written by an earlier program, and opened for reading only.
    #[error(
        "this store has schema {found} and this program reads {known}: start `portcullis serve` once to bring it up to date"
    )]
    Older {
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The disk cannot promise what was acknowledged.
    #[error(
        "the store `{}` cannot be kept durable here ({setting} is `{found}`, not `{wanted}`): put it on a local disk", path.display()
    )]
    NotDurable {
        /// The file.
        path: PathBuf,
        /// Which promise.
        setting: &'static str,
        /// What the database answered.
        found: String,
        /// What it has to be.
        wanted: &'static str,
    },
    /// Sealed with another key.
    #[error(
        "the store is sealed with key `{wanted}`, and key `{given}` was given: give that key as `[store] key`, or as `[store] old_key` to change to this one"
    )]
    WrongKey {
        /// Id of the key that was given.
        given: String,
        /// Id of the key that is wanted.
        wanted: String,
    },
    /// Its change to another key has begun, and that key was not given.
    #[error(
        "the store is being sealed again with key `{wanted}`, which was not given: give that one as `[store] key` and this one as `[store] old_key`"
    )]
    KeyBegun {
        /// Id of the key that is wanted.
        wanted: String,
    },
    /// Its change to the given key has not ended, and the one before was not given.
    #[error(
        "the store is not yet sealed again in all its parts: give key `{wanted}` too, as `[store] old_key`, until the ledger says that the key has changed"
    )]
    KeyUnfinished {
        /// Id of the key that is wanted.
        wanted: String,
    },
    /// A demo's store is not for serving, and the other way round.
    #[error("this store belongs to `{found}` and was opened by `{wanted}`: name another file")]
    Role {
        /// Whose it is.
        found: String,
        /// Who came.
        wanted: &'static str,
    },
    /// The ledger does not agree with itself.
    #[error(
        "the record in this store was changed from outside ({0}): do not go on with it, restore a backup and compare checkpoints"
    )]
    Record(String),
    /// Anything else.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}
