//! A server that answers with any bytes, for what no Bitbucket would say on purpose.

use std::io;
use std::sync::Arc;
use std::sync::Mutex;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// The number of a request, from 0, and its head → the answer's bytes.
type Answering = dyn Fn(usize, &str) -> String + Send + Sync;

/// Answers each request with the next of its answers, the last one for ever.
pub struct Raw {
    pub url: String,
    heads: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Raw {
    pub async fn answering(answers: impl IntoIterator<Item = String>) -> Self {
        let answers: Vec<String> = answers.into_iter().collect();
        Self::serve(move |number, _| answers.get(number).or(answers.last()).unwrap().clone()).await
    }

    /// Answers by first line.
    pub async fn routing(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self::serve(move |_, head| answer(head.lines().next().unwrap())).await
    }

    async fn serve(answer: impl Fn(usize, &str) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let own = url.clone();
        let answer: Arc<Answering> =
            Arc::new(move |number, head| answer(number, head).replace("{SELF}", &own));
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = Arc::clone(&heads);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                open.spawn(async move {
                    let _ = one(stream, &*answer, &log).await;
                });
            }
        });
        Self { url, heads, _tasks: tasks }
    }

    /// First lines and headers of what was asked.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// One request a connection: what follows a broken answer must not be read as the next.
async fn one(
    mut stream: TcpStream,
    answer: &Answering,
    log: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await?;
    let number = {
        let mut log = log.lock().unwrap();
        log.push(head.clone());
        log.len() - 1
    };
    stream.write_all(answer(number, &head).as_bytes()).await?;
    stream.shutdown().await
}

/// An answer of this status, content type and body.
pub fn answer(status: u16, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

/// A good answer with this JSON.
pub fn json(body: &str) -> String {
    answer(200, "application/json", body)
}

/// A good answer that ends with the connection; `{SELF}` in it is the server's own address.
pub fn page(body: &str) -> String {
    format!("HTTP/1.1 200 X\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{body}")
}
