//! What was seen of the server. Unlike the truth about the sessions, it depends on the machine.

use std::sync::Mutex;
use std::time::Duration;

use serde::Serialize;

/// Each bucket ends a twentieth above the one before.
const STEP: f64 = 1.05;
const BUCKETS: usize = 400;
/// What comes so much later than the recorded network would have let it has been late.
const GRACE: Duration = Duration::from_millis(50);

/// Durations, to a twentieth, in memory that does not grow.
#[derive(Debug)]
struct Histogram {
    counts: Box<[u64]>,
    most: Duration,
}

/// How long something took, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Took {
    pub count: u64,
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

impl Histogram {
    fn new() -> Self {
        Self {
            counts: vec![0; BUCKETS].into_boxed_slice(),
            most: Duration::ZERO,
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "the number of a bucket"
    )]
    fn add(&mut self, took: Duration) {
        let bucket = (took.as_micros().max(1) as f64).log(STEP) as usize;
        if let Some(count) = self.counts.get_mut(bucket.min(BUCKETS - 1)) {
            *count += 1;
        }
        self.most = self.most.max(took);
    }

    fn took(&self) -> Took {
        let count: u64 = self.counts.iter().sum();
        Took {
            count,
            p50_ms: self.percentile(count, 50),
            p95_ms: self.percentile(count, 95),
            p99_ms: self.percentile(count, 99),
            max_ms: self.most.as_secs_f64() * 1_000.0,
        }
    }

    fn percentile(&self, count: u64, percent: u64) -> f64 {
        let rank = (count * percent).div_ceil(100);
        let mut seen = 0;
        let bucket = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        });
        let exponent = i32::try_from(bucket.unwrap_or_default()).unwrap_or_default() + 1;
        let most = self.most.as_secs_f64() * 1_000.0;
        if count == 0 {
            0.0
        } else {
            (STEP.powi(exponent) / 1_000.0).min(most)
        }
    }
}

/// What is seen, by all players together.
#[derive(Debug)]
pub(super) struct Watcher {
    // Held for a few additions only.
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    answers: Histogram,
    reports: Histogram,
    late: u64,
    latest: Duration,
    repeated: u64,
}

/// How the server did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Observed {
    /// From a request to the head of its answer.
    pub answer: Took,
    /// From a batch of reports to its acknowledgement.
    pub acknowledgement: Took,
    /// Playlists and segments that came later than the recorded network would have let them.
    pub late: u64,
    /// By how much at most, in milliseconds.
    pub latest_ms: f64,
    /// Requests that had to be made again.
    pub repeated: u64,
    /// How long the simulation took, in seconds.
    pub took_s: f64,
}

impl Watcher {
    pub(super) fn new() -> Self {
        Self {
            seen: Mutex::new(Seen {
                answers: Histogram::new(),
                reports: Histogram::new(),
                late: 0,
                latest: Duration::ZERO,
                repeated: 0,
            }),
        }
    }

    fn with<T>(&self, see: impl FnOnce(&mut Seen) -> T) -> T {
        see(&mut self
            .seen
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    pub(super) fn answered(&self, took: Duration) {
        self.with(|seen| seen.answers.add(took));
    }

    pub(super) fn acknowledged(&self, took: Duration) {
        self.with(|seen| seen.reports.add(took));
    }

    pub(super) fn repeated(&self) {
        self.with(|seen| seen.repeated += 1);
    }

    /// Something has come, so long after it could have.
    pub(super) fn came(&self, late: Duration) {
        self.with(|seen| {
            if late > GRACE {
                seen.late += 1;
                seen.latest = seen.latest.max(late);
            }
        });
    }

    pub(super) fn observed(&self, took: Duration) -> Observed {
        self.with(|seen| Observed {
            answer: seen.answers.took(),
            acknowledgement: seen.reports.took(),
            late: seen.late,
            latest_ms: seen.latest.as_secs_f64() * 1_000.0,
            repeated: seen.repeated,
            took_s: took.as_secs_f64(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_kept_to_a_twentieth() {
        let mut histogram = Histogram::new();
        (1..=1_000).for_each(|ms| histogram.add(Duration::from_millis(ms)));
        let took = histogram.took();
        assert_eq!((took.count, took.max_ms), (1_000, 1_000.0));
        for (found, exact) in [(took.p50_ms, 500.0), (took.p95_ms, 950.0), (took.p99_ms, 990.0)] {
            assert!((0.95..1.06).contains(&(found / exact)), "{found} {exact}");
        }
        assert_eq!(Histogram::new().took(), Took::default());
    }
}
