use clipper_domain::SessionId;
use clipper_projections::streaming_analytics;
use reqwest::Response;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::{TestApp, assert_problem};
use crate::support::on_both_databases;

on_both_databases!(
    a_session_becomes_one_row,
    a_batch_sent_twice_counts_once,
    a_bad_record_is_set_aside_with_its_reason,
    invalid_batches_are_problems,
    a_summary_is_a_session_and_counts_once,
    records_that_come_again_in_another_batch_are_told,
    a_clock_that_is_wrong_is_corrected_and_a_viewer_who_asks_is_not_followed,
    a_body_that_grows_too_large_when_it_is_inflated_is_refused,
);

const T0: i64 = 1_795_388_463_000;

fn batch(sid: Uuid, number: u32, events: &Value) -> Value {
    json!({ "schema": "qoe.batch.v1", "sid": sid, "cid": "watched", "batch": number, "sent_at": T0, "events": events })
}

async fn post(app: &TestApp, body: &Value) -> Response {
    let request = app.client.post(app.url("/api/analytics/beacons"));
    request.json(body).send().await.unwrap()
}

async fn a_session_becomes_one_row(app: &TestApp) {
    app.register("watched").await;
    let sid = Uuid::now_v7();
    let first = batch(
        sid,
        1,
        &json!([
            { "ts": T0, "e": "ps", "sta": "s" },
            { "ts": T0 + 400, "e": "ps", "sta": "p", "mtp": { "": 8_000 }, "bl": { "v": 4_000 }, "x": { "q": "720p" } },
            { "ts": T0 + 10_400, "e": "bc", "x": { "q": "1080p" } },
        ]),
    );
    let answer = post(app, &first).await;
    assert_eq!(answer.status(), 202);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(
        answer,
        json!({ "accepted": 3, "duplicate": 0, "rejected": [], "config": { "interval_s": 30, "sample": 1.0 } })
    );
    let second = batch(
        sid,
        2,
        &json!([
            { "ts": T0 + 13_400, "e": "ps", "sta": "r" },
            { "ts": T0 + 13_900, "e": "ps", "sta": "p" },
            { "ts": T0 + 14_900, "e": "ps", "sta": "e" },
        ]),
    );
    // As the page sends it when it goes away.
    let path = format!("/api/sessions/{sid}/reports");
    let last = app
        .client
        .post(app.url(&path))
        .header("content-type", "text/plain;charset=UTF-8")
        .body(second.to_string());
    assert_eq!(last.send().await.unwrap().status(), 204);

    assert_row(app, sid).await;
}

async fn assert_row(app: &TestApp, sid: Uuid) {
    let row = app
        .until("the session's row", async || {
            let row = app
                .services
                .db
                .optional(streaming_analytics::by_id(SessionId(sid)))
                .await
                .unwrap();
            row.filter(|row| row.buffering_events == 1)
        })
        .await;
    assert_eq!(
        (row.clip.as_str(), row.quality.as_deref()),
        ("watched", Some("720p"))
    );
    assert_eq!((row.quality_switches, row.startup_ms), (1, Some(400)));
    assert!((row.session_duration - 14.9).abs() < 1e-9, "{row:?}");
    assert_eq!((row.bandwidth_mbps, row.buffer_health), (Some(8.0), Some(4.0)));
    // Its clock is days behind ours, as `sent_at` shows, and was corrected.
    assert_eq!(row.created_at.timestamp_millis() - row.skew_ms, T0);
}

async fn a_batch_sent_twice_counts_once(app: &TestApp) {
    let sid = Uuid::now_v7();
    let body = batch(
        sid,
        1,
        &json!([{ "ts": T0, "e": "ps", "sta": "p" }, { "ts": T0 + 5_000, "e": "ps", "sta": "e" }]),
    );
    let send = async || {
        let answer = post(app, &body).await;
        answer.json::<Value>().await.unwrap()
    };
    assert_eq!(send().await["accepted"], 2);
    let again = send().await;
    assert_eq!(
        (again["accepted"].as_i64(), again["duplicate"].as_i64()),
        (Some(0), Some(2))
    );
}

async fn a_bad_record_is_set_aside_with_its_reason(app: &TestApp) {
    let events = json!([{ "ts": "yesterday", "e": "t" }, { "ts": T0, "e": "ps", "sta": "p" }]);
    let body = batch(Uuid::now_v7(), 1, &events);
    let answer = post(app, &body).await;
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["accepted"], 1);
    assert_eq!(
        answer["rejected"],
        json!([{ "i": 0, "code": "bad_type", "key": "ts" }])
    );
}

