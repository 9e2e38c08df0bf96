//! Whole walks with real ffmpeg: from an upload to renditions that independent programs play.

mod copies;
mod deletion;
mod extras;
mod playback;
mod queue;
mod workers;

use std::path::{Path, PathBuf};

use clipper::sandbox::Mode;
use serde_json::Value;

use crate::support::app::{KEY, TestApp, assert_problem};
use crate::support::database::Backend;
use crate::support::{footage, on_both_databases};

on_both_databases!(an_upload_becomes_playable_in_every_rung);

async fn an_upload_becomes_playable_in_every_rung(app: &TestApp) {
    app.start_encoder();
    let file = footage::full_hd_seconds(app.folder.path(), 8);
    app.upload("real", &file).await;
    let clip = app.ended("real").await;
    assert_eq!(clip["hls_processing_status"], "completed", "{clip}");
    assert_eq!(
        clip["hls_qualities"],
        serde_json::json!(["480p", "720p", "1080p"])
    );
    assert_eq!(clip["encoding"]["percent"], 100.0);
    assert_events_belong_together(app, "real").await;

    let variants = clip["variants"].as_array().unwrap();
    let sizes: Vec<_> = variants
        .iter()
        .map(|v| (v["width"].as_u64().unwrap(), v["height"].as_u64().unwrap()))
        .collect();
    assert_eq!(sizes, [(854, 480), (1280, 720), (1920, 1080)]);
    let mut grids = vec![];
    for variant in variants.clone() {
        let quality = variant["quality"].as_str().unwrap();
        let url = app.url(&format!("/api/video/real/{quality}.m3u8"));
        // The server, and what is connected to it, live in this thread.
        let looks = tokio::task::spawn_blocking(move || {
            assert_rung_is_as_declared(&url, &variant);
            key_frames(&url)
        });
        grids.push(looks.await.unwrap());
    }
    assert!(grids[0].len() >= 4, "{grids:?}");
    assert!(
        grids.windows(2).all(|pair| pair[0] == pair[1]),
        "key frames do not coincide: {grids:?}"
    );
    app.assert_rebuilt_equals_live().await;
}

/// What an encoder did says which request asked for it, and which event.
async fn assert_events_belong_together(app: &TestApp, slug: &str) {
    let path = app.url(&format!("/api/clips/{slug}/history"));
    let history = app.client.get(path).bearer_auth(KEY).send().await.unwrap();
    let history: Value = history.json().await.unwrap();
    let events = history["events"].as_array().unwrap();
    let named = |name: &str| events.iter().find(|event| event["event_type"] == name).unwrap();
    let requested = named("EncodingRequested");
    for name in ["EncodingStarted", "VariantReady", "EncodingCompleted"] {
        let metadata = &named(name)["metadata"];
        assert_eq!(
            metadata["correlation_id"], requested["metadata"]["correlation_id"],
            "{name}"
        );
        assert_eq!(
            metadata["causation_id"],
            format!("clip/{}", requested["position"]),
            "{name}"
        );
        assert!(
            metadata["actor"].as_str().unwrap().starts_with("worker:"),
            "{name}"
        );
    }
}

/// ffprobe and ffmpeg play the rung over HTTP and find what was declared.
fn assert_rung_is_as_declared(url: &str, variant: &Value) {
    let entries = "stream=codec_type,width,height,sample_aspect_ratio,r_frame_rate";
    let probed: Value =
        serde_json::from_str(&footage::ffprobe(&["-of", "json", "-show_entries", entries, url])).unwrap();
    let streams = probed["streams"].as_array().unwrap();
    let picture = streams
        .iter()
        .find(|stream| stream["codec_type"] == "video")
        .unwrap();
    assert_eq!(
        (&picture["width"], &picture["height"]),
        (&variant["width"], &variant["height"])
    );
    assert_eq!(
        (
            picture["sample_aspect_ratio"].as_str(),
            picture["r_frame_rate"].as_str()
        ),
        (Some("1:1"), Some("24/1"))
    );
    assert!(streams.iter().any(|stream| stream["codec_type"] == "audio"));
    // Decodes every frame; a word of complaint fails the test.
    footage::ffmpeg(&["-i", url, "-f", "null", "-"]);
}

fn key_frames(url: &str) -> Vec<String> {
    let arguments = [
        "-select_streams",
        "v",
        "-show_entries",
        "packet=pts_time,flags",
        "-of",
        "csv=p=0",
        url,
    ];
    let packets = footage::ffprobe(&arguments);
    packets
        .lines()
        .filter(|line| line.contains('K'))
        .filter_map(|line| line.split(',').next())
        .map(str::to_owned)
        .collect()
}

