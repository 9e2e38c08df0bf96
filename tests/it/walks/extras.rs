//! What comes beside the renditions: key frames and still pictures.

use std::path::{Path, PathBuf};

use clipper::hls::Severity;
use clipper::presentation::{Place, Presentation};
use serde_json::{Value, json};

use crate::support::app::{KEY, TestApp, assert_problem, files_below};
use crate::support::database::Backend;
use crate::support::{footage, on_both_databases};

on_both_databases!(a_clip_can_be_scrubbed_and_has_a_poster);

/// Asks for another generation and waits until it plays.
async fn encode_again(app: &TestApp, slug: &str) {
    let clip = app.json(&format!("/api/clips/{slug}")).await;
    let id = clip["id"].as_str().unwrap().parse().unwrap();
    let order = clipper_domain::clip::EncodingOrder::fresh();
    let command = clipper_domain::clip::ClipCommand::RequestEncoding(order);
    let context = clipper::commands::CommandContext::once("test");
    let executed = app.services.clips.execute(id, command, context).await.unwrap();
    app.services.projectors.wait_for("clips", executed.position).await;
    app.ended(slug).await;
}

async fn a_clip_can_be_scrubbed_and_has_a_poster(app: &TestApp) {
    app.start_encoder();
    // Four seconds of black, then a picture, so that the choice matters.
    let fade = ["-vf", "drawbox=t=fill:color=black:enable=lt(t\\,3.9)"];
    let file = footage::bars(app.folder.path(), "a.mp4", "1280x720", "25", 14, &fade);
    app.upload("scrub", &file).await;
    let clip = app.ended("scrub").await;
    assert_eq!(clip["poster_url"], "/api/video/scrub/poster.jpg", "{clip}");
    assert_eq!(clip["storyboard_url"], "/api/video/scrub/storyboard.vtt");
    let subtitles = "1\n00:00:01,000 --> 00:00:02,000\nHello\n";
    for language in ["en", "zh-Hant"] {
        let path = app.url(&format!("/api/clips/scrub/captions/{language}"));
        let put = app.client.put(path).bearer_auth(KEY).body(subtitles);
        assert_eq!(put.send().await.unwrap().status(), 201);
    }
    let master = app.text("/api/video/scrub/master.m3u8").await;
    for line in [
        "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"subtitles\",LANGUAGE=\"zh-Hant\",NAME=\"中文 (Hant)\",AUTOSELECT=YES,\
         DEFAULT=NO,URI=\"captions/zh-Hant.m3u8\"",
        "#EXT-X-I-FRAME-STREAM-INF:",
        ",SUBTITLES=\"subtitles\"",
    ] {
        assert!(master.contains(line), "{line} is not in {master}");
    }
    let list = app.text("/api/video/scrub/captions/en.m3u8").await;
    assert!(list.contains("#EXTINF:14.000000,\nen.vtt?v="), "{list}");
    assert_breaks_no_binding_rule(app, "scrub").await;
    assert_poster_is_a_bright_picture(app, "/api/video/scrub/poster.jpg").await;
    assert_storyboard_is_whole(app, "/api/video/scrub/storyboard.vtt", "").await;

    assert_download_is_the_rung(app).await;

    encode_again(app, "scrub").await;
    let clip = app.json("/api/clips/scrub").await;
    assert_eq!(clip["poster_url"], "/api/video/scrub/poster.jpg?g=2", "{clip}");
    assert_breaks_no_binding_rule(app, "scrub").await;
    assert_storyboard_is_whole(app, clip["storyboard_url"].as_str().unwrap(), "?g=2").await;
    app.assert_rebuilt_equals_live().await;
}

/// One file with every frame of the best rung, of which any part can be had.
async fn assert_download_is_the_rung(app: &TestApp) {
    let path = "/api/video/scrub/download.mp4";
    let response = app.get(path).await;
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(
        header("content-disposition"),
        "attachment; filename=\"scrub.mp4\"; filename*=UTF-8''scrub.mp4"
    );
    assert_eq!(
        (header("content-type"), header("accept-ranges")),
        ("video/mp4".to_owned(), "bytes".to_owned())
    );
    let (etag, length) = (header("etag"), header("content-length"));
    let whole = response.bytes().await.unwrap();
    assert_eq!(whole.len().to_string(), length);
    let file = app.folder.path().join("download.mp4");
    std::fs::write(&file, &whole).unwrap();
    let rung = PathBuf::from(app.url("/api/video/scrub/720p.m3u8"));
    // Beside the connections of this test, which want to be looked after.
    let compared = tokio::task::spawn_blocking(move || assert_same_frames(&file, &rung));
    compared.await.unwrap();
    let count = whole.len();
    for range in [0..1, 100..70_000, count / 3..count / 3 * 2, count - 1..count] {
        let wanted = format!("bytes={}-{}", range.start, range.end - 1);
        let part = app
            .client
            .get(app.url(path))
            .header("range", wanted)
            .header("if-range", &etag);
        let part = part.send().await.unwrap();
        assert_eq!(part.status(), 206);
        assert!(
            part.bytes().await.unwrap() == whole.slice(range.clone()),
            "{range:?}"
        );
    }
    let beyond = app
        .client
        .get(app.url(path))
        .header("range", format!("bytes={count}-"));
    assert_problem(beyond.send().await.unwrap(), 416, "range_not_satisfiable").await;
}

fn assert_same_frames(file: &Path, rung: &Path) {
    for stream in ["v", "a"] {
        let frames = footage::decoded(file, stream);
        assert!(frames == footage::decoded(rung, stream), "{stream} differs");
        assert!(stream == "a" || frames.len() == 350, "{}", frames.len());
    }
}

