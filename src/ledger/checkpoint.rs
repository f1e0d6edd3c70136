//! A checkpoint states how long the record is and what its root is, as in C2SP `tlog-checkpoint`: origin, size,
//! root, a line each. It is worth something only inside a signed note, and only to who kept an earlier one.

use crate::ledger::tree::Hash;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::str::FromStr;

/// What is signed: which record, how long, which root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which record: a name without a scheme, such as `gate.example.com/portcullis`; also the name of its key.
    pub origin: String,
    /// How many entries.
    pub size: u64,
    /// The RFC 6962 root over them.
    pub root: Hash,
}

/// A text that is not a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a checkpoint (a line each for origin, size, and root in base64)")]
pub struct CheckpointError;

impl fmt::Display for Checkpoint {
    /// The text to sign, each line ended.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root.0))
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    /// Reads the text of a note. Further lines are extensions and are left alone, as the specification wants: the
    /// signature covers them.
    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.split('\n');
        let mut line = || lines.next().ok_or(CheckpointError);
        let (origin, size, root) = (line()?, line()?, line()?);
        let decoded = STANDARD.decode(root).map_err(|_| CheckpointError)?;
        let root = Hash(decoded.try_into().map_err(|_| CheckpointError)?);
        let size = size.parse().map_err(|_| CheckpointError)?;
        let checkpoint = Self { origin: origin.to_owned(), size, root };
        let exact = !origin.is_empty() && text.starts_with(&checkpoint.to_string());
        if exact { Ok(checkpoint) } else { Err(CheckpointError) }
    }
}
