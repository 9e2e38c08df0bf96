//! One transport packet: header, adaptation field, payload (ISO/IEC 13818-1, 2.4.3.2).

use crate::hls::ts::PACKET_BYTES;

const HEADER_BYTES: usize = 4;

/// What a packet has room for behind its header.
pub(super) const PAYLOAD_BYTES: usize = PACKET_BYTES - HEADER_BYTES;

/// What the header says.
pub(super) struct Header {
    pub(super) pid: u16,
    /// A section or PES packet begins here.
    pub(super) starts_unit: bool,
    /// The number of this packet among those of its stream.
    pub(super) number: usize,
}

/// The room that an adaptation field with these flags and what belongs to them takes, with its length byte.
pub(super) fn adaptation_bytes(fields: &[u8]) -> usize {
    if fields.is_empty() { 0 } else { 1 + fields.len() }
}

/// Appends a packet that carries `front` and then `back`. An adaptation field, which has `fields` or none, fills the
/// room that they leave; all three fit.
pub(super) fn write(bytes: &mut Vec<u8>, header: &Header, fields: &[u8], front: &[u8], back: &[u8]) {
    const UNIT_START: u8 = 0x40;
    const PAYLOAD: u8 = 0x10;
    const ADAPTATION_AND_PAYLOAD: u8 = 0x30;
    let [high, low] = header.pid.to_be_bytes();
    let high = if header.starts_unit {
        high | UNIT_START
    } else {
        high
    };
    let [number, ..] = header.number.to_le_bytes();
    let counter = number & 0x0f;

    let payload_start = bytes.len() + PACKET_BYTES - front.len() - back.len();
    let adaptation = PAYLOAD_BYTES - front.len() - back.len();
    if let Some(length) = adaptation.checked_sub(1) {
        let [length, ..] = length.to_le_bytes();
        bytes.extend_from_slice(&[0x47, high, low, ADAPTATION_AND_PAYLOAD | counter, length]);
        // A field of no length has no flags.
        let fields = if length > 0 && fields.is_empty() {
            &[0]
        } else {
            fields
        };
        bytes.extend_from_slice(fields);
        bytes.resize(payload_start, 0xff);
    } else {
        bytes.extend_from_slice(&[0x47, high, low, PAYLOAD | counter]);
    }
    bytes.extend_from_slice(front);
    bytes.extend_from_slice(back);
}
