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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Duration in ticks of 1/90000 s, from packet timestamps.
    pub duration_90k: u32,
    /// Size in bytes.
    pub bytes: u64,
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
