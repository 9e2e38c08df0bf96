//! The programs that read uploads, and what each run of them may touch and cost.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::sandbox::{Mode, Sandbox};

/// The programs and their limits.
#[derive(Clone, Debug)]
pub struct Tools {
    /// This program, which becomes the other two inside of the sandbox.
    pub launcher: PathBuf,
    /// The program that encodes.
    pub ffmpeg: PathBuf,
    /// The program that probes.
    pub ffprobe: PathBuf,
    /// The most pixels of a picture.
    pub max_pixels: u64,
    /// The longest source in seconds.
    pub max_seconds: u64,
    /// Memory that a process may address, in MiB.
    pub memory_mib: u64,
    /// Processor seconds that an encoding may use for each second of video.
    pub cpu_per_second: u64,
    /// What an encoding may write in all, in MiB.
    pub max_output_mib: u64,
    /// How much of a sandbox there shall be.
    pub sandbox: Mode,
    /// How long the frame counter may stand still.
    pub stall: Duration,
}

/// Processor seconds for whatever does not grow with the source, and for reading any source once.
const BASE_CPU_SECONDS: u64 = 600;

impl Tools {
    /// For looking at a source: nothing is written.
    pub fn reading(&self, source: &Path) -> Sandbox {
        Sandbox {
            reads: vec![source.to_owned()],
            ..self.closed()
        }
    }

    /// For making renditions of a source in a folder.
    pub fn writing(&self, source: &Path, work: &Path, duration_ms: u64) -> Sandbox {
        let seconds = duration_ms.div_ceil(1_000);
        Sandbox {
            writes: Some(work.to_owned()),
            cpu_seconds: seconds
                .saturating_mul(self.cpu_per_second)
                .saturating_add(BASE_CPU_SECONDS),
            output_mib: self.max_output_mib,
            ..self.reading(source)
        }
    }

    /// Reads and writes nothing.
    pub(super) fn closed(&self) -> Sandbox {
        Sandbox {
            mode: self.sandbox,
            reads: vec![],
            writes: None,
            memory_mib: self.memory_mib,
            cpu_seconds: BASE_CPU_SECONDS,
            output_mib: 0,
            parent: std::process::id(),
        }
    }
}
