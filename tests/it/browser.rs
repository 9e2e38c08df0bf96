//! A person's walk in a real browser: upload real footage through the page, watch it, switch renditions, and find the
//! session in the analysts' table.

#![expect(clippy::disallowed_methods, reason = "tests start processes")]

use std::path::Path;
use std::process::Command;

use clipper_domain::SessionId;
use clipper_projections::streaming_analytics;
use serde_json::Value;

use crate::support::app::KEY;
use crate::support::database::{Backend, TestDatabase};
use crate::support::footage;
use crate::support::process::Server;

async fn walk(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let database = TestDatabase::create(backend).await;
    let server = Server::start(&data, &database.url, "127.0.0.1:0");
    let output = Command::new("node")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("web"))
        .args([
            "e2e/walk.mjs",
            &server.address,
            footage::full_hd().to_str().unwrap(),
            KEY,
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let told: Value = said
        .lines()
        .last()
        .and_then(|line| serde_json::from_str(line).ok())
        .unwrap_or_else(|| {
            panic!(
                "the walk said nothing: {said} {}",
                String::from_utf8_lossy(&output.stderr)
            );
        });
    assert_eq!(told["ok"], true, "{told}");
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
    walk(Backend::Sqlite).await;
}

#[tokio::test]
async fn a_clip_is_uploaded_watched_and_reported_on_postgres() {
    walk(Backend::Postgres).await;
}
