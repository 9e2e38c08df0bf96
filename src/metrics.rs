//! The table of metrics: names, units and meanings. `/metrics` shows them in Prometheus' text format.

use std::sync::OnceLock;

use metrics::{Label, Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

const COUNTERS: [(&str, &str); 34] = [
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
    (
        "clipper_requests_heard_total",
        "Requests for media whose CMCD was stored",
    ),
    (
        "clipper_requests_unheard_total",
        "Requests for media whose CMCD was dropped, because there was too much of it",
    ),
    (
        "clipper_rate_limited_total",
        "Requests that were refused for coming too often, by kind",
    ),
    (
        "clipper_segment_cache_hits_total",
        "Segments that were at hand: open, and in the page cache",
    ),
    (
        "clipper_segment_cache_misses_total",
        "Segments that the application had to open or read",
    ),
    (
        "clipper_http_connections_refused_total",
        "Connections that were one too many, by reason: total, address",
    ),
    (
        "clipper_http_connections_dropped_total",
        "Connections and bodies that were waited for long enough, by reason",
    ),
    (
        "clipper_cdn_purges_total",
        "Clips that caches were told to forget, by outcome: done, failed",
    ),
    (
        "clipper_encode_attempts_total",
        "Attempts at units of encoding by outcome: done, failed, lost",
    ),
    (
        "clipper_thumbnails_failed_total",
        "Encodings that ended without still pictures",
    ),
    (
        "clipper_gc_removed_bytes_total",
        "Bytes of media that nothing named any more",
    ),
    (
        "clipper_qoe_sessions_started_total",
        "Playback sessions that reported for the first time",
    ),
    (
        "clipper_qoe_sessions_failed_total",
        "Playback sessions that ended with a fatal error",
    ),
    ("clipper_qoe_playing_seconds_total", "Time that viewers watched"),
    (
        "clipper_qoe_rebuffering_seconds_total",
        "Time that viewers waited for more after playing began",
    ),
    (
        "clipper_qoe_stalls_total",
        "How often playing stopped for want of media",
    ),
    (
        "clipper_qoe_switches_total",
        "How often players changed the rendition",
    ),
    (
        "clipper_imports_total",
        "Attempts to fetch a source from elsewhere by outcome: stored, failed, broken",
    ),
    (
        "clipper_webhook_attempts_total",
        "Attempts to tell an endpoint of an event by outcome: delivered, failed, parked",
    ),
    (
        "clipper_webhook_endpoints_disabled_total",
        "Endpoints that were switched off because they took nothing",
    ),
    (
        "clipper_webhook_events_skipped_total",
        "Events that endpoints were not told of because they cannot be read",
    ),
    (
        "clipper_rejects_dropped_total",
        "Records that were set aside and not kept, because too many came",
    ),
];

/// Counters that are there before anything is counted, so that a rate over them has a beginning: name, and each label
/// with its values.
const AT_ZERO: [(&str, &[Values]); 27] = [
    ("clipper_events_appended_total", &[("log", LOGS)]),
    ("clipper_append_sifted_total", &[("log", LOGS)]),
    ("clipper_reports_forgotten_total", &[]),
    ("clipper_upload_bytes_total", &[]),
    ("clipper_leases_expired_total", &[]),
    (
        "clipper_actor_restarts_total",
        &[("actor", &["encoder", "janitor"]), ("cause", &["died", "hung"])],
    ),
    ("clipper_reports_accepted_total", &[]),
    ("clipper_reports_duplicate_total", &[]),
    ("clipper_reports_rejected_total", &[]),
    ("clipper_requests_heard_total", &[]),
    ("clipper_requests_unheard_total", &[]),
    (
        "clipper_rate_limited_total",
        &[("kind", &["media", "reads", "writes", "reports", "person"])],
    ),
    ("clipper_segment_cache_hits_total", &[]),
    ("clipper_segment_cache_misses_total", &[]),
    (
        "clipper_http_connections_refused_total",
        &[("reason", &["total", "address"])],
    ),
    (
        "clipper_http_connections_dropped_total",
        &[(
            "reason",
            &["slow_head", "slow_body", "slow_reader", "streams", "idle"],
        )],
    ),
    (
        "clipper_encode_attempts_total",
        &[("outcome", &["done", "failed", "lost"])],
    ),
    ("clipper_thumbnails_failed_total", &[]),
    (
        "clipper_imports_total",
        &[("outcome", &["stored", "failed", "broken"])],
    ),
    (
        "clipper_webhook_attempts_total",
        &[("outcome", &["delivered", "failed", "parked"])],
    ),
    ("clipper_webhook_endpoints_disabled_total", &[]),
    ("clipper_webhook_events_skipped_total", &[]),
    ("clipper_qoe_sessions_started_total", &[]),
    ("clipper_qoe_sessions_failed_total", &[]),
    ("clipper_qoe_playing_seconds_total", &[]),
    ("clipper_qoe_rebuffering_seconds_total", &[]),
    ("clipper_qoe_stalls_total", &[]),
];

/// A label and the values that it takes.
type Values = (&'static str, &'static [&'static str]);

const LOGS: &[&str] = &["clip", "playback"];

const GAUGES: [(&str, &str); 17] = [
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
    (
        "clipper_check_ok",
        "Whether a part of the process can do its work, as /readyz says: 1 or 0",
    ),
    ("clipper_build_info", "1, and which version runs"),
    (
        "clipper_encode_queue_units",
        "Units of encoding that wait or run, by class and state",
    ),
    (
        "clipper_encode_queue_oldest_seconds",
        "How long ago the oldest encoding of a class was asked for that is not done",
    ),
    ("clipper_log_position", "Position of the latest event by log"),
    (
        "clipper_storage_bytes",
        "Bytes of published renditions by quality",
    ),
    (
        "clipper_disk_free_bytes",
        "Space left for this process where the data directory lies",
    ),
    (
        "clipper_disk_size_bytes",
        "Size of the file system where the data directory lies",
    ),
    ("clipper_http_connections", "Connections that are open"),
    (
        "clipper_webhook_deliveries",
        "Deliveries to endpoints by state: pending, parked",
    ),
    (
        "clipper_webhook_endpoints",
        "Endpoints by whether they are told: enabled, disabled",
    ),
    (
        "clipper_viewers",
        "Playback sessions under way that reported to this process",
    ),
];

/// Histograms with the buckets that their values call for.
const HISTOGRAMS: [(&str, Unit, &[f64], &str); 11] = [
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
        "From the request to the first playable segment",
    ),
    (
        "clipper_encode_time_ratio",
        Unit::Count,
        RATIOS,
        "From the request to the last rendition, in durations of the clip",
    ),
    (
        "clipper_webhook_duration_seconds",
        Unit::Seconds,
        FAST,
        "Time in which an endpoint answered, or did not",
    ),
    (
        "clipper_qoe_startup_seconds",
        Unit::Seconds,
        STARTUP,
        "From the wish to play to the first picture, as players report it",
    ),
    (
        "clipper_qoe_rebuffer_ratio",
        Unit::Count,
        SHARES,
        "Share of a session's time that went into waiting for more, at its end",
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
const STARTUP: &[f64] = &[0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0];
const SHARES: &[f64] = &[0.0, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5];

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
    begin_at_zero();
    Ok(RECORDER.get_or_init(|| handle).clone())
}

fn begin_at_zero() {
    for (name, labels) in AT_ZERO {
        for labels in combinations(labels) {
            metrics::counter!(name, labels).absolute(0);
        }
    }
    metrics::gauge!("clipper_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

fn combinations(labels: &[Values]) -> Vec<Vec<Label>> {
    labels.iter().fold(vec![vec![]], |before, (name, values)| {
        let with = |labels: &Vec<Label>| {
            let labels = labels.clone();
            values.iter().map(move |value| {
                let label = std::iter::once(Label::from_static_parts(name, value));
                labels.iter().cloned().chain(label).collect()
            })
        };
        before.iter().flat_map(with).collect::<Vec<Vec<Label>>>()
    })
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
