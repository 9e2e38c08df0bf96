use clipper::clock::{Clock, SystemClock};
use clipper::storage::leases;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::app::{KEY, TestApp, assert_problem};
use crate::support::{footage, on_both_databases};

on_both_databases!(
    an_encoding_is_cancelled_and_asked_for_again,
    what_cannot_be_encoded_is_refused,
    the_queue_is_listed_page_by_page_with_who_works_on_what,
    a_class_is_paused_and_goes_on,
    only_ops_see_the_queue,
);

async fn send(app: &TestApp, method: Method, path: &str, body: &Value) -> Response {
    let request = app.client.request(method, app.url(path)).bearer_auth(KEY);
    request.json(body).send().await.unwrap()
}

async fn get(app: &TestApp, path: &str) -> Value {
    let response = send(app, Method::GET, path, &Value::Null).await;
    assert_eq!(response.status(), 200, "{path}");
    response.json().await.unwrap()
}

async fn upload(app: &TestApp, slug: &str) {
    let name = format!("{slug}.mp4");
    let file = footage::bars(app.folder.path(), &name, "320x180", "25", 1, &[]);
    app.upload(slug, &file).await;
}

/// Waits until the queue shows this many units.
async fn until_queued(app: &TestApp, count: usize) -> Value {
    app.until("the queue to show what waits", async || {
        let queue = get(app, "/api/ops/queue").await;
        (queue["entries"].as_array().unwrap().len() == count).then_some(queue)
    })
    .await
}

async fn an_encoding_is_cancelled_and_asked_for_again(app: &TestApp) {
    upload(app, "twice").await;
    let again = json!({ "qualities": ["720p", "480p"], "priority": 7 });
    let refused = send(app, Method::POST, "/api/clips/twice/encodings", &again).await;
    assert_problem(refused, 409, "encoding_under_way").await;

    let path = "/api/clips/twice/encodings/current";
    let cancelled = send(app, Method::DELETE, path, &Value::Null).await;
    assert_eq!(cancelled.status(), 200);
    let clip: Value = cancelled.json().await.unwrap();
    assert_eq!(clip["encoding"]["state"], "cancelled");
    assert_eq!(clip["hls_processing_status"], "failed");
    until_queued(app, 0).await;
    let twice = send(app, Method::DELETE, path, &Value::Null).await;
    assert_eq!(twice.status(), 200, "nothing is left to be stopped");

    let asked = send(app, Method::POST, "/api/clips/twice/encodings", &again).await;
    assert_eq!(asked.status(), 202);
    let clip: Value = asked.json().await.unwrap();
    assert_eq!(clip["encoding"]["state"], "queued");
    let queue = until_queued(app, 1).await;
    let entry = &queue["entries"][0];
    assert_eq!(
        (
            &entry["slug"],
            &entry["generation"],
            &entry["priority"],
            &entry["class"],
            &entry["state"]
        ),
        (
            &json!("twice"),
            &json!(2),
            &json!(7),
            &json!("fresh"),
            &json!("waiting")
        ),
    );
}

async fn what_cannot_be_encoded_is_refused(app: &TestApp) {
    app.register("bare").await;
    let path = "/api/clips/bare/encodings";
    let bare = send(app, Method::POST, path, &json!({})).await;
    assert_problem(bare, 409, "no_source").await;
    for (body, code) in [
        (json!({ "qualities": ["8k"] }), "invalid_quality"),
        (json!({ "qualities": [] }), "invalid_request"),
        (json!({ "priority": 10 }), "invalid_request"),
    ] {
        assert_problem(send(app, Method::POST, path, &body).await, 400, code).await;
    }
    let unknown = send(app, Method::POST, "/api/clips/nothing/encodings", &json!({})).await;
    assert_problem(unknown, 404, "clip_not_found").await;
    let anybody = app
        .client
        .post(app.url(path))
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    assert_problem(anybody, 401, "unauthorized").await;
}

