//! Pictures and sound as PES packets (ISO/IEC 13818-1, 2.4.3.6), and those as transport packets.

use std::borrow::Cow;

use super::packet::{self, Header, PAYLOAD_BYTES};
use super::tables::{AUDIO_PID, VIDEO_PID};
use crate::hls::nal::{NAL_DELIMITER, nal_type, nal_units};
use crate::mux::{Picture, SoundFrame};

/// How far the clock of the stream is behind the decoding of the picture that it comes with, in ticks: what a receiver
/// that plays by the clock has in hand. As much as other muxers leave.
pub const PCR_LEAD: u64 = 63_000;

const VIDEO_STREAM: u8 = 0xe0;
const AUDIO_STREAM: u8 = 0xc0;

/// An access unit delimiter that allows every kind of slice.
const DELIMITER: [u8; 6] = [0, 0, 0, 1, NAL_DELIMITER, 0xf0];

/// Frames that start within 150 ms share a PES packet, which then holds some 170 ms.
const SOUND_SPAN: u64 = 13_500;

/// Well below what the 16 bits of a PES packet's length can say.
const SOUND_BYTES: usize = 60_000;

/// Time stamps have 33 bits and start again after 26.5 hours.
const STAMP_MASK: u64 = (1 << 33) - 1;

/// One PES packet and how it lies in transport packets.
pub(super) struct Pes<'a> {
    pid: u16,
    pub(super) dts: u64,
    /// What the adaptation field of its first packet says; empty for sound.
    fields: Vec<u8>,
    /// The header, and the delimiter when the picture lacks it.
    front: Vec<u8>,
    body: Cow<'a, [u8]>,
    /// When a key picture is shown.
    pub(super) key_pts: Option<u64>,
    /// The number of its first packet among those of the stream.
    pub(super) first_packet: usize,
    /// How many it lies in: at least as many as it fills, at most as many as it has bytes.
    pub(super) packets: usize,
}

/// One PES packet for each picture.
pub(super) fn of_pictures(pictures: &[Picture]) -> Vec<Pes<'_>> {
    pictures.iter().map(Pes::of_picture).collect()
}

/// One PES packet for each run of frames.
pub(super) fn of_sound<'a>(frames: &[SoundFrame<'_>]) -> Vec<Pes<'a>> {
    let mut runs = Vec::new();
    let mut frames = frames.iter().peekable();
    while let Some(first) = frames.next() {
        let mut body = first.adts.to_vec();
        while let Some(next) = frames.next_if(|next| {
            next.pts < first.pts.saturating_add(SOUND_SPAN) && body.len() + next.adts.len() <= SOUND_BYTES
        }) {
            body.extend_from_slice(next.adts);
        }
        runs.push(Pes::of_run(first.pts, body));
    }
    runs
}

impl<'a> Pes<'a> {
    fn of_picture(picture: &'a Picture) -> Self {
        // The length stays open, for pictures may be longer than it can say.
        let mut front = header(VIDEO_STREAM, 0, picture.pts, picture.dts);
        if nal_units(&picture.data).next().and_then(nal_type) != Some(NAL_DELIMITER) {
            front.extend(DELIMITER);
        }
        let fields = clock_fields(picture);
        Self {
            pid: VIDEO_PID,
            dts: picture.dts,
            packets: (1 + fields.len() + front.len() + picture.data.len()).div_ceil(PAYLOAD_BYTES),
            fields,
            front,
            body: Cow::Borrowed(&picture.data),
            key_pts: picture.key.then_some(picture.pts),
            first_packet: 0,
        }
    }

    fn of_run(pts: u64, body: Vec<u8>) -> Self {
        const HEADER_AFTER_LENGTH: usize = 8;
        let length = u16::try_from(HEADER_AFTER_LENGTH + body.len()).unwrap_or(0);
        let front = header(AUDIO_STREAM, length, pts, pts);
        Self {
            pid: AUDIO_PID,
            dts: pts,
            fields: Vec::new(),
            packets: (front.len() + body.len()).div_ceil(PAYLOAD_BYTES),
            front,
            body: Cow::Owned(body),
            key_pts: None,
            first_packet: 0,
        }
    }

    /// Appends its packets: full ones as long as enough is left to give each later one a byte.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        let (mut front, mut body) = (self.front.as_slice(), &*self.body);
        for index in 0..self.packets {
            let starts_unit = index == 0;
            let fields = if starts_unit { self.fields.as_slice() } else { &[] };
            let room = PAYLOAD_BYTES - packet::adaptation_bytes(fields);
            let left = front.len() + body.len();
            let length = left.saturating_sub(self.packets - index - 1).min(room);

            let (from_front, front_after) = front.split_at(length.min(front.len()));
            let (from_body, body_after) = body.split_at(length - from_front.len());
            let header = Header {
                pid: self.pid,
                starts_unit,
                number: self.first_packet + index,
            };
            packet::write(bytes, &header, fields, from_front, from_body);
            (front, body) = (front_after, body_after);
        }
    }
}

fn header(stream: u8, length: u16, pts: u64, dts: u64) -> Vec<u8> {
    // The payload starts with an access unit, and so is aligned.
    const ALIGNED: u8 = 0x84;
    let [high, low] = length.to_be_bytes();
    let start = [0, 0, 1, stream, high, low, ALIGNED];
    if pts == dts {
        [&start[..], &[0x80, 5], &stamp(2, pts)].concat()
    } else {
        [&start[..], &[0xc0, 10], &stamp(3, pts), &stamp(1, dts)].concat()
    }
}

/// Three, fifteen and fifteen bits of a time stamp, each closed by a one.
fn stamp(marker: u64, ticks: u64) -> [u8; 5] {
    let ticks = ticks & STAMP_MASK;
    let (high, middle, low) = (ticks >> 30, ticks >> 15 & 0x7fff, ticks & 0x7fff);
    let [_, _, _, stamp @ ..] =
        (marker << 36 | high << 33 | 1 << 32 | middle << 17 | 1 << 16 | low << 1 | 1).to_be_bytes();
    stamp
}

/// The adaptation field of a picture's first packet: whether a player may start here, and what time it is.
fn clock_fields(picture: &Picture) -> Vec<u8> {
    const HAS_CLOCK: u8 = 0x10;
    const RANDOM_ACCESS: u8 = 0x40;
    // Reserved bits are ones; nine bits count 27 MHz ticks within one of ours.
    const RESERVED: u64 = 0x3f << 9;
    let flags = if picture.key {
        HAS_CLOCK | RANDOM_ACCESS
    } else {
        HAS_CLOCK
    };
    let ticks = picture.dts.wrapping_sub(PCR_LEAD) & STAMP_MASK;
    let [_, _, clock @ ..] = (ticks << 15 | RESERVED).to_be_bytes();
    [&[flags][..], &clock].concat()
}
