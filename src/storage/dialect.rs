//! The few things that the two databases say differently.

mod append;
mod archive;
mod aside;
mod retention;
mod rows;

pub(super) use append::Standing;
pub(super) use rows::Target;

use sqlx::{AssertSqlSafe, PgPool};

use super::news::{CHANNEL, MOVED};
use super::{Db, StorageError, Tx};

impl Db {
    /// The server behind it, where there is one.
    pub(super) fn server(&self) -> Option<PgPool> {
        match self {
            Self::Sqlite { .. } => None,
            Self::Postgres(pool) => Some(pool.clone()),
        }
    }
}

impl Tx {
    /// Tells other processes at the commit that a projection has moved.
    pub(super) async fn tell_moved(&mut self) -> Result<(), StorageError> {
        if let Self::Postgres(tx) = self {
            let told = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(MOVED);
            told.execute(&mut **tx).await?;
        }
        Ok(())
    }

    /// Runs a text that names tables of ours.
    pub(super) async fn run_text(&mut self, sql: String) -> Result<(), StorageError> {
        let query = AssertSqlSafe(sql);
        match self {
            Self::Sqlite(tx) => sqlx::query(query).execute(&mut **tx).await.map(|_| ())?,
            Self::Postgres(tx) => sqlx::query(query).execute(&mut **tx).await.map(|_| ())?,
        }
        Ok(())
    }
}
