//! Coded pictures out of the MPEG-TS that an encoder writes, while it grows.

use thiserror::Error;

use super::Picture;
use crate::hls::clock::unwrap_near;
use crate::hls::hevc;
use crate::hls::nal::{NAL_IDR, nal_type, nal_units};
use crate::hls::pes::Header;
use crate::hls::ts::{Continuity, PACKET_BYTES, Packet, STREAM_H264, STREAM_HEVC, Tables};

/// Why the bytes are not a stream of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BadStream {
    /// The sync byte is missing or the packet contradicts itself.
    #[error("no transport packet at byte {offset}")]
    NoPacket {
        /// From the start of the stream.
        offset: u64,
    },
    /// A packet is damaged, or some are missing before it.
    #[error("packets are missing or damaged before byte {offset}")]
    Lost {
        /// From the start of the stream.
        offset: u64,
    },
    /// The programme has no picture that we can read.
    #[error("the programme has neither H.264 nor HEVC")]
    NoVideo,
    /// The header of a PES packet is damaged, or has no time stamps.
    #[error("the picture before byte {offset} has no readable header")]
    BadPicture {
        /// From the start of the stream.
        offset: u64,
    },
    /// The sound beside the pictures is damaged, or ends inside a frame.
    #[error("no whole AAC frame at byte {offset} of the sound")]
    Sound {
        /// From the start of the sound.
        offset: u64,
    },
    /// The stream ends inside a packet.
    #[error("the stream ends inside a transport packet")]
    Truncated,
}

/// Takes the bytes of a transport stream as they come. Each PES packet of the video is one picture, as encoders write it.
#[derive(Default)]
pub struct TsReader {
    /// Less than a packet.
    rest: Vec<u8>,
    offset: u64,
    continuity: Continuity,
    tables: Tables,
    video: Option<Video>,
}

impl TsReader {
    /// Takes more of the stream; gives the pictures that are known to be whole.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Picture>, BadStream> {
        let mut pictures = Vec::new();
        let missing = (PACKET_BYTES - self.rest.len()) % PACKET_BYTES;
        let (completing, bytes) = bytes.split_at(missing.min(bytes.len()));
        self.rest.extend_from_slice(completing);
        if let Some(packet) = self.rest.first_chunk().copied() {
            pictures.extend(self.take(&packet)?);
            self.rest.clear();
        }
        let (packets, rest) = bytes.as_chunks();
        for packet in packets {
            pictures.extend(self.take(packet)?);
        }
        self.rest.extend_from_slice(rest);
        Ok(pictures)
    }

    /// The stream has ended; gives the last picture.
    pub fn finish(mut self) -> Result<Option<Picture>, BadStream> {
        if !self.rest.is_empty() {
            return Err(BadStream::Truncated);
        }
        let offset = self.offset;
        let video = self.video.as_mut().ok_or(BadStream::NoVideo)?;
        video.finish_picture(offset)
    }

    fn take(&mut self, bytes: &[u8; PACKET_BYTES]) -> Result<Option<Picture>, BadStream> {
        let offset = self.offset;
        self.offset += PACKET_BYTES as u64;
        let packet = Packet::parse(bytes).ok_or(BadStream::NoPacket { offset })?;
        self.continuity.note(&packet);
        if self.continuity.errors > 0 {
            return Err(BadStream::Lost { offset });
        }
        if self.tables.take(&packet) {
            if let (None, Some(streams)) = (&self.video, self.tables.streams()) {
                let mut videos = streams
                    .iter()
                    .filter_map(|stream| Video::of(stream.pid, stream.stream_type));
                self.video = Some(videos.next().ok_or(BadStream::NoVideo)?);
            }
            return Ok(None);
        }
        match &mut self.video {
            Some(video) if video.pid == packet.pid => video.take(&packet, offset),
            Some(_) | None => Ok(None),
        }
    }
}

/// The pictures of one stream.
struct Video {
    pid: u16,
    is_key: fn(&[u8]) -> bool,
    /// The PES packet under way.
    unit: Vec<u8>,
    last_dts: Option<i64>,
}

impl Video {
    fn of(pid: u16, stream_type: u8) -> Option<Self> {
        let is_key = match stream_type {
            STREAM_H264 => is_h264_key,
            STREAM_HEVC => is_hevc_key,
            _ => return None,
        };
        Some(Self {
            pid,
            is_key,
            unit: Vec::new(),
            last_dts: None,
        })
    }

    fn take(&mut self, packet: &Packet<'_>, offset: u64) -> Result<Option<Picture>, BadStream> {
        let finished = if packet.starts_unit() {
            self.finish_picture(offset)?
        } else {
            None
        };
        self.unit.extend_from_slice(packet.payload);
        Ok(finished)
    }

