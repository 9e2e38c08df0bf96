//! Reading the logs.

use chrono::{DateTime, Utc};
use clipper_projections::{Log, Query, RawEvent, StoredEvent};
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};

use super::{Db, StorageError};

#[derive(sqlx::FromRow)]
struct StreamRow {
    stream_id: String,
}

#[derive(sqlx::FromRow)]
struct PositionRow {
    position: i64,
}

/// Where a log begins and ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Extent {
    /// Events up to here may be gone.
    pub tail: i64,
    /// The position of the latest event; 0 when there never was one.
    pub head: i64,
}

/// The columns in the order in which they are read.
macro_rules! select {
    ($columns:literal, $log:expr, $rest:literal) => {
        match $log {
            Log::Clip => concat!("SELECT ", $columns, " FROM clip_events", $rest),
            Log::Playback => concat!("SELECT ", $columns, " FROM playback_events", $rest),
        }
    };
}

/// What folds need of events.
macro_rules! select_raw {
    ($log:expr, $rest:literal) => {
        select!(
            "position, stream_id, version, event_type, schema_version, CAST(payload AS TEXT), recorded_at",
            $log,
            $rest
        )
    };
}

/// Events with all that is written beside them.
macro_rules! select_stored {
    ($log:expr, $rest:literal) => {
        select!(
            "position, stream_id, version, event_type, schema_version, CAST(payload AS TEXT), recorded_at, \
             CAST(metadata AS TEXT), command_id",
            $log,
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
    pub async fn stream(&self, log: Log, stream: &str, after: i64) -> Result<Vec<StoredEvent>, StorageError> {
        let sql = select_stored!(log, " WHERE stream_id = $1 AND version > $2 ORDER BY version");
        self.db
            .all(Query::new(sql, vec![stream.into(), after.into()]))
            .await
    }

    /// The event at a position, if it is still there.
    pub async fn at(&self, log: Log, position: i64) -> Result<Option<StoredEvent>, StorageError> {
        let sql = select_stored!(log, " WHERE position = $1");
        self.db.optional(Query::new(sql, vec![position.into()])).await
    }

    /// At most `limit` events after a position, in order, with all that is written beside them.
    pub async fn stored_page(
        &self,
        log: Log,
        after: i64,
        limit: i64,
    ) -> Result<Vec<StoredEvent>, StorageError> {
        let sql = select_stored!(log, " WHERE position > $1 ORDER BY position LIMIT $2");
        self.db
            .all(Query::new(sql, vec![after.into(), limit.into()]))
            .await
    }

    /// At most `limit` events after a position, in order.
    pub async fn page(&self, log: Log, after: i64, limit: i64) -> Result<Vec<RawEvent>, StorageError> {
        let sql = select_raw!(log, " WHERE position > $1 ORDER BY position LIMIT $2");
        self.db
            .all(Query::new(sql, vec![after.into(), limit.into()]))
            .await
    }

    /// The events after a position up to another, in order, one by one as they are read.
    pub fn events(
        &self,
        log: Log,
        after: i64,
        until: i64,
    ) -> Result<BoxStream<'_, Result<RawEvent, StorageError>>, StorageError> {
        let sql = select_raw!(log, " WHERE position > $1 AND position <= $2 ORDER BY position");
        self.db.stream(Query::new(sql, vec![after.into(), until.into()]))
    }

    /// The streams that have events after a position up to another.
    pub async fn streams(&self, log: Log, after: i64, until: i64) -> Result<Vec<String>, StorageError> {
        let sql = select!(
            "DISTINCT stream_id",
            log,
            " WHERE position > $1 AND position <= $2"
        );
        let query = Query::<StreamRow>::new(sql, vec![after.into(), until.into()]);
        let rows = self.db.all(query).await?;
        Ok(rows.into_iter().map(|row| row.stream_id).collect())
    }

    /// The position of the latest event; 0 when there is none.
    pub async fn head(&self, log: Log) -> Result<i64, StorageError> {
        Ok(self.extent(log).await?.head)
    }

    /// Where the log begins and ends.
    pub async fn extent(&self, log: Log) -> Result<Extent, StorageError> {
        self.db.extent(log).await
    }

    /// The position of the last event that was recorded before an instant; 0 when there is none.
    pub async fn position_before(&self, log: Log, instant: DateTime<Utc>) -> Result<i64, StorageError> {
        let sql = match log {
            Log::Clip => {
                "SELECT CAST(COALESCE(MAX(position), 0) AS BIGINT) AS position FROM clip_events WHERE recorded_at < $1"
            }
            Log::Playback => {
                "SELECT CAST(COALESCE(MAX(position), 0) AS BIGINT) AS position FROM playback_events \
                 WHERE recorded_at < $1"
            }
        };
        let query = Query::<PositionRow>::new(sql, vec![instant.into()]);
        Ok(self.db.optional(query).await?.map_or(0, |row| row.position))
    }
}

impl Logs {
    /// The database that the logs lie in.
    pub(super) fn db(&self) -> &Db {
        &self.db
    }
}
