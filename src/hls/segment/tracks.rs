//! The picture and the sound track of a segment, gathered packet by packet.

use std::ops::Range;

use super::{InspectError, KeyFrame};
use crate::hls::clock::unwrap_near;
use crate::hls::nal::{NAL_DELIMITER, NAL_IDR, NAL_SPS, nal_type, nal_units};
use crate::hls::pes::{Pes, PesAssembler};
use crate::hls::ts::{Packet, Stream};

const STREAM_H264: u8 = 0x1b;
const STREAM_ADTS: u8 = 0x0f;

/// Sound and picture formats that we know of and that a Clipper segment cannot carry: MPEG-1 and MPEG-2, LATM,
/// MPEG-4, HEVC, AC-3, E-AC-3 and the sample-encrypted forms. Anything else is data, such as timed ID3.
const FOREIGN_STREAMS: [u8; 13] = [
    0x01, 0x02, 0x03, 0x04, 0x10, 0x11, 0x24, 0x81, 0x87, 0xc1, 0xc2, 0xcf, 0xdb,
];

/// The first picture and the first sound track of the programme.
#[derive(Default)]
pub(super) struct Tracks {
    video_pid: Option<u16>,
    audio_pid: Option<u16>,
    video_packets: PesAssembler,
    audio_packets: PesAssembler,
    video: Video,
    sound: Sound,
}

impl Tracks {
    pub(super) fn open(streams: &[Stream]) -> Result<Self, InspectError> {
        let mut tracks = Self::default();
        for stream in streams {
            match stream.stream_type {
                STREAM_H264 => tracks.video_pid = tracks.video_pid.or(Some(stream.pid)),
                STREAM_ADTS => tracks.audio_pid = tracks.audio_pid.or(Some(stream.pid)),
                stream_type if FOREIGN_STREAMS.contains(&stream_type) => {
                    return Err(InspectError::ForeignStream { stream_type });
                }
                _ => {}
            }
        }
        Ok(tracks)
    }

    pub(super) fn take(&mut self, packet: &Packet<'_>, offset: usize) -> Result<(), InspectError> {
        if Some(packet.pid) == self.video_pid {
            if let Some(pes) = self.video_packets.take(packet, offset)? {
                self.video.take(&pes);
            }
        } else if Some(packet.pid) == self.audio_pid
            && let Some(pes) = self.audio_packets.take(packet, offset)?
        {
            self.sound.take(&pes);
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(Video, Sound), InspectError> {
        if let Some(pes) = self.video_packets.finish()? {
            self.video.take(&pes);
        }
        if let Some(pes) = self.audio_packets.finish()? {
            self.sound.take(&pes);
        }
        Ok((self.video, self.sound))
    }
}

#[derive(Default)]
pub(super) struct Video {
    /// PTS and DTS of the first access unit.
    pub(super) first: Option<(i64, i64)>,
    pub(super) last_pts: i64,
    pub(super) frames: u32,
    pub(super) leading_frames: u32,
    pub(super) starts_with_idr: bool,
    pub(super) key_frames: Vec<KeyFrame>,
    pub(super) parameter_sets: Vec<Vec<u8>>,
}

impl Video {
    fn take(&mut self, pes: &Pes) {
        let (mut idr, mut delimiters) = (false, 0_u32);
        for nal in nal_units(&pes.payload) {
            match nal_type(nal) {
                Some(NAL_IDR) => idr = true,
                Some(NAL_DELIMITER) => delimiters = delimiters.saturating_add(1),
                Some(NAL_SPS) if !self.parameter_sets.iter().any(|known| known == nal) => {
                    self.parameter_sets.push(nal.to_vec());
                }
                _ => {}
            }
        }
        match (pes.pts, pes.dts) {
            (Some(pts), Some(dts)) => {
                // Only the first access unit of a PES packet has a time stamp; most muxers write one in each.
                self.frames = self.frames.saturating_add(delimiters.max(1));
                self.take_stamped(pts, dts, idr, &pes.range);
            }
            _ => self.frames = self.frames.saturating_add(delimiters),
        }
    }

    fn take_stamped(&mut self, pts: i64, dts: i64, idr: bool, range: &Range<usize>) {
        let Some((first_pts, _)) = self.first else {
            self.first = Some((pts, unwrap_near(pts, dts)));
            self.last_pts = pts;
            self.starts_with_idr = idr;
            return self.note_key_frame(pts, idr, range);
        };
        let pts = unwrap_near(first_pts, pts);
        self.last_pts = self.last_pts.max(pts);
        self.leading_frames += u32::from(pts < first_pts);
        self.note_key_frame(pts, idr, range);
    }

    fn note_key_frame(&mut self, pts: i64, idr: bool, range: &Range<usize>) {
        if idr {
            let (offset, length) = (range.start as u64, range.len() as u64);
            self.key_frames.push(KeyFrame { pts, offset, length });
        }
    }
}

#[derive(Default)]
pub(super) struct Sound {
    pub(super) first_pts: Option<i64>,
    pub(super) stream: Vec<u8>,
}

impl Sound {
    fn take(&mut self, pes: &Pes) {
        self.first_pts = self.first_pts.or(pes.pts);
        self.stream.extend_from_slice(&pes.payload);
    }
}
