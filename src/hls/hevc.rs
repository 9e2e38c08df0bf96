//! What a sequence parameter set says of an HEVC stream (ITU-T H.265 7.3.2.2, annex E).

use super::bits::BitReader;
use super::nal::unescaped;
use super::picture::{HevcProfile, PictureFacts, SampleEntry, VideoCodec};
use super::sps::read_sample_aspect;

pub(crate) const NAL_IDR_W_RADL: u8 = 19;
pub(crate) const NAL_IDR_N_LP: u8 = 20;
pub(crate) const NAL_SPS: u8 = 33;
pub(crate) const NAL_DELIMITER: u8 = 35;
const NAL_RADL: [u8; 2] = [6, 7];

pub(crate) fn nal_type(nal: &[u8]) -> Option<u8> {
    nal.first().map(|header| (header >> 1) & 0x3f)
}

/// Leading pictures that need nothing from before the key frame (table 7-1).
pub(super) fn is_decodable_leading(nal_type: u8) -> bool {
    NAL_RADL.contains(&nal_type)
}

/// The beginning of a sequence parameter set, which the description of a track in MP4 repeats.
pub(crate) struct Head {
    pub(crate) profile: HevcProfile,
    pub(crate) level_idc: u8,
    /// `sps_max_sub_layers_minus1`.
    pub(crate) sub_layers: u32,
    pub(crate) temporal_nesting: bool,
    pub(crate) picture: Picture,
}

impl Head {
    /// Reads the beginning of a NAL unit of type 33; `None` when it ends early or contradicts itself.
    pub(crate) fn parse(nal: &[u8]) -> Option<Self> {
        Self::read(&mut BitReader::new(&unescaped(nal.get(2..)?)))
    }

    fn read(reader: &mut BitReader<'_>) -> Option<Self> {
        reader.bits(4)?;
        let sub_layers = reader.bits(3)?;
        let temporal_nesting = reader.flag()?;
        let (profile, level_idc) = read_profile(reader, sub_layers)?;
        reader.unsigned()?;
        let picture = Picture::read(reader)?;
        Some(Self {
            profile,
            level_idc,
            sub_layers,
            temporal_nesting,
            picture,
        })
    }
}

/// Reads a whole NAL unit of type 33; `None` when it ends early or contradicts itself.
pub(super) fn parse_sps(nal: &[u8]) -> Option<PictureFacts> {
    let payload = unescaped(nal.get(2..)?);
    let mut reader = BitReader::new(&payload);
    let Head {
        profile,
        level_idc,
        sub_layers,
        picture,
        ..
    } = Head::read(&mut reader)?;
    skip_tools(&mut reader, sub_layers, &picture)?;
    let usability = if reader.flag()? {
        Usability::read(&mut reader)?
    } else {
        Usability::default()
    };
    let [flags, ..] = profile.constraints;
    let interlaced = flags & 0xc0 == 0x40;
    Some(PictureFacts {
        codec: VideoCodec::Hevc(profile),
        entry: SampleEntry::Hvc1,
        level_idc,
        chroma_format_idc: picture.chroma_format_idc,
        bit_depth: picture.bit_depth,
        coded_width: picture.coded.0,
        coded_height: picture.coded.1,
        width: picture.shown.0,
        height: picture.shown.1,
        progressive: !interlaced && !usability.fields,
        sample_aspect: usability.sample_aspect,
        transfer: usability.transfer,
    })
}

/// 7.3.3 `profile_tier_level`.
fn read_profile(reader: &mut BitReader<'_>, sub_layers: u32) -> Option<(HevcProfile, u8)> {
    let space = u8::try_from(reader.bits(2)?).ok()?;
    let high_tier = reader.flag()?;
    let idc = u8::try_from(reader.bits(5)?).ok()?;
    let compatibility = reader.bits(32)?;
    let mut constraints = [0; 6];
    for byte in &mut constraints {
        *byte = reader.byte()?;
    }
    let level_idc = reader.byte()?;
    let mut present = Vec::new();
    for _ in 0..sub_layers {
        present.push((reader.flag()?, reader.flag()?));
    }
    if sub_layers > 0 {
        reader.bits(2 * (8 - sub_layers))?;
    }
    for (profile, level) in present {
        reader.skip(if profile { 88 } else { 0 } + if level { 8 } else { 0 })?;
    }
    let profile = HevcProfile {
        space,
        high_tier,
        idc,
        compatibility,
        constraints,
    };
    Some((profile, level_idc))
}

/// What a sequence parameter set says of the size and the samples.
pub(crate) struct Picture {
    pub(crate) chroma_format_idc: u8,
    /// Of luma.
    pub(crate) bit_depth: u8,
    pub(crate) chroma_bit_depth: u8,
    coded: (u32, u32),
    pub(crate) shown: (u32, u32),
    /// `log2_max_pic_order_cnt_lsb`.
    order_bits: u32,
}

