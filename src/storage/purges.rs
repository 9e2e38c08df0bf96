//! How far what caches hold was called in.

use chrono::{DateTime, Utc};
use clipper_projections::{Query, Statement};

use super::{Db, StorageError};

/// Stands among the checkpoints of projections: it is one, whose rows lie in other people's caches.
const NAME: &str = "cdn_purge";

#[derive(sqlx::FromRow)]
struct PositionRow {
    position: i64,
}

/// The last event of the clip log that was seen to; `head`, when nothing was before.
pub async fn position(db: &Db, head: i64, now: DateTime<Utc>) -> Result<i64, StorageError> {
    let begin = Statement::new(
        "INSERT INTO projection_checkpoints (name, version, position, updated_at) VALUES ($1, 1, $2, $3) \
         ON CONFLICT (name) DO NOTHING",
        vec![NAME.into(), head.into(), now.into()],
    );
    db.execute(&begin).await?;
    let sql = "SELECT position FROM projection_checkpoints WHERE name = $1";
    let row = db
        .optional(Query::<PositionRow>::new(sql, vec![NAME.into()]))
        .await?;
    Ok(row.map_or(head, |row| row.position))
}

/// Everything up to this event is seen to.
pub async fn advance(db: &Db, position: i64, now: DateTime<Utc>) -> Result<(), StorageError> {
    let statement = Statement::new(
        "UPDATE projection_checkpoints SET position = $2, updated_at = $3 WHERE name = $1 AND position < $2",
        vec![NAME.into(), position.into(), now.into()],
    );
    db.execute(&statement).await.map(|_| ())
}
