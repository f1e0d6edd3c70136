//! A real PostgreSQL for these tests: found where the system has it, started once for all of them, ended with the last.
//! Without one they are skipped with one line, in CI never.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Weak;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::geteuid;
use rustix::process::kill_process;
use tokio::sync::Mutex;
use tokio_postgres::Client;
use tokio_postgres::NoTls;

use crate::spec::rig::until;

/// The password of the role that reads.
pub const PASSWORD: &str = "a/b:c@d e";

/// Who may come in, and how. The first line that fits counts.
const DOORS: &str = "\
host all portcullis_ro 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
local all all trust
";

static SHARED: Mutex<Weak<Postgres>> = Mutex::const_new(Weak::new());

/// A running server.
pub struct Postgres {
    folder: tempfile::TempDir,
    port: u16,
    server: Child,
    databases: AtomicU32,
    /// PEM of what signed its certificate.
    pub authority: Vec<u8>,
}

/// The server all tests share, or none where PostgreSQL is not installed.
pub async fn server() -> Option<Arc<Postgres>> {
    let mut shared = SHARED.lock().await;
    if let Some(running) = shared.upgrade() {
        return Some(running);
    }
    let Some(tools) = tools() else {
        assert!(std::env::var_os("CI").is_none(), "CI has no PostgreSQL: `.ci/run` installs it");
        eprintln!("skipped: PostgreSQL is not installed (no `initdb`)");
        return None;
    };
    let started = Arc::new(Postgres::start(&tools).await);
    *shared = Arc::downgrade(&started);
    Some(started)
}

/// The folder of `initdb` and `postgres`: Debian keeps them out of the path.
fn tools() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut homes: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).collect();
    homes.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    homes.extend(std::env::split_paths(&path));
    homes.into_iter().find(|home| home.join("initdb").exists() && home.join("postgres").exists())
}

/// Whom a server runs as, where we are root: it refuses to.
fn account() -> Option<(u32, u32)> {
    if !geteuid().is_root() {
        return None;
    }
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap();
    let of = |name: &str| {
        let line = accounts.lines().find(|line| line.starts_with(&format!("{name}:")))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    of("postgres").or_else(|| of("nobody"))
}

fn command(program: &Path, account: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("LC_ALL", "C").stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    if let Some((user, group)) = account {
        command.uid(user).gid(group);
    }
    command
}

impl Postgres {
    async fn start(tools: &Path) -> Self {
        let (folder, account) = (tempfile::tempdir().unwrap(), account());
        let own = |path: &Path| {
            if let Some((user, group)) = account {
                chown(path, Some(user), Some(group)).unwrap();
            }
        };
        own(folder.path());
        let data = folder.path().join("data");
        let data = data.to_str().unwrap();
        let made = command(&tools.join("initdb"), account)
            .args(["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"])
            .current_dir(folder.path())
            .status();
        assert!(made.unwrap().success(), "initdb");
        let authority = certificate(&folder.path().join("data"), own);
        std::fs::write(folder.path().join("data/pg_hba.conf"), DOORS).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let socket = folder.path().to_str().unwrap().to_owned();
        let server = command(&tools.join("postgres"), account)
            .args(["-D", data, "-k", &socket, "-p", &port.to_string()])
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "ssl=on", "-c", "fsync=off"])
            .args(["-c", "full_page_writes=off", "-c", "max_connections=60"])
            .current_dir(folder.path())
            .spawn()
            .unwrap();
        let databases = AtomicU32::new(0);
        let started = Self { folder, port, server, databases, authority };
        until("PostgreSQL", async || started.connect("postgres").await.ok()).await;
        started
    }

    /// An address of this database for the superuser.
    pub fn url(&self, database: &str) -> String {
        format!("postgresql://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// An address for the role that only reads.
    pub fn reader(&self, database: &str) -> String {
        let password = "a%2Fb%3Ac%40d%20e";
        format!("postgresql://portcullis_ro:{password}@127.0.0.1:{}/{database}", self.port)
    }

    /// An address by its socket.
    pub fn by_socket(&self, database: &str) -> String {
        let folder = self.folder.path().to_str().unwrap().replace('/', "%2F");
        format!("postgresql://postgres@{folder}:{}/{database}", self.port)
    }

    /// Opens a database as its superuser.
    pub async fn connect(&self, database: &str) -> Result<Client, tokio_postgres::Error> {
        let (client, connection) = tokio_postgres::connect(&self.url(database), NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// A new database with this in it; its name, and a connection of the superuser.
    pub async fn database(&self, statements: &str) -> (String, Client) {
        let number = self.databases.fetch_add(1, Ordering::SeqCst);
        let name = format!("bitbucket_{number}");
        let whole = self.connect("postgres").await.unwrap();
        whole.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let client = self.connect(&name).await.unwrap();
        client.batch_execute(statements).await.unwrap();
        (name, client)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let process = Pid::from_child(&self.server);
        let _ = kill_process(process, Signal::QUIT);
        let _ = self.server.wait();
    }
}

/// A certificate for 127.0.0.1, signed by an authority that nobody knows.
fn certificate(data: &Path, own: impl Fn(&Path)) -> Vec<u8> {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_text = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let shown = rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    for (name, text) in [("server.crt", shown.pem()), ("server.key", key.serialize_pem())] {
        let path = data.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        own(&path);
    }
    authority_text.into_bytes()
}
