//! Which database runs, and how a statement is run on it.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clipper_projections::{Arg, Query, Statement};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Arguments, AssertSqlSafe, FromRow, Postgres, Sqlite, Transaction};

use super::StorageError;
use crate::clock::Clock;

/// A row type that both databases can fill.
pub trait AnyRow:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin + 'static
{
}

impl<T> AnyRow for T where
    T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin + 'static
{
}

/// The database.
#[derive(Clone, Debug)]
pub enum Db {
    /// Embedded: one connection writes, many read.
    Sqlite {
        /// The one writing connection; taking it is taking the write lock.
        write: SqlitePool,
        /// Read-only connections, which never wait for the writer (WAL).
        read: SqlitePool,
    },
    /// A server.
    Postgres(PgPool),
}

/// A transaction.
#[derive(Debug)]
pub enum Tx {
    /// On SQLite.
    Sqlite(Transaction<'static, Sqlite>),
    /// On PostgreSQL.
    Postgres(Transaction<'static, Postgres>),
}

const READERS: u32 = 8;
const SERVER_CONNECTIONS: u32 = 16;

impl Db {
    /// Opens `sqlite:PATH` (created when absent) or `postgres://…`, and brings its schema up to date.
    pub async fn open(url: &str) -> Result<Self, StorageError> {
        let db = Self::connect(url).await?;
        db.migrate().await?;
        Ok(db)
    }

    /// Opens a database as it is.
    pub async fn connect(url: &str) -> Result<Self, StorageError> {
        if url.starts_with("sqlite:") {
            Self::connect_sqlite(url).await
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            // A node that hangs in the middle of an append must not hold the log's head for ever.
            let options = PgConnectOptions::from_str(url)?
                .application_name("clipper")
                .options([
                    ("idle_in_transaction_session_timeout", "10s"),
                    ("lock_timeout", "10s"),
                ]);
            let pool = PgPoolOptions::new().max_connections(SERVER_CONNECTIONS);
            Ok(Self::Postgres(pool.connect_with(options).await?))
        } else {
            Err(StorageError::UnknownDatabase(url.to_owned()))
        }
    }

    async fn connect_sqlite(url: &str) -> Result<Self, StorageError> {
        // FULL: a commit is on disk before it is answered, also through a power cut.
        let common = SqliteConnectOptions::from_str(url)?.busy_timeout(Duration::from_secs(10));
        let writing = common
            .clone()
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            // Indexes by random keys touch a page per row: 64 MiB keep them in memory, and a checkpoint every 32 MiB of
            // journal rather than every 4 writes each page less often.
            .pragma("cache_size", "-65536")
            .pragma("wal_autocheckpoint", "8192");
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(writing)
            .await?;
        let read = SqlitePoolOptions::new()
            .max_connections(READERS)
            // Rows that are read ahead of whoever takes them: reading and understanding go on side by side.
            .connect_lazy_with(common.read_only(true).row_buffer_size(1_024));
        Ok(Self::Sqlite { write, read })
    }

    /// Opens a SQLite file that nobody writes to, for reading.
    pub(super) async fn connect_reading(path: &Path) -> Result<Self, StorageError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .immutable(true);
        let read = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await?;
        Ok(Self::Sqlite {
            write: read.clone(),
            read,
        })
    }

    /// Copies one state of an embedded database into a new file, while others write.
    pub(super) async fn copy_into(&self, path: &Path) -> Result<(), StorageError> {
        if let Self::Sqlite { read, .. } = self {
            let copy = sqlx::query("VACUUM INTO $1").bind(path.display().to_string());
            copy.execute(read).await?;
        }
        Ok(())
    }

    /// Makes one file of a SQLite database and its journal; fails when somebody else has it open.
    pub(super) async fn fold_in_journal(path: &Path) -> Result<(), StorageError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(Duration::from_secs(1))
            .journal_mode(SqliteJournalMode::Delete);
        let alone = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await?;
        alone.close().await;
        Ok(())
    }

    /// Brings the schema up to date.
    pub async fn migrate(&self) -> Result<(), StorageError> {
        match self {
            Self::Sqlite { write, .. } => sqlx::migrate!("migrations/sqlite").run(write).await?,
            Self::Postgres(pool) => sqlx::migrate!("migrations/postgres").run(pool).await?,
        }
        Ok(())
    }

    /// The name of the product behind the address.
    pub fn product(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    /// The time by the one clock that all who share this database have in common: the server's, or the machine's where
    /// the database is embedded.
    pub async fn now(&self, clock: &dyn Clock) -> Result<DateTime<Utc>, StorageError> {
        match self {
            Self::Sqlite { .. } => Ok(clock.now()),
            Self::Postgres(pool) => {
                let now = sqlx::query_scalar("SELECT date_trunc('milliseconds', clock_timestamp())");
                Ok(now.fetch_one(pool).await?)
            }
        }
    }

    /// All rows of a query.
    pub async fn all<R: AnyRow>(&self, query: Query<R>) -> Result<Vec<R>, StorageError> {
        let Statement { sql, args } = query.statement;
        Ok(match self {
            Self::Sqlite { read, .. } => {
                sqlx::query_as_with(AssertSqlSafe(sql), sqlite_args(&args)?)
                    .fetch_all(read)
                    .await?
            }
            Self::Postgres(pool) => {
                sqlx::query_as_with(AssertSqlSafe(sql), postgres_args(&args)?)
                    .fetch_all(pool)
                    .await?
            }
        })
    }

    /// The rows of a query one by one, as they come: what is done with a row runs beside the reading of the next.
    pub fn stream<R: AnyRow>(
        &self,
        query: Query<R>,
    ) -> Result<BoxStream<'_, Result<R, StorageError>>, StorageError> {
        let Statement { sql, args } = query.statement;
        Ok(match self {
            Self::Sqlite { read, .. } => {
                let rows = sqlx::query_as_with(AssertSqlSafe(sql), sqlite_args(&args)?).fetch(read);
                rows.map_err(StorageError::from).boxed()
            }
            Self::Postgres(pool) => {
                let rows = sqlx::query_as_with(AssertSqlSafe(sql), postgres_args(&args)?).fetch(pool);
                rows.map_err(StorageError::from).boxed()
            }
        })
    }

