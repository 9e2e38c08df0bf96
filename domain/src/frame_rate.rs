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
    /// A frame rate from a fraction, reduced; nothing when it is zero or not finite.
    pub fn new(num: u32, den: u32) -> Option<Self> {
        if num == 0 || den == 0 {
            return None;
        }
        let divisor = gcd(num, den);
        Some(Self { num: num / divisor, den: den / divisor })
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
        parsed.and_then(|(num, den)| Self::new(num, den)).ok_or_else(|| InvalidFrameRate(text.to_owned()))
    }
}
