//! Which rendition a player asks for next: four rules of the literature, and the estimate of throughput beside them.

use std::collections::VecDeque;

use serde::Serialize;

use super::Millis;

/// How players choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// Throughput: the lesser of a fast and a slow moving average, as hls.js has it.
    Ewma,
    /// Throughput: the harmonic mean of the latest five segments, as FESTIVE has it.
    Harmonic,
    /// Buffer: a straight line from the lowest to the highest rendition, BBA-0 (Huang et al. 2014).
    Bba,
    /// Buffer: Lyapunov optimisation, BOLA (Spiteri et al. 2016).
    Bola,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ewma, Self::Harmonic, Self::Bba, Self::Bola];
}

/// The share of the estimated throughput that is used.
const SAFETY: f64 = 0.8;
const FAST_HALF_LIFE_S: f64 = 3.0;
const SLOW_HALF_LIFE_S: f64 = 9.0;
/// Segments in the harmonic mean.
const WINDOW: usize = 5;
/// Of the buffer target: what BBA-0 keeps before it leaves the lowest rendition, and where it reaches the highest.
const RESERVOIR: f64 = 0.25;
const CUSHION: f64 = 0.9;
/// How much BOLA prefers not to stall: its `γp`.
const GAMMA: f64 = 5.0;

/// One player's rule, and what it has measured.
#[derive(Clone, Debug)]
pub(super) struct Abr {
    rule: Rule,
    fast: Average,
    slow: Average,
    latest: VecDeque<f64>,
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Situation<'a> {
    /// The renditions' bit rates, ascending.
    pub(super) kbps: &'a [u64],
    /// The one that was asked for last.
    pub(super) current: usize,
    pub(super) buffer: Millis,
    pub(super) target: Millis,
    /// How long the next segment is.
    pub(super) segment: Millis,
}

/// An exponentially weighted mean that a short history does not pull towards zero.
#[derive(Clone, Copy, Debug)]
struct Average {
    half_life_s: f64,
    sum: f64,
    weight: f64,
}

impl Average {
    fn new(half_life_s: f64) -> Self {
        Self {
            half_life_s,
            sum: 0.0,
            weight: 0.0,
        }
    }

    fn add(&mut self, value: f64, seconds: f64) {
        let keep = 0.5_f64.powf(seconds / self.half_life_s);
        self.sum = self.sum * keep + value * (1.0 - keep);
        self.weight = self.weight * keep + (1.0 - keep);
    }

    fn mean(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }
}

impl Abr {
    pub(super) fn new(rule: Rule) -> Self {
        Self {
            rule,
            fast: Average::new(FAST_HALF_LIFE_S),
            slow: Average::new(SLOW_HALF_LIFE_S),
            latest: VecDeque::with_capacity(WINDOW),
        }
    }

