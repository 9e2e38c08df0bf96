use serde_json::{Value, json};

use crate::support::app::{KEY, TestApp, assert_problem};
use crate::support::on_both_databases;

on_both_databases!(
    projections_are_listed_and_rebuilt_on_request,
    parked_events_are_listed_tried_again_and_skipped,
    events_are_read_as_lines,
    a_clip_is_shown_as_it_was,
    a_person_is_forgotten,
    only_ops_may,
);

async fn get(app: &TestApp, path: &str) -> Value {
    let response = app
        .client
        .get(app.url(path))
        .bearer_auth(KEY)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200, "{path}");
    response.json().await.unwrap()
}

async fn projections_are_listed_and_rebuilt_on_request(app: &TestApp) {
    app.register("one").await;
    let listed = get(app, "/api/ops/projections").await;
    let clips = &listed["projections"][0];
    assert_eq!(
        (
            clips["name"].as_str(),
            clips["position"].as_i64(),
            clips["lag"].as_i64()
        ),
        (Some("clips"), Some(1), Some(0))
    );
    assert!(clips["owner"].is_string(), "{clips}");
    let asked = app
        .post(
            "/api/ops/projections/clips/rebuild",
            &json!({ "events_per_second": 1000 }),
        )
        .send()
        .await
        .unwrap();
    assert_eq!(asked.status(), 202);
    app.until("the rebuild to be done", async || {
        let listed = get(app, "/api/ops/projections").await;
        listed["projections"][0]["rebuild"].is_null().then_some(())
    })
    .await;
    assert_eq!(app.json("/api/clips/one").await["title"], "one");
    let unknown = app
        .post("/api/ops/projections/nothing/rebuild", &json!({}))
        .send()
        .await
        .unwrap();
    assert_problem(unknown, 404, "projection_not_found").await;
    let wrong = app.post(
        "/api/ops/projections/clips/rebuild",
        &json!({ "events_per_second": 0 }),
    );
    assert_problem(wrong.send().await.unwrap(), 400, "invalid_request").await;
}

async fn parked_events_are_listed_tried_again_and_skipped(app: &TestApp) {
    let clip = app.register("one").await;
    app.poison(&format!("clip-{}", clip["id"].as_str().unwrap()), 1)
        .await;
    let parked = app
        .until("the event to be parked", async || {
            let parked = get(app, "/api/ops/projections/clips/parked").await;
            parked["parked"].get(0).cloned()
        })
        .await;
    assert_eq!(
        (parked["position"].as_i64(), parked["event_type"].as_str()),
        (Some(2), Some("ClipPraised"))
    );
    assert!(
        parked["error"]
            .as_str()
            .unwrap()
            .contains("is not known to this program"),
        "{parked}"
    );
    let act = async |what: &str| {
        let path = format!("/api/ops/projections/clips/parked/2/{what}");
        app.post(&path, &json!({})).send().await.unwrap()
    };
    assert_eq!(
        act("retry").await.json::<Value>().await.unwrap(),
        json!({ "applied": 0, "parked": 1 })
    );
    assert_eq!(
        act("skip").await.json::<Value>().await.unwrap(),
        json!({ "applied": 0, "parked": 0 })
    );
    assert_problem(act("retry").await, 404, "not_parked").await;
}

async fn events_are_read_as_lines(app: &TestApp) {
    app.register("one").await;
    app.register("two").await;
    let read = async |path: &str| {
        let response = app
            .client
            .get(app.url(path))
            .bearer_auth(KEY)
            .send()
            .await
            .unwrap();
        assert_eq!(response.headers()["content-type"], "application/x-ndjson");
        response.text().await.unwrap()
    };
    let lines = read("/api/ops/events?after=1&limit=5").await;
    let events: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events.len(), 1);
    assert_eq!(
        (
            events[0]["position"].as_i64(),
            events[0]["payload"]["slug"].as_str()
        ),
        (Some(2), Some("two"))
    );
    assert_eq!(read("/api/ops/events?log=playback").await, "");
    for wrong in ["/api/ops/events?log=other", "/api/ops/events?limit=0"] {
        let response = app
            .client
            .get(app.url(wrong))
            .bearer_auth(KEY)
            .send()
            .await
            .unwrap();
        assert_problem(response, 400, "invalid_request").await;
    }
}

async fn a_clip_is_shown_as_it_was(app: &TestApp) {
    app.register("one").await;
    let now = get(app, "/api/clips/one").await;
    assert_eq!(get(app, "/api/clips/one?at=1").await, now);
    let look = async |at: &str| {
        let path = format!("/api/clips/one?at={at}");
        app.client
            .get(app.url(&path))
            .bearer_auth(KEY)
            .send()
            .await
            .unwrap()
    };
    assert_problem(look("0").await, 404, "clip_not_found").await;
    assert_problem(look("2020-01-01T00:00:00Z").await, 404, "clip_not_found").await;
    assert_problem(look("yesterday").await, 400, "invalid_request").await;
    assert_problem(app.get("/api/clips/one?at=1").await, 401, "unauthorized").await;
}

async fn a_person_is_forgotten(app: &TestApp) {
    app.register("mine").await;
    assert_eq!(app.json("/api/clips/mine").await["owner_id"], "admin");
    let forget = async |user: &str| {
        let path = app.url(&format!("/api/ops/people/{user}"));
        app.client.delete(path).bearer_auth(KEY).send().await.unwrap()
    };
    assert_problem(forget("nobody").await, 404, "person_not_found").await;
    assert_eq!(forget("admin").await.status(), 204);
    assert_eq!(app.json("/api/clips/mine").await["owner_id"], Value::Null);
    assert_problem(forget("admin").await, 401, "unauthorized").await;
    app.assert_rebuilt_equals_live().await;
}

async fn only_ops_may(app: &TestApp) {
    for path in [
        "/api/ops/projections",
        "/api/ops/projections/clips/parked",
        "/api/ops/events",
    ] {
        assert_problem(app.get(path).await, 401, "unauthorized").await;
    }
    let asked = app
        .client
        .post(app.url("/api/ops/projections/clips/rebuild"))
        .send()
        .await
        .unwrap();
    assert_problem(asked, 401, "unauthorized").await;
}
