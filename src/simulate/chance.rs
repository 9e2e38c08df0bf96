//! Chance that a seed decides: each viewer has dice of its own for each purpose, so that none of them depends on how
//! many others there are, or on what goes wrong on the way.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::Millis;

/// What dice are thrown for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// When viewers come.
    Arrivals = 1,
    /// Who a viewer is.
    Character,
    /// What a viewer does while watching.
    Conduct,
    /// What becomes of the reports.
    Faults,
}

/// Dice.
#[derive(Clone, Debug)]
pub(super) struct Chance(StdRng);

impl Chance {
    pub(super) fn new(seed: u64, viewer: u64, purpose: Purpose) -> Self {
        let mut key = [0; 32];
        for (place, part) in key.chunks_exact_mut(8).zip([seed, viewer, purpose as u64]) {
            place.copy_from_slice(&part.to_le_bytes());
        }
        Self(StdRng::from_seed(key))
    }

    /// From zero to below one.
    pub(super) fn unit(&mut self) -> f64 {
        self.0.random()
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0.random_range(0..limit.max(1))
    }

    pub(super) fn bytes(&mut self) -> [u8; 10] {
        self.0.random()
    }

    /// True in so many of a hundred cases.
    pub(super) fn percent(&mut self, percent: f64) -> bool {
        self.unit() * 100.0 < percent
    }

    /// How long it takes until something happens that may happen at any moment.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a time that is not negative; what is too long for the type is for ever"
    )]
    pub(super) fn wait(&mut self, mean: Millis) -> Millis {
        (-(1.0 - self.unit()).ln() * mean as f64).round() as Millis
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_throws_the_same() {
        let throw = |seed, viewer, purpose| Chance::new(seed, viewer, purpose).below(u64::MAX);
        assert_eq!(throw(1, 2, Purpose::Conduct), throw(1, 2, Purpose::Conduct));
        let different = [
            throw(1, 2, Purpose::Conduct),
            throw(1, 2, Purpose::Faults),
            throw(1, 3, Purpose::Conduct),
            throw(2, 2, Purpose::Conduct),
        ];
        assert_eq!(std::collections::BTreeSet::from(different).len(), 4);
    }

    #[test]
    fn waits_have_their_mean() {
        let mut chance = Chance::new(7, 0, Purpose::Arrivals);
        let sum: u64 = (0..20_000).map(|_| chance.wait(1_000)).sum();
        assert!((950..1_050).contains(&(sum / 20_000)), "{sum}");
        let hits = (0..20_000).filter(|_| chance.percent(5.0)).count();
        assert!((850..1_150).contains(&hits), "{hits}");
    }
}
