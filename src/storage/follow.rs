//! Following a log: a page of events is folded into rows, and rows and checkpoint commit together.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use clipper_projections::{Log, Projection, Query, RawEvent, Statement};
use uuid::Uuid;

use super::dialect::Target;
use super::parked::{self, Held};
use super::{Db, Logs, StorageError, Tx, rollups};

/// The most events that are read and committed at once. A follower that is behind reads full pages, one that keeps up
/// reads what has just arrived.
pub const PAGE: i64 = 2_000;

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

/// Rows that follow a log: the live ones, or those that are made beside them.
pub(super) struct Rows<'a> {
    pub(super) projection: &'a Projection,
    pub(super) target: Target<'a>,
    /// The name under which events are parked that these rows could not take.
    pub(super) parked_as: String,
    /// What rows beside the live ones take over from them.
    pub(super) aside: Option<Seed>,
}

/// What rows beside the live ones began with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seed {
    /// The live checkpoint at the beginning.
    pub(super) seeded_at: i64,
    /// Rows of streams that begin at or before this position were copied, because the log cannot give them back.
    pub(super) tail: i64,
}

impl<'a> Rows<'a> {
    pub(super) fn live(projection: &'a Projection) -> Self {
        Self {
            projection,
            target: Target::live(&projection.table),
            parked_as: projection.name.to_owned(),
            aside: None,
        }
    }

    pub(super) fn aside(projection: &'a Projection, purpose: &str, seed: Seed) -> Self {
        Self {
            projection,
            target: Target::aside(&projection.table, purpose),
            parked_as: format!("{}/{purpose}", projection.name),
            aside: Some(seed),
        }
    }
}

/// The lease of the process that follows for a projection.
pub fn ownership_of(projection: &Projection) -> String {
    format!("project/{}", projection.name)
}

impl Rows<'_> {
    /// Whether an event is in rows that were copied from the live ones.
    fn took_over(&self, raw: &RawEvent, copied: &HashSet<Uuid>) -> bool {
        let seeded = self.aside.is_some_and(|seed| raw.position <= seed.seeded_at);
        seeded && uuid_of(raw).is_some_and(|id| copied.contains(&id))
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
    if let Some(checkpoint) = checkpoint(db, projection).await? {
        return Ok(checkpoint);
    }
    let insert = Statement::new(
        "INSERT INTO projection_checkpoints (name, version, position, updated_at) VALUES ($1, $2, 0, $3) \
         ON CONFLICT (name) DO NOTHING",
        vec![projection.name.into(), projection.version.into(), now.into()],
    );
    db.execute(&insert).await?;
    let fresh = Checkpoint {
        version: projection.version,
        position: 0,
        updated_at: now,
    };
    Ok(checkpoint(db, projection).await?.unwrap_or(fresh))
}

/// Where the live rows stand, as this transaction sees it.
pub(super) async fn position(tx: &mut Tx, projection: &Projection) -> Result<i64, StorageError> {
    let checkpoint = tx.optional(checkpoint_query(projection.name)).await?;
    Ok(checkpoint.map_or(0, |checkpoint| checkpoint.position))
}

/// Takes the live rows for this transaction and tells where they stand: whoever changes them takes the checkpoint first.
pub(super) async fn lock_checkpoint(
    tx: &mut Tx,
    projection: &Projection,
) -> Result<Checkpoint, StorageError> {
    let locked = tx.optional(Query::new(
        "UPDATE projection_checkpoints SET position = position WHERE name = $1 \
         RETURNING version, position, updated_at",
        vec![projection.name.into()],
    ));
    locked.await?.ok_or(StorageError::CheckpointMoved {
        projection: projection.name,
    })
}

