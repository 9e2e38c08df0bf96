//! Appending a batch of events: positions and rows in one transaction.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, Postgres, SqliteExecutor, Transaction};

use crate::storage::{Append, Db, Extent, Log, StorageError, Tx};

/// Where a stream stands, and where a command was appended to it before.
#[derive(Clone, Copy, Debug, FromRow)]
pub(in crate::storage) struct Standing {
    /// The version of the stream's last event; 0 when it has none.
    pub(in crate::storage) version: i64,
    /// The position of the command's last event.
    pub(in crate::storage) earlier_position: Option<i64>,
    /// The version of the command's last event.
    pub(in crate::storage) earlier_version: Option<i64>,
}

/// The columns of a batch of events, one entry per event.
#[derive(Default)]
struct Columns<'a> {
    stream_id: Vec<&'a str>,
    /// Nothing, where the version is the position.
    version: Vec<Option<i64>>,
    event_type: Vec<&'a str>,
    schema_version: Vec<i64>,
    payload: Vec<&'a str>,
    metadata: Vec<&'a str>,
    command_id: Vec<&'a str>,
    command_index: Vec<i64>,
}

/// SQLite has one writer at a time, and each log keeps its last event, so that the next position is known without a head
/// row; and one statement is a transaction by itself.
macro_rules! sqlite_insert {
    ($table:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (position, stream_id, version, event_type, schema_version, payload, metadata, recorded_at, command_id, \
             command_index) SELECT head.position + key, value ->> 0, COALESCE(value ->> 1, head.position + key), \
             value ->> 2, value ->> 3, value ->> 4, value ->> 5, $1, value ->> 6, value ->> 7 \
             FROM (SELECT COALESCE(MAX(position), 0) + 1 AS position FROM ",
            $table,
            ") AS head, json_each($2)"
        )
    };
}

/// The head row is taken first and stays locked until the commit, so that positions become visible in their order.
/// Followers in other processes are told in the same statement.
macro_rules! postgres_insert {
    ($head:literal, $table:literal, $columns:literal, $values:literal, $channel:literal) => {
        concat!(
            $head,
            "INSERT INTO ",
            $table,
            " (position, stream_id, version, event_type, schema_version, payload, metadata, recorded_at, command_id, \
             command_index",
            $columns,
            ") SELECT head.position + ordinality, stream_id, COALESCE(version, head.position + ordinality), \
             event_type, schema_version, CAST(payload AS JSONB), CAST(metadata AS JSONB), $2, command_id, command_index",
            $values,
            " FROM head, UNNEST($3::TEXT[], $4::BIGINT[], $5::TEXT[], $6::BIGINT[], $7::TEXT[], $8::TEXT[], \
             $9::TEXT[], $10::BIGINT[]) WITH ORDINALITY AS batch (stream_id, version, event_type, schema_version, \
             payload, metadata, command_id, command_index, ordinality) RETURNING 1) \
             SELECT head.position, pg_notify('clipper', '",
            $channel,
            "') FROM head"
        )
    };
}

const SQLITE_CLIP: &str = sqlite_insert!("clip_events");
const SQLITE_PLAYBACK: &str = sqlite_insert!("playback_events");
/// Positions, events and news in one statement, which is a transaction by itself: one way to the server and back.
const POSTGRES_CLIP: &str = postgres_insert!(
    "WITH head AS (UPDATE log_head SET position = position + $1 WHERE log = 'clip' \
     RETURNING position - $1 AS position), batch AS (",
    "clip_events",
    "",
    "",
    "clip"
);
const POSTGRES_PLAYBACK: &str = postgres_insert!(
    "WITH head AS (UPDATE log_head SET position = position + $1 WHERE log = 'playback' \
     RETURNING position - $1 AS position), batch AS (",
    "playback_events",
    ", day",
    ", CAST($2 AT TIME ZONE 'UTC' AS DATE)",
    "playback"
);

/// Partitions are days, and a unique index reaches no further than its partition: a report that is sent again after
/// midnight is looked for among yesterday's.
const SENT_YESTERDAY: &str = "SELECT EXISTS (SELECT 1 FROM playback_events AS e \
     JOIN UNNEST($1::TEXT[], $2::TEXT[]) AS batch (stream_id, command_id) \
     ON e.stream_id = batch.stream_id AND e.command_id = batch.command_id \
     WHERE e.day = CAST($3 AT TIME ZONE 'UTC' AS DATE) - 1)";

