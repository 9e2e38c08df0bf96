//! MPEG-TS segments of H.264 and AAC (ISO/IEC 13818-1).
//!
//! The continuity counters of a stream should go on from one segment to the next (RFC 8216, section 3). Here they
//! start at 0 in every segment and each stream has a multiple of 16 packets, so that any segment fits behind any other:
//! the tables are said 16 times, and the last picture and the last sound are spread over as many packets as it takes. That
//! makes six seconds of 2 Mbit/s 0.7 % longer than ffmpeg's, whose counters start anywhere.
//!
//! The tables come right before each key picture, so that it can be decoded from its own bytes: an I-frame playlist
//! points at both.

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
    let packets = number_packets(&mut video) + number_packets(&mut audio);

    let units = interleaved(video, audio);
    let times = times_of_tables(&units);
    let said: usize = times.iter().sum();
    let mut bytes = Vec::with_capacity((packets + 2 * said) * PACKET_BYTES);
    let mut key_frames = Vec::new();
    let mut said = 0;
    for (unit, times) in units.iter().zip(times) {
        let mut offset = bytes.len();
        for _ in 0..times {
            offset = bytes.len();
            tables.write(&mut bytes, said);
            said += 1;
        }
        unit.write(&mut bytes);
        key_frames.extend(unit.key_pts.map(|pts| KeyFrame {
            pts: pts.cast_signed(),
            offset: offset as u64,
            length: (bytes.len() - offset) as u64,
        }));
    }
    TsSegment { bytes, key_frames }
}

/// How often the tables are said before each unit: before key pictures, and evenly between them, in whole rounds of the
/// counter.
fn times_of_tables(units: &[Pes<'_>]) -> Vec<usize> {
    let mut times: Vec<usize> = units
        .iter()
        .map(|unit| usize::from(unit.key_pts.is_some()))
        .collect();
    let keys: usize = times.iter().sum();
    let all = keys.max(1).next_multiple_of(COUNTER_ROUND);
    let length = units.len().max(1);
    let mut spare = all - keys;
    // Where a key picture is near, the tables are there.
    for index in 0..all {
        let place = index * length / all;
        let near = place..((index + 1) * length).div_ceil(all);
        let said = times
            .get(near)
            .is_some_and(|times| times.iter().any(|times| *times > 0));
        if let Some(times) = times.get_mut(place).filter(|_| !said && spare > 0) {
            *times += 1;
            spare -= 1;
        }
    }
    if let Some(first) = times.first_mut() {
        *first += spare;
    }
    times
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
