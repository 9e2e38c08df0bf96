//! A small transport stream multiplexer for tests: segments whose every fact is known.

use std::collections::BTreeMap;

use super::ts::PACKET_BYTES;

pub(super) const PMT_PID: u16 = 0x1000;
pub(super) const VIDEO_PID: u16 = 0x100;
pub(super) const AUDIO_PID: u16 = 0x101;

/// A High profile, level 3.1, 1280×720 parameter set.
pub(crate) const SPS: &[u8] = &[
    0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10,
    0x00, 0x00, 0x03, 0x03, 0x00, 0xf1, 0x83, 0x19, 0x60,
];
const DELIMITER: &[u8] = &[0x09, 0xf0];
const PPS: &[u8] = &[0x68, 0xeb, 0xe3, 0xcb];
const IDR: &[u8] = &[0x65, 0x88, 0x84];
const SLICE: &[u8] = &[0x41, 0x9a, 0x24];

/// 48 kHz stereo AAC-LC frames of 16 bytes.
pub(super) fn adts_frames(count: usize) -> Vec<u8> {
    let mut frame = vec![0xff, 0xf1, 0x4c, 0x80, 0x02, 0x1f, 0xfc];
    frame.resize(16, 0xaa);
    frame.repeat(count)
}

#[derive(Default)]
pub(crate) struct Synthetic {
    bytes: Vec<u8>,
    counters: BTreeMap<u16, u8>,
}

impl Synthetic {
    /// A segment of `frames` pictures at 25 frames per second that starts at `pts`, with sound.
    pub(crate) fn segment(pts: i64, frames: u8) -> Vec<u8> {
        let streams = [(0x1b, VIDEO_PID), (0x0f, AUDIO_PID)];
        let mut segment = Self::default().tables(&streams).idr(pts);
        for frame in 1..i64::from(frames) {
            segment = segment.slice(pts + frame * 3600);
        }
        // The sound has a grid of its own, 1920 ticks a frame, that runs on from segment to segment.
        let first = (pts + 1919).div_euclid(1920);
        let next = (pts + i64::from(frames) * 3600 + 1919).div_euclid(1920);
        let sound = usize::try_from(next - first).unwrap();
        segment.sound(first * 1920, sound).bytes()
    }

    pub(super) fn tables(self, streams: &[(u8, u16)]) -> Self {
        let [high, low] = PMT_PID.to_be_bytes();
        let pat = section(0, &[0, 1, 0xe0 | high, low]);
        let mut entries = vec![0xe1, 0x00, 0xf0, 0x00];
        for (stream_type, pid) in streams {
            let [high, low] = pid.to_be_bytes();
            entries.extend([*stream_type, 0xe0 | high, low, 0xf0, 0]);
        }
        self.unit(0, &pat).unit(PMT_PID, &section(2, &entries))
    }

    pub(super) fn idr(self, pts: i64) -> Self {
        self.picture(pts, pts, &[DELIMITER, SPS, PPS, IDR])
    }

    pub(super) fn slice(self, pts: i64) -> Self {
        self.picture(pts, pts, &[DELIMITER, SLICE])
    }

    /// A PES packet of NAL units; its length is left open, as muxers do for video.
    pub(super) fn picture(self, pts: i64, dts: i64, nals: &[&[u8]]) -> Self {
        let mut unit = vec![0, 0, 1, 0xe0, 0, 0, 0x80, 0xc0, 10];
        unit.extend(time_stamp(3, pts));
        unit.extend(time_stamp(1, dts));
        for nal in nals {
            unit.extend([0, 0, 0, 1]);
            unit.extend(*nal);
        }
        self.unit(VIDEO_PID, &unit)
    }

    pub(super) fn sound(self, pts: i64, frames: usize) -> Self {
        let stream = adts_frames(frames);
        let [high, low] = u16::try_from(stream.len() + 8).unwrap().to_be_bytes();
        let mut unit = vec![0, 0, 1, 0xc0, high, low, 0x80, 0x80, 5];
        unit.extend(time_stamp(2, pts));
        unit.extend(stream);
        self.unit(AUDIO_PID, &unit)
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Splits a section or PES packet into transport packets, stuffed in the adaptation field.
    fn unit(mut self, pid: u16, unit: &[u8]) -> Self {
        let [pid_high, pid_low] = pid.to_be_bytes();
        for (index, payload) in unit.chunks(PACKET_BYTES - 4 - 2).enumerate() {
            let counter = self.counters.entry(pid).or_default();
            let start = if index == 0 { 0x40 } else { 0 };
            self.bytes
                .extend([0x47, start | pid_high, pid_low, 0x30 | *counter]);
            *counter = (*counter + 1) & 0x0f;
            let stuffing = PACKET_BYTES - 4 - 1 - payload.len();
            self.bytes.extend([u8::try_from(stuffing).unwrap(), 0]);
            self.bytes.extend(vec![0xff; stuffing - 1]);
            self.bytes.extend(payload);
        }
        self
    }
}

/// A long section after its pointer field; the checksum is left zero.
fn section(table: u8, body: &[u8]) -> Vec<u8> {
    let length = u8::try_from(body.len() + 5 + 4).unwrap();
    let mut section = vec![0, table, 0xb0, length, 0, 1, 0xc1, 0, 0];
    section.extend(body);
    section.extend([0; 4]);
    section
}

fn time_stamp(marker: u8, ticks: i64) -> [u8; 5] {
    let bits = |shift: u32, mask: i64| u8::try_from((ticks >> shift) & mask).unwrap();
    [
        marker << 4 | bits(30, 7) << 1 | 1,
        bits(22, 0xff),
        bits(15, 0x7f) << 1 | 1,
        bits(7, 0xff),
        bits(0, 0x7f) << 1 | 1,
    ]
}
