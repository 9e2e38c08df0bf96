//! API keys: stored as hashes only.

use chrono::{DateTime, Utc};
use clipper_projections::{Query, Statement};
use rand::TryRngCore;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Db, StorageError};

/// Who a key speaks for.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct KeyRow {
    /// The user.
    pub user_id: String,
    /// What the key may do, separated by spaces.
    pub scopes: String,
}

#[derive(sqlx::FromRow)]
struct CountRow {
    keys: i64,
}

/// The hash under which a key is stored. Keys are 32 random bytes, so that one fast hash is enough.
pub fn hash(key: &str) -> String {
    hex::encode(Sha256::digest(key.as_bytes()))
}

/// As many random bytes as a key needs, as hexadecimal digits.
pub fn random() -> Result<String, rand::rand_core::OsError> {
    let mut bytes = [0_u8; 32];
    rand::rngs::OsRng.try_fill_bytes(&mut bytes)?;
    Ok(hex::encode(bytes))
}

/// The owner of a key.
pub async fn find(db: &Db, key: &str) -> Result<Option<KeyRow>, StorageError> {
    db.optional(Query::new(
        "SELECT user_id, scopes FROM api_keys WHERE hash = $1",
        vec![hash(key).into()],
    ))
    .await
}

/// Whether any key exists.
pub async fn any(db: &Db) -> Result<bool, StorageError> {
    let query = Query::<CountRow>::new("SELECT CAST(COUNT(*) AS BIGINT) AS keys FROM api_keys", vec![]);
    Ok(db.optional(query).await?.is_some_and(|row| row.keys > 0))
}

/// Stores a key's hash; harmless when it is known.
pub async fn store(
    db: &Db,
    id: Uuid,
    key: &str,
    owner: &KeyRow,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let statement = Statement::new(
        "INSERT INTO api_keys (id, user_id, hash, scopes, created_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (hash) DO NOTHING",
        vec![
            id.into(),
            owner.user_id.as_str().into(),
            hash(key).into(),
            owner.scopes.as_str().into(),
            now.into(),
        ],
    );
    db.execute(&statement).await.map(|_| ())
}
