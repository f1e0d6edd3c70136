//! The static client starts where nothing else is: no loader, no C library, no shell. It asks the gate over TLS by name
//! and by address, and ends as everywhere.
//!
//! It is a build of its own, so it is only looked at where `PORTCULLIS_STATIC` names one: `.ci/static` makes it and runs
//! this.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use portcullis::simulator::git::Change;
use tempfile::TempDir;
use tokio::net::UdpSocket;
use tokio::process::Command;
use tokio::task::JoinSet;

use super::rig::BILLING;
use super::rig::Gate;
use super::rig::Said;
use super::rig::Shape;
use super::rig::said;

/// A name that only `/etc/hosts` of the root knows, and one that only its name server knows.
const LISTED: &str = "gate.test";
const SERVED: &str = "gate.example.net";

/// Where the name server listens: port 53 of an address of this machine that nobody else uses.
const NAME_SERVER: Ipv4Addr = Ipv4Addr::new(127, 0, 53, 53);

fn program() -> Option<PathBuf> {
    let named = std::env::var_os("PORTCULLIS_STATIC").map(PathBuf::from);
    if named.is_none() {
        eprintln!("PORTCULLIS_STATIC names no static build: it is not looked at");
    }
    named
}

/// Whether an ELF file asks for a loader or for libraries: program headers `PT_INTERP` and `PT_DYNAMIC`.
fn is_static(elf: &[u8]) -> bool {
    let number = |at: usize, bytes: usize| {
        let mut value = [0; 8];
        value[..bytes].copy_from_slice(&elf[at..at + bytes]);
        usize::try_from(u64::from_le_bytes(value)).unwrap()
    };
    assert_eq!(&elf[..5], b"\x7fELF\x02", "a 64-bit program");
    let (table, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    let headers = (0..count).map(|at| table + at * size);
    let interpreted = headers.into_iter().any(|header| number(header, 4) == 3);
    let needs = {
        let dynamic = (0..count).map(|at| table + at * size).find(|at| number(*at, 4) == 2);
        dynamic.is_some_and(|header| {
            let (from, bytes) = (number(header + 8, 8), number(header + 32, 8));
            (from..from + bytes).step_by(16).any(|entry| number(entry, 8) == 1)
        })
    };
    !interpreted && !needs
}

/// A folder with the program and a few files of `/etc`, and nothing else.
struct Root(TempDir);

impl Root {
    fn new(program: &Path, certificate: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put("etc/hosts", &format!("127.0.0.1 {LISTED}\n"));
        put(
            "etc/resolv.conf",
            &format!("nameserver {NAME_SERVER}\noptions timeout:2 attempts:1\n"),
        );
        put("etc/ssl/certs/ca-certificates.crt", certificate);
        let copy = root.path().join("portcullis");
        std::fs::copy(program, &copy).unwrap();
        std::fs::set_permissions(copy, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self(root)
    }

    /// A command in it; without rights of its own it takes those of a user namespace.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = if rustix::process::geteuid().is_root() {
            Command::new("chroot")
        } else {
            let mut command = Command::new("unshare");
            command.args(["--map-root-user", "chroot"]);
            command
        };
        command.arg(self.0.path()).arg("/portcullis").args(args).kill_on_drop(true);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command
    }
}

/// Answers every question for an address with this machine's: RFC 1035, as little of it as that takes.
async fn serve_names() -> Option<JoinSet<()>> {
    let socket = UdpSocket::bind(SocketAddr::from((NAME_SERVER, 53))).await;
    let Ok(socket) = socket else {
        eprintln!("no port below 1024 here: names from a name server are not looked at");
        return None;
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut question = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut question).await {
            let asked = &question[..length];
            let name = asked[12..].iter().position(|byte| *byte == 0).unwrap() + 12;
            let is_address = asked[name + 1..name + 3] == [0, 1];
            let mut answer =
                [&asked[..2], &[0x84, 0, 0, 1, 0, u8::from(is_address), 0, 0, 0, 0]].concat();
            answer.extend(&asked[12..name + 5]);
            if is_address {
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
            }
            socket.send_to(&answer, from).await.unwrap();
        }
    });
    Some(tasks)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_in_an_empty_root_and_asks_over_tls_by_name_and_by_address() {
    let Some(program) = program() else { return };
    assert!(is_static(&std::fs::read(&program).unwrap()), "it wants a loader or a library");
    let own = std::fs::read(env!("CARGO_BIN_EXE_portcullis")).unwrap();
    assert!(!is_static(&own), "an ordinary build is not, so this can tell");

    let names = [LISTED, SERVED, "127.0.0.1"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let keys = tempfile::tempdir().unwrap();
    let at = |name: &str| keys.path().join(name);
    std::fs::write(at("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(at("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let public = format!(
        "certificate = \"{}\"\nkey = \"{}\"\n",
        at("cert.pem").display(),
        at("key.pem").display()
    );
    let gate = Gate::start_as(Shape { public, ..Shape::default() }).await;
    let cast = &gate.town.cast;
    let cloud = gate.town.simulator.cloud();
    cloud.push(BILLING, cast.ravi, &[Change::new_branch("x", "main", 1)]).await.unwrap();

    let root = Root::new(&program, &made.cert.pem());
    let port = gate.public.rsplit(':').next().unwrap();
    let ask =
        async |host: &str, branch: &str, environment: uuid::Uuid, more: &[(&str, &str)]| -> Said {
            let step = gate.town.step(branch, Some(environment));
            let mut command = root.command(&["check", "--action", "deploy"]);
            command.env("PORTCULLIS_URL", format!("https://{host}:{port}"));
            command.env("BITBUCKET_STEP_OIDC_TOKEN", &step.token).envs(more.iter().copied());
            said(command).await
        };
    for host in [LISTED, "127.0.0.1"] {
        for (branch, environment, code) in
            [("main", cast.staging, 0), ("main", cast.production, 11), ("x", cast.production, 10)]
        {
            let told = ask(host, branch, environment, &[]).await;
            assert_eq!(told.code, code, "{host} {branch}: {}", told.all());
        }
    }
    let names = serve_names().await;
    if names.is_some() {
        let told = ask(SERVED, "main", cast.staging, &[]).await;
        assert_eq!(told.code, 0, "by a name server: {}", told.all());
    }
    let told = ask("nowhere.invalid", "main", cast.staging, &[]).await;
    assert!(told.code == 20 || names.is_some(), "{}", told.all());

    // Another certificate authority, none at all, and one that is named.
    let other = rcgen::generate_simple_self_signed(["other.test".to_owned()]).unwrap().cert.pem();
    let store = root.0.path().join("etc/ssl/certs/ca-certificates.crt");
    std::fs::write(&store, &other).unwrap();
    let told = ask(LISTED, "main", cast.staging, &[]).await;
    assert_eq!(told.code, 20, "signed by nobody it trusts: {}", told.all());
    std::fs::remove_dir_all(root.0.path().join("etc/ssl")).unwrap();
    let told = ask(LISTED, "main", cast.staging, &[]).await;
    assert!(told.code == 2 && told.err.contains("SSL_CERT_FILE"), "{}", told.all());
    std::fs::write(root.0.path().join("ours.pem"), made.cert.pem()).unwrap();
    let told = ask(LISTED, "main", cast.staging, &[("SSL_CERT_FILE", "/ours.pem")]).await;
    assert_eq!(told.code, 0, "{}", told.all());
}
