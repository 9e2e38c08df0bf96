//! Records that were set aside, with their reason and as they were sent, for a week.
//!
//! Promises: they are written behind the request, a few at a time, and never more of them than fit: what is beyond is
//! counted and dropped.

use chrono::{DateTime, TimeDelta, Utc};
use clipper_projections::{Query, Statement};
use tokio::sync::mpsc;

use super::{Db, StorageError};

/// Records that wait to be written.
const WAITING: usize = 1_024;
/// Records that share a transaction.
const BATCH: usize = 128;
/// What is kept of a record's text.
const TEXT: usize = 2_000;
/// For how long.
const LIFE: TimeDelta = TimeDelta::days(7);
/// The most that are kept, whatever comes.
const MOST: i64 = 100_000;

/// A record that was set aside.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// The form in which it came: `json`, `cmcd`, `request`.
    pub form: &'static str,
    /// The session that it names.
    pub session: String,
    /// Why.
    pub code: &'static str,
    /// The key that it is about.
    pub key: String,
    /// As it was sent.
    pub raw: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// A record that was set aside, as it is stored.
#[derive(Clone, Debug, sqlx::FromRow, schemars::JsonSchema, serde::Serialize)]
pub struct RejectedRow {
    /// Counts them.
    pub id: i64,
    /// The form in which it came.
    pub form: String,
    /// The session that it names.
    pub session: String,
    /// Why.
    pub code: String,
    /// The key that it is about.
    pub key: String,
    /// As it was sent.
    pub raw: String,
    /// When.
    pub rejected_at: DateTime<Utc>,
}

/// Takes records that were set aside.
#[derive(Clone)]
pub struct RejectSink(mpsc::Sender<Rejected>);

impl RejectSink {
    /// A sink, and the task that writes what goes into it.
    pub fn new(db: Db) -> (Self, impl Future<Output = ()>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), write(db, receiver))
    }

    /// Hands a record over, if there is room.
    pub fn put(&self, mut rejected: Rejected) {
        // NUL is text to JSON and SQLite, but not to PostgreSQL.
        rejected.raw = rejected
            .raw
            .chars()
            .filter(|letter| *letter != '\0')
            .take(TEXT)
            .collect();
        rejected.session = rejected
            .session
            .chars()
            .filter(|letter| *letter != '\0')
            .take(64)
            .collect();
        if self.0.try_send(rejected).is_err() {
            metrics::counter!("clipper_rejects_dropped_total").increment(1);
        }
    }
}

async fn write(db: Db, mut waiting: mpsc::Receiver<Rejected>) {
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        if let Err(error) = insert(&db, &batch).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "records that were set aside are lost"
            );
        }
        batch.clear();
    }
}

async fn insert(db: &Db, batch: &[Rejected]) -> Result<(), StorageError> {
    let mut tx = db.begin().await?;
    for rejected in batch {
        tx.execute(&Statement::new(
            "INSERT INTO rejected_reports (form, session, code, key, raw, rejected_at) VALUES ($1, $2, $3, $4, $5, $6)",
            vec![
                rejected.form.into(),
                rejected.session.as_str().into(),
                rejected.code.into(),
                rejected.key.as_str().into(),
                rejected.raw.as_str().into(),
                rejected.at.into(),
            ],
        ))
        .await?;
    }
    tx.commit().await
}

/// The latest, narrowed down.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// Only those that came before this one.
    pub before: Option<i64>,
    /// Only those with this reason.
    pub code: Option<String>,
    /// Only those in this form.
    pub form: Option<String>,
    /// Only those that name this session.
    pub session: Option<String>,
}

/// The latest first.
pub async fn latest(db: &Db, looked: Looked, limit: i64) -> Result<Vec<RejectedRow>, StorageError> {
    db.all(Query::new(
        "SELECT id, form, session, code, key, raw, rejected_at FROM rejected_reports \
         WHERE (CAST($1 AS BIGINT) IS NULL OR id < $1) AND (CAST($2 AS TEXT) IS NULL OR code = $2) \
         AND (CAST($3 AS TEXT) IS NULL OR form = $3) AND (CAST($4 AS TEXT) IS NULL OR session = $4) \
         ORDER BY id DESC LIMIT $5",
        vec![
            looked.before.into(),
            looked.code.into(),
            looked.form.into(),
            looked.session.into(),
            limit.into(),
        ],
    ))
    .await
}

/// Throws away what is old, or too much.
pub async fn sweep(db: &Db, now: DateTime<Utc>) -> Result<u64, StorageError> {
    db.execute(&Statement::new(
        "DELETE FROM rejected_reports WHERE rejected_at < $1 OR id <= (SELECT MAX(id) FROM rejected_reports) - $2",
        vec![(now - LIFE).into(), MOST.into()],
    ))
    .await
}