/// Our own validator finds nothing that must not be, with or without captions.
pub(super) async fn assert_breaks_no_binding_rule(app: &TestApp, slug: &str) {
    let place = Place::parse(&app.url(&format!("/api/video/{slug}/master.m3u8"))).unwrap();
    let presentation = Presentation::load(&place).await.unwrap();
    for report in presentation.validate() {
        let broken: Vec<_> = report
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Must)
            .collect();
        assert!(broken.is_empty(), "{}: {broken:?}", report.playlist);
    }
}

async fn assert_poster_is_a_bright_picture(app: &TestApp, path: &str) {
    let response = app.get(path).await;
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "image/jpeg");
    assert_eq!(header("cache-control"), "public, max-age=31536000, immutable");
    let etag = header("etag");
    let file = app.folder.path().join("poster.jpg");
    std::fs::write(&file, response.bytes().await.unwrap()).unwrap();
    assert_eq!(size(&file), "1280,720");
    let black = footage::lines_about(&file, "blackframe=amount=90");
    assert!(!black.contains("pblack"), "{black}");
    let again = app.client.get(app.url(path)).header("if-none-match", etag);
    assert_eq!(again.send().await.unwrap().status(), 304);
}

fn size(file: &Path) -> String {
    let entries = ["-show_entries", "stream=width,height", "-of", "csv=p=0"];
    let printed = footage::ffprobe(&[&entries[..], &[file.to_str().unwrap()]].concat());
    printed.trim().to_owned()
}

/// Seven pictures of two seconds each, each a part of a sheet that is there.
async fn assert_storyboard_is_whole(app: &TestApp, path: &str, query: &str) {
    let text = app.text(path).await;
    let place = format!("\n\n00:00:00.000 --> 00:00:02.000\nstoryboard-0.jpg{query}#xywh=0,0,160,88\n");
    assert!(text.starts_with("WEBVTT") && text.contains(&place), "{text}");
    assert_eq!(text.matches(" --> ").count(), 7, "{text}");
    assert!(text.contains(" --> 00:00:14.000\n"), "{text}");
    let response = app
        .get(&format!("/api/video/scrub/storyboard-0.jpg{query}"))
        .await;
    assert_eq!(response.status(), 200);
    let file = app.folder.path().join("sheet.jpg");
    std::fs::write(&file, response.bytes().await.unwrap()).unwrap();
    assert_eq!(size(&file), "1120,88");
    let missing = app
        .get(&format!("/api/video/scrub/storyboard-1.jpg{query}"))
        .await;
    assert_problem(missing, 404, "thumbnail_not_found").await;
}

#[actix::test]
async fn the_shortest_clip_has_its_pictures_and_the_stored_tree_plays_as_it_is() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    app.start_encoder();
    let file = footage::bars(
        app.folder.path(),
        "a.mp4",
        "320x180",
        "30",
        1,
        &["-frames:v", "3"],
    );
    app.upload("blink", &file).await;
    let clip = app.ended("blink").await;
    let text = app.text(clip["storyboard_url"].as_str().unwrap()).await;
    assert_eq!(text.matches(" --> ").count(), 1, "{text}");
    assert_eq!(app.get(clip["poster_url"].as_str().unwrap()).await.status(), 200);

    let root = app.folder.path().join("data/video");
    let tree = root.join(clip["id"].as_str().unwrap()).join("1");
    let files = files_below(&tree);
    for file in [
        "master.m3u8",
        "480p/iframes.m3u8",
        "poster.jpg",
        "storyboard-0.jpg",
        "storyboard.vtt",
    ] {
        assert!(files.contains(&file.to_owned()), "{file} is not among {files:?}");
    }
    let place = Place::parse(tree.join("master.m3u8").to_str().unwrap()).unwrap();
    let reports = Presentation::load(&place).await.unwrap().validate();
    let broken = reports
        .iter()
        .flat_map(|report| &report.findings)
        .find(|finding| finding.severity == Severity::Must);
    assert_eq!(broken, None);
    app.finish().await;
}

#[actix::test]
async fn a_clip_whose_pictures_cannot_be_made_plays_without() {
    let tools = tempfile::tempdir().unwrap();
    let ffmpeg = super::ffmpeg_told_otherwise(tools.path(), "mjpeg", "no-such-encoder");
    let app = TestApp::spawn_with(Backend::Sqlite, |config| {
        config.encode.ffmpeg = ffmpeg;
        config.encode.sandbox = clipper::sandbox::Mode::Off;
    })
    .await;
    app.start_encoder();
    let file = footage::bars(app.folder.path(), "a.mp4", "320x180", "25", 1, &[]);
    app.upload("plain", &file).await;
    let clip = app.ended("plain").await;
    assert_eq!(clip["hls_processing_status"], "completed", "{clip}");
    assert_eq!(
        (&clip["poster_url"], &clip["storyboard_url"]),
        (&Value::Null, &Value::Null)
    );
    assert_problem(
        app.get("/api/video/plain/poster.jpg").await,
        404,
        "thumbnail_not_found",
    )
    .await;
    assert_problem(
        app.get("/api/video/none/download.mp4").await,
        404,
        "clip_not_found",
    )
    .await;
    let path = app.url("/api/clips/plain/history");
    let history = app.client.get(path).bearer_auth(KEY).send().await.unwrap();
    let history: Value = history.json().await.unwrap();
    let told = |event: &Value| event["event_type"] == json!("ThumbnailsReady");
    assert!(!history["events"].as_array().unwrap().iter().any(told));
    app.finish().await;
}
