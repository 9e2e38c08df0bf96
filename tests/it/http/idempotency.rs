use serde_json::{Value, json};

use crate::support::app::{KEY, TestApp, assert_problem};
use crate::support::on_both_databases;

on_both_databases!(
    a_repetition_gets_the_first_answer_also_after_the_clip_has_changed,
    the_same_request_at_once_happens_once,
    a_request_without_effect_frees_its_key,
    a_report_under_a_key_is_answered_again,
    a_compressed_request_under_a_key_is_understood,
    viewers_do_not_share_keys,
    a_key_must_be_printable,
    events_say_which_request_they_came_of,
);

async fn register(app: &TestApp, key: &str, body: &Value) -> reqwest::Response {
    let request = app.post("/api/clips", body).header("Idempotency-Key", key);
    request.send().await.unwrap()
}

async fn a_repetition_gets_the_first_answer_also_after_the_clip_has_changed(app: &TestApp) {
    let body = json!({ "title": "Once", "slug": "once" });
    let first = register(app, "k", &body).await;
    assert_eq!(first.status(), 201);
    let (location, replayed) = (
        first.headers()["location"].clone(),
        first.headers().get("idempotency-replayed").cloned(),
    );
    assert_eq!(replayed, None);
    let first: Value = first.json().await.unwrap();
    let stored = app.put_source("once", b"no video".to_vec()).send().await.unwrap();
    assert_eq!(stored.status(), 422);

    let again = register(app, "k", &body).await;
    assert_eq!(again.status(), 201);
    assert_eq!(again.headers()["location"], location);
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.json::<Value>().await.unwrap(), first);
    let other = register(app, "k", &json!({ "title": "Twice", "slug": "once" })).await;
    assert_problem(other, 422, "idempotency_key_reused").await;
}

async fn the_same_request_at_once_happens_once(app: &TestApp) {
    let body = json!({ "title": "Once" });
    let answers = futures_util::future::join_all((0..6).map(|_| register(app, "k", &body))).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status().as_u16()).collect();
    statuses.sort_unstable();
    statuses.dedup();
    assert!(statuses == [201] || statuses == [201, 409], "{statuses:?}");
    for answer in answers {
        if answer.status() == 409 {
            assert_eq!(answer.headers()["retry-after"], "1");
            assert_problem(answer, 409, "idempotency_key_in_use").await;
        }
    }
    assert_eq!(app.json("/api/clips").await["clips"].as_array().unwrap().len(), 1);
}

async fn a_request_without_effect_frees_its_key(app: &TestApp) {
    app.register("taken").await;
    let refused = register(app, "k", &json!({ "title": "x" , "slug": "Not a slug" })).await;
    assert_problem(refused, 400, "invalid_request").await;
    let mended = register(app, "k", &json!({ "title": "x", "slug": "a-slug" })).await;
    assert_eq!(mended.status(), 201);
}

async fn a_report_under_a_key_is_answered_again(app: &TestApp) {
    let sid = uuid::Uuid::now_v7();
    let batch = json!({ "schema": "qoe.batch.v1", "sid": sid, "cid": "x", "sent_at": 1_795_388_463_931_i64,
        "events": [{ "ts": 1_795_388_463_879_i64, "e": "ps", "sta": "p" }] });
    let send = async || {
        let request = app.client.post(app.url("/api/analytics/beacons")).json(&batch);
        request.header("Idempotency-Key", "k").send().await.unwrap()
    };
    let first: Value = send().await.json().await.unwrap();
    let again: Value = send().await.json().await.unwrap();
    assert_eq!((first["accepted"].as_i64(), &again), (Some(1), &first));
}

async fn a_compressed_request_under_a_key_is_understood(app: &TestApp) {
    // `{"title":"Zipped"}`, as gzip has it.
    let zipped =
        hex::decode("1f8b0800000000000203ab562ac92cc94955b2528aca2c28484d51aa05003fc965ae12000000").unwrap();
    let request = app
        .client
        .post(app.url("/api/clips"))
        .bearer_auth(KEY)
        .body(zipped);
    let request = request
        .header("Content-Type", "application/json")
        .header("Content-Encoding", "gzip");
    let answer = request.header("Idempotency-Key", "k").send().await.unwrap();
    assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
}

async fn viewers_do_not_share_keys(app: &TestApp) {
    for n in 0..2 {
        let ts = 1_795_388_463_879_i64 + n;
        let batch = json!({ "schema": "qoe.batch.v1", "sid": uuid::Uuid::now_v7(), "cid": "x", "sent_at": ts,
            "events": [{ "ts": ts, "e": "ps", "sta": "p" }] });
        let request = app.client.post(app.url("/api/analytics/beacons")).json(&batch);
        let answer: Value = request
            .header("Idempotency-Key", "1")
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(answer["accepted"], 1, "{answer}");
    }
}

async fn a_key_must_be_printable(app: &TestApp) {
    for key in ["", &"k".repeat(201)] {
        assert_problem(
            register(app, key, &json!({ "title": "x" })).await,
            400,
            "invalid_request",
        )
        .await;
    }
}

async fn events_say_which_request_they_came_of(app: &TestApp) {
    let registered = app
        .post("/api/clips", &json!({ "title": "x", "slug": "x" }))
        .header("X-Request-Id", "req-7")
        .send()
        .await
        .unwrap();
    assert_eq!(registered.headers()["x-request-id"], "req-7");
    let history = app
        .client
        .get(app.url("/api/clips/x/history"))
        .bearer_auth(KEY)
        .send()
        .await
        .unwrap();
    let named = history.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert!(
        uuid::Uuid::parse_str(&named).is_ok(),
        "a request without a name gets one: {named}"
    );
    let history: Value = history.json().await.unwrap();
    let metadata = &history["events"][0]["metadata"];
    assert_eq!(metadata["correlation_id"], "req-7");
    for member in ["command_id", "actor", "node"] {
        assert!(metadata[member].is_string(), "{metadata}");
    }
}
