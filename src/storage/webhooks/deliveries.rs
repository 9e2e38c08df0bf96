//! Deliveries: what an endpoint is told, in which order, and how that went.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use clipper_projections::{Query, Statement};
use uuid::Uuid;

use crate::storage::{Db, StorageError};

/// Something that an endpoint is told.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Delivery {
    /// Its UUID as text.
    pub id: String,
    /// Who is told.
    pub endpoint_id: String,
    /// The name under which the endpoint knows the message, however often it comes.
    pub message_id: String,
    /// Whose event it is.
    pub clip_id: String,
    /// The event's position in the clip log.
    pub position: i64,
    /// What kind of event it is.
    pub event_type: String,
    /// The body.
    pub payload: String,
    /// `pending`, `delivered` or `parked`.
    pub state: String,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is tried next, while it is pending.
    pub next_attempt_at: DateTime<Utc>,
    /// When it was tried first.
    pub first_attempt_at: Option<DateTime<Utc>>,
    /// When it was tried last.
    pub last_attempt_at: Option<DateTime<Utc>>,
    /// The status that was answered last.
    pub response_status: Option<i64>,
    /// The beginning of the body that was answered last.
    pub response_body: Option<String>,
    /// What went wrong last.
    pub error: Option<String>,
    /// When it was written down.
    pub created_at: DateTime<Utc>,
}

impl Delivery {
    /// Its identity.
    pub fn key(&self) -> Uuid {
        self.id.parse().unwrap_or_default()
    }
}

/// How it stands with a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is to be tried.
    Pending,
    /// It was taken.
    Delivered,
    /// It was given up.
    Parked,
}

impl State {
    /// The name in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Parked => "parked",
        }
    }
}

/// A word that names no state of deliveries.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no state of deliveries: there are pending, delivered and parked")]
pub struct UnknownState(String);

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(name: &str) -> Result<Self, UnknownState> {
        [Self::Pending, Self::Delivered, Self::Parked]
            .into_iter()
            .find(|state| state.as_str() == name)
            .ok_or_else(|| UnknownState(name.to_owned()))
    }
}

/// A delivery as it is written down first.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its UUID.
    pub id: Uuid,
    /// The message's name.
    pub message_id: String,
    /// Whose event it is.
    pub clip: Uuid,
    /// The event's position.
    pub position: i64,
    /// What kind of event it is.
    pub event_type: &'static str,
    /// The body.
    pub payload: String,
}

/// How an attempt went.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempted {
    /// What it leads to.
    pub outcome: Outcome,
    /// The status that was answered, if any was.
    pub status: Option<u16>,
    /// The beginning of the body.
    pub body: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
}

/// What an attempt leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken.
    Delivered,
    /// It is tried again.
    Again(DateTime<Utc>),
    /// It is given up.
    Parked,
}

#[derive(sqlx::FromRow)]
struct CountRow {
    count: i64,
}

#[derive(sqlx::FromRow)]
struct EndpointRow {
    endpoint_id: String,
}

/// What waits and what was given up, of all endpoints together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Backlog {
    /// Deliveries that are to be tried.
    pub pending: i64,
    /// Deliveries that were given up.
    pub parked: i64,
}

const SELECT: &str = "SELECT CAST(d.id AS TEXT) AS id, CAST(d.endpoint_id AS TEXT) AS endpoint_id, d.message_id, \
                      CAST(d.clip_id AS TEXT) AS clip_id, d.position, d.event_type, d.payload, d.state, d.attempts, \
                      d.next_attempt_at, d.first_attempt_at, d.last_attempt_at, d.response_status, d.response_body, \
                      d.error, d.created_at FROM webhook_deliveries d";

