//! A CSV file as rows of cells, strictly (RFC 4180): a file that breaks off within a row or a quote is refused, since the
//! rest of it would be missing and nobody would know. What its columns mean is for whoever reads them to say.

/// How much of a file is read. Without bounds one upload could fill the memory.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the file.
    pub bytes: usize,
    /// Rows, the header counted.
    pub rows: usize,
    /// Cells of a row: the header alone could be as large as the file.
    pub columns: usize,
    /// Bytes of a cell.
    pub cell: usize,
}

/// A file that cannot be read. Rows count from 1, the header, as spreadsheets show them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It has so many bytes.
    TooLarge(usize),
    /// It has too many rows.
    TooMany,
    /// It is the other Unicode.
    Utf16,
    /// It is none, from this byte on.
    NotUtf8(usize),
    /// A row cannot be understood.
    Row {
        /// Its number.
        row: usize,
        /// What is wrong with it.
        why: String,
    },
}

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
const UTF16_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// The text of a file, without its mark.
pub fn text(bytes: &[u8], limits: Limits) -> Result<&str, Unread> {
    if bytes.len() > limits.bytes {
        return Err(Unread::TooLarge(bytes.len()));
    }
    if UTF16_MARKS.iter().any(|mark| bytes.starts_with(mark)) {
        return Err(Unread::Utf16);
    }
    let bytes = bytes.strip_prefix(UTF8_MARK).unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| Unread::NotUtf8(error.valid_up_to()))
}

/// What separates the cells: whichever of comma, semicolon and tab the header has most of.
pub fn separator(text: &str) -> char {
    let header = text.lines().next().unwrap_or_default();
    let count = |separator: char| header.matches(separator).count();
    // The last of the equal ones is taken: a comma, if there is none at all.
    [';', '\t', ','].into_iter().max_by_key(|separator| count(*separator)).unwrap_or(',')
}

/// The rows of a file, counted from 1 as spreadsheets show them. Empty lines count and are passed over.
#[derive(Debug)]
pub struct Rows<'t> {
    rest: std::str::Chars<'t>,
    separator: char,
    number: usize,
    limits: Limits,
}

impl<'t> Rows<'t> {
    /// The rows of this text.
    pub fn new(text: &'t str, separator: char, limits: Limits) -> Self {
        Self { rest: text.chars(), separator, number: 0, limits }
    }

    fn row(&mut self) -> Result<Vec<String>, Unread> {
        let (at, Limits { columns, cell: most, .. }) = (self.number, self.limits);
        let refuse = |why: String| Unread::Row { row: at, why };
        let mut cells = Vec::new();
        loop {
            let (cell, end) = self.cell().map_err(refuse)?;
            if cell.len() > most {
                return Err(refuse(format!("a cell is longer than {most} bytes")));
            }
            cells.push(cell);
            match end {
                End::Cell if cells.len() < columns => {}
                End::Cell => return Err(refuse(format!("it has more than {columns} cells"))),
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
    type Item = Result<(usize, Vec<String>), Unread>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.as_str().is_empty() {
            self.number += 1;
            if self.number > self.limits.rows {
                return Some(Err(Unread::TooMany));
            }
            match self.row() {
                Ok(cells) if cells.iter().all(String::is_empty) => {}
                row => return Some(row.map(|cells| (self.number, cells))),
            }
        }
        None
    }
}
