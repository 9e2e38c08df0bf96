//! First answers to requests that carry a key, kept so that a repetition gets the same one.

use chrono::{DateTime, Utc};
use clipper_projections::{Query, Statement};

use super::{Db, StorageError};

/// A request under its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyed {
    /// Whose key it is: keys of different people never meet.
    pub scope: String,
    /// The key.
    pub key: String,
    /// What the request asks for, as a hash.
    pub fingerprint: String,
}

/// An answer that was given.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct FirstAnswer {
    /// The HTTP status.
    pub status: i64,
    /// The headers that belong to it, as JSON.
    pub headers: String,
    /// The body.
    pub body: String,
}

/// What is to be done with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is the first: execute it.
    First,
    /// It was answered.
    Answered(FirstAnswer),
    /// The same one is under way.
    UnderWay,
    /// The key belongs to another request.
    Other,
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    fingerprint: String,
    status: Option<i64>,
    headers: Option<String>,
    body: Option<String>,
}

/// Begins a request; until it is answered or let go, it is under way, but no longer than `until`.
pub async fn begin(
    db: &Db,
    keyed: &Keyed,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Begun, StorageError> {
    // A row that has run out counts as none: its request died, or its answer was kept long enough.
    let begin = Statement::new(
        "INSERT INTO idempotency_keys (scope, key, fingerprint, expires_at) VALUES ($1, $2, $3, $5) \
         ON CONFLICT (scope, key) DO UPDATE SET fingerprint = excluded.fingerprint, status = NULL, headers = NULL, \
         body = NULL, expires_at = excluded.expires_at WHERE idempotency_keys.expires_at <= $4",
        vec![
            keyed.scope.as_str().into(),
            keyed.key.as_str().into(),
            keyed.fingerprint.as_str().into(),
            now.into(),
            until.into(),
        ],
    );
    if db.execute(&begin).await? == 1 {
        return Ok(Begun::First);
    }
    let query = Query::<KeyRow>::new(
        "SELECT fingerprint, status, headers, body FROM idempotency_keys WHERE scope = $1 AND key = $2",
        vec![keyed.scope.as_str().into(), keyed.key.as_str().into()],
    );
    Ok(match db.optional(query).await? {
        Some(row) if row.fingerprint != keyed.fingerprint => Begun::Other,
        Some(KeyRow {
            status: Some(status),
            headers,
            body,
            ..
        }) => Begun::Answered(FirstAnswer {
            status,
            headers: headers.unwrap_or_default(),
            body: body.unwrap_or_default(),
        }),
        // Let go between the two statements, or under way: the caller tries again either way.
        Some(_) | None => Begun::UnderWay,
    })
}

/// Keeps the answer.
pub async fn keep(
    db: &Db,
    keyed: &Keyed,
    answer: &FirstAnswer,
    until: DateTime<Utc>,
) -> Result<(), StorageError> {
    let keep = Statement::new(
        "UPDATE idempotency_keys SET status = $4, headers = $5, body = $6, expires_at = $7 \
         WHERE scope = $1 AND key = $2 AND fingerprint = $3",
        vec![
            keyed.scope.as_str().into(),
            keyed.key.as_str().into(),
            keyed.fingerprint.as_str().into(),
            answer.status.into(),
            answer.headers.as_str().into(),
            answer.body.as_str().into(),
            until.into(),
        ],
    );
    db.execute(&keep).await.map(|_| ())
}

/// Lets a request go that had no effect, so that it can be tried again under its key.
pub async fn let_go(db: &Db, keyed: &Keyed) -> Result<(), StorageError> {
    let let_go = Statement::new(
        "DELETE FROM idempotency_keys WHERE scope = $1 AND key = $2 AND fingerprint = $3 AND status IS NULL",
        vec![
            keyed.scope.as_str().into(),
            keyed.key.as_str().into(),
            keyed.fingerprint.as_str().into(),
        ],
    );
    db.execute(&let_go).await.map(|_| ())
}

/// Removes what was kept long enough.
pub async fn sweep(db: &Db, now: DateTime<Utc>) -> Result<u64, StorageError> {
    db.execute(&Statement::new(
        "DELETE FROM idempotency_keys WHERE expires_at <= $1",
        vec![now.into()],
    ))
    .await
}
