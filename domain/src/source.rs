//! An uploaded source: where it lies, and what a probe found out about it.

use serde::{Deserialize, Serialize};

use crate::FrameRate;

/// A source that lies whole in the media store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSource {
    /// Where, relative to the root of the media store.
    pub object: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the bytes in lower-case hexadecimal.
    pub sha256: String,
    /// The name that it was uploaded under.
    pub filename: Option<String>,
}

/// Facts about a source that can be encoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceFacts {
    /// The demuxer that opened it (`mov,mp4,m4a,3gp,3g2,mj2`, `matroska,webm`, …).
    pub container: String,
    /// The index of the video stream that is shown; cover pictures are passed over.
    pub video_stream: u32,
    /// The video codec (`h264`, `hevc`, `vp9`, …).
    pub video_codec: String,
    /// Width of the coded picture in pixels, before rotation and before the pixel shape is applied.
    pub coded_width: u32,
    /// Height of the coded picture in pixels.
    pub coded_height: u32,
    /// The shape of a pixel, width over height.
    pub sample_aspect: (u32, u32),
    /// Whether the picture is turned by a quarter when shown.
    pub quarter_turned: bool,
    /// The average frame rate; variable rates are brought onto this grid.
    pub frame_rate: FrameRate,
    /// Duration in milliseconds, from packets where the header lies.
    pub duration_ms: u64,
    /// Whether the picture is interlaced.
    pub interlaced: bool,
    /// The pixel format (`yuv420p`, …).
    pub pixel_format: String,
    /// The colour transfer (`bt709`, `smpte2084`, …), when stated.
    pub transfer: Option<String>,
    /// The first audio track, when there is one.
    pub audio: Option<AudioFacts>,
    /// Bit rate of the file in bit/s.
    pub bitrate: u64,
}

/// Facts about the audio track that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioFacts {
    /// The index of the stream.
    pub stream: u32,
    /// The audio codec (`aac`, `opus`, …).
    pub codec: String,
    /// Channels.
    pub channels: u32,
    /// Samples per second.
    pub sample_rate: u32,
}

impl SourceFacts {
    /// Width and height as shown: square pixels, rotation applied.
    pub fn display_size(&self) -> (u32, u32) {
        let (num, den) = self.sample_aspect;
        let width = if num == 0 || den == 0 || num == den {
            self.coded_width
        } else {
            let scaled = (u64::from(self.coded_width) * u64::from(num) + u64::from(den) / 2) / u64::from(den);
            u32::try_from(scaled).unwrap_or(u32::MAX)
        };
        if self.quarter_turned {
            (self.coded_height, width)
        } else {
            (width, self.coded_height)
        }
    }
}

/// Why a source is not accepted, in words that its maker understands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The stable code.
    pub code: RejectionCode,
    /// A sentence for the maker.
    pub detail: String,
}

/// The stable codes of a rejected source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectionCode {
    /// No demuxer of the allow-list opens the file.
    NotAVideo,
    /// It opens, but holds no moving picture (audio, a still image).
    NoVideoStream,
    /// The file ends before its media does.
    Truncated,
    /// The picture holds more pixels than are accepted.
    TooManyPixels,
    /// It lasts longer than is accepted.
    TooLong,
    /// No decoder for the codec.
    UnsupportedCodec,
    /// The pictures cannot be decoded.
    Undecodable,
}

impl RejectionCode {
    /// The code as it stands in answers and events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotAVideo => "not_a_video",
            Self::NoVideoStream => "no_video_stream",
            Self::Truncated => "truncated",
            Self::TooManyPixels => "too_many_pixels",
            Self::TooLong => "too_long",
            Self::UnsupportedCodec => "unsupported_codec",
            Self::Undecodable => "undecodable",
        }
    }
}
