//! From the pictures of a segment to the segment: sound is added, the bytes are written, read back and checked.

use std::collections::BTreeMap;

use clipper_domain::plan::{Plan, PlannedRung};
use clipper_domain::{Quality, Segment};
use tokio::sync::mpsc;
use tokio_util::bytes::Bytes;

use super::inspect::{self, InspectError};
use super::lane::Cut;
use super::sound::{Sound, SoundError, SoundReader};
use super::{Job, ORIGIN, container};
use crate::hls::Container;
use crate::mux::{self, AudioConfig, PictureFormat, SoundFrame, UnknownFormat, VideoConfig};

/// Fragments are numbered through a clip whoever writes them: no segment has more than this.
const MOST_FRAGMENTS: u32 = 1_000;

/// A segment that passed the validator.
#[derive(Debug)]
pub struct FinishedSegment {
    /// The rung.
    pub rung: PlannedRung,
    /// Counted from 0.
    pub number: u32,
    /// What is recorded of it.
    pub segment: Segment,
    /// The `CODECS` attribute, read from the bytes.
    pub codec: String,
    /// What players need before the first segment, where it is fragmented MP4.
    pub init: Option<Bytes>,
    /// The bytes.
    pub bytes: Bytes,
}

/// A segment that does not pass the validator.
#[derive(Debug)]
pub struct Refused {
    /// The rung.
    pub rung: PlannedRung,
    /// Why.
    pub error: InspectError,
}

/// Why segments cannot be finished.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    /// There is no sound for one.
    #[error(transparent)]
    Sound(#[from] SoundError),
    /// Whoever takes the segments has gone.
    #[error("nobody takes the segments")]
    Abandoned,
}

/// Finishes segments as they come, and sends them on.
pub async fn finish(
    job: Job<'_>,
    sound: &Sound,
    cuts: &mut mpsc::Receiver<Cut>,
    finished: mpsc::Sender<Result<FinishedSegment, Refused>>,
) -> Result<(), FinishError> {
    let mut readers: BTreeMap<Quality, Option<SoundReader>> = BTreeMap::new();
    let plan = std::sync::Arc::new(job.plan.clone());
    while let Some(cut) = cuts.recv().await {
        let reader = readers
            .entry(cut.rung.quality)
            .or_insert_with(|| sound.reader(cut.rung.audio_kbps));
        let heard = match reader {
            Some(reader) => {
                reader
                    .take(start(&plan, cut.segment), start(&plan, cut.segment + 1))
                    .await?
            }
            None => vec![],
        };
        let plan = std::sync::Arc::clone(&plan);
        let made = tokio::task::spawn_blocking(move || make(&plan, &cut, &heard));
        let segment = made.await.map_err(|_panicked| FinishError::Abandoned)?;
        finished
            .send(segment)
            .await
            .map_err(|_closed| FinishError::Abandoned)?;
    }
    Ok(())
}

fn start(plan: &Plan, segment: u32) -> u64 {
    plan.ticks(plan.start_of(segment))
}

fn make(plan: &Plan, cut: &Cut, heard: &[(u64, Vec<u8>)]) -> Result<FinishedSegment, Refused> {
    let sound: Vec<SoundFrame<'_>> = heard
        .iter()
        .map(|(pts, adts)| SoundFrame { pts: *pts, adts })
        .collect();
    let rung = cut.rung;
    let number = cut.segment;
    let refused = |error| Refused { rung, error };
    let (init, bytes) = match container(&rung) {
        Container::Ts => (None, mux::ts_segment(&cut.pictures, &sound).bytes),
        Container::Fmp4 => {
            let (init, bytes) = fragments(cut, &sound).map_err(|error| refused(error.into()))?;
            (Some(init), bytes)
        }
    };
    let facts = inspect::read_segment(init.as_deref(), &bytes, number).map_err(refused)?;
    let codec = inspect::check_segment(plan, &rung, number, &facts).map_err(refused)?;
    let ticks = start(plan, number + 1) - start(plan, number);
    Ok(FinishedSegment {
        segment: Segment {
            duration_90k: u32::try_from(ticks).unwrap_or(u32::MAX),
            bytes: bytes.len() as u64,
            key_frames: facts.recorded_key_frames(),
        },
        rung,
        number,
        codec,
        init: init.map(Bytes::from),
        bytes: bytes.into(),
    })
}

/// The init segment and the media segment, a fragment for each key frame, so that trick play reads no more than it
/// shows.
fn fragments(cut: &Cut, sound: &[SoundFrame<'_>]) -> Result<(Vec<u8>, Vec<u8>), UnknownFormat> {
    let first = cut.pictures.first().ok_or(UnknownFormat)?;
    let video = VideoConfig::of_picture(PictureFormat::Hevc, first)?;
    let audio = sound
        .first()
        .map(|frame| AudioConfig::of_frame(frame.adts))
        .transpose()?;
    let mut bytes = vec![];
    let mut groups = cut.pictures.chunk_by(|_, next| !next.key).peekable();
    let mut sequence = cut.segment.saturating_mul(MOST_FRAGMENTS);
    let mut heard = 0;
    while let Some(group) = groups.next() {
        let next = groups.peek().and_then(|next| next.first());
        let ends = next.map_or(usize::MAX, |next| {
            sound.partition_point(|frame| frame.pts < next.pts)
        });
        let with = sound.get(heard..ends.min(sound.len())).unwrap_or_default();
        heard = ends.min(sound.len());
        sequence = sequence.saturating_add(1);
        let end = next.map_or(cut.end, |next| next.dts);
        bytes.extend(mux::media_segment(&video, audio, sequence, group, end, with));
    }
    Ok((mux::init_segment(&video, audio), bytes))
}

/// When a segment begins, as its first picture must say.
pub(super) fn first_pts(plan: &Plan, segment: u32) -> u64 {
    ORIGIN + start(plan, segment)
}
