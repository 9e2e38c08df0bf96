//! Which parts of a clip are watched.

use actix_web::{HttpRequest, web};
use clipper_projections::streaming_analytics::{self as sessions, Retention};
use futures_util::TryStreamExt;
use serde::Serialize;
use serde_json::{Value, json};

use super::{FEW, Filter, Parameters, share};
use crate::clock::Clock;
use crate::http::auth::Caller;
use crate::http::problem::{Code, Problem};
use crate::storage::Db;

#[derive(Debug, Serialize)]
struct BucketJson {
    /// Seconds.
    start: f64,
    end: f64,
    unique: i64,
    passes: i64,
    retention: Option<f64>,
    heat: Option<f64>,
    rewatch: Option<f64>,
    skip: Option<f64>,
    drop_off: i64,
}

/// `GET /api/analytics/clips/{clip}/retention`.
pub(in crate::http) async fn retention(
    request: HttpRequest,
    name: web::Path<String>,
    caller: Caller,
    db: web::Data<Db>,
    clock: web::Data<dyn Clock>,
) -> Result<web::Json<Value>, Problem> {
    let mut parameters = Parameters::of(&request)?;
    let (filter, clip) = Filter::of_clip(&name, &mut parameters, &caller, &db, &clock).await?;
    parameters.finish()?;
    let Some(duration) = clip.duration else {
        let detail = "How long the clip is becomes known when it can be played.";
        return Err(Problem::new(Code::HlsNotAvailable, detail));
    };
    #[expect(clippy::cast_possible_truncation, reason = "clips are hours long")]
    let mut retention = Retention::of((duration * 1_000.0).round() as i64);
    let mut rows = db.stream(sessions::passes(&filter.selection))?;
    while let Some(row) = rows.try_next().await? {
        let passes: Vec<(i64, i64)> = serde_json::from_str(&row.passes)?;
        retention.add(&passes, row.weight);
    }
    let milestones = retention.milestones().map(|(percent, plays)| {
        json!({ "percent": percent, "plays": plays, "share": share(plays, retention.plays) })
    });
    Ok(web::Json(json!({
        "range": filter.range(), "clip": clip.id, "slug": clip.slug, "duration": duration,
        "plays": retention.plays, "sessions": retention.sessions, "small_sample": retention.sessions < FEW,
        "completion": retention.completion(), "quartiles": milestones, "buckets": buckets(&retention),
    })))
}

fn buckets(retention: &Retention) -> Vec<BucketJson> {
    let buckets = retention.buckets();
    let most = buckets
        .iter()
        .map(|bucket| bucket.passes)
        .max()
        .unwrap_or_default();
    let shown = |(place, bucket): (usize, &sessions::Bucket)| {
        let next = buckets.get(place + 1).map_or(0, |next| next.unique);
        BucketJson {
            start: seconds(retention.start_of(place)),
            end: seconds(retention.start_of(place + 1)),
            unique: bucket.unique,
            passes: bucket.passes,
            retention: share(bucket.unique, retention.plays),
            heat: share(bucket.passes, most),
            rewatch: share(bucket.passes, bucket.unique),
            skip: share(bucket.skipped, retention.plays),
            drop_off: bucket.unique - next,
        }
    };
    buckets.iter().enumerate().map(shown).collect()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts and milliseconds stay far below 2^52"
)]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}
