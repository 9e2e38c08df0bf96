//! Who is who. Logs and read models know people by a pseudonym; this table alone ties it to a user, so that a person is
//! forgotten everywhere by forgetting one row.

use chrono::{DateTime, Utc};
use clipper_domain::PersonId;
use clipper_projections::{Query, Statement};
use uuid::Uuid;

use super::{Db, StorageError};

/// A person.
#[derive(Clone, Debug, PartialEq, serde::Serialize, sqlx::FromRow)]
pub struct PersonRow {
    /// The pseudonym.
    pub id: String,
    /// The user as keys and identity providers name it; nothing, once forgotten.
    pub user_id: Option<String>,
    /// When the user was first seen.
    pub created_at: DateTime<Utc>,
    /// When the person was forgotten.
    pub erased_at: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct IdRow {
    id: String,
}

#[derive(sqlx::FromRow)]
struct UserRow {
    user_id: Option<String>,
}

/// The pseudonym of a user who was seen before.
pub async fn find(db: &Db, user_id: &str) -> Result<Option<PersonId>, StorageError> {
    let query = Query::<IdRow>::new("SELECT id FROM people WHERE user_id = $1", vec![user_id.into()]);
    Ok(db.optional(query).await?.and_then(|row| row.id.parse().ok()))
}

/// The pseudonym of a user. One who was not seen before gets `fresh`, which tells nothing about who it is.
pub async fn find_or_add(
    db: &Db,
    user_id: &str,
    fresh: Uuid,
    now: DateTime<Utc>,
) -> Result<PersonId, StorageError> {
    if let Some(person) = find(db, user_id).await? {
        return Ok(person);
    }
    let id = if named_in_the_clear(db, user_id).await? {
        PersonId::of_named(user_id)
    } else {
        PersonId(fresh)
    };
    let add = Statement::new(
        "INSERT INTO people (id, user_id, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        vec![id.to_string().into(), user_id.into(), now.into()],
    );
    db.execute(&add).await?;
    Ok(find(db, user_id).await?.unwrap_or(id))
}

/// Whether events of the first shape name the user in the clear; what they became knows a pseudonym derived from it. Who
/// was forgotten under it is somebody new.
async fn named_in_the_clear(db: &Db, user_id: &str) -> Result<bool, StorageError> {
    let query = Query::<UserRow>::new(
        "SELECT id AS user_id FROM (SELECT owner_id AS id FROM clips WHERE owner_id IN ($1, $2) UNION ALL \
         SELECT user_id AS id FROM video_streaming_analytics WHERE user_id IN ($1, $2)) AS named \
         WHERE NOT EXISTS (SELECT 1 FROM people WHERE people.id = $2) LIMIT 1",
        vec![user_id.into(), PersonId::of_named(user_id).to_string().into()],
    );
    Ok(db.optional(query).await?.is_some())
}

/// The user behind a pseudonym; nothing, when there is none or it was forgotten.
pub async fn user_of(db: &Db, pseudonym: &str) -> Result<Option<String>, StorageError> {
    let query = Query::<UserRow>::new("SELECT user_id FROM people WHERE id = $1", vec![pseudonym.into()]);
    Ok(db.optional(query).await?.and_then(|row| row.user_id))
}

/// Everyone, forgotten ones by pseudonym only.
pub async fn list(db: &Db) -> Result<Vec<PersonRow>, StorageError> {
    db.all(Query::new(
        "SELECT id, user_id, created_at, erased_at FROM people ORDER BY created_at, id",
        vec![],
    ))
    .await
}

/// What was forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forgotten {
    /// The pseudonym, if the user ever had one.
    pub person: Option<PersonId>,
    /// Keys that were revoked.
    pub keys: u64,
}

/// Forgets a person: what ties the pseudonym to the user is gone, and so are the user's keys. Nothing, when no such user
/// is known.
pub async fn erase(db: &Db, user_id: &str, now: DateTime<Utc>) -> Result<Option<Forgotten>, StorageError> {
    let mut tx = db.begin().await?;
    let revoke = Statement::new("DELETE FROM api_keys WHERE user_id = $1", vec![user_id.into()]);
    let keys = tx.execute(&revoke).await?;
    let forget = Query::<IdRow>::new(
        "UPDATE people SET user_id = NULL, erased_at = $2 WHERE user_id = $1 RETURNING id",
        vec![user_id.into(), now.into()],
    );
    let row = tx.optional(forget).await?;
    if let Some(row) = &row {
        // First answers that are kept for repetitions carry the user's name.
        let answers = Statement::new(
            "DELETE FROM idempotency_keys WHERE scope = $1",
            vec![row.id.as_str().into()],
        );
        tx.execute(&answers).await?;
    }
    tx.commit().await?;
    let person = row.and_then(|row| row.id.parse().ok());
    Ok((person.is_some() || keys > 0).then_some(Forgotten { person, keys }))
}
