//! MPEG transport packets and the two tables that say what they carry (ISO/IEC 13818-1, 2.4).

use std::collections::BTreeMap;

pub(crate) const PACKET_BYTES: usize = 188;

/// Stream types of the PMT (ISO/IEC 13818-1, table 2-34).
pub(crate) const STREAM_H264: u8 = 0x1b;
pub(crate) const STREAM_HEVC: u8 = 0x24;
pub(crate) const STREAM_ADTS: u8 = 0x0f;

const SYNC_BYTE: u8 = 0x47;
const PAT_PID: u16 = 0;
const NULL_PID: u16 = 0x1fff;

/// PIDs below this one belong to tables that a segment may carry beside PAT and PMT, such as ffmpeg's SDT.
const FIRST_MEDIA_PID: u16 = 0x20;

/// One transport packet; `payload` is empty when it carries only an adaptation field.
pub(crate) struct Packet<'a> {
    pub(crate) pid: u16,
    pub(crate) payload: &'a [u8],
    discontinuity: bool,
    high: u8,
    control: u8,
}

impl<'a> Packet<'a> {
    /// `None` when the bytes are not a transport packet.
    pub(crate) fn parse(bytes: &'a [u8; PACKET_BYTES]) -> Option<Self> {
        let (&[sync, high, low, control], rest) = bytes.split_first_chunk()?;
        if sync != SYNC_BYTE {
            return None;
        }
        let (adaptation, payload) = split_adaptation(control, rest)?;
        Some(Self {
            pid: u16::from_be_bytes([high & 0x1f, low]),
            payload,
            discontinuity: adaptation.first().is_some_and(|flags| flags & 0x80 != 0),
            high,
            control,
        })
    }

    /// Whether a section or PES packet begins here.
    pub(crate) fn starts_unit(&self) -> bool {
        self.high & 0x40 != 0
    }

    /// Whether a programme association table begins here, with which every run of tables starts.
    pub(super) fn starts_tables(&self) -> bool {
        self.pid == PAT_PID && self.starts_unit()
    }

    pub(super) fn scrambled(&self) -> bool {
        self.control & 0xc0 != 0
    }

    fn damaged(&self) -> bool {
        self.high & 0x80 != 0
    }

    /// Counts the packets of a PID that have a payload.
    fn counter(&self) -> u8 {
        self.control & 0x0f
    }

    /// Whether the packet can carry sound or picture, as opposed to tables and stuffing.
    pub(super) fn may_be_media(&self) -> bool {
        (FIRST_MEDIA_PID..NULL_PID).contains(&self.pid)
    }
}

fn split_adaptation(control: u8, rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let has_payload = control & 0x10 != 0;
    if control & 0x20 == 0 {
        return Some((&[], if has_payload { rest } else { &[] }));
    }
    let (&length, rest) = rest.split_first()?;
    let (adaptation, payload) = rest.split_at_checked(usize::from(length))?;
    Some((adaptation, if has_payload { payload } else { &[] }))
}

/// Counts packets that are flagged as damaged or missing by their 4-bit counter.
#[derive(Default)]
pub(crate) struct Continuity {
    last: BTreeMap<u16, u8>,
    pub(crate) errors: u32,
}

impl Continuity {
    pub(crate) fn note(&mut self, packet: &Packet<'_>) {
        self.errors += u32::from(packet.damaged());
        if packet.payload.is_empty() || packet.pid == NULL_PID {
            return;
        }
        let expected = self
            .last
            .insert(packet.pid, packet.counter())
            .map(|last| (last + 1) & 0x0f);
        let lost = expected.is_some_and(|expected| expected != packet.counter());
        self.errors += u32::from(lost && !packet.discontinuity);
    }
}

/// An elementary stream as the PMT names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stream {
    pub(crate) pid: u16,
    pub(crate) stream_type: u8,
}

/// The programme tables of the first programme, as they arrive.
#[derive(Default)]
pub(crate) struct Tables {
    section: Vec<u8>,
    pmt_pid: Option<u16>,
    streams: Option<Vec<Stream>>,
}

