use serde_json::json;

use clipper::storage::people;

use crate::support::app::{KEY, TestApp, assert_problem};
use crate::support::on_both_databases;

on_both_databases!(
    a_clip_is_registered_and_read_by_either_name,
    a_clip_is_described_as_the_contract_has_it,
    a_slug_belongs_to_one_clip,
    a_repeated_key_gives_the_first_clip,
    invalid_registrations_say_what_is_wrong,
    clips_are_paged_through_newest_first,
    private_clips_are_their_owners_secret,
    a_clips_history_is_its_events,
    unknown_places_and_methods_are_problems_too,
);

async fn a_clip_is_registered_and_read_by_either_name(app: &TestApp) {
    let clip = app.register("first-clip").await;
    let id = clip["id"].as_str().unwrap();
    assert_eq!(app.json(&format!("/api/clips/{id}")).await, clip);
    assert_eq!(app.json("/api/clips/first-clip").await, clip);
    assert_problem(app.get("/api/clips/other-clip").await, 404, "clip_not_found").await;
    assert_problem(
        app.get("/api/clips/0190a3c2-7f4e-7cc3-98c4-dc0c0c07398f").await,
        404,
        "clip_not_found",
    )
    .await;
}

async fn a_clip_is_described_as_the_contract_has_it(app: &TestApp) {
    let mut clip = app.register("described").await;
    for volatile in ["id", "created_at", "updated_at"] {
        assert!(clip[volatile].take().is_string(), "{volatile}");
    }
    assert_eq!(
        clip,
        json!({
            "id": null, "slug": "described", "title": "described", "description": null, "revision": 1, "owner_id": "admin", "visibility": "public",
            "embed_url": null, "twitch_clip_url": null, "hls_available": false, "hls_url": null, "hls_qualities": [],
            "hls_processing_status": "pending", "hls_processed_at": null, "duration": null, "width": null,
            "height": null, "poster_url": null, "poster_chosen": false, "storyboard_url": null, "views": 0, "variants": [], "captions": [],
            "encoding": { "state": "awaiting_source", "percent": 0.0, "failure": null, "rungs": [] }, "import": null,
            "created_at": null, "updated_at": null,
        })
    );
}

async fn a_slug_belongs_to_one_clip(app: &TestApp) {
    app.register("taken").await;
    let other = json!({ "title": "Another clip", "slug": "taken" });
    assert_problem(
        app.post("/api/clips", &other).send().await.unwrap(),
        409,
        "slug_taken",
    )
    .await;
}

async fn a_repeated_key_gives_the_first_clip(app: &TestApp) {
    let body = json!({ "title": "Once" });
    let post = async || {
        app.post("/api/clips", &body)
            .header("Idempotency-Key", "k1")
            .send()
            .await
            .unwrap()
    };
    let first: serde_json::Value = post().await.json().await.unwrap();
    let again: serde_json::Value = post().await.json().await.unwrap();
    assert_eq!(first, again);
    let other = app
        .post("/api/clips", &json!({ "title": "Other" }))
        .header("Idempotency-Key", "k1");
    assert_problem(other.send().await.unwrap(), 422, "idempotency_key_reused").await;
    let clips = app.json("/api/clips").await;
    assert_eq!(clips["clips"].as_array().unwrap().len(), 1);
}

async fn invalid_registrations_say_what_is_wrong(app: &TestApp) {
    for body in [
        json!({ "title": " " }),
        json!({ "title": "x".repeat(301) }),
        json!({ "title": "x", "slug": "Not A Slug" }),
        json!({ "title": "x", "embed_url": "javascript:alert(1)" }),
    ] {
        assert_problem(
            app.post("/api/clips", &body).send().await.unwrap(),
            400,
            "invalid_request",
        )
        .await;
    }
    let post = || app.client.post(app.url("/api/clips")).bearer_auth(KEY);
    let broken = post()
        .header("content-type", "application/json")
        .body("{")
        .send()
        .await
        .unwrap();
    assert_problem(broken, 400, "malformed_json").await;
    let unknown = app
        .post("/api/clips", &json!({ "title": "x", "tilte": "y" }))
        .send()
        .await
        .unwrap();
    assert_problem(unknown, 400, "malformed_json").await;
    let text = post()
        .header("content-type", "text/html")
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_problem(text, 415, "unsupported_media_type").await;
    let huge = post()
        .header("content-type", "application/json")
        .body(vec![b' '; (1 << 20) + 1])
        .send()
        .await
        .unwrap();
    assert_problem(huge, 413, "too_large").await;
}

