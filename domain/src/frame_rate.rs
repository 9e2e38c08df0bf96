//! Frame rates as exact fractions: 29.97 is 30000/1001, and a grid built on 29.97 drifts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Frames per second as a fraction in lowest terms; never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FrameRate {
    num: u32,
    den: u32,
}

/// A text or pair that is no frame rate.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a frame rate")]
pub struct InvalidFrameRate(pub String);

impl FrameRate {
    /// 25 frames per second: what stands in where there is no rate at all.
    pub const PAL: Self = Self { num: 25, den: 1 };

    /// A frame rate from a fraction, reduced; nothing when it is zero or not finite.
    pub fn new(num: u32, den: u32) -> Option<Self> {
        if num == 0 || den == 0 {
            return None;
        }
        let divisor = gcd(num, den);
        Some(Self {
            num: num / divisor,
            den: den / divisor,
        })
    }

    /// The numerator.
    pub fn num(self) -> u32 {
        self.num
    }

    /// The denominator.
    pub fn den(self) -> u32 {
        self.den
    }

    /// Frames per second.
    pub fn as_f64(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }

    /// The rate when only each `step`-th frame is kept.
    pub fn divided_by(self, step: u32) -> Self {
        Self::new(self.num, self.den.saturating_mul(step.max(1))).unwrap_or(self)
    }

    /// Seconds that `frames` frames last.
    #[expect(clippy::cast_precision_loss, reason = "frame counts stay far below 2^52")]
    pub fn seconds(self, frames: u64) -> f64 {
        frames as f64 * f64::from(self.den) / f64::from(self.num)
    }

    /// Thousandths of a frame per second: the three decimals of HLS's `FRAME-RATE`.
    pub fn per_thousand_seconds(self) -> u64 {
        rounded(u128::from(self.num) * 1_000, u128::from(self.den))
    }

    /// How long `frames` frames last, to the nearest tick of 1/90000 s.
    pub fn ticks_90k(self, frames: u32) -> u64 {
        rounded(
            u128::from(frames) * u128::from(self.den) * 90_000,
            u128::from(self.num),
        )
    }
}

fn rounded(dividend: u128, divisor: u128) -> u64 {
    u64::try_from((dividend + divisor / 2) / divisor).unwrap_or(u64::MAX)
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.num, self.den)
    }
}

impl FromStr for FrameRate {
    type Err = InvalidFrameRate;

    fn from_str(text: &str) -> Result<Self, InvalidFrameRate> {
        let (num, den) = text.split_once('/').unwrap_or((text, "1"));
        let parsed = num.parse().ok().zip(den.parse().ok());
        parsed
            .and_then(|(num, den)| Self::new(num, den))
            .ok_or_else(|| InvalidFrameRate(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcast_rates_are_exact() {
        let film = FrameRate::new(24_000, 1_001).unwrap();
        assert_eq!((film.ticks_90k(72), film.ticks_90k(1)), (270_270, 3_754));
        assert_eq!(film.per_thousand_seconds(), 23_976);
    }

    #[test]
    fn a_rate_without_frames_or_seconds_is_no_rate() {
        assert_eq!(FrameRate::new(0, 1), None);
        assert_eq!(FrameRate::new(25, 0), None);
        assert!("25/x".parse::<FrameRate>().is_err());
    }
}
