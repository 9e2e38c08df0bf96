//! Endpoints of webhooks: who is told of what, and how far each of them has been told.

mod deliveries;

use chrono::{DateTime, Utc};
use clipper_projections::{Query, Statement};
use uuid::Uuid;

pub use deliveries::{
    Attempted, Backlog, Delivery, Outcome, Place, State, backlog, count_pending, due, expand, find_delivery,
    page, record, retry, sweep, waiting,
};

use super::{Db, StorageError};

/// Somebody who is told.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Endpoint {
    /// Its UUID as text.
    pub id: String,
    /// Where it listens.
    pub url: String,
    /// What its owner calls it.
    pub description: String,
    /// The types of events that it wants, separated by spaces; empty for all.
    pub events: String,
    /// What messages are signed with, `whsec_…`.
    pub secret: String,
    /// The secret before it.
    pub previous_secret: Option<String>,
    /// Until when messages are signed with that, too.
    pub previous_until: Option<DateTime<Utc>>,
    /// Whether it is told anything.
    pub enabled: bool,
    /// Why it is not, when the program decided that.
    pub disabled_reason: Option<String>,
    /// Events up to here have become deliveries.
    pub position: i64,
    /// Since when nothing was delivered, though it was tried.
    pub failing_since: Option<DateTime<Utc>>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

impl Endpoint {
    /// Its identity.
    pub fn key(&self) -> Uuid {
        self.id.parse().unwrap_or_default()
    }

    /// Whether it wants events of this type.
    pub fn wants(&self, event_type: &str) -> bool {
        self.events.is_empty() || self.events.split(' ').any(|wanted| wanted == event_type)
    }

    /// What messages are signed with now.
    pub fn secrets(&self, now: DateTime<Utc>) -> Vec<&str> {
        let previous = self
            .previous_secret
            .as_deref()
            .filter(|_| self.previous_until.is_some_and(|until| now < until));
        std::iter::once(self.secret.as_str()).chain(previous).collect()
    }
}

const SELECT: &str = "SELECT CAST(id AS TEXT) AS id, url, description, events, secret, previous_secret, previous_until, \
                      enabled, disabled_reason, position, failing_since, created_at, updated_at FROM webhook_endpoints";

/// Every endpoint, the oldest first.
pub async fn all(db: &Db) -> Result<Vec<Endpoint>, StorageError> {
    db.all(Query::new(
        format!("{SELECT} ORDER BY created_at, webhook_endpoints.id"),
        vec![],
    ))
    .await
}

/// An endpoint.
pub async fn find(db: &Db, id: Uuid) -> Result<Option<Endpoint>, StorageError> {
    db.optional(Query::new(
        format!("{SELECT} WHERE webhook_endpoints.id = $1"),
        vec![id.into()],
    ))
    .await
}

/// Adds an endpoint.
pub async fn add(db: &Db, id: Uuid, endpoint: &Endpoint) -> Result<(), StorageError> {
    let insert = Statement::new(
        "INSERT INTO webhook_endpoints (id, url, description, events, secret, enabled, position, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        vec![
            id.into(),
            endpoint.url.as_str().into(),
            endpoint.description.as_str().into(),
            endpoint.events.as_str().into(),
            endpoint.secret.as_str().into(),
            endpoint.enabled.into(),
            endpoint.position.into(),
            endpoint.created_at.into(),
            endpoint.updated_at.into(),
        ],
    );
    db.execute(&insert).await.map(|_| ())
}

/// Writes down what of an endpoint people choose. One that is switched on begins with a clean record.
pub async fn change(db: &Db, id: Uuid, changed: &Endpoint, now: DateTime<Utc>) -> Result<(), StorageError> {
    let update = Statement::new(
        "UPDATE webhook_endpoints SET url = $2, description = $3, events = $4, \
         failing_since = CASE WHEN $5 AND NOT enabled THEN NULL ELSE failing_since END, \
         disabled_reason = CASE WHEN $5 THEN NULL ELSE disabled_reason END, enabled = $5, updated_at = $6 WHERE id = $1",
        vec![
            id.into(),
            changed.url.as_str().into(),
            changed.description.as_str().into(),
            changed.events.as_str().into(),
            changed.enabled.into(),
            now.into(),
        ],
    );
    db.execute(&update).await.map(|_| ())
}

/// Gives an endpoint a new secret; the one before it stays good until then.
pub async fn rotate(
    db: &Db,
    id: Uuid,
    secret: &str,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let update = Statement::new(
        "UPDATE webhook_endpoints SET previous_secret = secret, previous_until = $3, secret = $2, updated_at = $4 \
         WHERE id = $1",
        vec![id.into(), secret.into(), until.into(), now.into()],
    );
    db.execute(&update).await.map(|_| ())
}

/// Has an endpoint told once more what happened after a position.
pub async fn replay(db: &Db, id: Uuid, after: i64, now: DateTime<Utc>) -> Result<(), StorageError> {
    let update = Statement::new(
        "UPDATE webhook_endpoints SET position = $2, updated_at = $3 WHERE id = $1",
        vec![id.into(), after.into(), now.into()],
    );
    db.execute(&update).await.map(|_| ())
}

/// Removes an endpoint with its deliveries; false, when there is none.
pub async fn remove(db: &Db, id: Uuid) -> Result<bool, StorageError> {
    let delete = Statement::new("DELETE FROM webhook_endpoints WHERE id = $1", vec![id.into()]);
    Ok(db.execute(&delete).await? == 1)
}

/// Switches an endpoint off; false, when it was off already.
pub async fn disable(db: &Db, id: Uuid, reason: &str, now: DateTime<Utc>) -> Result<bool, StorageError> {
    let update = Statement::new(
        "UPDATE webhook_endpoints SET enabled = FALSE, disabled_reason = $2, updated_at = $3 \
         WHERE id = $1 AND enabled",
        vec![id.into(), reason.into(), now.into()],
    );
    Ok(db.execute(&update).await? == 1)
}

/// Remembers that an endpoint took something, or since when it has not.
pub async fn note_health(db: &Db, id: Uuid, failing: bool, now: DateTime<Utc>) -> Result<(), StorageError> {
    let update = Statement::new(
        "UPDATE webhook_endpoints SET failing_since = CASE WHEN $2 THEN COALESCE(failing_since, $3) ELSE NULL END \
         WHERE id = $1 AND (failing_since IS NULL) = $2",
        vec![id.into(), failing.into(), now.into()],
    );
    db.execute(&update).await.map(|_| ())
}
