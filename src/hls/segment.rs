//! One segment of H.264 or HEVC and AAC: its facts, read from its bytes.

mod fragment;
#[cfg(test)]
mod tests;
mod tracks;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::aac::{self, AudioFacts, BadFrame};
use super::boxes::BadBox;
use super::clock::unwrap_near;
use super::init::InitFacts;
use super::pes::BadPes;
use super::picture::PictureFacts;
use super::playlist::Container;
use super::ts::{Continuity, PACKET_BYTES, Packet, Tables};
use super::video::Video;
use fragment::Extent;
use tracks::Tracks;

/// What a segment holds. Time stamps are 90 kHz ticks; the first video time stamp is as in the stream, all others
/// are unwrapped to lie near it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentFacts {
    /// What it is made of.
    pub container: Container,
    /// Length of the whole segment.
    pub bytes: u64,
    /// In MPEG-TS, PAT and PMT come before any sound or picture.
    pub tables_first: bool,
    /// Transport packets that are damaged or missing.
    pub lost_packets: u32,
    /// The first access unit is an IDR picture.
    pub starts_with_idr: bool,
    /// Of the first access unit in decoding order.
    pub first_pts: i64,
    /// The latest of all access units.
    pub last_pts: i64,
    /// Of the first access unit.
    pub first_dts: i64,
    /// Video access units.
    pub frames: u32,
    /// Access units shown before the first one: more than none means an open GOP.
    pub leading_frames: u32,
    /// The IDR pictures.
    pub key_frames: Vec<KeyFrame>,
    /// What the first sequence parameter set says.
    pub picture: PictureFacts,
    /// How many different sequence parameter sets there are.
    pub distinct_sps: u32,
    /// `None` for a silent segment.
    pub audio: Option<AudioFacts>,
}

/// An IDR picture and where it lies: what an I-frame playlist points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFrame {
    /// When it is shown.
    pub pts: i64,
    /// Of its first transport packet, or of the PAT if that and the PMT lie right before it; in fMP4, of the fragment.
    pub offset: u64,
    /// Bytes to the end of its last transport packet, or of its sample.
    pub length: u64,
}

/// A segment of any rendition: with pictures, or with nothing but sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaFacts {
    /// What it is made of.
    pub container: Container,
    /// Length of the whole segment.
    pub bytes: u64,
    /// The pictures and the sound beside them.
    pub video: Option<SegmentFacts>,
    /// The sound, with or without pictures.
    pub audio: Option<AudioFacts>,
}

/// Why bytes are no segment of H.264 or HEVC and AAC.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InspectError {
    /// The length is not a multiple of the packet size.
    #[error("transport stream ends inside a packet, {tail} bytes after the last whole one")]
    Truncated {
        /// Bytes left over.
        tail: usize,
    },
    /// The sync byte is missing or the packet contradicts itself.
    #[error("no transport packet at byte {offset}")]
    NoPacket {
        /// Where it should start.
        offset: usize,
    },
    /// The payload is encrypted.
    #[error("transport packet at byte {offset} is scrambled")]
    Scrambled {
        /// Of the packet.
        offset: usize,
    },
    /// PAT or PMT are missing.
    #[error("segment has no programme tables")]
    NoTables,
    /// A stream of a kind that we do not read.
    #[error("stream type {stream_type:#04x} is neither H.264, HEVC nor AAC")]
    ForeignStream {
        /// As in the PMT.
        stream_type: u8,
    },
    /// A PES packet is damaged or shorter than it says.
    #[error("PES packet at byte {offset} is damaged")]
    BadPes {
        /// Of its first transport packet.
        offset: usize,
    },
    /// No picture with a time stamp.
    #[error("segment has no picture")]
    NoVideo,
    /// Neither picture nor sound.
    #[error("segment has neither picture nor sound")]
    NoMedia,
    /// A box at the top says that it is longer than the file.
    #[error("no box at byte {offset}")]
    NoBox {
        /// Where it should start.
        offset: usize,
    },
    /// A box that is needed is missing, ends early or contradicts itself.
    #[error("box `{name}` is missing or damaged")]
    BadBox {
        /// Its four characters.
        name: &'static str,
    },
    /// A sample entry of a kind that we do not read.
    #[error("sample entry `{name}` is neither H.264, HEVC nor AAC")]
    ForeignEntry {
        /// Its four characters.
        name: String,
    },
    /// Boxes, and no init segment to read them with.
    #[error("fMP4 without EXT-X-MAP")]
    NoInit,
    /// The init segment says that the samples are encrypted.
    #[error("samples are encrypted")]
    Encrypted,
    /// The samples of a fragment lie outside the segment, or over each other.
    #[error("samples lie outside the segment")]
    StraySamples,
    /// Without a sequence parameter set the segment cannot be decoded on its own.
    #[error("segment has no sequence parameter set")]
    NoSps,
    /// The first sequence parameter set cannot be read.
    #[error("sequence parameter set is damaged")]
    BadSps,
    /// An ADTS header is missing or announces another kind of sound.
    #[error("AAC frame at byte {offset} of the sound is damaged")]
    BadAudio {
        /// In the elementary stream.
        offset: usize,
    },
}

impl From<BadPes> for InspectError {
    fn from(bad: BadPes) -> Self {
        Self::BadPes { offset: bad.offset }
    }
}

impl From<BadFrame> for InspectError {
    fn from(bad: BadFrame) -> Self {
        Self::BadAudio { offset: bad.offset }
    }
}

