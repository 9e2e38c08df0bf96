//! Health, readiness and metrics.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use actix_web::{HttpResponse, web};
use clipper_projections::PROJECTIONS;
use metrics_exporter_prometheus::PrometheusHandle;
use schemars::JsonSchema;
use serde::Serialize;

use super::gauges;
use super::reports::Live;
use crate::actors::{Clips, Health};
use crate::clock::Clock;
use crate::media::MediaStore;
use crate::storage::{Db, Logs};

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
    pub(crate) live: Live,
    pub(crate) data_dir: PathBuf,
}

/// `GET /healthz`: the process answers.
pub(super) async fn healthz() -> web::Json<Alive> {
    web::Json(Alive { status: "ok" })
}

/// The process answers.
#[derive(JsonSchema, Serialize)]
pub(super) struct Alive {
    status: &'static str,
}

/// Whether it can do its work.
#[derive(JsonSchema, Serialize)]
pub(super) struct Ready {
    ready: bool,
    /// Each part that work depends on: `ok`, or what is wrong with it.
    checks: BTreeMap<&'static str, String>,
}

/// `GET /readyz`: it can do its work; if not, it says which part cannot.
pub(super) async fn readyz(readiness: web::Data<Readiness>) -> HttpResponse {
    let checks = readiness.checks().await;
    let ready = checks.iter().all(|(_, check)| check.is_ok());
    let checks = checks
        .into_iter()
        .map(|(name, check)| (name, check.err().unwrap_or("ok".to_owned())))
        .collect();
    let mut response = if ready {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    response.json(Ready { ready, checks })
}

impl Readiness {
    /// Each part that work depends on, and what is wrong with it.
    pub(super) async fn checks(&self) -> [(&'static str, Result<(), String>); 4] {
        let head = self.logs.head(crate::storage::Log::Clip).await;
        let database = head.map(drop).map_err(|error| error.to_string());
        let storage = self.media.check().await.map_err(|error| error.to_string());
        let projections = self.follows().await;
        let actors = if self.health.is_good() {
            Ok(())
        } else {
            Err("an actor was given up, see the log".to_owned())
        };
        [
            ("database", database),
            ("storage", storage),
            ("projections", projections),
            ("actors", actors),
        ]
    }

    async fn follows(&self) -> Result<(), String> {
        // Roll-ups may be made anew for minutes, and nobody's answer waits for them.
        for projection in PROJECTIONS.iter().filter(|projection| !projection.is_derived()) {
            let behind = gauges::behind(self, projection).await;
            let lag = behind.map_err(|error| error.to_string())?.events;
            if lag > MAX_LAG {
                return Err(format!("`{}` is {lag} events behind", projection.name));
            }
        }
        Ok(())
    }
}

/// `GET /metrics`, in Prometheus' text format.
pub(super) async fn metrics(
    readiness: web::Data<Readiness>,
    recorder: web::Data<PrometheusHandle>,
) -> HttpResponse {
    gauges::set(&readiness).await;
    metrics_process::Collector::default().collect();
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(recorder.render())
}
