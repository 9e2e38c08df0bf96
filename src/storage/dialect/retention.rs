//! Where days of reports lie, and how they go.

use chrono::{Days, NaiveDate};
use sqlx::AssertSqlSafe;

use crate::storage::{Db, StorageError, Tx};

/// Events that SQLite deletes in one transaction: others write in between.
const CHUNK: i64 = 5_000;

const RAISE_TAIL: &str = "UPDATE log_head SET tail = $1 WHERE log = 'playback' AND tail < $1";

impl Db {
    /// Makes a place for a day, where days have places of their own.
    pub(in crate::storage) async fn add_day(&self, day: NaiveDate) -> Result<(), StorageError> {
        let Self::Postgres(pool) = self else { return Ok(()) };
        let name = partition(day);
        let exists = sqlx::query_as("SELECT to_regclass($1) IS NOT NULL").bind(&name);
        let (exists,): (bool,) = exists.fetch_one(pool).await?;
        let strays =
            sqlx::query_as("SELECT EXISTS (SELECT 1 FROM playback_events_rest WHERE day = $1)").bind(day);
        let (strays,): (bool,) = strays.fetch_one(pool).await?;
        // Events that came before their day had a place stay where they are.
        if exists || strays {
            return Ok(());
        }
        let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
        let sql = format!(
            "CREATE TABLE IF NOT EXISTS {name} PARTITION OF playback_events FOR VALUES FROM ('{day}') TO ('{next}')"
        );
        match sqlx::query(AssertSqlSafe(sql))
            .execute(pool)
            .await
            .map_err(StorageError::from)
        {
            // Another node was quicker, or an event came meanwhile; the next round sees it.
            Err(StorageError::Database(error)) if error.as_database_error().is_some() => {
                tracing::debug!(%day, error = &error as &dyn std::error::Error, "no place was made for a day");
                Ok(())
            }
            outcome => outcome.map(|_| ()),
        }
    }

    /// Removes reports up to a position: on SQLite these, on PostgreSQL the days before `oldest` that lie before it whole.
    pub(in crate::storage) async fn forget_reports(
        &self,
        until: i64,
        oldest: NaiveDate,
    ) -> Result<i64, StorageError> {
        match self {
            Self::Sqlite { .. } => self.delete_reports(until).await,
            Self::Postgres(_) => self.drop_days(until, oldest).await,
        }
    }

    async fn delete_reports(&self, until: i64) -> Result<i64, StorageError> {
        let mut tx = self.begin().await?;
        tx.raise_tail(until).await?;
        tx.commit().await?;
        let mut deleted = 0;
        loop {
            let Tx::Sqlite(mut tx) = self.begin().await? else {
                return Ok(deleted);
            };
            let delete = sqlx::query(
                "DELETE FROM playback_events WHERE position IN \
                 (SELECT position FROM playback_events WHERE position <= $1 ORDER BY position LIMIT $2)",
            );
            let gone = delete
                .bind(until)
                .bind(CHUNK)
                .execute(&mut *tx)
                .await?
                .rows_affected();
            tx.commit().await?;
            deleted += i64::try_from(gone).unwrap_or_default();
            if gone == 0 {
                return Ok(deleted);
            }
        }
    }

    async fn drop_days(&self, until: i64, oldest: NaiveDate) -> Result<i64, StorageError> {
        let Tx::Postgres(mut tx) = self.begin().await? else {
            return Ok(0);
        };
        // As appends do: the table first, then the head row.
        sqlx::query("LOCK TABLE playback_events IN ACCESS EXCLUSIVE MODE")
            .execute(&mut *tx)
            .await?;
        let days = sqlx::query_as(
            "SELECT day, MAX(position), COUNT(*) FROM playback_events WHERE day < $1 GROUP BY day \
             HAVING MAX(position) <= $2 ORDER BY day",
        );
        let days: Vec<(NaiveDate, i64, i64)> = days.bind(oldest).bind(until).fetch_all(&mut *tx).await?;
        let Some(tail) = days.iter().map(|(_, last, _)| *last).max() else {
            return Ok(0);
        };
        sqlx::query(RAISE_TAIL).bind(tail).execute(&mut *tx).await?;
        for (day, ..) in &days {
            let sql = format!("DROP TABLE IF EXISTS {}", partition(*day));
            sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await?;
            let strays = sqlx::query("DELETE FROM playback_events_rest WHERE day = $1").bind(day);
            strays.execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(days.iter().map(|(_, _, count)| count).sum())
    }
}

impl Tx {
    async fn raise_tail(&mut self, until: i64) -> Result<(), StorageError> {
        if let Self::Sqlite(tx) = self {
            sqlx::query(RAISE_TAIL).bind(until).execute(&mut **tx).await?;
        }
        Ok(())
    }
}

fn partition(day: NaiveDate) -> String {
    format!("playback_events_{}", day.format("%Y%m%d"))
}
