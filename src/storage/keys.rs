//! API keys: stored as hashes only.

use chrono::{DateTime, TimeDelta, Utc};
use clipper_projections::{Query, Statement};
use rand::TryRngCore;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Db, StorageError};

pub use crate::config::SCOPES;

/// The use of a key is written down this often at most.
const USED: TimeDelta = TimeDelta::minutes(1);

/// Who a key speaks for.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct KeyRow {
    /// The user.
    pub user_id: String,
    /// What the key may do, separated by spaces.
    pub scopes: String,
}

/// A key as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, sqlx::FromRow)]
pub struct ListedKey {
    /// Names it.
    pub id: String,
    /// The user.
    pub user_id: String,
    /// What it is for.
    pub name: String,
    /// What it may do, separated by spaces.
    pub scopes: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Since when it is worthless, if it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was used last, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct FoundRow {
    user_id: String,
    scopes: String,
    last_used_at: Option<DateTime<Utc>>,
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

/// Whether somebody can be called this.
pub fn is_user_name(name: &str) -> bool {
    !name.trim().is_empty() && !name.chars().any(char::is_control)
}

/// Scopes as they are stored: each once, whatever was said.
pub fn in_order(scopes: &[String]) -> String {
    let said = SCOPES
        .iter()
        .filter(|scope| scopes.iter().any(|said| said == *scope));
    said.copied().collect::<Vec<_>>().join(" ")
}

/// A key that nobody has.
pub fn generate() -> Result<String, rand::rand_core::OsError> {
    Ok(format!("clk_{}", random()?))
}

/// The owner of a key, if it is good now. That it was used is written down.
pub async fn find(db: &Db, key: &str, now: DateTime<Utc>) -> Result<Option<KeyRow>, StorageError> {
    let hash = hash(key);
    let query = Query::<FoundRow>::new(
        "SELECT user_id, scopes, last_used_at FROM api_keys WHERE hash = $1 AND (expires_at IS NULL OR expires_at > $2)",
        vec![hash.as_str().into(), now.into()],
    );
    let Some(found) = db.optional(query).await? else {
        return Ok(None);
    };
    if found.last_used_at.is_none_or(|used| used <= now - USED) {
        // Of requests at the same time one writes.
        let used = Statement::new(
            "UPDATE api_keys SET last_used_at = $1 WHERE hash = $2 AND (last_used_at IS NULL OR last_used_at <= $3)",
            vec![now.into(), hash.into(), (now - USED).into()],
        );
        if let Err(error) = db.execute(&used).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the use of a key was not written down"
            );
        }
    }
    Ok(Some(KeyRow {
        user_id: found.user_id,
        scopes: found.scopes,
    }))
}

/// All keys, the oldest first.
pub async fn list(db: &Db) -> Result<Vec<ListedKey>, StorageError> {
    db.all(Query::new(
        "SELECT CAST(id AS TEXT) AS id, user_id, name, scopes, created_at, expires_at, last_used_at FROM api_keys \
         ORDER BY created_at, id",
        vec![],
    ))
    .await
}

/// Makes a key worthless; false, if there is none.
pub async fn revoke(db: &Db, id: Uuid) -> Result<bool, StorageError> {
    let revoke = Statement::new("DELETE FROM api_keys WHERE id = $1", vec![id.into()]);
    Ok(db.execute(&revoke).await? > 0)
}

/// Stores another key with what a key may do, and ends the old one. Nothing, if there is no such key.
pub async fn rotate(
    db: &Db,
    id: Uuid,
    key: &str,
    old_is_good_until: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<Option<Uuid>, StorageError> {
    let fresh = Uuid::now_v7();
    let mut tx = db.begin().await?;
    let copy = Statement::new(
        "INSERT INTO api_keys (id, user_id, hash, scopes, name, created_at, expires_at) \
         SELECT $1, user_id, $2, scopes, name, $3, expires_at FROM api_keys WHERE id = $4",
        vec![fresh.into(), hash(key).into(), now.into(), id.into()],
    );
    let known = tx.execute(&copy).await? > 0;
    let end = match old_is_good_until {
        Some(until) => Statement::new(
            "UPDATE api_keys SET expires_at = $1 WHERE id = $2 AND (expires_at IS NULL OR expires_at > $1)",
            vec![until.into(), id.into()],
        ),
        None => Statement::new("DELETE FROM api_keys WHERE id = $1", vec![id.into()]),
    };
    tx.execute(&end).await?;
    tx.commit().await?;
    Ok(known.then_some(fresh))
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
    store_named(db, id, key, owner, "", None, now).await
}

/// The same, of one that has a name and may have an end.
pub async fn store_named(
    db: &Db,
    id: Uuid,
    key: &str,
    owner: &KeyRow,
    name: &str,
    expires_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let statement = Statement::new(
        "INSERT INTO api_keys (id, user_id, hash, scopes, created_at, name, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (hash) DO NOTHING",
        vec![
            id.into(),
            owner.user_id.as_str().into(),
            hash(key).into(),
            owner.scopes.as_str().into(),
            now.into(),
            name.into(),
            expires_at.into(),
        ],
    );
    db.execute(&statement).await.map(|_| ())
}
