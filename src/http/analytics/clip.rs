//! What the sessions of one clip come to.

use actix_web::{HttpRequest, web};
use clipper_projections::streaming_analytics::{self as sessions, StartupRow, TotalsRow};
use serde_json::{Value, json};

use super::{FEW, Filter, Parameters, share};
use crate::clock::Clock;
use crate::http::auth::Caller;
use crate::http::problem::Problem;
use crate::storage::Db;

/// `GET /api/analytics/clips/{clip}`.
pub(in crate::http) async fn clip(
    request: HttpRequest,
    name: web::Path<String>,
    caller: Caller,
    db: web::Data<Db>,
    clock: web::Data<dyn Clock>,
) -> Result<web::Json<Value>, Problem> {
    let mut parameters = Parameters::of(&request)?;
    let (filter, clip) = Filter::of_clip(&name, &mut parameters, &caller, &db, &clock).await?;
    parameters.finish()?;
    let totals = db.optional(sessions::totals(&filter.selection)).await?;
    let totals = totals.ok_or_else(|| Problem::clip_not_found(&name))?;
    let startups = db.all(sessions::startups(&filter.selection)).await?;
    Ok(web::Json(json!({
        "range": filter.range(), "clip": clip.id, "slug": clip.slug, "small_sample": totals.sessions < FEW,
        "metrics": metrics(&totals), "startup_ms": percentiles(&startups), "totals": totals,
    })))
}

/// Ratios of sums.
fn metrics(totals: &TotalsRow) -> Value {
    let percent = |part, whole| share(part, whole).map(|share| share * 100.0);
    let failed = totals.failed_to_start + totals.failed_midway;
    let bitrate = share(1, totals.rated_ms).map(|each| totals.bits * each);
    json!({
        "rebuffer_ratio": percent(totals.rebuffer_ms, totals.watched_ms),
        "connection_rebuffer_ratio":
            percent(totals.connection_rebuffer_ms, totals.playing_ms + totals.connection_rebuffer_ms),
        "rebuffer_per_hour": share(totals.rebuffer_count, totals.watched_ms).map(|each| each * 3_600_000.0),
        "rebuffer_free_share": percent(totals.smooth_plays, totals.plays),
        "start_failure_pct": percent(totals.failed_to_start, totals.attempts),
        "playback_failure_pct": percent(failed, totals.attempts),
        "midstream_failure_pct": percent(totals.failed_midway, totals.plays),
        "ebvs_pct": percent(totals.left_before_start, totals.attempts),
        "abandonment_pct": percent(totals.abandoned, totals.plays),
        "completed_pct": percent(totals.completed, totals.plays),
        "avg_bitrate_kbps": bitrate,
        "switches_per_min": share(totals.switches, totals.playing_ms).map(|each| each * 60_000.0),
        "experience_score": totals.experience_score,
    })
}

/// The least value that so many percent do not exceed.
fn percentiles(rows: &[StartupRow]) -> Value {
    let all: i64 = rows.iter().map(|row| row.sessions).sum();
    let at = |percent: i64| {
        let mut below = 0;
        let reaches = |row: &&StartupRow| {
            below += row.sessions;
            below * 100 >= percent * all
        };
        rows.iter().find(reaches).map(|row| row.startup_ms)
    };
    json!({ "count": all, "p50": at(50), "p90": at(90), "p95": at(95), "p99": at(99) })
}
