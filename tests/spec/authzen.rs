//! AuthZEN, asked over HTTP of a gate that was started as its page says: the real program, its fixture's configuration,
//! world and rules.

mod batch;
mod declared;
mod refusals;
mod scenario;
mod searches;

use std::path::Path;
use std::process::Stdio;

use portcullis::decision::Record;
use portcullis::ledger::Entry;
use portcullis::store::Filter;
use reqwest::Method;
use reqwest::RequestBuilder;
use serde_json::Value;
use serde_json::json;
use tokio::io::AsyncBufReadExt;
use tokio::io::BufReader;
use tokio::process::Child;

use super::rig::PATIENCE;
use super::rig::portcullis;
use super::rig::read_store;

/// How the world reaches the gate, as the discovery document says.
const WORLD_URL: &str = "https://pdp.example.com";

/// Both doors of AuthZEN.
const DOORS: [&str; 2] = ["authzen", "authzen-search"];

/// A gate of the fixture.
struct Pdp {
    folder: tempfile::TempDir,
    child: Child,
    public: String,
    operator: String,
    http: reqwest::Client,
}

/// An answer.
#[derive(Debug)]
struct Answered {
    status: u16,
    kind: String,
    id: Option<String>,
    body: Value,
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

impl Pdp {
    /// The gate of the page, at ports of its own.
    async fn start() -> Self {
        Self::with(&[]).await
    }

    /// The same with other files in the places of the fixture's, or beside them.
    async fn with(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/authzen");
        copy(&fixture, folder.path());
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let file = folder.path().join("portcullis.toml");
        let toml = std::fs::read_to_string(&file).unwrap();
        let toml = toml.replace(
            "127.0.0.1:8080\"\nurl = \"http://127.0.0.1:8080",
            "127.0.0.1:0\"\nurl = \"WORLD",
        );
        let toml = toml.replace("WORLD", WORLD_URL).replace("127.0.0.1:8081", "127.0.0.1:0");
        std::fs::write(&file, toml).unwrap();
        let args = ["serve", "--config", "portcullis.toml", "--world", "world.json"];
        let mut command = portcullis(&args);
        command.current_dir(folder.path()).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (mut public, mut operator, mut said) = (String::new(), String::new(), Vec::new());
        while public.is_empty() || operator.is_empty() {
            let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap();
            let Some(line) = line else { panic!("it did not start: {}", said.join("\n")) };
            for (head, place) in [("public    ", &mut public), ("operator  ", &mut operator)] {
                if let Some(rest) = line.strip_prefix(head) {
                    let told = rest.split_whitespace().next().unwrap();
                    told.rsplit('/').next().unwrap().clone_into(place);
                }
            }
            said.push(line);
        }
        // Somebody has to listen, or the pipe fills.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Self { folder, child, public, operator, http }
    }

    async fn end(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Any call below the operator's API.
    async fn api(&self, method: Method, path: &str, body: &Value) -> Answered {
        let token = std::fs::read_to_string(self.folder.path().join("operator-token")).unwrap();
        let address = format!("http://{}/api/v1/{path}", self.operator);
        let request = self.http.request(method, address).bearer_auth(token.trim());
        answered(if body.is_null() { request } else { request.json(body) }).await
    }

    /// A service token with these doors.
    async fn token(&self, doors: &[&str]) -> String {
        self.scoped(&json!({"doors": doors})).await
    }

    /// A service token with these members besides name, connection and end.
    async fn scoped(&self, more: &Value) -> String {
        let world = std::fs::read_to_string(self.folder.path().join("world.json")).unwrap();
        let world: Value = serde_json::from_str(&world).unwrap();
        let mut wish =
            json!({"name": "pep", "connection": world["connection"]["id"], "expires_in": 3_600});
        for (name, value) in more.as_object().unwrap() {
            wish[name] = value.clone();
        }
        let made = self.api(Method::POST, "tokens", &wish).await;
        assert_eq!(made.status, 201, "{}", made.body);
        made.body["token"].as_str().unwrap().to_owned()
    }

    fn post(&self, token: &str, path: &str) -> RequestBuilder {
        let address = format!("http://{}/access/v1/{path}", self.public);
        self.http.post(address).bearer_auth(token)
    }

    async fn ask(&self, token: &str, path: &str, body: &Value) -> Answered {
        answered(self.post(token, path).json(body)).await
    }

    /// What an evaluation decides.
    async fn decides(&self, token: &str, question: &Value) -> bool {
        let answer = self.ask(token, "evaluation", question).await;
        assert_eq!(answer.status, 200, "{question}: {}", answer.body);
        answer.body["decision"].as_bool().unwrap()
    }

    /// Every record, newest first.
    async fn records(&self) -> Vec<Record> {
        let store = read_store(&self.folder.path().join("records.db")).await;
        let page = store.decisions(Filter::default(), None, 200).await.unwrap();
        store.close().await;
        page.items
    }

    /// Every entry of the ledger, with its sealed parts as text.
    async fn entries(&self) -> Vec<(Entry, Vec<String>)> {
        let store = read_store(&self.folder.path().join("records.db")).await;
        let mut entries = Vec::new();
        for index in 0..store.head().await.unwrap().size {
            let kept = store.entry(index).await.unwrap().unwrap();
            let parts = kept.sealed.iter().filter_map(|part| match part {
                portcullis::ledger::Kept::Present(part) => {
                    Some(String::from_utf8_lossy(&part.bytes).into_owned())
                }
                portcullis::ledger::Kept::Erased { .. } => None,
            });
            entries.push((Entry::from_bytes(&kept.entry).unwrap(), parts.collect()));
        }
        store.close().await;
        entries
    }
}

async fn answered(request: RequestBuilder) -> Answered {
    let answer = request.send().await.unwrap();
    let header =
        |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let (status, kind, id) = (
        answer.status().as_u16(),
        header("content-type").unwrap_or_default(),
        header("x-request-id"),
    );
    let path = answer.url().path().to_owned();
    let text = answer.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
    super::doors::shape::hold(&path, status, &kind, &body);
    Answered { status, kind, id, body }
}

fn entity(kind: &str, id: &str) -> Value {
    json!({"type": kind, "id": id})
}

/// `alice read record-1`, as the fixture's questions go.
fn question(subject: &str, action: &str, record: &str) -> Value {
    json!({"subject": entity("user", subject), "action": {"name": action}, "resource": entity("record", record)})
}

/// The same with members changed or added.
fn but(mut question: Value, changes: &[(&str, Value)]) -> Value {
    for (pointer, value) in changes {
        let (above, name) = pointer.rsplit_once('/').unwrap();
        question.pointer_mut(above).unwrap()[name] = value.clone();
    }
    question
}

/// The ids, or names, of what was found.
fn ids(answer: &Answered) -> Vec<String> {
    assert_eq!((answer.status, answer.kind.as_str()), (200, "application/json"), "{}", answer.body);
    let results = answer.body["results"].as_array().unwrap().iter();
    results
        .map(|one| {
            let named = one.get("id").unwrap_or(&one["name"]);
            named.as_str().unwrap().to_owned()
        })
        .collect()
}
