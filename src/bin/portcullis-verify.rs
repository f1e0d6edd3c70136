//! `portcullis-verify`: checks an exported record, for someone who has the folder, a public key and nothing else.
//!
//! It opens no network and no store, writes nothing but its report, and follows no symbolic link inside the folder.
//! Exit code 0: verified. 1: not. 2: wrong usage, or the folder or the earlier checkpoint is not there to be read.

use clap::{Parser, ValueEnum};
use portcullis::ledger::{Report, Since, VerifierKey, strays, verify};
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::num::NonZeroUsize;
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;
use std::thread;

/// The largest file that is read. A full bundle has at most 16.8 MB; without a limit one huge file of a folder from
/// elsewhere takes all memory.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// The largest checkpoint given with `--since`; a real one has about 200 bytes.
const MAX_CHECKPOINT_BYTES: u64 = 64 * 1024;

/// Verify an exported Portcullis ledger: signature, tree, every entry, every sealed part.
#[derive(Parser)]
#[command(name = "portcullis-verify", version)]
struct Arguments {
    /// The folder that `portcullis ledger export` wrote
    dir: PathBuf,
    /// The ledger's verifier key: NAME+ID+BASE64
    #[arg(long, value_name = "VKEY")]
    key: VerifierKey,
    /// A file with an earlier checkpoint that you kept; without one a cut tail cannot be seen
    #[arg(long, value_name = "CHECKPOINT")]
    since: Option<PathBuf>,
    /// How to print the report
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(report) => print(&report, arguments.format),
        Err(message) => {
            let _ = writeln!(io::stderr(), "portcullis-verify: {message}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<Report, String> {
    let dir = &arguments.dir;
    if !dir.is_dir() {
        return Err(format!("`{}` is not a folder", dir.display()));
    }
    let kept = arguments.since.as_deref().map(read_earlier).transpose()?;
    let since = kept.as_deref().map_or(Since::Nothing, Since::Checkpoint);
    let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let mut report = verify(|path| read_below(dir, path), &arguments.key, since, threads);
    if let (None, Some(checkpoint)) = (&report.failure, &report.checkpoint) {
        let names = sealed_names(dir)?;
        report.failure = strays(checkpoint.size, names.iter().map(String::as_str));
    }
    Ok(report)
}

fn print(report: &Report, format: Format) -> ExitCode {
    let text = match format {
        Format::Text => report.to_string(),
        Format::Json => report.to_json() + "\n",
    };
    // A closed pipe must not turn into another answer: the exit code carries it.
    let _ = io::stdout().write_all(text.as_bytes());
    if report.verified() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn read_earlier(path: &Path) -> Result<String, String> {
    let bytes = read_file(path, MAX_CHECKPOINT_BYTES)
        .map_err(|why| format!("`{}`: {why}", path.display()))?;
    String::from_utf8(bytes).map_err(|_| format!("`{}` is not UTF-8 text", path.display()))
}

/// A file below `dir`, reached through real folders only: a link could lead anywhere on the auditor's machine.
fn read_below(dir: &Path, path: &str) -> Result<Option<Vec<u8>>, String> {
    let mut place = dir.to_owned();
    for part in Path::new(path).components() {
        let Component::Normal(name) = part else {
            return Err("not a path below the folder".to_owned());
        };
        place.push(name);
        match fs::symlink_metadata(&place) {
            Ok(found) if found.is_symlink() => {
                return Err("a symbolic link, which is not followed".to_owned());
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.to_string()),
        }
    }
    read_file(&place, MAX_FILE_BYTES).map(Some)
}

fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let read = || -> io::Result<Option<Vec<u8>>> {
        // Asked before opening: opening a pipe would wait for ever.
        if !fs::metadata(path)?.is_file() {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    };
    let bytes = read().map_err(|error| error.to_string())?.ok_or("not a regular file")?;
    if bytes.len() as u64 > limit { Err(format!("more than {limit} bytes")) } else { Ok(bytes) }
}

fn sealed_names(dir: &Path) -> Result<Vec<String>, String> {
    let place = dir.join("sealed");
    match fs::read_dir(&place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(format!("`{}`: {error}", place.display())),
        Ok(names) => names
            .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
            .collect::<Result<_, _>>()
            .map_err(|error| format!("`{}`: {error}", place.display())),
    }
}
