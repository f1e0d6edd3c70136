//! Somebody who hears every request and answers all of them with the same bytes, whatever these are.

use std::sync::Arc;
use std::sync::Mutex;

use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// A listening peer.
pub struct Ear {
    pub address: String,
    /// Every request as it came.
    pub heard: Arc<Mutex<Vec<String>>>,
    /// Command lines of every process, and environments of those that send a request, at the moment one came in.
    pub seen: Arc<Mutex<Vec<String>>>,
    _ears: JoinSet<()>,
}

impl Ear {
    pub async fn answering(answer: Vec<u8>) -> Self {
        Self::start(answer, false).await
    }

    /// Looks at every process before it answers.
    pub async fn looking(answer: Vec<u8>) -> Self {
        Self::start(answer, true).await
    }

    async fn start(answer: Vec<u8>, looks: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (heard, seen) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let (told, looked) = (Arc::clone(&heard), Arc::clone(&seen));
        let mut ears = JoinSet::new();
        ears.spawn(async move {
            while let Ok((mut peer, _)) = listener.accept().await {
                let request = request(&mut peer).await;
                told.lock().unwrap().push(request);
                if looks {
                    looked.lock().unwrap().extend(processes());
                }
                let _gone = peer.write_all(&answer).await;
                let _gone = peer.shutdown().await;
            }
        });
        Self { address, heard, seen, _ears: ears }
    }

    pub fn forget(&self) {
        self.heard.lock().unwrap().clear();
    }

    /// The bodies that came, as JSON.
    pub fn questions(&self) -> Vec<Value> {
        let heard = self.heard.lock().unwrap();
        let body = |request: &String| request.split_once("\r\n\r\n").unwrap().1.to_owned();
        heard
            .iter()
            .map(|request| serde_json::from_str(&body(request)).unwrap_or_default())
            .collect()
    }
}

async fn request(peer: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while peer.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            break;
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// An answer.
pub fn http(status: u16, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n");
    let place = if status == 302 { "location: https://g.example.com/\r\n" } else { "" };
    format!("{head}{place}\r\n{body}").into_bytes()
}

/// The command line of every process; for curl its environment too.
fn processes() -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let text = |file: &str| std::fs::read(entry.path().join(file)).unwrap_or_default();
        let line = String::from_utf8_lossy(&text("cmdline")).into_owned();
        if line.contains("portcullis-check.sh") {
            found.push(String::from_utf8_lossy(&text("environ")).into_owned());
        }
        found.push(line);
    }
    found
}
