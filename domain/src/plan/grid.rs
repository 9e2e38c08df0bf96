//! Where segments and key frames lie: on a grid of our own, or along the key frames of a source that is copied.

use serde::{Deserialize, Serialize};

use super::PlanSettings;
use crate::FrameRate;

/// Where key frames lie, counted in pictures of the common rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyFrames {
    /// At every multiple of this.
    Every(u32),
    /// Where the copied source has them, far enough apart.
    At(Vec<u64>),
}

pub(super) struct Grid {
    pub(super) key_frames: KeyFrames,
    pub(super) segment_starts: Vec<u64>,
}

/// Equal segments of several key-frame intervals; the last one takes what is left.
pub(super) fn regular(frames: u64, rate: FrameRate, settings: PlanSettings) -> Grid {
    let interval = frames_in(rate, settings.key_frame_seconds);
    let per_segment = (settings.segment_seconds / settings.key_frame_seconds.max(1)).max(1);
    let segment = usize::try_from(interval.saturating_mul(per_segment)).unwrap_or(usize::MAX);
    Grid {
        key_frames: KeyFrames::Every(interval),
        segment_starts: (0..frames).step_by(segment).collect(),
    }
}

/// Segments that begin at key frames of the source, each as long as a segment should be or a little shorter.
pub(super) fn along_key_frames(source: &[u64], frames: u64, rate: FrameRate, settings: PlanSettings) -> Grid {
    let longest = u64::from(frames_in(rate, settings.segment_seconds));
    let apart = u64::from(frames_in(rate, settings.key_frame_seconds));
    let mut segment_starts = vec![0];
    let mut segment = 0;
    for (key, next) in followed(source, frames) {
        // The last key frame that still fits ends the segment.
        if key > segment && next - segment > longest {
            segment_starts.push(key);
            segment = key;
        }
    }
    let mut key_frames = vec![0];
    let mut last = 0;
    for (key, next) in followed(source, frames) {
        let starts_segment = segment_starts.binary_search(&key).is_ok();
        if key > last && (starts_segment || next - last > apart) {
            key_frames.push(key);
            last = key;
        }
    }
    Grid {
        key_frames: KeyFrames::At(key_frames),
        segment_starts,
    }
}

/// Each key frame with the one after it; the end follows the last.
fn followed(keys: &[u64], end: u64) -> impl Iterator<Item = (u64, u64)> {
    let next = keys.iter().skip(1).copied().chain([end]);
    keys.iter().copied().zip(next)
}

/// Ranges of about the wanted length. A source that cannot be entered in the middle is one range.
pub(super) fn ranges(
    segment_starts: &[u64],
    rate: FrameRate,
    seekable: bool,
    settings: PlanSettings,
) -> Vec<u32> {
    let mut starts = vec![0];
    if !seekable {
        return starts;
    }
    let wanted = u64::from(frames_in(rate, settings.range_seconds.max(1)));
    let mut begun = 0;
    for (number, start) in (0_u32..).zip(segment_starts) {
        if start - begun >= wanted {
            starts.push(number);
            begun = *start;
        }
    }
    starts
}

/// Frames in a number of seconds, even so that a rung at half the rate has its key frames on the same instants.
pub(super) fn frames_in(rate: FrameRate, seconds: u32) -> u32 {
    let halves =
        (u64::from(rate.num()) * u64::from(seconds) + u64::from(rate.den())) / (2 * u64::from(rate.den()));
    u32::try_from(halves * 2).unwrap_or(u32::MAX).max(2)
}
