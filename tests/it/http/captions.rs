//! Captions: what is accepted, what becomes of it, and who may say so.

use reqwest::Response;
use serde_json::{Value, json};

use crate::support::app::{KEY, TestApp, assert_problem, files_below};
use crate::support::on_both_databases;

on_both_databases!(
    captions_are_added_replaced_and_removed,
    captions_that_cannot_be_shown_are_refused
);

const ENGLISH: &str = "1\n00:00:01,000 --> 00:00:02,000\n<font color=red>Hello</font> & <i>bye</i>\n";

async fn put(app: &TestApp, language: &str, body: impl Into<reqwest::Body>) -> Response {
    let path = app.url(&format!("/api/clips/talk/captions/{language}"));
    app.client
        .put(path)
        .bearer_auth(KEY)
        .body(body)
        .send()
        .await
        .unwrap()
}

async fn remove(app: &TestApp, language: &str) -> Response {
    let path = app.url(&format!("/api/clips/talk/captions/{language}"));
    app.client.delete(path).bearer_auth(KEY).send().await.unwrap()
}

fn stored(app: &TestApp) -> usize {
    let files = files_below(&app.folder.path().join("data/video"));
    files.iter().filter(|file| file.contains("/captions/")).count()
}

async fn captions_are_added_replaced_and_removed(app: &TestApp) {
    app.register("talk").await;
    let added = put(app, "EN-us", ENGLISH).await;
    assert_eq!(added.status(), 201);
    let added: Value = added.json().await.unwrap();
    assert_eq!(
        (&added["language"], &added["name"], &added["url"], &added["cues"]),
        (
            &json!("en-US"),
            &json!("English (US)"),
            &json!("/api/video/talk/captions/en-US.vtt"),
            &json!(1)
        )
    );
    assert_eq!(app.json("/api/clips/talk").await["captions"], json!([added]));
    let text = app.text("/api/video/talk/captions/en-us.vtt").await;
    assert_eq!(
        text,
        "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000\n\n\
         00:00:01.000 --> 00:00:02.000\nHello &amp; <i>bye</i>\n"
    );
    let download = app.get("/api/video/talk/download.mp4").await;
    assert_problem(download, 404, "download_not_available").await;
    // Nothing is playable yet, so that there is nothing to be as long as.
    let list = app.get("/api/video/talk/captions/en-US.m3u8").await;
    assert_problem(list, 404, "hls_not_available").await;

    assert_eq!(put(app, "en-US", ENGLISH).await.status(), 200);
    let other = format!(
        "\u{feff}WEBVTT\n\n{}",
        ENGLISH.replace(',', ".").replace("Hello", "Hi")
    );
    assert_eq!(put(app, "en-US", other).await.status(), 200);
    assert_eq!(put(app, "de", ENGLISH).await.status(), 201);
    assert!(
        app.text("/api/video/talk/captions/en-US.vtt")
            .await
            .contains("Hi &amp;")
    );
    assert_eq!(stored(app), 2, "what was replaced or known is not kept");
    app.assert_rebuilt_equals_live().await;

    assert_eq!(remove(app, "en-US").await.status(), 204);
    assert_problem(remove(app, "en-US").await, 404, "captions_not_found").await;
    let gone = app.get("/api/video/talk/captions/en-US.vtt").await;
    assert_problem(gone, 404, "captions_not_found").await;
    assert_eq!(stored(app), 1);
    let before = app.client.get(app.url("/api/clips/talk?at=2")).bearer_auth(KEY);
    let before: Value = before.send().await.unwrap().json().await.unwrap();
    assert_eq!(before["captions"][0]["language"], "en-US");
    app.assert_rebuilt_equals_live().await;
}

async fn captions_that_cannot_be_shown_are_refused(app: &TestApp) {
    app.register("talk").await;
    assert_problem(put(app, "english!", ENGLISH).await, 400, "invalid_language").await;
    let latin: &[u8] = b"1\n00:00:01,000 --> 00:00:02,000\nGr\xfc\xdfe\n";
    assert_problem(put(app, "de", latin).await, 422, "captions_not_utf8").await;
    let problem = assert_problem(
        put(app, "de", "WEBVTT\n\n00:03.000 --> 00:02.000\nx\n").await,
        422,
        "captions_malformed",
    )
    .await;
    assert_eq!(problem["detail"], "Line 3: the caption ends before it begins.");
    assert_problem(put(app, "de", "x".repeat((1 << 20) + 1)).await, 413, "too_large").await;

    let path = app.url("/api/clips/talk/captions/de");
    let nobody = app.client.put(&path).body(ENGLISH).send().await.unwrap();
    assert_problem(nobody, 401, "unauthorized").await;
    let unknown = app.client.put(app.url("/api/clips/none/captions/de"));
    let unknown = unknown.bearer_auth(KEY).body(ENGLISH).send().await.unwrap();
    assert_problem(unknown, 404, "clip_not_found").await;
    assert_eq!(stored(app), 0);
}

#[actix::test]
async fn a_clip_has_captions_in_so_many_languages_and_no_more() {
    let app = TestApp::spawn(crate::support::database::Backend::Sqlite).await;
    app.register("talk").await;
    for number in 0..100_u8 {
        let language = format!(
            "q{}{}",
            char::from(b'a' + number / 10),
            char::from(b'a' + number % 10)
        );
        assert_eq!(put(&app, &language, ENGLISH).await.status(), 201, "{language}");
    }
    assert_problem(put(&app, "en", ENGLISH).await, 409, "too_many_captions").await;
    assert_eq!(stored(&app), 100);
    app.finish().await;
}