impl Picture {
    fn read(reader: &mut BitReader<'_>) -> Option<Self> {
        let chroma_format_idc = u8::try_from(reader.unsigned()?).ok().filter(|idc| *idc <= 3)?;
        if chroma_format_idc == 3 {
            reader.flag()?;
        }
        let coded = (reader.unsigned()?, reader.unsigned()?);
        let mut shown = coded;
        if reader.flag()? {
            let (unit_x, unit_y) = match chroma_format_idc {
                1 => (2, 2),
                2 => (2, 1),
                _ => (1, 1),
            };
            let sides = [reader.unsigned()?, reader.unsigned()?];
            let lines = [reader.unsigned()?, reader.unsigned()?];
            shown.0 = cropped(shown.0, sides, unit_x)?;
            shown.1 = cropped(shown.1, lines, unit_y)?;
        }
        let bit_depth = read_bit_depth(reader)?;
        let chroma_bit_depth = read_bit_depth(reader)?;
        let order_bits = reader.unsigned()?.checked_add(4).filter(|bits| *bits <= 16)?;
        Some(Self {
            chroma_format_idc,
            bit_depth,
            chroma_bit_depth,
            coded,
            shown,
            order_bits,
        })
        .filter(|_| shown.0 > 0 && shown.1 > 0)
    }
}

fn read_bit_depth(reader: &mut BitReader<'_>) -> Option<u8> {
    u8::try_from(reader.unsigned()?.checked_add(8)?).ok()
}

fn cropped(size: u32, [one, other]: [u32; 2], unit: u32) -> Option<u32> {
    size.checked_sub(one.checked_add(other)?.checked_mul(unit)?)
}

/// Everything between the picture's size and the usability information.
fn skip_tools(reader: &mut BitReader<'_>, sub_layers: u32, picture: &Picture) -> Option<()> {
    let all_layers = reader.flag()?;
    for _ in 0..=if all_layers { sub_layers } else { 0 } {
        skip_codes(reader, 3)?;
    }
    skip_codes(reader, 6)?;
    if reader.flag()? && reader.flag()? {
        skip_scaling_lists(reader)?;
    }
    reader.bits(2)?;
    if reader.flag()? {
        reader.byte()?;
        skip_codes(reader, 2)?;
        reader.flag()?;
    }
    skip_reference_sets(reader)?;
    if reader.flag()? {
        for _ in 0..reader.unsigned().filter(|count| *count <= 32)? {
            reader.bits(picture.order_bits + 1)?;
        }
    }
    reader.bits(2)?;
    Some(())
}

fn skip_codes(reader: &mut BitReader<'_>, count: u32) -> Option<()> {
    for _ in 0..count {
        reader.unsigned()?;
    }
    Some(())
}

/// 7.3.4 `scaling_list_data`.
fn skip_scaling_lists(reader: &mut BitReader<'_>) -> Option<()> {
    for size in 0..4_u32 {
        for _ in 0..if size == 3 { 2 } else { 6 } {
            if !reader.flag()? {
                reader.unsigned()?;
                continue;
            }
            let dc = u32::from(size > 1);
            for _ in 0..dc + 64.min(1 << (4 + 2 * size)) {
                reader.signed()?;
            }
        }
    }
    Some(())
}

/// 7.3.7 `st_ref_pic_set`, as often as there are sets.
fn skip_reference_sets(reader: &mut BitReader<'_>) -> Option<()> {
    let sets = reader.unsigned().filter(|sets| *sets <= 64)?;
    let mut pictures = 0_u32;
    for set in 0..sets {
        pictures = if set > 0 && reader.flag()? {
            reader.flag()?;
            reader.unsigned()?;
            let mut kept = 0;
            for _ in 0..=pictures {
                let used = reader.flag()?;
                kept += u32::from(used || reader.flag()?);
            }
            kept
        } else {
            let earlier = reader.unsigned().filter(|count| *count <= 16)?;
            let later = reader.unsigned().filter(|count| *count <= 16)?;
            for _ in 0..earlier + later {
                reader.unsigned()?;
                reader.flag()?;
            }
            earlier + later
        };
    }
    Some(())
}

/// Video usability information, as far as `field_seq_flag`.
#[derive(Default)]
struct Usability {
    sample_aspect: Option<(u16, u16)>,
    transfer: Option<u8>,
    fields: bool,
}

impl Usability {
    fn read(reader: &mut BitReader<'_>) -> Option<Self> {
        let mut usability = Self::default();
        if reader.flag()? {
            usability.sample_aspect = read_sample_aspect(reader)?;
        }
        if reader.flag()? {
            reader.flag()?;
        }
        if reader.flag()? {
            reader.bits(4)?;
            if reader.flag()? {
                reader.byte()?;
                // 2 means unspecified.
                usability.transfer = Some(reader.byte()?).filter(|code| *code != 2);
                reader.byte()?;
            }
        }
        if reader.flag()? {
            skip_codes(reader, 2)?;
        }
        reader.flag()?;
        usability.fields = reader.flag()?;
        Some(usability)
    }
}
