//! Packetised elementary streams: transport payloads put together again, with their time stamps.

use std::ops::Range;

use super::ts::Packet;

/// One PES packet; the time stamps are as in the stream, 33 bits wide.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pes {
    pub(super) pts: Option<i64>,
    pub(super) dts: Option<i64>,
    pub(super) payload: Vec<u8>,
    /// From its first transport packet to the end of its last, in bytes of the segment.
    pub(super) range: Range<usize>,
}

/// The header is damaged, or the packet shorter than it says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadPes {
    pub(super) offset: usize,
}

/// Gathers the transport packets of one PID.
#[derive(Default)]
pub(super) struct PesAssembler {
    unit: Vec<u8>,
    range: Range<usize>,
}

impl PesAssembler {
    /// Takes the packet in `range`; gives the previous PES packet when a new one starts.
    pub(super) fn take(&mut self, packet: &Packet<'_>, range: Range<usize>) -> Result<Option<Pes>, BadPes> {
        let finished = if packet.starts_unit() {
            self.finish()?
        } else {
            None
        };
        if packet.starts_unit() {
            self.range.start = range.start;
        }
        // What precedes the first start belongs to a PES packet of another segment.
        if packet.starts_unit() || !self.unit.is_empty() {
            self.unit.extend_from_slice(packet.payload);
            self.range.end = range.end;
        }
        Ok(finished)
    }

    /// The PES packet gathered so far, if any.
    pub(super) fn finish(&mut self) -> Result<Option<Pes>, BadPes> {
        if self.unit.is_empty() {
            return Ok(None);
        }
        let mut unit = std::mem::take(&mut self.unit);
        let header = Header::parse(&unit).ok_or(BadPes {
            offset: self.range.start,
        })?;
        unit.truncate(header.end);
        unit.drain(..header.length);
        Ok(Some(Pes {
            pts: header.pts,
            dts: header.dts,
            payload: unit,
            range: self.range.clone(),
        }))
    }
}

pub(crate) struct Header {
    pub(crate) pts: Option<i64>,
    pub(crate) dts: Option<i64>,
    pub(crate) length: usize,
    pub(crate) end: usize,
}

impl Header {
    pub(crate) fn parse(unit: &[u8]) -> Option<Self> {
        let (&[0, 0, 1, _, high, low, _, flags, fields], rest) = unit.split_first_chunk()? else {
            return None;
        };
        let length = 9 + usize::from(fields);
        // Video packets may leave their length open with 0; then they end where the next one starts.
        let end = match u16::from_be_bytes([high, low]) {
            0 => unit.len(),
            declared => 6 + usize::from(declared),
        };
        if end > unit.len() || length > end {
            return None;
        }
        let fields = rest.get(..usize::from(fields))?;
        let pts = if flags & 0x80 == 0 {
            None
        } else {
            Some(time_stamp(fields)?)
        };
        let dts = if flags & 0xc0 == 0xc0 {
            Some(time_stamp(fields.get(5..)?)?)
        } else {
            pts
        };
        Some(Self {
            pts,
            dts,
            length,
            end,
        })
    }
}

fn time_stamp(field: &[u8]) -> Option<i64> {
    // Three, fifteen and fifteen bits, each closed by a marker bit.
    let &[high, middle, middle_end, low, low_end] = field.first_chunk()?;
    let high = i64::from((high >> 1) & 7);
    let middle = i64::from(u16::from_be_bytes([middle, middle_end]) >> 1);
    let low = i64::from(u16::from_be_bytes([low, low_end]) >> 1);
    Some(high << 30 | middle << 15 | low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::synthetic::Synthetic;
    use crate::hls::ts::PACKET_BYTES;

    fn assemble(bytes: &[u8]) -> Result<Vec<Pes>, BadPes> {
        let mut assembler = PesAssembler::default();
        let mut units = Vec::new();
        for (index, raw) in bytes.as_chunks().0.iter().enumerate() {
            units.extend(assembler.take(
                &Packet::parse(raw).unwrap(),
                index * PACKET_BYTES..(index + 1) * PACKET_BYTES,
            )?);
        }
        units.extend(assembler.finish()?);
        Ok(units)
    }

    #[test]
    fn time_stamps_and_ranges_survive_the_packets() {
        let highest = (1 << 33) - 1;
        let bytes = Synthetic::default()
            .picture(highest, highest - 3000, &[&[0x65; 500]])
            .picture(1_234_567, 1_234_567, &[&[0x41; 10]])
            .bytes();
        let units = assemble(&bytes).unwrap();
        let stamps: Vec<_> = units.iter().map(|unit| (unit.pts, unit.dts)).collect();
        assert_eq!(
            stamps,
            [
                (Some(highest), Some(highest - 3000)),
                (Some(1_234_567), Some(1_234_567))
            ]
        );
        assert_eq!(units[0].range, 0..3 * PACKET_BYTES);
        assert_eq!(units[1].range.end, bytes.len());
        assert!(units[0].payload.ends_with(&[0x65; 500]));
    }

    #[test]
    fn a_packet_that_ends_early_is_bad() {
        let bytes = Synthetic::default().sound(0, 20).bytes();
        assert_eq!(assemble(&bytes).map(|units| units.len()), Ok(1));
        let cut = &bytes[..bytes.len() - PACKET_BYTES];
        assert_eq!(assemble(cut), Err(BadPes { offset: 0 }));
    }
}
