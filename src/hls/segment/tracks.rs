//! The picture and the sound track of a transport stream, gathered packet by packet.

use std::ops::Range;

use super::InspectError;
use crate::hls::nal::nal_units;
use crate::hls::pes::{Pes, PesAssembler};
use crate::hls::ts::{Packet, STREAM_ADTS, STREAM_H264, STREAM_HEVC, Stream};
use crate::hls::video::{Coding, Stamp, Video};

/// Sound and picture formats that we know of and do not read: MPEG-1 and MPEG-2, LATM, MPEG-4, AC-3, E-AC-3 and the
/// sample-encrypted forms. Anything else is data, such as timed ID3.
const FOREIGN_STREAMS: [u8; 12] = [
    0x01, 0x02, 0x03, 0x04, 0x10, 0x11, 0x81, 0x87, 0xc1, 0xc2, 0xcf, 0xdb,
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
                STREAM_H264 => tracks.open_video(stream.pid, Coding::H264),
                // Against APL 1.5; read all the same, so that the validator can say so.
                STREAM_HEVC => tracks.open_video(stream.pid, Coding::Hevc),
                STREAM_ADTS => tracks.audio_pid = tracks.audio_pid.or(Some(stream.pid)),
                stream_type if FOREIGN_STREAMS.contains(&stream_type) => {
                    return Err(InspectError::ForeignStream { stream_type });
                }
                _ => {}
            }
        }
        Ok(tracks)
    }

    fn open_video(&mut self, pid: u16, coding: Coding) {
        if self.video_pid.is_none() {
            self.video_pid = Some(pid);
            self.video = Video::new(coding);
        }
    }

    /// Takes a packet; `range` holds it and the tables right before it.
    pub(super) fn take(&mut self, packet: &Packet<'_>, range: Range<usize>) -> Result<(), InspectError> {
        if Some(packet.pid) == self.video_pid {
            if let Some(pes) = self.video_packets.take(packet, range)? {
                take_picture(&mut self.video, &pes);
            }
        } else if Some(packet.pid) == self.audio_pid
            && let Some(pes) = self.audio_packets.take(packet, range)?
        {
            self.sound.take(&pes);
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(Video, Sound), InspectError> {
        if let Some(pes) = self.video_packets.finish()? {
            take_picture(&mut self.video, &pes);
        }
        if let Some(pes) = self.audio_packets.finish()? {
            self.sound.take(&pes);
        }
        Ok((self.video, self.sound))
    }
}

fn take_picture(video: &mut Video, pes: &Pes) {
    let contents = video.read(nal_units(&pes.payload));
    match (pes.pts, pes.dts) {
        (Some(pts), Some(dts)) => {
            // Only the first access unit of a PES packet has a time stamp; most muxers write one in each.
            video.frames = video.frames.saturating_add(contents.delimiters.max(1));
            video.take(Stamp { pts, dts }, &contents, &pes.range);
        }
        _ => video.frames = video.frames.saturating_add(contents.delimiters),
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
