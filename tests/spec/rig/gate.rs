//! `portcullis serve` as a child process: its configuration, its life and death, and how it is asked.

use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use portcullis::decision::Record;
use portcullis::store::Filter;
use portcullis::store::Store;
use reqwest::Method;
use serde_json::Value;
use serde_json::json;
use sha2::Sha256;
use tokio::io::AsyncBufReadExt;
use tokio::io::BufReader;
use tokio::process::Child;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::CLOUD;
use super::DATACENTER;
use super::Disk;
use super::GATE;
use super::PATIENCE;
use super::Said;
use super::Town;
use super::fault;
use super::portcullis;
use super::read_store;
use super::said;
use super::until;

/// What is different about a gate's configuration.
#[derive(Clone, Default)]
pub struct Shape {
    /// A folder of rules instead of the shipped ones.
    pub policies: Option<PathBuf>,
    /// No `effects`: nothing is written to Bitbucket.
    pub silent: bool,
    /// How far the Cloud and the Data Center connection reach; empty: everything.
    pub scope: [&'static [&'static str]; 2],
    /// More of `[public]`.
    pub public: String,
    /// More of the Cloud connection's configuration: tables below it, such as `[[connection.environment]]`.
    pub cloud: String,
    /// The same of the Data Center connection.
    pub datacenter: String,
    /// A disk of its own of this many MiB; see [`Disk::mount`].
    pub disk_mib: Option<u32>,
    /// No file may grow beyond this many KiB: writing further fails as on a broken disk. Until it is started again.
    pub largest_file_kib: Option<u64>,
    /// The security contact of both connections: one of the channels in `more`.
    pub contact: Option<&'static str>,
    /// What else stands in the configuration; `FOLDER` is the gate's own.
    pub more: String,
    /// Files that `more` names, with what is in them.
    pub files: Vec<(&'static str, String)>,
    /// Log lines for people instead of JSON.
    pub text: bool,
}

/// An answered question.
#[derive(Debug)]
pub struct Asked {
    pub status: u16,
    pub body: Value,
}

/// A running gate, with the town it guards.
pub struct Gate {
    pub town: Arc<Town>,
    /// Its own disk, if it was to have one and may.
    pub disk: Option<Disk>,
    pub folder: tempfile::TempDir,
    pub public: String,
    pub operator: String,
    pub http: reqwest::Client,
    text: bool,
    child: Child,
    lines: watch::Receiver<Vec<String>>,
    ears: JoinSet<()>,
}

impl Gate {
    /// Starts one in front of a town of its own, and waits until it is ready and has discovered.
    pub async fn start() -> Self {
        Self::start_as(Shape::default()).await
    }

    /// The same, shaped otherwise.
    pub async fn start_as(shape: Shape) -> Self {
        let town = Arc::new(Town::new().await);
        let folder = tempfile::tempdir().unwrap();
        let disk = shape.disk_mib.and_then(|mib| Disk::mount(folder.path(), mib));
        configure(&town, &shape, folder.path());
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let mut ears = JoinSet::new();
        let (child, lines) = launch(folder.path(), shape.largest_file_kib, shape.text, &mut ears);
        let (public, operator) = (String::new(), String::new());
        let text = shape.text;
        let mut gate =
            Self { town, disk, folder, public, operator, http, text, child, lines, ears };
        gate.come_up().await;
        gate
    }

    /// One with a configuration of its own in front of this town; `FOLDER` in it is the gate's own. It waits for the
    /// doors alone.
    pub async fn start_alone(town: Arc<Town>, toml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let toml = toml.replace("FOLDER", &folder.path().display().to_string());
        std::fs::write(folder.path().join("portcullis.toml"), toml).unwrap();
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let mut ears = JoinSet::new();
        let (child, lines) = launch(folder.path(), None, false, &mut ears);
        let (public, operator) = (String::new(), String::new());
        let (disk, text) = (None, false);
        let mut gate =
            Self { town, disk, folder, public, operator, http, text, child, lines, ears };
        gate.open_doors().await;
        gate
    }

    /// Starts it again on the same folder, after it was killed or has ended. Its ports are new; hooks follow.
    pub async fn restart(&mut self) {
        (self.child, self.lines) = launch(self.folder.path(), None, self.text, &mut self.ears);
        self.come_up().await;
    }

    /// Starts it again without waiting for more than its doors.
    pub async fn reopen(&mut self) {
        (self.child, self.lines) = launch(self.folder.path(), None, self.text, &mut self.ears);
        self.open_doors().await;
    }

    async fn come_up(&mut self) {
        self.open_doors().await;
        until("readiness", async || {
            let ready =
                self.http.get(format!("http://{}/readyz", self.operator)).send().await.ok()?;
            (ready.status() == 200).then_some(())
        })
        .await;
        for connection in [CLOUD, DATACENTER] {
            let said = if self.text {
                format!("discovered connection={connection} ")
            } else {
                format!("\"discovered\",\"connection\":\"{connection}\"")
            };
            self.line(&said).await;
        }
    }

