//! Answers on their way out: those of a batch are written together, but never held back longer than [`HOLD_BACK`],
//! even while the next question runs away. So the gateway knows whose turn it is when a deadline ends.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

/// Longest time an answer waits for its neighbours.
const HOLD_BACK: Duration = Duration::from_millis(1);

/// Stack of the thread that watches the clock. It sleeps and writes.
const STACK_BYTES: usize = 64 << 10;

/// Answers that wait, and the socket they go to.
#[derive(Debug)]
pub struct Held(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    socket: UnixStream,
    waiting: Mutex<Vec<u8>>,
    some: Condvar,
}

impl Held {
    /// Starts the thread that writes what waits too long.
    pub fn new(socket: UnixStream) -> std::io::Result<Self> {
        let waiting = Mutex::new(Vec::new());
        let inner = Arc::new(Inner { socket, waiting, some: Condvar::new() });
        let clock = Arc::clone(&inner);
        std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || clock.keep_time())?;
        Ok(Self(inner))
    }

    /// Takes an answer. It leaves with the next [`Held::flush`], or when it waited long enough.
    pub fn hold(&self, answer: &[u8]) {
        let mut waiting = self.0.lock();
        let was_empty = waiting.is_empty();
        waiting.extend_from_slice(answer);
        drop(waiting);
        if was_empty {
            self.0.some.notify_one();
        }
    }

    /// Writes what waits, and this behind it.
    pub fn flush(&self, last: &[u8]) -> std::io::Result<()> {
        let mut waiting = self.0.lock();
        if waiting.is_empty() {
            return (&self.0.socket).write_all(last);
        }
        waiting.extend_from_slice(last);
        self.0.write(&mut waiting)
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, waiting: &mut Vec<u8>) -> std::io::Result<()> {
        let written = (&self.socket).write_all(waiting);
        waiting.clear();
        written
    }

    fn keep_time(&self) {
        loop {
            let waiting = self.some.wait_while(self.lock(), |waiting| waiting.is_empty());
            drop(waiting);
            std::thread::sleep(HOLD_BACK);
            if self.write(&mut self.lock()).is_err() {
                // The gateway is gone; the thread that serves learns it from its own end of the socket.
                return;
            }
        }
    }
}
