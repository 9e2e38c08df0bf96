//! What Linux can take away from a process, layer by layer.

mod calls;
mod files;

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::parent_id;
use std::path::Path;

use rustix::process::{Signal, geteuid, set_parent_process_death_signal};
use rustix::thread::{UnshareFlags, set_no_new_privs};

use super::{Layer, LayerName, Mode, Program, Report, Sandbox, SandboxError, limits};

/// Gives up everything that the sandbox does not allow, for good. The order matters: each step needs what the later
/// ones take away.
pub(super) fn restrict(sandbox: &Sandbox, program: Option<&Program>) -> Result<Report, SandboxError> {
    if sandbox.mode == Mode::Off {
        die_with(sandbox.parent)?;
        limits::set(sandbox)?;
        return Ok(Report::default());
    }
    let namespaces = separate(sandbox);
    if namespaces.is_ok() {
        limits::set_threads()?;
    }
    // After the namespaces, which would undo it.
    die_with(sandbox.parent)?;
    limits::set(sandbox)?;
    let files = set_no_new_privs(true)
        .map_err(|error| error.to_string())
        .and_then(|()| files::restrict(sandbox, program));
    let calls = calls::restrict();
    let layer = |name, result: Result<(), String>| Layer {
        name,
        problem: result.err(),
    };
    Ok(Report {
        layers: vec![
            layer(LayerName::Files, files),
            layer(LayerName::Calls, calls),
            layer(LayerName::Namespaces, namespaces),
        ],
    })
}

/// Is killed when the thread that started it ends, which it does at the latest with its process. The threads of a
/// runtime live as long as the runtime does.
fn die_with(parent: u32) -> Result<(), SandboxError> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|source| SandboxError::Limit {
        limit: "life without a parent",
        source: source.into(),
    })?;
    // It may have ended before we asked.
    if parent_id() == parent {
        Ok(())
    } else {
        Err(SandboxError::Orphaned)
    }
}

/// Moves into a network, a set of users and of shared memory of its own. Privileges end there: they are privileges over
/// the new users only.
fn separate(sandbox: &Sandbox) -> Result<(), String> {
    let needed = sandbox.reads.iter().chain(&sandbox.writes);
    if needed.clone().any(|path| !is_reachable_without_privileges(path)) {
        return Err("root reaches the media with its privileges only".to_owned());
    }
    #[expect(
        deprecated,
        reason = "its heir is unsafe, for the sake of a flag that is not among these"
    )]
    let separated =
        rustix::thread::unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNET | UnshareFlags::NEWIPC);
    separated.map_err(|error| error.to_string())
}

/// Root may open what is not its own, but no longer in a namespace; everybody else loses nothing there.
fn is_reachable_without_privileges(path: &Path) -> bool {
    const OTHERS_MAY_READ: u32 = 0o004;
    const OTHERS_MAY_ENTER: u32 = 0o001;
    if !geteuid().is_root() {
        return true;
    }
    let may = |path: &Path, right: u32| {
        path.metadata()
            .is_ok_and(|found| found.uid() == 0 || found.mode() & right != 0)
    };
    may(path, OTHERS_MAY_READ)
        && path
            .ancestors()
            .skip(1)
            .all(|folder| may(folder, OTHERS_MAY_ENTER))
}