/// Stands in for ffmpeg: runs the real one with one thing in its arguments replaced by another.
fn ffmpeg_told_otherwise(folder: &Path, said: &str, meant: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let program = folder.join("ffmpeg-told-otherwise");
    let script = format!(
        "#!/bin/sh\nleft=$#\nwhile [ $left -gt 0 ]; do\n  word=$(printf %s \"$1\" | sed 's/{said}/{meant}/')\n  \
         shift\n  set -- \"$@\" \"$word\"\n  left=$((left - 1))\ndone\nexec ffmpeg \"$@\"\n"
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program
}

#[actix::test]
async fn a_rung_that_is_not_as_planned_is_not_published() {
    let tools = tempfile::tempdir().unwrap();
    let ffmpeg = ffmpeg_told_otherwise(tools.path(), "scale=1280:720", "scale=1280:704");
    let app = TestApp::spawn_with(Backend::Sqlite, |config| {
        config.encode.ffmpeg = ffmpeg;
        config.encode.copy = false;
        // A script starts other programs.
        config.encode.sandbox = Mode::Off;
    })
    .await;
    app.start_encoder();
    let file = footage::bars(app.folder.path(), "a.mp4", "1280x720", "25", 4, &[]);
    app.upload("damaged", &file).await;
    let clip = app.ended("damaged").await;
    assert_eq!(clip["hls_processing_status"], "partial", "{clip}");
    assert_eq!(clip["hls_qualities"], serde_json::json!(["480p"]));
    assert_eq!(clip["encoding"]["failure"]["code"], "some_rungs_failed");
    let history = app
        .client
        .get(app.url("/api/clips/damaged/history"))
        .bearer_auth(KEY)
        .send()
        .await
        .unwrap();
    let history: Value = history.json().await.unwrap();
    let failed = |event: &&Value| event["event_type"] == "VariantFailed";
    let reason = history["events"].as_array().unwrap().iter().find(failed).unwrap();
    assert!(
        reason["payload"]["reason"]
            .as_str()
            .unwrap()
            .contains("segment 0 is 1280x704 instead of 1280x720"),
        "{reason}"
    );
    assert_problem(
        app.get("/api/video/damaged/720p.m3u8").await,
        404,
        "variant_not_found",
    )
    .await;
    assert!(!app.text("/api/video/damaged/master.m3u8").await.contains("720p"));
    app.finish().await;
}

#[actix::test]
async fn an_encoder_that_is_not_there_is_tried_again_later() {
    let app = TestApp::spawn_with(Backend::Sqlite, |config| {
        config.encode.ffmpeg = "no-such-ffmpeg".into();
    })
    .await;
    app.start_encoder();
    let file = footage::bars(app.folder.path(), "a.mp4", "320x180", "25", 1, &[]);
    app.upload("waiting", &file).await;
    app.until("the clip to be tried again", async || {
        let clip = app.json("/api/clips/waiting").await;
        (clip["encoding"]["state"] == "retrying").then_some(())
    })
    .await;
    assert_eq!(
        app.json("/api/clips/waiting").await["hls_processing_status"],
        "processing"
    );
    app.finish().await;
}

#[actix::test]
async fn shapes_and_rates_are_kept_and_nothing_is_upscaled() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    app.start_encoder();
    let folder = app.folder.path();
    let silent: [&str; 1] = ["-an"];
    let turned = folder.join("turned.mp4");
    let landscape = footage::bars(folder, "landscape.mp4", "1280x720", "30", 2, &[]);
    let rotate = [
        "-display_rotation",
        "90",
        "-i",
        landscape.to_str().unwrap(),
        "-c",
        "copy",
        turned.to_str().unwrap(),
    ];
    // ffmpeg 5.1 has no option to write the rotation; the tag that it writes instead is read just as well.
    let tag = [
        "-i",
        landscape.to_str().unwrap(),
        "-c",
        "copy",
        "-metadata:s:v:0",
        "rotate=90",
        turned.to_str().unwrap(),
    ];
    if footage::try_ffmpeg(&rotate).is_err() {
        footage::ffmpeg(&tag);
    }
    let cases = [
        (
            "portrait",
            footage::bars(folder, "p.mp4", "720x1280", "25", 2, &[]),
            vec![(480, 854), (720, 1280)],
        ),
        ("turned", turned, vec![(480, 854), (720, 1280)]),
        (
            "small",
            footage::bars(folder, "s.mp4", "320x180", "25", 2, &[]),
            vec![(320, 180)],
        ),
        (
            "silent",
            footage::bars(folder, "n.mp4", "640x360", "25", 2, &silent),
            vec![(640, 360)],
        ),
        (
            "fast",
            footage::bars(folder, "f.mp4", "1280x720", "60000/1001", 3, &[]),
            vec![(854, 480), (1280, 720)],
        ),
        (
            "short",
            footage::bars(folder, "t.mp4", "640x360", "30", 1, &["-frames:v", "3"]),
            vec![(640, 360)],
        ),
    ];
    for (slug, file, expected) in cases {
        app.upload(slug, &file).await;
        let clip = app.ended(slug).await;
        assert_eq!(clip["hls_processing_status"], "completed", "{clip}");
        let size = |v: &Value| (v["width"].as_u64().unwrap(), v["height"].as_u64().unwrap());
        let sizes: Vec<_> = clip["variants"].as_array().unwrap().iter().map(size).collect();
        assert_eq!(sizes, expected, "{slug}");
        let rates: Vec<f64> = clip["variants"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v["frame_rate"].as_f64().unwrap())
            .collect();
        if slug == "fast" {
            assert_eq!(
                rates
                    .iter()
                    .map(|rate| (rate * 1_000.0).round())
                    .collect::<Vec<_>>(),
                [29_970.0, 59_940.0]
            );
        }
        if slug == "silent" {
            assert!(!clip["variants"][0]["codec"].as_str().unwrap().contains("mp4a"));
        }
    }
    app.finish().await;
}

/// A picture without detail is not worth a third rung; real footage is worth all of them.
#[actix::test]
async fn a_rung_that_would_show_no_more_is_not_made() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    app.start_encoder();
    let flat = app.folder.path().join("flat.mp4");
    let picture = "gradients=size=1920x1080:rate=25:duration=3:speed=0.01:nb_colors=2:c0=gray:c1=gray";
    footage::ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        picture,
        "-c:v",
        "libx264",
        "-g",
        "500",
        "-pix_fmt",
        "yuv444p",
        flat.to_str().unwrap(),
    ]);
    app.upload("flat", &flat).await;
    let clip = app.ended("flat").await;
    assert_eq!(clip["hls_processing_status"], "completed", "{clip}");
    assert_eq!(clip["hls_qualities"], serde_json::json!(["480p", "720p"]));
    app.finish().await;
}
