//! Whether the source, as it is, can be one of the rungs: then its pictures are copied, in a fraction of a second.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::grid::frames_in;
use super::{PlanSettings, PlannedRung};
use crate::ladder::LADDER;
use crate::source::SourceFacts;
use crate::{FrameRate, Quality};

/// Why a source cannot be a rung as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopyObstacle {
    /// The operator does not want it.
    Disabled,
    /// The codec is not H.264.
    Codec,
    /// Not 8-bit 4:2:0.
    PixelFormat,
    /// Samples use the full range.
    FullRange,
    /// The dynamic range is high.
    Hdr,
    /// The picture is interlaced.
    Interlaced,
    /// Pixels are not square.
    PixelShape,
    /// The picture is turned or mirrored when shown.
    Turned,
    /// The size is not that of a wanted rung.
    Size,
    /// The frame rate is above what the rung may have, or below what players expect.
    FrameRate,
    /// Pictures lie off the grid of a constant rate.
    VariableRate,
    /// An edit list cuts pictures away, or the first picture is shown long after the sound begins.
    EditList,
    /// Key frames are missing, or farther apart than a segment is long.
    KeyFrames,
    /// The bit rate is above the rung's ceiling.
    BitRate,
    /// An earlier copy did not pass the validator.
    Invalid,
}

impl fmt::Display for CopyObstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disabled => "copying is switched off",
            Self::Codec => "the codec is not H.264",
            Self::PixelFormat => "the pictures are not 8-bit 4:2:0",
            Self::FullRange => "the samples use the full range",
            Self::Hdr => "the dynamic range is high",
            Self::Interlaced => "the picture is interlaced",
            Self::PixelShape => "the pixels are not square",
            Self::Turned => "the picture is turned or mirrored",
            Self::Size => "the size is not that of a rung",
            Self::FrameRate => "the frame rate is not one that the rung may have",
            Self::VariableRate => "the frame rate is variable",
            Self::EditList => "an edit list cuts pictures away",
            Self::KeyFrames => "key frames are too far apart",
            Self::BitRate => "the bit rate is above the rung's ceiling",
            Self::Invalid => "the copy does not pass the validator",
        })
    }
}

/// The rung that the source is as it is, or every reason why it is none.
pub(super) fn copied_rung(
    source: &SourceFacts,
    rungs: &[PlannedRung],
    key_frames: &[u64],
    frame_rate: FrameRate,
    settings: PlanSettings,
) -> Result<Quality, Vec<CopyObstacle>> {
    let size = (source.coded_width, source.coded_height);
    let rung = rungs.iter().find(|rung| (rung.width, rung.height) == size);
    let mut obstacles = of_the_picture(source);
    obstacles.extend(of_the_timing(source, key_frames, frame_rate, settings));
    obstacles.extend(settings.not_copied);
    match rung {
        None => obstacles.push(CopyObstacle::Size),
        Some(rung) => {
            if rung.frame_step > 1 || frame_rate != source.frame_rate {
                obstacles.push(CopyObstacle::FrameRate);
            }
            // The rung's own ceiling, not the one that was lowered to what this very source holds.
            let ceiling = LADDER
                .iter()
                .find(|known| known.quality == rung.quality)
                .map_or(0, |known| known.max_kbps);
            if source.peak_bitrate > u64::from(ceiling) * 1_000 {
                obstacles.push(CopyObstacle::BitRate);
            }
        }
    }
    match rung {
        Some(rung) if obstacles.is_empty() => Ok(rung.quality),
        Some(_) | None => Err(obstacles),
    }
}

fn of_the_picture(source: &SourceFacts) -> Vec<CopyObstacle> {
    let square = source.sample_aspect.0 == source.sample_aspect.1;
    // Only these two names mean 8-bit 4:2:0; `yuvj420p` is the full-range one.
    let eight_bit_420 = matches!(source.pixel_format.as_str(), "yuv420p" | "yuvj420p");
    [
        (source.video_codec != "h264", CopyObstacle::Codec),
        (!eight_bit_420, CopyObstacle::PixelFormat),
        (source.full_range, CopyObstacle::FullRange),
        (source.hdr().is_some(), CopyObstacle::Hdr),
        (source.interlaced, CopyObstacle::Interlaced),
        (!square, CopyObstacle::PixelShape),
        (source.turned_or_mirrored(), CopyObstacle::Turned),
    ]
    .into_iter()
    .filter_map(|(applies, obstacle)| applies.then_some(obstacle))
    .collect()
}

fn of_the_timing(
    source: &SourceFacts,
    key_frames: &[u64],
    rate: FrameRate,
    settings: PlanSettings,
) -> Vec<CopyObstacle> {
    let longest = u64::from(frames_in(rate, settings.segment_seconds));
    let ends = key_frames.iter().skip(1).copied().chain([source.frames]);
    let gaps_fit = key_frames
        .iter()
        .zip(ends)
        .all(|(key, end)| end.saturating_sub(*key) <= longest);
    let keyed = key_frames.first() == Some(&0) && gaps_fit;
    [
        (source.variable_rate, CopyObstacle::VariableRate),
        (source.edited || source.held_ms() > 0, CopyObstacle::EditList),
        (!keyed, CopyObstacle::KeyFrames),
    ]
    .into_iter()
    .filter_map(|(applies, obstacle)| applies.then_some(obstacle))
    .collect()
}
