//! The end of a clip that plays: nobody can watch it from one moment to the next, and its media goes for ever.

use chrono::TimeDelta;
use clipper::clock::{Clock, SystemClock};
use clipper::commands::ClipCommands;
use clipper::gc::Purge;
use clipper::shutdown::Shutdown;
use clipper::storage::{Log, LogWriter};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{KEY, TestApp, assert_problem, files_below};
use crate::support::{footage, on_both_databases};

on_both_databases!(a_clip_that_plays_is_hidden_deleted_restored_and_purged);

const PLAYED: [&str; 3] = [
    "/api/video/short/master.m3u8",
    "/api/video/short/480p.m3u8",
    "/api/video/short/480p/segment-0.ts",
];

async fn send(app: &TestApp, method: Method, path: &str, body: Value) -> Value {
    let request = app.client.request(method, app.url(path)).bearer_auth(KEY);
    let response = request.json(&body).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    response.json().await.unwrap()
}

/// Twice, so that what is at hand is asked, too.
async fn assert_plays(app: &TestApp) {
    for path in PLAYED.iter().chain(&PLAYED) {
        assert_eq!(app.get(path).await.status(), 200, "{path}");
    }
}

async fn assert_gone(app: &TestApp) {
    for path in PLAYED {
        assert_problem(app.get(path).await, 404, "clip_not_found").await;
    }
}

fn stored(app: &TestApp, clip: &Value) -> usize {
    let id = clip["id"].as_str().unwrap();
    files_below(&app.folder.path().join("data/video").join(id)).len()
}

async fn a_clip_that_plays_is_hidden_deleted_restored_and_purged(app: &TestApp) {
    app.start_encoder();
    let file = footage::bars(app.folder.path(), "a.mp4", "640x360", "25", 2, &[]);
    app.upload("short", &file).await;
    let clip = app.ended("short").await;
    assert_plays(app).await;

    send(
        app,
        Method::PATCH,
        "/api/clips/short",
        json!({ "visibility": "private" }),
    )
    .await;
    assert_gone(app).await;
    send(
        app,
        Method::PATCH,
        "/api/clips/short",
        json!({ "visibility": "public" }),
    )
    .await;
    assert_plays(app).await;

    a_poster_is_chosen(app).await;
    what_is_stored_is_weighed(app, &clip).await;

    send(app, Method::DELETE, "/api/clips/short", Value::Null).await;
    assert_gone(app).await;
    let there = stored(app, &clip);
    send(app, Method::POST, "/api/clips/short/restore", Value::Null).await;
    assert_plays(app).await;
    assert_eq!(stored(app, &clip), there, "nothing was lost");

    send(app, Method::DELETE, "/api/clips/short", Value::Null).await;
    purge(app, TimeDelta::hours(23)).await;
    assert_eq!(stored(app, &clip), there, "it may still be wanted back");
    purge(app, TimeDelta::hours(25)).await;
    assert_eq!(stored(app, &clip), 0);
    assert_gone(app).await;
    let restore = app
        .post("/api/clips/short/restore", &Value::Null)
        .send()
        .await
        .unwrap();
    assert_problem(restore, 410, "clip_purged").await;
    app.until("the rows to follow", async || {
        let rows = app.services.db.all(clipper_projections::clips::due_for_purge(
            SystemClock.now() + TimeDelta::hours(99),
            9,
        ));
        rows.await.unwrap().is_empty().then_some(())
    })
    .await;
    app.assert_rebuilt_equals_live().await;
}

async fn put_poster(app: &TestApp, content_type: &str, body: Vec<u8>) -> reqwest::Response {
    let request = app
        .client
        .put(app.url("/api/clips/short/poster"))
        .bearer_auth(KEY);
    let request = request.header("content-type", content_type).body(body);
    request.send().await.unwrap()
}

/// The size of the picture that stands for the clip, by its address.
async fn poster_size(app: &TestApp, clip: &Value) -> String {
    let path = clip["poster_url"].as_str().unwrap();
    assert!(path.contains("?v="), "{path}");
    let answer = app.get(path).await;
    assert_eq!(answer.headers()["content-type"], "image/jpeg");
    assert!(
        answer.headers()["cache-control"]
            .to_str()
            .unwrap()
            .ends_with("immutable")
    );
    let file = app.folder.path().join("poster.jpg");
    std::fs::write(&file, answer.bytes().await.unwrap()).unwrap();
    let size = [
        "-show_entries",
        "stream=width,height",
        "-of",
        "csv=p=0",
        file.to_str().unwrap(),
    ];
    footage::ffprobe(&size).trim().to_owned()
}

