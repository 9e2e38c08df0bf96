//! Health, readiness and metrics.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use chrono::TimeDelta;
use clipper_projections::{PROJECTIONS, Projection, encoding_queue};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Value, json};

use super::problem::Problem;
use crate::actors::{Clips, Health};
use crate::clock::Clock;
use crate::media::MediaStore;
use crate::storage::{Db, Logs, StorageError, follow, parked};

/// Events that a projection may lie behind and still count as current.
const MAX_LAG: i64 = 10_000;

/// What readiness depends on.
#[derive(Clone)]
pub(crate) struct Readiness {
    pub(crate) db: Db,
    pub(crate) logs: Logs,
    pub(crate) media: MediaStore,
    pub(crate) health: Health,
    pub(crate) clips: Clips,
    pub(crate) clock: Arc<dyn Clock>,
}

/// `GET /healthz`: the process answers.
pub(super) async fn healthz() -> web::Json<Value> {
    web::Json(json!({ "status": "ok" }))
}

/// `GET /readyz`: it can do its work; if not, it says which part cannot.
pub(super) async fn readyz(readiness: web::Data<Readiness>) -> HttpResponse {
    let database = readiness
        .logs
        .head(crate::storage::Log::Clip)
        .await
        .map(|_| ())
        .map_err(|e| e.to_string());
    let storage = readiness.media.check().await.map_err(|error| error.to_string());
    let projections = lag(&readiness)
        .await
        .map_err(|error| error.to_string())
        .and_then(|lags| {
            let behind = lags.iter().find(|(_, lag)| *lag > MAX_LAG);
            behind.map_or(Ok(()), |(name, lag)| {
                Err(format!("`{name}` is {lag} events behind"))
            })
        });
    let actors = if readiness.health.is_good() {
        Ok(())
    } else {
        Err("an actor was given up, see the log".to_owned())
    };
    let checks = [
        ("database", database),
        ("storage", storage),
        ("projections", projections),
        ("actors", actors),
    ];
    let ready = checks.iter().all(|(_, check)| check.is_ok());
    let report: serde_json::Map<_, _> = checks
        .into_iter()
        .map(|(name, check)| (name.to_owned(), json!(check.err().unwrap_or("ok".to_owned()))))
        .collect();
    let mut response = if ready {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    response.json(json!({ "ready": ready, "checks": report }))
}

/// `GET /metrics`, in Prometheus' text format.
pub(super) async fn metrics(
    readiness: web::Data<Readiness>,
    recorder: web::Data<PrometheusHandle>,
) -> Result<HttpResponse, Problem> {
    gauge_state(&readiness).await?;
    metrics_process::Collector::default().collect();
    Ok(HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(recorder.render()))
}

#[expect(clippy::cast_precision_loss, reason = "gauges are floating-point numbers")]
async fn gauge_state(readiness: &Readiness) -> Result<(), StorageError> {
    for projection in &PROJECTIONS {
        let behind = behind(readiness, projection).await?;
        metrics::gauge!("clipper_projection_lag_events", "projection" => projection.name)
            .set(behind.events as f64);
        metrics::gauge!("clipper_projection_lag_seconds", "projection" => projection.name)
            .set(behind.age.as_seconds_f64());
    }
    for class in ["fresh", "reencode", "backfill"] {
        metrics::gauge!("clipper_encode_queue_depth", "class" => class).set(0.0);
    }
    for row in readiness.db.all(encoding_queue::depth()).await? {
        metrics::gauge!("clipper_encode_queue_depth", "class" => row.class).set(row.depth as f64);
    }
    metrics::gauge!("clipper_parked_events").set(parked::count(&readiness.db).await? as f64);
    metrics::gauge!("clipper_active_clips").set(readiness.clips.active() as f64);
    Ok(())
}

/// How far a projection lies behind its log.
struct Behind {
    events: i64,
    /// How long the oldest event has waited that is not applied yet.
    age: TimeDelta,
}

async fn behind(readiness: &Readiness, projection: &Projection) -> Result<Behind, StorageError> {
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

async fn lag(readiness: &Readiness) -> Result<Vec<(&'static str, i64)>, StorageError> {
    let mut lags = Vec::with_capacity(PROJECTIONS.len());
    for projection in &PROJECTIONS {
        lags.push((projection.name, behind(readiness, projection).await?.events));
    }
    Ok(lags)
}