impl Tables {
    /// Takes a packet; true when it belonged to a table.
    pub(crate) fn take(&mut self, packet: &Packet<'_>) -> bool {
        if packet.pid != PAT_PID && Some(packet.pid) != self.pmt_pid {
            return false;
        }
        if self.gather(packet) {
            let section = std::mem::take(&mut self.section);
            if packet.pid == PAT_PID {
                self.pmt_pid = self.pmt_pid.or_else(|| pmt_pid(&section));
            } else if self.streams.is_none() {
                self.streams = streams(&section);
            }
        }
        true
    }

    /// What the PMT announced, once it has arrived.
    pub(crate) fn streams(&self) -> Option<&[Stream]> {
        self.streams.as_deref()
    }

    /// Collects a section that may span packets; true when it is whole.
    fn gather(&mut self, packet: &Packet<'_>) -> bool {
        if packet.starts_unit() {
            let pointer = packet.payload.first().map_or(0, |pointer| usize::from(*pointer));
            let section = packet.payload.get(1 + pointer..).unwrap_or_default();
            self.section = section.to_vec();
        } else {
            self.section.extend_from_slice(packet.payload);
        }
        section_body(&self.section).is_some()
    }
}

/// The bytes between a long section's header and its checksum; `None` while some are missing.
fn section_body(section: &[u8]) -> Option<&[u8]> {
    let &[_, high, low] = section.first_chunk()?;
    let length = usize::from(u16::from_be_bytes([high & 0x0f, low]));
    section.get(3..3 + length)?.get(5..length.checked_sub(4)?)
}

fn pid(high: u8, low: u8) -> u16 {
    u16::from_be_bytes([high & 0x1f, low])
}

/// The PMT's PID of the first programme; number 0 announces the network table instead.
fn pmt_pid(pat: &[u8]) -> Option<u16> {
    let (entries, _) = section_body(pat)?.as_chunks();
    entries
        .iter()
        .find(|&&[high, low, _, _]| (high, low) != (0, 0))
        .map(|&[_, _, high, low]| pid(high, low))
}

fn streams(pmt: &[u8]) -> Option<Vec<Stream>> {
    let (&[_, _, high, low], rest) = section_body(pmt)?.split_first_chunk()?;
    let mut rest = rest.get(usize::from(u16::from_be_bytes([high & 0x0f, low]))..)?;
    let mut streams = Vec::new();
    while let Some((&[stream_type, pid_high, pid_low, high, low], after)) = rest.split_first_chunk() {
        streams.push(Stream {
            pid: pid(pid_high, pid_low),
            stream_type,
        });
        rest = after.get(usize::from(u16::from_be_bytes([high & 0x0f, low]))..)?;
    }
    Some(streams)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::synthetic::{AUDIO_PID, Synthetic, VIDEO_PID};

    fn parse_all(bytes: &[u8]) -> Vec<Packet<'_>> {
        bytes.as_chunks().0.iter().filter_map(Packet::parse).collect()
    }

    #[test]
    fn tables_name_the_streams() {
        let bytes = Synthetic::default()
            .tables(&[(0x1b, VIDEO_PID), (0x0f, AUDIO_PID)])
            .bytes();
        let mut tables = Tables::default();
        assert!(parse_all(&bytes).iter().all(|packet| tables.take(packet)));
        let streams: Vec<_> = tables
            .streams()
            .unwrap()
            .iter()
            .map(|s| (s.stream_type, s.pid))
            .collect();
        assert_eq!(streams, [(0x1b, VIDEO_PID), (0x0f, AUDIO_PID)]);
    }

    #[test]
    fn a_packet_without_its_sync_byte_or_with_an_overlong_adaptation_field_is_none() {
        let mut bytes = [0; PACKET_BYTES];
        assert!(Packet::parse(&bytes).is_none());
        bytes[0] = SYNC_BYTE;
        bytes[3] = 0x30;
        bytes[4] = 184;
        assert!(Packet::parse(&bytes).is_none());
        bytes[4] = 183;
        assert!(Packet::parse(&bytes).is_some_and(|packet| packet.payload.is_empty()));
    }

    #[test]
    fn a_lost_packet_shows_in_the_counter() {
        let whole = Synthetic::default().picture(0, 0, &[&[0x65; 2000]]).bytes();
        let count = |packets: &[Packet<'_>]| {
            let mut continuity = Continuity::default();
            for packet in packets {
                continuity.note(packet);
            }
            continuity.errors
        };
        let mut packets = parse_all(&whole);
        assert_eq!(count(&packets), 0);
        packets.remove(3);
        assert_eq!(count(&packets), 1);
    }
}
