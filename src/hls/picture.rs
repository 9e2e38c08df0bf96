//! What the pictures of a stream are like, whichever codec made them.

use serde::{Deserialize, Serialize};

/// The part of the parameter sets that playlists and rules need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureFacts {
    /// With the profile.
    pub codec: VideoCodec,
    /// How fMP4 names the stream; in MPEG-TS, how it would.
    pub entry: SampleEntry,
    /// Ten times the level for H.264, thirty times for HEVC.
    pub level_idc: u8,
    /// 0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma_format_idc: u8,
    /// Bits per luma sample.
    pub bit_depth: u8,
    /// Whole blocks, before cropping.
    pub coded_width: u32,
    /// Whole blocks, before cropping.
    pub coded_height: u32,
    /// As shown.
    pub width: u32,
    /// As shown.
    pub height: u32,
    /// False when frames may be pairs of fields.
    pub progressive: bool,
    /// Shape of a sample; `None` when unspecified, which players take as square.
    pub sample_aspect: Option<(u16, u16)>,
    /// Transfer characteristics (ITU-T H.273); `None` when unspecified, which players take as SDR.
    pub transfer: Option<u8>,
}

/// A codec and its profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum VideoCodec {
    /// ITU-T H.264.
    H264 {
        /// 66 Baseline, 77 Main, 100 High, …
        profile_idc: u8,
        /// The byte between profile and level: constraint flags 0 to 5, two zero bits.
        constraint_flags: u8,
    },
    /// ITU-T H.265.
    Hevc(HevcProfile),
}

/// `general_profile_…` and `general_tier_flag` of H.265 7.3.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HevcProfile {
    /// 0 but for profiles of others.
    pub space: u8,
    /// High tier rather than Main.
    pub high_tier: bool,
    /// 1 Main, 2 Main 10, …
    pub idc: u8,
    /// Bit 31 is profile 0.
    pub compatibility: u32,
    /// Progressive, interlaced, non-packed, frame-only and 44 more.
    pub constraints: [u8; 6],
}

/// Whether parameter sets lie only in the init segment (`1`) or may lie in the samples (`3`, `hev1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SampleEntry {
    /// H.264, out of band.
    Avc1,
    /// H.264, in band.
    Avc3,
    /// HEVC, out of band.
    Hvc1,
    /// HEVC, in band.
    Hev1,
}

impl SampleEntry {
    /// Of the four characters in the sample description.
    pub(super) fn named(kind: [u8; 4]) -> Option<Self> {
        match &kind {
            b"avc1" => Some(Self::Avc1),
            b"avc3" => Some(Self::Avc3),
            b"hvc1" => Some(Self::Hvc1),
            b"hev1" => Some(Self::Hev1),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Avc1 => "avc1",
            Self::Avc3 => "avc3",
            Self::Hvc1 => "hvc1",
            Self::Hev1 => "hev1",
        }
    }
}

/// How bright a picture may be, as `VIDEO-RANGE` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum VideoRange {
    Sdr,
    Hlg,
    Pq,
}

impl VideoRange {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sdr => "SDR",
            Self::Hlg => "HLG",
            Self::Pq => "PQ",
        }
    }
}

impl PictureFacts {
    /// The RFC 6381 name, such as `avc1.64001f` or `hvc1.1.4.L126.B0`.
    pub fn codec(&self) -> String {
        let entry = self.entry.name();
        match self.codec {
            VideoCodec::H264 {
                profile_idc,
                constraint_flags,
            } => format!(
                "{entry}.{profile_idc:02x}{constraint_flags:02x}{:02x}",
                self.level_idc
            ),
            VideoCodec::Hevc(profile) => format!("{entry}.{}", profile.name(self.level_idc)),
        }
    }

    /// Whether it is HEVC.
    pub fn is_hevc(&self) -> bool {
        match self.codec {
            VideoCodec::H264 { .. } => false,
            VideoCodec::Hevc(_) => true,
        }
    }

    /// By the transfer characteristics (BIS 4.4.6.2): 16 is PQ, 18 HLG, everything else SDR.
    pub(super) fn range(&self) -> VideoRange {
        match self.transfer {
            Some(16) => VideoRange::Pq,
            Some(18) => VideoRange::Hlg,
            Some(_) | None => VideoRange::Sdr,
        }
    }
}

impl HevcProfile {
    /// ISO/IEC 14496-15, annex E.3: profile, compatibility with its bits reversed, tier and level, and the constraint
    /// bytes without the zero ones at the end.
    fn name(&self, level_idc: u8) -> String {
        let space = match self.space {
            1 => "A",
            2 => "B",
            3 => "C",
            _ => "",
        };
        let tier = if self.high_tier { 'H' } else { 'L' };
        let mut name = format!(
            "{space}{}.{:X}.{tier}{level_idc}",
            self.idc,
            self.compatibility.reverse_bits()
        );
        let mut constraints = self.constraints.as_slice();
        while let [kept @ .., 0] = constraints {
            constraints = kept;
        }
        for byte in constraints {
            name.push_str(&format!(".{byte:X}"));
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hevc_name_has_its_compatibility_reversed_and_its_zeros_dropped() {
        let main = HevcProfile {
            space: 0,
            high_tier: false,
            idc: 1,
            compatibility: 0x2000_0000,
            constraints: [0xb0, 0, 0, 0, 0, 0],
        };
        assert_eq!(main.name(126), "1.4.L126.B0");
        let main10 = HevcProfile {
            space: 1,
            high_tier: true,
            idc: 2,
            compatibility: 0x2000_0000,
            constraints: [0x90, 0, 8, 0, 0, 0],
        };
        assert_eq!(main10.name(150), "A2.4.H150.90.0.8");
    }
}
