//! What a verification found: counts, and the first thing that is wrong, with the entry and the file it is in.

use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::checkpoint::CheckpointError;
use crate::ledger::entry::EntryError;
use crate::ledger::entry::Kind;
use crate::ledger::note::NoteError;
use crate::ledger::sealed::SealedError;
use crate::ledger::time::Moment;
use crate::ledger::tree::Hash;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;

/// What no verification of a folder alone can say, in one sentence. Shown whenever no earlier checkpoint was given.
pub const CUT_TAIL: &str = "Entries cut from the end, with an older checkpoint put in place, cannot be seen from this \
                            folder alone: compare with a checkpoint you kept (--since).";

/// What became of the sealed parts that the entries commit to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SealedCount {
    /// There, and as committed to.
    pub present: u64,
    /// Deleted, with a note of when. The note cannot be proved.
    pub erased: u64,
    /// Not there, with no note.
    pub absent: u64,
}

/// The answer of [`crate::ledger::verify()`]. The counts cover what was read up to the first failure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The checkpoint, once its signature held.
    pub checkpoint: Option<Checkpoint>,
    /// Entries found to be as signed and well formed.
    pub entries: u64,
    /// The same by kind.
    pub kinds: BTreeMap<Kind, u64>,
    /// Sealed parts.
    pub sealed: SealedCount,
    /// The time of the first entry.
    pub first: Option<Moment>,
    /// The time of the last entry.
    pub last: Option<Moment>,
    /// Whether this record continues an earlier checkpoint.
    pub since: Continuity,
    /// The first thing that is wrong.
    pub failure: Option<Failure>,
}

/// Whether a record continues an earlier checkpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Continuity {
    /// No earlier checkpoint was given: [`CUT_TAIL`] applies.
    #[default]
    NotAsked,
    /// One was given, and the record was not found to continue it.
    NotShown,
    /// It continues the checkpoint of this many entries.
    Shown(u64),
}

/// The first thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The index of the entry, where it can be named.
    pub entry: Option<u64>,
    /// The file it was seen in.
    pub file: String,
    /// What it is.
    pub problem: Problem,
}

/// What can be wrong with an exported record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A file that the checkpoint calls for.
    #[error("the file is missing")]
    Missing,
    /// A file that is there and cannot be read.
    #[error("the file cannot be read: {0}")]
    Unreadable(String),
    /// A file that belongs to nothing.
    #[error("the file belongs to no entry of the record")]
    Stray,
    /// The note around a checkpoint.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text of a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A checkpoint of another record.
    #[error("the checkpoint is of `{found}`, the key signs for `{wanted}`")]
    Origin {
        /// In the checkpoint.
        found: String,
        /// The key's name.
        wanted: String,
    },
    /// Entries that cannot be told apart, or more or fewer than the checkpoint says.
    #[error("the file does not hold exactly {0} entries")]
    Bundle(u64),
    /// A tile of another length.
    #[error("the file does not hold exactly {0} hashes")]
    TileLength(u64),
    /// An entry that is not what was signed; the tiles are.
    #[error("the entry is not the one that was signed: changed, moved, inserted or removed here")]
    Changed,
    /// A tile that is not what was signed; the entries are.
    #[error("the hash tile does not hold the hash of the signed entry")]
    Tile,
    /// Entry and tile differ, and neither belongs to the checkpoint.
    #[error("the entry and the hash tile differ, and neither leads to the root that was signed")]
    Neither,
    /// Entries and tiles agree with each other and not with the checkpoint.
    #[error(
        "the {size} entries give the root {computed}, the checkpoint says {signed}: not the record that was signed"
    )]
    Root {
        /// In the checkpoint.
        size: u64,
        /// Over the entries.
        computed: Hash,
        /// In the checkpoint.
        signed: Hash,
    },
    /// Signed, and yet not an entry.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// Time ran back without an entry that says so.
    #[error(
        "its time {at} is before {before} of the entry above it, and no gap entry says the clock was set back"
    )]
    Clock {
        /// This entry's.
        at: Moment,
        /// The one's above.
        before: Moment,
    },
    /// The file of sealed parts.
    #[error(transparent)]
    Sealed(#[from] SealedError),
    /// A file of another entry's parts.
    #[error("the sealed parts say they belong to entry {0}")]
    SealedElsewhere(u64),
    /// A part the entry does not know.
    #[error("the entry commits to no sealed part `{0}`")]
    SealedUnknown(String),
    /// A part that is not the one.
    #[error("the sealed part `{0}` is not the one the entry commits to")]
    SealedChanged(String),
    /// The record is shorter than it was.
    #[error(
        "the earlier checkpoint has {earlier} entries, this record only {now}: its tail was cut"
    )]
    Shorter {
        /// Then.
        earlier: u64,
        /// Now.
        now: u64,
    },
    /// The record does not continue the earlier one.
    #[error(
        "the first {size} entries are not those of the earlier checkpoint: rewritten, or another branch of the record"
    )]
    Forked {
        /// The size of the earlier checkpoint.
        size: u64,
    },
}

