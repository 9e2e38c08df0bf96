//! What HLS asks of a rendition, and whether a rendition keeps to it.
//!
//! Bytes become facts ([`inspect_segment`]), facts become a measured rendition ([`measure`]), measured renditions
//! become playlists ([`MediaPlaylist`], [`MasterPlaylist`]), and every step can be checked against Apple's authoring
//! specification and RFC 8216 ([`validate_rendition`], [`validate_set`], [`validate_master`]).
//!
//! Promises:
//! - pure: no files, clock or network, the same bytes always give the same answer;
//! - arbitrary bytes and text give a typed error, never a panic;
//! - durations, bit rates, `CODECS` and sizes come from the bytes, never from what an encoder was asked to do; only
//!   the frame rate is given, for `FRAME-RATE` and for how long the very last picture is shown;
//! - durations are whole ticks of the 90 kHz clock, so no sum of them drifts.

pub(crate) mod aac;
pub(crate) mod bits;
mod boxes;
pub(crate) mod clock;
pub(crate) mod hevc;
mod i_frames;
mod init;
mod master;
pub(crate) mod nal;
mod parse;
pub(crate) mod pes;
mod picture;
mod playlist;
mod rendition;
mod segment;
pub(crate) mod sps;
mod subtitles;
#[cfg(test)]
pub(crate) mod synthetic;
pub(crate) mod ts;
mod validate;
mod video;
mod webvtt;

pub use aac::AudioFacts;
pub use i_frames::{IFramePlaylist, KeyFrames};
pub use init::{InitFacts, inspect_init};
pub use master::{IFrameVariant, MasterPlaylist, MasterVariant, SubtitleTrack};
pub use parse::{
    ParseError, ParsedMap, ParsedMaster, ParsedMedia, ParsedRendition, ParsedSegment, ParsedVariant,
    Playlist, byte_ranges, parse_byte_range, parse_playlist,
};
pub use picture::{HevcProfile, PictureFacts, SampleEntry, VideoCodec};
pub use playlist::{Container, MediaPlaylist, PlaylistKind, SegmentName, SegmentNames, parse_segment_name};
pub use rendition::{MeasureError, RenditionFacts, SegmentEntry, measure};
pub use segment::{
    InspectError, KeyFrame, MediaFacts, SegmentFacts, inspect_fmp4, inspect_key_frame, inspect_media,
    inspect_segment,
};
pub use subtitles::SubtitlePlaylist;
pub use validate::{
    CaptionFacts, Expected, Finding, LoadedPlaylist, LoadedSegment, Report, Role, Severity, read_captions,
    validate_declared, validate_master, validate_media, validate_presentation, validate_rendition,
    validate_set,
};
pub use webvtt::{Captions, CaptionsError};
