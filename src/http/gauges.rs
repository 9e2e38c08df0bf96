//! What `/metrics` looks up when it is asked: the state of the queue, the read models and the disk.

use chrono::TimeDelta;
use clipper_domain::clip::EncodingClass;
use clipper_projections::encoding_queue::{self, standing};
use clipper_projections::{PROJECTIONS, Projection};

use super::operations::Readiness;
use crate::storage::{Log, StorageError, follow, parked, webhooks};

/// Sets every gauge that can be set. What cannot be asked is told, and keeps nobody from the rest.
pub(super) async fn set(readiness: &Readiness) {
    for (check, answer) in readiness.checks().await {
        metrics::gauge!("clipper_check_ok", "check" => check).set(if answer.is_ok() { 1.0 } else { 0.0 });
    }
    if let Err(error) = of_database(readiness).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "metrics lack what the database knows"
        );
    }
    set_disk(readiness);
    metrics::gauge!("clipper_active_clips").set(u32::try_from(readiness.clips.active()).unwrap_or(u32::MAX));
    readiness.live.gauge(readiness.clock.now().timestamp_millis());
}

#[expect(clippy::cast_precision_loss, reason = "gauges are floating-point numbers")]
async fn of_database(readiness: &Readiness) -> Result<(), StorageError> {
    for projection in &PROJECTIONS {
        let behind = behind(readiness, projection).await?;
        metrics::gauge!("clipper_projection_lag_events", "projection" => projection.name)
            .set(behind.events as f64);
        metrics::gauge!("clipper_projection_lag_seconds", "projection" => projection.name)
            .set(behind.age.as_seconds_f64());
    }
    for log in [Log::Clip, Log::Playback] {
        let head = readiness.logs.head(log).await?;
        metrics::gauge!("clipper_log_position", "log" => log.name()).set(head as f64);
    }
    metrics::gauge!("clipper_parked_events").set(parked::count(&readiness.db).await? as f64);
    of_webhooks(readiness).await?;
    of_queue(readiness).await
}

#[expect(clippy::cast_precision_loss, reason = "gauges are floating-point numbers")]
async fn of_webhooks(readiness: &Readiness) -> Result<(), StorageError> {
    let backlog = webhooks::backlog(&readiness.db).await?;
    metrics::gauge!("clipper_webhook_deliveries", "state" => "pending").set(backlog.pending as f64);
    metrics::gauge!("clipper_webhook_deliveries", "state" => "parked").set(backlog.parked as f64);
    let endpoints = webhooks::all(&readiness.db).await?;
    let (enabled, disabled): (Vec<_>, Vec<_>) = endpoints.iter().partition(|endpoint| endpoint.enabled);
    metrics::gauge!("clipper_webhook_endpoints", "state" => "enabled").set(enabled.len() as f64);
    metrics::gauge!("clipper_webhook_endpoints", "state" => "disabled").set(disabled.len() as f64);
    Ok(())
}

/// Every class, also where nothing waits.
#[expect(clippy::cast_precision_loss, reason = "gauges are floating-point numbers")]
async fn of_queue(readiness: &Readiness) -> Result<(), StorageError> {
    let now = readiness.db.now(readiness.clock.as_ref()).await?;
    let depths = readiness.db.all(encoding_queue::depth()).await?;
    let standings = readiness.db.all(standing::classes(now)).await?;
    for class in EncodingClass::ALL.map(EncodingClass::as_str) {
        let depth = depths.iter().find(|row| row.class == class);
        metrics::gauge!("clipper_encode_queue_depth", "class" => class)
            .set(depth.map_or(0.0, |row| row.depth as f64));
        let row = standings.iter().find(|row| row.class == class);
        metrics::gauge!("clipper_encode_queue_units", "class" => class, "state" => "waiting")
            .set(row.map_or(0.0, |row| row.waiting as f64));
        metrics::gauge!("clipper_encode_queue_units", "class" => class, "state" => "running")
            .set(row.map_or(0.0, |row| row.running as f64));
        metrics::gauge!("clipper_encode_queue_oldest_seconds", "class" => class)
            .set(row.map_or(0.0, |row| (now - row.oldest).as_seconds_f64().max(0.0)));
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "gauges are floating-point numbers")]
fn set_disk(readiness: &Readiness) {
    match rustix::fs::statvfs(&readiness.data_dir) {
        Ok(space) => {
            metrics::gauge!("clipper_disk_free_bytes").set((space.f_bavail * space.f_frsize) as f64);
            metrics::gauge!("clipper_disk_size_bytes").set((space.f_blocks * space.f_frsize) as f64);
        }
        Err(error) => tracing::warn!(%error, "the data directory does not tell how much space is left"),
    }
}

/// How far a projection lies behind its log.
pub(super) struct Behind {
    pub(super) events: i64,
    /// How long the oldest event has waited that is not applied yet.
    age: TimeDelta,
}

pub(super) async fn behind(readiness: &Readiness, projection: &Projection) -> Result<Behind, StorageError> {
    let head = readiness.logs.head(projection.log).await?;
    let reached = follow::checkpoint(&readiness.db, projection)
        .await?
        .map_or(0, |checkpoint| checkpoint.position);
    let mut age = TimeDelta::zero();
    if head > reached {
        let waiting = readiness.logs.page(projection.log, reached, 1).await?;
        let recorded_at = waiting.first().map(|event| event.recorded_at);
        age = recorded_at.map_or(age, |at| (readiness.clock.now() - at).max(age));
    }
    Ok(Behind {
        events: (head - reached).max(0),
        age,
    })
}