/// Moves the checkpoint inside a transaction; fails when another follower moved it first, or has rows of another
/// version by now.
pub(super) async fn move_checkpoint(
    tx: &mut Tx,
    projection: &Projection,
    from: i64,
    to: i64,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let moved = Statement::new(
        "UPDATE projection_checkpoints SET position = $3, updated_at = $4 \
         WHERE name = $1 AND position = $2 AND version = $5",
        vec![
            projection.name.into(),
            from.into(),
            to.into(),
            now.into(),
            projection.version.into(),
        ],
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
    if projection.is_derived() {
        return rollups::advance(db, projection, from, now).await;
    }
    let page = read_page(logs, projection.log, from, PAGE).await?;
    let Some(last) = page.last().map(|event| event.position) else {
        return Ok(from);
    };
    match apply_page(db, projection, &page, from, last, now).await {
        Ok(()) => Ok(last),
        Err(error) if is_passing(&error) => Err(error),
        Err(error) => isolate(db, projection, &page, from, now, &error).await,
    }
}

/// Reads a page and makes sure that nothing is missing in it: positions are dense, so that an event that is lost is an
/// alarm, not silence. Only what retention took away may be missing.
pub(crate) async fn read_page(
    logs: &Logs,
    log: Log,
    from: i64,
    limit: i64,
) -> Result<Vec<RawEvent>, StorageError> {
    let mut page = logs.page(log, from, limit).await?;
    let mut expected = from + 1;
    if page.first().is_some_and(|first| first.position != expected) {
        let tail = logs.extent(log).await?.tail;
        page.retain(|event| event.position > tail);
        expected = expected.max(tail + 1);
    }
    for (expected, event) in (expected..).zip(&page) {
        if event.position != expected {
            return Err(StorageError::Gap {
                log: log.name(),
                expected,
                found: event.position,
            });
        }
    }
    Ok(page)
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
    move_checkpoint(&mut tx, projection, from, to, now).await?;
    let rows = Rows::live(projection);
    let held = parked::held(&mut tx, &rows).await?;
    apply(&mut tx, &rows, page, held, now).await?;
    tx.tell_moved().await?;
    tx.commit().await
}

/// A page that the table refuses is applied event by event; the one that is refused alone is parked, and the others
/// go on.
async fn isolate(
    db: &Db,
    projection: &Projection,
    page: &[RawEvent],
    from: i64,
    now: DateTime<Utc>,
    cause: &StorageError,
) -> Result<i64, StorageError> {
    tracing::error!(
        projection = projection.name,
        error = cause as &dyn std::error::Error,
        "a page was refused; its events are applied one by one"
    );
    let mut position = from;
    for raw in page {
        let single = std::slice::from_ref(raw);
        match apply_page(db, projection, single, position, raw.position, now).await {
            Ok(()) => {}
            Err(error) if is_passing(&error) => return Err(error),
            Err(error) => {
                let mut tx = db.begin().await?;
                move_checkpoint(&mut tx, projection, position, raw.position, now).await?;
                parked::park(&mut tx, projection.name, raw, &error, now).await?;
                tx.commit().await?;
            }
        }
        position = raw.position;
    }
    Ok(position)
}

/// Whether the fault is the database's of this moment rather than the event's.
pub(crate) fn is_passing(error: &StorageError) -> bool {
    match error {
        StorageError::Busy(_)
        | StorageError::CheckpointMoved { .. }
        | StorageError::RebuildRunning { .. } => true,
        StorageError::Database(_) => true,
        StorageError::UniqueViolation(_)
        | StorageError::Refused(_)
        | StorageError::SentBefore
        | StorageError::Migration(_)
        | StorageError::UnknownDatabase(_)
        | StorageError::Inapplicable { .. }
        | StorageError::StreamParked { .. }
        | StorageError::Unreadable { .. }
        | StorageError::Encode(_)
        | StorageError::Gap { .. } => false,
    }
}

/// Folds a page into rows inside a transaction, and tells which events were parked.
///
/// An event that cannot be applied is parked with everything later of its stream; the others are applied.
pub(super) async fn apply(
    tx: &mut Tx,
    rows: &Rows<'_>,
    page: &[RawEvent],
    mut held: Held,
    now: DateTime<Utc>,
) -> Result<Vec<i64>, StorageError> {
    let forgotten = forgotten(tx, rows, page).await?;
    let mut fold = (rows.projection.page)();
    tx.load_rows(
        &rows.target,
        &streams_to_load(rows.projection.log, page),
        &mut *fold,
    )
    .await?;
    let mut newly_parked = vec![];
    for raw in page {
        if held.skipped.contains(&raw.position) || rows.took_over(raw, &forgotten) {
            continue;
        }
        let error = if held.streams.contains(&raw.stream_id) {
            StorageError::StreamParked {
                stream: raw.stream_id.clone(),
            }
        } else {
            match fold.apply(raw) {
                Ok(()) => continue,
                Err(source) => StorageError::Inapplicable {
                    position: raw.position,
                    event_type: raw.event_type.clone(),
                    source,
                },
            }
        };
        if !held.may_park(raw) {
            return Err(error);
        }
        parked::park(tx, &rows.parked_as, raw, &error, now).await?;
        held.streams.insert(raw.stream_id.clone());
        newly_parked.push(raw.position);
    }
    let changes = fold.changes();
    tx.write_changes(&rows.target, &changes).await?;
    if rows.aside.is_none() {
        rollups::note_changes(tx, rows.projection, &changes).await?;
    }
    Ok(newly_parked)
}

/// The identity in the name of an event's stream.
fn uuid_of(raw: &RawEvent) -> Option<Uuid> {
    let (_, id) = raw.stream_id.split_once('-')?;
    Uuid::parse_str(id).ok()
}

/// The streams of a page that may have rows already: not those that begin in it.
fn streams_to_load(log: Log, page: &[RawEvent]) -> Vec<Uuid> {
    let mut begun = HashSet::new();
    let mut streams = HashSet::new();
    for raw in page {
        let begins = log == Log::Clip && raw.version == 1;
        if begins {
            begun.insert(raw.stream_id.as_str());
        } else if !begun.contains(raw.stream_id.as_str()) {
            streams.extend(uuid_of(raw));
        }
    }
    streams.into_iter().collect()
}

/// The streams of a page whose rows were taken over whole from the live ones, this page's events included.
async fn forgotten(tx: &mut Tx, rows: &Rows<'_>, page: &[RawEvent]) -> Result<HashSet<Uuid>, StorageError> {
    let (Some(seed), Some(since)) = (rows.aside, rows.projection.table.since) else {
        return Ok(HashSet::new());
    };
    if seed.tail == 0 || page.first().is_none_or(|first| first.position > seed.seeded_at) {
        return Ok(HashSet::new());
    }
    let streams: Vec<_> = page
        .iter()
        .filter(|raw| raw.position <= seed.seeded_at)
        .filter_map(uuid_of)
        .collect();
    tx.streams_since(&rows.target, since, seed.tail, &streams).await
}
