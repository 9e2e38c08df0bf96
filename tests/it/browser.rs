//! A person's walk in a real browser: upload real footage through the page, watch it, switch renditions, and find the
//! session in the analysts' table.

use std::io::Write;

use clipper::storage::Log;
use clipper_domain::SessionId;
use clipper_projections::streaming_analytics;
use serde_json::Value;

use crate::support::app::{KEY, TestApp};
use crate::support::database::{Backend, TestDatabase};
use crate::support::footage;
use crate::support::process::{Server, told};

async fn walk(backend: Backend, length: &str) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let database = TestDatabase::create(backend).await;
    let server = Server::start(&data, &database.url, "127.0.0.1:0");
    let footage = footage::full_hd();
    let told = told(
        "e2e/walk.mjs",
        &[&server.address, footage.to_str().unwrap(), KEY, length],
    );
    assert_eq!(told["ok"], true, "{told}");
    // What it took is shown and not asserted: the machine may be busy.
    drop(writeln!(std::io::stdout(), "{told}"));
    assert!(told["played_s"].as_f64().unwrap() >= 5.0, "{told}");

    let session = SessionId(told["sid"].as_str().unwrap().parse().unwrap());
    let db = database.open().await;
    let mut row = None;
    for _ in 0..100 {
        row = db.optional(streaming_analytics::by_id(session)).await.unwrap();
        if row.as_ref().is_some_and(|row| row.session_duration >= 5.0) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let row = row.expect("the session has a row");
    assert!(
        row.session_duration >= 5.0 && row.quality_switches >= 2,
        "{row:?}"
    );
    assert!(row.startup_ms.is_some() && row.quality.is_some(), "{row:?}");
    db.close().await;
    drop(server);
    database.drop().await;
}

#[tokio::test]
async fn a_clip_is_uploaded_watched_and_reported_on_sqlite() {
    walk(Backend::Sqlite, "whole").await;
}

#[tokio::test]
async fn a_clip_is_uploaded_watched_and_reported_on_postgres() {
    walk(Backend::Postgres, "brief").await;
}

#[actix::test]
async fn an_operator_sees_what_waits_and_settles_what_is_parked() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    let file = footage::bars(app.folder.path(), "bars.mp4", "320x180", "25", 1, &[]);
    app.upload("one", &file).await;
    let clip = app.upload("two", &file).await;
    let stream = format!("clip-{}", clip["id"].as_str().unwrap());
    let version = app
        .services
        .logs
        .stream(Log::Clip, &stream, 0)
        .await
        .unwrap()
        .len();
    app.poison(&stream, i64::try_from(version).unwrap()).await;
    let address = app.address.clone();
    let walked = tokio::task::spawn_blocking(move || told("e2e/ops.mjs", &[&address, KEY]));
    let told = walked.await.unwrap();
    assert_eq!(told["ok"], true, "{told}");
    assert!(told["events"].as_u64().unwrap() >= 3, "{told}");
    app.finish().await;
}

/// The one range that is buffered.
fn one_range(seen: &Value) -> (f64, f64) {
    let ranges = seen["ranges"].as_array().unwrap();
    assert_eq!(ranges.len(), 1, "{seen}");
    (ranges[0][0].as_f64().unwrap(), ranges[0][1].as_f64().unwrap())
}

#[tokio::test]
async fn hls_js_plays_a_clip_while_it_is_encoded_and_changes_rungs_without_a_seam() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let database = TestDatabase::create(Backend::Sqlite).await;
    let server = Server::start(&data, &database.url, "127.0.0.1:0");
    let client = reqwest::Client::new();
    let registered = client
        .post(format!("{}/api/clips", server.address))
        .bearer_auth(KEY)
        .json(&serde_json::json!({ "title": "growing", "slug": "growing" }))
        .send()
        .await
        .unwrap();
    assert_eq!(registered.status(), 201);
    let body = tokio::fs::read(footage::full_hd()).await.unwrap();
    let source = format!("{}/api/clips/growing/source", server.address);
    let answer = client
        .put(source)
        .bearer_auth(KEY)
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 202);
    let told = told("e2e/grow.mjs", &[&server.address, "growing"]);
    assert_eq!(told["ok"], true, "{told}");

    // It began before the clip was whole, and what came later joined on.
    let grown = &told["grown"];
    assert_eq!(
        (&grown["type"], &grown["ended"]),
        (&"EVENT".into(), &true.into()),
        "{told}"
    );
    let (begins, ends) = one_range(grown);
    // What a player shows first is decoded from two pictures before.
    assert!(begins < 0.1 && (ends - 30.0).abs() < 0.15, "{told}");
    one_range(&told["switched"]);
    assert_eq!(told["switched"]["levels"].as_array().unwrap().len(), 3, "{told}");
    for seen in [grown, &told["switched"]] {
        assert_eq!(
            (&seen["stalls"], &seen["seams"]),
            (&serde_json::json!([]), &serde_json::json!([])),
            "{told}"
        );
        assert!(seen["joined"].as_u64().unwrap() >= 8, "{told}");
        // At the end of what is encoded so far, a player waits; at the very beginning it finds its first picture. What it
        // fetched again for a rung that it had left already adds nothing.
        let harmless = [
            "bufferAppendNoProgress",
            "bufferSeekOverHole",
            "bufferStalledError",
            "bufferNudgeOnStall",
            "aborted",
        ];
        let errors = seen["errors"].as_array().unwrap();
        assert!(
            errors
                .iter()
                .all(|error| harmless.contains(&error.as_str().unwrap())),
            "{told}"
        );
    }
    drop(server);
    database.drop().await;
}