    fn finish_picture(&mut self, offset: u64) -> Result<Option<Picture>, BadStream> {
        if self.unit.is_empty() {
            return Ok(None);
        }
        let picture = self.picture().ok_or(BadStream::BadPicture { offset })?;
        self.unit.clear();
        Ok(Some(picture))
    }

    fn picture(&mut self) -> Option<Picture> {
        let header = Header::parse(&self.unit)?;
        let data = self.unit.get(header.length..header.end)?.to_vec();
        let dts = header.dts?;
        let dts = unwrap_near(self.last_dts.unwrap_or(dts), dts);
        self.last_dts = Some(dts);
        Some(Picture {
            pts: u64::try_from(unwrap_near(dts, header.pts?)).ok()?,
            dts: u64::try_from(dts).ok()?,
            key: (self.is_key)(&data),
            data,
        })
    }
}

/// Whether the first slice is an IDR slice (ITU-T H.264, table 7-1).
fn is_h264_key(picture: &[u8]) -> bool {
    let mut kinds = nal_units(picture).filter_map(nal_type);
    kinds.find(|kind| (1..=NAL_IDR).contains(kind)) == Some(NAL_IDR)
}

/// Whether the first slice is of `IDR_W_RADL` or `IDR_N_LP` (ITU-T H.265, table 7-1).
fn is_hevc_key(picture: &[u8]) -> bool {
    let mut kinds = nal_units(picture).filter_map(hevc::nal_type);
    matches!(
        kinds.find(|kind| *kind < 32),
        Some(hevc::NAL_IDR_W_RADL | hevc::NAL_IDR_N_LP)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::synthetic::Synthetic;

    /// Three pictures of 25 a second, the first an IDR picture, and sound beside them.
    fn stream(pts: i64) -> Vec<u8> {
        Synthetic::segment(pts, 3)
    }

    fn read(stream: &[u8], step: usize) -> Result<Vec<Picture>, BadStream> {
        let mut reader = TsReader::default();
        let mut pictures = Vec::new();
        for bytes in stream.chunks(step) {
            pictures.extend(reader.push(bytes)?);
        }
        pictures.extend(reader.finish()?);
        Ok(pictures)
    }

    #[test]
    fn pictures_come_out_whole_however_the_stream_is_cut() {
        let stream = stream(9000);
        let whole = read(&stream, stream.len()).unwrap();
        let facts: Vec<_> = whole.iter().map(|p| (p.pts, p.dts, p.key)).collect();
        assert_eq!(
            facts,
            [
                (9000, 9000, true),
                (12_600, 12_600, false),
                (16_200, 16_200, false)
            ]
        );
        assert!(
            whole
                .iter()
                .all(|picture| picture.data.starts_with(&[0, 0, 0, 1, 9]))
        );
        for step in [1, 187, 188, 189, 400] {
            assert_eq!(read(&stream, step).as_ref(), Ok(&whole), "in steps of {step}");
        }
    }

    #[test]
    fn time_goes_on_where_its_stamps_start_again() {
        let start = (1 << 33) - 5000;
        let times: Vec<_> = read(&stream(start), 188).unwrap().iter().map(|p| p.dts).collect();
        let start = u64::try_from(start).unwrap();
        assert_eq!(times, [start, start + 3600, start + 7200]);
    }

    #[test]
    fn what_is_lost_or_cut_short_is_an_error() {
        let mut stream = stream(0);
        assert_eq!(read(&stream[..stream.len() - 1], 188), Err(BadStream::Truncated));
        assert_eq!(read(&[], 188), Err(BadStream::NoVideo));
        let last = stream.len() - 2 * PACKET_BYTES;
        stream[last + 3] ^= 1;
        assert_eq!(read(&stream, 188), Err(BadStream::Lost { offset: last as u64 }));
        stream[last] = 0;
        assert_eq!(
            read(&stream, 188),
            Err(BadStream::NoPacket { offset: last as u64 })
        );
    }

    #[test]
    fn an_hevc_picture_is_known_by_its_first_slice() {
        let delimiter = [0, 0, 0, 1, 35 << 1, 1, 0x50];
        let slice = |kind: u8| [&delimiter[..], &[0, 0, 1, kind << 1, 1, 0xaf]].concat();
        let keys: Vec<_> = [0, 1, 19, 20, 21]
            .into_iter()
            .filter(|kind| is_hevc_key(&slice(*kind)))
            .collect();
        assert_eq!(keys, [19, 20]);
    }
}
