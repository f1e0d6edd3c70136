//! A stream into a file: one line after another, on the disk before the stream moves on.
//!
//! What stands in the file decides where to go on: before the first line of a life, and after every failure, the end of
//! the file is read. Half a line, as a crash or a full disk leaves it, is cut off; a line that stands there is not
//! written again. A file that was moved away (by `logrotate`, say) is left, and a new one is begun in its place.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read as _;
use std::io::Seek as _;
use std::io::SeekFrom;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use uuid::Uuid;

/// Longest last line that is looked for. One line is at most an input document and what was said of it.
const MAX_LINE: u64 = 64 << 20;

/// Read and write for our user, read for a group that ships logs.
const MODE: u32 = 0o640;

/// How a line of either shape begins: half a line that does not is somebody else's.
const BEGINS: [&[u8]; 2] = [b"{\"v\":1,\"index\":", b"{\"labels\":{"];

/// A line, and the decision it tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Index of its entry.
    pub index: u64,
    /// Its id.
    pub decision: Uuid,
    /// The line, without its end.
    pub text: String,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system says no.
    #[error("`{path}` cannot be written: {why}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// Something that is no file.
    #[error("`{0}` is no regular file: a stream needs one that it can read back")]
    Kind(PathBuf),
    /// Somebody else's file.
    #[error(
        "the last line of `{0}` is not a line of this stream: move the file away, or name another"
    )]
    Foreign(PathBuf),
}

/// A file that lines are appended to.
#[derive(Debug)]
pub struct Lines {
    path: PathBuf,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// Device and number: which file it is, whatever its name.
    is: (u64, u64),
    /// The decision its last line tells.
    last: Option<(u64, Uuid)>,
}

/// What every line of ours says in one of its shapes: which decision, at which index.
#[derive(Deserialize)]
#[serde(untagged)]
enum Said {
    Ours { index: u64, decision: Decision },
    Opa { req_id: u64, decision_id: Uuid },
}

#[derive(Deserialize)]
struct Decision {
    decision: Uuid,
}

impl Lines {
    /// At this path; nothing is opened yet.
    pub const fn at(path: PathBuf) -> Self {
        Self { path, open: None }
    }

    /// Appends those lines that are not there yet, and returns when they are on the disk. After a failure the file is
    /// looked at anew.
    pub fn append(&mut self, lines: &[Line]) -> Result<(), FileError> {
        let written = self.written(lines);
        if written.is_err() {
            self.open = None;
        }
        written
    }

    fn written(&mut self, lines: &[Line]) -> Result<(), FileError> {
        let path = self.path.clone();
        let failed = |why| FileError::Io { path: path.clone(), why };
        if self.open.as_ref().is_some_and(|open| !is_at(&path, open.is)) {
            self.open = None;
        }
        let open = match &mut self.open {
            Some(open) => open,
            none => none.insert(opened(&path)?),
        };
        // By index and id: after a store was restored from a backup, other decisions stand at the same indexes.
        let there = lines.iter().position(|line| open.last == Some((line.index, line.decision)));
        let missing = lines.get(there.map_or(0, |at| at + 1)..).unwrap_or_default();
        let Some(last) = missing.last() else { return Ok(()) };
        let bytes: Vec<u8> =
            missing.iter().flat_map(|line| [line.text.as_bytes(), b"\n"].concat()).collect();
        open.last = Some((last.index, last.decision));
        open.file.write_all(&bytes).and_then(|()| open.file.sync_data()).map_err(failed)
    }
}

/// Whether this file still has that name.
fn is_at(path: &Path, is: (u64, u64)) -> bool {
    std::fs::metadata(path).is_ok_and(|found| (found.dev(), found.ino()) == is)
}

fn opened(path: &Path) -> Result<Open, FileError> {
    let failed = |why| FileError::Io { path: path.to_owned(), why };
    // Asked before it is opened: opening a pipe would wait for a reader.
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(FileError::Kind(path.to_owned()));
    }
    let is_new = !path.exists();
    let mut options = OpenOptions::new();
    let mut file =
        options.read(true).append(true).create(true).mode(MODE).open(path).map_err(failed)?;
    if is_new {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = File::open(folder.unwrap_or(Path::new("."))).map_err(failed)?;
        folder.sync_all().map_err(failed)?;
    }
    let found = file.metadata().map_err(failed)?;
    let tail = tail(&mut file, found.len()).map_err(failed)?;
    let last = tail.last().map_err(|Foreign| FileError::Foreign(path.to_owned()))?;
    file.set_len(tail.end).map_err(failed)?;
    Ok(Open { file, is: (found.dev(), found.ino()), last })
}

/// This is no file of ours.
struct Foreign;

struct Tail {
    /// The last whole line; without one, whatever stands there.
    line: Result<Vec<u8>, Vec<u8>>,
    /// Where it ends.
    end: u64,
}

