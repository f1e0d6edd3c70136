//! Who may connect, how many, and for how long: the accept loop under both listeners.
//!
//! An own loop, because the ready-made ones set no deadline before the first request and no cap. A connection holds
//! its permit for as long as it lives; when all are taken, accepting waits and the kernel's queue fills, so that
//! overload is felt outside and not as memory inside. Every task is owned here; nothing outlives [`serve`].
//!
//! It is deliberately ignorant of routes: one [`Service`] answers every request.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;
use tokio::sync::watch;
use tokio::task::JoinError;
use tokio::task::JoinSet;

use crate::http::answer::Answer;
use crate::http::connection;
use crate::http::meter::Ending;
use crate::http::meter::Meter;
use crate::http::problem::RequestId;
use crate::http::tls::Tls;

/// What one listener allows. Each field's doc says its default and what breaks without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time. Default 8,192: room for 5,000 that do nothing and the good ones beside them; about
    /// 10 KiB each while idle. Without it, file descriptors and memory run out.
    pub connections: usize,
    /// From accept to the end of the TLS handshake. Default 5 s.
    pub handshake: Duration,
    /// From the first byte of a head to its end; on a new connection from the moment it is open, so that a client
    /// that sends nothing is closed too. Default 10 s, the patience of Bitbucket itself.
    pub head: Duration,
    /// Between an answer and the first byte of the next request. Default 75 s: longer than the 60 s of common load
    /// balancers, which otherwise meet a connection that we close as they use it.
    pub idle: Duration,
    /// For a whole body. Default 10 s; the doors hand it to [`body::read`](crate::http::body::read).
    pub body: Duration,
    /// For a whole request, from its head to the door's answer. Default 60 s: above the longest wait a door offers.
    pub request: Duration,
    /// For the client to take an answer, whatever its size. Default 30 s. Without it, one that never reads holds its
    /// permit for ever.
    pub answer: Duration,
    /// For the client to finish its sentence after our last word. Default 1 s. Without it, bytes still under way meet
    /// a closed socket, and the kernel's reset can destroy the answer (a 413, say) before the client has read it.
    pub linger: Duration,
    /// For requests in flight once a drain has begun. Default 20 s, below the 30 s after which orchestrators kill.
    pub drain: Duration,
    /// Bytes of a head, request line and all headers; exact. Default 32 KiB, at least 8 KiB. Above it 431.
    pub head_bytes: usize,
    /// Headers of a request. Default 100 (any other number costs an allocation a request). Above it 431.
    pub headers: usize,
    /// Bytes of path and query. Default 8 KiB. Above it 414.
    pub uri_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 8_192,
            handshake: Duration::from_secs(5),
            head: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            body: Duration::from_secs(10),
            request: Duration::from_mins(1),
            answer: Duration::from_secs(30),
            linger: Duration::from_secs(1),
            drain: Duration::from_secs(20),
            head_bytes: 32 * 1024,
            headers: 100,
            uri_bytes: 8 * 1024,
        }
    }
}

/// Where a request came from, and its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// The socket's other end: a load balancer's, where there is one. Headers that claim another are not believed.
    pub from: SocketAddr,
    /// Whether the connection is encrypted up to us.
    pub channel: Channel,
    /// Stands in the answer's `x-request-id` and in the log.
    pub id: RequestId,
}

/// How the bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Readable on the way.
    Plain,
    /// TLS ends here.
    Tls,
}

/// An answer in the making.
pub type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Answers every request of a listener. It cannot fail: a failure is an answer too. What it panics with is logged,
/// costs that one connection and is answered 500.
///
/// The answering is dropped at whatever await it has reached when the client goes away, when [`Limits::request`] is
/// over, or when a drain's time is up: what must be finished once begun belongs to a task of somebody else.
pub type Service = Arc<dyn Fn(Request<Incoming>, Visit) -> Answering + Send + Sync>;

