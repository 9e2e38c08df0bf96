//! A segment of MPEG-TS taken apart again: its pictures and its sound.

use super::read_adts::{AdtsReader, BadSound};
use super::read_ts::{BadStream, TsReader};
use super::{Picture, SoundFrame};
use crate::hls::aac::read_header;
use crate::hls::pes::Header;
use crate::hls::ts::{PACKET_BYTES, Packet, STREAM_ADTS, Tables};

/// Samples of a frame of AAC.
const FRAME_SAMPLES: u64 = 1_024;

/// What is in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TsMedia {
    /// In decoding order.
    pub pictures: Vec<Picture>,
    /// The frames of the first sound track, with their headers.
    frames: Vec<Vec<u8>>,
    /// When the first of them is heard, and how many samples there are in a second.
    heard: (u64, u64),
}

impl TsMedia {
    /// The sound, frame by frame.
    pub fn sound(&self) -> impl Iterator<Item = SoundFrame<'_>> {
        let (start, rate) = self.heard;
        (0..)
            .zip(&self.frames)
            .map(move |(number, adts): (u64, _)| SoundFrame {
                pts: start + number * FRAME_SAMPLES * 90_000 / rate.max(1),
                adts,
            })
    }
}

/// Reads a segment as [`ts_segment`](super::ts_segment) writes it.
pub fn read_ts_segment(bytes: &[u8]) -> Result<TsMedia, BadStream> {
    let mut reader = TsReader::default();
    let mut pictures = reader.push(bytes)?;
    pictures.extend(reader.finish()?);
    let sound = Sound::gather(bytes).map_err(|bad| BadStream::Sound { offset: bad.offset })?;
    Ok(TsMedia {
        pictures,
        heard: sound.heard().unwrap_or_default(),
        frames: sound.frames,
    })
}

/// The sound while its packets go by, whose counters the reader of the pictures has checked.
#[derive(Default)]
struct Sound {
    unit: Vec<u8>,
    adts: AdtsReader,
    frames: Vec<Vec<u8>>,
    first_pts: Option<u64>,
}

impl Sound {
    fn gather(bytes: &[u8]) -> Result<Self, BadSound> {
        let mut sound = Self::default();
        let mut tables = Tables::default();
        for packet in bytes
            .as_chunks::<PACKET_BYTES>()
            .0
            .iter()
            .filter_map(Packet::parse)
        {
            if tables.take(&packet) {
                continue;
            }
            let streams = tables.streams().unwrap_or_default();
            let heard = streams.iter().find(|stream| stream.stream_type == STREAM_ADTS);
            if heard.is_some_and(|stream| stream.pid == packet.pid) {
                if packet.starts_unit() {
                    sound.finish_unit()?;
                }
                sound.unit.extend_from_slice(packet.payload);
            }
        }
        sound.finish_unit()?;
        std::mem::take(&mut sound.adts).finish()?;
        Ok(sound)
    }

    fn finish_unit(&mut self) -> Result<(), BadSound> {
        let unit = std::mem::take(&mut self.unit);
        let Some(header) = Header::parse(&unit) else {
            return Ok(());
        };
        let pts = header.pts.and_then(|pts| u64::try_from(pts).ok());
        self.first_pts = self.first_pts.or(pts);
        let payload = unit.get(header.length..header.end).unwrap_or_default();
        self.frames.extend(self.adts.push(payload)?);
        Ok(())
    }

    fn heard(&self) -> Option<(u64, u64)> {
        let (facts, _) = read_header(self.frames.first()?, 0)?;
        Some((self.first_pts?, u64::from(facts.sample_rate)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mux::ts_segment;

    fn picture(dts: u64, key: bool) -> Picture {
        Picture {
            pts: dts,
            dts,
            key,
            data: vec![0, 0, 0, 1, 9, 0xf0, 0, 0, 1, if key { 0x65 } else { 0x41 }, 0xa5],
        }
    }

    /// A frame of stereo AAC at 48 kHz with ten bytes of sound.
    fn frame(fill: u8) -> Vec<u8> {
        let [high, low] = (17_u16 << 5 | 0x1f).to_be_bytes();
        let mut frame = vec![0xff, 0xf1, 0x4c, 0x80, high, low, 0xfc];
        frame.resize(17, fill);
        frame
    }

    #[test]
    fn what_was_written_is_read_back() {
        let pictures: Vec<_> = (0..25)
            .map(|number| picture(900_000 + number * 3_600, number == 0))
            .collect();
        let frames: Vec<_> = (0..40).map(frame).collect();
        let sound: Vec<_> = (0..)
            .zip(&frames)
            .map(|(number, adts): (u64, _)| SoundFrame {
                pts: 900_480 + number * 1_920,
                adts,
            })
            .collect();
        let read = read_ts_segment(&ts_segment(&pictures, &sound).bytes).unwrap();
        assert_eq!(read.pictures, pictures);
        assert_eq!(read.sound().collect::<Vec<_>>(), sound);

        let silent = read_ts_segment(&ts_segment(&pictures, &[]).bytes).unwrap();
        assert_eq!((silent.pictures, silent.frames.len()), (pictures, 0));
    }

    #[test]
    fn damaged_sound_is_an_error() {
        let frames = [frame(1), frame(2)];
        let sound = [
            SoundFrame {
                pts: 0,
                adts: &frames[0],
            },
            SoundFrame {
                pts: 1_920,
                adts: &frames[1][..9],
            },
        ];
        let bytes = ts_segment(&[picture(0, true)], &sound).bytes;
        assert_eq!(read_ts_segment(&bytes), Err(BadStream::Sound { offset: 17 }));
    }
}
