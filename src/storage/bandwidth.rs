//! What was sent to viewers, by day, owner, clip and rendition. Every process adds what it has sent.

use chrono::{DateTime, Utc};
use clipper_domain::ClipId;
use clipper_projections::{Query, Statement};

use super::{Db, StorageError};

/// What was sent of one rendition of a clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Whose clip it is, by pseudonym.
    pub owner_id: String,
    /// The clip.
    pub clip: ClipId,
    /// The rung; `download`, or `other` for what belongs to no rung.
    pub quality: String,
    /// Of bodies.
    pub bytes: u64,
    /// Answers.
    pub requests: u64,
}

/// A row, as analysts find it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct UsageRow {
    /// In UTC, as `2026-11-25`.
    pub day: String,
    /// Whose clip it is, by pseudonym.
    pub user_id: String,
    /// The rung; `download`, or `other` for what belongs to no rung.
    pub quality: String,
    /// Of bodies.
    pub bytes: i64,
    /// Answers.
    pub requests: i64,
}

/// Adds to what was sent on a day, all of it or nothing.
pub async fn add(db: &Db, day: DateTime<Utc>, mut sent: Vec<Sent>) -> Result<(), StorageError> {
    let day = day.format("%F").to_string();
    // Processes that add at the same time take the rows in the same order, so that none waits for another in a ring.
    sent.sort_by(|one, other| {
        (&one.owner_id, one.clip.0, &one.quality).cmp(&(&other.owner_id, other.clip.0, &other.quality))
    });
    let mut tx = db.begin().await?;
    for sent in sent {
        let add = Statement::new(
            "INSERT INTO bandwidth_usage (day, user_id, clip_id, quality, bytes, requests) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (day, user_id, clip_id, quality) DO UPDATE SET \
             bytes = bandwidth_usage.bytes + excluded.bytes, \
             requests = bandwidth_usage.requests + excluded.requests",
            vec![
                day.as_str().into(),
                sent.owner_id.into(),
                sent.clip.0.into(),
                sent.quality.into(),
                sent.bytes.into(),
                sent.requests.into(),
            ],
        );
        tx.execute(&add).await?;
    }
    tx.commit().await
}

/// What was sent of a clip.
pub async fn of_clip(db: &Db, clip: ClipId) -> Result<Vec<UsageRow>, StorageError> {
    db.all(Query::new(
        "SELECT day, user_id, quality, bytes, requests FROM bandwidth_usage WHERE clip_id = $1 \
         ORDER BY day, quality",
        vec![clip.0.into()],
    ))
    .await
}
