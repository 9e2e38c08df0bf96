//! A database of its own for each test.

use clipper::storage::Db;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

/// An empty database that goes away with the test.
pub(crate) struct TestDatabase {
    pub(crate) url: String,
    name: Option<String>,
    _folder: TempDir,
}

impl TestDatabase {
    pub(crate) async fn create(backend: Backend) -> Self {
        let folder = tempfile::tempdir().unwrap();
        match backend {
            Backend::Sqlite => {
                let url = format!("sqlite:{}", folder.path().join("clipper.db").display());
                Self {
                    url,
                    name: None,
                    _folder: folder,
                }
            }
            Backend::Postgres => {
                let name = format!("test_{}", uuid::Uuid::now_v7().simple());
                let server = server();
                let mut connection = PgConnection::connect(&server).await.unwrap();
                let create = format!("CREATE DATABASE {name}");
                sqlx::raw_sql(AssertSqlSafe(create))
                    .execute(&mut connection)
                    .await
                    .unwrap();
                let (head, _) = server.rsplit_once('/').unwrap();
                Self {
                    url: format!("{head}/{name}"),
                    name: Some(name),
                    _folder: folder,
                }
            }
        }
    }

    pub(crate) async fn open(&self) -> Db {
        Db::open(&self.url).await.unwrap()
    }

    pub(crate) async fn drop(self) {
        if let Some(name) = &self.name {
            let mut connection = PgConnection::connect(&server()).await.unwrap();
            let drop = format!("DROP DATABASE {name} WITH (FORCE)");
            sqlx::raw_sql(AssertSqlSafe(drop))
                .execute(&mut connection)
                .await
                .unwrap();
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by the environment what they stand on"
)]
fn server() -> String {
    std::env::var("CLIPPER_TEST_POSTGRES_URL").expect("CLIPPER_TEST_POSTGRES_URL is not set: run `make test`")
}
