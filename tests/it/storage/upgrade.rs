//! A store that an older program left opens in this one, with everything in it.

use clipper::storage::{Db, Log, Logs};
use clipper_projections::{Statement, streaming_analytics};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::migrate::Migrator;

use crate::support::app::KEY;
use crate::support::database::{Backend, TestDatabase};
use crate::support::process::{Server, clipper};

/// What the first release left in its tables.
const FIRST: &str = include_str!("../stores/first.sql");

/// The schema as it was before positions became the versions of reports, with these rows in it.
async fn at_the_third_migration(database: &TestDatabase, backend: Backend, rows: &'static str) {
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
            sqlx::raw_sql(rows).execute(&pool).await.unwrap();
            pool.close().await;
        }
        Backend::Postgres => {
            let pool = sqlx::PgPool::connect(&database.url).await.unwrap();
            migrator.run(&pool).await.unwrap();
            sqlx::raw_sql(rows).execute(&pool).await.unwrap();
            pool.close().await;
        }
    }
}

async fn opens_with_everything_in_it(backend: Backend) {
    let database = TestDatabase::create(backend).await;
    at_the_third_migration(&database, backend, "").await;
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

/// The whole program takes the first release's store over: what was there is served, and comes out of the log again.
async fn serves_what_the_first_release_left(backend: Backend) {
    let database = TestDatabase::create(backend).await;
    at_the_third_migration(&database, backend, FIRST).await;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start_without_workers(&data, &database.url);
    let get = async |path: &str| {
        let request = reqwest::Client::new().get(format!("{}{path}", server.address));
        request.bearer_auth(KEY).send().await.unwrap()
    };
    // New versions of read models are made while the old ones serve.
    let began = std::time::Instant::now();
    let clip = loop {
        let clip: Value = get("/api/clips/amazing-moment").await.json().await.unwrap();
        let variants = clip["variants"].as_array().map(Vec::len);
        if clip["owner_id"] == "ann" && variants == Some(2) {
            break clip;
        }
        assert!(began.elapsed() < std::time::Duration::from_mins(1), "{clip}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!(clip["hls_processing_status"], "completed");
    assert_eq!(clip["hls_qualities"], json!(["480p", "720p"]));
    assert_eq!(clip["variants"][1]["codec"], "avc1.64001f,mp4a.40.2");
    let waiting: Value = get("/api/clips/waiting").await.json().await.unwrap();
    assert_eq!(waiting["encoding"]["state"], "queued");
    let playlist = get("/api/video/amazing-moment/720p.m3u8").await;
    assert_eq!(playlist.status(), StatusCode::OK);
    assert_eq!(playlist.text().await.unwrap().matches("#EXTINF").count(), 2);

    let run = |arguments: &[&str]| {
        let output = clipper(&data, &database.url).args(arguments).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{arguments:?}: {text}");
        text
    };
    assert!(run(&["events", "verify"]).contains("clip log: 12 events, dense, ordered and readable"));
    assert!(run(&["projections", "parked"]).contains("nothing is parked"));
    run(&["projections", "rebuild"]);
    run(&["projections", "verify"]);
    let people = run(&["people", "list"]);
    assert!(
        people.contains("ann"),
        "whoever owned clips is known by the old name: {people}"
    );
    drop(server);
    database.drop().await;
}

#[tokio::test]
async fn what_the_first_release_left_is_served_on_sqlite() {
    serves_what_the_first_release_left(Backend::Sqlite).await;
}

#[tokio::test]
async fn what_the_first_release_left_is_served_on_postgres() {
    serves_what_the_first_release_left(Backend::Postgres).await;
}
