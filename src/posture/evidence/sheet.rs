//! A table with a header: which column means what, wherever it stands and whatever it is called. What a column is called
//! in another language is told by who brings the file; only names that Atlassian's own documents have are known here.

use std::collections::BTreeMap;

use crate::graph::csv::read;
use crate::graph::csv::read::Rows;
use crate::graph::csv::read::Unread;
use crate::graph::csv::unguarded;
use crate::posture::evidence::read::LIMITS;
use crate::posture::evidence::read::MAX_BYTES;
use crate::posture::evidence::read::MAX_ROWS;
use crate::posture::evidence::refused::Refused;
use crate::posture::evidence::refused::quoted;

/// A column by what it means, with the names it goes by: in small letters, everything else a blank.
pub struct Column {
    /// The name of ours, which a mapping may use too.
    pub means: &'static str,
    /// The names in files.
    pub names: &'static [&'static str],
}

/// A word in a cell, with what it is written as.
pub struct Word {
    /// Ours, which a mapping may use.
    pub means: &'static str,
    /// What stands for it in files.
    pub names: &'static [&'static str],
}

/// A table, read row by row.
pub struct Sheet<'f> {
    rows: Rows<'f>,
    /// What each column of the file means.
    columns: Vec<Option<&'static str>>,
    /// Words of the file by ours.
    words: BTreeMap<&'static str, String>,
    known: &'static [Word],
    /// Columns that mean nothing to us.
    pub ignored: Vec<String>,
}

/// A row of it.
pub struct Row<'s> {
    sheet: &'s [Option<&'static str>],
    words: &'s BTreeMap<&'static str, String>,
    known: &'static [Word],
    cells: Vec<String>,
    /// Its number.
    pub number: u64,
}

impl<'f> Sheet<'f> {
    /// Reads the header.
    pub fn open(
        bytes: &'f [u8],
        map: &BTreeMap<String, String>,
        (columns, words): (&'static [Column], &'static [Word]),
    ) -> Result<Self, Refused> {
        let text = read::text(bytes, LIMITS).map_err(|unread| unreadable(unread, bytes))?;
        let mut rows = Rows::new(text, read::separator(text), LIMITS);
        let empty = || Refused::File("the file is empty: a table has a header at least".to_owned());
        let (_, header) = rows.next().ok_or_else(empty)??;
        let mapping = Mapping::read(map, columns, words)?;
        let (told, ignored) = mapping.columns_of(&header, columns)?;
        Ok(Self { rows, columns: told, words: mapping.words, known: words, ignored })
    }

    /// Whether the file has a column that means this.
    pub fn has(&self, means: &str) -> bool {
        self.columns.contains(&Some(means))
    }

