//! Rebuilding a read model beside the live one, to replace it or to compare the two.
//!
//! The new rows are made in tables that shadow the live ones on one connection. Readers see the live rows until the
//! one transaction that swaps them commits.

use chrono::{DateTime, Utc};
use clipper_projections::{Projection, Query, Statement};

use super::dialect::Aside;
use super::follow::{self, Checkpoint, PAGE};
use super::{Db, Logs, StorageError, Tx};

/// A table that does not come out of the log as it stands.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// The table.
    pub table: &'static str,
    /// Rows that stand on one side only.
    pub rows: i64,
    /// The key of the first of them.
    pub first_key: String,
}

/// What a comparison found.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Verdict {
    /// Events that were replayed.
    pub events: i64,
    /// Tables that differ; none, when live and rebuilt rows are equal.
    pub differences: Vec<Difference>,
}

/// Replays the log up to the live checkpoint aside and compares row for row.
pub async fn verify(
    db: &Db,
    logs: &Logs,
    projection: &Projection,
    progress: impl Fn(i64, i64),
) -> Result<Verdict, StorageError> {
    let mut tx = db.begin_aside(Aside::Compare).await?;
    let until = live_checkpoint(&mut tx, projection)
        .await?
        .map_or(0, |checkpoint| checkpoint.position);
    let events = replay(&mut tx, logs, projection, until, progress).await?;
    let mut differences = vec![];
    for table in projection.tables {
        if let (rows, Some(first_key)) = tx.difference(table.name, table.key).await? {
            differences.push(Difference {
                table: table.name,
                rows,
                first_key,
            });
        }
    }
    tx.rollback().await?;
    Ok(Verdict { events, differences })
}

/// Replays the whole log aside and puts the result in the place of the live rows. Parked events get another chance.
pub async fn rebuild(
    db: &Db,
    logs: &Logs,
    projection: &Projection,
    now: DateTime<Utc>,
    progress: impl Fn(i64, i64),
) -> Result<i64, StorageError> {
    follow::begin(db, projection, now).await?;
    let until = logs.head(follow::log_of(projection)).await?;
    let mut tx = db.begin_aside(Aside::Replace).await?;
    let live = live_checkpoint(&mut tx, projection)
        .await?
        .map_or(0, |checkpoint| checkpoint.position);
    let events = replay(&mut tx, logs, projection, until.max(live), progress).await?;
    for table in projection.tables {
        tx.replace_live(table.name).await?;
        tx.drop_shadow(table.name).await?;
    }
    tx.execute(&Statement::new(
        "DELETE FROM parked_events WHERE projection = $1",
        vec![projection.name.into()],
    ))
    .await?;
    let moved = Statement::new(
        "UPDATE projection_checkpoints SET version = $2, position = $3, updated_at = $4 WHERE name = $1",
        vec![
            projection.name.into(),
            projection.version.into(),
            until.max(live).into(),
            now.into(),
        ],
    );
    tx.execute(&moved).await?;
    tx.commit().await?;
    Ok(events)
}

async fn live_checkpoint(tx: &mut Tx, projection: &Projection) -> Result<Option<Checkpoint>, StorageError> {
    let sql = "SELECT version, position, updated_at FROM projection_checkpoints WHERE name = $1";
    tx.optional(Query::new(sql, vec![projection.name.into()])).await
}

async fn replay(
    tx: &mut Tx,
    logs: &Logs,
    projection: &Projection,
    until: i64,
    progress: impl Fn(i64, i64),
) -> Result<i64, StorageError> {
    for table in projection.tables {
        tx.shadow(table.name).await?;
    }
    let mut position = 0;
    let mut events = 0;
    while position < until {
        let page = logs
            .page(follow::log_of(projection), position, PAGE.min(until - position))
            .await?;
        for raw in page.iter().filter(|raw| raw.position <= until) {
            follow::apply(tx, projection, raw).await?;
            events += 1;
        }
        position = page.last().map_or(until, |raw| raw.position);
        progress(position, until);
    }
    Ok(events)
}
