//! Which calls a program may make: seccomp, with a list of those that it takes to turn one video into another.
//!
//! Everything else is answered as by a kernel that does not know it, which libraries are prepared for: sockets, other
//! processes, links, owners and rights of files, devices, and whatever kernels will learn.

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

/// Refuses every call that is not listed, for good; says what the kernel lacks for it.
pub(super) fn restrict() -> Result<(), String> {
    let program = filter().map_err(|error| error.to_string())?;
    seccompiler::apply_filter(&program).map_err(|error| error.to_string())
}

fn filter() -> Result<BpfProgram, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        FREE.iter().chain(OLD_NAMES).map(|call| (*call, vec![])).collect();
    rules.extend(bounded()?);
    let unknown = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    // What does not match is refused; a call of another architecture ends the process.
    SeccompFilter::new(
        rules,
        unknown,
        SeccompAction::Allow,
        TargetArch::try_from(std::env::consts::ARCH)?,
    )?
    .try_into()
}

/// Calls that are allowed with certain arguments only. `clone3` is not among them: its flags lie where no filter can
/// look, and libraries fall back to `clone`.
fn bounded() -> Result<Vec<(i64, Vec<SeccompRule>)>, BackendError> {
    const THREAD: u64 = libc::CLONE_THREAD.unsigned_abs() as u64;
    let own = u64::from(std::process::id());
    Ok(vec![
        // Threads, no processes.
        (
            libc::SYS_clone,
            vec![rule(0, SeccompCmpOp::MaskedEq(THREAD), THREAD)?],
        ),
        // Signals and limits of its own.
        (libc::SYS_kill, vec![equal(0, own)?]),
        (libc::SYS_tgkill, vec![equal(0, own)?]),
        (libc::SYS_prlimit64, vec![equal(0, 0)?]),
        // The name of a thread or of its memory; not the signal at the death of the parent.
        (libc::SYS_prctl, any(0, &PRCTL)?),
        // Is it a terminal, how much is there to read, is it closed on exec.
        (libc::SYS_ioctl, any(1, &IOCTL)?),
    ])
}

/// `linux/prctl.h`.
const PRCTL: [u64; 5] = [
    15,          // PR_SET_NAME
    16,          // PR_GET_NAME
    3,           // PR_GET_DUMPABLE
    23,          // PR_CAPBSET_READ
    0x5356_4d41, // PR_SET_VMA
];

/// `asm-generic/ioctls.h`.
const IOCTL: [u64; 3] = [
    0x5401, // TCGETS
    0x5413, // TIOCGWINSZ
    0x541b, // FIONREAD
];

fn any(argument: u8, values: &[u64]) -> Result<Vec<SeccompRule>, BackendError> {
    values.iter().map(|value| equal(argument, *value)).collect()
}

fn equal(argument: u8, value: u64) -> Result<SeccompRule, BackendError> {
    rule(argument, SeccompCmpOp::Eq, value)
}

fn rule(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompRule, BackendError> {
    // All of these arguments are numbers of 32 bits; what stands above them is not the kernel's to read.
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)?;
    SeccompRule::new(vec![condition])
}

/// Calls that do no harm with whatever arguments, as far as files are closed by Landlock.
const FREE: &[i64] = &[
    // Memory.
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_msync,
    libc::SYS_mincore,
    libc::SYS_mlock,
    libc::SYS_munlock,
    libc::SYS_membarrier,
    libc::SYS_mbind,
    libc::SYS_get_mempolicy,
    libc::SYS_set_mempolicy,
    // Files.
    libc::SYS_openat,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_chdir,
    libc::SYS_renameat2,
    libc::SYS_unlinkat,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_fadvise64,
    libc::SYS_flock,
    libc::SYS_fcntl,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_umask,
    libc::SYS_sendfile,
    libc::SYS_copy_file_range,
    // Waiting.
    libc::SYS_pipe2,
    libc::SYS_eventfd2,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_futex,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_restart_syscall,
    // Threads.
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_gettid,
    libc::SYS_set_tid_address,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_getcpu,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_get_priority_max,
    libc::SYS_sched_get_priority_min,
    libc::SYS_getpriority,
    // Signals.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_rt_sigsuspend,
    libc::SYS_sigaltstack,
    libc::SYS_setitimer,
    libc::SYS_getitimer,
    // Time, chance, and who and where it is.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_gettimeofday,
    libc::SYS_times,
    libc::SYS_getrusage,
    libc::SYS_getrandom,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    // Becoming the program. Whatever it became afterwards, it would be in here.
    libc::SYS_execve,
];

/// What only x86-64 has: names from before the calls that take a folder, and what keeps its registers.
#[cfg(target_arch = "x86_64")]
const OLD_NAMES: &[i64] = &[
    libc::SYS_arch_prctl,
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_getdents,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_unlink,
    libc::SYS_dup2,
    libc::SYS_pipe,
    libc::SYS_eventfd,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_epoll_create,
    libc::SYS_epoll_wait,
    libc::SYS_time,
    libc::SYS_pause,
    libc::SYS_alarm,
    libc::SYS_getrlimit,
];

/// `renameat` (`asm-generic/unistd.h`), which glibc still calls and the crate has no name for.
#[cfg(target_arch = "aarch64")]
const OLD_NAMES: &[i64] = &[38];

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const OLD_NAMES: &[i64] = &[];
