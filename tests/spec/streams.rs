//! A stream gives every decision once, in order, whatever becomes of its sink; and no decision waits for it.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU16;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::Request;
use hyper::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use portcullis::decision::Record;
use portcullis::simulator::git::Change;
use serde_json::Value;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::rig::BILLING;
use super::rig::Gate;
use super::rig::Shape;
use super::rig::run;
use super::rig::until;

const TOKEN: &str = "the-token-of-the-log-store";

/// A gate with streams, and the file of their token.
async fn streaming(streams: &str) -> Gate {
    let mut gate = Gate::start_as(Shape { silent: true, ..Shape::default() }).await;
    assert_eq!(gate.terminate().await, 0);
    std::fs::write(gate.path("siem.token"), format!("{TOKEN}\n")).unwrap();
    let streams = streams.replace("FOLDER", &gate.folder.path().display().to_string());
    let file = gate.path("portcullis.toml");
    let configuration = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{configuration}\n{streams}\n")).unwrap();
    gate.restart().await;
    gate
}

/// A batch as it arrived, and how it was answered; 0: not at all.
#[derive(Clone)]
struct Got {
    headers: hyper::HeaderMap,
    body: Bytes,
    status: u16,
}

impl Got {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A receiver that writes down what it got.
struct Sink {
    url: String,
    status: Arc<AtomicU16>,
    got: Arc<Mutex<Vec<Got>>>,
    _tasks: JoinSet<()>,
}

impl Sink {
    async fn answering(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/in", listener.local_addr().unwrap());
        let (status, got) = (Arc::new(AtomicU16::new(status)), Arc::<Mutex<Vec<Got>>>::default());
        let (says, log) = (Arc::clone(&status), Arc::clone(&got));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (says, log) = (Arc::clone(&says), Arc::clone(&log));
                open.spawn(async move {
                    let service = service_fn(|request: Request<Incoming>| async {
                        let headers = request.headers().clone();
                        let body = request.into_body().collect().await?.to_bytes();
                        let status = says.load(Ordering::SeqCst);
                        log.lock().unwrap().push(Got { headers, body, status });
                        if status == 0 {
                            std::future::pending::<()>().await;
                        }
                        let answer = Response::builder().status(status);
                        Ok::<_, hyper::Error>(answer.body(Full::new(Bytes::new())).unwrap())
                    });
                    let io = TokioIo::new(stream);
                    drop(http1::Builder::new().serve_connection(io, service).await);
                });
            }
        });
        Self { url, status, got, _tasks: tasks }
    }

    /// Answers so from now on.
    fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

/// Pushes new branches, and waits until each is decided.
async fn pushed(gate: &Gate, numbers: std::ops::Range<usize>) {
    let (cloud, cast) = (gate.town.simulator.cloud(), &gate.town.cast);
    let before = gate.records().await.len();
    for number in numbers.clone() {
        let change = Change::new_branch(&format!("feature/{number}"), "main", 1);
        cloud.push(BILLING, cast.ravi, &[change]).await.unwrap();
    }
    until("the decisions", async || {
        (gate.records().await.len() >= before + numbers.len()).then_some(())
    })
    .await;
}

fn ids(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| record.public.decision.to_string()).collect()
}

