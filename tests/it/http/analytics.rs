//! What came of reports, over HTTP.

use chrono::Utc;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::{KEY, TestApp, assert_problem};
use crate::support::on_both_databases;

mod export;
mod retention;
mod sessions;

on_both_databases!(
    those_who_may_read_see_everything_and_owners_their_own_clips,
    a_parameter_that_is_not_understood_is_named,
);

async fn answer(app: &TestApp, key: &str, path: &str) -> Value {
    let answer = app.get_as(key, path).await;
    assert_eq!(answer.status(), 200, "{path}: {}", answer.text().await.unwrap());
    answer.json().await.unwrap()
}

/// A clip of whoever holds the key.
async fn register(app: &TestApp, key: &str, slug: &str, visibility: &str) {
    let body = json!({ "title": slug, "slug": slug, "visibility": visibility });
    let post = app
        .client
        .post(app.url("/api/clips"))
        .bearer_auth(key)
        .json(&body);
    assert_eq!(post.send().await.unwrap().status(), 201);
}

/// Reports a session of some records, each at milliseconds after `began`, and waits for its row.
async fn watch(app: &TestApp, clip: &str, began: i64, records: &[(i64, Value)]) -> Uuid {
    let sid = Uuid::now_v7();
    let events: Vec<_> = records
        .iter()
        .map(|(at, record)| {
            let mut record = record.clone();
            record["ts"] = json!(began + at);
            record
        })
        .collect();
    let body = json!({ "schema": "qoe.batch.v1", "sid": sid, "cid": clip, "batch": 1, "sent_at": Utc::now().timestamp_millis(),
        "events": events });
    let post = app.client.post(app.url("/api/analytics/beacons")).json(&body);
    assert_eq!(post.send().await.unwrap().status(), 202);
    let id = clipper_domain::SessionId(sid);
    app.until("the session's row", async || {
        let query = clipper_projections::streaming_analytics::by_id(id);
        app.services.db.optional(query).await.unwrap()
    })
    .await;
    sid
}

/// A start of so many milliseconds and ten seconds of playing.
fn play(startup: i64) -> Vec<(i64, Value)> {
    vec![
        (0, json!({ "e": "ps", "sta": "s" })),
        (startup, json!({ "e": "ps", "sta": "p", "pt": 0 })),
        (startup + 10_000, json!({ "e": "ps", "sta": "e", "pt": 10_000 })),
    ]
}

fn ago(seconds: i64) -> i64 {
    Utc::now().timestamp_millis() - seconds * 1_000
}

fn clips_of(answer: &Value) -> Vec<&str> {
    let sessions = answer["sessions"].as_array().unwrap();
    sessions.iter().map(|row| row["clip"].as_str().unwrap()).collect()
}

async fn those_who_may_read_see_everything_and_owners_their_own_clips(app: &TestApp) {
    let owner = app.key_of("owner", "clips:write").await;
    let analyst = app.key_of("analyst", "analytics:read").await;
    let nobody = app.key_of("nobody", "something:else").await;
    register(app, KEY, "of-admin", "public").await;
    register(app, KEY, "hidden", "private").await;
    register(app, &owner, "of-owner", "private").await;
    watch(app, "of-admin", ago(600), &play(100)).await;
    watch(app, "of-owner", ago(500), &play(100)).await;
    watch(app, "no-clip", ago(400), &play(100)).await;
    let path = "/api/analytics/sessions?sort=oldest";

    let all = ["of-admin", "of-owner", "no-clip"];
    assert_eq!(clips_of(&answer(app, KEY, path).await), all);
    let seen = answer(app, &analyst, path).await;
    assert_eq!(clips_of(&seen), all);
    assert!(seen["sessions"][0]["viewer"].is_string(), "{seen}");
    let own = answer(app, &owner, path).await;
    assert_eq!(clips_of(&own), ["of-owner"]);
    let row = own["sessions"][0].as_object().unwrap();
    for hidden in ["viewer", "user_id", "state", "private"] {
        assert!(!row.contains_key(hidden), "{hidden}");
    }
    let one = answer(app, &owner, &format!("{path}&clip=of-owner")).await;
    assert_eq!(clips_of(&one), ["of-owner"]);

    let with = |clip: &str| format!("{path}&clip={clip}");
    assert_problem(app.get_as(&owner, &with("of-admin")).await, 403, "forbidden").await;
    assert_problem(app.get_as(&owner, &with("hidden")).await, 404, "clip_not_found").await;
    assert_problem(
        app.get_as(&analyst, &with("nowhere")).await,
        404,
        "clip_not_found",
    )
    .await;
    assert_problem(app.get_as(&nobody, path).await, 403, "forbidden").await;
    assert_problem(app.get(path).await, 401, "unauthorized").await;
}

async fn a_parameter_that_is_not_understood_is_named(app: &TestApp) {
    for (query, parameter) in [
        ("from=yesterday", "from"),
        ("form=-7d", "form"),
        ("tz=Mars", "tz"),
        ("sort=random", "sort"),
        ("limit=0", "limit"),
        ("cursor=x", "cursor"),
        (
            "cursor=1e999_00000000000000000000000000000000&sort=best",
            "cursor",
        ),
    ] {
        let path = format!("/api/analytics/sessions?{query}");
        let problem = assert_problem(app.get_as(KEY, &path).await, 400, "invalid_parameter").await;
        assert_eq!(problem["parameter"], parameter, "{problem}");
    }
    assert_problem(
        app.get_as(KEY, "/api/analytics/sessions?clip=%zz%").await,
        404,
        "clip_not_found",
    )
    .await;
}