    /// The first row of a query, if there is one.
    pub async fn optional<R: AnyRow>(&self, query: Query<R>) -> Result<Option<R>, StorageError> {
        let Statement { sql, args } = query.statement;
        Ok(match self {
            Self::Sqlite { read, .. } => {
                sqlx::query_as_with(AssertSqlSafe(sql), sqlite_args(&args)?)
                    .fetch_optional(read)
                    .await?
            }
            Self::Postgres(pool) => {
                sqlx::query_as_with(AssertSqlSafe(sql), postgres_args(&args)?)
                    .fetch_optional(pool)
                    .await?
            }
        })
    }

    /// Runs one statement in a transaction of its own and tells how many rows it touched.
    pub async fn execute(&self, statement: &Statement) -> Result<u64, StorageError> {
        let mut tx = self.begin().await?;
        let touched = tx.execute(statement).await?;
        tx.commit().await?;
        Ok(touched)
    }

    /// Runs one statement that changes rows and gives the first of them.
    pub async fn change<R: AnyRow>(&self, query: Query<R>) -> Result<Option<R>, StorageError> {
        let mut tx = self.begin().await?;
        let row = tx.optional(query).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Begins a transaction that writes.
    pub async fn begin(&self) -> Result<Tx, StorageError> {
        Ok(match self {
            // IMMEDIATE takes the write lock now: a transaction that reads first and writes later would fail with BUSY.
            Self::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// Lets go of every connection.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// Runs a statement and tells how many rows it touched.
    pub async fn execute(&mut self, statement: &Statement) -> Result<u64, StorageError> {
        Ok(match self {
            Self::Sqlite(tx) => {
                let query = sqlx::query_with(
                    AssertSqlSafe(statement.sql.clone()),
                    sqlite_args(&statement.args)?,
                );
                query.execute(&mut **tx).await?.rows_affected()
            }
            Self::Postgres(tx) => {
                let query = sqlx::query_with(
                    AssertSqlSafe(statement.sql.clone()),
                    postgres_args(&statement.args)?,
                );
                query.execute(&mut **tx).await?.rows_affected()
            }
        })
    }

    /// All rows of a query.
    pub async fn all<R: AnyRow>(&mut self, query: Query<R>) -> Result<Vec<R>, StorageError> {
        let Statement { sql, args } = query.statement;
        Ok(match self {
            Self::Sqlite(tx) => {
                sqlx::query_as_with(AssertSqlSafe(sql), sqlite_args(&args)?)
                    .fetch_all(&mut **tx)
                    .await?
            }
            Self::Postgres(tx) => {
                sqlx::query_as_with(AssertSqlSafe(sql), postgres_args(&args)?)
                    .fetch_all(&mut **tx)
                    .await?
            }
        })
    }

    /// The first row of a query, if there is one.
    pub async fn optional<R: AnyRow>(&mut self, query: Query<R>) -> Result<Option<R>, StorageError> {
        let Statement { sql, args } = query.statement;
        Ok(match self {
            Self::Sqlite(tx) => {
                sqlx::query_as_with(AssertSqlSafe(sql), sqlite_args(&args)?)
                    .fetch_optional(&mut **tx)
                    .await?
            }
            Self::Postgres(tx) => {
                sqlx::query_as_with(AssertSqlSafe(sql), postgres_args(&args)?)
                    .fetch_optional(&mut **tx)
                    .await?
            }
        })
    }

    /// Makes everything durable.
    pub async fn commit(self) -> Result<(), StorageError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// Undoes everything.
    pub async fn rollback(self) -> Result<(), StorageError> {
        match self {
            Self::Sqlite(tx) => tx.rollback().await?,
            Self::Postgres(tx) => tx.rollback().await?,
        }
        Ok(())
    }
}

pub(super) fn sqlite_args(args: &[Arg]) -> Result<SqliteArguments, StorageError> {
    let mut bound = SqliteArguments::default();
    for arg in args {
        match arg {
            Arg::Text(value) => bound.add(value.clone()),
            Arg::Int(value) => bound.add(*value),
            Arg::Float(value) => bound.add(*value),
            Arg::Bool(value) => bound.add(*value),
            Arg::Uuid(value) => bound.add(value.map(|uuid| uuid.to_string())),
            Arg::Time(value) => bound.add(*value),
            Arg::Bytes(value) => bound.add(value.clone()),
        }
        .map_err(|error| StorageError::Database(sqlx::Error::Encode(error)))?;
    }
    Ok(bound)
}

pub(super) fn postgres_args(args: &[Arg]) -> Result<PgArguments, StorageError> {
    let mut bound = PgArguments::default();
    for arg in args {
        match arg {
            Arg::Text(value) => bound.add(value.clone()),
            Arg::Int(value) => bound.add(*value),
            Arg::Float(value) => bound.add(*value),
            Arg::Bool(value) => bound.add(*value),
            Arg::Uuid(value) => bound.add(*value),
            Arg::Time(value) => bound.add(*value),
            Arg::Bytes(value) => bound.add(value.clone()),
        }
        .map_err(|error| StorageError::Database(sqlx::Error::Encode(error)))?;
    }
    Ok(bound)
}