async fn clips_are_paged_through_newest_first(app: &TestApp) {
    for n in 0..5 {
        app.register(&format!("clip-{n}")).await;
    }
    let mut slugs = vec![];
    let mut path = "/api/clips?limit=2".to_owned();
    loop {
        let page = app.json(&path).await;
        slugs.extend(
            page["clips"]
                .as_array()
                .unwrap()
                .iter()
                .map(|clip| clip["slug"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/api/clips?limit=2&cursor={cursor}");
    }
    assert_eq!(slugs, ["clip-4", "clip-3", "clip-2", "clip-1", "clip-0"]);
    assert_eq!(
        app.json("/api/clips?q=CLIP-3").await["clips"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        app.json("/api/clips?q=%25").await["clips"]
            .as_array()
            .unwrap()
            .len(),
        0,
        "a wildcard is a letter"
    );
    assert_eq!(
        app.json("/api/clips?status=completed").await["clips"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
    lists_are_ordered_as_asked(app).await;
}

async fn lists_are_ordered_as_asked(app: &TestApp) {
    let oldest = app.json("/api/clips?sort=oldest&limit=1").await;
    assert_eq!(oldest["clips"][0]["slug"], "clip-0");
    for query in [
        "limit=0",
        "limit=101",
        "cursor=x",
        "cursor=1_NaN",
        "colour=red",
        "sort=luck",
    ] {
        assert_problem(
            app.get(&format!("/api/clips?{query}")).await,
            400,
            "invalid_request",
        )
        .await;
    }
}

async fn private_clips_are_their_owners_secret(app: &TestApp) {
    let body = json!({ "title": "Secret", "slug": "secret", "visibility": "private" });
    assert_eq!(app.post("/api/clips", &body).send().await.unwrap().status(), 201);
    for path in [
        "/api/clips/secret",
        "/api/clips/secret/progress",
        "/api/video/secret/master.m3u8",
    ] {
        assert_problem(app.get(path).await, 404, "clip_not_found").await;
    }
    assert_eq!(app.json("/api/clips").await["clips"].as_array().unwrap().len(), 0);
    let own = app
        .client
        .get(app.url("/api/clips/secret"))
        .bearer_auth(KEY)
        .send()
        .await
        .unwrap();
    assert_eq!(own.status(), 200);
}

async fn a_clips_history_is_its_events(app: &TestApp) {
    app.register("told").await;
    let own = app
        .client
        .get(app.url("/api/clips/told/history"))
        .bearer_auth(KEY)
        .send()
        .await
        .unwrap();
    let history: serde_json::Value = own.json().await.unwrap();
    let event = &history["events"][0];
    assert_eq!(
        (event["event_type"].as_str(), event["version"].as_i64()),
        (Some("ClipRegistered"), Some(1))
    );
    let actor = event["metadata"]["actor"].as_str().unwrap();
    let user = people::user_of(&app.services.db, actor).await.unwrap();
    assert_eq!(user.as_deref(), Some("admin"), "the log knows a pseudonym only");
    assert_eq!(event["payload"]["slug"], "told");
    assert_problem(app.get("/api/clips/told/history").await, 401, "unauthorized").await;
}

async fn unknown_places_and_methods_are_problems_too(app: &TestApp) {
    assert_problem(app.get("/api/nothing").await, 404, "not_found").await;
    let delete = app.client.delete(app.url("/api/clips")).send().await.unwrap();
    assert_problem(delete, 405, "method_not_allowed").await;
}
