//! Rows of read models: loaded for the streams of a page, written back whole.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use clipper_projections::{Arg, Changes, Column, Fold, Kind, Table};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, AssertSqlSafe};
use uuid::Uuid;

use crate::storage::db::{postgres_args, sqlite_args};
use crate::storage::{StorageError, Tx};

/// Rows that SQLite writes with one statement, from the largest number that fits.
const CHUNKS: [usize; 3] = [64, 8, 1];

/// A table of a read model's shape: the live one, or one that is made beside it.
#[derive(Clone, Debug)]
pub(in crate::storage) struct Target<'a> {
    pub(in crate::storage) table: &'a Table,
    pub(in crate::storage) name: String,
}

impl<'a> Target<'a> {
    /// The table that is read.
    pub(in crate::storage) fn live(table: &'a Table) -> Self {
        Self {
            table,
            name: table.name.to_owned(),
        }
    }

    /// A table beside it.
    pub(in crate::storage) fn aside(table: &'a Table, purpose: &str) -> Self {
        Self {
            table,
            name: format!("{}__{purpose}", table.name),
        }
    }

    pub(super) fn column_names(&self) -> String {
        let names: Vec<_> = self.table.columns.iter().map(|column| column.name).collect();
        names.join(", ")
    }

    fn select(&self) -> String {
        let read = |column: &Column| match column.kind {
            Kind::Uuid => format!("CAST({0} AS TEXT) AS {0}", column.name),
            Kind::Text | Kind::Int | Kind::Float | Kind::Bool | Kind::Time | Kind::Bytes => {
                column.name.to_owned()
            }
        };
        let columns: Vec<_> = self.table.columns.iter().map(read).collect();
        format!("SELECT {} FROM {}", columns.join(", "), self.name)
    }

    /// An upsert of this many rows, each value a parameter.
    fn insert_rows(&self, count: usize) -> String {
        let width = self.table.columns.len();
        let row = |row: usize| {
            let places: Vec<_> = (1..=width)
                .map(|column| format!("${}", row * width + column))
                .collect();
            format!("({})", places.join(", "))
        };
        format!(
            "INSERT INTO {} ({}) VALUES {} {}",
            self.name,
            self.column_names(),
            (0..count).map(row).collect::<Vec<_>>().join(", "),
            self.on_conflict()
        )
    }

