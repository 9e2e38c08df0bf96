//! Scores of a session from 0 to 100, by formulas of our own: `qoe_score.v1`. docs/analytics.md publishes them.

use super::measures::{Measures, Outcome, ratio};

/// The four sub-scores and what they come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scores {
    pub(crate) startup: Option<f64>,
    pub(crate) smoothness: Option<f64>,
    pub(crate) success: f64,
    pub(crate) quality: Option<f64>,
    pub(crate) experience: f64,
}

impl Scores {
    /// Nothing, for a session that was never asked to play, or too briefly.
    pub(super) fn of(measures: &Measures) -> Option<Self> {
        let success = match measures.outcome {
            Outcome::Idle | Outcome::Brief | Outcome::Refused => return None,
            Outcome::FailedToStart | Outcome::FailedMidway => 0.0,
            Outcome::LeftBeforeStart => 50.0,
            Outcome::Played => 100.0,
        };
        let startup = measures.startup_ms.map(|ms| 800.0 / (8.0 + ratio(ms, 1_000)));
        let smoothness = (measures.watched_ms > 0 && measures.played).then(|| {
            let often = 100.0 / (1.0 + ratio(measures.stalls, 2).powi(2)).sqrt();
            let long = 100.0 * (-10.0 * ratio(measures.rebuffer_ms, measures.watched_ms)).exp();
            f64::midpoint(often, long)
        });
        let quality = (measures.scaled_ms > 0).then(|| ratio(measures.sharpness, measures.scaled_ms) / 10.0);
        let experience = match measures.outcome {
            Outcome::LeftBeforeStart => 50.0,
            Outcome::Played => mean(&[(startup, 1), (smoothness, 2), (quality, 1)]),
            Outcome::Idle
            | Outcome::Brief
            | Outcome::Refused
            | Outcome::FailedToStart
            | Outcome::FailedMidway => 0.0,
        };
        Some(Self {
            startup,
            smoothness,
            success,
            quality,
            experience,
        })
    }
}

/// The weighted geometric mean of those that are known.
fn mean(scores: &[(Option<f64>, i32)]) -> f64 {
    let (mut product, mut weights) = (1.0, 0);
    for (score, weight) in scores {
        if let Some(score) = score {
            product *= (score / 100.0).powi(*weight);
            weights += weight;
        }
    }
    if weights == 0 {
        100.0
    } else {
        100.0 * product.powf(1.0 / f64::from(weights))
    }
}
