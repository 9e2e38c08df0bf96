//! Following a log: a page of events becomes rows, and rows and checkpoint commit together.

use chrono::{DateTime, Utc};
use clipper_domain::clip::ClipEvent;
use clipper_domain::report::PlaybackEvent;
use clipper_domain::{ClipId, SessionId};
use clipper_projections::{Fold, Projection, Query, Recorded, Statement};

use super::{Db, Log, Logs, RawEvent, StorageError, Tx, decode};

/// Events that are read and committed at once.
pub const PAGE: i64 = 500;

/// Where a projection stands.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Checkpoint {
    /// The version of the rows.
    pub version: i64,
    /// The last event that is in the rows.
    pub position: i64,
    /// When it moved last.
    pub updated_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct ParkedRow {
    #[expect(dead_code, reason = "only its presence counts")]
    position: i64,
}

/// The log that a projection follows.
pub fn log_of(projection: &Projection) -> Log {
    match projection.fold {
        Fold::Clips(_) => Log::Clip,
        Fold::Sessions { .. } => Log::Playback,
    }
}

fn checkpoint_query(name: &str) -> Query<Checkpoint> {
    Query::new(
        "SELECT version, position, updated_at FROM projection_checkpoints WHERE name = $1",
        vec![name.into()],
    )
}

/// Where the projection stands, if it ever began.
pub async fn checkpoint(db: &Db, projection: &Projection) -> Result<Option<Checkpoint>, StorageError> {
    db.optional(checkpoint_query(projection.name)).await
}

/// Makes sure that a checkpoint exists and tells it.
pub async fn begin(db: &Db, projection: &Projection, now: DateTime<Utc>) -> Result<Checkpoint, StorageError> {
    let insert = Statement::new(
        "INSERT INTO projection_checkpoints (name, version, position, updated_at) VALUES ($1, $2, 0, $3) \
         ON CONFLICT (name) DO NOTHING",
        vec![projection.name.into(), projection.version.into(), now.into()],
    );
    db.execute(&insert).await?;
    let fresh = Checkpoint {
        version: i64::from(projection.version),
        position: 0,
        updated_at: now,
    };
    Ok(checkpoint(db, projection).await?.unwrap_or(fresh))
}

/// Moves the checkpoint inside a transaction; fails when another follower moved it first.
pub(super) async fn move_checkpoint(
    tx: &mut Tx,
    projection: &Projection,
    from: i64,
    to: i64,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let moved = Statement::new(
        "UPDATE projection_checkpoints SET position = $3, updated_at = $4 WHERE name = $1 AND position = $2",
        vec![projection.name.into(), from.into(), to.into(), now.into()],
    );
    match tx.execute(&moved).await? {
        1 => Ok(()),
        _ => Err(StorageError::CheckpointMoved {
            projection: projection.name,
        }),
    }
}

/// Applies the next page of events and tells the new checkpoint; the same one, when there was nothing to do.
pub async fn advance(
    db: &Db,
    logs: &Logs,
    projection: &Projection,
    from: i64,
    now: DateTime<Utc>,
) -> Result<i64, StorageError> {
    let page = logs.page(log_of(projection), from, PAGE).await?;
    let Some(last) = page.last().map(|event| event.position) else {
        return Ok(from);
    };
    assert_dense(log_of(projection), from, &page)?;
    match apply_page(db, projection, &page, from, last, now).await {
        Ok(()) => Ok(last),
        Err(StorageError::CheckpointMoved { projection }) => {
            Err(StorageError::CheckpointMoved { projection })
        }
        Err(error) if is_transient(&error) => Err(error),
        Err(error) => isolate(db, projection, &page, from, now, &error).await,
    }
}

/// Positions are dense: an event that is missing is an alarm, not silence. The playback log loses its oldest days to
/// retention, so a gap counts only within a page there.
fn assert_dense(log: Log, from: i64, page: &[RawEvent]) -> Result<(), StorageError> {
    let first = page.first().map_or(from + 1, |event| event.position);
    let start = if log == Log::Playback { first } else { from + 1 };
    for (expected, event) in (start..).zip(page) {
        if event.position != expected {
            return Err(StorageError::Gap {
                log: log.name(),
                expected,
                found: event.position,
            });
        }
    }
    Ok(())
}

async fn apply_page(
    db: &Db,
    projection: &Projection,
    page: &[RawEvent],
    from: i64,
    to: i64,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let mut tx = db.begin().await?;
    for raw in page {
        if is_parked_stream(&mut tx, projection, raw).await? {
            park(
                &mut tx,
                projection,
                raw,
                "an earlier event of its stream is parked",
                now,
            )
            .await?;
        } else {
            apply(&mut tx, projection, raw).await?;
        }
    }
    move_checkpoint(&mut tx, projection, from, to, now).await?;
    tx.commit().await
}

