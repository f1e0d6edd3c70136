//! Laying a record out as files that anyone can check: tiles, bundles, sealed parts, and the checkpoint last.
//!
//! Pure: closures read the record and write the files. It does not sign; the checkpoint comes signed.

use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::checkpoint::CheckpointError;
use crate::ledger::sealed::Kept;
use crate::ledger::sealed::SealedError;
use crate::ledger::sealed::SealedFile;
use crate::ledger::tile;
use crate::ledger::tile::FULL;
use crate::ledger::tile::Tiles;
use crate::ledger::tree::Hash;
use crate::ledger::tree::leaf_hash;

/// One entry of the record as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The entry's canonical bytes.
    pub entry: Vec<u8>,
    /// What is left of its sealed parts; of an absent part, nothing.
    pub sealed: Vec<Kept>,
}

/// Why an export stopped. What was written before has no checkpoint, so nobody takes it for a whole export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError<E> {
    /// The record could not be read or a file not written.
    #[error(transparent)]
    Caller(#[from] E),
    /// The signed note is not over a checkpoint.
    #[error("the checkpoint to export: {0}")]
    Checkpoint(CheckpointError),
    /// An entry longer than a bundle can hold.
    #[error("entry {index} has {bytes} bytes, more than an export can hold")]
    TooLong {
        /// The entry.
        index: u64,
        /// Its length.
        bytes: usize,
    },
    /// Sealed parts that cannot be written.
    #[error("the sealed parts of entry {index}: {error}")]
    Sealed {
        /// The entry.
        index: u64,
        /// Why.
        error: SealedError,
    },
    /// The stored entries are not those that were signed.
    #[error("the entries give the root {computed}, the checkpoint of {size} entries says {signed}")]
    Root {
        /// Entries in the checkpoint.
        size: u64,
        /// The root over the stored entries.
        computed: Hash,
        /// The root in the checkpoint.
        signed: Hash,
    },
}

/// Writes the record that the signed `note` is about: `read` gives each entry by its index, `write` takes each file
/// by its path. One pass, one bundle and one tile a level in memory. The checkpoint is written last, and only if the
/// entries have its root. It does not check the note's signature; [`crate::ledger::verify()`] does.
pub fn export<E>(
    note: &str,
    mut read: impl FnMut(u64) -> Result<Record, E>,
    mut write: impl FnMut(&str, &[u8]) -> Result<(), E>,
) -> Result<Checkpoint, ExportError<E>> {
    let checkpoint: Checkpoint = note.parse().map_err(ExportError::Checkpoint)?;
    let mut tiles = Tiles::default();
    let mut bundle = Vec::new();
    for index in 0..checkpoint.size {
        let record = read(index)?;
        let bytes = record.entry.len();
        tile::push_entry(&mut bundle, &record.entry)
            .ok_or(ExportError::TooLong { index, bytes })?;
        write_sealed(index, record.sealed, &mut write)?;
        for (path, bytes) in tiles.push(leaf_hash(&record.entry)) {
            write(&path, &bytes)?;
        }
        if tiles.size() % FULL == 0 || tiles.size() == checkpoint.size {
            let number = index / FULL;
            write(&tile::bundle_path(number, tile::width(checkpoint.size, number)), &bundle)?;
            bundle.clear();
        }
    }
    for (path, bytes) in tiles.partial() {
        write(&path, &bytes)?;
    }
    let computed = tiles.root();
    if computed != checkpoint.root {
        return Err(ExportError::Root { size: checkpoint.size, computed, signed: checkpoint.root });
    }
    write("checkpoint", note.as_bytes())?;
    Ok(checkpoint)
}

fn write_sealed<E>(
    index: u64,
    parts: Vec<Kept>,
    write: &mut impl FnMut(&str, &[u8]) -> Result<(), E>,
) -> Result<(), ExportError<E>> {
    if parts.is_empty() {
        return Ok(());
    }
    let file = SealedFile { index, parts };
    let bytes = file.to_bytes().map_err(|error| ExportError::Sealed { index, error })?;
    write(&SealedFile::path(index), &bytes).map_err(ExportError::Caller)
}
