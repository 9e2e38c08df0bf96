//! Which parts of a clip are watched: its length in buckets, and who saw each of them.

use crate::{Query, Selection};

/// What was shown of a clip in a session.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct PassesRow {
    /// Begins and ends within the clip, as JSON.
    pub passes: String,
    /// How many sessions this one stands for.
    pub weight: i64,
}

/// What was shown of a clip, session by session: of those that played, without robots and without those that saw more
/// than their clock allows.
pub fn passes(selection: &Selection) -> Query<PassesRow> {
    let mut args = vec![];
    let conditions = selection.conditions("created_at", &mut args);
    let sql = format!(
        "SELECT passes, weight FROM video_streaming_analytics WHERE played AND NOT bot AND NOT implausible AND {conditions}"
    );
    Query::new(sql, args)
}

/// Buckets are a second, in clips of 10 to 1,000 seconds.
const FEWEST: i64 = 10;
const MOST: i64 = 1_000;
/// Shares of a clip, in percent, whose reaching is counted.
pub const MILESTONES: [i64; 4] = [25, 50, 75, 95];

/// How a clip was watched. Sums of weights, so that any order of sessions gives the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    duration_ms: i64,
    buckets: Vec<Bucket>,
    /// Sessions that were added, each as one.
    pub sessions: i64,
    /// What they stand for.
    pub plays: i64,
    covered_ms: i64,
    milestones: [i64; 4],
    /// Milliseconds of a bucket that a session saw.
    seen: Vec<i64>,
}

/// What happened in a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Plays that saw at least half of it.
    pub unique: i64,
    /// How often at least half of it was seen.
    pub passes: i64,
    /// Plays that saw something behind it, and not it.
    pub skipped: i64,
}

impl Retention {
    /// Nobody has watched a clip of this length.
    pub fn of(duration_ms: i64) -> Self {
        let duration_ms = duration_ms.max(1);
        let count = (duration_ms.saturating_add(500) / 1_000).clamp(FEWEST, MOST);
        let count = usize::try_from(count).unwrap_or_default();
        Self {
            duration_ms,
            buckets: vec![Bucket::default(); count],
            sessions: 0,
            plays: 0,
            covered_ms: 0,
            milestones: [0; 4],
            seen: vec![0; count],
        }
    }

    /// Buckets from the clip's beginning to its end.
    pub fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// Where a bucket begins.
    pub fn start_of(&self, bucket: usize) -> i64 {
        let count = i64::try_from(self.buckets.len()).unwrap_or(i64::MAX);
        let bucket = i64::try_from(bucket).unwrap_or(i64::MAX);
        i64::try_from(i128::from(bucket) * i128::from(self.duration_ms) / i128::from(count))
            .unwrap_or(i64::MAX)
    }

    /// The mean share of the clip that plays saw at least once, from 0 to 1.
    #[expect(
        clippy::cast_precision_loss,
        reason = "sums of milliseconds stay far below 2^52"
    )]
    pub fn completion(&self) -> Option<f64> {
        (self.plays > 0).then(|| self.covered_ms as f64 / self.duration_ms as f64 / self.plays as f64)
    }

    /// Plays that saw at least so much of the clip, milestone by milestone.
    pub fn milestones(&self) -> [(i64, i64); 4] {
        std::array::from_fn(|place| {
            let of = |list: &[i64; 4]| list.get(place).copied().unwrap_or_default();
            (of(&MILESTONES), of(&self.milestones))
        })
    }

    /// Adds a session that saw these parts of the clip, in whatever order.
    pub fn add(&mut self, passes: &[(i64, i64)], weight: i64) {
        self.sessions += 1;
        self.plays += weight;
        let within = |(from, to): &(i64, i64)| {
            (
                (*from).clamp(0, self.duration_ms),
                (*to).clamp(0, self.duration_ms),
            )
        };
        let passes: Vec<_> = passes.iter().map(within).filter(|(from, to)| from < to).collect();
        let parts = union(&passes);
        let covered: i64 = parts.iter().map(|(from, to)| to - from).sum();
        self.covered_ms += covered * weight;
        for (milestone, count) in MILESTONES.iter().zip(&mut self.milestones) {
            if i128::from(covered) * 100 >= i128::from(*milestone) * i128::from(self.duration_ms) {
                *count += weight;
            }
        }
        self.seen.fill(0);
        for part in &parts {
            for (bucket, ms, _) in self.touched(*part) {
                if let Some(seen) = self.seen.get_mut(bucket) {
                    *seen += ms;
                }
            }
        }
        self.count(&passes, weight);
    }

    fn count(&mut self, passes: &[(i64, i64)], weight: i64) {
        let mut counted = vec![0; self.buckets.len()];
        for pass in passes {
            for (bucket, ms, width) in self.touched(*pass) {
                if let Some(counted) = counted.get_mut(bucket) {
                    *counted += i64::from(2 * ms >= width);
                }
            }
        }
        let widths: Vec<_> = (0..self.buckets.len())
            .map(|bucket| self.start_of(bucket + 1) - self.start_of(bucket))
            .collect();
        let mut later = false;
        let buckets = self.buckets.iter_mut().zip(&self.seen).zip(&counted).zip(widths);
        for (((bucket, seen), passes), width) in buckets.rev() {
            if *seen > 0 && 2 * seen >= width {
                later = true;
                bucket.unique += weight;
                // Halves of different passes are one.
                bucket.passes += weight * (*passes).max(1);
            } else if later {
                bucket.skipped += weight;
            }
        }
    }

    /// The buckets that a part of the clip lies in: how much of it is in each, and how wide each is.
    fn touched(&self, (from, to): (i64, i64)) -> Vec<(usize, i64, i64)> {
        let count = i64::try_from(self.buckets.len()).unwrap_or(i64::MAX);
        let near = i128::from(from) * i128::from(count) / i128::from(self.duration_ms);
        let first = usize::try_from(near).unwrap_or_default().saturating_sub(1);
        let mut touched = vec![];
        for bucket in first..self.buckets.len() {
            let (start, end) = (self.start_of(bucket), self.start_of(bucket + 1));
            if start >= to {
                break;
            }
            let ms = to.min(end) - from.max(start);
            if ms > 0 {
                touched.push((bucket, ms, end - start));
            }
        }
        touched
    }
}

/// Parts that do not touch, in order.
fn union(passes: &[(i64, i64)]) -> Vec<(i64, i64)> {
    let mut passes = passes.to_vec();
    passes.sort_unstable();
    let mut parts: Vec<(i64, i64)> = vec![];
    for (from, to) in passes {
        match parts.last_mut() {
            Some((_, end)) if *end >= from => *end = (*end).max(to),
            _ => parts.push((from, to)),
        }
    }
    parts
}

#[cfg(test)]
mod tests;
