//! MPEG-TS segments of H.264 and AAC (ISO/IEC 13818-1).
//!
//! The continuity counters of a stream should go on from one segment to the next (RFC 8216, section 3). Here they
//! start at 0 in every segment and each stream has a multiple of 16 packets, so that any segment fits behind any other:
//! the tables are said 16 times, and the last picture and the last sound are spread over as many packets as it takes. That
//! makes six seconds of 2 Mbit/s 0.7 % longer than ffmpeg's, whose counters start anywhere.

mod packet;
mod pes;
mod tables;
#[cfg(test)]
mod tests;

use crate::hls::KeyFrame;
use crate::hls::ts::PACKET_BYTES;

use super::{Picture, SoundFrame};
use pes::Pes;
use tables::Tables;

pub use pes::PCR_LEAD;

/// Continuity counters have four bits.
const COUNTER_ROUND: usize = 16;

/// A written segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TsSegment {
    /// Whole transport packets.
    pub bytes: Vec<u8>,
    /// The key pictures and where they lie.
    pub key_frames: Vec<KeyFrame>,
}

/// Writes a segment. `pictures` are in decoding order, the first one a key picture with its parameter sets; `sound` is
/// one run of frames without gaps, or empty.
pub fn ts_segment(pictures: &[Picture], sound: &[SoundFrame<'_>]) -> TsSegment {
    let mut video = pes::of_pictures(pictures);
    let mut audio = pes::of_sound(sound);
    let tables = Tables::new(!audio.is_empty());
    let packets = number_packets(&mut video) + number_packets(&mut audio) + 2 * COUNTER_ROUND;

    let mut bytes = Vec::with_capacity(packets * PACKET_BYTES);
    let mut key_frames = Vec::new();
    let units = interleaved(video, audio);
    let mut said = 0;
    for (index, unit) in units.iter().enumerate() {
        while said < COUNTER_ROUND && said * units.len() / COUNTER_ROUND <= index {
            tables.write(&mut bytes, said);
            said += 1;
        }
        let offset = bytes.len();
        unit.write(&mut bytes);
        key_frames.extend(unit.key_pts.map(|pts| KeyFrame {
            pts: pts.cast_signed(),
            offset: offset as u64,
            length: (bytes.len() - offset) as u64,
        }));
    }
    TsSegment { bytes, key_frames }
}

/// Gives the packets of a stream their numbers, and its last unit as many packets as make a whole round of the counter;
/// says how many there are.
fn number_packets(units: &mut [Pes<'_>]) -> usize {
    let mut packets = 0;
    for unit in &mut *units {
        unit.first_packet = packets;
        packets += unit.packets;
    }
    let all = packets.next_multiple_of(COUNTER_ROUND);
    if let Some(last) = units.last_mut() {
        last.packets += all - packets;
    }
    all
}

/// By when they are decoded, pictures first, so that a player need not hold much of the one while it waits for the
/// other.
fn interleaved<'a>(video: Vec<Pes<'a>>, audio: Vec<Pes<'a>>) -> Vec<Pes<'a>> {
    let mut units = Vec::with_capacity(video.len() + audio.len());
    let mut audio = audio.into_iter().peekable();
    for picture in video {
        while let Some(sound) = audio.next_if(|sound| sound.dts < picture.dts) {
            units.push(sound);
        }
        units.push(picture);
    }
    units.extend(audio);
    units
}
