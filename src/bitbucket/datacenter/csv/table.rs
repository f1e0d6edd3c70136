//! How much of an export is read, and what is said of one that cannot be.

use crate::bitbucket::datacenter::csv::CsvError;
use crate::graph::attribute::MAX_TEXT_BYTES;
use crate::graph::csv::read::Limits;
use crate::graph::csv::read::Unread;

/// The largest file, bytes. An estate of 300,000 grants is 40 MB; without a bound one upload could fill the memory.
pub const MAX_BYTES: usize = 512 << 20;

/// The most rows. Four times the largest estate that was measured.
pub const MAX_ROWS: usize = 5_000_000;

/// The most columns: without a bound the header alone could be as large as the file.
const MAX_COLUMNS: usize = 100;

/// All of them.
pub(super) const LIMITS: Limits =
    Limits { bytes: MAX_BYTES, rows: MAX_ROWS, columns: MAX_COLUMNS, cell: MAX_TEXT_BYTES };

impl From<Unread> for CsvError {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::TooLarge(bytes) => Self::TooLarge(bytes),
            Unread::TooMany => Self::TooMany,
            Unread::Utf16 => Self::Utf16,
            Unread::NotUtf8(byte) => Self::NotUtf8(byte),
            Unread::Row { row, why } => Self::Row { row, why },
        }
    }
}