    async fn open_doors(&mut self) {
        self.public = self.told("public    ").await;
        self.operator = self.told("operator  ").await;
        self.town.hook_up(&self.public);
    }

    async fn told(&mut self, head: &str) -> String {
        let line = self.line(head).await;
        let told = line.strip_prefix(head).unwrap().split_whitespace().next().unwrap();
        told.rsplit('/').next().unwrap().to_owned()
    }

    /// The first line on standard error that holds a text.
    pub async fn line(&mut self, part: &str) -> String {
        let holds = |lines: &Vec<String>| lines.iter().any(|line| line.contains(part));
        let waited = tokio::time::timeout(PATIENCE, self.lines.wait_for(holds))
            .await
            .map(|heard| heard.is_ok())
            .ok();
        match waited {
            Some(true) => {}
            Some(false) => panic!("the gate ended without `{part}`:\n{}", self.log()),
            None => panic!("the gate never said `{part}`:\n{}", self.log()),
        }
        let lines = self.lines.borrow();
        lines.iter().find(|line| line.contains(part)).unwrap().clone()
    }

    /// Everything it said on standard error.
    pub fn log(&self) -> String {
        self.lines.borrow().join("\n")
    }

    /// `kill -9`, and waits until it is gone.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// SIGTERM; waits for its end and gives its exit code.
    pub async fn terminate(&mut self) -> i32 {
        self.signal();
        self.ended().await
    }