fn lines(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The decisions of a file, once there are so many.
async fn written(file: &Path, many: usize) -> Vec<String> {
    let lines = until("the lines", async || {
        // The last one may be half there.
        let text = std::fs::read_to_string(file).unwrap_or_default();
        (text.matches('\n').count() >= many && text.ends_with('\n')).then(|| lines(file))
    })
    .await;
    lines.iter().map(|line| line["decision"]["decision"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_has_every_decision_once_over_kills_and_rotation_and_no_name_that_was_not_asked_for()
{
    let mut gate = streaming(
        "[[stream]]\nid = \"bare\"\nto = { file = \"FOLDER/bare.jsonl\" }\n\
         [[stream]]\nid = \"full\"\nto = { file = \"FOLDER/full.jsonl\" }\nparts = [\"names\", \"told\", \"input\"]\nbegin = \"start\"",
    )
    .await;
    let (bare, full) = (gate.path("bare.jsonl"), gate.path("full.jsonl"));
    pushed(&gate, 0..3).await;
    assert_eq!(written(&bare, 3).await, ids(&gate.records().await));
    // Moved away, as logrotate does it.
    let moved = gate.path("bare.jsonl.1");
    std::fs::rename(&bare, &moved).unwrap();
    pushed(&gate, 3..5).await;
    assert_eq!(written(&bare, 2).await, ids(&gate.records().await)[3..]);
    assert_eq!(lines(&moved).len(), 3);

    // Killed, with half a line behind it that nobody wrote to its end; and what is in the file was not noted in the store.
    gate.kill().await;
    let text = std::fs::read_to_string(&bare).unwrap();
    std::fs::write(&bare, format!("{text}{}", &text[..100])).unwrap();
    let db = rusqlite::Connection::open(gate.path("portcullis.db")).unwrap();
    let back = "UPDATE stream SET next = (SELECT min(entry) FROM (SELECT entry FROM decision ORDER BY entry DESC LIMIT 2))";
    db.execute_batch(back).unwrap();
    drop(db);
    gate.restart().await;
    pushed(&gate, 5..7).await;
    let records = gate.records().await;
    assert_eq!(written(&bare, 4).await, ids(&records)[3..], "each once, in order");
    assert_eq!(written(&full, 7).await, ids(&records));

    for (line, record) in lines(&bare).iter().zip(&records[3..]) {
        let public: Value = serde_json::to_value(&record.public).unwrap();
        assert_eq!(line["decision"], public);
        assert_eq!(line["left_out"]["names"], "not asked for");
        let text = line.to_string();
        assert!(!text.contains("Ravi") && !text.contains("feature/"), "{text}");
    }
    let first = &lines(&full)[0];
    assert_eq!(first["left_out"], json!({}));
    assert_eq!(first["names"]["ref"], "refs/heads/feature/0");
    assert_eq!(first["input"]["event"]["kind"], "branch.created");
    let shown = gate.metrics().await;
    assert!(shown.contains("portcullis_stream_lag_decisions{stream=\"bare\"} 0"), "{shown}");
}

/// The batches that were taken: each decision of their lines, and each batch's key.
fn taken(got: &[Got]) -> (Vec<String>, Vec<String>) {
    let taken: Vec<&Got> = got.iter().filter(|got| got.status == 200).collect();
    let ids = taken.iter().flat_map(|got| std::str::from_utf8(&got.body).unwrap().lines());
    let ids = ids.map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["decision"]["decision"].as_str().unwrap().to_owned()
    });
    let keys = taken.iter().map(|got| got.header("idempotency-key").unwrap().to_owned());
    (ids.collect(), keys.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_was_gone_gets_what_it_missed_byte_for_byte_and_nothing_twice() {
    let sink = Sink::answering(503).await;
    let url = &sink.url;
    let mut gate = streaming(&format!(
        "[[stream]]\nid = \"siem\"\nto = {{ url = \"{url}\", token = {{ file = \"FOLDER/siem.token\" }} }}"
    ))
    .await;
    pushed(&gate, 0..2).await;
    until("two tries", async || (sink.got().len() >= 2).then_some(())).await;
    pushed(&gate, 2..4).await;
    gate.line("the stream stands still").await;
    let shown = until("the lag", async || {
        let shown = gate.metrics().await;
        shown.contains("portcullis_stream_lag_decisions{stream=\"siem\"} 4").then_some(shown)
    })
    .await;
    assert!(!shown.contains("portcullis_stream_failures_total{stream=\"siem\"} 0"), "{shown}");
    gate.kill().await;
    let tried = sink.got().len();
    gate.restart().await;
    until("a try of the next life", async || (sink.got().len() > tried).then_some(())).await;
    let got = sink.got();
    assert!(got.iter().all(|other| other.body == got[0].body), "the same batch, byte for byte");
    let key = got[0].header("idempotency-key");
    assert!(key.is_some() && got.iter().all(|other| other.header("idempotency-key") == key));
    assert_eq!(got[0].header("authorization"), Some(&*format!("Bearer {TOKEN}")));
    assert_eq!(got[0].header("content-type"), Some("application/x-ndjson"));

    sink.answer(200);
    let made = ids(&gate.records().await);
    until("all of it", async || (taken(&sink.got()).0.len() >= made.len()).then_some(())).await;
    pushed(&gate, 4..6).await;
    let made = ids(&gate.records().await);
    until("the rest", async || (taken(&sink.got()).0.len() >= made.len()).then_some(())).await;
    let (ids, mut keys) = taken(&sink.got());
    assert_eq!(ids, made, "each once, in order");
    keys.dedup();
    assert_eq!(keys.len(), sink.got().iter().filter(|got| got.status == 200).count());
    gate.line("the stream flows again").await;
    assert!(!gate.log().contains(TOKEN));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_never_answers_holds_up_no_decision() {
    let sink = Sink::answering(0).await;
    let gate = streaming(&format!(
        "[[stream]]\nid = \"siem\"\nto = {{ url = \"{}\" }}\nformat = \"opa\"",
        sink.url
    ))
    .await;
    pushed(&gate, 0..1).await;
    until("a try", async || (sink.got().len() == 1).then_some(())).await;
    let before = gate.records().await.len();
    for _ in 0..40 {
        let step = gate.town.step("main", Some(gate.town.cast.staging));
        let asked = json!({"action": "deploy", "environment": "staging"});
        assert_eq!(gate.check(&step.token, &asked).await.status, 200);
    }
    assert_eq!(gate.records().await.len(), before + 40, "all of them, and none waited");
    assert_eq!(sink.got().len(), 1, "while it still waits for its first answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opa_log_service_reads_what_it_knows() {
    let sink = Sink::answering(200).await;
    let gate = streaming(&format!(
        "[[stream]]\nid = \"opa\"\nto = {{ url = \"{}\" }}\nformat = \"opa\"\nparts = [\"input\"]",
        sink.url
    ))
    .await;
    pushed(&gate, 0..1).await;
    let got = until("a batch", async || sink.got().first().cloned()).await;
    assert_eq!(got.header("content-encoding"), Some("gzip"));
    assert_eq!(got.header("content-type"), Some("application/json"));
    let mut text = String::new();
    GzDecoder::new(&*got.body).read_to_string(&mut text).unwrap();
    let events: Vec<Value> = serde_json::from_str(&text).unwrap();
    let (event, record) = (&events[0], &gate.records().await[0]);
    // The names of OPA's documentation, each of its type.
    assert!(event["labels"].as_object().unwrap().values().all(Value::is_string), "{event}");
    assert_eq!(event["labels"]["connection"], "acme-cloud");
    assert_eq!(event["decision_id"], record.public.decision.to_string());
    assert_eq!(event["bundles"]["portcullis"]["revision"], record.public.bundle);
    assert_eq!(event["path"], "portcullis/rules");
    assert_eq!(event["input"]["event"]["kind"], "branch.created");
    assert_eq!(event["result"]["verdict"], "allow");
    assert_eq!(event["requested_by"], "hook");
    assert_eq!(event["timestamp"], record.public.at.to_string());
    assert_eq!(event["erased"], json!(["/result/reason", "/result/findings", "/result/names"]));
    assert!(event["req_id"].is_u64());
}

#[tokio::test]
async fn a_stream_that_cannot_be_is_named_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gate.toml");
    for (stream, said) in [
        ("id = \"x\"\nto = { file = \"a\" }", "stream[0].id"),
        ("id = \"siem\"\nto = {}", "one of `file` and `url`"),
        (
            "id = \"siem\"\nto = { file = \"a\", url = \"https://siem.example.com\" }",
            "one of `file` and `url`",
        ),
        (
            "id = \"siem\"\nto = { file = \"a\", token = { env = \"X\" } }",
            "a file needs no `token`",
        ),
        ("id = \"siem\"\nto = { url = \"http://siem.example.com\" }", "only https"),
        ("id = \"siem\"\nto = { url = \"https://169.254.169.254\" }", "nothing is ever sent"),
        (
            "id = \"siem\"\nto = { url = \"https://siem.example.com\", token = { file = \"nowhere\" } }",
            "stream[0].to.token",
        ),
        (
            "id = \"siem\"\nto = { file = \"a\" }\nformat = \"ocsf\"",
            "is not one of portcullis, opa",
        ),
        (
            "id = \"siem\"\nto = { file = \"a\" }\nparts = [\"all\"]",
            "is not one of input, names, told",
        ),
        ("id = \"siem\"\nto = { file = \"a\" }\nbegin = \"soon\"", "is not one of now, start"),
        (
            "id = \"siem\"\nto = { file = \"a\" }\n[[stream]]\nid = \"siem\"\nto = { file = \"b\" }",
            "configured twice",
        ),
        (
            "id = \"one\"\nto = { file = \"a\" }\n[[stream]]\nid = \"two\"\nto = { file = \"a\" }",
            "cannot share",
        ),
    ] {
        std::fs::write(&file, format!("[[stream]]\n{stream}\n")).unwrap();
        let checked = run(&["config", "check", file.to_str().unwrap()]).await;
        assert_eq!(checked.code, 2, "{stream}: {}", checked.all());
        assert!(checked.err.contains(said), "{stream}: {}", checked.all());
    }
    std::fs::write(&file, "[[stream]]\nid = \"siem\"\nto = { url = \"http://127.0.0.1:9/in\" }\n")
        .unwrap();
    assert_eq!(run(&["config", "check", file.to_str().unwrap()]).await.code, 0);
}
