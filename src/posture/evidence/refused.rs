//! Why a file is not taken. One bad row refuses the whole of it: half a list would speak of everybody and know half.

/// A file that is not taken. Rows count from 1, as spreadsheets show them: in a CSV the header is the first; in JSON and
/// YAML the first user or rule is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A row cannot be understood.
    #[error("row {row}: {why}; nothing was kept")]
    Row {
        /// Its number.
        row: u64,
        /// What is wrong with it, and what is wanted.
        why: String,
    },
    /// A line of a text that is no table: where its grammar breaks.
    #[error("line {line}: {why}; nothing was kept")]
    Line {
        /// Its number.
        line: u64,
        /// What is wrong there.
        why: String,
    },
    /// The whole of it.
    #[error("{0}; nothing was kept")]
    File(String),
}

impl Refused {
    /// The row, or the line, if it is about one.
    pub const fn row(&self) -> Option<u64> {
        match self {
            Self::Row { row, .. } | Self::Line { line: row, .. } => Some(*row),
            Self::File(_) => None,
        }
    }
}

/// What a message may quote of a foreign cell: at most 60 characters, controls escaped.
pub fn quoted(cell: &str) -> String {
    let cut: String = cell.trim().chars().take(60).flat_map(char::escape_debug).collect();
    format!("`{cut}`")
}