    /// SIGTERM, without waiting.
    pub fn signal(&self) {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        let id = rustix::process::Pid::from_raw(id).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> i32 {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ended.expect("the gate did not end").unwrap().code().unwrap_or(-1)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn store_url(&self) -> String {
        format!("sqlite:{}", self.path("portcullis.db").display())
    }

    /// The store, read beside the gate.
    pub async fn store(&self) -> Store {
        read_store(&self.path("portcullis.db")).await
    }

    /// Every record, oldest first.
    pub async fn records(&self) -> Vec<Record> {
        let store = self.store().await;
        let (mut records, mut before) = (Vec::new(), None);
        loop {
            let page = store.decisions(Filter::default(), before, 200).await.unwrap();
            records.extend(page.items);
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        store.close().await;
        records.reverse();
        records
    }

    /// The record of the decision on a delivery.
    pub async fn decided(&self, delivery: Uuid) -> Record {
        until("a decision on the delivery", async || {
            let records = self.records().await;
            records.into_iter().find(|record| record.public.delivery == Some(delivery))
        })
        .await
    }

    /// The dead letter that a delivery became.
    pub async fn dead_letter(&self, delivery: Uuid) -> Value {
        until("a dead letter", async || {
            let letters = self.get("dead-letters").await;
            let letters = letters["dead_letters"].as_array().unwrap();
            letters.iter().find(|letter| letter["id"] == json!(delivery)).cloned()
        })
        .await
    }

    /// How many rows a table of the store holds, read beside the gate.
    pub fn count(&self, table: &str) -> i64 {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let db = rusqlite::Connection::open_with_flags(self.path("portcullis.db"), flags).unwrap();
        db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    }

    /// Waits until nothing is left to decide and nothing to carry out.
    pub async fn quiet(&self) {
        until("quiet", async || {
            let left =
                self.count("delivery WHERE state = 0") + self.count("action WHERE state = 0");
            (left == 0).then_some(())
        })
        .await;
    }

    /// Sends bytes to a hook; status and body.
    pub async fn deliver(
        &self,
        hook: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Asked {
        let mut request = self.http.post(format!("http://{}/hooks/{hook}", self.public)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        asked(request).await
    }

    /// Sends a body through the Cloud hook, signed well.
    pub async fn post(&self, body: &str) -> Asked {
        let hook = &self.town.cast.cloud_hook;
        let mut mac = Hmac::<Sha256>::new_from_slice(hook.secret.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        let headers = [
            ("x-hub-signature", signature.as_str()),
            ("x-event-key", "repo:push"),
            ("content-type", "application/json"),
        ];
        self.deliver(&hook.id, &headers, body.to_owned()).await
    }

    /// What `/readyz` says.
    pub async fn readiness(&self) -> Asked {
        asked(self.http.get(format!("http://{}/readyz", self.operator))).await
    }

    /// Asks `/v1/check`.
    pub async fn check(&self, token: &str, question: &Value) -> Asked {
        let request = self.http.post(format!("http://{}/v1/check", self.public));
        asked(request.bearer_auth(token).json(question)).await
    }

    /// GET below `/api/v1`, which must be answered 200.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.api(Method::GET, path, &Value::Null).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// Any call below `/api/v1`, with the operator token.
    pub async fn api(&self, method: Method, path: &str, body: &Value) -> Asked {
        let address = format!("http://{}/api/v1/{path}", self.operator);
        let request = self.http.request(method, address).bearer_auth(self.token());
        asked(if body.is_null() { request } else { request.json(body) }).await
    }

    /// The operator token.
    pub fn token(&self) -> String {
        std::fs::read_to_string(self.path("operator-token")).unwrap().trim().to_owned()
    }

    /// The metrics page.
    pub async fn metrics(&self) -> String {
        let answer =
            self.http.get(format!("http://{}/metrics", self.operator)).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.text().await.unwrap()
    }

    /// One of the operator's commands against this gate.
    pub fn operator(&self, args: &[&str]) -> Command {
        let mut command = portcullis(args);
        command
            .args(["--gateway", &format!("http://{}", self.operator), "--data"])
            .arg(self.folder.path());
        command
    }

    /// Runs one of the operator's commands.
    pub async fn operate(&self, args: &[&str]) -> Said {
        said(self.operator(args)).await
    }
}

async fn asked(request: reqwest::RequestBuilder) -> Asked {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    Asked { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}

fn launch(
    folder: &Path,
    largest_file_kib: Option<u64>,
    text: bool,
    ears: &mut JoinSet<()>,
) -> (Child, watch::Receiver<Vec<String>>) {
    let mut command = match largest_file_kib {
        None => portcullis(&["serve", "--config"]),
        Some(kib) => limited(kib),
    };
    command.arg(folder.join("portcullis.toml"));
    if text {
        command.args(["--log-format", "text"]);
    }
    command.current_dir(folder).stdout(Stdio::null()).envs(fault::environment(folder));
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let (said, heard) = watch::channel(Vec::new());
    ears.spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            said.send_modify(|all: &mut Vec<String>| all.push(line));
        }
    });
    (child, heard)
}

/// The same, unable to make any file larger. The signal is ignored, so that the write itself fails.
fn limited(kib: u64) -> Command {
    let mut command = Command::new("/bin/sh");
    let limits = format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", kib * 2);
    command.args(["-c", &limits, "sh", env!("CARGO_BIN_EXE_portcullis"), "serve", "--config"]);
    command.env_clear().kill_on_drop(true).stdin(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Everything the gate is given: secrets in files, and the configuration that names them.
fn configure(town: &Town, shape: &Shape, folder: &Path) {
    let (cast, simulator) = (&town.cast, &town.simulator);
    let secrets = [
        ("consumer.key", &cast.consumer.0),
        ("consumer.secret", &cast.consumer.1),
        ("dc.password", &cast.password),
        ("cloud.hook", &cast.cloud_hook.secret),
        ("second.hook", &cast.second_hook.secret),
        ("dc.hook", &cast.datacenter_hook.secret),
    ];
    for (name, secret) in secrets {
        std::fs::write(folder.join(name), format!("{secret}\n")).unwrap();
    }
    for (name, text) in &shape.files {
        std::fs::write(folder.join(name), format!("{text}\n")).unwrap();
    }
    let contact =
        shape.contact.map(|id| format!("security_contact = \"{id}\"")).unwrap_or_default();
    let more = shape.more.replace("FOLDER", &folder.display().to_string());
    let at = |name: &str| format!("{{ file = \"{}\" }}", folder.join(name).display());
    let effects = if shape.silent { "" } else { "effects = [\"commit-status\"]" };
    let [cloud_scope, dc_scope] = shape.scope.map(|scope| match scope {
        [] => String::new(),
        scope => format!("scope = {scope:?}"),
    });
    let path = shape
        .policies
        .as_ref()
        .map(|path| format!("path = \"{}\"", path.display()))
        .unwrap_or_default();
    let toml = format!(
        r#"
[public]
listen = "127.0.0.1:0"
url = "{GATE}"
{more_public}
[operator]
listen = "127.0.0.1:0"
[store]
url = "sqlite:{store}"
[policies]
mode = "enforce"
{path}
[workers]
count = 1
deadline = "10s"
[[connection]]
id = "{CLOUD}"
product = "cloud"
workspace = "acme"
api_url = "{api}"
credential = {{ kind = "oauth", key = {key}, secret = {secret} }}
plan = "premium"
protected_refs = ["main", "release/*"]
{cloud_scope}
{effects}
{contact}
[[connection.hook]]
id = "{cloud_hook}"
secrets = [{cloud_secret}]
[[connection.hook]]
id = "{second_hook}"
secrets = [{second_secret}]
{cloud}
[[connection]]
id = "{DATACENTER}"
product = "datacenter"
base_url = "{base}"
credential = {{ kind = "basic", user = "portcullis", password = {password} }}
protected_refs = ["main", "release/*"]
{dc_scope}
{effects}
{contact}
[[connection.hook]]
id = "{dc_hook}"
secrets = [{dc_secret}]
{datacenter}
{more}
"#,
        more_public = shape.public,
        cloud = shape.cloud,
        datacenter = shape.datacenter,
        store = folder.join("portcullis.db").display(),
        api = simulator.cloud_api(),
        key = at("consumer.key"),
        secret = at("consumer.secret"),
        cloud_hook = cast.cloud_hook.id,
        cloud_secret = at("cloud.hook"),
        second_hook = cast.second_hook.id,
        second_secret = at("second.hook"),
        base = simulator.datacenter_url(),
        password = at("dc.password"),
        dc_hook = cast.datacenter_hook.id,
        dc_secret = at("dc.hook"),
    );
    std::fs::write(folder.join("portcullis.toml"), toml).unwrap();
}
