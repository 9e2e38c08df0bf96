//! The names of the ladder's rungs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A rung of the ladder, from the smallest to the largest picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Quality {
    /// 480 lines.
    #[serde(rename = "480p")]
    P480,
    /// 720 lines.
    #[serde(rename = "720p")]
    P720,
    /// 1080 lines.
    #[serde(rename = "1080p")]
    P1080,
    /// 1440 lines.
    #[serde(rename = "2K")]
    K2,
    /// 2160 lines.
    #[serde(rename = "4K")]
    K4,
}

/// A text that names no rung.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a quality: use 480p, 720p, 1080p, 2k or 4k")]
pub struct InvalidQuality(pub String);

impl Quality {
    /// Every rung, from the smallest to the largest picture.
    pub const ALL: [Self; 5] = [Self::P480, Self::P720, Self::P1080, Self::K2, Self::K4];

    /// What a clip gets unless it asks for something else.
    pub const DEFAULT: [Self; 3] = [Self::P480, Self::P720, Self::P1080];

    /// The name that people read: `480p`, `2K`.
    pub fn label(self) -> &'static str {
        match self {
            Self::P480 => "480p",
            Self::P720 => "720p",
            Self::P1080 => "1080p",
            Self::K2 => "2K",
            Self::K4 => "4K",
        }
    }

    /// The name in addresses and in the media layout: `480p`, `2k`.
    pub fn path(self) -> &'static str {
        match self {
            Self::P480 => "480p",
            Self::P720 => "720p",
            Self::P1080 => "1080p",
            Self::K2 => "2k",
            Self::K4 => "4k",
        }
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl FromStr for Quality {
    type Err = InvalidQuality;

    fn from_str(text: &str) -> Result<Self, InvalidQuality> {
        Self::ALL
            .into_iter()
            .find(|quality| quality.path().eq_ignore_ascii_case(text))
            .ok_or_else(|| InvalidQuality(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_a_rung_is_read_back_in_any_case() {
        for quality in Quality::ALL {
            assert_eq!(quality.label().parse(), Ok(quality));
            assert_eq!(quality.path().to_uppercase().parse(), Ok(quality));
        }
        assert_eq!("360p".parse::<Quality>(), Err(InvalidQuality("360p".to_owned())));
    }
}
