//! The cage a worker puts itself into before it reads its first byte: no memory beyond a cap, no core files, no files,
//! no network, no new programs. The engine can abort and can be asked for 24 GB; in here that hurts nobody.

use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::Resource;
use rustix::process::Rlimit;
use rustix::process::setrlimit;

/// Address space of a worker. Below it the largest shipped bundle does not load; above it a hostile rule can take
/// that much memory from its neighbours.
pub const MAX_MEMORY_BYTES: u64 = 256 << 20;

/// Open files of a worker: its socket, and what the runtime holds.
pub const MAX_FILES: u64 = 16;

/// How well the cage closes, for `/readyz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Sets the limits on this process and executes the same program again, because limits bind only memory mapped after
/// them. Returns only if that failed.
pub fn limit_and_start_again(program: &std::path::Path, arguments: &[&str]) -> std::io::Error {
    let limits = [
        (Resource::As, MAX_MEMORY_BYTES),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nofile, MAX_FILES),
    ];
    for (resource, limit) in limits {
        let limit = Rlimit { current: Some(limit), maximum: Some(limit) };
        if let Err(error) = setrlimit(resource, limit) {
            return error.into();
        }
    }
    Command::new(program).args(arguments).env_clear().current_dir("/").exec()
}

/// Closes files and network for the rest of this process's life.
#[cfg(target_os = "linux")]
pub fn close() -> Sandbox {
    let files = close_files();
    let calls = close_calls();
    if files && calls { Sandbox::Full } else { Sandbox::Partial }
}

/// Closes what this system can close: beyond limits, nothing.
#[cfg(not(target_os = "linux"))]
pub fn close() -> Sandbox {
    Sandbox::Partial
}

/// Landlock: no path may be opened. Kernels without it leave this to the system-call filter, and `/readyz` says so.
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

/// Seccomp: system calls that open files, sockets or programs answer "not permitted".
#[cfg(target_os = "linux")]
fn close_calls() -> bool {
    use seccompiler::BpfProgram;
    use seccompiler::SeccompAction;
    use seccompiler::SeccompFilter;
    use seccompiler::TargetArch;
    let Ok(arch) = TargetArch::try_from(std::env::consts::ARCH) else { return false };
    let rules = closed_calls().into_iter().map(|call| (call, Vec::new())).collect();
    let denied = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, denied, arch);
    let program = filter.and_then(|filter| BpfProgram::try_from(filter));
    program.is_ok_and(|program| seccompiler::apply_filter(&program).is_ok())
}

#[cfg(target_os = "linux")]
fn closed_calls() -> Vec<i64> {
    let mut calls = vec![
        libc::SYS_socket,
        libc::SYS_socketpair,
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_listen,
        libc::SYS_accept,
        libc::SYS_accept4,
        libc::SYS_openat,
        libc::SYS_openat2,
        libc::SYS_open_by_handle_at,
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_mount,
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_bpf,
        libc::SYS_io_uring_setup,
        libc::SYS_keyctl,
        libc::SYS_kill,
        libc::SYS_pidfd_open,
        libc::SYS_memfd_create,
    ];
    // The old names of open and fork, where the machine still has them.
    #[cfg(target_arch = "x86_64")]
    calls.extend([libc::SYS_open, libc::SYS_creat, libc::SYS_fork, libc::SYS_vfork]);
    calls
}
