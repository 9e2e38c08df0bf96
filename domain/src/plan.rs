//! The plan: what is to be made of a source, decided before any process starts.
//!
//! Promises: nothing is upscaled, the aspect is kept, every size is even, and all rungs share one grid of key frames
//! by construction, since each rung's rate is the common rate divided by a whole number.

mod copy;
mod grid;
#[cfg(test)]
pub(crate) mod tests;

use serde::{Deserialize, Serialize};

use crate::ladder::{self, Codec, Rung};
use crate::source::{Hdr, SourceFacts};
use crate::{FrameRate, Quality, h264_level, hevc_level};

pub use copy::CopyObstacle;
pub use grid::KeyFrames;

/// The choices of the operator that a plan depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanSettings {
    /// Seconds of a media segment.
    pub segment_seconds: u32,
    /// Seconds between two key frames.
    pub key_frame_seconds: u32,
    /// Seconds of a range that one worker encodes.
    pub range_seconds: u32,
    /// Why no source is copied, where that is known beforehand.
    pub not_copied: Option<CopyObstacle>,
}

impl Default for PlanSettings {
    fn default() -> Self {
        Self {
            segment_seconds: 6,
            key_frame_seconds: 2,
            range_seconds: 60,
            not_copied: None,
        }
    }
}

/// What is to be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The constant rate that every picture is brought onto before it is scaled.
    pub frame_rate: FrameRate,
    /// Pictures at the common rate, no more and no fewer.
    pub frames: u64,
    /// Where the rungs have their key frames.
    pub key_frames: KeyFrames,
    /// The picture that each segment begins with.
    pub segment_starts: Vec<u64>,
    /// The segment that each range begins with. Ranges are encoded independently and join without a seam.
    pub range_starts: Vec<u32>,
    /// Whether the source is interlaced and must not stay so (Apple authoring specification 1.14).
    pub deinterlace: bool,
    /// Whether the source is HDR and is brought into the range of BT.709.
    pub tone_map: Option<Hdr>,
    /// Whether there is sound.
    pub audio: bool,
    /// The rungs, from small to large.
    pub rungs: Vec<PlannedRung>,
    /// Why no rung is a copy of the source; empty when one is.
    pub not_copied: Vec<CopyObstacle>,
}

/// One rung of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRung {
    /// The rung's name.
    pub quality: Quality,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Every how many frames of the common rate one is kept.
    pub frame_step: u32,
    /// The codec.
    pub codec: Codec,
    /// The level × 10 of H.264, × 30 of HEVC (`level_idc`).
    pub level: u8,
    /// The ceiling for any second of video in kbit/s.
    pub max_kbps: u32,
    /// The decoder buffer in kbit.
    pub buffer_kbit: u32,
    /// The audio bit rate in kbit/s.
    pub audio_kbps: u32,
    /// Whether the pictures are copied from the source rather than encoded.
    pub copied: bool,
}

/// Why there is no plan for a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPlan {
    /// The picture exceeds what the largest level holds.
    #[error("a picture of {width}×{height} pixels fits no rung")]
    PictureTooLarge {
        /// Width as shown.
        width: u32,
        /// Height as shown.
        height: u32,
    },
}

/// The highest rate that HLS allows (Apple authoring specification 1.19).
const MAX_FPS: u32 = 60;

/// Slower sources show each picture several times, so that a segment can end every few seconds.
const MIN_FPS: u32 = 5;

/// Decides what to make of a source.
pub fn plan(source: &SourceFacts, wanted: &[Quality], settings: PlanSettings) -> Result<Plan, NoPlan> {
    let size = source.display_size();
    let frame_rate = raised(capped(source.frame_rate, MAX_FPS), MIN_FPS);
    let frames = frames_of(source, frame_rate);
    let mut rungs = encoded_rungs(source, wanted, frame_rate).ok_or(NoPlan::PictureTooLarge {
        width: size.0,
        height: size.1,
    })?;
    let key_frames = shared_key_frames(source, &rungs);
    let not_copied = match copy::copied_rung(source, &rungs, &key_frames, frame_rate, settings) {
        Ok(quality) => {
            mark_copied(source, &mut rungs, quality);
            vec![]
        }
        Err(obstacles) => obstacles,
    };
    let grid = if not_copied.is_empty() {
        grid::along_key_frames(&key_frames, frames, frame_rate, settings)
    } else {
        grid::regular(frames, frame_rate, settings)
    };
    Ok(Plan {
        frame_rate,
        frames,
        key_frames: grid.key_frames,
        range_starts: grid::ranges(&grid.segment_starts, frame_rate, source.seekable(), settings),
        segment_starts: grid.segment_starts,
        deinterlace: source.interlaced,
        tone_map: source.hdr(),
        audio: source.audio.is_some(),
        rungs,
        not_copied,
    })
}

