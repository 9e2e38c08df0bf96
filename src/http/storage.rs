//! `GET /api/ops/storage`: what lies in the media store, by quality and by owner; for the scope `ops`.

use actix_web::web;
use clipper_domain::Quality;
use clipper_projections::storage_usage::{self, TotalRow};
use schemars::JsonSchema;
use serde::Serialize;

use super::auth::{Caller, Scope};
use super::problem::Problem;
use crate::storage::{Db, people};

/// Owners that are listed, the largest first.
const OWNERS: i64 = 100;

/// What lies in the store.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Storage")]
pub(super) struct StorageJson {
    bytes: i64,
    qualities: Vec<QualityJson>,
    owners: Vec<OwnerJson>,
}

/// A rung, or the sources.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "StoredQuality")]
struct QualityJson {
    quality: String,
    clips: i64,
    bytes: i64,
    seconds: f64,
    bytes_per_clip: Option<f64>,
    /// To reckon with.
    bytes_per_minute: Option<f64>,
}

/// What somebody has.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "StoredOwner")]
struct OwnerJson {
    /// The user; nothing, when the person was forgotten.
    owner_id: Option<String>,
    clips: i64,
    bytes: i64,
}

/// `GET /api/ops/storage`.
pub(super) async fn show(caller: Caller, db: web::Data<Db>) -> Result<web::Json<StorageJson>, Problem> {
    caller.require(Scope::Ops)?;
    let totals = db.all(storage_usage::by_quality()).await?;
    let labels = Quality::ALL.map(Quality::label);
    let of_quality = |quality| totals.iter().find(|row| row.name == quality);
    let named = labels.into_iter().chain([storage_usage::SOURCE]);
    let qualities = named.filter_map(of_quality).map(QualityJson::of).collect();
    let mut owners = vec![];
    for row in db.all(storage_usage::by_owner(OWNERS)).await? {
        owners.push(OwnerJson {
            owner_id: people::user_of(&db, &row.name).await?,
            clips: row.clips,
            bytes: row.bytes,
        });
    }
    Ok(web::Json(StorageJson {
        bytes: totals.iter().map(|row| row.bytes).sum(),
        qualities,
        owners,
    }))
}

impl QualityJson {
    #[expect(clippy::cast_precision_loss, reason = "averages need no more than 52 bits")]
    fn of(row: &TotalRow) -> Self {
        let per = |count: f64| (count > 0.0).then(|| (row.bytes as f64 / count).round());
        Self {
            quality: row.name.clone(),
            clips: row.clips,
            bytes: row.bytes,
            seconds: row.seconds,
            bytes_per_clip: per(row.clips as f64),
            bytes_per_minute: per(row.seconds / 60.0),
        }
    }
}
