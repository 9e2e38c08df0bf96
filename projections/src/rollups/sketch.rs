//! Distributions: `DDSketch` (Masson, Rim, Lee 2019) with a relative error of one per cent.
//!
//! It holds nothing but whole counts, so that what was added can be taken out again, and parts can be put together in any
//! order, without a trace.

use std::collections::BTreeMap;

use super::packed::{Reader, put, put_signed};

/// The relative error.
pub const ALPHA: f64 = 0.01;

/// How values are distributed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// How many are zero or less.
    zeros: i64,
    /// How many lie in each step: above γ^(step − 1), up to γ^step.
    steps: BTreeMap<i64, i64>,
}

fn ln_gamma() -> f64 {
    ((1.0 + ALPHA) / (1.0 - ALPHA)).ln()
}

impl Sketch {
    /// Counts a value so many times; negative times take it out again.
    #[expect(clippy::cast_possible_truncation, reason = "a logarithm is small")]
    #[expect(clippy::cast_precision_loss, reason = "an error of one per cent is larger")]
    pub fn add(&mut self, value: i64, times: i64) {
        if value <= 0 {
            self.zeros = self.zeros.wrapping_add(times);
        } else {
            let step = ((value as f64).ln() / ln_gamma()).ceil() as i64;
            self.count(step, times);
        }
    }

    fn count(&mut self, step: i64, times: i64) {
        let held = self.steps.entry(step).or_insert(0);
        *held = held.wrapping_add(times);
        if *held == 0 {
            self.steps.remove(&step);
        }
    }

    /// Puts another in so many times.
    pub fn merge(&mut self, other: &Self, times: i64) {
        self.zeros = self.zeros.wrapping_add(other.zeros.wrapping_mul(times));
        for (step, held) in &other.steps {
            self.count(*step, held.wrapping_mul(times));
        }
    }

    /// How many values there are.
    pub fn total(&self) -> i64 {
        self.steps
            .values()
            .fold(self.zeros, |sum, held| sum.wrapping_add(*held))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.zeros == 0 && self.steps.is_empty()
    }

    /// The value below which this share of all lies, within one per cent.
    #[expect(clippy::cast_precision_loss, reason = "an error of one per cent is larger")]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let total = self.total();
        if total <= 0 {
            return None;
        }
        let rank = share.clamp(0.0, 1.0) * (total - 1) as f64;
        let mut seen = self.zeros;
        if seen as f64 > rank {
            return Some(0.0);
        }
        for (step, held) in &self.steps {
            seen += held;
            if seen as f64 > rank {
                let upper = (*step as f64 * ln_gamma()).exp();
                return Some(upper * (1.0 - ALPHA));
            }
        }
        None
    }

    pub(super) fn pack(&self, bytes: &mut Vec<u8>) {
        put_signed(bytes, self.zeros);
        put(bytes, self.steps.len() as u64);
        let mut before = 0;
        for (step, held) in &self.steps {
            put_signed(bytes, step - before);
            put_signed(bytes, *held);
            before = *step;
        }
    }

    pub(super) fn unpack(reader: &mut Reader<'_>) -> Option<Self> {
        let zeros = reader.take_signed()?;
        let (mut steps, mut step) = (BTreeMap::new(), 0_i64);
        for _ in 0..reader.take()? {
            step = step.checked_add(reader.take_signed()?)?;
            steps.insert(step, reader.take_signed()?);
        }
        Some(Self { zeros, steps })
    }
}
