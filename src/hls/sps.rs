//! What a sequence parameter set says of an H.264 stream (ITU-T H.264 7.3.2.1.1, annex E).

#[cfg(test)]
mod tests;

use super::bits::BitReader;
use super::nal::unescaped;
use super::picture::{PictureFacts, SampleEntry, VideoCodec};

/// What `aspect_ratio_idc` 1 to 16 stand for (table E-1).
const SAMPLE_ASPECTS: [(u16, u16); 16] = [
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];
const EXTENDED_SAMPLE_ASPECT: u8 = 255;

/// Profiles whose parameter sets carry chroma format and bit depth.
const HIGH_PROFILES: [u8; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// Reads a whole NAL unit of type 7; `None` when it ends early or contradicts itself.
pub(crate) fn parse_sps(nal: &[u8]) -> Option<PictureFacts> {
    let payload = unescaped(nal.get(1..)?);
    let mut reader = BitReader::new(&payload);
    let (profile_idc, constraint_flags, level_idc) = (reader.byte()?, reader.byte()?, reader.byte()?);
    reader.unsigned()?;
    let samples = Samples::read(&mut reader, profile_idc)?;
    skip_frame_order(&mut reader)?;
    let picture = Picture::read(&mut reader, samples.chroma_format_idc)?;
    let usability = if reader.flag()? {
        Usability::read(&mut reader)?
    } else {
        Usability::default()
    };
    Some(PictureFacts {
        codec: VideoCodec::H264 {
            profile_idc,
            constraint_flags,
        },
        entry: SampleEntry::Avc1,
        level_idc,
        chroma_format_idc: samples.chroma_format_idc,
        bit_depth: samples.bit_depth,
        coded_width: picture.coded.0,
        coded_height: picture.coded.1,
        width: picture.shown.0,
        height: picture.shown.1,
        progressive: picture.progressive,
        sample_aspect: usability.sample_aspect,
        transfer: usability.transfer,
    })
}

struct Samples {
    chroma_format_idc: u8,
    bit_depth: u8,
}

impl Samples {
    fn read(reader: &mut BitReader<'_>, profile_idc: u8) -> Option<Self> {
        if !HIGH_PROFILES.contains(&profile_idc) {
            return Some(Self {
                chroma_format_idc: 1,
                bit_depth: 8,
            });
        }
        let chroma_format_idc = u8::try_from(reader.unsigned()?).ok().filter(|idc| *idc <= 3)?;
        if chroma_format_idc == 3 {
            reader.flag()?;
        }
        let bit_depth = u8::try_from(reader.unsigned()?.checked_add(8)?).ok()?;
        reader.unsigned()?;
        reader.flag()?;
        if reader.flag()? {
            skip_scaling_lists(reader, if chroma_format_idc == 3 { 12 } else { 8 })?;
        }
        Some(Self {
            chroma_format_idc,
            bit_depth,
        })
    }
}

/// 7.3.2.1.1.1: a list ends when its next scale becomes zero.
fn skip_scaling_lists(reader: &mut BitReader<'_>, lists: usize) -> Option<()> {
    for list in 0..lists {
        if !reader.flag()? {
            continue;
        }
        let (mut last, mut next) = (8_i64, 8_i64);
        for _ in 0..if list < 6 { 16 } else { 64 } {
            if next != 0 {
                next = (last + reader.signed()?).rem_euclid(256);
            }
            last = if next == 0 { last } else { next };
        }
    }
    Some(())
}

fn skip_frame_order(reader: &mut BitReader<'_>) -> Option<()> {
    reader.unsigned()?;
    match reader.unsigned()? {
        0 => {
            reader.unsigned()?;
        }
        1 => {
            reader.flag()?;
            reader.signed()?;
            reader.signed()?;
            for _ in 0..reader.unsigned().filter(|frames| *frames <= 255)? {
                reader.signed()?;
            }
        }
        2 => {}
        _ => return None,
    }
    reader.unsigned()?;
    reader.flag()?;
    Some(())
}

struct Picture {
    coded: (u32, u32),
    shown: (u32, u32),
    progressive: bool,
}

impl Picture {
    fn read(reader: &mut BitReader<'_>, chroma_format_idc: u8) -> Option<Self> {
        let columns = reader.unsigned()?.checked_add(1)?;
        let rows = reader.unsigned()?.checked_add(1)?;
        let progressive = reader.flag()?;
        if !progressive {
            reader.flag()?;
        }
        reader.flag()?;
        let fields = if progressive { 1 } else { 2 };
        let coded = (
            columns.checked_mul(16)?,
            rows.checked_mul(16)?.checked_mul(fields)?,
        );
        let (unit_x, unit_y) = match chroma_format_idc {
            1 => (2, 2 * fields),
            2 => (2, fields),
            _ => (1, fields),
        };
        let mut shown = coded;
        if reader.flag()? {
            let (left, right) = (reader.unsigned()?, reader.unsigned()?);
            let (top, bottom) = (reader.unsigned()?, reader.unsigned()?);
            shown.0 = shown
                .0
                .checked_sub(left.checked_add(right)?.checked_mul(unit_x)?)?;
            shown.1 = shown
                .1
                .checked_sub(top.checked_add(bottom)?.checked_mul(unit_y)?)?;
        }
        Some(Self {
            coded,
            shown,
            progressive,
        })
        .filter(|_| shown.0 > 0 && shown.1 > 0)
    }
}

/// Video usability information, as far as the transfer characteristics.
#[derive(Default)]
struct Usability {
    sample_aspect: Option<(u16, u16)>,
    transfer: Option<u8>,
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
            }
        }
        Some(usability)
    }
}

/// `None` when the bits end; an unspecified shape is `Some(None)`. The table is the same in H.265.
#[expect(
    clippy::option_option,
    reason = "the end of the bits and an unspecified shape are different answers"
)]
pub(super) fn read_sample_aspect(reader: &mut BitReader<'_>) -> Option<Option<(u16, u16)>> {
    let code = reader.byte()?;
    if code == EXTENDED_SAMPLE_ASPECT {
        let width = u16::try_from(reader.bits(16)?).ok()?;
        let height = u16::try_from(reader.bits(16)?).ok()?;
        // A zero in either makes the shape unspecified (E.2.1).
        return Some((width > 0 && height > 0).then_some((width, height)));
    }
    let index = usize::from(code).checked_sub(1);
    Some(index.and_then(|index| SAMPLE_ASPECTS.get(index)).copied())
}
