//! Who asks: the compiled client, and the script in every shell that is here.

use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::spec::rig::Said;
use crate::spec::rig::portcullis;
use crate::spec::rig::said;

/// Who asks.
pub enum Client {
    /// `portcullis check`.
    Compiled,
    /// A script in a shell.
    Shell(Shell),
}

/// A shell, and the programs a script finds from it.
pub struct Shell {
    pub name: &'static str,
    pub program: PathBuf,
    pub path: OsString,
    _folder: Option<TempDir>,
}

impl Client {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Compiled => "portcullis check",
            Self::Shell(shell) => shell.name,
        }
    }

    pub fn command(&self, args: &[&str]) -> Command {
        match self {
            Self::Compiled => {
                let mut command = portcullis(&["check"]);
                command.args(args);
                command
            }
            Self::Shell(shell) => {
                let mut command = shell.runs("check.sh");
                command.args(args);
                command
            }
        }
    }
}

impl Shell {
    /// A script of the pipe's folder, with nothing in its environment but where programs are.
    pub fn runs(&self, script: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(pipe(script)).env_clear().env("PATH", &self.path).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// A file of the pipe's folder.
pub fn pipe(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("integrations/pipe").join(file)
}

fn path() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// Where a program is. Where it is not, the run says so once, and where everything must be tried it fails.
pub fn find(program: &str) -> Option<PathBuf> {
    let found =
        std::env::split_paths(&path()).map(|at| at.join(program)).find(|file| file.is_file());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "`{program}` is not installed");
        eprintln!("`{program}` is not installed: not tried with it");
    }
    found
}

/// Every shell that is here: dash and sh with the system's programs, busybox with its own.
pub fn shells() -> Vec<Shell> {
    let Some(curl) = find("curl") else { return Vec::new() };
    let plain =
        |name| find(name).map(|program| Shell { name, program, path: path(), _folder: None });
    let busybox = find("busybox").map(|busybox| {
        let folder = tempfile::tempdir().unwrap();
        for applet in ["sh", "sed", "tr", "date"] {
            std::os::unix::fs::symlink(&busybox, folder.path().join(applet)).unwrap();
        }
        std::os::unix::fs::symlink(&curl, folder.path().join("curl")).unwrap();
        let path = folder.path().as_os_str().to_owned();
        let program = folder.path().join("sh");
        Shell { name: "busybox", program, path, _folder: Some(folder) }
    });
    [plain("dash"), plain("sh"), busybox].into_iter().flatten().collect()
}

/// The compiled client first.
pub fn clients() -> Vec<Client> {
    [Client::Compiled].into_iter().chain(shells().into_iter().map(Client::Shell)).collect()
}

/// Asks with every client at once; all end alike. What the compiled one said.
pub async fn alike(clients: &[Client], args: &[&str], dress: impl Fn(&mut Command)) -> Said {
    let mut running = JoinSet::new();
    for (at, client) in clients.iter().enumerate() {
        let mut command = client.command(args);
        dress(&mut command);
        running.spawn(async move { (at, said(command).await) });
    }
    let mut all = running.join_all().await;
    all.sort_by_key(|(at, _)| *at);
    let mut all = all.into_iter();
    let (_, compiled) = all.next().unwrap();
    for (at, other) in all {
        let name = clients[at].name();
        assert_eq!(
            other.code,
            compiled.code,
            "{name} {args:?}: {}\n{}",
            other.all(),
            compiled.all()
        );
        assert_eq!(other.last(), compiled.last(), "{name} {args:?}: {}", other.all());
    }
    compiled
}
