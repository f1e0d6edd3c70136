//! Bytes in, a table out: what a file says, or why it is not taken. Nothing is kept here, and nothing looked up.

use std::collections::BTreeMap;

use crate::graph::Time;
use crate::graph::csv::read::Limits;
use crate::posture::evidence::directory;
use crate::posture::evidence::manifest;
use crate::posture::evidence::people;
use crate::posture::evidence::picture;
use crate::posture::evidence::piece::Content;
use crate::posture::evidence::piece::EvidenceKind;
use crate::posture::evidence::piece::Shows;
use crate::posture::evidence::refused::Refused;
use crate::posture::evidence::scim;

/// The largest file, bytes. A directory of 50,000 people is 5 MB; without a bound one upload could fill the memory.
pub const MAX_BYTES: usize = 8 << 20;

/// The most rows of a file.
pub const MAX_ROWS: usize = 100_000;

/// The most columns of a table: the header alone could be as large as the file.
pub const MAX_COLUMNS: usize = 100;

/// The longest cell, bytes: names and addresses are far below, and each is compared with everybody's.
pub const MAX_CELL: usize = 1_000;

/// The most headers and words that can be mapped.
pub const MAX_MAPPED: usize = 50;

/// All of them.
pub(super) const LIMITS: Limits =
    Limits { bytes: MAX_BYTES, rows: MAX_ROWS, columns: MAX_COLUMNS, cell: MAX_CELL };

/// How a file is to be read.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What it is.
    pub kind: EvidenceKind,
    /// When it was true: nothing it tells can be later, but a last day.
    pub as_of: Time,
    /// Our name of a column, or our word in a cell → the file's.
    pub map: &'a BTreeMap<String, String>,
    /// What a picture is said to show.
    pub shows: Option<Shows>,
}

/// What a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What it says.
    pub content: Content,
    /// Columns that mean nothing to us, by their names.
    pub ignored: Vec<String>,
}

/// Reads a file. Whether a table is CSV, JSON or YAML is told by how it begins, not by its name.
pub fn read(bytes: &[u8], asked: Asked<'_>) -> Result<Reading, Refused> {
    if bytes.is_empty() {
        return Err(Refused::File("the file is empty".to_owned()));
    }
    if bytes.len() > MAX_BYTES {
        let why = format!("the file has {} bytes, more than the {MAX_BYTES} read", bytes.len());
        return Err(Refused::File(why));
    }
    if asked.map.len() > MAX_MAPPED {
        return Err(Refused::File(format!("more than {MAX_MAPPED} names are mapped")));
    }
    let is_picture = picture::form(bytes).is_some();
    if is_picture != (asked.kind == EvidenceKind::SecondFactorPolicy) {
        return Err(Refused::File(if is_picture {
            format!("the file is a picture, and {} is a table", asked.kind.noun())
        } else {
            "the file is no PNG, JPEG, GIF, WebP or PDF: the policy of second factors is shown by a picture of its page".to_owned()
        }));
    }
    match asked.kind {
        EvidenceKind::SecondFactorPolicy => picture::read(bytes, asked.shows),
        EvidenceKind::UserDirectory => directory::read(bytes, asked),
        EvidenceKind::JoinersLeavers if begins_with(bytes, b"{[") => scim::read(bytes, asked.as_of),
        EvidenceKind::JoinersLeavers => people::read(bytes, asked),
        EvidenceKind::Classification => manifest::read(bytes, asked),
    }
}

/// Whether the first byte that is no blank, and no mark of Unicode, is one of these.
pub(super) fn begins_with(bytes: &[u8], any: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    bytes.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| any.contains(byte))
}