    /// Everything that follows the values of an upsert. A row that is as it was is not written.
    pub(super) fn on_conflict(&self) -> String {
        let others = || {
            let columns = self.table.columns.iter().map(|column| column.name);
            columns.filter(|name| !self.table.key.contains(name))
        };
        let list = |prefix: &str| {
            others()
                .map(|name| format!("{prefix}.{name}"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let assign: Vec<_> = others().map(|name| format!("{name} = excluded.{name}")).collect();
        format!(
            "ON CONFLICT ({}) DO UPDATE SET {} WHERE ({}) IS DISTINCT FROM ({})",
            self.table.key.join(", "),
            assign.join(", "),
            list(&self.name),
            list("excluded")
        )
    }

    /// `left.key = right.key`, for each column of the key.
    pub(super) fn same_key(&self, left: &str, right: &str) -> String {
        let equal = |name: &&str| format!("{left}.{name} = {right}.{name}");
        self.table.key.iter().map(equal).collect::<Vec<_>>().join(" AND ")
    }

    pub(super) fn key_as_text(&self, side: &str) -> String {
        let text = |name: &&str| format!("CAST({side}.{name} AS TEXT)");
        self.table
            .key
            .iter()
            .map(text)
            .collect::<Vec<_>>()
            .join(" || '/' || ")
    }
}

impl Tx {
    /// Loads what a table holds for these streams.
    pub(in crate::storage) async fn load_rows(
        &mut self,
        target: &Target<'_>,
        streams: &[Uuid],
        fold: &mut dyn Fold,
    ) -> Result<(), StorageError> {
        if streams.is_empty() {
            return Ok(());
        }
        let (select, stream) = (target.select(), target.table.stream);
        match self {
            Self::Sqlite(tx) => {
                let sql = format!("{select} WHERE {stream} IN (SELECT value FROM json_each($1))");
                let query = sqlx::query(AssertSqlSafe(sql)).bind(json_list(streams)?);
                let rows = query.fetch_all(&mut **tx).await?;
                fold.load_sqlite(&rows)?;
            }
            Self::Postgres(tx) => {
                let sql = format!("{select} WHERE {stream} = ANY($1)");
                let rows = sqlx::query(AssertSqlSafe(sql))
                    .bind(streams)
                    .fetch_all(&mut **tx)
                    .await?;
                fold.load_postgres(&rows)?;
            }
        }
        Ok(())
    }

    /// Loads what a table holds at these keys: values in the order of its key, all of them text or instants.
    pub(in crate::storage) async fn load_keyed(
        &mut self,
        target: &Target<'_>,
        keys: &[Vec<Arg>],
        fold: &mut dyn Fold,
    ) -> Result<(), StorageError> {
        if keys.is_empty() {
            return Ok(());
        }
        let (select, key) = (target.select(), target.table.key.join(", "));
        match self {
            Self::Sqlite(tx) => {
                let places = (0..target.table.key.len()).map(|place| format!("value ->> {place}"));
                let places = places.collect::<Vec<_>>().join(", ");
                let sql = format!("{select} WHERE ({key}) IN (SELECT {places} FROM json_each($1))");
                let texts: Vec<Vec<_>> = keys.iter().map(|key| key.iter().map(text_of).collect()).collect();
                let bound = serde_json::to_string(&texts).map_err(StorageError::Encode)?;
                let rows = sqlx::query(AssertSqlSafe(sql))
                    .bind(bound)
                    .fetch_all(&mut **tx)
                    .await?;
                fold.load_sqlite(&rows)?;
            }
            Self::Postgres(tx) => {
                let (mut arrays, mut bound) = (vec![], PgArguments::default());
                for (place, name) in target.table.key.iter().enumerate() {
                    let column = target.table.columns.iter().find(|column| column.name == *name);
                    let kind = column.map_or(Kind::Text, |column| column.kind);
                    arrays.push(format!("${}::{}[]", place + 1, postgres_type(kind)));
                    add_array(&mut bound, kind, keys, place)
                        .map_err(|error| StorageError::Database(sqlx::Error::Encode(error)))?;
                }
                let sql = format!(
                    "{select} WHERE ({key}) IN (SELECT * FROM UNNEST({}))",
                    arrays.join(", ")
                );
                let rows = sqlx::query_with(AssertSqlSafe(sql), bound)
                    .fetch_all(&mut **tx)
                    .await?;
                fold.load_postgres(&rows)?;
            }
        }
        Ok(())
    }

    /// Writes down that sessions wait to be counted.
    pub(in crate::storage) async fn add_pending(&mut self, sessions: &[Uuid]) -> Result<(), StorageError> {
        if sessions.is_empty() {
            return Ok(());
        }
        match self {
            Self::Sqlite(tx) => {
                let insert = "INSERT INTO qoe_rollups_pending (session_id) SELECT value FROM json_each($1)";
                let insert = sqlx::query(insert).bind(json_list(sessions)?);
                insert.execute(&mut **tx).await?;
            }
            Self::Postgres(tx) => {
                let insert = "INSERT INTO qoe_rollups_pending (session_id) SELECT * FROM UNNEST($1::UUID[])";
                sqlx::query(insert).bind(sessions).execute(&mut **tx).await?;
            }
        }
        Ok(())
    }

    /// Those of some streams whose rows come from events at or before `tail`.
    pub(in crate::storage) async fn streams_since(
        &mut self,
        target: &Target<'_>,
        since: &str,
        tail: i64,
        streams: &[Uuid],
    ) -> Result<HashSet<Uuid>, StorageError> {
        let (name, stream) = (&target.name, target.table.stream);
        let select =
            format!("SELECT CAST({stream} AS TEXT) FROM {name} WHERE {since} <= {tail} AND {stream}");
        let found: Vec<(String,)> = match self {
            Self::Sqlite(tx) => {
                let sql = format!("{select} IN (SELECT value FROM json_each($1))");
                let query = sqlx::query_as(AssertSqlSafe(sql)).bind(json_list(streams)?);
                query.fetch_all(&mut **tx).await?
            }
            Self::Postgres(tx) => {
                let sql = format!("{select} = ANY($1)");
                let query = sqlx::query_as(AssertSqlSafe(sql)).bind(streams);
                query.fetch_all(&mut **tx).await?
            }
        };
        Ok(found
            .iter()
            .filter_map(|(id,)| Uuid::parse_str(id).ok())
            .collect())
    }

    /// Brings a table to what was folded.
    pub(in crate::storage) async fn write_changes(
        &mut self,
        target: &Target<'_>,
        changes: &Changes,
    ) -> Result<(), StorageError> {
        for key in &changes.removed {
            self.remove_row(target, key).await?;
        }
        if changes.written.is_empty() {
            return Ok(());
        }
        match self {
            Self::Sqlite(_) => self.write_in_chunks(target, &changes.written).await,
            Self::Postgres(_) => self.write_at_once(target, &changes.written).await,
        }
    }

    async fn remove_row(&mut self, target: &Target<'_>, key: &[Arg]) -> Result<(), StorageError> {
        let equal = target
            .table
            .key
            .iter()
            .zip(1..)
            .map(|(name, n)| format!("{name} = ${n}"));
        let condition = equal.collect::<Vec<_>>().join(" AND ");
        let sql = AssertSqlSafe(format!("DELETE FROM {} WHERE {condition}", target.name));
        match self {
            Self::Sqlite(tx) => {
                sqlx::query_with(sql, sqlite_args(key)?)
                    .execute(&mut **tx)
                    .await?;
            }
            Self::Postgres(tx) => {
                sqlx::query_with(sql, postgres_args(key)?)
                    .execute(&mut **tx)
                    .await?;
            }
        }
        Ok(())
    }

    /// SQLite binds values one by one, exactly as they are. Statements come in few sizes, so that each is prepared once.
    async fn write_in_chunks(&mut self, target: &Target<'_>, rows: &[Vec<Arg>]) -> Result<(), StorageError> {
        let Self::Sqlite(tx) = self else { return Ok(()) };
        let mut rest = rows;
        for size in CHUNKS {
            let sql = target.insert_rows(size);
            while let Some((chunk, behind)) = rest.split_at_checked(size) {
                let values = chunk.concat();
                let query = sqlx::query_with(AssertSqlSafe(sql.clone()), sqlite_args(&values)?);
                query.execute(&mut **tx).await?;
                rest = behind;
            }
        }
        Ok(())
    }

    /// PostgreSQL is a way off: one statement with an array per column.
    async fn write_at_once(&mut self, target: &Target<'_>, rows: &[Vec<Arg>]) -> Result<(), StorageError> {
        let Self::Postgres(tx) = self else { return Ok(()) };
        let array = |(n, column): (usize, &Column)| format!("${n}::{}[]", postgres_type(column.kind));
        let arrays: Vec<_> = (1..).zip(target.table.columns).map(array).collect();
        let sql = format!(
            "INSERT INTO {} ({}) SELECT * FROM UNNEST({}) {}",
            target.name,
            target.column_names(),
            arrays.join(", "),
            target.on_conflict()
        );
        let mut bound = PgArguments::default();
        for (place, column) in target.table.columns.iter().enumerate() {
            add_array(&mut bound, column.kind, rows, place)
                .map_err(|error| StorageError::Database(sqlx::Error::Encode(error)))?;
        }
        sqlx::query_with(AssertSqlSafe(sql), bound)
            .execute(&mut **tx)
            .await?;
        Ok(())
    }
}

/// SQLite binds no arrays.
fn json_list(streams: &[Uuid]) -> Result<String, StorageError> {
    serde_json::to_string(streams).map_err(StorageError::Encode)
}

/// As it lies in a column of SQLite.
fn text_of(arg: &Arg) -> Option<String> {
    match arg {
        Arg::Text(text) => text.clone(),
        Arg::Time(at) => at.map(|at| at.to_rfc3339()),
        Arg::Uuid(id) => id.map(|id| id.to_string()),
        Arg::Int(_) | Arg::Float(_) | Arg::Bool(_) | Arg::Bytes(_) => None,
    }
}

fn postgres_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "TEXT",
        Kind::Int => "BIGINT",
        Kind::Float => "DOUBLE PRECISION",
        Kind::Bool => "BOOLEAN",
        Kind::Uuid => "UUID",
        Kind::Time => "TIMESTAMPTZ",
        Kind::Bytes => "BYTEA",
    }
}

/// The values of one column over all rows.
macro_rules! column {
    ($rows:expr, $place:expr, $variant:path, $value:ty) => {
        $rows
            .iter()
            .map(|row| match row.get($place) {
                Some($variant(value)) => value.clone().into(),
                Some(_) | None => None,
            })
            .collect::<Vec<Option<$value>>>()
    };
}

fn add_array(
    bound: &mut PgArguments,
    kind: Kind,
    rows: &[Vec<Arg>],
    place: usize,
) -> Result<(), sqlx::error::BoxDynError> {
    match kind {
        Kind::Text => bound.add(column!(rows, place, Arg::Text, String)),
        Kind::Int => bound.add(column!(rows, place, Arg::Int, i64)),
        Kind::Float => bound.add(column!(rows, place, Arg::Float, f64)),
        Kind::Bool => bound.add(column!(rows, place, Arg::Bool, bool)),
        Kind::Uuid => bound.add(column!(rows, place, Arg::Uuid, Uuid)),
        Kind::Time => bound.add(column!(rows, place, Arg::Time, DateTime<Utc>)),
        Kind::Bytes => bound.add(column!(rows, place, Arg::Bytes, Vec<u8>)),
    }
}