/// The key frames of the source whose pictures every rung shows, also one at half the rate.
fn shared_key_frames(source: &SourceFacts, rungs: &[PlannedRung]) -> Vec<u64> {
    let shown = |frame: &u64| {
        rungs
            .iter()
            .all(|rung| frame.is_multiple_of(u64::from(rung.frame_step)))
    };
    source.key_frames.iter().copied().filter(shown).collect()
}

/// The copy costs what it costs; each smaller rung has to cost less, or nobody would be served by it.
fn mark_copied(source: &SourceFacts, rungs: &mut [PlannedRung], quality: Quality) {
    /// In per cent of the next larger rung.
    const LESS: u64 = 70;
    /// In kbit/s: below this, there is nothing left to save.
    const LEAST: u64 = 150;
    let mut kbps = source.video_bitrate / 1_000;
    for rung in rungs.iter_mut().rev() {
        rung.copied = rung.quality == quality;
        if !rung.copied {
            kbps = (kbps * LESS / 100).max(LEAST);
            rung.max_kbps = rung.max_kbps.min(u32::try_from(kbps).unwrap_or(u32::MAX));
            rung.buffer_kbit = rung.buffer_kbit.min(rung.max_kbps);
        }
    }
}

/// The rungs that the source fills, nothing when it is too large for all of them.
fn encoded_rungs(
    source: &SourceFacts,
    wanted: &[Quality],
    frame_rate: FrameRate,
) -> Option<Vec<PlannedRung>> {
    let size = source.display_size();
    let mut rungs = vec![];
    for rung in ladder::rungs_for(size.0.min(size.1), wanted) {
        rungs.push(planned(&rung, source, size, frame_rate)?);
    }
    (!rungs.is_empty()).then_some(rungs)
}

fn planned(
    rung: &Rung,
    source: &SourceFacts,
    size: (u32, u32),
    frame_rate: FrameRate,
) -> Option<PlannedRung> {
    let (width, height) = ladder::fit(size, rung.short_side);
    let frame_step = steps_under(frame_rate, rung.max_fps);
    let rate = frame_rate.divided_by(frame_step);
    let max_kbps = rung.max_kbps.min(held_kbps(source));
    let buffer_kbit = rung.buffer_kbit.min(max_kbps.saturating_mul(2));
    let buffer_kbit = match rung.codec {
        Codec::H264Main | Codec::H264High => buffer_kbit,
        // The largest that level 5.1 allows.
        Codec::HevcMain => buffer_kbit.min(40_000),
    };
    let level = match rung.codec {
        Codec::H264Main | Codec::H264High => h264_level((width, height), rate, max_kbps, buffer_kbit),
        Codec::HevcMain => hevc_level((width, height), rate, max_kbps, buffer_kbit),
    }?;
    Some(PlannedRung {
        quality: rung.quality,
        width,
        height,
        frame_step,
        codec: rung.codec,
        level,
        max_kbps,
        buffer_kbit,
        audio_kbps: rung.audio_kbps.min(source.audio_kbps()),
        copied: false,
    })
}

/// What a rung may cost at most, so that it does not spend more than the source holds. The newer codecs say the same
/// with half the bits, and the peaks of a source are above its mean.
fn held_kbps(source: &SourceFacts) -> u32 {
    /// Below this, the estimate says more about the container than about the pictures.
    const LEAST_KBPS: u64 = 600;
    let factor = match source.video_codec.as_str() {
        "h264" | "mpeg4" | "h263" | "mpeg2video" | "mpeg1video" | "vp8" | "theora" | "flv1" => 2,
        _ => 4,
    };
    let mean = source.video_bitrate.max(source.bitrate / 2);
    if mean == 0 {
        return u32::MAX;
    }
    u32::try_from((mean * factor / 1_000).max(LEAST_KBPS)).unwrap_or(u32::MAX)
}

