//! Coded pictures and sound in, media segments out, and back.
//!
//! An encoder's output is read as it grows ([`TsReader`], [`AdtsReader`]) and written as segments ([`ts_segment`],
//! [`media_segment`]) that fit together without a seam, whichever workers wrote them, or as one file to be downloaded
//! ([`download_head`]).
//!
//! Promises:
//! - pure: no files, clock or network, the same pictures always give the same bytes;
//! - a segment depends on nothing but its own pictures and sound: what it needs of its neighbours is in the time
//!   stamps, which count from the start of the presentation;
//! - damaged input gives a typed error, never a panic.

mod mp4;
mod read_adts;
mod read_segment;
mod read_ts;
mod ts;

pub use mp4::{
    AudioConfig, Chunk, PictureFormat, PictureSample, SoundSample, UnknownFormat, VideoConfig, download_head,
    init_segment, media_segment, picture_sample, sound_sample,
};
pub use read_adts::{AdtsReader, BadSound};
pub use read_segment::{TsMedia, read_ts_segment};
pub use read_ts::{BadStream, TsReader};
pub use ts::{PCR_LEAD, TsSegment, ts_segment};

/// One coded picture in Annex B form, with time stamps in 90 kHz ticks from the start of the presentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// When it is shown.
    pub pts: u64,
    /// When it is decoded; never after `pts`.
    pub dts: u64,
    /// An IDR picture.
    pub key: bool,
    /// NAL units between start codes.
    pub data: Vec<u8>,
}

/// One AAC frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoundFrame<'a> {
    /// When it is heard, in 90 kHz ticks from the start of the presentation.
    pub pts: u64,
    /// With its ADTS header.
    pub adts: &'a [u8],
}