    /// What the file would need: one of these columns.
    pub fn needs(&self, any: &[&'static str], what: &str) -> Result<(), Refused> {
        if any.iter().any(|means| self.has(means)) {
            return Ok(());
        }
        let wanted: Vec<String> = any.iter().map(|means| format!("`{means}`")).collect();
        let why = format!(
            "the header has no column for {what}: wanted is {}; where it is called otherwise, map it (`{}=…`)",
            wanted.join(" or "),
            any.first().copied().unwrap_or_default()
        );
        Err(Refused::Row { row: 1, why })
    }

    /// Each row, checked to have as many cells as the header.
    pub fn each(
        &mut self,
        mut take: impl FnMut(&Row<'_>) -> Result<(), String>,
    ) -> Result<(), Refused> {
        let mut any = false;
        for row in self.rows.by_ref() {
            let (number, cells) = row?;
            let refuse = |why: String| Refused::Row { row: number as u64, why };
            if cells.len() != self.columns.len() {
                let (has, wants) = (cells.len(), self.columns.len());
                return Err(refuse(format!("it has {has} cells and the header {wants}")));
            }
            let row = Row {
                sheet: &self.columns,
                words: &self.words,
                known: self.known,
                cells,
                number: number as u64,
            };
            take(&row).map_err(refuse)?;
            any = true;
        }
        if any {
            return Ok(());
        }
        let why = "a header and no row after it: a list that names nobody says nothing";
        Err(Refused::Row { row: 1, why: why.to_owned() })
    }
}

impl Row<'_> {
    /// The cell of a column, trimmed; empty where the file has no such column.
    pub fn cell(&self, means: &str) -> &str {
        let mut told = self.sheet.iter().zip(&self.cells).filter(|(told, _)| **told == Some(means));
        told.next().map_or("", |(_, cell)| unguarded(cell.trim()))
    }

    /// The same, none where it is empty.
    pub fn text(&self, means: &str) -> Option<String> {
        let cell = self.cell(means);
        (!cell.is_empty()).then(|| cell.to_owned())
    }

    /// Which of our words a cell says; none where it is empty.
    pub fn word(&self, means: &'static str) -> Result<Option<&'static str>, String> {
        let cell = self.cell(means);
        if cell.is_empty() {
            return Ok(None);
        }
        let plain = plain(cell);
        let mapped = self.words.iter().find(|(_, theirs)| **theirs == plain).map(|(ours, _)| *ours);
        let known = || self.known.iter().find(|word| word.names.contains(&&*plain));
        mapped.or_else(|| known().map(|word| word.means)).map(Some).ok_or_else(|| {
            let ours: Vec<&str> = self.known.iter().map(|word| word.means).collect();
            format!(
                "{} in `{means}` is none of {}; a word of another language is mapped (`{}=…`)",
                quoted(cell),
                ours.join(", "),
                ours.first().copied().unwrap_or_default()
            )
        })
    }
}

/// What whoever brings a file says of its names.
struct Mapping {
    /// The file's header by our column.
    headers: BTreeMap<&'static str, String>,
    /// The file's word by ours.
    words: BTreeMap<&'static str, String>,
}

impl Mapping {
    fn read(
        map: &BTreeMap<String, String>,
        columns: &'static [Column],
        words: &'static [Word],
    ) -> Result<Self, Refused> {
        let mut read = Self { headers: BTreeMap::new(), words: BTreeMap::new() };
        for (ours, theirs) in map {
            let wanted = plain(ours);
            let column = columns
                .iter()
                .find(|column| column.means == wanted || column.names.contains(&&*wanted));
            let word = words.iter().find(|word| word.means == wanted);
            match (column, word) {
                (Some(column), _) => read.headers.insert(column.means, plain(theirs)),
                (None, Some(word)) => read.words.insert(word.means, plain(theirs)),
                (None, None) => {
                    let known = columns.iter().map(|one| one.means);
                    let known: Vec<&str> = known.chain(words.iter().map(|one| one.means)).collect();
                    let why = format!(
                        "{} is mapped, and is no column or word of ours: those are {}",
                        quoted(ours),
                        known.join(", ")
                    );
                    return Err(Refused::File(why));
                }
            };
        }
        Ok(read)
    }

    /// What each column of a header means, and the names of those that mean nothing. A mapped name goes before a known
    /// one; of two columns with one meaning the better named one is read, two of one name are refused.
    fn columns_of(
        &self,
        header: &[String],
        columns: &'static [Column],
    ) -> Result<(Vec<Option<&'static str>>, Vec<String>), Refused> {
        let refuse = |why: String| Refused::Row { row: 1, why };
        let mut told = vec![None; header.len()];
        for column in columns {
            let mapped = self.headers.get(column.means);
            let rank = |cell: &String| match mapped {
                Some(theirs) => (plain(cell) == *theirs).then_some(0),
                None => column.names.iter().position(|name| fits(name, &plain(cell))),
            };
            let best = header.iter().filter_map(rank).min();
            let Some(best) = best else {
                if mapped.is_some() {
                    let seen: Vec<String> =
                        header.iter().take(20).map(|cell| quoted(cell)).collect();
                    return Err(refuse(format!(
                        "no column is called as `{}` is mapped; the columns are {}",
                        column.means,
                        seen.join(", ")
                    )));
                }
                continue;
            };
            let mut taken = 0;
            for (told, cell) in told.iter_mut().zip(header) {
                if rank(cell) == Some(best) {
                    if told.is_some() && mapped.is_none() {
                        continue;
                    }
                    *told = Some(column.means);
                    taken += 1;
                }
            }
            if taken > 1 {
                let means = column.means;
                return Err(refuse(format!("two columns are `{means}`: which one counts?")));
            }
        }
        let unknown = header.iter().zip(&told).filter(|(_, told)| told.is_none());
        let ignored = unknown.map(|(cell, _)| cell.trim().to_owned()).collect();
        Ok((told, ignored))
    }
}

/// Whether a header is called so; a name that ends in `…` is only its beginning.
fn fits(name: &str, cell: &str) -> bool {
    match name.strip_suffix('…') {
        Some(beginning) => cell.starts_with(beginning),
        None => name == cell,
    }
}

/// A word as it is compared: small letters, runs of anything else one blank.
pub fn plain(word: &str) -> String {
    let parts = word.split(|letter: char| !letter.is_alphanumeric());
    let parts: Vec<String> = parts.filter(|part| !part.is_empty()).map(str::to_lowercase).collect();
    parts.join(" ")
}

/// What is no text is said by the row it stands in.
fn unreadable(unread: Unread, bytes: &[u8]) -> Refused {
    let Unread::NotUtf8(byte) = unread else { return unread.into() };
    let before = bytes.get(..byte).unwrap_or_default();
    let row = before.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    Refused::Row { row, why: "it is not UTF-8: save the file as `CSV UTF-8`".to_owned() }
}

impl From<Unread> for Refused {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::TooLarge(bytes) => {
                Self::File(format!("the file has {bytes} bytes, more than the {MAX_BYTES} read"))
            }
            Unread::TooMany => Self::Row {
                row: MAX_ROWS as u64 + 1,
                why: format!("the file has more than {MAX_ROWS} rows: bring it in parts"),
            },
            Unread::Utf16 => Self::File("the file is UTF-16: save it as `CSV UTF-8`".to_owned()),
            Unread::NotUtf8(byte) => {
                Self::File(format!("the file is not UTF-8 from byte {byte} on"))
            }
            Unread::Row { row, why } => Self::Row { row: row as u64, why },
        }
    }
}
