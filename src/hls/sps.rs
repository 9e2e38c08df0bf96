//! What a sequence parameter set says of an H.264 stream (ITU-T H.264 7.3.2.1.1, annex E).

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::bits::BitReader;
use super::nal::unescaped;

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

/// The part of a sequence parameter set that playlists and rules need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sps {
    /// 66 Baseline, 77 Main, 100 High, …
    pub profile_idc: u8,
    /// The byte between profile and level: constraint flags 0 to 5, two zero bits.
    pub constraint_flags: u8,
    /// Ten times the level.
    pub level_idc: u8,
    /// 0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma_format_idc: u8,
    /// Bits per luma sample.
    pub bit_depth: u8,
    /// Whole macroblocks, before cropping.
    pub coded_width: u32,
    /// Whole macroblocks, before cropping.
    pub coded_height: u32,
    /// As shown.
    pub width: u32,
    /// As shown.
    pub height: u32,
    /// False when frames may be pairs of fields.
    pub progressive: bool,
    /// Shape of a sample; `None` when unspecified, which players take as square.
    pub sample_aspect: Option<(u16, u16)>,
    /// Transfer characteristics (table E-4); `None` when unspecified, which players take as SDR.
    pub transfer: Option<u8>,
}

impl Sps {
    /// Reads a whole NAL unit of type 7; `None` when it ends early or contradicts itself.
    pub(crate) fn parse(nal: &[u8]) -> Option<Self> {
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
        Some(Self {
            profile_idc,
            constraint_flags,
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

    /// The RFC 6381 name, such as `avc1.64001f`.
    pub(super) fn codec(&self) -> String {
        format!(
            "avc1.{:02x}{:02x}{:02x}",
            self.profile_idc, self.constraint_flags, self.level_idc
        )
    }
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
            usability.read_sample_aspect(reader)?;
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

    fn read_sample_aspect(&mut self, reader: &mut BitReader<'_>) -> Option<()> {
        let code = reader.byte()?;
        self.sample_aspect = if code == EXTENDED_SAMPLE_ASPECT {
            let width = u16::try_from(reader.bits(16)?).ok()?;
            let height = u16::try_from(reader.bits(16)?).ok()?;
            // A zero in either makes the shape unspecified (E.2.1).
            (width > 0 && height > 0).then_some((width, height))
        } else {
            let index = usize::from(code).checked_sub(1);
            index.and_then(|index| SAMPLE_ASPECTS.get(index)).copied()
        };
        Some(())
    }
}