async fn a_poster_is_chosen(app: &TestApp) {
    let found = app.json("/api/clips/short").await["poster_url"].clone();
    let moment =
        async |at: f64| put_poster(app, "application/json", json!({ "at": at }).to_string().into()).await;
    let clip: Value = moment(1.3).await.json().await.unwrap();
    assert_eq!(clip["poster_chosen"], true);
    assert_eq!(poster_size(app, &clip).await, "640,360");
    let again: Value = moment(1.3).await.json().await.unwrap();
    assert_eq!(
        again["poster_url"], clip["poster_url"],
        "the same picture is no news"
    );
    for outside in [-1.0, 2.5, 1e9] {
        assert_problem(moment(outside).await, 400, "invalid_request").await;
    }
    let picture = app.folder.path().join("large.png");
    footage::ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        "testsrc=s=2400x1800",
        "-frames:v",
        "1",
        picture.to_str().unwrap(),
    ]);
    let picture = std::fs::read(picture).unwrap();
    let clip: Value = put_poster(app, "image/png", picture.clone())
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(poster_size(app, &clip).await, "1440,1080");
    let broken = [
        b"<svg/>".to_vec(),
        picture[..2_000].to_vec(),
        b"\xff\xd8\xff\xe0".to_vec(),
    ];
    for body in broken {
        assert_problem(put_poster(app, "image/png", body).await, 422, "not_a_picture").await;
    }
    let text = put_poster(app, "text/plain", picture).await;
    assert_problem(text, 415, "unsupported_media_type").await;
    assert_eq!(posters(app), 1, "what was replaced is gone");
    it_outlives_an_encoding(app, &clip, found.as_str().unwrap()).await;
}

fn posters(app: &TestApp) -> usize {
    let files = files_below(&app.folder.path().join("data/video"));
    files.iter().filter(|file| file.contains("/poster/")).count()
}

/// The picture that was found before is there again in the end, under the address of the later encoding.
async fn it_outlives_an_encoding(app: &TestApp, clip: &Value, found: &str) {
    let again = app.post("/api/clips/short/encodings", &json!({ "qualities": ["480p"] }));
    assert_eq!(again.send().await.unwrap().status(), 202);
    app.until("the second generation to play", async || {
        let now = app.json("/api/clips/short").await;
        (now["storyboard_url"].as_str()?.ends_with("?g=2"))
            .then(|| assert_eq!(now["poster_url"], clip["poster_url"]))
    })
    .await;
    let reset = send(app, Method::DELETE, "/api/clips/short/poster", Value::Null).await;
    assert_eq!(reset["poster_url"], format!("{found}?g=2"));
    for rung in app.json("/api/clips/short").await["encoding"]["rungs"]
        .as_array()
        .unwrap()
    {
        assert_eq!(
            (&rung["percent"], &rung["playable"]),
            (&json!(100.0), &json!(true))
        );
    }
}

async fn what_is_stored_is_weighed(app: &TestApp, clip: &Value) {
    let storage = send(app, Method::GET, "/api/ops/storage", Value::Null).await;
    let folder = app
        .folder
        .path()
        .join("data/video")
        .join(clip["id"].as_str().unwrap());
    let bytes = |below: &str| -> u64 {
        let files = files_below(&folder.join(below)).into_iter();
        let files = files.filter(|file| !file.contains(".m3u8"));
        files
            .map(|file| folder.join(below).join(file).metadata().unwrap().len())
            .sum()
    };
    let (rung, source) = (&storage["qualities"][0], &storage["qualities"][1]);
    assert_eq!(
        (&rung["quality"], &rung["bytes"]),
        (&json!("480p"), &json!(bytes("2/480p")))
    );
    assert_eq!(
        (&source["quality"], &source["bytes"]),
        (&json!("source"), &json!(bytes("source")))
    );
    assert_eq!(
        storage["owners"],
        json!([{ "owner_id": "admin", "clips": 1, "bytes": storage["bytes"] }])
    );
}

/// What the janitor does, so much later.
async fn purge(app: &TestApp, later: TimeDelta) {
    let writing = Shutdown::new();
    let (writer, task) = LogWriter::new(
        app.services.db.clone(),
        Log::Clip,
        std::sync::Arc::new(SystemClock),
    );
    writing.spawn("clip log", task);
    let commands = ClipCommands::new(app.services.logs.clone(), writer, "the test".to_owned());
    let purge = Purge {
        media: &app.services.media,
        clips: &commands,
        actor: "janitor",
    };
    let now = SystemClock.now() + later;
    purge.due(&app.services.db, now).await.unwrap();
    drop(commands);
    writing.abandon().await;
}
