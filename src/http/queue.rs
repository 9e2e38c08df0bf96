//! `/api/ops/queue` and `/api/ops/workers`: what is left to be encoded, who is at it, and holding a class back.

use std::collections::BTreeMap;

use actix_web::web;
use chrono::{DateTime, Utc};
use clipper_domain::clip::{EncodingClass, UnknownClass};
use clipper_projections::encoding_queue::standing::{self, EntryRow, Place};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::auth::{Caller, Scope};
use super::problem::{Code, Problem, sentence};
use crate::clock::Clock;
use crate::storage::{Db, StorageError, queue};

const MAX_PAGE: i64 = 1_000;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct QueueQuery {
    /// 1 to 1000; 100, when it is not said.
    limit: Option<i64>,
    /// `next_cursor` of an earlier answer.
    cursor: Option<String>,
}

/// Units of a class.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "Class")]
struct ClassJson {
    class: &'static str,
    waiting: i64,
    running: i64,
    paused_at: Option<DateTime<Utc>>,
    /// Seconds since the oldest of them was asked for.
    oldest_age: Option<f64>,
}

/// A unit of work.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "Unit")]
struct EntryJson {
    clip: String,
    slug: Option<String>,
    generation: i64,
    unit: i64,
    class: String,
    priority: i64,
    state: String,
    worker: Option<String>,
    /// From 0 to 100.
    percent: f64,
    /// Attempts that failed.
    attempts: i64,
    run_after: Option<DateTime<Utc>>,
    requested_at: DateTime<Utc>,
}

/// What is left to be encoded.
#[derive(JsonSchema, Serialize)]
pub(super) struct QueuePage {
    classes: Vec<ClassJson>,
    entries: Vec<EntryJson>,
    next_cursor: Option<String>,
}

/// The classes of work.
#[derive(JsonSchema, Serialize)]
pub(super) struct Classes {
    classes: Vec<ClassJson>,
}

/// Those that are at work.
#[derive(JsonSchema, Serialize)]
pub(super) struct Workers {
    workers: Vec<WorkerJson>,
}

/// Somebody at work on a unit.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Worker")]
struct WorkerJson {
    node: Option<String>,
    clip: String,
    slug: Option<String>,
    generation: i64,
    unit: i64,
    since: Option<DateTime<Utc>>,
    /// From 0 to 100.
    percent: f64,
}

/// `GET /api/ops/queue`.
pub(super) async fn show(
    query: web::Query<QueueQuery>,
    caller: Caller,
    db: web::Data<Db>,
    clock: web::Data<dyn Clock>,
) -> Result<web::Json<QueuePage>, Problem> {
    caller.require(Scope::Ops)?;
    let limit = query.limit.unwrap_or(100);
    if !(1..=MAX_PAGE).contains(&limit) {
        let detail = format!("`limit` must be between 1 and {MAX_PAGE}.");
        return Err(Problem::new(Code::InvalidRequest, detail));
    }
    let after = query.cursor.as_deref().map(place).transpose()?;
    let now = db.now(clock.as_ref()).await?;
    let mut rows = db.all(standing::entries(now, after, limit + 1)).await?;
    let more = i64::try_from(rows.len()).is_ok_and(|found| found > limit);
    rows.truncate(usize::try_from(limit).unwrap_or_default());
    let next_cursor = rows.last().filter(|_| more).map(cursor);
    Ok(web::Json(QueuePage {
        classes: classes(&db, now).await?,
        entries: rows.into_iter().map(EntryJson::from).collect(),
        next_cursor,
    }))
}

/// `GET /api/ops/workers`.
pub(super) async fn workers(
    caller: Caller,
    db: web::Data<Db>,
    clock: web::Data<dyn Clock>,
) -> Result<web::Json<Workers>, Problem> {
    caller.require(Scope::Ops)?;
    let rows = db.all(standing::running(db.now(clock.as_ref()).await?)).await?;
    let worker = |row: EntryRow| WorkerJson {
        node: row.worker,
        clip: row.clip_id,
        slug: row.slug,
        generation: row.generation,
        unit: row.unit,
        since: row.since,
        percent: percent(row.share),
    };
    let workers = rows.into_iter().map(worker).collect();
    Ok(web::Json(Workers { workers }))
}

/// `POST /api/ops/queue/{class}/pause`.
pub(super) async fn pause(
    class: web::Path<String>,
    caller: Caller,
    db: web::Data<Db>,
    clock: web::Data<dyn Clock>,
) -> Result<web::Json<Classes>, Problem> {
    caller.require(Scope::Ops)?;
    let now = db.now(clock.as_ref()).await?;
    queue::pause(&db, named(&class)?, now).await?;
    answer(&db, now).await
}

/// `POST /api/ops/queue/{class}/resume`.
pub(super) async fn resume(
    class: web::Path<String>,
    caller: Caller,
    db: web::Data<Db>,
    clock: web::Data<dyn Clock>,
) -> Result<web::Json<Classes>, Problem> {
    caller.require(Scope::Ops)?;
    queue::resume(&db, named(&class)?).await?;
    answer(&db, db.now(clock.as_ref()).await?).await
}

async fn answer(db: &Db, now: DateTime<Utc>) -> Result<web::Json<Classes>, Problem> {
    Ok(web::Json(Classes {
        classes: classes(db, now).await?,
    }))
}

/// Every class, also where nothing waits.
async fn classes(db: &Db, now: DateTime<Utc>) -> Result<Vec<ClassJson>, StorageError> {
    let rows = db.all(standing::classes(now)).await?;
    let paused = db.all(standing::paused()).await?;
    let paused: BTreeMap<_, _> = paused.into_iter().map(|row| (row.class, row.paused_at)).collect();
    let of_class = |class: EncodingClass| {
        let name = class.as_str();
        let row = rows.iter().find(|row| row.class == name);
        ClassJson {
            class: name,
            waiting: row.map_or(0, |row| row.waiting),
            running: row.map_or(0, |row| row.running),
            paused_at: paused.get(name).copied(),
            oldest_age: row.map(|row| (now - row.oldest).as_seconds_f64().max(0.0)),
        }
    };
    Ok(EncodingClass::ALL.into_iter().map(of_class).collect())
}

fn named(name: &str) -> Result<EncodingClass, Problem> {
    name.parse()
        .map_err(|error: UnknownClass| Problem::new(Code::NotFound, sentence(&error.to_string())))
}

fn cursor(row: &EntryRow) -> String {
    let place = row.place();
    format!(
        "{}.{}.{}.{}",
        place.class_rank, place.priority, place.position, place.unit
    )
}

fn place(cursor: &str) -> Result<Place, Problem> {
    let numbers: Result<Vec<i64>, _> = cursor.split('.').map(str::parse).collect();
    match numbers.as_deref() {
        Ok([class_rank, priority, position, unit]) => Ok(Place {
            class_rank: *class_rank,
            priority: *priority,
            position: *position,
            unit: *unit,
        }),
        Ok(_) | Err(_) => Err(Problem::new(
            Code::InvalidRequest,
            "`cursor` must come from an earlier answer.",
        )),
    }
}

fn percent(share: f64) -> f64 {
    (share * 1_000.0).round() / 10.0
}

impl From<EntryRow> for EntryJson {
    fn from(row: EntryRow) -> Self {
        Self {
            clip: row.clip_id,
            slug: row.slug,
            generation: row.generation,
            unit: row.unit,
            class: row.class,
            priority: row.priority,
            state: row.state,
            worker: row.worker,
            percent: percent(row.share),
            attempts: row.failures,
            run_after: row.run_after,
            requested_at: row.requested_at,
        }
    }
}
