//! `portcullis store info|backup|restore`: keeping the store, without the gateway's help and beside it.

mod words;

use std::path::Path;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use portcullis::gateway::clock::Clock;
use portcullis::graph::Time;
use portcullis::ledger::Since;
use portcullis::secret::Seal;
use portcullis::store::CopyError;
use portcullis::store::Go;
use portcullis::store::KeyCheck;
use portcullis::store::OpenError;
use portcullis::store::Progress;
use portcullis::store::Restoring;
use portcullis::store::Store;
use portcullis::store::path_of;
use serde_json::Value;
use tokio::time::Instant;

use crate::assembly;
use crate::cli::Format;
use crate::cli::StoreAt;
use crate::cli::StoreCommand;
use crate::ledger;
use crate::serve::stop_signal;

/// How long a copy goes on before it says how far it is, and how often from then on.
const QUIET: Duration = Duration::from_secs(2);
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What was found: for programs, and for people.
struct Answer {
    json: Value,
    text: String,
}

/// Runs the command.
pub async fn run(command: StoreCommand) -> ExitCode {
    let (format, done) = match &command {
        StoreCommand::Info { at } => (at.format, info(at).await),
        StoreCommand::Backup { to, at } => (at.format, backup(to, at).await),
        StoreCommand::Restore { from, at } => (at.format, restore(from, at).await),
    };
    match done {
        Ok(answer) => {
            match format {
                Format::Json => println!("{}", answer.json),
                Format::Text => println!("{}", answer.text.trim_end()),
            }
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("portcullis: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn info(at: &StoreAt) -> Result<Answer, String> {
    let path = path_of(&at.store).map_err(|error| error.to_string())?;
    let key = match assembly::seal_beside(&path) {
        Err(_) => KeyCheck::NotGiven,
        Ok(seal) => key_check(&path, seal).await?,
    };
    let store = opened(&path).await?;
    let info = store.info(key).await.map_err(|error| error.to_string())?;
    store.close().await;
    let now = Clock::machine(Time::from_millis(0)).now();
    Ok(Answer { json: words::info_json(&info, now), text: words::info_text(&info, now) })
}

async fn key_check(path: &Path, seal: Arc<Seal>) -> Result<KeyCheck, String> {
    match Store::open_read_only_sealed(path, seal).await {
        Ok(store) => {
            store.close().await;
            Ok(KeyCheck::Right)
        }
        Err(OpenError::WrongKey { .. }) => Ok(KeyCheck::Wrong),
        Err(error) => Err(error.to_string()),
    }
}

async fn opened(path: &Path) -> Result<Store, String> {
    Store::open_read_only(path).await.map_err(|error| error.to_string())
}

async fn backup(to: &Path, at: &StoreAt) -> Result<Answer, String> {
    let path = path_of(&at.store).map_err(|error| error.to_string())?;
    let store = opened(&path).await?;
    let stop = Arc::default();
    let copied = store.backup(to, telling("backup", Arc::clone(&stop)));
    let mark = until_stopped(copied, &stop).await.map_err(|error| failed("backup", &error))?;
    store.close().await;
    Ok(Answer { json: words::mark_json(&mark, to), text: words::backup_text(&mark, to) })
}

async fn restore(from: &Path, at: &StoreAt) -> Result<Answer, String> {
    let to = path_of(&at.store).map_err(|error| error.to_string())?;
    let seal = assembly::seal_beside(&to).ok();
    let has_key = seal.is_some();
    let stop = Arc::default();
    let began = Restoring::begin(from, &to, seal, telling("restore", Arc::clone(&stop)));
    let restoring = until_stopped(began, &stop).await.map_err(|error| failed("restore", &error))?;
    proven(&restoring, from).await?;
    let mark = restoring.finish().map_err(|error| failed("restore", &error))?;
    let text = words::restore_text(&mark, &to, has_key);
    Ok(Answer { json: words::mark_json(&mark, &to), text })
}

/// Verifies the record up to its newest checkpoint, as an auditor would. What was never signed has no checkpoint.
async fn proven(restoring: &Restoring, from: &Path) -> Result<(), String> {
    if restoring.mark().signed.is_none() {
        return Ok(());
    }
    let store = opened(restoring.path()).await?;
    let report = ledger::report(&store, Since::Nothing).await;
    store.close().await;
    let why = match report.map(|report| report.failure) {
        Ok(None) => return Ok(()),
        Ok(Some(failure)) => failure.to_string(),
        Err(why) => why,
    };
    let file = from.display();
    Err(format!(
        "the record in `{file}` does not verify ({why}): use another backup; nothing was restored"
    ))
}

fn failed(what: &str, error: &CopyError) -> String {
    format!("no {what}: {error}")
}

/// Says on standard error how far a copy is, if it takes long; and stops it when it is told to.
fn telling(
    what: &'static str,
    stop: Arc<AtomicBool>,
) -> impl FnMut(Progress) -> Go + Send + 'static {
    let mut next = Instant::now() + QUIET;
    move |progress| {
        if Instant::now() >= next {
            next = Instant::now() + TELL_EVERY;
            eprintln!("{what}: {}", words::progress(progress));
        }
        if stop.load(Ordering::Relaxed) { Go::Back } else { Go::On }
    }
}

/// Lets work end by itself; on SIGTERM or Ctrl-C asks it to clean up first.
async fn until_stopped<T>(work: impl Future<Output = T>, stop: &AtomicBool) -> T {
    let mut work = pin!(work);
    tokio::select! {
        done = &mut work => return done,
        () = stop_signal() => stop.store(true, Ordering::Relaxed),
    }
    work.await
}
