//! The programme tables of a segment: one programme, its video and its sound (ISO/IEC 13818-1, 2.4.4).

use super::packet::{self, Header, PAYLOAD_BYTES};
use crate::hls::ts::{STREAM_ADTS, STREAM_H264};

pub(super) const VIDEO_PID: u16 = 0x100;
pub(super) const AUDIO_PID: u16 = 0x101;
const PAT_PID: u16 = 0;
const PMT_PID: u16 = 0x1000;

const PAT_TABLE: u8 = 0;
const PMT_TABLE: u8 = 2;

/// Both tables, each as the payload of one packet.
pub(super) struct Tables {
    associations: Vec<u8>,
    programme: Vec<u8>,
}

impl Tables {
    pub(super) fn new(with_sound: bool) -> Self {
        let [pmt_high, pmt_low] = PMT_PID.to_be_bytes();
        let [video_high, video_low] = VIDEO_PID.to_be_bytes();
        let [audio_high, audio_low] = AUDIO_PID.to_be_bytes();
        // The clock is in the video, and nothing has descriptors. Reserved bits are ones.
        let mut streams = vec![0xe0 | video_high, video_low, 0xf0, 0];
        streams.extend([STREAM_H264, 0xe0 | video_high, video_low, 0xf0, 0]);
        if with_sound {
            streams.extend([STREAM_ADTS, 0xe0 | audio_high, audio_low, 0xf0, 0]);
        }
        Self {
            associations: section(PAT_TABLE, &[0, 1, 0xe0 | pmt_high, pmt_low]),
            programme: section(PMT_TABLE, &streams),
        }
    }

    /// Appends both, for the time with this number.
    pub(super) fn write(&self, bytes: &mut Vec<u8>, number: usize) {
        for (pid, payload) in [(PAT_PID, &self.associations), (PMT_PID, &self.programme)] {
            let header = Header {
                pid,
                starts_unit: true,
                number,
            };
            packet::write(bytes, &header, &[], payload, &[]);
        }
    }
}

/// A section of the first programme behind its pointer, filled up to a whole payload as sections are.
fn section(table: u8, body: &[u8]) -> Vec<u8> {
    const AFTER_LENGTH: usize = 5;
    const CHECKSUM: usize = 4;
    let [length, ..] = (AFTER_LENGTH + body.len() + CHECKSUM).to_le_bytes();
    // Programme or stream 1, version 0, valid now, the first section of one.
    let mut section = vec![table, 0xb0, length, 0, 1, 0xc1, 0, 0];
    section.extend_from_slice(body);
    let checksum = checksum(&section);
    let mut payload = vec![0];
    payload.append(&mut section);
    payload.extend(checksum.to_be_bytes());
    payload.resize(PAYLOAD_BYTES, 0xff);
    payload
}

/// CRC-32/MPEG-2 (ISO/IEC 13818-1, annex A); bit by bit, as it is wanted twice in a segment.
fn checksum(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0x04c1_1db7;
    bytes.iter().fold(u32::MAX, |checksum, byte| {
        (0..8).fold(checksum ^ (u32::from(*byte) << 24), |rest, _| {
            let carry = rest >> 31;
            (rest << 1) ^ (carry * POLYNOMIAL)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::checksum;

    #[test]
    fn the_checksum_is_that_of_the_catalogue() {
        assert_eq!(checksum(b"123456789"), 0x0376_e6e7);
    }
}
