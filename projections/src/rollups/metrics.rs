//! The metrics that sums come to: a name, a unit, a formula, and how many it is of.

use super::sums::Sums;

/// A share of fewer says little.
pub const SMALL_SAMPLE: i64 = 100;

/// What a metric is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// So many.
    Count,
    /// Milliseconds.
    Ms,
    /// From 0 to 100.
    Percent,
    /// Kilobits per second.
    Kbps,
    /// Events per hour.
    PerHour,
    /// Events per minute.
    PerMinute,
    /// Doublings.
    Octaves,
    /// From 0 to 100, the higher the better.
    Score,
}

impl Unit {
    /// As it stands in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Ms => "ms",
            Self::Percent => "percent",
            Self::Kbps => "kbps",
            Self::PerHour => "per_hour",
            Self::PerMinute => "per_minute",
            Self::Octaves => "octaves",
            Self::Score => "score",
        }
    }
}

/// How a metric is computed.
#[derive(Clone, Copy, Debug)]
pub enum Formula {
    /// A sum.
    Sum(fn(&Sums) -> i64),
    /// A sum by another, times a number. The last sum is how many it is of.
    Ratio(fn(&Sums) -> i64, fn(&Sums) -> i64, f64, fn(&Sums) -> i64),
    /// How many different viewers there are.
    Viewers,
}

/// A metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name in answers.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// Its formula.
    pub formula: Formula,
}

impl Metric {
    /// The metric of a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        METRICS.iter().find(|metric| metric.name == name)
    }

    /// Its value; nothing, where there is nothing to divide by, or it is not of sums.
    #[expect(clippy::cast_precision_loss, reason = "a metric needs no more than 52 bits")]
    pub fn of(&self, sums: &Sums) -> Option<f64> {
        match self.formula {
            Formula::Sum(sum) => Some(sum(sums) as f64),
            Formula::Ratio(part, whole, times, _) => {
                let whole = whole(sums);
                (whole > 0).then(|| part(sums) as f64 / whole as f64 * times)
            }
            Formula::Viewers => None,
        }
    }

    /// How many sessions a ratio is of; nothing for what is no ratio.
    pub fn n(&self, sums: &Sums) -> Option<i64> {
        match self.formula {
            Formula::Ratio(_, _, _, n) => Some(n(sums)),
            Formula::Sum(_) | Formula::Viewers => None,
        }
    }
}

macro_rules! metrics {
    ($($name:ident $unit:ident = $kind:ident($($formula:tt)*);)*) => {
        /// Every metric.
        pub const METRICS: &[Metric] = &[$(Metric {
            name: stringify!($name),
            unit: Unit::$unit,
            formula: metrics!(@$kind $($formula)*),
        }),*];
    };
    (@sum $s:ident => $sum:expr) => { Formula::Sum(|$s| $sum) };
    (@ratio $s:ident => $part:expr, $whole:expr, $times:expr, $n:ident) => {
        Formula::Ratio(|$s| $part, |$s| $whole, $times, |s| s.$n)
    };
    (@viewers) => { Formula::Viewers };
}

