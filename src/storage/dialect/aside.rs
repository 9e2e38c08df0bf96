//! Tables that are made beside the live ones, to take their place or to be compared with them.

use sqlx::{AssertSqlSafe, FromRow};

use super::Target;
use crate::storage::{StorageError, Tx};

/// Rows that two tables of one shape do not have in common.
#[derive(Clone, Debug, Default)]
pub(in crate::storage) struct Difference {
    /// How many.
    pub(in crate::storage) rows: i64,
    /// The key of the first of them.
    pub(in crate::storage) first_key: String,
    /// The columns in which that row differs; all, where it stands on one side only.
    pub(in crate::storage) columns: Vec<&'static str>,
}

#[derive(FromRow)]
struct FirstRow {
    rows: i64,
    first_key: Option<String>,
}

#[derive(FromRow)]
struct DiffersRow {
    differs: bool,
}

impl Tx {
    /// Makes an empty table of the live one's shape, without its secondary indexes: rows are found there by key.
    pub(in crate::storage) async fn create_aside(&mut self, target: &Target<'_>) -> Result<(), StorageError> {
        let sql = match self {
            Self::Sqlite(tx) => {
                let live = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = $1";
                let query = sqlx::query_as(live).bind(target.table.name);
                let (sql,): (String,) = query.fetch_one(&mut **tx).await?;
                let shape = sql.find('(').and_then(|at| sql.get(at..)).unwrap_or_default();
                format!("CREATE TABLE {} {shape}", target.name)
            }
            Self::Postgres(_) => format!(
                "CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS, PRIMARY KEY ({}))",
                target.name,
                target.table.name,
                target.table.key.join(", ")
            ),
        };
        self.run_text(sql).await
    }

    /// Takes a table beside the live one away, if it is there.
    pub(in crate::storage) async fn drop_aside(&mut self, target: &Target<'_>) -> Result<(), StorageError> {
        self.run_text(format!("DROP TABLE IF EXISTS {}", target.name))
            .await
    }

    /// Copies the live rows of streams that the log cannot give back: those that begin at or before `tail`.
    pub(in crate::storage) async fn copy_forgotten(
        &mut self,
        target: &Target<'_>,
        since: &str,
        tail: i64,
    ) -> Result<(), StorageError> {
        let (name, live, columns) = (&target.name, target.table.name, target.column_names());
        self.run_text(format!(
            "INSERT INTO {name} ({columns}) SELECT {columns} FROM {live} WHERE {since} <= {tail}"
        ))
        .await
    }

    /// Brings the live table to the rows of another. What is equal is not touched, and what readers, grants and views
    /// know as the live table stays the same table.
    pub(in crate::storage) async fn replace_live(&mut self, aside: &Target<'_>) -> Result<(), StorageError> {
        let live = Target::live(aside.table);
        let (table, columns) = (&live.name, live.column_names());
        self.run_text(format!(
            "DELETE FROM {table} WHERE NOT EXISTS (SELECT 1 FROM {} AS made WHERE {})",
            aside.name,
            live.same_key("made", table)
        ))
        .await?;
        self.run_text(format!(
            "INSERT INTO {table} ({columns}) SELECT {columns} FROM {} WHERE true {}",
            aside.name,
            live.on_conflict()
        ))
        .await
    }

    /// What the live table and another do not have in common, if there is anything.
    pub(in crate::storage) async fn difference(
        &mut self,
        aside: &Target<'_>,
    ) -> Result<Option<Difference>, StorageError> {
        let live = Target::live(aside.table);
        let whole = |side: &str| {
            let columns = aside
                .table
                .columns
                .iter()
                .map(|column| format!("{side}.{}", column.name));
            columns.collect::<Vec<_>>().join(", ")
        };
        let one_way = |left: &str, right: &str| {
            format!(
                "SELECT {} AS name FROM {left} AS l LEFT JOIN {right} AS r ON {} WHERE ({}) IS DISTINCT FROM ({})",
                live.key_as_text("l"),
                live.same_key("l", "r"),
                whole("l"),
                whole("r")
            )
        };
        let sql = format!(
            "SELECT CAST(COUNT(*) AS BIGINT) AS rows, MIN(name) AS first_key FROM ({} UNION {}) AS difference",
            one_way(&live.name, &aside.name),
            one_way(&aside.name, &live.name)
        );
        let found: FirstRow = self.fetch_text(sql).await?;
        let Some(first_key) = found.first_key else {
            return Ok(None);
        };
        let mut columns = vec![];
        for column in aside.table.columns {
            if self.column_differs(aside, column.name, &first_key).await? {
                columns.push(column.name);
            }
        }
        Ok(Some(Difference {
            rows: found.rows,
            first_key,
            columns,
        }))
    }

    async fn column_differs(
        &mut self,
        aside: &Target<'_>,
        column: &str,
        key: &str,
    ) -> Result<bool, StorageError> {
        let value = |table: &str| {
            let key_as_text = aside.key_as_text("t");
            format!("(SELECT t.{column} FROM {table} AS t WHERE {key_as_text} = $1)")
        };
        let sql = AssertSqlSafe(format!(
            "SELECT {} IS DISTINCT FROM {} AS differs",
            value(aside.table.name),
            value(&aside.name)
        ));
        let row: DiffersRow = match self {
            Self::Sqlite(tx) => sqlx::query_as(sql).bind(key).fetch_one(&mut **tx).await?,
            Self::Postgres(tx) => sqlx::query_as(sql).bind(key).fetch_one(&mut **tx).await?,
        };
        Ok(row.differs)
    }

    async fn fetch_text<R: crate::storage::AnyRow>(&mut self, sql: String) -> Result<R, StorageError> {
        let query = AssertSqlSafe(sql);
        Ok(match self {
            Self::Sqlite(tx) => sqlx::query_as(query).fetch_one(&mut **tx).await?,
            Self::Postgres(tx) => sqlx::query_as(query).fetch_one(&mut **tx).await?,
        })
    }
}
