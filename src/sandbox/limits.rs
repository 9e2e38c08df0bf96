//! What a program may cost: limits that every Unix has.

use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit};

use super::{Sandbox, SandboxError};

/// Whoever serves goes before whoever encodes.
const NICENESS: i32 = 5;
/// A source, some renditions, and the libraries on their way in.
const OPEN_FILES: u64 = 256;
/// More threads than any encoder starts, fewer than would fill a machine.
#[cfg(target_os = "linux")]
const THREADS: u64 = 4_096;

/// Leaves the processor to others, and is the first to go when the machine's memory runs out.
pub(super) fn yield_to_others() {
    // Neither is a promise: a process that may not have it runs all the same.
    nice(NICENESS).ok();
    std::fs::write("/proc/self/oom_score_adj", "500").ok();
}

/// Sets the limits of memory, processor time, output and open files.
pub(super) fn set(sandbox: &Sandbox) -> Result<(), SandboxError> {
    let bytes = |mib: u64| mib.saturating_mul(1 << 20);
    limit("size of files", Resource::Fsize, bytes(sandbox.output_mib))?;
    limit("processor time", Resource::Cpu, sandbox.cpu_seconds)?;
    limit("number of open files", Resource::Nofile, OPEN_FILES)?;
    // A dump would hold somebody's video, and lie where nobody looks.
    limit("size of dumps", Resource::Core, 0)?;
    limit("memory", Resource::As, bytes(sandbox.memory_mib))
}

/// Limits threads; elsewhere than in a user namespace that would count everything else of the user, too.
#[cfg(target_os = "linux")]
pub(super) fn set_threads() -> Result<(), SandboxError> {
    limit("number of threads", Resource::Nproc, THREADS)
}

/// The soft limit is the hard one, so that whoever exceeds it cannot catch the signal and carry on.
fn limit(limit: &'static str, resource: Resource, most: u64) -> Result<(), SandboxError> {
    // What the machine allows may already be less, and only root could raise it.
    let most = getrlimit(resource)
        .maximum
        .map_or(most, |allowed| allowed.min(most));
    let both = Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    setrlimit(resource, both).map_err(|source| SandboxError::Limit {
        limit,
        source: source.into(),
    })
}
