//! The CSV of users and their permissions that an administrator exports (Data Center 8.5 and later), and the same shape
//! as [`graph::csv`](crate::graph::csv) writes it for both products: into a world with what it tells, the rest unknown.
//!
//! A file is read whole or not at all: a row that cannot be understood is named by its number, and nothing is kept. A
//! permission that is no word of ours is no such row; the place's grants are unknown then.
//!
//! Atlassian's export names people, projects and repositories, and our ids are numbers. Where the file has no column of
//! ids, an earlier world tells them ([`Settings::names`]); what it does not know gets an id made of its name
//! (`acme-dc/user/name:mia`), which no other source has.

mod header;
mod place;
mod rows;
mod table;
mod words;

use crate::graph::ConnectionId;
use crate::graph::Product;
use crate::graph::Time;
use crate::graph::World;
use crate::graph::csv::read;

pub use table::MAX_BYTES;
pub use table::MAX_ROWS;

/// How a file is read.
#[derive(Clone, Debug)]
pub struct Settings<'w> {
    /// Part of every id.
    pub connection: ConnectionId,
    /// Whose grants they are.
    pub product: Product,
    /// When it was exported: the file does not say.
    pub as_of: Time,
    /// An earlier world of this connection, for the ids of names.
    pub names: Option<&'w World>,
}

/// What a file told.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// What it told, and what not.
    pub world: World,
    /// Rows, the header not counted.
    pub rows: usize,
    /// Columns that mean nothing to us, by their names.
    pub ignored: Vec<String>,
    /// Ids that had to be made of names.
    pub unnumbered: usize,
}

/// A file that is not read. Rows count from 1, the header, as spreadsheets show them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsvError {
    /// More than we hold.
    #[error("the file has {0} bytes, more than the {MAX_BYTES} that are read: export it in parts")]
    TooLarge(usize),
    /// More rows than we hold.
    #[error("the file has more than {MAX_ROWS} rows: export it in parts")]
    TooMany,
    /// The other Unicode.
    #[error("the file is UTF-16: save it as `CSV UTF-8`")]
    Utf16,
    /// No Unicode.
    #[error("the file is not UTF-8 text from byte {0} on: save it as `CSV UTF-8`")]
    NotUtf8(usize),
    /// Nothing in it.
    #[error("the file is empty: an export has a header at least")]
    Empty,
    /// Not an export of permissions.
    #[error(
        "the header has no column of users (or groups) and permissions, such as `user_name` and `permission`; its columns are {seen}"
    )]
    Columns {
        /// The header, quoted.
        seen: String,
    },
    /// Two columns of one name.
    #[error("two columns are called `{0}`: which one counts?")]
    Twice(&'static str),
    /// A row that cannot be understood.
    #[error("row {row}: {why}; nothing was kept")]
    Row {
        /// Its number.
        row: usize,
        /// What is wrong with it, and what is wanted.
        why: String,
    },
}

/// Reads a file.
pub fn read(bytes: &[u8], settings: &Settings<'_>) -> Result<Reading, CsvError> {
    let text = read::text(bytes, table::LIMITS)?;
    let mut rows = read::Rows::new(text, read::separator(text), table::LIMITS);
    let (_, first) = rows.next().ok_or(CsvError::Empty)??;
    let header = header::Header::read(&first)?;
    let writing = rows::Writing::new(settings, &header);
    let mut writing = writing.map_err(|why| CsvError::Row { row: 1, why })?;
    let mut count = 0;
    for row in rows {
        let (number, cells) = row?;
        let refuse = |why: String| CsvError::Row { row: number, why };
        if cells.len() != header.width() {
            let (has, wants) = (cells.len(), header.width());
            return Err(refuse(format!("it has {has} cells and the header {wants}")));
        }
        writing.row(number, &cells).map_err(refuse)?;
        count += 1;
    }
    let (world, unnumbered) = writing.finish(settings.as_of);
    Ok(Reading { world, rows: count, ignored: header.ignored, unnumbered })
}

/// What a message may quote of a foreign cell: at most 60 characters, controls escaped.
fn quoted(cell: &str) -> String {
    let cut: String = cell.trim().chars().take(60).flat_map(char::escape_debug).collect();
    format!("`{cut}`")
}
