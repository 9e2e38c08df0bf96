//! From a stored source to verified renditions: probe → ffmpeg → inspect.
//!
//! Promises: ffmpeg opens local files of listed formats only and never the network; nothing leaves here unverified:
//! a rendition is handed out only after its stored bytes passed the validator.

mod arguments;
mod ffmpeg;
mod inspect;
mod probe;
mod progress;
mod tools;

use std::path::{Path, PathBuf};

use clipper_domain::Quality;
use clipper_domain::plan::{Plan, PlannedRung};
use clipper_domain::source::SourceFacts;

pub use ffmpeg::{FfmpegError, Limit};
pub(crate) use ffmpeg::{examine, version};
pub use inspect::{InspectError, Inspected};
pub use probe::ProbeError;
pub use tools::Tools;

/// What one attempt works on.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The source on disk.
    pub source: &'a Path,
    /// What the probe found.
    pub facts: &'a SourceFacts,
    /// What was decided.
    pub plan: &'a Plan,
    /// The folder that everything is written to.
    pub work: &'a Path,
}

/// Finds out what a source is.
pub async fn probe(tools: &Tools, source: &Path) -> Result<SourceFacts, ProbeError> {
    probe::probe(tools, source).await
}

/// Encodes the rungs of the plan that are wanted: one decode feeds all of them.
pub async fn transcode(
    tools: &Tools,
    job: Job<'_>,
    wanted: &[Quality],
    on_progress: impl Fn(f64),
) -> Result<(), FfmpegError> {
    let rungs: Vec<&PlannedRung> = job
        .plan
        .rungs
        .iter()
        .filter(|rung| wanted.contains(&rung.quality))
        .collect();
    for rung in &rungs {
        tokio::fs::create_dir_all(job.work.join(rung.quality.path())).await?;
    }
    let arguments = arguments::transcode(tools, job, &rungs);
    let duration_ms = job.facts.duration_ms.max(1);
    #[expect(clippy::cast_precision_loss, reason = "milliseconds stay far below 2^52")]
    let on_time = |out_ms: u64| on_progress((out_ms as f64 / duration_ms as f64).min(0.99));
    let sandbox = tools.writing(job.source, job.work, job.facts.duration_ms);
    ffmpeg::transcode(tools, &sandbox, &arguments, on_time).await
}

/// Reads a rung's segments back and checks them.
pub async fn inspect(job: Job<'_>, rung: &PlannedRung) -> Result<Inspected, InspectError> {
    inspect::inspect(job, rung).await
}

/// Where a rung's files lie during the attempt.
pub fn rung_dir(job: Job<'_>, quality: Quality) -> PathBuf {
    job.work.join(quality.path())
}
