//! `portcullis ledger verify|export`: the record of a store, proven or written out for an auditor.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::Mutex;
use std::thread;

use portcullis::graph::Time;
use portcullis::ledger::Calls;
use portcullis::ledger::Moment;
use portcullis::ledger::Period;
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
        Ledger::Verify { store, since, outbound, from, until, format } => {
            let period = outbound.then(|| Period { from: moment(from), until: moment(until) });
            verified(&store, since.as_deref(), period, format).await
        }
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

fn moment(time: Option<Time>) -> Option<Moment> {
    time.and_then(|time| Moment::from_millis(time.millis()).ok())
}

async fn verified(
    address: &str,
    since: Option<&Path>,
    outbound: Option<Period>,
    format: Format,
) -> Result<ExitCode, String> {
    let store = read_only(address).await?;
    let older = since
        .map(std::fs::read_to_string)
        .transpose()
        .map_err(|error| format!("cannot read the earlier checkpoint: {error}"))?;
    let since = older.as_deref().map_or(Since::Nothing, Since::Checkpoint);
    let files = exported_here(&store).await?;
    let report = checked(&files, &key_of(&store).await?, since);
    store.close().await;
    let checkpoint = report.checkpoint.as_ref().filter(|_| report.verified());
    let calls = outbound.zip(checkpoint).map(|(period, checkpoint)| {
        Calls::of(|path| Ok(files.get(path).cloned()), checkpoint, period)
    });
    match (format, calls) {
        (Format::Json, None) => println!("{}", report.to_json()),
        (Format::Json, Some(calls)) => {
            let report: serde_json::Value =
                serde_json::from_str(&report.to_json()).map_err(|error| error.to_string())?;
            println!("{}", serde_json::json!({ "report": report, "outbound": calls }));
        }
        (Format::Text, calls) => {
            println!("{}", report.to_string().trim_end());
            if let Some(calls) = calls {
                println!("\n{}", calls.to_string().trim_end());
            }
        }
    }
    Ok(if report.verified() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Exports in memory and verifies that with the auditor's own code.
pub async fn report(store: &Store, since: Since<'_>) -> Result<Report, String> {
    let (files, key) = (exported_here(store).await?, key_of(store).await?);
    Ok(checked(&files, &key, since))
}

/// An export's files by their paths.
type Files = HashMap<String, Vec<u8>>;

fn checked(files: &Files, key: &VerifierKey, since: Since<'_>) -> Report {
    let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    verify(|path| Ok(files.get(path).cloned()), key, since, threads)
}

async fn exported_here(store: &Store) -> Result<Files, String> {
    let files: Arc<Mutex<Files>> = Arc::default();
    let into = Arc::clone(&files);
    let write = move |path: &str, bytes: &[u8]| {
        if let Ok(mut files) = into.lock() {
            files.insert(path.to_owned(), bytes.to_vec());
        }
        Ok(())
    };
    store.export(write).await.map_err(|error| error.to_string())?;
    let files = files.lock().map(|mut files| std::mem::take(&mut *files));
    files.map_err(|_| "the export could not be collected".to_owned())
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
