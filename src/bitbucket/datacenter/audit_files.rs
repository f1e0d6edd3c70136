//! Data Center's audit files: one folder, some files a node, a line of JSON for each deed. They grow and are rotated; what
//! is read of each is a number of bytes, always to the end of a line.

use std::fs::File;
use std::io;
use std::io::Read as _;
use std::io::Seek as _;
use std::io::SeekFrom;
use std::path::Path;

/// Files of a folder that are looked at: a hundred a node would be years.
const MAX_FILES: usize = 2_000;

/// Bytes of a file that are read at once.
pub const STEP_BYTES: u64 = 1 << 20;

/// The files of a folder with their lengths, by name.
pub fn files(folder: &Path) -> io::Result<Vec<(String, u64)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)?.take(MAX_FILES) {
        let entry = entry?;
        let about = entry.metadata()?;
        let name = entry.file_name().into_string().ok();
        if let Some(name) = name.filter(|name| about.is_file() && is_log(name)) {
            found.push((name, about.len()));
        }
    }
    found.sort();
    Ok(found)
}

fn is_log(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|kind| kind.eq_ignore_ascii_case("log"))
}

/// Whole lines of a file from this byte on, at most [`STEP_BYTES`] or one line. Fewer than are there: the last line is
/// still being written.
pub fn lines(path: &Path, from: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(STEP_BYTES).read_to_end(&mut bytes)?;
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    // A line longer than a step is none of Bitbucket's: it is passed over, or nothing after it would ever be read.
    let whole = if end == 0 && bytes.len() as u64 == STEP_BYTES { bytes.len() } else { end };
    bytes.truncate(whole);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_still_written_waits_for_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("20211127.00000.audit.log");
        std::fs::write(&path, "{\"a\":1}\n{\"b\"").unwrap();
        assert_eq!(lines(&path, 0).unwrap(), b"{\"a\":1}\n");
        assert_eq!(lines(&path, 8).unwrap(), b"");
        std::fs::write(&path, "{\"a\":1}\n{\"b\":2}\n").unwrap();
        assert_eq!(lines(&path, 8).unwrap(), b"{\"b\":2}\n");
        std::fs::write(folder.path().join("other.txt"), "x").unwrap();
        let names: Vec<String> =
            files(folder.path()).unwrap().into_iter().map(|one| one.0).collect();
        assert_eq!(names, ["20211127.00000.audit.log"]);
    }
}