/// Clocks of cameras are a little off: a rate this far above a limit, in thousandths, still means the limit.
const SLACK: u32 = 5;

fn capped(rate: FrameRate, max_fps: u32) -> FrameRate {
    let divided = rate.divided_by(steps_under(rate, max_fps));
    let limit = FrameRate::new(max_fps, 1).unwrap_or(divided);
    if divided.as_f64() > limit.as_f64() {
        limit
    } else {
        divided
    }
}

fn raised(rate: FrameRate, min_fps: u32) -> FrameRate {
    let times = rate.den().saturating_mul(min_fps).div_ceil(rate.num()).max(1);
    FrameRate::new(rate.num().saturating_mul(times), rate.den()).unwrap_or(rate)
}

fn steps_under(rate: FrameRate, max_fps: u32) -> u32 {
    let thousandths = u64::from(rate.num()) * 1_000;
    let limit = u64::from(rate.den()) * u64::from(max_fps) * u64::from(1_000 + SLACK);
    u32::try_from(thousandths.div_ceil(limit))
        .unwrap_or(u32::MAX)
        .max(1)
}

/// The pictures of the whole at the common rate: those of the source where they lie on that grid, else what its
/// duration holds. At least one.
fn frames_of(source: &SourceFacts, rate: FrameRate) -> u64 {
    let shown_at_once = source.held_ms() == 0 && source.frames > 0;
    if rate == source.frame_rate && !source.variable_rate && shown_at_once {
        return source.frames;
    }
    let duration_ms = source.duration_ms + source.held_ms();
    let twice = u128::from(duration_ms) * u128::from(rate.num()) * 2;
    let halves = 1_000 * u128::from(rate.den());
    u64::try_from((twice + halves) / (2 * halves))
        .unwrap_or(u64::MAX)
        .max(1)
}

impl Plan {
    /// The frame rate of one of its rungs.
    pub fn rate_of(&self, rung: &PlannedRung) -> FrameRate {
        self.frame_rate.divided_by(rung.frame_step)
    }

    /// How many segments each rung has.
    pub fn segment_count(&self) -> u32 {
        u32::try_from(self.segment_starts.len()).unwrap_or(u32::MAX)
    }

    /// The picture that a segment begins with; for the number after the last one, the number of all pictures.
    pub fn start_of(&self, segment: u32) -> u64 {
        let start = usize::try_from(segment)
            .ok()
            .and_then(|number| self.segment_starts.get(number));
        start.copied().unwrap_or(self.frames)
    }

    /// When a picture is shown, in ticks of 1/90000 s.
    pub fn ticks(&self, frame: u64) -> u64 {
        self.frame_rate
            .ticks_90k(u32::try_from(frame).unwrap_or(u32::MAX))
    }

    /// `EXT-X-TARGETDURATION`: the longest segment to the nearest second (BIS 4.4.3.1).
    pub fn target_duration(&self) -> u32 {
        let numbers = 0..self.segment_count();
        let longest = numbers
            .map(|number| self.ticks(self.start_of(number + 1)) - self.ticks(self.start_of(number)))
            .max()
            .unwrap_or_default();
        u32::try_from((longest + 45_000) / 90_000)
            .unwrap_or(u32::MAX)
            .max(1)
    }

    /// How many units of work there are: the ranges, and the last look at everything.
    pub fn unit_count(&self) -> u32 {
        self.range_count() + 1
    }

    /// How many ranges there are, at least one.
    pub fn range_count(&self) -> u32 {
        u32::try_from(self.range_starts.len()).unwrap_or(u32::MAX).max(1)
    }

    /// The segments of a range.
    pub fn range(&self, unit: u32) -> std::ops::Range<u32> {
        let start = |number: u32| {
            let place = usize::try_from(number).ok();
            place.and_then(|place| self.range_starts.get(place)).copied()
        };
        let end = self.segment_count();
        start(unit).unwrap_or(if unit == 0 { 0 } else { end })..start(unit + 1).unwrap_or(end)
    }

    /// The unit that checks and publishes the whole.
    pub fn last_unit(&self) -> u32 {
        self.range_count()
    }

    /// The rung whose first segment comes before anything else: the smallest is made the soonest.
    pub fn start_rung(&self) -> Option<&PlannedRung> {
        self.rungs.iter().find(|rung| !rung.copied)
    }
}