impl From<BadBox> for InspectError {
    fn from(bad: BadBox) -> Self {
        Self::NoBox { offset: bad.offset }
    }
}

/// Reads a whole MPEG-TS segment with pictures.
pub fn inspect_segment(bytes: &[u8]) -> Result<SegmentFacts, InspectError> {
    inspect_ts(bytes)?.video.ok_or(InspectError::NoVideo)
}

/// Reads a whole fMP4 segment with pictures.
pub fn inspect_fmp4(init: &InitFacts, bytes: &[u8]) -> Result<SegmentFacts, InspectError> {
    fragment::inspect(init, bytes, Extent::Whole)?
        .video
        .ok_or(InspectError::NoVideo)
}

/// Reads a whole segment of any rendition: fMP4 when there is an init segment, else MPEG-TS.
pub fn inspect_media(init: Option<&InitFacts>, bytes: &[u8]) -> Result<MediaFacts, InspectError> {
    match init {
        Some(init) => fragment::inspect(init, bytes, Extent::Whole),
        None => inspect_ts(bytes),
    }
}

/// Reads what an I-frame playlist points to: a part of a segment that starts with a fragment or with tables.
pub fn inspect_key_frame(init: Option<&InitFacts>, bytes: &[u8]) -> Result<MediaFacts, InspectError> {
    match init {
        Some(init) => fragment::inspect(init, bytes, Extent::Range),
        None => inspect_ts(bytes),
    }
}

fn inspect_ts(bytes: &[u8]) -> Result<MediaFacts, InspectError> {
    if is_fragment(bytes) {
        return Err(InspectError::NoInit);
    }
    let (packets, tail) = bytes.as_chunks::<PACKET_BYTES>();
    if !tail.is_empty() {
        return Err(InspectError::Truncated { tail: tail.len() });
    }
    let mut inspection = Inspection::default();
    for (index, raw) in packets.iter().enumerate() {
        let offset = index * PACKET_BYTES;
        let packet = Packet::parse(raw).ok_or(InspectError::NoPacket { offset })?;
        inspection.take(&packet, offset)?;
    }
    inspection.finish(bytes.len())
}

/// By the kind of the first box.
fn is_fragment(bytes: &[u8]) -> bool {
    const FIRST: [&[u8]; 5] = [b"styp", b"ftyp", b"sidx", b"moof", b"emsg"];
    bytes.get(4..8).is_some_and(|kind| FIRST.contains(&kind))
}

/// A segment while its packets go by.
#[derive(Default)]
struct Inspection {
    continuity: Continuity,
    tables: Tables,
    tracks: Option<Tracks>,
    media_before_tables: bool,
    /// Where the tables right before this packet start.
    tables_at: Option<usize>,
}

impl Inspection {
    fn take(&mut self, packet: &Packet<'_>, offset: usize) -> Result<(), InspectError> {
        self.continuity.note(packet);
        if packet.scrambled() {
            return Err(InspectError::Scrambled { offset });
        }
        if self.tables.take(packet) {
            if packet.starts_tables() {
                self.tables_at = Some(offset);
            }
            if let (None, Some(streams)) = (&self.tracks, self.tables.streams()) {
                self.tracks = Some(Tracks::open(streams)?);
            }
            return Ok(());
        }
        if !packet.may_be_media() {
            return Ok(());
        }
        let start = self.tables_at.take().unwrap_or(offset);
        if let Some(tracks) = &mut self.tracks {
            return tracks.take(packet, start..offset + PACKET_BYTES);
        }
        self.media_before_tables = true;
        Ok(())
    }

    fn finish(self, length: usize) -> Result<MediaFacts, InspectError> {
        let (video, sound) = self.tracks.ok_or(InspectError::NoTables)?.finish()?;
        let near = |start| video.first.map_or(start, |first| unwrap_near(first.pts, start));
        let audio = match sound.first_pts {
            Some(start) => aac::read_frames(&sound.stream, near(start))?,
            None => None,
        };
        let segment = Segment {
            container: Container::Ts,
            bytes: length as u64,
            tables_first: !self.media_before_tables,
            lost_packets: self.continuity.errors,
        };
        segment.facts(video, audio)
    }
}

/// What is known of a segment beside its tracks.
struct Segment {
    container: Container,
    bytes: u64,
    tables_first: bool,
    lost_packets: u32,
}

impl Segment {
    fn facts(self, video: Video, audio: Option<AudioFacts>) -> Result<MediaFacts, InspectError> {
        let Self { container, bytes, .. } = self;
        let video = match video.first {
            Some(_) => Some(self.video(video, audio.clone())?),
            None => None,
        };
        Ok(MediaFacts {
            container,
            bytes,
            video,
            audio,
        })
    }

    fn video(self, video: Video, audio: Option<AudioFacts>) -> Result<SegmentFacts, InspectError> {
        let first = video.first.ok_or(InspectError::NoVideo)?;
        Ok(SegmentFacts {
            container: self.container,
            bytes: self.bytes,
            tables_first: self.tables_first,
            lost_packets: self.lost_packets,
            starts_with_idr: video.starts_with_idr,
            first_pts: first.pts,
            last_pts: video.last_pts,
            first_dts: first.dts,
            frames: video.frames,
            leading_frames: video.leading_frames,
            picture: video.picture()?,
            distinct_sps: u32::try_from(video.parameter_sets.len()).unwrap_or(u32::MAX),
            key_frames: video.key_frames,
            audio,
        })
    }
}
