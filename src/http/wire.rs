//! The bytes of one connection, with the deadlines that no parser can forget.
//!
//! hyper knows one deadline, for a head; it counts the idle time before it too, and nothing bounds a client that does
//! not read its answer. Here every wait on the socket belongs to a [`Phase`], and every phase but `Busy` (a door is at
//! work; its own deadline holds) has a limit that starts when the phase does and is not renewed by progress, so that
//! one byte a second does not keep a connection. It is deliberately blind to what the bytes mean: that is `framing`.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Context;
use std::task::Poll;
use std::task::ready;
use std::time::Duration;

use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio::time::Instant;
use tokio::time::Sleep;

use crate::http::framing::Fault;
use crate::http::framing::Framing;
use crate::http::framing::Seen;
use crate::http::listener::Limits;

/// What a connection is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// A head has begun, or the connection is new.
    Head = 0,
    /// Between two requests.
    Idle = 1,
    /// A door is at work.
    Busy = 2,
    /// The client takes its answer.
    Answer = 3,
}

impl Phase {
    fn of(raw: u8) -> Self {
        match raw {
            1 => Self::Idle,
            2 => Self::Busy,
            3 => Self::Answer,
            _ => Self::Head,
        }
    }
}

/// What the wire and the requests of one connection tell each other. Both run in one task, so the order of the
/// atomics does not matter; they are atomics only because that task may move between threads.
#[derive(Debug)]
pub(super) struct Line {
    phase: AtomicU8,
    turn: AtomicU64,
    served: AtomicU64,
    expired: AtomicU8,
    goes_on: AtomicBool,
    seen: Mutex<Seen>,
}

const NOT_EXPIRED: u8 = u8::MAX;

/// What is to be done with a request that has arrived whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Serve,
    ServeAndClose,
    Refuse(Fault),
}

impl Line {
    fn new() -> Self {
        Self {
            phase: AtomicU8::new(Phase::Head as u8),
            turn: AtomicU64::new(0),
            served: AtomicU64::new(0),
            expired: AtomicU8::new(NOT_EXPIRED),
            goes_on: AtomicBool::new(false),
            seen: Mutex::new(Seen::default()),
        }
    }

    fn phase(&self) -> Phase {
        Phase::of(self.phase.load(Relaxed))
    }

    fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Relaxed);
        self.turn.fetch_add(1, Relaxed);
    }

    /// A request has arrived: counts it and says what to do with it.
    pub(super) fn begin(&self) -> Turn {
        self.enter(Phase::Busy);
        let number = self.served.fetch_add(1, Relaxed);
        let seen = *self.seen();
        match (seen.fault, seen.last) {
            (Some((from, fault)), _) if number >= from => Turn::Refuse(fault),
            (_, Some(last)) if number >= last => Turn::ServeAndClose,
            (_, _) => Turn::Serve,
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // Held only to copy; nothing in between can panic.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The door has answered, or said more; from now on the client is the slow one.
    pub(super) fn answered(&self) {
        self.enter(Phase::Answer);
    }

    /// More will come of this answer: what is taken is not the end of it.
    pub(super) fn goes_on(&self) {
        self.goes_on.store(true, Relaxed);
    }

    /// That was all.
    pub(super) fn ends(&self) {
        self.goes_on.store(false, Relaxed);
        self.enter(Phase::Answer);
    }

    /// The phase whose limit ended this connection, if one did.
    pub(super) fn expired(&self) -> Option<Phase> {
        let raw = self.expired.load(Relaxed);
        (raw != NOT_EXPIRED).then(|| Phase::of(raw))
    }

    /// Whether a message on this connection could be read two ways.
    pub(super) fn is_faulty(&self) -> bool {
        self.seen().fault.is_some()
    }
}

/// A socket (or a TLS stream over one) under watch.
pub(super) struct Wire<S> {
    io: S,
    line: Arc<Line>,
    framing: Framing,
    sleep: Pin<Box<Sleep>>,
    armed: u64,
    limits: [Duration; 4],
}

impl<S> Wire<S> {
    /// Puts `io` under watch. The first head's time starts now.
    pub(super) fn new(io: S, limits: &Limits) -> Self {
        Self {
            io,
            line: Arc::new(Line::new()),
            framing: Framing::new(limits.head_bytes),
            sleep: Box::pin(tokio::time::sleep(limits.head)),
            armed: 0,
            limits: [limits.head, limits.idle, Duration::MAX, limits.answer],
        }
    }

    /// The other end of the string, for the requests.
    pub(super) fn line(&self) -> Arc<Line> {
        Arc::clone(&self.line)
    }

    /// The bare socket, for the goodbye.
    pub(super) fn into_io(self) -> S {
        self.io
    }

    fn look(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.line.phase() == Phase::Idle {
            self.line.enter(Phase::Head);
        }
        let seen = self.framing.feed(bytes);
        *self.line.seen() = seen;
    }

    /// Everything is written. hyper need not read again before the socket wakes it, so the next deadline is armed
    /// here; otherwise a client that goes silent after its answer would stay for ever.
    fn answer_taken(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.line.phase() != Phase::Answer {
            return Poll::Pending;
        }
        if self.line.goes_on.load(Relaxed) {
            // The door makes the next piece, in its own time.
            self.line.enter(Phase::Busy);
            return Poll::Pending;
        }
        let begun = self.framing.has_begun_beyond(self.line.served.load(Relaxed));
        self.line.enter(if begun { Phase::Head } else { Phase::Idle });
        self.wait(cx)
    }

    /// The socket has nothing for us: is the phase's time up?
    fn wait<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let (phase, turn) = (self.line.phase(), self.line.turn.load(Relaxed));
        if phase == Phase::Busy {
            return Poll::Pending;
        }
        if self.armed != turn {
            let limit = self.limits.get(phase as usize).copied().unwrap_or_default();
            self.sleep.as_mut().reset(Instant::now() + limit);
            self.armed = turn;
        }
        ready!(self.sleep.as_mut().poll(cx));
        self.line.expired.store(phase as u8, Relaxed);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        match Pin::new(&mut this.io).poll_read(cx, buf) {
            Poll::Ready(done) => {
                this.look(buf.filled().get(before..).unwrap_or_default());
                Poll::Ready(done)
            }
            Poll::Pending => this.wait(cx),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.io).poll_write(cx, bytes) {
            Poll::Pending => this.wait(cx),
            ready @ Poll::Ready(_) => ready,
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.io).poll_write_vectored(cx, slices) {
            Poll::Pending => this.wait(cx),
            ready @ Poll::Ready(_) => ready,
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.io).poll_flush(cx) {
            Poll::Pending => this.wait(cx),
            Poll::Ready(Ok(())) => match this.answer_taken(cx) {
                Poll::Ready(Err(late)) => Poll::Ready(Err(late)),
                Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(())),
            },
            Poll::Ready(Err(broken)) => Poll::Ready(Err(broken)),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}
