//! For the other files: the real program as a child process, in front of a simulated Bitbucket, in a folder of its own.
//! Every wait has an end; nothing here knows more of the program than its files, addresses and lines.

mod company;
mod disk;
mod fault;
pub mod foreign_ci;
mod gate;

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use portcullis::secret::Seal;
use portcullis::secret::Secret;
use portcullis::store::Store;
use sha2::Digest;
use sha2::Sha256;
use tokio::process::Command;
use tokio::time::Instant;

pub use company::BILLING;
pub use company::CLOUD;
pub use company::DATACENTER;
pub use company::GATE;
pub use company::LEDGER;
pub use company::OTHER_CLOUD;
pub use company::OTHER_DATACENTER;
pub use company::Registered;
pub use company::Step;
pub use company::Town;
pub use disk::Disk;
pub use fault::Fails;
pub use fault::Fault;
pub use gate::Asked;
pub use gate::Gate;
pub use gate::Shape;

/// How long anything may take. It takes milliseconds; tests also run on busy machines.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Asks again and again until there is something, or fails saying what did not come.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < end, "{what} did not come within {} s", PATIENCE.as_secs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A text that cannot be compressed; another for each number.
pub fn noise(number: usize, bytes: usize) -> String {
    let digest = |at: usize| hex::encode(Sha256::digest(format!("{number} {at}")));
    (0..bytes / 64).map(digest).collect()
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    /// Everything it printed, for messages and for searching.
    pub fn all(&self) -> String {
        format!("exit {}\n{}\n{}", self.code, self.out, self.err)
    }

    /// The last line on standard output.
    pub fn last(&self) -> &str {
        self.out.trim_end().lines().last().unwrap_or_default()
    }

    /// Standard output as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("no JSON: {}", self.all()))
    }
}

/// The program with nothing in its environment but what the caller adds.
pub fn portcullis(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(args).env_clear().kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a command to its end.
pub async fn said(mut command: Command) -> Said {
    let done = tokio::time::timeout(PATIENCE, command.output()).await;
    let done = done.unwrap_or_else(|_| panic!("{command:?} did not end")).unwrap();
    Said {
        code: done.status.code().unwrap_or(-1),
        out: String::from_utf8(done.stdout).unwrap(),
        err: String::from_utf8(done.stderr).unwrap(),
    }
}

/// Runs the program with these arguments to its end.
pub async fn run(args: &[&str]) -> Said {
    said(portcullis(args)).await
}

/// A store, opened beside the gateway that writes it.
pub async fn read_store(file: &Path) -> Store {
    let key = std::fs::read_to_string(file.with_file_name("store.key")).unwrap();
    let mut bytes = [0; 32];
    hex::decode_to_slice(key.trim(), &mut bytes).unwrap();
    let seal = Arc::new(Seal::new(&Secret::new(bytes), None));
    Store::open_read_only_sealed(file, seal).await.unwrap()
}
