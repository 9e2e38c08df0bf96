//! A published rendition of a clip: what was measured from its stored bytes.

use serde::{Deserialize, Serialize};

use crate::{FrameRate, Quality};

/// One rendition, playable and immutable from the moment it is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// The rung that it fills.
    pub quality: Quality,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Peak bit rate in bit/s: the `BANDWIDTH` of RFC 8216 4.3.4.2.
    pub bitrate: u64,
    /// Average bit rate in bit/s: the `AVERAGE-BANDWIDTH`.
    pub average_bitrate: u64,
    /// The `CODECS` attribute (RFC 6381), read from the bytes.
    pub codec: String,
    /// Frames per second.
    pub frame_rate: FrameRate,
    /// `EXT-X-TARGETDURATION` in seconds.
    pub target_duration: u32,
    /// The segments in order.
    pub segments: Vec<Segment>,
    /// Whether the pictures were copied from the source rather than encoded.
    pub copied: bool,
    /// Where the rendition lies in the media store, relative to its root.
    pub storage_path: String,
}

/// One media segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Duration in ticks of 1/90000 s, from packet timestamps.
    pub duration_90k: u32,
    /// Size in bytes.
    pub bytes: u64,
    /// The key frames, for trick play.
    pub key_frames: Vec<KeyFrame>,
}

/// A key frame within a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFrame {
    /// When it is shown, in ticks of 1/90000 s after the segment's first picture.
    pub at_90k: u32,
    /// Where its bytes begin in the segment.
    pub offset: u64,
    /// How many bytes it has.
    pub length: u64,
}

/// Segments of one rung that lie verified in the store, next to each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The rung.
    pub quality: Quality,
    /// The number of the first of them.
    pub first_segment: u32,
    /// The segments in order.
    pub segments: Vec<Segment>,
    /// The `CODECS` attribute (RFC 6381), read from the bytes.
    pub codec: String,
}

/// A rung that can be played while the rest of it is being made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Playable {
    /// The rung.
    pub quality: Quality,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The `CODECS` attribute (RFC 6381), read from the bytes.
    pub codec: String,
    /// Frames per second.
    pub frame_rate: FrameRate,
    /// `EXT-X-TARGETDURATION` in seconds, which may not change any more.
    pub target_duration: u32,
    /// Whether the pictures are copied from the source rather than encoded.
    pub copied: bool,
    /// Where the rendition lies in the media store, relative to its root.
    pub storage_path: String,
}

impl Variant {
    /// Bytes of all segments.
    pub fn file_size(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Seconds of all segments.
    #[expect(clippy::cast_precision_loss, reason = "ticks stay far below 2^52")]
    pub fn duration(&self) -> f64 {
        let ticks: u64 = self
            .segments
            .iter()
            .map(|segment| u64::from(segment.duration_90k))
            .sum();
        ticks as f64 / 90_000.0
    }
}