/// Makes a [`Service`] from an async closure.
pub fn service<F, A>(answer: F) -> Service
where
    F: Fn(Request<Incoming>, Visit) -> A + Send + Sync + 'static,
    A: Future<Output = Answer> + Send + 'static,
{
    Arc::new(move |request, visit| Box::pin(answer(request, visit)))
}

/// What a listener needs besides its socket.
pub struct Doorway {
    /// What it allows.
    pub limits: Limits,
    /// Who answers.
    pub service: Service,
    /// What is counted.
    pub meter: Meter,
    /// Plain, or with this certificate.
    pub security: Security,
}

/// Whether a listener speaks TLS.
#[derive(Debug, Clone)]
pub enum Security {
    /// Plain HTTP: loopback, or behind a proxy that ends TLS.
    Plain,
    /// TLS with the certificate that is current when a connection arrives.
    Tls(Arc<Tls>),
}

/// What the owner of a listener wants of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Accept and answer.
    Open,
    /// Accept nothing new, finish what is in flight, end.
    Draining,
}

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every request in flight got its answer.
    Whole,
    /// Time was up for this many connections.
    Cut(usize),
}

/// A pause after a failed accept. Without it, running out of file descriptors turns the loop into a busy one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts and answers until `stage` says [`Stage::Draining`] or its sender is gone, then drains. Once draining, the
/// socket is closed: a new connection is refused by the kernel.
pub async fn serve(
    listener: TcpListener,
    doorway: Arc<Doorway>,
    mut stage: watch::Receiver<Stage>,
) -> Drained {
    let permits = Arc::new(Semaphore::new(doorway.limits.connections));
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = draining(&mut stage) => break,
            Some(ended) = tasks.join_next() => settle(&doorway.meter, ended),
            arrived = next(&listener, &permits) => {
                let (stream, from, permit) = arrived;
                let (doorway, stage) = (Arc::clone(&doorway), stage.clone());
                tasks.spawn(async move {
                    let ending = connection::keep(stream, from, &doorway, stage).await;
                    drop(permit);
                    ending
                });
            }
        }
    }
    drop(listener);
    drain(tasks, &doorway).await
}

/// Comes back when it is time to drain.
pub(super) async fn draining(stage: &mut watch::Receiver<Stage>) {
    // An error means that the sender is gone: nobody is left who could ask for more.
    let _ = stage.wait_for(|stage| *stage == Stage::Draining).await;
}

/// The next connection that there is room for. May be dropped at any await without losing one.
async fn next(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let mut said = false;
    loop {
        let permit = Arc::clone(permits).acquire_owned().await;
        match (listener.accept().await, permit) {
            (Ok((stream, from)), Ok(permit)) => return (stream, from, permit),
            (Err(error), _) if !said => {
                tracing::warn!(%error, "cannot accept connections; trying again until it works");
                said = true;
            }
            // Said already; or the semaphore is closed, which nobody does.
            (Err(_), _) | (Ok(_), Err(_)) => {}
        }
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

fn settle(meter: &Meter, ended: Result<Ending, JoinError>) {
    match ended {
        Ok(ending) => meter.ended(ending),
        Err(error) if error.is_panic() => {
            tracing::error!(%error, "a connection's task fell over");
            meter.ended(Ending::Panicked);
        }
        Err(_) => meter.ended(Ending::Cut),
    }
}

async fn drain(mut tasks: JoinSet<Ending>, doorway: &Doorway) -> Drained {
    let finish = async {
        while let Some(ended) = tasks.join_next().await {
            settle(&doorway.meter, ended);
        }
    };
    if tokio::time::timeout(doorway.limits.drain, finish).await.is_ok() {
        return Drained::Whole;
    }
    let cut = tasks.len();
    tasks.abort_all();
    while let Some(ended) = tasks.join_next().await {
        settle(&doorway.meter, ended);
    }
    Drained::Cut(cut)
}
