//! `portcullis ledger verify|export`: the record of a store, proven or written out for an auditor.

use std::num::NonZeroUsize;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::Mutex;
use std::thread;

use portcullis::ledger::Report;
use portcullis::ledger::Since;
use portcullis::ledger::VerifierKey;
use portcullis::ledger::verify;
use portcullis::store::Store;

use crate::cli::Format;
use crate::cli::Ledger;
use crate::serve::read_only;

/// The file beside an export that holds the key which verifies it.
const KEY_FILE: &str = "vkey";

/// Runs the command.
pub async fn run(command: Ledger) -> ExitCode {
    let done = match command {
        Ledger::Verify { store, since, format } => verified(&store, since.as_deref(), format).await,
        Ledger::Export { dir, store } => exported(&dir, &store).await,
    };
    match done {
        Ok(code) => code,
        Err(why) => {
            eprintln!("portcullis: {why}");
            ExitCode::FAILURE
        }
    }
}

/// The key that verifies a store's ledger.
async fn key_of(store: &Store) -> Result<VerifierKey, String> {
    let kept = store.meta(crate::assembly::VKEY).await.map_err(|error| error.to_string())?;
    let text = kept.ok_or("this store has no ledger key yet: it was never served")?;
    String::from_utf8_lossy(&text)
        .parse()
        .map_err(|error: portcullis::ledger::NoteError| error.to_string())
}

async fn verified(address: &str, since: Option<&Path>, format: Format) -> Result<ExitCode, String> {
    let store = read_only(address).await?;
    let older = since
        .map(std::fs::read_to_string)
        .transpose()
        .map_err(|error| format!("cannot read the earlier checkpoint: {error}"))?;
    let since = older.as_deref().map_or(Since::Nothing, Since::Checkpoint);
    let report = report(&store, since).await?;
    store.close().await;
    match format {
        Format::Json => println!("{}", report.to_json()),
        Format::Text => println!("{}", report.to_string().trim_end()),
    }
    Ok(if report.verified() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Exports in memory and verifies that with the auditor's own code.
pub async fn report(store: &Store, since: Since<'_>) -> Result<Report, String> {
    let key = key_of(store).await?;
    let files: Arc<Mutex<std::collections::HashMap<String, Vec<u8>>>> = Arc::default();
    let into = Arc::clone(&files);
    let write = move |path: &str, bytes: &[u8]| {
        if let Ok(mut files) = into.lock() {
            files.insert(path.to_owned(), bytes.to_vec());
        }
        Ok(())
    };
    store.export(write).await.map_err(|error| error.to_string())?;
    let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let read = |path: &str| Ok(files.lock().ok().and_then(|files| files.get(path).cloned()));
    Ok(verify(read, &key, since, threads))
}

/// Writes the export into an empty folder, the checkpoint last.
async fn exported(dir: &Path, address: &str) -> Result<ExitCode, String> {
    let store = read_only(address).await?;
    let key = key_of(&store).await?;
    empty(dir)?;
    let root = dir.to_owned();
    let checkpoint = store
        .export(move |path, bytes| write(&root, path, bytes))
        .await
        .map_err(|error| error.to_string())?;
    store.close().await;
    std::fs::write(dir.join(KEY_FILE), format!("{key}\n")).map_err(|error| error.to_string())?;
    println!("{} entries are in {}.", checkpoint.size, dir.display());
    println!("The key that verifies them: {key}");
    println!("Next: portcullis-verify {} --key '{key}'", dir.display());
    Ok(ExitCode::SUCCESS)
}

fn empty(dir: &Path) -> Result<(), String> {
    std::fs::create_dir_all(dir)
        .map_err(|error| format!("cannot make `{}`: {error}", dir.display()))?;
    let mut inside = std::fs::read_dir(dir)
        .map_err(|error| format!("cannot read `{}`: {error}", dir.display()))?;
    match inside.next() {
        None => Ok(()),
        Some(_) => Err(format!(
            "`{}` is not empty: an export goes into a folder of its own",
            dir.display()
        )),
    }
}

fn write(root: &Path, path: &str, bytes: &[u8]) -> std::io::Result<()> {
    let at: PathBuf = root.join(path);
    if let Some(folder) = at.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(at, bytes)
}
