//! The few things that the two databases say differently.

use chrono::{DateTime, Utc};
use clipper_projections::Query;
use sqlx::{AssertSqlSafe, Connection};

use super::{Append, Db, Log, StorageError, Tx};

#[derive(sqlx::FromRow)]
struct PositionRow {
    position: i64,
}

#[derive(sqlx::FromRow)]
struct VersionRow {
    version: i64,
}

/// The columns of a batch of events, one entry per event.
#[derive(Default)]
struct Columns {
    stream_id: Vec<String>,
    version: Vec<i64>,
    event_type: Vec<String>,
    schema_version: Vec<i64>,
    payload: Vec<String>,
    metadata: Vec<String>,
    command_id: Vec<Option<String>>,
    command_index: Vec<i64>,
}

macro_rules! sqlite_insert {
    ($table:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (position, stream_id, version, event_type, schema_version, payload, metadata, recorded_at, command_id, \
             command_index) SELECT $1 + key, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, \
             value ->> 5, $2, value ->> 6, value ->> 7 FROM json_each($3)"
        )
    };
}
macro_rules! postgres_insert {
    ($table:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (position, stream_id, version, event_type, schema_version, payload, metadata, recorded_at, command_id, \
             command_index) SELECT $1 + ordinality - 1, stream_id, version, event_type, schema_version, \
             CAST(payload AS JSONB), CAST(metadata AS JSONB), $2, command_id, command_index \
             FROM UNNEST($3::TEXT[], $4::BIGINT[], $5::TEXT[], $6::BIGINT[], $7::TEXT[], $8::TEXT[], $9::TEXT[], \
             $10::BIGINT[]) WITH ORDINALITY AS batch (stream_id, version, event_type, schema_version, payload, \
             metadata, command_id, command_index, ordinality)"
        )
    };
}
const SQLITE_INSERT_CLIP: &str = sqlite_insert!("clip_events");
const SQLITE_INSERT_PLAYBACK: &str = sqlite_insert!("playback_events");
const POSTGRES_INSERT_CLIP: &str = postgres_insert!("clip_events");
const POSTGRES_INSERT_PLAYBACK: &str = postgres_insert!("playback_events");

impl Tx {
    /// Takes `count` positions of a log and tells the first. The row stays locked until the commit, so that positions
    /// become visible in their order.
    pub(super) async fn take_positions(&mut self, log: Log, count: i64) -> Result<i64, StorageError> {
        let query = Query::<PositionRow>::new(
            "UPDATE log_head SET position = position + $2 WHERE log = $1 RETURNING position",
            vec![log.name().into(), count.into()],
        );
        let row = self.optional(query).await?;
        Ok(row.map_or(0, |row| row.position) - count + 1)
    }

    /// The version of a stream's last event; 0 when it has none.
    pub(super) async fn stream_version(&mut self, log: Log, stream: &str) -> Result<i64, StorageError> {
        let sql = match log {
            Log::Clip => "SELECT COALESCE(MAX(version), 0) AS version FROM clip_events WHERE stream_id = $1",
            Log::Playback => {
                "SELECT COALESCE(MAX(version), 0) AS version FROM playback_events WHERE stream_id = $1"
            }
        };
        let row = self
            .optional(Query::<VersionRow>::new(sql, vec![stream.into()]))
            .await?;
        Ok(row.map_or(0, |row| row.version))
    }

    /// Inserts the events of several appends with one statement; `after` holds the version before each append.
    pub(super) async fn insert_events(
        &mut self,
        log: Log,
        batch: &[(&Append, i64)],
        first: i64,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        let columns = Columns::of(batch);
        match self {
            Self::Sqlite(tx) => {
                let sql = match log {
                    Log::Clip => SQLITE_INSERT_CLIP,
                    Log::Playback => SQLITE_INSERT_PLAYBACK,
                };
                sqlx::query(sql)
                    .bind(first)
                    .bind(now)
                    .bind(columns.json())
                    .execute(&mut **tx)
                    .await?;
            }
            Self::Postgres(tx) => {
                let sql = match log {
                    Log::Clip => POSTGRES_INSERT_CLIP,
                    Log::Playback => POSTGRES_INSERT_PLAYBACK,
                };
                sqlx::query(sql)
                    .bind(first)
                    .bind(now)
                    .bind(columns.stream_id)
                    .bind(columns.version)
                    .bind(columns.event_type)
                    .bind(columns.schema_version)
                    .bind(columns.payload)
                    .bind(columns.metadata)
                    .bind(columns.command_id)
                    .bind(columns.command_index)
                    .execute(&mut **tx)
                    .await?;
            }
        }
        Ok(())
    }

    /// Lays an empty table over a live one, for this connection only: unqualified names now mean the empty one.
    pub(super) async fn shadow(&mut self, table: &'static str) -> Result<(), StorageError> {
        match self {
            Self::Sqlite(tx) => {
                let live = "SELECT sql FROM main.sqlite_master WHERE tbl_name = $1 AND type = 'table'";
                let (sql,): (String,) = sqlx::query_as(live).bind(table).fetch_one(&mut **tx).await?;
                let shadow = sql.replacen("CREATE TABLE", "CREATE TEMP TABLE", 1);
                sqlx::query(AssertSqlSafe(shadow)).execute(&mut **tx).await?;
            }
            Self::Postgres(tx) => {
                let sql =
                    format!("CREATE TEMP TABLE {table} (LIKE public.{table} INCLUDING ALL) ON COMMIT DROP");
                sqlx::query(AssertSqlSafe(sql)).execute(&mut **tx).await?;
                // A statement that this pooled connection prepared before may still mean the live table.
                tx.clear_cached_statements().await?;
            }
        }
        Ok(())
    }