macro_rules! standings {
    ($table:literal, $from:literal, $recent:literal) => {
        concat!(
            "SELECT (SELECT COALESCE(MAX(version), 0) FROM ",
            $table,
            " WHERE stream_id = batch.stream_id",
            $recent,
            ") AS version, (SELECT MAX(position) FROM ",
            $table,
            " WHERE stream_id = batch.stream_id AND command_id = batch.command_id",
            $recent,
            ") AS earlier_position, (SELECT MAX(version) FROM ",
            $table,
            " WHERE stream_id = batch.stream_id AND command_id = batch.command_id",
            $recent,
            ") AS earlier_version FROM ",
            $from,
            " ORDER BY batch.n"
        )
    };
}
macro_rules! sqlite_standings {
    ($table:literal) => {
        standings!(
            $table,
            "(SELECT key AS n, value ->> 0 AS stream_id, value ->> 1 AS command_id FROM json_each($1)) AS batch",
            ""
        )
    };
}
macro_rules! postgres_standings {
    ($table:literal, $recent:literal) => {
        standings!(
            $table,
            "UNNEST($1::TEXT[], $2::TEXT[]) WITH ORDINALITY AS batch (stream_id, command_id, n)",
            $recent
        )
    };
}
const SQLITE_CLIP_STANDINGS: &str = sqlite_standings!("clip_events");
const SQLITE_PLAYBACK_STANDINGS: &str = sqlite_standings!("playback_events");
const POSTGRES_CLIP_STANDINGS: &str = postgres_standings!("clip_events", "");
const POSTGRES_PLAYBACK_STANDINGS: &str = postgres_standings!(
    "playback_events",
    " AND day >= CAST($3 AT TIME ZONE 'UTC' AS DATE) - 1"
);

macro_rules! sqlite_extent {
    ($table:literal) => {
        concat!(
            "SELECT tail, (SELECT COALESCE(MAX(position), 0) FROM ",
            $table,
            ") AS head FROM log_head WHERE log = $1"
        )
    };
}

impl Db {
    /// Where a log begins and ends.
    pub(in crate::storage) async fn extent(&self, log: Log) -> Result<Extent, StorageError> {
        Ok(match self {
            Self::Sqlite { read, .. } => {
                let sql = match log {
                    Log::Clip => sqlite_extent!("clip_events"),
                    Log::Playback => sqlite_extent!("playback_events"),
                };
                sqlx::query_as(sql).bind(log.name()).fetch_one(read).await?
            }
            Self::Postgres(pool) => {
                let extent = sqlx::query_as("SELECT tail, position AS head FROM log_head WHERE log = $1");
                extent.bind(log.name()).fetch_one(pool).await?
            }
        })
    }

    /// Appends a batch and tells the position of its last event.
    pub(in crate::storage) async fn append_batch(
        &self,
        log: Log,
        batch: &[&Append],
        now: DateTime<Utc>,
    ) -> Result<i64, StorageError> {
        let columns = Columns::of(batch);
        match (self, log) {
            (Self::Sqlite { write, .. }, log) => columns.append_sqlite(write, log, now).await,
            (Self::Postgres(pool), Log::Clip) => {
                let before = columns.insert_postgres(POSTGRES_CLIP, now);
                let (before, ()) = before.fetch_one(pool).await?;
                Ok(before + columns.count())
            }
            (Self::Postgres(_), Log::Playback) => {
                let mut tx = self.begin().await?;
                let last = tx.append_batch(log, batch, now).await?;
                tx.commit().await?;
                Ok(last)
            }
        }
    }
}

impl Tx {
    /// Appends a batch inside a transaction and tells the position of its last event.
    pub(in crate::storage) async fn append_batch(
        &mut self,
        log: Log,
        batch: &[&Append],
        now: DateTime<Utc>,
    ) -> Result<i64, StorageError> {
        let columns = Columns::of(batch);
        match self {
            Self::Sqlite(tx) => columns.append_sqlite(&mut **tx, log, now).await,
            Self::Postgres(tx) => columns.append_postgres(tx, log, now).await,
        }
    }

    /// Takes the log for this transaction: nobody else appends until it ends.
    pub(in crate::storage) async fn lock_log(&mut self, log: Log) -> Result<(), StorageError> {
        // Whoever writes to SQLite has the whole of it.
        if let Self::Postgres(tx) = self {
            let head = sqlx::query("UPDATE log_head SET position = position WHERE log = $1");
            head.bind(log.name()).execute(&mut **tx).await?;
        }
        Ok(())
    }