async fn invalid_batches_are_problems(app: &TestApp) {
    let post = |kind: &'static str, body: String| {
        app.client
            .post(app.url("/api/analytics/beacons"))
            .header("content-type", kind)
            .body(body)
            .send()
    };
    assert_problem(
        post("application/json", "{".to_owned()).await.unwrap(),
        400,
        "malformed_json",
    )
    .await;
    let mut wrong = batch(Uuid::now_v7(), 1, &json!([]));
    wrong["sid"] = json!("me");
    assert_problem(
        post("application/json", wrong.to_string()).await.unwrap(),
        400,
        "invalid_session",
    )
    .await;
    assert_problem(
        post("application/xml", "<x/>".to_owned()).await.unwrap(),
        415,
        "unsupported_media_type",
    )
    .await;
    assert_problem(
        post("application/json", " ".repeat((1 << 20) + 1)).await.unwrap(),
        413,
        "too_large",
    )
    .await;
    let elsewhere = format!("/api/sessions/{}/reports", Uuid::now_v7());
    let body = batch(Uuid::now_v7(), 1, &json!([]));
    let answer = app
        .client
        .post(app.url(&elsewhere))
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_problem(answer, 400, "invalid_session").await;
}

async fn a_summary_is_a_session_and_counts_once(app: &TestApp) {
    app.register("summed").await;
    let sid = Uuid::now_v7();
    let body = json!({ "clip_id": "summed", "user_id": "me", "session_id": sid, "quality": "720p", "bandwidth_mbps": 7.5,
        "buffer_health": 6.25, "session_duration": 30.5, "quality_switches": 1, "buffering_events": 2 });
    let send = async || {
        let answer = post(app, &body).await;
        assert_eq!(answer.status(), 202);
    };
    send().await;
    send().await;
    let row = row(app, sid).await;
    assert_eq!(
        (row.quality.as_deref(), row.bandwidth_mbps, row.buffer_health),
        (Some("720p"), Some(7.5), Some(6.25))
    );
    assert_eq!(
        (row.session_duration, row.quality_switches, row.buffering_events),
        (30.5, 1, 2)
    );
    assert_eq!(row.user_id, None, "nobody's word is taken for who he is");
}

async fn records_that_come_again_in_another_batch_are_told(app: &TestApp) {
    let sid = Uuid::now_v7();
    let (one, two) = (
        json!({ "ts": T0, "e": "ps", "sta": "p" }),
        json!({ "ts": T0 + 5_000, "e": "ps", "sta": "e" }),
    );
    let send = async |events: Value| {
        let body = batch(sid, 1, &events);
        let answer = post(app, &body).await;
        let answer: Value = answer.json().await.unwrap();
        (
            answer["accepted"].as_i64().unwrap(),
            answer["duplicate"].as_i64().unwrap(),
        )
    };
    assert_eq!(send(json!([one])).await, (1, 0));
    assert_eq!(send(json!([one, two])).await, (1, 1));
    assert_eq!(send(json!([two])).await, (0, 1));
}

async fn a_clock_that_is_wrong_is_corrected_and_a_viewer_who_asks_is_not_followed(app: &TestApp) {
    let sid = Uuid::now_v7();
    let now = chrono::Utc::now().timestamp_millis();
    let behind = now - 600_000;
    let mut body = batch(sid, 1, &json!([{ "ts": behind, "e": "ps", "sta": "p" }]));
    body["sent_at"] = json!(behind);
    let request = app
        .client
        .post(app.url("/api/analytics/beacons"))
        .header("sec-gpc", "1")
        .json(&body);
    assert_eq!(request.send().await.unwrap().status(), 202);
    let row = row(app, sid).await;
    assert!((row.skew_ms - 600_000).abs() < 30_000, "{}", row.skew_ms);
    assert!((row.created_at.timestamp_millis() - now).abs() < 30_000);
    assert_eq!((row.private, row.viewer), (true, None));
}

async fn a_body_that_grows_too_large_when_it_is_inflated_is_refused(app: &TestApp) {
    use std::io::Write;
    let zip = |bytes: &[u8]| {
        let mut gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::best());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    };
    let post = |body: Vec<u8>| {
        let request = app
            .client
            .post(app.url("/api/analytics/beacons"))
            .header("content-encoding", "gzip");
        request
            .header("content-type", "application/json")
            .body(body)
            .send()
    };
    assert_problem(post(zip(&vec![b' '; 64 << 20])).await.unwrap(), 413, "too_large").await;
    let small = batch(Uuid::now_v7(), 1, &json!([{ "ts": T0, "e": "ps", "sta": "p" }]));
    assert_eq!(
        post(zip(small.to_string().as_bytes())).await.unwrap().status(),
        202
    );
}

async fn row(app: &TestApp, sid: Uuid) -> streaming_analytics::SessionRow {
    app.until("the session's row", async || {
        app.services
            .db
            .optional(streaming_analytics::by_id(SessionId(sid)))
            .await
            .unwrap()
    })
    .await
}