/// The queue, an entry a page.
async fn paged(app: &TestApp) -> Vec<(String, Value)> {
    let (mut slugs, mut cursor) = (vec![], String::new());
    loop {
        let page = get(app, &format!("/api/ops/queue?limit=1{cursor}")).await;
        let entry = &page["entries"][0];
        slugs.push((entry["slug"].as_str().unwrap().to_owned(), entry["state"].clone()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    slugs
}

async fn the_queue_is_listed_page_by_page_with_who_works_on_what(app: &TestApp) {
    for slug in ["first", "second", "third"] {
        upload(app, slug).await;
    }
    let queue = until_queued(app, 3).await;
    let fresh = &queue["classes"][0];
    assert_eq!(
        (
            &fresh["class"],
            &fresh["waiting"],
            &fresh["running"],
            &fresh["paused_at"]
        ),
        (&json!("fresh"), &json!(3), &json!(0), &Value::Null)
    );
    assert!(fresh["oldest_age"].as_f64().unwrap() < 60.0, "{fresh}");
    assert_eq!(queue["classes"][2]["oldest_age"], Value::Null);

    let second = get(app, "/api/clips/second").await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let now = SystemClock.now();
    let until = now + chrono::TimeDelta::seconds(60);
    let unit = format!("encode/{second}/1/0");
    let lease = leases::take(&app.services.db, &unit, "somebody", 0, (now, until));
    let lease = lease.await.unwrap().unwrap();
    assert!(
        leases::renew(&app.services.db, &lease, 0.25, until)
            .await
            .unwrap()
    );

    let slugs = paged(app).await;
    let expected = [("first", "waiting"), ("second", "running"), ("third", "waiting")];
    assert_eq!(
        slugs,
        expected.map(|(slug, state)| (slug.to_owned(), json!(state)))
    );

    let workers = get(app, "/api/ops/workers").await;
    let worker = &workers["workers"][0];
    assert_eq!(
        (
            &worker["node"],
            &worker["slug"],
            &worker["unit"],
            &worker["percent"]
        ),
        (&json!("somebody"), &json!("second"), &json!(0), &json!(25.0))
    );
    assert!(worker["since"].is_string(), "{worker}");
    assert_eq!(workers["workers"].as_array().unwrap().len(), 1);
    let wrong = send(app, Method::GET, "/api/ops/queue?cursor=1.2", &Value::Null).await;
    assert_problem(wrong, 400, "invalid_request").await;
    let wrong = send(app, Method::GET, "/api/ops/queue?limit=0", &Value::Null).await;
    assert_problem(wrong, 400, "invalid_request").await;
}

async fn a_class_is_paused_and_goes_on(app: &TestApp) {
    let pause = || send(app, Method::POST, "/api/ops/queue/fresh/pause", &Value::Null);
    let paused: Value = pause().await.json().await.unwrap();
    assert!(paused["classes"][0]["paused_at"].is_string(), "{paused}");
    let again: Value = pause().await.json().await.unwrap();
    assert_eq!(
        again["classes"][0]["paused_at"],
        paused["classes"][0]["paused_at"]
    );
    upload(app, "held").await;
    let held = until_queued(app, 1).await["entries"][0]["clip"].clone();
    let takes = async || {
        let now = app.services.db.now(&SystemClock).await.unwrap();
        let waiting = clipper_projections::encoding_queue::waiting(now, 8);
        let rows = app.services.db.all(waiting).await.unwrap();
        rows.iter().any(|row| held == row.clip_id.as_str())
    };
    assert!(!takes().await, "the class is held back");
    let resumed = send(app, Method::POST, "/api/ops/queue/fresh/resume", &Value::Null).await;
    let resumed: Value = resumed.json().await.unwrap();
    assert_eq!(resumed["classes"][0]["paused_at"], Value::Null);
    assert!(takes().await, "it goes on");
    let unknown = send(app, Method::POST, "/api/ops/queue/urgent/pause", &Value::Null).await;
    assert_problem(unknown, 404, "not_found").await;
}

async fn only_ops_see_the_queue(app: &TestApp) {
    for path in ["/api/ops/queue", "/api/ops/workers"] {
        assert_problem(app.get(path).await, 401, "unauthorized").await;
    }
}