    /// Puts the rows of the shadow in the place of the live ones.
    pub(super) async fn replace_live(&mut self, table: &'static str) -> Result<(), StorageError> {
        let (live, shadow) = self.live_and_shadow(table);
        self.run_text(format!("DELETE FROM {live}")).await?;
        self.run_text(format!("INSERT INTO {live} SELECT * FROM {shadow}"))
            .await
    }

    /// Takes the shadow away.
    pub(super) async fn drop_shadow(&mut self, table: &'static str) -> Result<(), StorageError> {
        let (_, shadow) = self.live_and_shadow(table);
        self.run_text(format!("DROP TABLE {shadow}")).await
    }

    /// How many rows stand on one side only, and the key of the first of them.
    pub(super) async fn difference(
        &mut self,
        table: &'static str,
        key: &'static str,
    ) -> Result<(i64, Option<String>), StorageError> {
        let (live, shadow) = self.live_and_shadow(table);
        let key = key.replace(", ", " AS TEXT) || '/' || CAST(");
        let sql = format!(
            "SELECT CAST(COUNT(*) AS BIGINT), MIN(name) FROM (SELECT CAST({key} AS TEXT) AS name FROM \
             (SELECT * FROM {live} EXCEPT SELECT * FROM {shadow}) AS live_only UNION \
             SELECT CAST({key} AS TEXT) AS name FROM \
             (SELECT * FROM {shadow} EXCEPT SELECT * FROM {live}) AS shadow_only) AS difference"
        );
        Ok(match self {
            Self::Sqlite(tx) => sqlx::query_as(AssertSqlSafe(sql)).fetch_one(&mut **tx).await?,
            Self::Postgres(tx) => sqlx::query_as(AssertSqlSafe(sql)).fetch_one(&mut **tx).await?,
        })
    }

    /// Runs a text that names tables of ours.
    async fn run_text(&mut self, sql: String) -> Result<(), StorageError> {
        let query = AssertSqlSafe(sql);
        match self {
            Self::Sqlite(tx) => sqlx::query(query).execute(&mut **tx).await.map(|_| ())?,
            Self::Postgres(tx) => sqlx::query(query).execute(&mut **tx).await.map(|_| ())?,
        }
        Ok(())
    }

    fn live_and_shadow(&self, table: &str) -> (String, String) {
        match self {
            Self::Sqlite(_) => (format!("main.{table}"), format!("temp.{table}")),
            Self::Postgres(_) => (format!("public.{table}"), format!("pg_temp.{table}")),
        }
    }
}

impl Db {
    /// A transaction on a connection of its own that sees one state of the database throughout. It may write only to
    /// shadows, unless it is `for_writing`.
    pub(super) async fn begin_aside(&self, purpose: Aside) -> Result<Tx, StorageError> {
        Ok(match (self, purpose) {
            (Self::Sqlite { read, .. }, Aside::Compare) => Tx::Sqlite(read.begin().await?),
            (Self::Sqlite { write, .. }, Aside::Replace) => {
                Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?)
            }
            (Self::Postgres(pool), Aside::Compare) => {
                Tx::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ").await?)
            }
            (Self::Postgres(pool), Aside::Replace) => Tx::Postgres(pool.begin().await?),
        })
    }
}

/// What a transaction aside is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aside {
    /// Comparing shadows with live tables.
    Compare,
    /// Putting shadows in the place of live tables.
    Replace,
}

impl Columns {
    fn of(batch: &[(&Append, i64)]) -> Self {
        let mut columns = Self::default();
        for (append, after) in batch {
            for ((index, version), event) in (0_i64..).zip(after + 1..).zip(&append.events) {
                columns.stream_id.push(append.stream.clone());
                columns.version.push(version);
                columns.event_type.push(event.event_type.clone());
                columns.schema_version.push(event.schema_version);
                columns.payload.push(event.payload.clone());
                columns.metadata.push(append.metadata.clone());
                columns.command_id.push(Some(append.command_id.clone()));
                columns.command_index.push(index);
            }
        }
        columns
    }

    /// One JSON array of rows, since SQLite binds no arrays.
    fn json(&self) -> String {
        let rows = self
            .stream_id
            .iter()
            .zip(&self.version)
            .zip(&self.event_type)
            .zip(&self.schema_version);
        let rest = self
            .payload
            .iter()
            .zip(&self.metadata)
            .zip(&self.command_id)
            .zip(&self.command_index);
        let rows = rows.zip(rest).map(
            |((((stream, version), kind), schema), (((payload, metadata), command), index))| {
                serde_json::json!([stream, version, kind, schema, payload, metadata, command, index])
            },
        );
        rows.collect::<serde_json::Value>().to_string()
    }
}
