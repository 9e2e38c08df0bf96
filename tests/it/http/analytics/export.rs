//! Sessions as files.

use clipper_projections::streaming_analytics::SessionRow;
use clipper_projections::{Row as _, Statement};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use serde_json::Value;
use uuid::Uuid;

use super::{ago, play, register, watch};
use crate::support::app::{KEY, TestApp};
use crate::support::on_both_databases;
use crate::support::process::clipper;

on_both_databases!(every_form_of_an_export_tells_the_same);

async fn body(app: &TestApp, key: &str, path: &str) -> (String, Vec<u8>) {
    let answer = app.get_as(key, path).await;
    assert_eq!(answer.status(), 200, "{path}");
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    (kind, answer.bytes().await.unwrap().to_vec())
}

/// Copies of a session, more than are read at once.
async fn copy(app: &TestApp, session: Uuid, count: usize) {
    let columns: Vec<_> = SessionRow::COLUMNS.iter().map(|column| column.name).collect();
    let others = columns[1..].join(", ");
    assert_eq!(columns[0], "id");
    let mut tx = app.services.db.begin().await.unwrap();
    for _ in 0..count {
        let sql = format!(
            "INSERT INTO video_streaming_analytics (id, {others}) SELECT $1, {others} FROM video_streaming_analytics WHERE id = $2"
        );
        let copy = Statement::new(sql, vec![Uuid::now_v7().into(), session.into()]);
        assert_eq!(tx.execute(&copy).await.unwrap(), 1);
    }
    tx.commit().await.unwrap();
}

#[expect(clippy::too_many_lines, reason = "one course, asserted from several sides")]
async fn every_form_of_an_export_tells_the_same(app: &TestApp) {
    let owner = app.key_of("owner", "clips:write").await;
    register(app, &owner, "own", "public").await;
    watch(app, "of,\"others\"", ago(900), &play(1_234)).await;
    let session = watch(app, "own", ago(500), &play(100)).await;
    copy(app, session, 1_100).await;

    let (kind, lines) = body(app, KEY, "/api/analytics/export").await;
    assert_eq!(kind, "application/x-ndjson");
    let lines = String::from_utf8(lines).unwrap();
    let rows: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 1_102);
    assert_eq!(
        (rows[0]["clip"].as_str(), rows[0]["startup_ms"].as_i64()),
        (Some("of,\"others\""), Some(1_234))
    );
    assert!(
        rows[0]["viewer"].is_string() && rows[0].get("state").is_none(),
        "{}",
        rows[0]
    );

    let (_, own) = body(app, &owner, "/api/analytics/export?format=ndjson").await;
    let own = String::from_utf8(own).unwrap();
    assert_eq!(own.lines().count(), 1_101);
    assert!(own.lines().all(|line| line.contains("\"viewer\":null")), "{own}");

    let (kind, csv) = body(app, KEY, "/api/analytics/export?format=csv").await;
    assert_eq!(kind, "text/csv; charset=utf-8");
    let mut reader = csv::Reader::from_reader(csv.as_slice());
    let head = reader.headers().unwrap().clone();
    let place = |name: &str| head.iter().position(|column| column == name).unwrap();
    let records: Vec<_> = reader.records().map(Result::unwrap).collect();
    let ids = |name: &str| {
        rows.iter()
            .map(|row| row[name].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let of_csv = |name: &str| {
        records
            .iter()
            .map(|record| record[place(name)].to_owned())
            .collect::<Vec<_>>()
    };
    for name in ["id", "clip", "created_at"] {
        assert_eq!(of_csv(name), ids(name), "{name}");
    }

    let (kind, file) = body(app, KEY, "/api/analytics/export?format=parquet").await;
    assert_eq!(kind, "application/vnd.apache.parquet");
    assert_parquet(&file, &rows);

    let folder = app.folder.path();
    let path = folder.join("sessions.parquet");
    let mut command = clipper(&folder.join("data"), app.database_url());
    command
        .args([
            "export",
            "analytics",
            "--format",
            "parquet",
            "--from",
            "-1h",
            "--output",
        ])
        .arg(&path);
    // The program in this process goes on beside it.
    let written = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    assert!(written.status.success(), "{written:?}");
    assert_parquet(&std::fs::read(&path).unwrap(), &rows);
}

fn assert_parquet(file: &[u8], rows: &[Value]) {
    let reader = SerializedFileReader::new(actix_web::web::Bytes::copy_from_slice(file)).unwrap();
    let schema = reader.metadata().file_metadata().schema_descr();
    let place = |name: &str| {
        schema
            .columns()
            .iter()
            .position(|column| column.name() == name)
            .unwrap()
    };
    let (id, created_at, startup, played) = (
        place("id"),
        place("created_at"),
        place("startup_ms"),
        place("played"),
    );
    let found: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(found.len(), rows.len());
    for (row, told) in found.iter().zip(rows) {
        assert_eq!(row.get_string(id).unwrap(), told["id"].as_str().unwrap());
        let at: chrono::DateTime<chrono::Utc> = told["created_at"].as_str().unwrap().parse().unwrap();
        assert_eq!(
            row.get_timestamp_millis(created_at).unwrap(),
            at.timestamp_millis()
        );
        assert_eq!(
            row.get_long(startup).unwrap(),
            told["startup_ms"].as_i64().unwrap()
        );
        assert_eq!(row.get_bool(played).unwrap(), told["played"].as_bool().unwrap());
    }
}
