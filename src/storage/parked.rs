//! Parked events: what a projection could not apply, and everything later of the same stream. They can be tried again,
//! or skipped for good.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use clipper_projections::{Projection, Query, RawEvent, Statement};

use super::error::chain;
use super::follow::{self, Rows};
use super::{Db, Logs, StorageError, Tx};

/// A parked event.
#[derive(Clone, Debug, PartialEq, schemars::JsonSchema, serde::Serialize, sqlx::FromRow)]
#[schemars(rename = "ParkedEvent")]
pub struct ParkedRow {
    /// Its place in the log.
    pub position: i64,
    /// Its stream, which waits behind it.
    pub stream_id: String,
    /// Its type.
    pub event_type: String,
    /// Why it could not be applied, with everything that caused it.
    pub error: String,
    /// How often it was tried.
    pub attempts: i64,
    /// Whether it was given up: it is passed over, and its stream goes on.
    pub skipped: bool,
    /// When it was tried last.
    pub parked_at: DateTime<Utc>,
}

/// What parked events hold back.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Streams that wait behind a parked event.
    pub(super) streams: HashSet<String>,
    /// Events that are passed over.
    pub(super) skipped: HashSet<i64>,
    /// What rows that are made beside the live ones may park.
    tolerated: Option<Tolerated>,
}

/// Events that the live rows could not take either, or have not come to.
#[derive(Debug)]
struct Tolerated {
    parked: HashSet<i64>,
    after: i64,
}

impl Held {
    /// Whether this event may be parked rather than stop everything. What follows a parked event of its stream may.
    pub(super) fn may_park(&self, raw: &RawEvent) -> bool {
        let tolerated = self.tolerated.as_ref();
        tolerated.is_none_or(|tolerated| {
            tolerated.parked.contains(&raw.position)
                || raw.position > tolerated.after
                || self.streams.contains(&raw.stream_id)
        })
    }
}

#[derive(sqlx::FromRow)]
struct HeldRow {
    projection: String,
    position: i64,
    stream_id: String,
    skipped: bool,
}

/// What holds these rows back.
pub(super) async fn held(tx: &mut Tx, rows: &Rows<'_>) -> Result<Held, StorageError> {
    let query = Query::<HeldRow>::new(
        "SELECT projection, position, stream_id, skipped FROM parked_events WHERE projection IN ($1, $2)",
        vec![rows.projection.name.into(), rows.parked_as.as_str().into()],
    );
    let mut held = Held::default();
    if rows.aside.is_some() {
        held.tolerated = Some(Tolerated {
            parked: HashSet::new(),
            after: follow::position(tx, rows.projection).await?,
        });
    }
    for row in tx.all(query).await? {
        if row.skipped {
            held.skipped.insert(row.position);
        } else if row.projection == rows.parked_as {
            held.streams.insert(row.stream_id);
        } else if let Some(tolerated) = &mut held.tolerated {
            tolerated.parked.insert(row.position);
        }
    }
    Ok(held)
}

/// Parks an event.
pub(super) async fn park(
    tx: &mut Tx,
    parked_as: &str,
    raw: &RawEvent,
    error: &StorageError,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let statement = Statement::new(
        "INSERT INTO parked_events (projection, position, stream_id, event_type, error, attempts, skipped, parked_at) \
         VALUES ($1, $2, $3, $4, $5, 1, $6, $7) ON CONFLICT (projection, position) DO UPDATE SET \
         error = excluded.error, attempts = parked_events.attempts + 1, parked_at = excluded.parked_at",
        vec![
            parked_as.into(),
            raw.position.into(),
            raw.stream_id.as_str().into(),
            raw.event_type.as_str().into(),
            chain(error).into(),
            false.into(),
            now.into(),
        ],
    );
    tracing::error!(
        projection = parked_as,
        position = raw.position,
        error = error as &dyn std::error::Error,
        "event parked"
    );
    tx.execute(&statement).await.map(|_| ())
}

#[derive(sqlx::FromRow)]
struct CountRow {
    count: i64,
}

/// How many events are parked, over all projections.
pub async fn count(db: &Db) -> Result<i64, StorageError> {
    let query = Query::<CountRow>::new(
        "SELECT CAST(COUNT(*) AS BIGINT) AS count FROM parked_events WHERE skipped = $1 AND projection NOT LIKE '%/%'",
        vec![false.into()],
    );
    Ok(db.optional(query).await?.map_or(0, |row| row.count))
}

/// At most `limit` parked events of a projection after a position, in order.
pub async fn list(
    db: &Db,
    projection: &Projection,
    after: i64,
    limit: i64,
) -> Result<Vec<ParkedRow>, StorageError> {
    db.all(Query::new(
        "SELECT position, stream_id, event_type, error, attempts, skipped, parked_at FROM parked_events \
         WHERE projection = $1 AND position > $2 ORDER BY position LIMIT $3",
        vec![projection.name.into(), after.into(), limit.into()],
    ))
    .await
}

/// What came of trying again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, schemars::JsonSchema, serde::Serialize)]
pub struct Retried {
    /// Events that were applied.
    pub applied: usize,
    /// Events that are still parked.
    pub parked: usize,
}

