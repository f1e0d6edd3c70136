//! The cage a worker puts itself into before it reads its first byte: no memory beyond a cap, no core files, no files,
//! no network, no new programs. The engine can abort and can be asked for 24 GB; in here that hurts nobody.

#[cfg(target_os = "linux")]
mod calls;

use rustix::process::Resource;
use rustix::process::Rlimit;
use rustix::process::setrlimit;
use serde::Deserialize;
use serde::Serialize;

/// Address space of a worker. Below it the largest shipped bundle does not load; above it a hostile rule can take
/// that much memory from its neighbours.
pub const MAX_MEMORY_BYTES: u64 = 256 << 20;

/// Open files of a worker: its socket, and what the runtime holds.
pub const MAX_FILES: u64 = 16;

/// The only variables a worker is started with: they keep its allocators from reserving address space that nobody uses. The GNU C
/// library takes 64 to 128 MiB for each thread's own heap, and mimalloc 128 MiB at a time (this says 32 MiB, in KiB):
/// with both, the cap is reached before a rule runs.
pub const SMALL_HEAPS: [(&str, &str); 2] =
    [("MALLOC_ARENA_MAX", "1"), ("MIMALLOC_ARENA_RESERVE", "32768")];

/// How well the cage closes, for `/readyz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sandbox {
    /// Limits, files and network.
    Full,
    /// Limits only, or not every lock held: this kernel cannot do more.
    Partial,
}

impl Sandbox {
    /// The word in `/readyz`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
        }
    }
}

/// Sets the limits on this process. What it holds already counts against them, so that a worker may do this itself, and
/// need not be started a second time behind them.
pub fn limit() -> std::io::Result<()> {
    let limits = [
        (Resource::As, MAX_MEMORY_BYTES),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nofile, MAX_FILES),
    ];
    for (resource, limit) in limits {
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
    }
    Ok(())
}

/// Closes files and network for the rest of this process's life. Call it before the process has a second thread: the
/// locks bind the calling thread and those it starts.
#[cfg(target_os = "linux")]
pub fn close() -> Sandbox {
    let files = close_files();
    let calls = calls::close();
    if files && calls { Sandbox::Full } else { Sandbox::Partial }
}

/// Closes what this system can close: beyond limits, nothing.
#[cfg(not(target_os = "linux"))]
pub fn close() -> Sandbox {
    Sandbox::Partial
}

/// Landlock: no path may be opened. Kernels without it leave this to the system-call filter alone, and `/readyz` says
/// so.
#[cfg(target_os = "linux")]
fn close_files() -> bool {
    use landlock::ABI;
    use landlock::Access;
    use landlock::AccessFs;
    use landlock::Ruleset;
    use landlock::RulesetAttr;
    use landlock::RulesetStatus;
    let closed = Ruleset::default()
        .handle_access(AccessFs::from_all(ABI::V1))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self);
    closed.is_ok_and(|status| status.ruleset == RulesetStatus::FullyEnforced)
}