metrics! {
    sessions Count = sum(s => s.sessions);
    attempts Count = sum(s => s.attempts);
    plays Count = sum(s => s.plays);
    completed Count = sum(s => s.completed);
    abandoned Count = sum(s => s.abandoned);
    start_failures Count = sum(s => s.failed_to_start);
    midstream_failures Count = sum(s => s.failed_midway);
    refused Count = sum(s => s.refused);
    left_before_start Count = sum(s => s.left_before_start);
    brief Count = sum(s => s.brief);
    warning_count Count = sum(s => s.warnings);
    rebuffer_count Count = sum(s => s.rebuffers);
    seek_count Count = sum(s => s.seeks);
    quality_switches Count = sum(s => s.switches);
    upshifts Count = sum(s => s.upshifts);
    downshifts Count = sum(s => s.downshifts);
    requests Count = sum(s => s.requests);
    request_errors Count = sum(s => s.request_errors);
    unique_viewers Count = viewers();
    watched_ms Ms = sum(s => s.watched_ms);
    playing_ms Ms = sum(s => s.playing_ms);
    media_ms Ms = sum(s => s.media_ms);
    covered_ms Ms = sum(s => s.covered_ms);
    rebuffer_ms Ms = sum(s => s.rebuffer_ms);
    seek_ms Ms = sum(s => s.seek_ms);
    paused_ms Ms = sum(s => s.paused_ms);
    background_ms Ms = sum(s => s.background_ms);
    startup_ms Ms = ratio(s => s.startup_ms, s.startups, 1.0, startups);
    page_to_first_frame_ms Ms = ratio(s => s.first_frame_ms, s.first_frames, 1.0, first_frames);
    seek_latency_ms Ms = ratio(s => s.seek_ms, s.seeks, 1.0, seeks);
    buffer_health_ms Ms = ratio(s => s.buffer_sum, s.buffer_weight, 1.0, plays);
    live_latency_ms Ms = ratio(s => s.latency_sum, s.latency_weight, 1.0, plays);
    rebuffer_ratio Percent = ratio(s => s.rebuffer_ms, s.watched_ms, 100.0, attempts);
    connection_rebuffer_ratio Percent = ratio(s => s.connection_rebuffer_ms, s.playing_ms + s.connection_rebuffer_ms, 100.0, plays);
    rebuffer_free_share Percent = ratio(s => s.smooth_plays, s.plays, 100.0, plays);
    start_failure_pct Percent = ratio(s => s.failed_to_start, s.attempts, 100.0, attempts);
    playback_failure_pct Percent = ratio(s => s.failed_to_start + s.failed_midway, s.attempts, 100.0, attempts);
    midstream_failure_pct Percent = ratio(s => s.failed_midway, s.plays, 100.0, plays);
    business_exception_pct Percent = ratio(s => s.refused, s.attempts, 100.0, attempts);
    ebvs_pct Percent = ratio(s => s.left_before_start, s.attempts, 100.0, attempts);
    abandonment_pct Percent = ratio(s => s.abandoned, s.plays, 100.0, plays);
    completed_pct Percent = ratio(s => s.completed, s.plays, 100.0, plays);
    top_bitrate_share Percent = ratio(s => s.top_ms, s.top_known_ms, 100.0, plays);
    upscale_pct Percent = ratio(s => s.upscale, s.scaled_ms, 0.1, plays);
    downscale_pct Percent = ratio(s => s.downscale, s.scaled_ms, 0.1, plays);
    dropped_frame_pct Percent = ratio(s => s.dropped_frames, s.frames, 100.0, plays);
    request_error_pct Percent = ratio(s => s.request_errors, s.requests, 100.0, requests);
    telemetry_loss_pct Percent = ratio(s => s.expected - s.received, s.expected, 100.0, sessions);
    avg_bitrate_kbps Kbps = ratio(s => s.bits, s.rated_ms, 1.0, plays);
    throughput_kbps Kbps = ratio(s => s.transfer_bits, s.transfer_ms, 1.0, requests);
    bandwidth_kbps Kbps = ratio(s => s.bandwidth_sum, s.bandwidth_weight, 1.0, plays);
    rebuffer_per_hour PerHour = ratio(s => s.rebuffers, s.watched_ms, 3_600_000.0, attempts);
    switches_per_min PerMinute = ratio(s => s.switches, s.playing_ms, 60_000.0, plays);
    switch_magnitude Octaves = ratio(s => s.switch_magnitude, s.measured_switches, 0.001, measured_switches);
    startup_score Score = ratio(s => s.startup_score, s.startup_scores, 0.001, startup_scores);
    smoothness_score Score = ratio(s => s.smoothness_score, s.smoothness_scores, 0.001, smoothness_scores);
    success_score Score = ratio(s => s.success_score, s.scores, 0.001, scores);
    quality_score Score = ratio(s => s.quality_score, s.quality_scores, 0.001, quality_scores);
    experience_score Score = ratio(s => s.experience_score, s.scores, 0.001, scores);
}
