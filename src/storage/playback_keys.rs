//! Keys of playback tokens. They are shared by all nodes, so that any verifies what another has signed.

use chrono::{DateTime, Utc};
use clipper_projections::{Query, Statement};

use super::{Db, StorageError};

/// How many keys verify: the one that signs, and the one before it.
const LIVE: i64 = 2;
/// Tokens have one byte for the number of their key.
const NUMBERS: i64 = 256;

/// A key.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct PlaybackKeyRow {
    /// Counts the keys.
    pub id: i64,
    /// Random bytes, as hexadecimal digits.
    pub secret: String,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

impl PlaybackKeyRow {
    /// The number that tokens carry.
    pub fn number(&self) -> u8 {
        u8::try_from(self.id.rem_euclid(NUMBERS)).unwrap_or_default()
    }
}

/// The keys that verify, the one that signs first.
pub async fn live(db: &Db) -> Result<Vec<PlaybackKeyRow>, StorageError> {
    db.all(Query::new(
        "SELECT id, secret, created_at FROM playback_keys ORDER BY id DESC LIMIT $1",
        vec![LIVE.into()],
    ))
    .await
}

/// Adds a key; harmless, when somebody else adds one with that number at the same time.
pub async fn add(db: &Db, id: i64, secret: &str, now: DateTime<Utc>) -> Result<(), StorageError> {
    let insert = Statement::new(
        "INSERT INTO playback_keys (id, secret, created_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING",
        vec![id.into(), secret.into(), now.into()],
    );
    db.execute(&insert).await?;
    let retire = Statement::new(
        "DELETE FROM playback_keys WHERE id <= $1",
        vec![(id - LIVE).into()],
    );
    db.execute(&retire).await.map(|_| ())
}
