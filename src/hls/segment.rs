//! One MPEG-TS segment of H.264 and optional AAC: its facts, read from its bytes.

#[cfg(test)]
mod tests;
mod tracks;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::aac::{self, AudioFacts, BadFrame};
use super::clock::unwrap_near;
use super::pes::BadPes;
use super::sps::Sps;
use super::ts::{Continuity, PACKET_BYTES, Packet, Tables};
use tracks::Tracks;

/// What a segment holds. Time stamps are 90 kHz ticks; the first video time stamp is as in the stream, all others
/// are unwrapped to lie near it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentFacts {
    /// Length of the whole segment.
    pub bytes: u64,
    /// PAT and PMT come before any sound or picture.
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
    /// The first sequence parameter set.
    pub sps: Sps,
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
    /// Of its first transport packet in the segment.
    pub offset: u64,
    /// Bytes to the end of its last transport packet.
    pub length: u64,
}

/// Why bytes are no segment of H.264 and AAC in MPEG-TS.
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
    /// A stream of a kind that is not served in MPEG-TS.
    #[error("stream type {stream_type:#04x} is neither H.264 nor AAC")]
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
    #[error("segment has no H.264 picture")]
    NoVideo,
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

/// Reads a whole segment.
pub fn inspect_segment(bytes: &[u8]) -> Result<SegmentFacts, InspectError> {
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

/// A segment while its packets go by.
#[derive(Default)]
struct Inspection {
    continuity: Continuity,
    tables: Tables,
    tracks: Option<Tracks>,
    media_before_tables: bool,
}

impl Inspection {
    fn take(&mut self, packet: &Packet<'_>, offset: usize) -> Result<(), InspectError> {
        self.continuity.note(packet);
        if packet.scrambled() {
            return Err(InspectError::Scrambled { offset });
        }
        if self.tables.take(packet) {
            if let (None, Some(streams)) = (&self.tracks, self.tables.streams()) {
                self.tracks = Some(Tracks::open(streams)?);
            }
            return Ok(());
        }
        if let Some(tracks) = &mut self.tracks {
            return tracks.take(packet, offset);
        }
        self.media_before_tables |= packet.may_be_media();
        Ok(())
    }

    fn finish(self, length: usize) -> Result<SegmentFacts, InspectError> {
        let (video, sound) = self.tracks.ok_or(InspectError::NoTables)?.finish()?;
        let (pts, dts) = video.first.ok_or(InspectError::NoVideo)?;
        let sps = video.parameter_sets.first().ok_or(InspectError::NoSps)?;
        let audio = match sound.first_pts {
            Some(start) => aac::read_frames(&sound.stream, unwrap_near(pts, start))?,
            None => None,
        };
        Ok(SegmentFacts {
            bytes: length as u64,
            tables_first: !self.media_before_tables,
            lost_packets: self.continuity.errors,
            starts_with_idr: video.starts_with_idr,
            first_pts: pts,
            last_pts: video.last_pts,
            first_dts: dts,
            frames: video.frames,
            leading_frames: video.leading_frames,
            sps: Sps::parse(sps).ok_or(InspectError::BadSps)?,
            distinct_sps: u32::try_from(video.parameter_sets.len()).unwrap_or(u32::MAX),
            key_frames: video.key_frames,
            audio,
        })
    }
}