impl Tail {
    /// The decision of the last whole line, if there is one.
    fn last(&self) -> Result<Option<(u64, Uuid)>, Foreign> {
        match &self.line {
            Ok(line) => Ok(Some(match serde_json::from_slice(line).map_err(|_| Foreign)? {
                Said::Ours { index, decision } => (index, decision.decision),
                Said::Opa { req_id, decision_id } => (req_id, decision_id),
            })),
            Err(half) => {
                let begins = |begin: &[u8]| half.iter().zip(begin).all(|(is, should)| is == should);
                if BEGINS.iter().any(|begin| begins(begin)) { Ok(None) } else { Err(Foreign) }
            }
        }
    }
}

/// The last whole line; whatever stands behind it is no line.
fn tail(file: &mut File, length: u64) -> io::Result<Tail> {
    let mut size = 64 << 10;
    loop {
        let from = length.saturating_sub(size);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(from))?;
        file.take(length - from).read_to_end(&mut bytes)?;
        let end = bytes.iter().rposition(|byte| *byte == b'\n');
        let whole = end.and_then(|end| bytes.get(..end));
        let begin = whole.and_then(|whole| whole.iter().rposition(|byte| *byte == b'\n'));
        match (whole, begin) {
            (Some(whole), Some(begin)) => {
                let line = whole.get(begin + 1..).unwrap_or_default();
                return Ok(Tail { line: Ok(line.to_vec()), end: from + whole.len() as u64 + 1 });
            }
            (Some(whole), None) if from == 0 => {
                return Ok(Tail { line: Ok(whole.to_vec()), end: whole.len() as u64 + 1 });
            }
            (None, _) if from == 0 => return Ok(Tail { line: Err(bytes), end: 0 }),
            (_, _) if size >= MAX_LINE => {
                return Err(io::Error::other("its last line is longer than 64 MiB"));
            }
            (_, _) => size *= 8,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use uuid::Uuid;

    use super::FileError;
    use super::Line;
    use super::Lines;
    use super::Said;

    /// Lines of one age of the record: in another one, other decisions stand at the same indexes.
    fn lines(range: std::ops::Range<u64>, age: u128) -> Vec<Line> {
        let line = |index| {
            let decision = Uuid::from_u128((age << 64) | u128::from(index));
            let padding = "y".repeat(50_000);
            let text = format!(
                r#"{{"v":1,"index":{index},"decision":{{"decision":"{decision}"}},"x":"{padding}"}}"#
            );
            Line { index, decision, text }
        };
        range.map(line).collect()
    }

    fn indexes(path: &Path) -> Vec<u64> {
        let text = std::fs::read_to_string(path).unwrap();
        let index = |line: &str| match serde_json::from_str(line).unwrap() {
            Said::Ours { index, .. } | Said::Opa { req_id: index, .. } => index,
        };
        text.lines().map(index).collect()
    }

    #[test]
    fn lines_that_stand_there_are_not_written_again_and_half_a_line_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines.jsonl");
        Lines::at(path.clone()).append(&lines(3..6, 1)).unwrap();
        Lines::at(path.clone()).append(&lines(4..8, 1)).unwrap();
        assert_eq!(indexes(&path), [3, 4, 5, 6, 7]);
        let whole = std::fs::read(&path).unwrap();
        for cut in [1, 40_000, 60_000] {
            std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            Lines::at(path.clone()).append(&lines(3..9, 1)).unwrap();
            assert_eq!(indexes(&path), [3, 4, 5, 6, 7, 8], "{cut}");
        }
        std::fs::write(&path, "{\"v\":1,\"ind").unwrap();
        Lines::at(path.clone()).append(&lines(3..4, 1)).unwrap();
        assert_eq!(indexes(&path), [3], "not one whole line");
    }

    #[test]
    fn other_decisions_at_the_same_indexes_are_not_taken_for_those_that_stand_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines.jsonl");
        Lines::at(path.clone()).append(&lines(0..4, 1)).unwrap();
        Lines::at(path.clone()).append(&lines(2..5, 2)).unwrap();
        assert_eq!(indexes(&path), [0, 1, 2, 3, 2, 3, 4]);
    }

    #[test]
    fn a_file_that_was_moved_is_left_and_a_new_one_is_begun() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("lines.jsonl"), folder.path().join("lines.1"));
        let mut stream = Lines::at(path.clone());
        stream.append(&lines(0..2, 1)).unwrap();
        std::fs::rename(&path, &moved).unwrap();
        stream.append(&lines(2..4, 1)).unwrap();
        assert_eq!((indexes(&moved), indexes(&path)), (vec![0, 1], vec![2, 3]));
    }

    #[test]
    fn nothing_is_written_over_what_is_not_ours() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        for text in ["dear diary\n", "dear diary", "{\"index\":3}\nnot ours\nnor this"] {
            std::fs::write(&path, text).unwrap();
            let refused = Lines::at(path.clone()).append(&lines(0..1, 1));
            assert!(matches!(refused, Err(FileError::Foreign(_))), "{text}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        let device = Lines::at("/dev/null".into()).append(&lines(0..1, 1));
        assert!(matches!(device, Err(FileError::Kind(_))));
        let said = Lines::at(folder.path().join("no/where")).append(&lines(0..1, 1)).unwrap_err();
        assert!(said.to_string().contains("cannot be written"), "{said}");
    }
}
