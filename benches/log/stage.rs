//! A database that is there for one measurement, on the disk that the build lies on.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use clipper::clock::SystemClock;
use clipper::shutdown::Shutdown;
use clipper::storage::{Db, Log, LogWriter, Logs};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

impl Backend {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// An empty database.
pub(crate) struct Place {
    pub(crate) url: String,
    name: Option<String>,
    _folder: TempDir,
}

/// A database with its writer.
pub(crate) struct Stage {
    pub place: Place,
    pub(crate) db: Db,
    pub(crate) logs: Logs,
    pub(crate) writer: LogWriter,
    tasks: Shutdown,
}

impl Place {
    pub(crate) async fn find(backend: Backend) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR")))?;
        if backend == Backend::Sqlite {
            let url = format!("sqlite:{}", folder.path().join("clipper.db").display());
            return Ok(Self {
                url,
                name: None,
                _folder: folder,
            });
        }
        let server = server()?;
        let name = format!("bench_{}", uuid::Uuid::now_v7().simple());
        let mut connection = PgConnection::connect(&server).await?;
        let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
        sqlx::raw_sql(create).execute(&mut connection).await?;
        let (head, _) = server.rsplit_once('/').context("the address names a database")?;
        Ok(Self {
            url: format!("{head}/{name}"),
            name: Some(name),
            _folder: folder,
        })
    }

    pub(crate) async fn leave(self) -> anyhow::Result<()> {
        if let Some(name) = &self.name {
            let mut connection = PgConnection::connect(&server()?).await?;
            let drop = AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"));
            sqlx::raw_sql(drop).execute(&mut connection).await?;
        }
        Ok(())
    }
}

impl Stage {
    pub(crate) async fn set(backend: Backend) -> anyhow::Result<Self> {
        let place = Place::find(backend).await?;
        let db = Db::open(&place.url).await?;
        let tasks = Shutdown::new();
        let (writer, writing) = LogWriter::new(db.clone(), Log::Clip, Arc::new(SystemClock));
        tasks.spawn("clip log", writing);
        Ok(Self {
            logs: Logs::new(db.clone()),
            place,
            db,
            writer,
            tasks,
        })
    }

    pub(crate) async fn strike(self) -> anyhow::Result<()> {
        self.tasks.abandon().await;
        self.db.close().await;
        self.place.leave().await
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark is told by its environment where the server is"
)]
fn server() -> anyhow::Result<String> {
    std::env::var("CLIPPER_TEST_POSTGRES_URL")
        .context("CLIPPER_TEST_POSTGRES_URL is not set: run `make bench`")
}