/// A page that fails is applied event by event; the one that fails alone is parked, and the others go on.
async fn isolate(
    db: &Db,
    projection: &Projection,
    page: &[RawEvent],
    from: i64,
    now: DateTime<Utc>,
    cause: &StorageError,
) -> Result<i64, StorageError> {
    let mut position = from;
    for raw in page {
        let single = std::slice::from_ref(raw);
        match apply_page(db, projection, single, position, raw.position, now).await {
            Ok(()) => {}
            Err(error) if is_transient(&error) => return Err(error),
            Err(error) => {
                tracing::error!(
                    projection = projection.name,
                    position = raw.position,
                    error = &error as &dyn std::error::Error,
                    "event parked"
                );
                let mut tx = db.begin().await?;
                park(&mut tx, projection, raw, &chain(&error), now).await?;
                move_checkpoint(&mut tx, projection, position, raw.position, now).await?;
                tx.commit().await?;
            }
        }
        position = raw.position;
    }
    tracing::debug!(
        cause = cause as &dyn std::error::Error,
        "page was applied one by one"
    );
    Ok(position)
}

/// An error with everything that caused it, on one line.
fn chain(error: &StorageError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Whether the fault is the database's of this moment rather than the event's.
fn is_transient(error: &StorageError) -> bool {
    match error {
        StorageError::Busy(_) | StorageError::CheckpointMoved { .. } => true,
        StorageError::Database(cause) => cause.as_database_error().is_none(),
        StorageError::UniqueViolation(_)
        | StorageError::Migration(_)
        | StorageError::UnknownDatabase(_)
        | StorageError::UnreadableEvent { .. }
        | StorageError::UnreadableStream { .. }
        | StorageError::Encode(_)
        | StorageError::Gap { .. } => false,
    }
}

async fn is_parked_stream(
    tx: &mut Tx,
    projection: &Projection,
    raw: &RawEvent,
) -> Result<bool, StorageError> {
    let query = Query::<ParkedRow>::new(
        "SELECT position FROM parked_events WHERE projection = $1 AND stream_id = $2 LIMIT 1",
        vec![projection.name.into(), raw.stream_id.as_str().into()],
    );
    Ok(tx.optional(query).await?.is_some())
}

async fn park(
    tx: &mut Tx,
    projection: &Projection,
    raw: &RawEvent,
    error: &str,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let statement = Statement::new(
        "INSERT INTO parked_events (projection, position, stream_id, error, parked_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (projection, position) DO UPDATE SET error = excluded.error, parked_at = excluded.parked_at",
        vec![
            projection.name.into(),
            raw.position.into(),
            raw.stream_id.as_str().into(),
            error.into(),
            now.into(),
        ],
    );
    tx.execute(&statement).await.map(|_| ())
}

/// Applies one event to the projection's tables.
pub(super) async fn apply(tx: &mut Tx, projection: &Projection, raw: &RawEvent) -> Result<(), StorageError> {
    let unreadable = |source| StorageError::UnreadableStream {
        position: raw.position,
        source,
    };
    let statements = match projection.fold {
        Fold::Clips(fold) => {
            let clip = ClipId::from_stream(&raw.stream_id).map_err(unreadable)?;
            fold(&recorded::<_, ClipEvent>(raw, clip)?)
        }
        Fold::Sessions { state_of, fold } => {
            let session = SessionId::from_stream(&raw.stream_id).map_err(unreadable)?;
            let state = tx.optional(state_of(session)).await?.map(|row| row.state);
            fold(state.as_deref(), &recorded::<_, PlaybackEvent>(raw, session)?)
        }
    };
    for statement in &statements {
        tx.execute(statement).await?;
    }
    Ok(())
}

fn recorded<S, E: cqrs_es::DomainEvent>(raw: &RawEvent, stream: S) -> Result<Recorded<S, E>, StorageError> {
    Ok(Recorded {
        position: raw.position,
        stream,
        version: raw.version,
        recorded_at: raw.recorded_at,
        event: decode(raw)?,
    })
}

#[derive(sqlx::FromRow)]
struct CountRow {
    count: i64,
}

/// How many events are parked, over all projections.
pub async fn parked(db: &Db) -> Result<i64, StorageError> {
    let query = Query::<CountRow>::new(
        "SELECT CAST(COUNT(*) AS BIGINT) AS count FROM parked_events",
        vec![],
    );
    Ok(db.optional(query).await?.map_or(0, |row| row.count))
}
