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
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that do not depend on each other"
)]
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
    /// By how many degrees the picture is turned clockwise when shown: 0, 90, 180 or 270.
    pub rotation: u16,
    /// Whether the picture is mirrored when shown.
    pub mirrored: bool,
    /// The average frame rate; variable rates are brought onto this grid.
    pub frame_rate: FrameRate,
    /// Whether pictures lie off that grid.
    pub variable_rate: bool,
    /// Pictures that are shown.
    pub frames: u64,
    /// Where the key frames lie, counted in pictures; empty where nothing can be copied.
    pub key_frames: Vec<u64>,
    /// Duration in milliseconds, from packets where the header lies.
    pub duration_ms: u64,
    /// When the first picture is shown, in milliseconds after the file's own beginning.
    pub start_ms: u64,
    /// Whether an edit list cuts pictures away.
    pub edited: bool,
    /// Whether the picture is interlaced.
    pub interlaced: bool,
    /// The pixel format (`yuv420p`, …).
    pub pixel_format: String,
    /// Bits of a sample.
    pub bit_depth: u8,
    /// Whether samples use all values rather than those of the video range.
    pub full_range: bool,
    /// The colour transfer (`bt709`, `smpte2084`, …), when stated.
    pub transfer: Option<String>,
    /// The colour primaries (`bt709`, `bt2020`, …), when stated.
    pub primaries: Option<String>,
    /// The audio track that is kept, when there is one.
    pub audio: Option<AudioFacts>,
    /// Audio tracks in the file.
    pub audio_tracks: u32,
    /// Bit rate of the file in bit/s.
    pub bitrate: u64,
    /// Bit rate of the video in bit/s, from packets.
    pub video_bitrate: u64,
    /// The highest bit rate of the video between two key frames, in bit/s.
    pub peak_bitrate: u64,
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
    /// Bit rate in bit/s; 0 where it is not known.
    pub bitrate: u64,
}

/// Bit rates in kbit/s that sound is encoded with.
const AUDIO_KBPS: [u32; 7] = [64, 96, 128, 160, 192, 256, 320];

impl AudioFacts {
    /// The bit rate in kbit/s that keeps all that the track holds.
    fn held_kbps(&self) -> u32 {
        let percent = match self.codec.as_str() {
            "aac" | "mp3" | "mp2" | "ac3" | "eac3" | "amr_nb" | "amr_wb" | "wmav2" => 100,
            "opus" | "vorbis" => 150,
            _ => return u32::MAX,
        };
        let kbps = u32::try_from(self.bitrate * percent / 100_000).unwrap_or(u32::MAX);
        let enough = AUDIO_KBPS.into_iter().find(|step| *step >= kbps);
        if self.bitrate == 0 {
            u32::MAX
        } else {
            enough.unwrap_or(u32::MAX)
        }
    }
}

/// The transfer of a picture with a high dynamic range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hdr {
    /// Perceptual quantiser, SMPTE ST 2084.
    Pq,
    /// Hybrid log-gamma, ARIB STD-B67.
    Hlg,
}

impl SourceFacts {
    /// Whether width and height change places when the picture is shown.
    pub fn quarter_turned(&self) -> bool {
        self.rotation % 180 == 90
    }

    /// Whether the picture is shown in any other way than it is coded.
    pub fn turned_or_mirrored(&self) -> bool {
        self.rotation != 0 || self.mirrored
    }

    /// The dynamic range, where it is a high one.
    pub fn hdr(&self) -> Option<Hdr> {
        match self.transfer.as_deref() {
            Some("smpte2084") => Some(Hdr::Pq),
            Some("arib-std-b67") => Some(Hdr::Hlg),
            Some(_) | None => None,
        }
    }

    /// The audio bit rate in kbit/s above which nothing is gained.
    pub fn audio_kbps(&self) -> u32 {
        self.audio.as_ref().map_or(u32::MAX, AudioFacts::held_kbps)
    }

    /// When the clip begins, in milliseconds after the file's own beginning: with the first picture, unless sound worth
    /// hearing comes before it. Then the first picture is held until its time.
    pub fn origin_ms(&self) -> u64 {
        /// Codecs of sound begin with a frame or two of nothing.
        const PRIMING_MS: u64 = 100;
        if self.start_ms <= PRIMING_MS {
            self.start_ms
        } else {
            0
        }
    }

    /// For how long the first picture is held.
    pub fn held_ms(&self) -> u64 {
        self.start_ms - self.origin_ms()
    }

    /// Whether a picture in the middle can be reached without reading all before it.
    pub fn seekable(&self) -> bool {
        self.container.split(',').any(|name| name == "mp4")
    }

    /// Width and height as shown: square pixels, rotation applied.
    pub fn display_size(&self) -> (u32, u32) {
        let (num, den) = self.sample_aspect;
        let width = if num == 0 || den == 0 || num == den {
            self.coded_width
        } else {
            let scaled = (u64::from(self.coded_width) * u64::from(num) + u64::from(den) / 2) / u64::from(den);
            u32::try_from(scaled).unwrap_or(u32::MAX)
        };
        if self.quarter_turned() {
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
    /// The media is encrypted.
    Encrypted,
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
            Self::Encrypted => "encrypted",
        }
    }
}
