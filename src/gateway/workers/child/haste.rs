//! Loading beside workers that serve: compiling takes a core for ten milliseconds, and on two cores that was every tenth
//! answer late. A thread of its own does it that lets all others go first; a thread that was made lower may not be raised
//! again, so the one that serves stays as it was.

use rustix::process::setpriority_process;

use crate::gateway::workers::cage::ASIDE;

/// Whether anybody is served meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Haste {
    /// Nobody is: at the start. A reload too does not wait: its checks take long, and its deadline is near.
    Now,
    /// Others serve: a worker is replaced.
    Aside,
}

impl Haste {
    /// Runs `work`, aside on a thread of its own. Where the system does not let a thread be lowered it runs as it is. The
    /// error: no thread could be started, or `work` panicked.
    pub fn run<T: Send>(self, work: impl FnOnce() -> T + Send) -> std::io::Result<T> {
        if self == Self::Now {
            return Ok(work());
        }
        std::thread::scope(|scope| {
            let lowered = || {
                // Of this thread alone: on Linux a niceness is a thread's.
                let _ = setpriority_process(None, ASIDE);
                work()
            };
            let thread = std::thread::Builder::new().spawn_scoped(scope, lowered)?;
            thread.join().map_err(|_| std::io::Error::other("loading gave up"))
        })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::getpriority_process;

    use crate::gateway::workers::cage::ASIDE;
    use crate::gateway::workers::child::Haste;

    #[test]
    fn only_the_thread_that_loads_is_lowered() {
        let nice = || getpriority_process(None).unwrap();
        let before = nice();
        assert_eq!(Haste::Now.run(nice).unwrap(), before);
        assert_eq!(Haste::Aside.run(nice).unwrap(), ASIDE.max(before));
        assert_eq!(nice(), before);
    }
}
