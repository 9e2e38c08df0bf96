//! A store that an older program left opens in this one, with everything in it.

use clipper::storage::{Db, Log, Logs};
use clipper_projections::{Statement, streaming_analytics};
use sqlx::migrate::Migrator;

use crate::support::database::{Backend, TestDatabase};

/// The schema as it was before positions became the versions of reports.
async fn at_the_third_migration(database: &TestDatabase, backend: Backend) {
    let folder = match backend {
        Backend::Sqlite => "migrations/sqlite",
        Backend::Postgres => "migrations/postgres",
    };
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut migrator = Migrator::new(folder.as_path()).await.unwrap();
    migrator
        .migrations
        .to_mut()
        .retain(|migration| migration.version <= 3);
    match backend {
        Backend::Sqlite => {
            let options: sqlx::sqlite::SqliteConnectOptions = database.url.parse().unwrap();
            let pool = sqlx::SqlitePool::connect_with(options.create_if_missing(true))
                .await
                .unwrap();
            migrator.run(&pool).await.unwrap();
            pool.close().await;
        }
        Backend::Postgres => {
            let pool = sqlx::PgPool::connect(&database.url).await.unwrap();
            migrator.run(&pool).await.unwrap();
            pool.close().await;
        }
    }
}

async fn opens_with_everything_in_it(backend: Backend) {
    let database = TestDatabase::create(backend).await;
    at_the_third_migration(&database, backend).await;
    let old = Db::connect(&database.url).await.unwrap();
    let session = "0190a3c2-7f4e-7cc3-98c4-dc0c0c07398f";
    let report =
        r#"{"clip":"x","clip_id":null,"user_id":"ann","sent_at":1,"records":[{"ts":5,"e":"ps","sta":"p"}]}"#;
    for n in 1..=2 {
        let sql = format!(
            "INSERT INTO playback_events (position, stream_id, version, event_type, schema_version, payload, metadata, \
             recorded_at, command_id, command_index) VALUES ({n}, 'session-{session}', {n}, 'PlaybackReported', 1, \
             '{report}', '{{}}', '2026-11-24T20:00:00.000+00:00', 'c{n}', 0)"
        );
        old.execute(&Statement::new(sql, vec![])).await.unwrap();
    }
    let head = Statement::new("UPDATE log_head SET position = 2 WHERE log = 'playback'", vec![]);
    old.execute(&head).await.unwrap();
    old.close().await;

    let db = database.open().await;
    let logs = Logs::new(db.clone());
    let events = logs.page(Log::Playback, 0, 10).await.unwrap();
    let places: Vec<_> = events
        .iter()
        .map(|event| (event.position, event.version))
        .collect();
    assert_eq!(places, [(1, 1), (2, 2)]);
    assert_eq!(logs.head(Log::Playback).await.unwrap(), 2);
    let bench = clipper::storage::rebuild::Bench {
        db: &db,
        logs: &logs,
        clock: &clipper::clock::SystemClock,
        holder: "the test",
    };
    let rebuilt =
        clipper::storage::rebuild::rebuild(bench, &streaming_analytics::PROJECTION, None, |_| {}).await;
    assert_eq!(rebuilt.unwrap(), 2);
    let row = db
        .optional(streaming_analytics::by_id(session.parse().unwrap()))
        .await
        .unwrap()
        .unwrap();
    assert!(row.user_id.is_some_and(|viewer| viewer != "ann"), "a pseudonym");
    db.close().await;
    database.drop().await;
}

#[tokio::test]
async fn a_store_of_the_version_before_opens_on_sqlite() {
    opens_with_everything_in_it(Backend::Sqlite).await;
}

#[tokio::test]
async fn a_store_of_the_version_before_opens_on_postgres() {
    opens_with_everything_in_it(Backend::Postgres).await;
}
