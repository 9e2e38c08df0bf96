//! The table of metrics: names, units and meanings. `/metrics` shows them in Prometheus' text format.

use std::sync::OnceLock;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

const COUNTERS: [(&str, &str); 12] = [
    (
        "clipper_http_requests_total",
        "Requests by route, method and status",
    ),
    ("clipper_http_response_bytes_total", "Bytes of answers by route"),
    (
        "clipper_commands_total",
        "Commands by outcome: accepted, refused, failed",
    ),
    ("clipper_events_appended_total", "Events appended by log"),
    (
        "clipper_append_sifted_total",
        "Batches with a repetition or a conflict in them, by log",
    ),
    (
        "clipper_reports_forgotten_total",
        "Reports that retention removed from the playback log",
    ),
    ("clipper_upload_bytes_total", "Bytes of sources that were kept"),
    ("clipper_leases_expired_total", "Leases lost under work"),
    (
        "clipper_actor_restarts_total",
        "Actors replaced by cause: died, hung",
    ),
    (
        "clipper_reports_accepted_total",
        "Records of players that were stored",
    ),
    (
        "clipper_reports_duplicate_total",
        "Records that were stored before",
    ),
    ("clipper_reports_rejected_total", "Records that were set aside"),
];

const GAUGES: [(&str, &str); 5] = [
    (
        "clipper_projection_lag_events",
        "Events that a projection has not applied yet",
    ),
    (
        "clipper_projection_lag_seconds",
        "How long the oldest event has waited that a projection has not applied yet",
    ),
    (
        "clipper_encode_queue_depth",
        "Encodings that wait or run by class",
    ),
    (
        "clipper_parked_events",
        "Events set aside because a projection failed on them",
    ),
    ("clipper_active_clips", "Clips in memory"),
];

/// Histograms with the buckets that their values call for.
const HISTOGRAMS: [(&str, Unit, &[f64], &str); 7] = [
    (
        "clipper_http_request_duration_seconds",
        Unit::Seconds,
        FAST,
        "Time to the head of the answer by route",
    ),
    (
        "clipper_append_duration_seconds",
        Unit::Seconds,
        FAST,
        "Time of a group commit by log",
    ),
    (
        "clipper_append_queue_seconds",
        Unit::Seconds,
        FAST,
        "How long the first append of a group commit had waited, by log",
    ),
    (
        "clipper_append_batch_size",
        Unit::Count,
        COUNTS,
        "Appends that shared a commit by log",
    ),
    (
        "clipper_encode_duration_seconds",
        Unit::Seconds,
        SLOW,
        "Time of an encoding's stage",
    ),
    (
        "clipper_encode_speed_ratio",
        Unit::Count,
        RATIOS,
        "Seconds of media encoded per second",
    ),
    (
        "clipper_time_to_playable_seconds",
        Unit::Seconds,
        SLOW,
        "From the request to the last rendition",
    ),
];

const FAST: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
];
const SLOW: &[f64] = &[
    0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3_600.0,
];
const COUNTS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0];
const RATIOS: &[f64] = &[0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 50.0];

static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Begins to record, once per process.
pub fn start() -> Result<PrometheusHandle, BuildError> {
    if let Some(handle) = RECORDER.get() {
        return Ok(handle.clone());
    }
    let mut builder = PrometheusBuilder::new();
    for (name, _, buckets, _) in HISTOGRAMS {
        builder = builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), buckets)?;
    }
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::debug!("another recorder was there before");
    }
    describe();
    Ok(RECORDER.get_or_init(|| handle).clone())
}

fn describe() {
    for (name, meaning) in COUNTERS {
        describe_counter!(name, meaning);
    }
    for (name, meaning) in GAUGES {
        describe_gauge!(name, meaning);
    }
    for (name, unit, _, meaning) in HISTOGRAMS {
        describe_histogram!(name, unit, meaning);
    }
    metrics_process::Collector::default().describe();
}
