//! What the description of an HEVC track repeats of the sequence parameter set (ITU-T H.265, 7.3.2.2).

use crate::hls::bits::BitReader;
use crate::hls::nal::unescaped;

pub(super) struct HevcSps {
    /// Profile, compatibility, constraints and level, as they lie in the parameter set.
    pub(super) profile: [u8; 12],
    pub(super) temporal_layers: u8,
    pub(super) temporal_nesting: bool,
    pub(super) chroma_format_idc: u8,
    /// Bits per sample beyond eight, of luma and chroma.
    pub(super) extra_bits: (u8, u8),
    pub(super) width: u32,
    pub(super) height: u32,
}

impl HevcSps {
    /// Reads a whole NAL unit of type 33; `None` when it ends early or contradicts itself.
    pub(super) fn parse(nal: &[u8]) -> Option<Self> {
        let payload = unescaped(nal.get(2..)?);
        let mut reader = BitReader::new(&payload);
        reader.bits(4)?;
        let sub_layers = reader.bits(3)?;
        let temporal_nesting = reader.flag()?;
        let mut profile = [0; 12];
        for byte in &mut profile {
            *byte = reader.byte()?;
        }
        skip_sub_layers(&mut reader, sub_layers)?;
        reader.unsigned()?;
        let chroma_format_idc = u8::try_from(reader.unsigned()?).ok().filter(|idc| *idc <= 3)?;
        if chroma_format_idc == 3 {
            reader.flag()?;
        }
        let (mut width, mut height) = (reader.unsigned()?, reader.unsigned()?);
        if reader.flag()? {
            let (unit_x, unit_y) = match chroma_format_idc {
                1 => (2, 2),
                2 => (2, 1),
                _ => (1, 1),
            };
            width = cropped(width, &mut reader, unit_x)?;
            height = cropped(height, &mut reader, unit_y)?;
        }
        Some(Self {
            profile,
            temporal_layers: u8::try_from(sub_layers + 1).ok()?,
            temporal_nesting,
            chroma_format_idc,
            extra_bits: (extra_bits(&mut reader)?, extra_bits(&mut reader)?),
            width,
            height,
        })
    }
}

/// The profiles and levels of the parts of the stream that have fewer pictures.
fn skip_sub_layers(reader: &mut BitReader<'_>, sub_layers: u32) -> Option<()> {
    let mut present = Vec::new();
    for _ in 0..sub_layers {
        present.push((reader.flag()?, reader.flag()?));
    }
    if sub_layers > 0 {
        reader.bits(2 * (8 - sub_layers))?;
    }
    for (profile, level) in present {
        for _ in 0..if profile { 11 } else { 0 } + i32::from(level) {
            reader.byte()?;
        }
    }
    Some(())
}

fn cropped(side: u32, reader: &mut BitReader<'_>, unit: u32) -> Option<u32> {
    let edges = reader.unsigned()?.checked_add(reader.unsigned()?)?;
    side.checked_sub(edges.checked_mul(unit)?)
}

fn extra_bits(reader: &mut BitReader<'_>) -> Option<u8> {
    u8::try_from(reader.unsigned()?).ok().filter(|bits| *bits <= 7)
}
