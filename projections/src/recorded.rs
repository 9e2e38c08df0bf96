//! An event as it lies in a log.

use chrono::{DateTime, Utc};
use clipper_domain::schema::{self, Schema, Unreadable, Written};
use serde::{Deserialize, Serialize};

/// Which of the two logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Log {
    /// Everything about clips; kept for ever. The versions of a stream count its events.
    Clip,
    /// What players report; kept for its retention. Nobody expects a version there, and an event's is its position.
    Playback,
}

impl Log {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Clip, Self::Playback];

    /// The name in tables, metrics and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clip => "clip",
            Self::Playback => "playback",
        }
    }
}

/// An event as it lies in a log, not yet understood.
#[derive(Clone, Debug, PartialEq)]
pub struct RawEvent {
    /// The place in the log's one order.
    pub position: i64,
    /// Whose event it is.
    pub stream_id: String,
    /// The place within its stream.
    pub version: i64,
    /// Its type.
    pub event_type: String,
    /// The version of its shape.
    pub schema_version: i64,
    /// What happened, as JSON.
    pub payload: String,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
}

/// An event with all that is written beside it: what people ask for and commands are recognised by, and folds need not.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEvent {
    /// The event.
    pub event: RawEvent,
    /// Who and where, as JSON.
    pub metadata: String,
    /// The command that it came of.
    pub command_id: Option<String>,
}

/// By place instead of by name: a replay reads millions of them.
macro_rules! from_row {
    ($row:ty) => {
        impl<'r> sqlx::FromRow<'r, $row> for RawEvent {
            fn from_row(row: &'r $row) -> sqlx::Result<Self> {
                use sqlx::Row;
                Ok(Self {
                    position: row.try_get(0)?,
                    stream_id: row.try_get(1)?,
                    version: row.try_get(2)?,
                    event_type: row.try_get(3)?,
                    schema_version: row.try_get(4)?,
                    payload: row.try_get(5)?,
                    recorded_at: row.try_get(6)?,
                })
            }
        }

        impl<'r> sqlx::FromRow<'r, $row> for StoredEvent {
            fn from_row(row: &'r $row) -> sqlx::Result<Self> {
                use sqlx::Row;
                Ok(Self {
                    event: RawEvent::from_row(row)?,
                    metadata: row.try_get(7)?,
                    command_id: row.try_get(8)?,
                })
            }
        }
    };
}
from_row!(sqlx::sqlite::SqliteRow);
from_row!(sqlx::postgres::PgRow);

impl RawEvent {
    /// What it says, in today's shape; an event of an older shape may have become none or several.
    pub fn read<E: Schema>(&self) -> Result<Vec<E>, Unreadable> {
        schema::read(Written {
            event_type: self.event_type.clone(),
            schema_version: self.schema_version,
            payload: self.payload.as_str(),
        })
    }
}

impl StoredEvent {
    /// The event as people and other programs read it.
    pub fn to_json(&self) -> Result<serde_json::Value, serde_json::Error> {
        let event = &self.event;
        Ok(serde_json::json!({
            "position": event.position,
            "stream_id": event.stream_id,
            "version": event.version,
            "event_type": event.event_type,
            "schema_version": event.schema_version,
            "payload": serde_json::from_str::<serde_json::Value>(&event.payload)?,
            "metadata": serde_json::from_str::<serde_json::Value>(&self.metadata)?,
            "recorded_at": event.recorded_at,
        }))
    }
}

/// An event with its place in the log.
#[derive(Clone, Debug)]
pub struct Recorded<S, E> {
    /// The place in the log's one order.
    pub position: i64,
    /// Whose event it is.
    pub stream: S,
    /// The place within its stream.
    pub version: i64,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// What happened.
    pub event: E,
}
