//! The sandbox around a program that reads what strangers upload.
//!
//! Promises: it reads its source and what it needs of the system, writes into its own folder only, has no network,
//! starts nothing, costs no more than it may, and never outlives the program that started it.
//!
//! Nothing of this can be done to a child from outside without unsafe code, so that this program starts itself under
//! a hidden verb, gives up what the child shall not have, and then becomes the child: [`run`].

#[cfg(target_os = "linux")]
mod linux;

mod limits;
mod program;
mod report;

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::{CommandExt, parent_id};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use serde::{Deserialize, Serialize};

use program::Program;
pub use report::{Layer, LayerName, Report};

/// The hidden verb, under which this program becomes another one.
pub const VERB: &str = "sandbox";

/// Asks for what this machine offers, instead of naming a program to become.
const EXAMINE: &str = "--examine";

/// Where programs are looked for that are named without a folder.
pub const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The exit code when the sandbox failed; this one and the next two are those of `env` and `nice`.
pub const FAILED: u8 = 125;
/// The exit code when the program cannot be executed.
pub const NOT_EXECUTABLE: u8 = 126;
/// The exit code when the program is not there.
pub const NOT_FOUND: u8 = 127;

/// How much of the sandbox there shall be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Every layer that the machine offers.
    #[default]
    Auto,
    /// As `Auto`, and nothing starts where files or calls cannot be restricted.
    Required,
    /// Limits of memory, time and output only: for an ffmpeg that is a script, or that needs devices.
    Off,
}

/// What a program may touch and what it may cost.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sandbox {
    /// How much of it.
    pub mode: Mode,
    /// Files and folders that it may read, beside those of the system.
    pub reads: Vec<PathBuf>,
    /// The folder that it may write into.
    pub writes: Option<PathBuf>,
    /// Memory that it may address, in MiB.
    pub memory_mib: u64,
    /// Processor seconds that it may use.
    pub cpu_seconds: u64,
    /// The largest file that it may write, in MiB.
    pub output_mib: u64,
    /// The process that it must not outlive.
    pub parent: u32,
}

/// Why a program could not be started inside.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The description of the sandbox is not one.
    #[error("the sandbox cannot be described")]
    Undescribed(#[from] serde_json::Error),
    /// No program is named.
    #[error("no program is named")]
    Nameless,
    /// The program is nowhere.
    #[error("`{}` is not there", .0.display())]
    NotFound(PathBuf),
    /// The program is a script.
    #[error("`{}` is a script, which would have to start others; name the program itself, or set `encode.sandbox` to `off`", .0.display())]
    Script(PathBuf),
    /// The program cannot become this one.
    #[error("`{}` cannot be executed", program.display())]
    NotExecutable {
        /// The program.
        program: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// Whoever started this is gone.
    #[error("the parent has ended")]
    Orphaned,
    /// A limit cannot be set.
    #[error("the {limit} cannot be limited")]
    Limit {
        /// Of what.
        limit: &'static str,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A layer is required that the machine does not offer.
    #[error("`encode.sandbox` is `required`, and a layer is missing: {0}")]
    Missing(Layer),
}

impl SandboxError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::NotFound(_) => NOT_FOUND,
            Self::NotExecutable { .. } => NOT_EXECUTABLE,
            Self::Undescribed(_)
            | Self::Nameless
            | Self::Script(_)
            | Self::Orphaned
            | Self::Limit { .. }
            | Self::Missing(_) => FAILED,
        }
    }
}

impl Sandbox {
    /// What comes before the program and its arguments on the command line of this program.
    pub fn arguments(&self) -> Result<[String; 2], SandboxError> {
        Ok([VERB.to_owned(), serde_json::to_string(self)?])
    }

    /// Restricts files and calls to nothing, and costs to what the machine has.
    fn unlimited() -> Self {
        // As bytes, the largest that the kernel takes for a size and not for a negative number.
        const PLENTY: u64 = (i64::MAX >> 20).unsigned_abs();
        Self {
            mode: Mode::Auto,
            reads: vec![],
            writes: None,
            memory_mib: PLENTY,
            cpu_seconds: PLENTY,
            output_mib: PLENTY,
            parent: parent_id(),
        }
    }

    /// The command line that asks this program for a [`Report`].
    pub const EXAMINATION: [&'static str; 2] = [VERB, EXAMINE];

    /// Gives up, for good, what the sandbox does not allow.
    fn enter(&self, program: Option<&Program>) -> Result<Report, SandboxError> {
        limits::yield_to_others();
        let report = self.restrict(program)?;
        self.accept(&report)?;
        Ok(report)
    }

    /// Whether what the machine offers will do.
    fn accept(&self, report: &Report) -> Result<(), SandboxError> {
        let gap = report.missing().find(|layer| layer.name.is_essential());
        match (self.mode, gap) {
            (Mode::Required, Some(layer)) => Err(SandboxError::Missing(layer.clone())),
            (Mode::Required, None) | (Mode::Auto | Mode::Off, _) => Ok(()),
        }
    }

    #[cfg(target_os = "linux")]
    fn restrict(&self, program: Option<&Program>) -> Result<Report, SandboxError> {
        linux::restrict(self, program)
    }

    #[cfg(not(target_os = "linux"))]
    fn restrict(&self, _program: Option<&Program>) -> Result<Report, SandboxError> {
        limits::set(self)?;
        Ok(Report::nothing("only Linux can"))
    }
}

/// Becomes the program that the arguments after the verb name, inside of the sandbox that they describe; returns only
/// when that fails, or to report what there is.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    match start(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let cause =
                std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
            // Whoever reads this may be gone, and there is nobody else to tell.
            drop(writeln!(std::io::stderr(), "{error}{cause}"));
            ExitCode::from(error.exit_code())
        }
    }
}

fn start(mut arguments: impl Iterator<Item = OsString>) -> Result<(), SandboxError> {
    let description = arguments.next().unwrap_or_default();
    if description == EXAMINE {
        let report = Sandbox::unlimited().enter(None)?;
        return Ok(serde_json::to_writer(std::io::stdout(), &report)?);
    }
    let sandbox: Sandbox = serde_json::from_slice(description.as_encoded_bytes())?;
    let named = arguments.next().ok_or(SandboxError::Nameless)?;
    let program = Program::find(Path::new(&named))?;
    if sandbox.mode != Mode::Off && program.is_script {
        return Err(SandboxError::Script(program.path));
    }
    sandbox.enter(Some(&program))?;
    Err(become_program(program.path, arguments))
}

#[expect(
    clippy::disallowed_methods,
    reason = "starts no process: this one goes on as another program"
)]
fn become_program(program: PathBuf, arguments: impl Iterator<Item = OsString>) -> SandboxError {
    let source = Command::new(&program).args(arguments).exec();
    SandboxError::NotExecutable { program, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_required_sandbox_may_lack_only_what_others_stand_in_for() {
        let lacking = |name| Report {
            layers: vec![Layer {
                name,
                problem: Some("no".to_owned()),
            }],
        };
        let sandbox = |mode| Sandbox {
            mode,
            ..Sandbox::unlimited()
        };
        for (name, will_do) in [
            (LayerName::Files, false),
            (LayerName::Calls, false),
            (LayerName::Namespaces, true),
        ] {
            assert_eq!(
                sandbox(Mode::Required).accept(&lacking(name)).is_ok(),
                will_do,
                "{name}"
            );
            assert!(sandbox(Mode::Auto).accept(&lacking(name)).is_ok());
        }
    }
}