/// Writes down what an endpoint is to be told of a part of the log, and that it was; false, when somebody else did, or
/// has sent the endpoint elsewhere. What it was told before it is told anew.
pub async fn expand(
    db: &Db,
    endpoint: Uuid,
    (from, to): (i64, i64),
    places: &[Place],
    now: DateTime<Utc>,
) -> Result<bool, StorageError> {
    let mut tx = db.begin().await?;
    let moved = Statement::new(
        "UPDATE webhook_endpoints SET position = $3 WHERE id = $1 AND position = $2 AND enabled",
        vec![endpoint.into(), from.into(), to.into()],
    );
    if tx.execute(&moved).await? == 0 {
        tx.rollback().await?;
        return Ok(false);
    }
    for place in places {
        let insert = Statement::new(
            "INSERT INTO webhook_deliveries (id, endpoint_id, message_id, clip_id, position, event_type, payload, state, \
             attempts, next_attempt_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', 0, $8, $8) \
             ON CONFLICT (endpoint_id, position) DO UPDATE SET payload = excluded.payload, state = 'pending', \
             attempts = 0, next_attempt_at = excluded.next_attempt_at, first_attempt_at = NULL",
            vec![
                place.id.into(),
                endpoint.into(),
                place.message_id.as_str().into(),
                place.clip.into(),
                place.position.into(),
                place.event_type.into(),
                place.payload.as_str().into(),
                now.into(),
            ],
        );
        tx.execute(&insert).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// The endpoints that have something to be told now.
pub async fn waiting(db: &Db, now: DateTime<Utc>) -> Result<Vec<String>, StorageError> {
    let query = Query::<EndpointRow>::new(
        "SELECT DISTINCT CAST(endpoint_id AS TEXT) AS endpoint_id FROM webhook_deliveries \
         WHERE state = 'pending' AND next_attempt_at <= $1",
        vec![now.into()],
    );
    let rows = db.all(query).await?;
    Ok(rows.into_iter().map(|row| row.endpoint_id).collect())
}

/// What an endpoint is to be told now. Of each clip it is what happened first: what happened later waits until that was
/// taken or given up. While an endpoint is being told anew, what is beyond waits until it is reached.
pub async fn due(
    db: &Db,
    endpoint: Uuid,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Delivery>, StorageError> {
    db.all(Query::new(
        format!(
            "{SELECT} JOIN webhook_endpoints e ON e.id = d.endpoint_id \
             WHERE d.endpoint_id = $1 AND d.state = 'pending' AND d.next_attempt_at <= $2 AND d.position <= e.position \
             AND NOT EXISTS (SELECT 1 FROM webhook_deliveries earlier WHERE earlier.endpoint_id = d.endpoint_id \
             AND earlier.clip_id = d.clip_id AND earlier.state = 'pending' AND earlier.position < d.position) \
             ORDER BY d.next_attempt_at, d.position LIMIT $3"
        ),
        vec![endpoint.into(), now.into(), limit.into()],
    ))
    .await
}

/// How much waits for an endpoint.
pub async fn count_pending(db: &Db, endpoint: Uuid) -> Result<i64, StorageError> {
    let query = Query::<CountRow>::new(
        "SELECT CAST(COUNT(*) AS BIGINT) AS count FROM webhook_deliveries WHERE endpoint_id = $1 AND state = 'pending'",
        vec![endpoint.into()],
    );
    Ok(db.optional(query).await?.map_or(0, |row| row.count))
}

/// Writes down how an attempt went; false, when the delivery was tried or changed by somebody else meanwhile.
pub async fn record(
    db: &Db,
    tried: &Delivery,
    attempted: &Attempted,
    now: DateTime<Utc>,
) -> Result<bool, StorageError> {
    let (state, next) = match attempted.outcome {
        Outcome::Delivered => (State::Delivered, now),
        Outcome::Again(at) => (State::Pending, at),
        Outcome::Parked => (State::Parked, now),
    };
    let update = Statement::new(
        "UPDATE webhook_deliveries SET state = $3, attempts = attempts + 1, next_attempt_at = $4, \
         first_attempt_at = COALESCE(first_attempt_at, $5), last_attempt_at = $5, response_status = $6, \
         response_body = $7, error = $8 \
         WHERE id = $1 AND attempts = $2 AND state = 'pending'",
        vec![
            tried.key().into(),
            tried.attempts.into(),
            state.as_str().into(),
            next.into(),
            now.into(),
            attempted.status.map(i64::from).into(),
            attempted.body.clone().into(),
            attempted.error.clone().into(),
        ],
    );
    Ok(db.execute(&update).await? == 1)
}

/// A delivery to an endpoint.
pub async fn find_delivery(db: &Db, endpoint: Uuid, id: Uuid) -> Result<Option<Delivery>, StorageError> {
    db.optional(Query::new(
        format!("{SELECT} WHERE d.endpoint_id = $1 AND d.id = $2"),
        vec![endpoint.into(), id.into()],
    ))
    .await
}

/// Deliveries to an endpoint, the latest event first, before a position.
pub async fn page(
    db: &Db,
    endpoint: Uuid,
    state: Option<State>,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Delivery>, StorageError> {
    db.all(Query::new(
        format!(
            "{SELECT} WHERE d.endpoint_id = $1 AND ($2 = '' OR d.state = $2) AND d.position < $3 \
             ORDER BY d.position DESC LIMIT $4"
        ),
        vec![
            endpoint.into(),
            state.map_or("", State::as_str).into(),
            before.unwrap_or(i64::MAX).into(),
            limit.into(),
        ],
    ))
    .await
}

/// Has a delivery tried again now, and for as long as a new one.
pub async fn retry(db: &Db, endpoint: Uuid, id: Uuid, now: DateTime<Utc>) -> Result<(), StorageError> {
    let update = Statement::new(
        "UPDATE webhook_deliveries SET state = 'pending', attempts = 0, next_attempt_at = $3, first_attempt_at = NULL \
         WHERE endpoint_id = $1 AND id = $2",
        vec![endpoint.into(), id.into(), now.into()],
    );
    db.execute(&update).await.map(|_| ())
}

/// Removes deliveries that ended before an instant.
pub async fn sweep(db: &Db, before: DateTime<Utc>) -> Result<u64, StorageError> {
    let delete = Statement::new(
        "DELETE FROM webhook_deliveries WHERE state <> 'pending' AND last_attempt_at < $1",
        vec![before.into()],
    );
    db.execute(&delete).await
}

/// How much waits and was given up.
pub async fn backlog(db: &Db) -> Result<Backlog, StorageError> {
    let query = Query::new(
        "SELECT CAST(COUNT(*) FILTER (WHERE state = 'pending') AS BIGINT) AS pending, \
         CAST(COUNT(*) FILTER (WHERE state = 'parked') AS BIGINT) AS parked FROM webhook_deliveries WHERE state <> 'delivered'",
        vec![],
    );
    Ok(db.optional(query).await?.unwrap_or_default())
}
