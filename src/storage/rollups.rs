//! Counting sessions into roll-ups: a session whose row changed waits in `qoe_rollups_pending`, and what it counted for is
//! brought to what it is, in one transaction with the checkpoint.
//!
//! Promises: whoever writes a session's row writes down in the same transaction that it waits; a roll-up that stands where
//! the sessions stand counts each of them as it is.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use clipper_projections::rollups::{self, Cells, ConcurrencyRow, Gather, Key, Level, MemberRow, Recount};
use clipper_projections::streaming_analytics::{self, SessionRow};
use clipper_projections::{Arg, Changes, Projection, Query, Row, Statement};
use uuid::Uuid;

use super::dialect::Target;
use super::{Db, StorageError, Tx, follow};

/// Sessions that are counted in one transaction.
pub(super) const BATCH: usize = 500;
/// Transactions before others get their turn.
const ROUNDS: usize = 8;

/// The tables of the roll-ups: the live ones, or those that are made beside them.
pub(super) struct Place {
    sessions: Target<'static>,
    levels: [(Level, Target<'static>); 3],
    concurrency: Target<'static>,
}

impl Place {
    pub(super) fn live() -> Self {
        Self::of(Target::live)
    }

    pub(super) fn aside(purpose: &str) -> Self {
        Self::of(|table| Target::aside(table, purpose))
    }

    fn of(target: impl Fn(&'static clipper_projections::Table) -> Target<'static>) -> Self {
        Self {
            sessions: target(&rollups::SESSIONS),
            levels: Level::ALL.map(|level| (level, target(level.table()))),
            concurrency: target(&rollups::CONCURRENCY),
        }
    }

    pub(super) fn tables(&self) -> impl Iterator<Item = &Target<'static>> {
        let levels = self.levels.iter().map(|(_, target)| target);
        [&self.sessions]
            .into_iter()
            .chain(levels)
            .chain([&self.concurrency])
    }
}

#[derive(sqlx::FromRow)]
struct StandingRow {
    position: i64,
    waiting: bool,
}

/// Counts what waits and tells the new position: that of the sessions, when nothing waits any more.
pub(super) async fn advance(
    db: &Db,
    projection: &Projection,
    from: i64,
    now: DateTime<Utc>,
) -> Result<i64, StorageError> {
    let standing = db
        .optional(Query::<StandingRow>::new(
            "SELECT position, EXISTS (SELECT 1 FROM qoe_rollups_pending) AS waiting FROM projection_checkpoints \
             WHERE name = $1",
            vec![streaming_analytics::PROJECTION.name.into()],
        ))
        .await?;
    if standing.is_none_or(|standing| !standing.waiting && standing.position <= from) {
        return Ok(from);
    }
    for _ in 0..ROUNDS {
        let mut tx = db.begin().await?;
        let checkpoint = follow::lock_checkpoint(&mut tx, projection).await?;
        // Rows of another version are left alone; they serve until they were counted anew.
        if checkpoint.version != projection.version
            || super::rebuild::pauses(&mut tx, projection, now).await?
        {
            return Ok(from);
        }
        if checkpoint.position != from {
            return Err(StorageError::CheckpointMoved {
                projection: projection.name,
            });
        }
        // Asked before what waits: whatever the sessions have applied up to here waits by now.
        let reached = follow::position(&mut tx, &streaming_analytics::PROJECTION).await?;
        let waiting = take_pending(&mut tx, BATCH).await?;
        let all = waiting.taken < BATCH;
        count(&mut tx, &Place::live(), &waiting.sessions).await?;
        let to = if all { reached.max(from) } else { from };
        follow::move_checkpoint(&mut tx, projection, from, to, now).await?;
        tx.tell_moved().await?;
        tx.commit().await?;
        if all {
            return Ok(to);
        }
    }
    Ok(from)
}

/// Sessions that waited.
pub(super) struct Waiting {
    /// How often one of them was written down.
    pub(super) taken: usize,
    pub(super) sessions: Vec<Uuid>,
}

#[derive(sqlx::FromRow)]
struct PendingRow {
    session_id: String,
}

/// Takes down that sessions no longer wait.
pub(super) async fn take_pending(tx: &mut Tx, most: usize) -> Result<Waiting, StorageError> {
    let query = Query::<PendingRow>::new(
        "DELETE FROM qoe_rollups_pending WHERE seq IN (SELECT seq FROM qoe_rollups_pending ORDER BY seq LIMIT $1) \
         RETURNING CAST(session_id AS TEXT) AS session_id",
        vec![Arg::from(most as u64)],
    );
    let rows = tx.all(query).await?;
    let sessions: BTreeSet<Uuid> = rows
        .iter()
        .filter_map(|row| row.session_id.parse().ok())
        .collect();
    Ok(Waiting {
        taken: rows.len(),
        sessions: sessions.into_iter().collect(),
    })
}

/// Writes down that the rows of sessions have changed.
pub(super) async fn note_changes(
    tx: &mut Tx,
    projection: &Projection,
    changes: &Changes,
) -> Result<(), StorageError> {
    if projection.name != streaming_analytics::PROJECTION.name {
        return Ok(());
    }
    let place = projection
        .table
        .columns
        .iter()
        .position(|column| column.name == projection.table.stream);
    let id = |row: &Vec<Arg>| match place.and_then(|place| row.get(place)) {
        Some(Arg::Uuid(id)) => *id,
        Some(_) | None => None,
    };
    let sessions: Vec<Uuid> = changes.written.iter().filter_map(id).collect();
    tx.add_pending(&sessions).await
}

/// All sessions were put in the place of others: everything is counted anew.
pub(super) async fn start_over(tx: &mut Tx, of: &Projection, now: DateTime<Utc>) -> Result<(), StorageError> {
    if of.name != streaming_analytics::PROJECTION.name {
        return Ok(());
    }
    let name = rollups::PROJECTION.name;
    let checkpoint = Statement::new(
        "INSERT INTO projection_checkpoints (name, version, position, updated_at) VALUES ($1, 0, 0, $2) \
         ON CONFLICT (name) DO UPDATE SET version = 0",
        vec![name.into(), now.into()],
    );
    tx.execute(&checkpoint).await?;
    let again = Statement::new(
        "UPDATE projection_rebuilds SET version = 0 WHERE name = $1",
        vec![name.into()],
    );
    tx.execute(&again).await.map(|_| ())
}

/// Counts sessions as their rows are now.
pub(super) async fn count(tx: &mut Tx, place: &Place, sessions: &[Uuid]) -> Result<(), StorageError> {
    let recounts = recounts(tx, place, sessions).await?;
    if recounts.is_empty() {
        return Ok(());
    }
    let mut changes = Changes::default();
    for Recount { before, after } in &recounts {
        match (before, after) {
            (_, Some(after)) => changes.written.push(after.values()),
            (Some(before), None) => changes.removed.push(vec![Arg::Uuid(before.id.parse().ok())]),
            (None, None) => {}
        }
    }
    tx.write_changes(&place.sessions, &changes).await?;
    let touched = rollups::touched(&recounts);
    for (level, target) in &place.levels {
        let keys: Vec<&Key> = touched.iter().filter(|key| key.level == *level).collect();
        let mut gather = Gather::default();
        let wanted: Vec<_> = keys.iter().map(|key| key_of(key)).collect();
        tx.load_keyed(target, &wanted, &mut gather).await?;
        let mut cells: Cells = keys
            .iter()
            .map(|key| ((*key).clone(), rollups::CellRow::empty(key)))
            .collect();
        for row in gather.rows {
            if let Some(cell) = cells.get_mut(&place_of(*level, &row)) {
                *cell = row;
            }
        }
        recount_level(tx, place, target, cells, &recounts).await?;
    }
    recount_concurrency(tx, place, &recounts).await
}

/// How sessions were counted, and how they are to be; only those for which that is not the same.
async fn recounts(tx: &mut Tx, place: &Place, sessions: &[Uuid]) -> Result<Vec<Recount>, StorageError> {
    let mut members = Gather::<MemberRow>::default();
    tx.load_rows(&place.sessions, sessions, &mut members).await?;
    let mut rows = Gather::<SessionRow>::default();
    let live = Target::live(&streaming_analytics::PROJECTION.table);
    tx.load_rows(&live, sessions, &mut rows).await?;
    let mut before: HashMap<String, MemberRow> = members
        .rows
        .into_iter()
        .map(|member| (member.id.clone(), member))
        .collect();
    let mut recounts: Vec<_> = rows
        .rows
        .iter()
        .map(|row| Recount {
            before: before.remove(&row.id),
            after: MemberRow::of(row),
        })
        .collect();
    recounts.extend(before.into_values().map(|member| Recount {
        before: Some(member),
        after: None,
    }));
    recounts.retain(|recount| recount.before != recount.after);
    Ok(recounts)
}

async fn recount_level(
    tx: &mut Tx,
    place: &Place,
    target: &Target<'static>,
    mut cells: Cells,
    recounts: &[Recount],
) -> Result<(), StorageError> {
    let Some(level) = cells.keys().next().map(|key| key.level) else {
        return Ok(());
    };
    let stale = rollups::recount(&mut cells, level, recounts);
    for key in stale {
        let viewers = viewers_of(tx, place, &key).await?;
        if let Some(cell) = cells.get_mut(&key) {
            cell.viewers = viewers;
        }
    }
    let mut changes = Changes::default();
    for (key, cell) in &cells {
        if cell.is_empty() {
            changes.removed.push(key_of(key));
        } else {
            changes.written.push(cell.values());
        }
    }
    tx.write_changes(target, &changes).await
}

#[derive(sqlx::FromRow)]
struct ViewerRow {
    viewer: i64,
}

/// The viewers of the sessions that count in a cell.
async fn viewers_of(tx: &mut Tx, place: &Place, key: &Key) -> Result<rollups::Viewers, StorageError> {
    let mut sql = format!(
        "SELECT DISTINCT viewer FROM {} WHERE viewer IS NOT NULL AND counted_at >= $1 AND counted_at < $2",
        place.sessions.name
    );
    let mut args: Vec<Arg> = vec![key.bucket.into(), (key.bucket + key.level.length()).into()];
    for (column, value) in [("clip", &key.clip), (key.dimension, &key.value)] {
        let all = column.is_empty() || (column == "clip" && value.is_empty());
        if !all {
            args.push(value.as_str().into());
            sql += &format!(" AND {column} = ${}", args.len());
        }
    }
    let mut viewers = rollups::Viewers::default();
    for row in tx.all(Query::<ViewerRow>::new(sql, args)).await? {
        viewers.add(row.viewer);
    }
    Ok(viewers)
}

async fn recount_concurrency(tx: &mut Tx, place: &Place, recounts: &[Recount]) -> Result<(), StorageError> {
    let more = rollups::concurrency(recounts);
    let key = |bucket: DateTime<Utc>, clip: &str| vec![Arg::from(clip), Arg::from(bucket)];
    let keys: Vec<_> = more.keys().map(|(bucket, clip)| key(*bucket, clip)).collect();
    let mut gather = Gather::<ConcurrencyRow>::default();
    tx.load_keyed(&place.concurrency, &keys, &mut gather).await?;
    let mut held: BTreeMap<_, _> = gather
        .rows
        .into_iter()
        .map(|row| ((row.bucket, row.clip.clone()), row))
        .collect();
    let mut changes = Changes::default();
    for ((bucket, clip), more) in more {
        let row = held.remove(&(bucket, clip.clone())).unwrap_or(ConcurrencyRow {
            bucket,
            clip,
            ..ConcurrencyRow::default()
        });
        let row = row.plus(more);
        if row.slots() == [0; 6] {
            changes.removed.push(key(row.bucket, &row.clip));
        } else {
            changes.written.push(row.values());
        }
    }
    tx.write_changes(&place.concurrency, &changes).await
}

/// In the order of the tables' keys.
fn key_of(key: &Key) -> Vec<Arg> {
    vec![
        key.clip.as_str().into(),
        key.dimension.into(),
        key.bucket.into(),
        key.value.as_str().into(),
    ]
}

fn place_of(level: Level, row: &rollups::CellRow) -> Key {
    let named = rollups::DIMENSIONS.iter().find(|name| **name == row.dimension);
    Key {
        level,
        bucket: row.bucket,
        clip: row.clip.clone(),
        dimension: named.copied().unwrap_or_default(),
        value: row.value.clone(),
    }
}
