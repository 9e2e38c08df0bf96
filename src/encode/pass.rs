//! One run of ffmpeg that feeds several rungs from one decode, or copies one.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;

use super::cut::CutError;
use super::lane::{Cut, Lane, Tail};
use super::{FfmpegError, Job, Tools, arguments, ffmpeg};
use crate::mux::BadStream;

/// How often the growing files are looked at.
const LOOK: Duration = Duration::from_millis(40);

/// What one run of ffmpeg makes.
#[derive(Clone, Debug)]
pub struct Pass {
    /// The rungs with their segments. Copied ones stand alone.
    pub lanes: Vec<Lane>,
    /// A name for its files.
    pub name: String,
}

/// Why a pass broke off.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// ffmpeg failed.
    #[error(transparent)]
    Ffmpeg(#[from] FfmpegError),
    /// What ffmpeg wrote cannot be read.
    #[error("the encoder's stream is damaged")]
    Stream(#[from] BadStream),
    /// The pictures are not those that were planned.
    #[error("the encoder's pictures are not those that were planned")]
    Cut(#[from] CutError),
    /// The disk failed.
    #[error("the encoder's files cannot be read")]
    Disk(#[from] std::io::Error),
    /// Whoever takes the segments has gone.
    #[error("nobody takes the segments")]
    Abandoned,
}

impl Pass {
    /// The first segment that any rung of it lacks.
    pub(super) fn first(&self) -> u32 {
        self.lanes.iter().map(|lane| lane.first).min().unwrap_or_default()
    }

    /// Where ffmpeg writes the pictures of a lane, relative to the work folder.
    pub(super) fn file(&self, lane: &Lane) -> PathBuf {
        PathBuf::from(format!("{}-{}.ts", self.name, lane.rung.quality.path()))
    }
}

/// Runs a pass and sends every segment as soon as its last picture is there. `on_time` hears how many milliseconds of
/// media were written.
pub async fn run(
    tools: &Tools,
    job: Job<'_>,
    pass: &Pass,
    segments: &mpsc::Sender<Cut>,
    on_time: impl Fn(u64),
) -> Result<(), PassError> {
    let arguments = arguments::pictures(tools, job, pass);
    let mut tails: Vec<Tail> = pass
        .lanes
        .iter()
        .map(|lane| Tail::new(job.plan, lane, job.work.join(pass.file(lane))))
        .collect();
    let sandbox = job.sandbox(tools);
    let mut encoder = std::pin::pin!(ffmpeg::transcode(tools, &sandbox, &arguments, on_time));
    loop {
        let ended = tokio::select! {
            ended = &mut encoder => Some(ended),
            () = tokio::time::sleep(LOOK) => None,
        };
        look_at_all(&mut tails, segments).await?;
        match ended {
            Some(Ok(())) => break,
            Some(Err(error)) => return Err(error.into()),
            // A copy goes on behind what is wanted of it.
            None if tails.iter().all(Tail::is_done) => break,
            None => {}
        }
    }
    for tail in &mut tails {
        send(tail.finish()?, segments).await?;
    }
    for lane in &pass.lanes {
        tokio::fs::remove_file(job.work.join(pass.file(lane))).await?;
    }
    Ok(())
}

async fn look_at_all(tails: &mut [Tail], segments: &mpsc::Sender<Cut>) -> Result<(), PassError> {
    for tail in tails {
        loop {
            let (cuts, more) = tail.look()?;
            send(cuts, segments).await?;
            if !more {
                break;
            }
        }
    }
    Ok(())
}

async fn send(cuts: Vec<Cut>, segments: &mpsc::Sender<Cut>) -> Result<(), PassError> {
    for cut in cuts {
        segments.send(cut).await.map_err(|_closed| PassError::Abandoned)?;
    }
    Ok(())
}
