//! Which files a program may open: Landlock, in kernels since 5.13.
//!
//! What older versions of Landlock do not know (sockets, signals, `truncate`) is refused as a call.

use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope, make_bitflags, path_beneath_rules,
};

use super::super::{Program, Sandbox};

/// The newest version that has something to take away.
const VERSION: ABI = ABI::V6;

/// Libraries, and what they ask about the machine: processors, memory, randomness.
const SYSTEM: [&str; 19] = [
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/local/lib",
    "/nix/store",
    "/gnu/store",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/etc/ld-musl-x86_64.path",
    "/etc/ld-musl-aarch64.path",
    "/dev/urandom",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/filesystems",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
];

const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
const EXECUTE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | Execute});
/// Neither links, which the server would follow to files of its own, nor pipes, at which it would wait.
const WRITE: BitFlags<AccessFs> =
    make_bitflags!(AccessFs::{ReadFile | ReadDir | WriteFile | Truncate | MakeReg | RemoveFile});

/// Closes every file that is not named here, for good; says what the kernel lacks for it.
pub(super) fn restrict(sandbox: &Sandbox, program: Option<&Program>) -> Result<(), String> {
    match enforce(sandbox, program) {
        Ok(RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced) => Ok(()),
        Ok(RulesetStatus::NotEnforced) => {
            Err("the kernel has no Landlock, or it is not switched on".to_owned())
        }
        Err(error) => Err(error.to_string()),
    }
}

fn enforce(sandbox: &Sandbox, program: Option<&Program>) -> Result<RulesetStatus, RulesetError> {
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(VERSION))?
        .handle_access(AccessNet::from_all(VERSION))?
        .scope(Scope::from_all(VERSION))?
        .create()?
        .add_rules(path_beneath_rules(SYSTEM, READ))?
        .add_rules(path_beneath_rules(
            program.map(libraries).unwrap_or_default(),
            READ,
        ))?
        .add_rules(path_beneath_rules(
            program.map(executables).unwrap_or_default(),
            EXECUTE,
        ))?
        .add_rules(path_beneath_rules(["/dev/null"], READ | AccessFs::WriteFile))?
        .add_rules(path_beneath_rules(&sandbox.reads, READ))?
        .add_rules(path_beneath_rules(&sandbox.writes, WRITE))?
        .restrict_self()?;
    Ok(status.ruleset)
}

/// The program and what loads it.
fn executables(program: &Program) -> Vec<PathBuf> {
    std::iter::once(program.file.clone())
        .chain(program.loader.clone())
        .collect()
}

/// Where programs that bring their own libraries keep them.
fn libraries(program: &Program) -> Vec<PathBuf> {
    let folder = program.file.parent();
    let beside = folder.map(|folder| folder.join("lib"));
    let above = folder.and_then(|folder| Some(folder.parent()?.join("lib")));
    beside.into_iter().chain(above).collect()
}
