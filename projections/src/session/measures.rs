//! What is measured of a session. Times are milliseconds of the player's clock.

use std::collections::BTreeMap;

use super::Scores;

/// How it ended, as far as is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was never asked to play.
    #[default]
    Idle,
    /// It was asked to play and did not, for less than a second.
    Brief,
    /// It was asked to play, waited, and left before the first frame.
    LeftBeforeStart,
    /// It failed before the first frame.
    FailedToStart,
    /// It failed while playing.
    FailedMidway,
    /// Somebody may not see it.
    Refused,
    /// It played.
    Played,
}

impl Outcome {
    /// As it stands in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Brief => "brief",
            Self::LeftBeforeStart => "left_before_start",
            Self::FailedToStart => "failed_to_start",
            Self::FailedMidway => "failed_midway",
            Self::Refused => "refused",
            Self::Played => "played",
        }
    }
}

/// A sum of values, each weighted by the milliseconds for which it held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weighted {
    pub(crate) sum: i64,
    pub(crate) ms: i64,
    latest: Option<i64>,
}

impl Weighted {
    pub(super) fn hold(&mut self, value: Option<i64>, ms: i64) {
        if let Some(value) = value {
            self.latest = Some(value);
            self.sum = self.sum.saturating_add(value.saturating_mul(ms));
            self.ms += ms;
        }
    }

    pub(crate) fn mean(self) -> Option<f64> {
        if self.ms > 0 {
            Some(ratio(self.sum, self.ms))
        } else {
            self.latest.map(|value| ratio(value, 1))
        }
    }
}

/// What is measured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Measures {
    pub(crate) first_at: i64,
    pub(crate) last_at: i64,
    /// The token of the state in which it was seen last.
    pub(crate) last_state: Option<&'static str>,
    pub(crate) attempted: bool,
    pub(crate) played: bool,
    pub(crate) completed: bool,
    pub(crate) failed: bool,
    pub(crate) outcome: Outcome,
    /// Nobody said how it ended.
    pub(crate) truncated: bool,
    /// More media than the clock allows.
    pub(crate) implausible: bool,
    pub(crate) error: Option<String>,
    pub(crate) warnings: i64,
    pub(crate) startup_ms: Option<i64>,
    pub(crate) first_frame_ms: Option<i64>,
    pub(crate) starting_ms: i64,
    pub(crate) playing_ms: i64,
    pub(crate) media_ms: i64,
    pub(crate) watched_ms: i64,
    pub(crate) rebuffer_ms: i64,
    pub(crate) stalls: i64,
    pub(crate) connection_rebuffer_ms: i64,
    pub(crate) background_rebuffer_ms: i64,
    pub(crate) seek_ms: i64,
    /// How long each seek took.
    pub(crate) seeks: Vec<i64>,
    pub(crate) paused_ms: i64,
    pub(crate) background_ms: i64,
    pub(crate) abandoned: bool,
    /// Bits of media that were shown, and the media for which the bit rate is known.
    pub(crate) bits: i64,
    pub(crate) rated_ms: i64,
    pub(crate) top_ms: i64,
    pub(crate) top_known_ms: i64,
    pub(crate) renditions: BTreeMap<String, i64>,
    pub(crate) last_quality: Option<String>,
    pub(crate) switches: i64,
    pub(crate) upshifts: i64,
    pub(crate) downshifts: i64,
    /// Sum of |log2(bit rate after / before)| in thousandths, and of how many switches.
    pub(crate) magnitude: i64,
    pub(crate) measured_switches: i64,
    /// Thousandths times milliseconds of media.
    pub(crate) upscale: i64,
    pub(crate) downscale: i64,
    pub(crate) sharpness: i64,
    pub(crate) scaled_ms: i64,
    pub(crate) dropped_frames: i64,
    pub(crate) frames: i64,
    pub(crate) throughput: Weighted,
    pub(crate) buffer: Weighted,
    pub(crate) latency: Weighted,
    pub(crate) latencies: Vec<i64>,
    pub(crate) requests: i64,
    pub(crate) request_errors: i64,
    pub(crate) transfer_bits: i64,
    pub(crate) transfer_ms: i64,
    pub(crate) first_bytes: Vec<i64>,
    /// Records with a number that came, and that should have.
    pub(crate) received: i64,
    pub(crate) expected: i64,
    /// When somebody watched: begins and ends.
    pub(crate) active: Vec<(i64, i64)>,
    /// What was shown: begins and ends within the clip.
    pub(crate) passes: Vec<(i64, i64)>,
}

impl Measures {
    /// The rendition with most playing time; the latest one named, before any was played.
    pub(crate) fn quality(&self) -> Option<&str> {
        // Of equals the first by name, whatever the order of a map.
        let most = self
            .renditions
            .iter()
            .rev()
            .max_by_key(|(_, ms)| **ms)
            .filter(|(_, ms)| **ms > 0);
        most.map(|(quality, _)| quality.as_str())
            .or(self.last_quality.as_deref())
    }

    pub(crate) fn average_kbps(&self) -> Option<f64> {
        (self.rated_ms > 0).then(|| ratio(self.bits, self.rated_ms))
    }

    /// Milliseconds of the clip that were seen at least once.
    pub(crate) fn covered_ms(&self) -> i64 {
        let mut passes = self.passes.clone();
        passes.sort_unstable();
        let (mut covered, mut reached) = (0, i64::MIN);
        for (from, to) in passes {
            covered += (to - from.max(reached)).max(0);
            reached = reached.max(to);
        }
        covered
    }

    pub(crate) fn scores(&self) -> Option<Scores> {
        Scores::of(self)
    }
}

#[expect(clippy::cast_precision_loss, reason = "sums of a session stay far below 2^52")]
pub(crate) fn ratio(part: i64, whole: i64) -> f64 {
    part as f64 / whole as f64
}
