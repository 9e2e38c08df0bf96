//! The queue with real ffmpeg: stopping, holding back, and whose turn it is.

use std::time::{Duration, Instant};

use clipper::clock::{Clock, SystemClock};
use clipper::storage::keys::{self, KeyRow};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::{KEY, TestApp};
use crate::support::process::children;
use crate::support::{footage, on_both_databases};

on_both_databases!(
    a_running_encode_is_stopped_at_once,
    a_paused_class_waits,
    many_clips_of_one_owner_wait_for_the_one_of_another,
);

fn ffmpeg_runs() -> bool {
    let own = children(std::process::id());
    own.iter().any(|(_, name)| name == "ffmpeg")
}

async fn a_running_encode_is_stopped_at_once(app: &TestApp) {
    app.start_encoder();
    let file = footage::bars(app.folder.path(), "long.mp4", "1280x720", "30", 60, &[]);
    app.upload("long", &file).await;
    app.until("the encode to be under way", async || {
        let clip = app.json("/api/clips/long").await;
        (clip["hls_available"] == true && ffmpeg_runs()).then_some(())
    })
    .await;
    let request = app.client.delete(app.url("/api/clips/long/encodings/current"));
    let began = Instant::now();
    let answer = request.bearer_auth(KEY).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    app.until("ffmpeg to be gone", async || (!ffmpeg_runs()).then_some(()))
        .await;
    assert!(
        began.elapsed() < Duration::from_millis(1_500),
        "{:?}",
        began.elapsed()
    );
    let clip = app.json("/api/clips/long").await;
    assert_eq!(
        (&clip["encoding"]["state"], &clip["hls_available"]),
        (&json!("cancelled"), &json!(false))
    );
    app.assert_rebuilt_equals_live().await;
}

async fn a_paused_class_waits(app: &TestApp) {
    let paused = app.post("/api/ops/queue/fresh/pause", &Value::Null).send().await;
    assert_eq!(paused.unwrap().status(), 200);
    app.start_encoder();
    let file = footage::bars(app.folder.path(), "a.mp4", "320x180", "25", 1, &[]);
    app.upload("held", &file).await;
    // Three polls of the encoder.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let clip = app.json("/api/clips/held").await;
    assert_eq!(clip["encoding"]["state"], "queued");
    let resumed = app.post("/api/ops/queue/fresh/resume", &Value::Null).send().await;
    assert_eq!(resumed.unwrap().status(), 200);
    let clip = app.ended("held").await;
    assert_eq!(clip["hls_processing_status"], "completed");
}

async fn upload_as(app: &TestApp, key: &str, slug: &str, bytes: Vec<u8>) {
    let body = json!({ "title": slug, "slug": slug });
    let post = app.client.post(app.url("/api/clips")).bearer_auth(key);
    assert_eq!(post.json(&body).send().await.unwrap().status(), 201);
    let path = app.url(&format!("/api/clips/{slug}/source"));
    let put = app.client.put(path).bearer_auth(key).body(bytes);
    assert_eq!(put.send().await.unwrap().status(), 202);
}

async fn many_clips_of_one_owner_wait_for_the_one_of_another(app: &TestApp) {
    const OTHER: &str = "clk_other";
    let other = KeyRow {
        user_id: "bob".to_owned(),
        scopes: "clips:write".to_owned(),
    };
    let now = SystemClock.now();
    keys::store(&app.services.db, Uuid::new_v4(), OTHER, &other, now)
        .await
        .unwrap();
    let file = footage::bars(app.folder.path(), "a.mp4", "320x180", "25", 1, &[]);
    let bytes = std::fs::read(file).unwrap();
    for n in 0..20 {
        upload_as(app, KEY, &format!("many-{n}"), bytes.clone()).await;
    }
    upload_as(app, OTHER, "one", bytes).await;
    app.until("the queue to know of all", async || {
        let request = app.client.get(app.url("/api/ops/queue")).bearer_auth(KEY);
        let queue: Value = request.send().await.unwrap().json().await.unwrap();
        (queue["entries"].as_array().unwrap().len() == 21).then_some(())
    })
    .await;
    app.start_encoder();
    app.ended("one").await;
    let mut ended = 0;
    for n in 0..20 {
        let clip = app.json(&format!("/api/clips/many-{n}")).await;
        ended += usize::from(clip["hls_processing_status"] == "completed");
    }
    assert!((1..=2).contains(&ended), "{ended} of the others went first");
}
