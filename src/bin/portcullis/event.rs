//! `portcullis event`: what we read out of webhook bodies, one JSON line a file. Offline.

use std::path::Path;
use std::process::ExitCode;

use portcullis::bitbucket;
use portcullis::event::EventKind;
use portcullis::event::delivery;
use portcullis::event::delivery::Envelope;
use portcullis::event::delivery::Expected;
use portcullis::event::delivery::Sealed;
use portcullis::graph::ConnectionId;
use portcullis::graph::Product;
use portcullis::graph::Time;
use portcullis::secret::Secret;
use serde_json::Value;
use serde_json::json;

use crate::cli;
use crate::cli::Event;
use crate::offline;

/// The connection whose name ids carry when there is none.
const CONNECTION: &str = "offline";

/// Largest file that is read: Data Center's largest body.
const MAX_FILE_BYTES: u64 = 10 << 20;

/// Runs the command: 0, or 1 if a body is unreadable or a signature wrong.
pub fn run(event: &Event) -> ExitCode {
    let reader = match Reader::new(event) {
        Ok(reader) => reader,
        Err(why) => {
            eprintln!("portcullis: {why}");
            return ExitCode::from(2);
        }
    };
    let mut good = true;
    for file in &event.files {
        match reader.line(file) {
            Ok(line) => println!("{line}"),
            Err(why) => {
                good = false;
                println!(
                    "{}",
                    json!({"file": file.display().to_string(), "key": event.key, "kind": null, "error": why})
                );
                eprintln!("{}: {why}", file.display());
            }
        }
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Reader<'a> {
    event: &'a Event,
    product: Product,
    connection: ConnectionId,
    secret: Option<Secret<Vec<u8>>>,
    graph: portcullis::graph::Snapshot,
}

impl<'a> Reader<'a> {
    fn new(event: &'a Event) -> Result<Self, String> {
        let product = match event.product {
            cli::Product::Cloud => Product::Cloud,
            cli::Product::DataCenter => Product::DataCenter,
        };
        let (graph, connection) = match &event.world {
            Some(path) => {
                offline::world(path).map(|(graph, connection)| (graph, Some(connection)))?
            }
            None => (portcullis::graph::Snapshot::empty(), None),
        };
        let connection = match connection {
            Some(connection) => connection,
            None => {
                CONNECTION.parse().map_err(|error: portcullis::graph::IdError| error.to_string())?
            }
        };
        let secret = event.secret_file.as_deref().map(read_secret).transpose()?;
        Ok(Self { event, product, connection, secret, graph })
    }

    fn line(&self, file: &Path) -> Result<Value, String> {
        let size = std::fs::metadata(file).map_err(|error| error.to_string())?.len();
        if size > MAX_FILE_BYTES {
            return Err(format!(
                "the file has {size} bytes; no webhook body is larger than {MAX_FILE_BYTES}"
            ));
        }
        let body = std::fs::read(file).map_err(|error| error.to_string())?;
        self.check_signature(&body)?;
        let key = self.event.key.as_deref().unwrap_or_default();
        let reading = bitbucket::read(self.product, &self.connection, key, &body)
            .map_err(|why| why.to_string())?;
        let kind = reading.events.first().map_or(EventKind::Unknown, |event| event.kind);
        let events: Vec<Value> = reading.events.iter().map(|event| self.shown(event)).collect();
        let mut line = json!({"file": file.display().to_string(), "key": reading.key, "kind": kind, "events": events});
        if let Some(why) = reading.unknown {
            line.as_object_mut().map(|line| line.insert("why".to_owned(), why.as_str().into()));
        }
        Ok(line)
    }

    fn shown(&self, event: &portcullis::event::Event) -> Value {
        if self.event.input {
            offline::input(event, &self.connection, self.product, &self.graph)
        } else {
            offline::told(event)
        }
    }

    fn check_signature(&self, body: &[u8]) -> Result<(), String> {
        let (Some(signature), Some(secret)) = (&self.event.signature, &self.secret) else {
            return Ok(());
        };
        let envelope = Envelope {
            key: self.event.key.clone().unwrap_or_default(),
            signatures: vec![signature.clone().into_bytes()],
            body: body.to_vec().into(),
            received: Time::from_millis(0),
        };
        let expected = Expected { product: self.product, secrets: std::slice::from_ref(secret) };
        match delivery::seal(envelope, &expected) {
            Ok(Sealed::Delivery(_) | Sealed::Ping) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn read_secret(path: &Path) -> Result<Secret<Vec<u8>>, String> {
    let reference = crate::config::SecretRef::File(path.to_owned());
    reference.read("--secret-file").map_err(|error| error.to_string())
}