    /// Where the stream of each append stands, in the order of the appends.
    pub(in crate::storage) async fn standings(
        &mut self,
        log: Log,
        appends: &[&Append],
        now: DateTime<Utc>,
    ) -> Result<Vec<Standing>, StorageError> {
        let streams: Vec<_> = appends.iter().map(|append| append.stream.as_str()).collect();
        let commands: Vec<_> = appends.iter().map(|append| append.command_id.as_str()).collect();
        Ok(match (self, log) {
            (Self::Sqlite(tx), log) => {
                let sql = match log {
                    Log::Clip => SQLITE_CLIP_STANDINGS,
                    Log::Playback => SQLITE_PLAYBACK_STANDINGS,
                };
                let pairs: Vec<_> = streams.iter().zip(&commands).collect();
                let pairs = serde_json::to_string(&pairs).map_err(StorageError::Encode)?;
                sqlx::query_as(sql).bind(pairs).fetch_all(&mut **tx).await?
            }
            (Self::Postgres(tx), Log::Clip) => {
                let standings = sqlx::query_as(POSTGRES_CLIP_STANDINGS);
                standings
                    .bind(streams)
                    .bind(commands)
                    .fetch_all(&mut **tx)
                    .await?
            }
            (Self::Postgres(tx), Log::Playback) => {
                let standings = sqlx::query_as(POSTGRES_PLAYBACK_STANDINGS);
                let bound = standings.bind(streams).bind(commands).bind(now);
                bound.fetch_all(&mut **tx).await?
            }
        })
    }
}

type Inserted<'a> = sqlx::query::QueryAs<'a, Postgres, (i64, ()), sqlx::postgres::PgArguments>;

impl<'a> Columns<'a> {
    fn of(batch: &[&'a Append]) -> Self {
        let mut columns = Self::default();
        for append in batch {
            for (index, event) in (0_i64..).zip(&append.events) {
                columns.stream_id.push(&append.stream);
                columns
                    .version
                    .push(append.expected.version().map(|after| after + 1 + index));
                columns.event_type.push(&event.event_type);
                columns.schema_version.push(event.schema_version);
                columns.payload.push(&event.payload);
                columns.metadata.push(&append.metadata);
                columns.command_id.push(&append.command_id);
                columns.command_index.push(index);
            }
        }
        columns
    }

    fn count(&self) -> i64 {
        i64::try_from(self.stream_id.len()).unwrap_or(i64::MAX)
    }

    async fn append_sqlite<'e>(
        &self,
        to: impl SqliteExecutor<'e>,
        log: Log,
        now: DateTime<Utc>,
    ) -> Result<i64, StorageError> {
        let sql = match log {
            Log::Clip => SQLITE_CLIP,
            Log::Playback => SQLITE_PLAYBACK,
        };
        let insert = sqlx::query(sql).bind(now).bind(self.json()?);
        // The position is the row's own number, and rows are inserted in order.
        Ok(insert.execute(to).await?.last_insert_rowid())
    }

    async fn append_postgres(
        &self,
        tx: &mut Transaction<'static, Postgres>,
        log: Log,
        now: DateTime<Utc>,
    ) -> Result<i64, StorageError> {
        let sql = match log {
            Log::Clip => POSTGRES_CLIP,
            Log::Playback => POSTGRES_PLAYBACK,
        };
        let (before, ()) = self.insert_postgres(sql, now).fetch_one(&mut **tx).await?;
        if log == Log::Playback {
            let sent = sqlx::query_as(SENT_YESTERDAY)
                .bind(&self.stream_id)
                .bind(&self.command_id);
            let (sent,): (bool,) = sent.bind(now).fetch_one(&mut **tx).await?;
            if sent {
                return Err(StorageError::SentBefore);
            }
        }
        Ok(before + self.count())
    }

    fn insert_postgres(&self, sql: &'static str, now: DateTime<Utc>) -> Inserted<'_> {
        sqlx::query_as(sql)
            .bind(self.count())
            .bind(now)
            .bind(&self.stream_id)
            .bind(&self.version)
            .bind(&self.event_type)
            .bind(&self.schema_version)
            .bind(&self.payload)
            .bind(&self.metadata)
            .bind(&self.command_id)
            .bind(&self.command_index)
    }

    /// One JSON array of rows, since SQLite binds no arrays.
    fn json(&self) -> Result<String, StorageError> {
        let names = self.stream_id.iter().zip(&self.version).zip(&self.event_type);
        let bodies = self.schema_version.iter().zip(&self.payload).zip(&self.metadata);
        let commands = self.command_id.iter().zip(&self.command_index);
        let rows = names.zip(bodies).zip(commands).map(
            |((((stream, version), kind), ((schema, payload), metadata)), (command, index))| {
                (stream, version, kind, schema, payload, metadata, command, index)
            },
        );
        serde_json::to_string(&rows.collect::<Vec<_>>()).map_err(StorageError::Encode)
    }
}
