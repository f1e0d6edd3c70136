//! A CSV file as rows of cells, strictly (RFC 4180): a file that breaks off within a row or a quote is refused, since the
//! rest of it would be missing and nobody would know.

use crate::bitbucket::datacenter::csv::CsvError;
use crate::graph::attribute::MAX_TEXT_BYTES;

/// The largest file, bytes. An estate of 300,000 grants is 40 MB; without a bound one upload could fill the memory.
pub const MAX_BYTES: usize = 512 << 20;

/// The most rows. Four times the largest estate that was measured.
pub const MAX_ROWS: usize = 5_000_000;

/// The most columns: without a bound the header alone could be as large as the file.
const MAX_COLUMNS: usize = 100;

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
const UTF16_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// The text of a file, without its mark.
pub(super) fn text(bytes: &[u8]) -> Result<&str, CsvError> {
    if bytes.len() > MAX_BYTES {
        return Err(CsvError::TooLarge(bytes.len()));
    }
    if UTF16_MARKS.iter().any(|mark| bytes.starts_with(mark)) {
        return Err(CsvError::Utf16);
    }
    let bytes = bytes.strip_prefix(UTF8_MARK).unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| CsvError::NotUtf8(error.valid_up_to()))
}

/// What separates the cells: whichever of comma, semicolon and tab the header has most of.
pub(super) fn separator(text: &str) -> char {
    let header = text.lines().next().unwrap_or_default();
    let count = |separator: char| header.matches(separator).count();
    // The last of the equal ones is taken: a comma, if there is none at all.
    [';', '\t', ','].into_iter().max_by_key(|separator| count(*separator)).unwrap_or(',')
}

/// The rows of a file, counted from 1 as spreadsheets show them. Empty lines count and are passed over.
pub(super) struct Rows<'t> {
    rest: std::str::Chars<'t>,
    separator: char,
    number: usize,
}

impl<'t> Rows<'t> {
    pub(super) fn new(text: &'t str, separator: char) -> Self {
        Self { rest: text.chars(), separator, number: 0 }
    }

    fn row(&mut self) -> Result<Vec<String>, CsvError> {
        let at = self.number;
        let refuse = |why: String| CsvError::Row { row: at, why };
        let mut cells = Vec::new();
        loop {
            let (cell, end) = self.cell().map_err(refuse)?;
            if cell.len() > MAX_TEXT_BYTES {
                return Err(refuse(format!("a cell is longer than {MAX_TEXT_BYTES} bytes")));
            }
            cells.push(cell);
            match end {
                End::Cell if cells.len() < MAX_COLUMNS => {}
                End::Cell => return Err(refuse(format!("it has more than {MAX_COLUMNS} cells"))),
                End::Row => return Ok(cells),
            }
        }
    }

    fn cell(&mut self) -> Result<(String, End), String> {
        let mut cell = String::new();
        let Some(first) = self.rest.next() else { return Ok((cell, End::Row)) };
        if first == '"' {
            self.quoted(&mut cell)?;
            let after = self.rest.next();
            return match self.end(after) {
                Some(end) => Ok((cell, end)),
                None => Err("text follows a closing quote".to_owned()),
            };
        }
        let mut next = Some(first);
        loop {
            if let Some(end) = self.end(next) {
                return Ok((cell, end));
            }
            match next {
                Some('"') => return Err("a quote stands within a cell without quotes".to_owned()),
                Some('\0') => return Err("it holds a zero byte".to_owned()),
                Some(letter) => cell.push(letter),
                None => return Ok((cell, End::Row)),
            }
            next = self.rest.next();
        }
    }

    /// What stands between quotes, to the closing one.
    fn quoted(&mut self, cell: &mut String) -> Result<(), String> {
        loop {
            match self.rest.next() {
                Some('"') if self.rest.as_str().starts_with('"') => {
                    self.rest.next();
                    cell.push('"');
                }
                Some('"') => return Ok(()),
                Some('\0') => return Err("it holds a zero byte".to_owned()),
                Some(letter) => cell.push(letter),
                None => return Err("the file ends within a quoted cell".to_owned()),
            }
        }
    }

    /// Whether a cell ends before this character; of a line's end, all of it is taken.
    fn end(&mut self, next: Option<char>) -> Option<End> {
        match next {
            None | Some('\n') => Some(End::Row),
            Some('\r') => {
                if self.rest.as_str().starts_with('\n') {
                    self.rest.next();
                }
                Some(End::Row)
            }
            Some(letter) => (letter == self.separator).then_some(End::Cell),
        }
    }
}

enum End {
    Cell,
    Row,
}

impl Iterator for Rows<'_> {
    type Item = Result<(usize, Vec<String>), CsvError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.as_str().is_empty() {
            self.number += 1;
            if self.number > MAX_ROWS {
                return Some(Err(CsvError::TooMany));
            }
            match self.row() {
                Ok(cells) if cells.iter().all(String::is_empty) => {}
                row => return Some(row.map(|cells| (self.number, cells))),
            }
        }
        None
    }
}
