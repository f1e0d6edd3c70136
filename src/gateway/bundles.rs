//! Where rules come from: the shipped ones, or a folder that is read again when it changes. A candidate is loaded in a
//! worker of its own; the last good bundle stays when the new one is bad, and both are said.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use crate::policy::Sides;
use crate::policy::SourceFile;

/// How often a folder is looked at. A look costs one `stat` a file; Kubernetes swaps the whole folder behind a link,
/// which no file watch sees.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Files in a bundle. More are a wrong folder, such as a home directory.
pub const MAX_FILES: usize = 1_000;

/// Bytes of one file.
pub const MAX_FILE_BYTES: u64 = 1 << 20;

/// Folders within folders.
const MAX_DEPTH: usize = 8;

/// Where the rules come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The rules that come with this program.
    Shipped,
    /// A folder.
    Folder(PathBuf),
}

/// A folder that cannot be read as a bundle.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The system says no.
    #[error("cannot read `{path}`: {why}")]
    Unreadable {
        /// Which file or folder.
        path: String,
        /// The system's words.
        why: String,
    },
    /// No rules.
    #[error("`{0}` holds no `.rego` file")]
    Empty(String),
    /// Too much.
    #[error(
        "`{0}` is too large for a bundle: at most {MAX_FILES} files of {MAX_FILE_BYTES} bytes, {MAX_DEPTH} folders deep"
    )]
    TooLarge(String),
}

impl Source {
    /// Reads every `.rego` and `data.json` file, split into its two bundles; a side that is not there is empty.
    pub fn read(&self) -> Result<Sides, FolderError> {
        match self {
            Self::Shipped => Ok(Sides::shipped()),
            Self::Folder(root) => Ok(Sides::of(read_folder(root)?)),
        }
    }

    /// The files of the two bundles that are served: a side that a folder does not have is the shipped one.
    pub fn sides(&self) -> Result<Sides, FolderError> {
        self.read().map(Sides::or_shipped)
    }

    /// A cheap mark that changes when a file does: names, sizes and times.
    pub fn mark(&self) -> u64 {
        use std::hash::Hash;
        use std::hash::Hasher;
        let Self::Folder(root) = self else { return 0 };
        let mut hasher = std::hash::DefaultHasher::new();
        let mut found = Vec::new();
        let walked = walk(root, root, 0, &mut found);
        walked.is_ok().hash(&mut hasher);
        for (name, path) in found {
            name.hash(&mut hasher);
            if let Ok(about) = fs::metadata(&path) {
                about.len().hash(&mut hasher);
                about.modified().ok().hash(&mut hasher);
            }
        }
        hasher.finish()
    }
}

fn read_folder(root: &Path) -> Result<Vec<SourceFile>, FolderError> {
    let mut found = Vec::new();
    walk(root, root, 0, &mut found)?;
    found.sort();
    if !found.iter().any(|(name, _)| Path::new(name).extension().is_some_and(|end| end == "rego")) {
        return Err(FolderError::Empty(root.display().to_string()));
    }
    found.into_iter().map(|(path, at)| read_file(path, &at)).collect()
}

fn read_file(path: String, at: &Path) -> Result<SourceFile, FolderError> {
    let size = fs::metadata(at).map_err(|error| unreadable(at, &error))?.len();
    if size > MAX_FILE_BYTES {
        return Err(FolderError::TooLarge(at.display().to_string()));
    }
    let text = fs::read_to_string(at).map_err(|error| unreadable(at, &error))?;
    Ok(SourceFile { path, text })
}

fn walk(
    root: &Path,
    folder: &Path,
    depth: usize,
    found: &mut Vec<(String, PathBuf)>,
) -> Result<(), FolderError> {
    if depth > MAX_DEPTH || found.len() > MAX_FILES {
        return Err(FolderError::TooLarge(root.display().to_string()));
    }
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Hidden names hold Kubernetes' own copies (`..data`) and editors' leavings.
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            walk(root, &path, depth + 1, found)?;
        } else if path.extension().is_some_and(|end| end == "rego") || name == "data.json" {
            let below =
                path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            found.push((below, path));
        }
    }
    Ok(())
}

fn unreadable(path: &Path, error: &std::io::Error) -> FolderError {
    FolderError::Unreadable { path: path.display().to_string(), why: error.to_string() }
}
