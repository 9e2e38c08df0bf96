//! Sources that are fetched from elsewhere: what waits, how far it has come, and what became of it.

use chrono::{DateTime, Utc};
use clipper_domain::ClipId;
use clipper_projections::{Query, Statement};

use super::{Db, StorageError};

/// A source that is to be fetched.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Import {
    /// The clip's UUID as text.
    pub clip_id: String,
    /// Where its source lies.
    pub url: String,
    /// `waiting`, `fetching`, `stored` or `failed`.
    pub state: String,
    /// Attempts that broke off.
    pub attempts: i64,
    /// Bytes that have come, of this attempt.
    pub bytes: i64,
    /// Bytes that there are, once the server has said so.
    pub total: Option<i64>,
    /// What went wrong last.
    pub failure_code: Option<String>,
    /// A sentence about it.
    pub failure_detail: Option<String>,
    /// Who asked for it, by pseudonym.
    pub actor: String,
    /// What everything that comes of the request has in common.
    pub correlation_id: String,
}

/// What an attempt led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The clip has its source.
    Stored,
    /// It is given up.
    Failed(Failure),
    /// It is tried again then.
    Again(Failure, DateTime<Utc>),
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The stable code.
    pub code: &'static str,
    /// A sentence.
    pub detail: String,
}

const SELECT: &str = "SELECT CAST(clip_id AS TEXT) AS clip_id, url, state, attempts, bytes, total, failure_code, \
                      failure_detail, actor, correlation_id FROM imports";

/// Has a source fetched; one that failed is tried anew, and one that is under way stays as it is.
pub async fn add(
    db: &Db,
    clip: ClipId,
    url: &str,
    (actor, correlation_id): (&str, &str),
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let insert = Statement::new(
        "INSERT INTO imports (clip_id, url, state, attempts, run_after, bytes, actor, correlation_id, created_at, \
         updated_at) VALUES ($1, $2, 'waiting', 0, $5, 0, $3, $4, $5, $5) \
         ON CONFLICT (clip_id) DO UPDATE SET url = excluded.url, state = 'waiting', attempts = 0, \
         run_after = excluded.run_after, bytes = 0, total = NULL, failure_code = NULL, failure_detail = NULL, \
         actor = excluded.actor, correlation_id = excluded.correlation_id, updated_at = excluded.updated_at \
         WHERE imports.state = 'failed'",
        vec![
            clip.0.into(),
            url.into(),
            actor.into(),
            correlation_id.into(),
            now.into(),
        ],
    );
    db.execute(&insert).await.map(|_| ())
}

/// The import of a clip, if it was ever asked for.
pub async fn of_clip(db: &Db, clip: ClipId) -> Result<Option<Import>, StorageError> {
    db.optional(Query::new(
        format!("{SELECT} WHERE imports.clip_id = $1"),
        vec![clip.0.into()],
    ))
    .await
}

/// What is to be fetched now, the oldest first; that which others are at, too.
pub async fn due(db: &Db, now: DateTime<Utc>, limit: i64) -> Result<Vec<Import>, StorageError> {
    db.all(Query::new(
        format!(
            "{SELECT} WHERE state IN ('waiting', 'fetching') AND run_after <= $1 ORDER BY run_after, imports.clip_id LIMIT $2"
        ),
        vec![now.into(), limit.into()],
    ))
    .await
}

/// Writes down how far it has come.
pub async fn progress(
    db: &Db,
    clip: ClipId,
    bytes: u64,
    total: Option<u64>,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let total = total.map(|total| i64::try_from(total).unwrap_or(i64::MAX));
    let update = Statement::new(
        "UPDATE imports SET state = 'fetching', bytes = $2, total = $3, updated_at = $4 \
         WHERE clip_id = $1 AND state IN ('waiting', 'fetching')",
        vec![clip.0.into(), bytes.into(), total.into(), now.into()],
    );
    db.execute(&update).await.map(|_| ())
}

/// Writes down what an attempt led to.
pub async fn end(db: &Db, clip: ClipId, ended: &Ended, now: DateTime<Utc>) -> Result<(), StorageError> {
    let (state, failure, run_after) = match ended {
        Ended::Stored => ("stored", None, now),
        Ended::Failed(failure) => ("failed", Some(failure), now),
        Ended::Again(failure, at) => ("waiting", Some(failure), *at),
    };
    let update = Statement::new(
        "UPDATE imports SET state = $2, attempts = attempts + $3, failure_code = $4, failure_detail = $5, \
         run_after = $6, updated_at = $7 WHERE clip_id = $1 AND state IN ('waiting', 'fetching')",
        vec![
            clip.0.into(),
            state.into(),
            i64::from(failure.is_some()).into(),
            failure.map(|failure| failure.code.to_owned()).into(),
            failure.map(|failure| failure.detail.clone()).into(),
            run_after.into(),
            now.into(),
        ],
    );
    db.execute(&update).await.map(|_| ())
}