impl Report {
    /// Whether everything that can be checked was found in order.
    pub fn verified(&self) -> bool {
        self.failure.is_none()
    }

    /// The report for a program, in one line; the members stand at its `Serialize`.
    pub fn to_json(&self) -> String {
        // Nothing in it can fail to be written; `null` would be no report, and no program takes it for one.
        serde_json::to_string(self).unwrap_or_else(|_| "null".to_owned())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.entry {
            Some(entry) => format!("entry {entry} ({}): {}", self.file, self.problem),
            None => format!("{}: {}", self.file, self.problem),
        };
        out.write_str(&harmless(&text))
    }
}

/// Control and direction characters of a folder from elsewhere, written out: a terminal would obey them.
pub(in crate::ledger) fn harmless(text: &str) -> String {
    let obeyed = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|c| if obeyed(c) { c.escape_unicode().to_string() } else { c.to_string() })
        .collect()
}

impl fmt::Display for Report {
    /// The report for a person: a few lines, the answer first.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.failure {
            Some(failure) => writeln!(out, "not verified: {failure}")?,
            None => writeln!(out, "verified")?,
        }
        if let Some(checkpoint) = &self.checkpoint {
            writeln!(out, "record   {}", checkpoint.origin)?;
            writeln!(out, "root     {} over {} entries", checkpoint.root, checkpoint.size)?;
            writeln!(out, "checked  {} entries{}", self.entries, self.span())?;
            writeln!(out, "kinds    {}", self.kinds_line())?;
            let SealedCount { present, erased, absent } = self.sealed;
            writeln!(
                out,
                "sealed   {present} present, {erased} erased, {absent} absent without a note"
            )?;
        }
        match self.since {
            Continuity::Shown(size) => {
                writeln!(out, "since    continues the earlier checkpoint of {size} entries")
            }
            Continuity::NotShown => {
                writeln!(out, "since    not shown to continue the earlier checkpoint")
            }
            Continuity::NotAsked => writeln!(out, "{CUT_TAIL}"),
        }
    }
}

impl Report {
    fn span(&self) -> String {
        match (self.first, self.last) {
            (Some(first), Some(last)) => format!(", {first} to {last}"),
            (None, _) | (_, None) => String::new(),
        }
    }

    fn kinds_line(&self) -> String {
        let words = self.kinds.iter().map(|(kind, count)| format!("{} {count}", kind.as_str()));
        let line = words.collect::<Vec<_>>().join(", ");
        if line.is_empty() { "none".to_owned() } else { line }
    }
}

#[derive(Serialize)]
struct Wire<'a> {
    verified: bool,
    origin: Option<&'a str>,
    size: Option<u64>,
    root: Option<String>,
    entries: u64,
    kinds: &'a BTreeMap<Kind, u64>,
    sealed: SealedCount,
    first: Option<Moment>,
    last: Option<Moment>,
    since: Option<u64>,
    failure: Option<WireFailure<'a>>,
    limits: Vec<&'static str>,
}

#[derive(Serialize)]
struct WireFailure<'a> {
    entry: Option<u64>,
    file: &'a str,
    problem: String,
}

impl Serialize for Report {
    /// `{"verified","origin","size","root","entries","kinds","sealed","first","last","since","failure","limits"}`;
    /// `since` is the earlier size it continues or null, `failure` null or `{"entry","file","problem"}`, `limits` holds [`CUT_TAIL`] where it applies.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let checkpoint = self.checkpoint.as_ref();
        let failure = self.failure.as_ref();
        let (since, limits) = match self.since {
            Continuity::NotAsked => (None, vec![CUT_TAIL]),
            Continuity::NotShown => (None, Vec::new()),
            Continuity::Shown(size) => (Some(size), Vec::new()),
        };
        let wire = Wire {
            verified: self.verified(),
            origin: checkpoint.map(|checkpoint| checkpoint.origin.as_str()),
            size: checkpoint.map(|checkpoint| checkpoint.size),
            root: checkpoint.map(|checkpoint| checkpoint.root.to_string()),
            entries: self.entries,
            kinds: &self.kinds,
            sealed: self.sealed,
            first: self.first,
            last: self.last,
            since,
            failure: failure.map(|Failure { entry, file, problem }| WireFailure {
                entry: *entry,
                file,
                problem: problem.to_string(),
            }),
            limits,
        };
        wire.serialize(serializer)
    }
}
