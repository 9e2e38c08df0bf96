//! The sound of a clip: encoded once per bit rate for the whole clip, then copied into every segment of every rung, so
//! that there is no priming at joins and none between rungs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;

use super::{FfmpegError, Job, ORIGIN, Tools, arguments, ffmpeg};
use crate::mux::{AdtsReader, BadSound};

/// Ticks of 1/90000 s of an AAC frame: 1024 samples at 48 kHz.
const FRAME_TICKS: u64 = 1_920;
/// The encoder's first frame holds only what it needs before the sound begins.
const PRIMING_FRAMES: u64 = 1;
const LOOK: Duration = Duration::from_millis(20);
const CHUNK: usize = 64 * 1_024;

/// Why there is no sound.
#[derive(Debug, thiserror::Error)]
pub enum SoundError {
    /// ffmpeg failed.
    #[error(transparent)]
    Ffmpeg(#[from] FfmpegError),
    /// What ffmpeg wrote cannot be read.
    #[error("the encoded sound is damaged")]
    Damaged(#[from] BadSound),
    /// The disk failed.
    #[error("the encoded sound cannot be read")]
    Disk(#[from] io::Error),
    /// Whoever encodes the sound has gone before it was whole.
    #[error("the sound was never finished")]
    Abandoned,
}

/// The encoded sound of a clip, whole or growing: a file per bit rate in kbit/s.
#[derive(Clone, Debug)]
pub struct Sound {
    files: BTreeMap<u32, PathBuf>,
    whole: watch::Receiver<bool>,
}

impl Sound {
    /// The bit rates in kbit/s that a plan needs.
    pub fn bit_rates(job: Job<'_>) -> BTreeSet<u32> {
        if job.plan.audio {
            job.plan.rungs.iter().map(|rung| rung.audio_kbps).collect()
        } else {
            BTreeSet::new()
        }
    }

    /// The name of the file of a bit rate.
    pub fn file_name(kbps: u32) -> String {
        format!("{kbps}.aac")
    }

    /// Sound in this folder; the receiver tells whether it is whole.
    pub fn new(folder: &Path, bit_rates: &BTreeSet<u32>, whole: watch::Receiver<bool>) -> Self {
        let file = |kbps: &u32| (*kbps, folder.join(Self::file_name(*kbps)));
        Self {
            files: bit_rates.iter().map(file).collect(),
            whole,
        }
    }

    /// Reads the sound of one bit rate from its beginning; nothing for a clip without sound.
    pub(super) fn reader(&self, kbps: u32) -> Option<SoundReader> {
        self.files.get(&kbps).map(|path| SoundReader {
            path: path.clone(),
            file: None,
            whole: self.whole.clone(),
            adts: AdtsReader::default(),
            frames: VecDeque::new(),
            next: 0,
            skipped: 0,
        })
    }
}

/// Encodes the sound into the work folder, every bit rate from one decode.
pub async fn encode(
    tools: &Tools,
    job: Job<'_>,
    bit_rates: &BTreeSet<u32>,
    loudness: Option<f64>,
) -> Result<(), SoundError> {
    let gain = match loudness {
        Some(target) => Some(measured_gain(tools, job, target).await?),
        None => None,
    };
    let arguments = arguments::sound(tools, job, bit_rates, gain);
    Ok(ffmpeg::transcode(tools, &job.sandbox(tools), &arguments, |_| {}).await?)
}

/// By how many decibels the sound has to be raised to be as loud as wanted (EBU R 128), without its peaks going over.
async fn measured_gain(tools: &Tools, job: Job<'_>, target: f64) -> Result<f64, FfmpegError> {
    /// True peaks stay below this, in dBTP.
    const CEILING: f64 = -1.0;
    let report = ffmpeg::last_words_of(tools, job.source, &arguments::loudness(tools, job)).await?;
    let value = |key: &str| {
        let (_, rest) = report.split_once(&format!("\"{key}\" : \""))?;
        rest.split('"').next()?.parse::<f64>().ok()
    };
    let measured = value("input_i").zip(value("input_tp"));
    // Silence has no loudness: it is `-inf`.
    let finite = measured.filter(|(loudness, peak)| loudness.is_finite() && peak.is_finite());
    Ok(finite.map_or(0.0, |(loudness, peak)| (target - loudness).min(CEILING - peak)))
}

/// Reads one bit rate, frame by frame, while it may still be growing.
pub(super) struct SoundReader {
    path: PathBuf,
    file: Option<std::fs::File>,
    whole: watch::Receiver<bool>,
    adts: AdtsReader,
    /// Frames that were read and not taken.
    frames: VecDeque<Vec<u8>>,
    /// The number of the first of them, the priming not counted.
    next: u64,
    skipped: u64,
}

impl SoundReader {
    /// The frames that begin in this span of ticks after the clip's beginning, each with its time stamp. Spans may
    /// only go forward.
    pub(super) async fn take(&mut self, from: u64, to: u64) -> Result<Vec<(u64, Vec<u8>)>, SoundError> {
        let (first, end) = (from.div_ceil(FRAME_TICKS), to.div_ceil(FRAME_TICKS));
        let mut taken = vec![];
        loop {
            while self.next < end
                && let Some(frame) = self.frames.pop_front()
            {
                if self.next >= first {
                    taken.push((ORIGIN + self.next * FRAME_TICKS, frame));
                }
                self.next += 1;
            }
            if self.next >= end {
                return Ok(taken);
            }
            // Asked before reading: what is written in between is read in the next round.
            let whole = *self.whole.borrow();
            let abandoned = self.whole.has_changed().is_err() && !whole;
            if self.read()? {
                continue;
            }
            if whole {
                // A track that ends early leaves the rest silent.
                return Ok(taken);
            }
            if abandoned {
                return Err(SoundError::Abandoned);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Reads a chunk; false when there is nothing new.
    fn read(&mut self) -> Result<bool, SoundError> {
        if self.file.is_none() {
            match std::fs::File::open(&self.path) {
                Ok(file) => self.file = Some(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        let mut chunk = vec![0; CHUNK];
        let count = match &mut self.file {
            Some(file) => file.read(&mut chunk)?,
            None => 0,
        };
        for frame in self.adts.push(chunk.get(..count).unwrap_or_default())? {
            if self.skipped < PRIMING_FRAMES {
                self.skipped += 1;
            } else {
                self.frames.push_back(frame);
            }
        }
        Ok(count > 0)
    }
}
