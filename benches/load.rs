//! The load: requests over keep-alive connections, as fast as they are answered or at the hours a Poisson process gives.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::kit;

/// Writes the n-th request, head and body.
pub type Requests = Arc<dyn Fn(u64, &mut Vec<u8>) + Send + Sync>;

/// What the load saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// How long each request took, µs; in the open loop from the moment it was due.
    pub took: Vec<f64>,
    /// The last body, to be looked at when something is wrong.
    pub last: Vec<u8>,
}

impl Seen {
    /// Panics if any answer had another status.
    pub fn expect(&self, status: u16) {
        let others = self.statuses.keys().any(|found| *found != status);
        assert!(!others, "{:?}, the last: {}", self.statuses, String::from_utf8_lossy(&self.last));
    }
}

/// A keep-alive connection.
struct Line {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Line {
    async fn open(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, input: Vec::with_capacity(8 << 10) }
    }

    /// Sends a request; the status, and the body's bytes in `self.input` from the given place.
    async fn ask(&mut self, request: &[u8]) -> (u16, usize) {
        self.stream.write_all(request).await.unwrap();
        self.input.clear();
        loop {
            if let Some(head) = self.input.windows(4).position(|four| four == b"\r\n\r\n") {
                let text = String::from_utf8_lossy(&self.input[..head]).into_owned();
                let status = text.split(' ').nth(1).unwrap().parse().unwrap();
                let length = text
                    .lines()
                    .find_map(|line| {
                        line.to_ascii_lowercase()
                            .strip_prefix("content-length:")?
                            .trim()
                            .parse::<usize>()
                            .ok()
                    })
                    .unwrap_or(0);
                while self.input.len() < head + 4 + length {
                    assert!(
                        self.stream.read_buf(&mut self.input).await.unwrap() > 0,
                        "the server hung up"
                    );
                }
                return (status, head + 4);
            }
            assert!(self.stream.read_buf(&mut self.input).await.unwrap() > 0, "the server hung up");
        }
    }
}

/// One request on a connection of its own.
pub async fn once(to: SocketAddr, request: &[u8]) -> (u16, Vec<u8>) {
    let mut line = Line::open(to).await;
    let (status, body) = line.ask(request).await;
    (status, line.input[body..].to_vec())
}

/// Sends the requests `first..first + count` over so many connections, each the next as soon as it is answered.
pub async fn closed(
    to: SocketAddr,
    connections: usize,
    first: u64,
    count: u64,
    requests: &Requests,
) -> Seen {
    let next = Arc::new(AtomicU64::new(first));
    let end = first + count;
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let (next, requests) = (Arc::clone(&next), Arc::clone(requests));
        tasks.spawn(async move {
            let (mut line, mut seen, mut request) =
                (Line::open(to).await, Seen::default(), Vec::new());
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= end {
                    return seen;
                }
                request.clear();
                requests(number, &mut request);
                let begun = Instant::now();
                let (status, body) = line.ask(&request).await;
                seen.took.push(kit::micros(begun.elapsed()));
                *seen.statuses.entry(status).or_default() += 1;
                seen.last = line.input[body..].to_vec();
            }
        });
    }
    gathered(tasks).await
}

/// Sends requests at `rate` a second for some seconds; each takes the next free of so many connections.
pub async fn open(
    to: SocketAddr,
    connections: usize,
    first: u64,
    rate: f64,
    seconds: f64,
    requests: &Requests,
) -> Seen {
    let arrivals = Arc::new(tokio::sync::Mutex::new((Arrivals::start(rate), first)));
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let (arrivals, requests) = (Arc::clone(&arrivals), Arc::clone(requests));
        tasks.spawn(async move {
            let (mut line, mut seen, mut request) =
                (Line::open(to).await, Seen::default(), Vec::new());
            loop {
                let (due, number) = {
                    let mut arrivals = arrivals.lock().await;
                    arrivals.1 += 1;
                    (arrivals.0.next().await, arrivals.1)
                };
                let Some(due) = due.filter(|due| *due < end) else { return seen };
                request.clear();
                requests(number, &mut request);
                let (status, body) = line.ask(&request).await;
                seen.took.push(kit::micros(due.elapsed()));
                *seen.statuses.entry(status).or_default() += 1;
                seen.last = line.input[body..].to_vec();
            }
        });
    }
    gathered(tasks).await
}

async fn gathered(mut tasks: JoinSet<Seen>) -> Seen {
    let mut all = Seen::default();
    while let Some(one) = tasks.join_next().await {
        let one = one.unwrap();
        all.took.extend(one.took);
        all.last = one.last;
        for (status, count) in one.statuses {
            *all.statuses.entry(status).or_default() += count;
        }
    }
    all
}

/// The hours of a Poisson process, told by a thread of its own: the runtime's clock ticks in milliseconds.
pub struct Arrivals {
    due: mpsc::UnboundedReceiver<Instant>,
    stop: Arc<Mutex<bool>>,
}

impl Arrivals {
    /// So many a second on average.
    pub fn start(rate: f64) -> Self {
        let (tell, due) = mpsc::unbounded_channel();
        let stop = Arc::new(Mutex::new(false));
        let stopped = Arc::clone(&stop);
        thread::spawn(move || {
            let mut dice = portcullis::simulator::company::Dice::new(42);
            let mut next = Instant::now();
            while !*stopped.lock().unwrap() {
                let even = (dice.roll() >> 11) as f64 / (1_u64 << 53) as f64;
                next += Duration::from_secs_f64(-(1.0 - even).ln() / rate);
                thread::sleep(next.saturating_duration_since(Instant::now()));
                if tell.send(next).is_err() {
                    return;
                }
            }
        });
        Self { due, stop }
    }

    /// When the next one is due; comes back at that hour.
    pub async fn next(&mut self) -> Option<Instant> {
        self.due.recv().await
    }
}

impl Drop for Arrivals {
    fn drop(&mut self) {
        *self.stop.lock().unwrap() = true;
    }
}
