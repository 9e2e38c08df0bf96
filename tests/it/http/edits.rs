//! Clips as their owners change them, delete them and take that back.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::app::{KEY, TestApp, assert_problem};
use crate::support::{footage, on_both_databases};

on_both_databases!(
    what_is_told_of_a_clip_is_changed_one_fact_at_a_time,
    a_change_that_rests_on_old_news_is_refused,
    a_private_clip_is_gone_for_everyone_else_at_once,
    a_deleted_clip_is_gone_everywhere_and_comes_back,
);

async fn send(app: &TestApp, method: Method, path: &str, body: &Value) -> Response {
    let request = app.client.request(method, app.url(path)).bearer_auth(KEY);
    request.json(body).send().await.unwrap()
}

async fn change(app: &TestApp, clip: &str, body: Value) -> Response {
    send(app, Method::PATCH, &format!("/api/clips/{clip}"), &body).await
}

async fn events(app: &TestApp, clip: &str) -> Vec<String> {
    let path = format!("/api/clips/{clip}/history");
    let history: Value = send(app, Method::GET, &path, &Value::Null)
        .await
        .json()
        .await
        .unwrap();
    let events = history["events"].as_array().unwrap();
    let kind = |event: &Value| format!("{} {}", event["event_type"].as_str().unwrap(), event["payload"]);
    events.iter().skip(1).map(kind).collect()
}

async fn what_is_told_of_a_clip_is_changed_one_fact_at_a_time(app: &TestApp) {
    app.register("told").await;
    let body = json!({ "title": " Another title ", "description": "One\r\ntwo", "embed_url": "https://a.example/x" });
    let answer = change(app, "told", body.clone()).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["etag"], "\"2\"");
    let clip: Value = answer.json().await.unwrap();
    assert_eq!(
        (&clip["title"], &clip["description"], &clip["embed_url"]),
        (
            &json!("Another title"),
            &json!("One\ntwo"),
            &json!("https://a.example/x")
        )
    );
    assert_eq!(app.json("/api/clips/told").await, clip);
    change(app, "told", body).await;
    change(
        app,
        "told",
        json!({ "description": null, "title": "Another title" }),
    )
    .await;
    assert_eq!(
        events(app, "told").await,
        [
            r#"DetailsChanged {"description":"One\ntwo","embed_url":"https://a.example/x","title":"Another title"}"#,
            r#"DetailsChanged {"description":null}"#,
        ],
        "only what is different is a fact"
    );
    for invalid in [
        json!({ "title": " " }),
        json!({ "embed_url": "javascript:alert(1)" }),
        json!({ "description": "x".repeat(5_001) }),
        json!({ "description": "\u{7}" }),
    ] {
        assert_problem(change(app, "told", invalid).await, 400, "invalid_request").await;
    }
    for malformed in [
        json!({ "title": null }),
        json!({ "slug": "other" }),
        json!({ "visibility": "hidden" }),
    ] {
        assert_problem(change(app, "told", malformed).await, 400, "malformed_json").await;
    }
    let anybody = app.client.patch(app.url("/api/clips/told")).json(&json!({}));
    assert_problem(anybody.send().await.unwrap(), 401, "unauthorized").await;
    app.assert_rebuilt_equals_live().await;
}

async fn a_change_that_rests_on_old_news_is_refused(app: &TestApp) {
    app.register("shared").await;
    let tag = app.get("/api/clips/shared").await.headers()["etag"].clone();
    let change_if = async |tag: &str, title: &str| {
        let request = app.client.patch(app.url("/api/clips/shared")).bearer_auth(KEY);
        let request = request.header("If-Match", tag).json(&json!({ "title": title }));
        request.send().await.unwrap()
    };
    assert_eq!(change_if(tag.to_str().unwrap(), "First").await.status(), 200);
    let late = change_if(tag.to_str().unwrap(), "Second").await;
    assert_problem(late, 412, "precondition_failed").await;
    assert_problem(change_if("\"x\"", "Second").await, 412, "precondition_failed").await;
    assert_eq!(change_if("\"1\", \"2\"", "Third").await.status(), 200);
    assert_eq!(change_if("*", "Fourth").await.status(), 200);
    assert_eq!(app.json("/api/clips/shared").await["revision"], 4);
}

async fn a_private_clip_is_gone_for_everyone_else_at_once(app: &TestApp) {
    app.register("turned").await;
    let master = "/api/video/turned/master.m3u8";
    for _ in 0..2 {
        assert_problem(app.get(master).await, 404, "hls_not_available").await;
        let hidden = change(app, "turned", json!({ "visibility": "private" })).await;
        assert_eq!(hidden.json::<Value>().await.unwrap()["visibility"], "private");
        assert_problem(app.get(master).await, 404, "clip_not_found").await;
        assert_problem(app.get("/api/clips/turned").await, 404, "clip_not_found").await;
        assert_eq!(app.json("/api/clips").await["clips"], json!([]));
        change(app, "turned", json!({ "visibility": "public" })).await;
    }
}

async fn a_deleted_clip_is_gone_everywhere_and_comes_back(app: &TestApp) {
    let file = footage::bars(app.folder.path(), "a.mp4", "320x180", "25", 1, &[]);
    app.upload("gone", &file).await;
    let delete = async || send(app, Method::DELETE, "/api/clips/gone", &Value::Null).await;
    let deleted = delete().await;
    assert_eq!(deleted.status(), 200);
    let deleted: Value = deleted.json().await.unwrap();
    assert!(deleted["restore_until"].is_string(), "{deleted}");
    for path in [
        "/api/clips/gone",
        "/api/clips/gone/progress",
        "/api/video/gone/master.m3u8",
        "/api/video/gone/poster.jpg",
    ] {
        assert_problem(app.get(path).await, 404, "clip_not_found").await;
    }
    // The page is for all clips the same, and says of this one nothing.
    assert!(!app.text("/watch/gone").await.contains("og:title"));
    assert_eq!(app.json("/api/clips").await["clips"], json!([]));
    let queue: Value = send(app, Method::GET, "/api/ops/queue", &Value::Null)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(queue["entries"], json!([]));
    assert_eq!(
        delete().await.json::<Value>().await.unwrap(),
        deleted,
        "once is enough"
    );
    for (method, path) in [
        (Method::PATCH, "/api/clips/gone"),
        (Method::POST, "/api/clips/gone/encodings"),
    ] {
        assert_problem(send(app, method, path, &json!({})).await, 404, "clip_not_found").await;
    }
    let mine: Value = send(app, Method::GET, "/api/clips?deleted=true", &Value::Null)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(mine["clips"][0]["restore_until"], deleted["restore_until"]);
    let others = app.json("/api/clips?deleted=true").await;
    assert_eq!(others["clips"], json!([]));
    let path = "/api/clips/gone/restore";
    let stranger = app.client.post(app.url(path)).send().await.unwrap();
    assert_problem(stranger, 401, "unauthorized").await;
    let restored = send(app, Method::POST, path, &Value::Null).await;
    assert_eq!(restored.status(), 200);
    let restored: Value = restored.json().await.unwrap();
    // What the deletion has stopped waits again.
    assert_eq!(restored["encoding"]["state"], "queued");
    assert_eq!(app.json("/api/clips/gone").await, restored);
    app.assert_rebuilt_equals_live().await;
}