/// Tries a parked event again, with everything of its stream that waits. Nothing, when no such event is parked.
pub async fn retry(
    db: &Db,
    logs: &Logs,
    projection: &Projection,
    position: i64,
    now: DateTime<Utc>,
) -> Result<Option<Retried>, StorageError> {
    try_again(db, logs, projection, position, now, None).await
}

/// Passes a parked event over for good, also in later rebuilds, and lets its stream go on.
pub async fn skip(
    db: &Db,
    logs: &Logs,
    projection: &Projection,
    position: i64,
    now: DateTime<Utc>,
) -> Result<Option<Retried>, StorageError> {
    let skip = Statement::new(
        "UPDATE parked_events SET skipped = $3 WHERE projection = $1 AND position = $2",
        vec![projection.name.into(), position.into(), true.into()],
    );
    try_again(db, logs, projection, position, now, Some(skip)).await
}

async fn try_again(
    db: &Db,
    logs: &Logs,
    projection: &Projection,
    position: i64,
    now: DateTime<Utc>,
    first: Option<Statement>,
) -> Result<Option<Retried>, StorageError> {
    let mut tx = db.begin().await?;
    follow::lock_checkpoint(&mut tx, projection).await?;
    let Some(stream) = stream_of(&mut tx, projection, position).await? else {
        return Ok(None);
    };
    if let Some(statement) = first {
        tx.execute(&statement).await?;
    }
    begin_rebuilds_again(&mut tx, projection).await?;
    let retried = release(&mut tx, logs, projection, &stream, now).await?;
    tx.commit().await?;
    Ok(Some(retried))
}

/// Rows that are being made may have passed by what is now told to be different: they are made from the beginning.
async fn begin_rebuilds_again(tx: &mut Tx, projection: &Projection) -> Result<(), StorageError> {
    let again = Statement::new(
        "UPDATE projection_rebuilds SET version = 0 WHERE name = $1",
        vec![projection.name.into()],
    );
    tx.execute(&again).await.map(|_| ())
}

#[derive(sqlx::FromRow)]
struct StreamRow {
    stream_id: String,
}

async fn stream_of(
    tx: &mut Tx,
    projection: &Projection,
    position: i64,
) -> Result<Option<String>, StorageError> {
    let query = Query::<StreamRow>::new(
        "SELECT stream_id FROM parked_events WHERE projection = $1 AND position = $2 AND skipped = $3",
        vec![projection.name.into(), position.into(), false.into()],
    );
    Ok(tx.optional(query).await?.map(|row| row.stream_id))
}

#[derive(sqlx::FromRow)]
struct PositionRow {
    position: i64,
}

/// Applies what waits of a stream, in order, as far as it goes.
async fn release(
    tx: &mut Tx,
    logs: &Logs,
    projection: &Projection,
    stream: &str,
    now: DateTime<Utc>,
) -> Result<Retried, StorageError> {
    let query = Query::<PositionRow>::new(
        "SELECT position FROM parked_events WHERE projection = $1 AND stream_id = $2 AND skipped = $3",
        vec![projection.name.into(), stream.into(), false.into()],
    );
    let waiting: HashSet<i64> = tx.all(query).await?.iter().map(|row| row.position).collect();
    let stored = logs.stream(projection.log, stream, 0).await?;
    let mut events: Vec<_> = stored.into_iter().map(|stored| stored.event).collect();
    events.retain(|event| waiting.contains(&event.position));
    let rows = Rows::live(projection);
    let mut held = held(tx, &rows).await?;
    held.streams.remove(stream);
    let parked: HashSet<i64> = follow::apply(tx, &rows, &events, held, now)
        .await?
        .into_iter()
        .collect();
    for position in waiting.difference(&parked) {
        let applied = Statement::new(
            "DELETE FROM parked_events WHERE projection = $1 AND position = $2",
            vec![projection.name.into(), (*position).into()],
        );
        tx.execute(&applied).await?;
    }
    Ok(Retried {
        applied: waiting.len() - parked.len(),
        parked: parked.len(),
    })
}

/// Lets what new rows could not take stand in the place of what the live ones could not. What is skipped stays, and so
/// does what waits of streams whose rows were taken over as they are.
pub(super) async fn replace(tx: &mut Tx, rows: &Rows<'_>) -> Result<(), StorageError> {
    let name = rows.projection.name;
    let own = match (rows.aside, rows.projection.table.since) {
        (Some(seed), Some(since)) if seed.tail > 0 => format!(
            " AND NOT (position <= {} AND stream_id IN (SELECT 'session-' || CAST({} AS TEXT) FROM {} WHERE {since} <= {}))",
            seed.seeded_at, rows.projection.table.stream, rows.target.name, seed.tail
        ),
        _ => String::new(),
    };
    let forget = format!("DELETE FROM parked_events WHERE projection = $1 AND skipped = $2{own}");
    tx.execute(&Statement::new(forget, vec![name.into(), false.into()]))
        .await?;
    let moved = Statement::new(
        "UPDATE parked_events SET projection = $1 WHERE projection = $2",
        vec![name.into(), rows.parked_as.as_str().into()],
    );
    tx.execute(&moved).await.map(|_| ())
}

/// Forgets what was parked under a name.
pub(super) async fn forget(tx: &mut Tx, parked_as: &str) -> Result<(), StorageError> {
    let statement = Statement::new(
        "DELETE FROM parked_events WHERE projection = $1",
        vec![parked_as.into()],
    );
    tx.execute(&statement).await.map(|_| ())
}
