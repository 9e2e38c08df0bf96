//! Reading the logs.

use chrono::{DateTime, Utc};
use clipper_projections::Query;
use tokio::sync::watch;

use super::{Db, StorageError};

/// Which of the two logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// Everything about clips; kept for ever.
    Clip,
    /// What players report; kept for its retention.
    Playback,
}

impl Log {
    /// The name in tables, metrics and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clip => "clip",
            Self::Playback => "playback",
        }
    }
}

/// An event as it lies in the log.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct RawEvent {
    /// The place in the log's one order.
    pub position: i64,
    /// Whose event it is.
    pub stream_id: String,
    /// The place within its stream, from 1.
    pub version: i64,
    /// Its type.
    pub event_type: String,
    /// The version of its shape.
    pub schema_version: i64,
    /// What happened, as JSON.
    pub payload: String,
    /// Who and where, as JSON.
    pub metadata: String,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct PositionRow {
    position: i64,
}

macro_rules! select_events {
    ($table:literal, $rest:literal) => {
        concat!(
            "SELECT position, stream_id, version, event_type, schema_version, CAST(payload AS TEXT) AS payload, \
             CAST(metadata AS TEXT) AS metadata, recorded_at FROM ",
            $table,
            $rest
        )
    };
}

/// The logs of a database, for reading.
#[derive(Clone, Debug)]
pub struct Logs {
    db: Db,
}

impl Logs {
    /// Reads the logs of this database.
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// The events of one stream after a version, in order.
    pub async fn stream(&self, log: Log, stream: &str, after: i64) -> Result<Vec<RawEvent>, StorageError> {
        let sql = match log {
            Log::Clip => {
                select_events!(
                    "clip_events",
                    " WHERE stream_id = $1 AND version > $2 ORDER BY version"
                )
            }
            Log::Playback => {
                select_events!(
                    "playback_events",
                    " WHERE stream_id = $1 AND version > $2 ORDER BY version"
                )
            }
        };
        self.db
            .all(Query::new(sql, vec![stream.into(), after.into()]))
            .await
    }

    /// At most `limit` events after a position, in order.
    pub async fn page(&self, log: Log, after: i64, limit: i64) -> Result<Vec<RawEvent>, StorageError> {
        let sql = match log {
            Log::Clip => select_events!("clip_events", " WHERE position > $1 ORDER BY position LIMIT $2"),
            Log::Playback => select_events!(
                "playback_events",
                " WHERE position > $1 ORDER BY position LIMIT $2"
            ),
        };
        self.db
            .all(Query::new(sql, vec![after.into(), limit.into()]))
            .await
    }

    /// The position of the latest event; 0 when there is none.
    pub async fn head(&self, log: Log) -> Result<i64, StorageError> {
        let query = Query::<PositionRow>::new(
            "SELECT position FROM log_head WHERE log = $1",
            vec![log.name().into()],
        );
        Ok(self.db.optional(query).await?.map_or(0, |row| row.position))
    }
}

/// Tells followers in this process that a log has grown. A nudge: the log itself is the truth.
pub(super) fn head_channel() -> watch::Sender<i64> {
    watch::Sender::new(0)
}

impl RawEvent {
    /// The event as people and other programs read it.
    pub fn to_json(&self) -> Result<serde_json::Value, serde_json::Error> {
        Ok(serde_json::json!({
            "position": self.position,
            "stream_id": self.stream_id,
            "version": self.version,
            "event_type": self.event_type,
            "schema_version": self.schema_version,
            "payload": serde_json::from_str::<serde_json::Value>(&self.payload)?,
            "metadata": serde_json::from_str::<serde_json::Value>(&self.metadata)?,
            "recorded_at": self.recorded_at,
        }))
    }
}