    /// Takes note of a segment that has come.
    #[expect(
        clippy::cast_precision_loss,
        reason = "bytes and milliseconds stay far below 2^52"
    )]
    pub(super) fn measured(&mut self, bytes: u64, took: Millis) {
        // As hls.js has it: what comes at once tells little.
        let ms = took.max(50) as f64;
        let kbps = bytes as f64 * 8.0 / ms;
        self.fast.add(kbps, ms / 1_000.0);
        self.slow.add(kbps, ms / 1_000.0);
        if self.latest.len() == WINDOW {
            self.latest.pop_front();
        }
        self.latest.push_back(kbps);
    }

    /// The throughput as the player sees it, in kbit/s.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a mean of positive numbers"
    )]
    pub(super) fn estimate(&self) -> Option<u64> {
        self.throughput().map(|kbps| kbps.round() as u64)
    }

    fn throughput(&self) -> Option<f64> {
        match self.rule {
            Rule::Harmonic => self.harmonic(),
            Rule::Ewma | Rule::Bba | Rule::Bola => Some(self.fast.mean()?.min(self.slow.mean()?)),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    fn harmonic(&self) -> Option<f64> {
        let sum: f64 = self.latest.iter().map(|kbps| 1.0 / kbps.max(1.0)).sum();
        (sum > 0.0).then(|| self.latest.len() as f64 / sum)
    }

    /// The rendition of the next segment. Before anything was measured it is the one that the player is at.
    pub(super) fn choose(&self, now: Situation<'_>) -> usize {
        let Some(throughput) = self.throughput() else {
            return now.current;
        };
        match self.rule {
            Rule::Ewma | Rule::Harmonic => highest_within(now.kbps, throughput * SAFETY),
            Rule::Bba => bba(now),
            Rule::Bola => bola(now),
        }
    }
}

/// The highest rendition that fits, or the lowest.
#[expect(clippy::cast_precision_loss, reason = "bit rates stay far below 2^52")]
fn highest_within(renditions: &[u64], kbps: f64) -> usize {
    renditions
        .iter()
        .rposition(|rate| *rate as f64 <= kbps)
        .unwrap_or(0)
}

/// The line decides only once it has reached the rendition next to the present one, so that players do not flutter.
#[expect(
    clippy::cast_precision_loss,
    reason = "bit rates and milliseconds stay far below 2^52"
)]
fn bba(now: Situation<'_>) -> usize {
    let (Some(lowest), Some(highest)) = (now.kbps.first(), now.kbps.last()) else {
        return 0;
    };
    let (lowest, highest, target) = (*lowest as f64, *highest as f64, now.target as f64);
    let reservoir = target * RESERVOIR;
    let along = ((now.buffer as f64 - reservoir) / (target * CUSHION - reservoir)).clamp(0.0, 1.0);
    let line = lowest + (highest - lowest) * along;
    let of = |index: usize| now.kbps.get(index).map(|rate| *rate as f64);
    let above = of(now.current + 1).unwrap_or(highest);
    let below = now.current.checked_sub(1).and_then(of).unwrap_or(lowest);
    if line >= above {
        highest_within(now.kbps, line)
    } else if line <= below {
        // The lowest that is above the line.
        let fits = now.kbps.iter().position(|rate| *rate as f64 >= line);
        fits.unwrap_or(0)
    } else {
        now.current
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "bit rates and milliseconds stay far below 2^52"
)]
fn bola(now: Situation<'_>) -> usize {
    let segment = now.segment.max(1) as f64;
    let (queued, most) = (now.buffer as f64 / segment, now.target as f64 / segment);
    let lowest = now.kbps.first().map_or(1.0, |rate| (*rate).max(1) as f64);
    let utility = |rate: u64| (rate.max(1) as f64 / lowest).ln();
    let best = now.kbps.last().map_or(0.0, |rate| utility(*rate));
    let control = (most - 1.0).max(0.1) / (best + GAMMA);
    let score = |rate: u64| (control * (utility(rate) + GAMMA) - queued) / rate.max(1) as f64;
    let scored = now.kbps.iter().map(|rate| score(*rate)).enumerate();
    scored
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
        .map_or(0, |(index, _)| index)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KBPS: [u64; 4] = [500, 1_000, 3_000, 6_000];

    fn situation(buffer: Millis, current: usize) -> Situation<'static> {
        Situation {
            kbps: &KBPS,
            current,
            buffer,
            target: 30_000,
            segment: 4_000,
        }
    }

    fn measured(rule: Rule, kbps: u64) -> Abr {
        let mut abr = Abr::new(rule);
        abr.measured(kbps * 250, 2_000);
        abr
    }

    #[test]
    fn throughput_rules_keep_a_fifth_in_reserve() {
        for rule in [Rule::Ewma, Rule::Harmonic] {
            assert_eq!(measured(rule, 3_700).choose(situation(5_000, 0)), 1, "{rule:?}");
            assert_eq!(measured(rule, 3_800).choose(situation(5_000, 0)), 2, "{rule:?}");
            assert_eq!(measured(rule, 100).choose(situation(5_000, 3)), 0, "{rule:?}");
        }
    }

    #[test]
    fn one_bad_segment_counts_more_than_one_good() {
        let mut abr = measured(Rule::Harmonic, 1_000);
        abr.measured(9_000 * 250, 2_000);
        assert_eq!(abr.estimate(), Some(1_800));
        let mut abr = measured(Rule::Ewma, 1_000);
        abr.measured(9_000 * 250, 2_000);
        // The slow average is the lesser one while throughput rises.
        assert!(abr.estimate().unwrap() < 5_500);
    }

    #[test]
    fn buffer_rules_climb_with_the_buffer() {
        for rule in [Rule::Bba, Rule::Bola] {
            let abr = measured(rule, 2_000);
            let chosen: Vec<_> = [0, 12_000, 20_000, 29_000]
                .iter()
                .map(|buffer| abr.choose(situation(*buffer, 1)))
                .collect();
            assert_eq!((chosen[0], chosen[3]), (0, 3), "{rule:?} {chosen:?}");
            assert!(chosen.is_sorted(), "{rule:?} {chosen:?}");
        }
    }

    #[test]
    fn bba_stays_between_its_neighbours() {
        let abr = measured(Rule::Bba, 2_000);
        // The line is at 2.3 Mbit/s: above 1, below 3.
        assert_eq!(abr.choose(situation(14_000, 1)), 1);
        assert_eq!(abr.choose(situation(14_000, 2)), 2);
    }

    #[test]
    fn without_a_measurement_a_player_stays_where_it_is() {
        for rule in Rule::ALL {
            assert_eq!(Abr::new(rule).choose(situation(0, 2)), 2);
        }
    }

    proptest! {
        #[test]
        fn what_is_chosen_exists(
            rates in prop::collection::btree_set(1_u64..50_000, 1..6),
            samples in prop::collection::vec((0_u64..10_000_000, 0_u64..60_000), 0..8),
            buffer in 0_u64..120_000,
            target in 1_000_u64..60_000,
            segment in 0_u64..10_000,
            current in 0_usize..6,
        ) {
            let kbps: Vec<u64> = rates.into_iter().collect();
            let current = current.min(kbps.len() - 1);
            for rule in Rule::ALL {
                let mut abr = Abr::new(rule);
                for (bytes, took) in &samples {
                    abr.measured(*bytes, *took);
                }
                let chosen = abr.choose(Situation { kbps: &kbps, current, buffer, target, segment });
                prop_assert!(chosen < kbps.len());
            }
        }
    }
}
