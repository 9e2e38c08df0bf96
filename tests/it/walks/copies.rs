//! Sources that are a rung as they are: their pictures come out as they went in, and the other rungs follow their key frames.

use std::path::{Path, PathBuf};

use crate::support::app::TestApp;
use crate::support::database::Backend;
use crate::support::footage::{bars, decoded, ffmpeg};
use crate::support::screen::{Screening, events};

/// The source's pictures, and what is copied of them.
async fn assert_copied(app: &TestApp, slug: &str, source: &Path) {
    app.upload(slug, source).await;
    let clip = app.ended(slug).await;
    assert_eq!(clip["hls_processing_status"], "completed", "{slug}: {clip}");
    let screening = Screening::of(app, slug, source).await;
    assert_eq!(screening.plan.not_copied, [], "{slug}");
    assert_eq!(screening.complaints().await, Vec::<String>::new(), "{slug}");
    let copied = screening.plan.rungs.iter().find(|rung| rung.copied).unwrap();
    let (url, original) = (PathBuf::from(screening.url(copied)), source.to_owned());
    let same = tokio::task::spawn_blocking(move || decoded(&url, "v:0") == decoded(&original, "v:0"));
    assert!(same.await.unwrap(), "{slug}: other pictures");
    // Segments of every rung begin at the same pictures, which the screening has counted.
    let played = app.text(&format!("/api/video/{slug}/master.m3u8")).await;
    assert_eq!(
        played.matches("#EXT-X-STREAM-INF").count(),
        screening.plan.rungs.len(),
        "{slug}"
    );
}

const STEADY: [&str; 8] = ["-g", "48", "-bf", "2", "-sc_threshold", "0", "-b:v", "900k"];

/// A remux of a source under another name.
fn remuxed(source: &Path, name: &str, options: &[&str]) -> PathBuf {
    let target = source.with_file_name(name);
    let arguments = [
        &["-i", source.to_str().unwrap(), "-c", "copy"],
        options,
        &[target.to_str().unwrap()],
    ];
    ffmpeg(&arguments.concat());
    target
}

#[actix::test]
async fn a_compliant_source_is_copied_from_every_container() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    app.start_encoder();
    let mp4 = bars(app.folder.path(), "mp4.mp4", "1280x720", "24", 7, &STEADY);
    let fragmented = ["-movflags", "+frag_keyframe+empty_moov"];
    let sources = [
        ("mkv", remuxed(&mp4, "mkv.mkv", &[])),
        ("ts", remuxed(&mp4, "ts.ts", &[])),
        ("flv", remuxed(&mp4, "flv.flv", &[])),
        ("fragmented", remuxed(&mp4, "fragmented.mp4", &fragmented)),
        ("silent", remuxed(&mp4, "silent.mp4", &["-an"])),
        ("mono", remuxed(&mp4, "mono.mp4", &["-c:a", "aac", "-ac", "1"])),
        ("mp4", mp4),
    ];
    for (slug, source) in sources {
        assert_copied(&app, slug, &source).await;
    }
    app.finish().await;
}

#[actix::test]
async fn a_compliant_source_of_any_shape_and_rate_is_copied() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    app.start_encoder();
    let folder = app.folder.path();
    let irregular = [
        "-g",
        "1000",
        "-sc_threshold",
        "0",
        "-force_key_frames",
        "0,1.3,4.1,4.7,9.2",
        "-b:v",
        "2000k",
        "-maxrate",
        "2000k",
        "-bufsize",
        "2000k",
    ];
    let twice = [
        "-g",
        "120",
        "-bf",
        "2",
        "-sc_threshold",
        "0",
        "-b:v",
        "2500k",
        "-maxrate",
        "2500k",
        "-bufsize",
        "2500k",
    ];
    // As those who stream to a broadcaster are told to.
    let live = [
        "-g",
        "60",
        "-tune",
        "zerolatency",
        "-b:v",
        "2500k",
        "-maxrate",
        "2500k",
        "-bufsize",
        "5000k",
    ];
    let sources = [
        ("narrow", bars(folder, "n.mp4", "640x480", "25", 6, &STEADY)),
        ("portrait", bars(folder, "p.mp4", "1080x1920", "30", 3, &STEADY)),
        (
            "broadcast",
            bars(folder, "b.mp4", "1280x720", "60000/1001", 5, &twice),
        ),
        (
            "irregular",
            bars(folder, "i.mp4", "1280x720", "30", 12, &irregular),
        ),
        ("live", bars(folder, "l.flv", "1280x720", "30", 7, &live)),
    ];
    for (slug, source) in sources {
        assert_copied(&app, slug, &source).await;
    }
    app.finish().await;
}

/// Pictures before a key frame that need one after it, and a level that no picture of that size needs.
#[actix::test]
async fn a_copy_that_turns_out_to_be_none_is_encoded_instead() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    app.start_encoder();
    let folder = app.folder.path();
    let open = [
        "-preset",
        "veryfast",
        "-g",
        "48",
        "-bf",
        "2",
        "-x264-params",
        "open-gop=1:scenecut=0",
    ];
    let high = ["-g", "48", "-level", "5.1"];
    let cases = [
        (
            "open",
            "720p",
            bars(folder, "open.mp4", "1280x720", "24", 7, &open),
        ),
        (
            "high",
            "480p",
            bars(folder, "high.mp4", "640x360", "24", 4, &high),
        ),
    ];
    for (slug, quality, source) in cases {
        app.upload(slug, &source).await;
        let clip = app.ended(slug).await;
        assert_eq!(clip["hls_processing_status"], "completed", "{clip}");
        let abandoned = events(&app, slug, "CopyAbandoned").await;
        assert_eq!(
            (abandoned.len(), &abandoned[0]["quality"]),
            (1, &quality.into()),
            "{slug}"
        );
        let planned = events(&app, slug, "EncodingPlanned").await;
        assert_eq!(
            planned[1]["plan"]["not_copied"],
            serde_json::json!(["invalid"]),
            "{slug}"
        );
        let screening = Screening::of(&app, slug, &source).await;
        assert_eq!(screening.complaints().await, Vec::<String>::new(), "{slug}");
    }
    app.finish().await;
}

/// A codec's priming before the picture moves nothing; sound that is worth hearing holds the first picture.
#[actix::test]
async fn sound_that_begins_before_the_picture_is_kept() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    app.start_encoder();
    let early = app.folder.path().join("early.mkv");
    let sources = [
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=640x360:rate=25:duration=3",
        "-f",
        "lavfi",
        "-i",
        "sine=duration=5",
    ];
    let made = [
        "-filter_complex",
        "[0]setpts=PTS+2/TB[v]",
        "-map",
        "[v]",
        "-map",
        "1",
        "-c:v",
        "libx264",
        "-c:a",
        "aac",
    ];
    ffmpeg(
        &[
            &sources[..],
            &made,
            &["-pix_fmt", "yuv420p", early.to_str().unwrap()],
        ]
        .concat(),
    );
    app.upload("early", &early).await;
    let clip = app.ended("early").await;
    assert_eq!(clip["hls_processing_status"], "completed", "{clip}");
    assert!(
        (clip["variants"][0]["duration"].as_f64().unwrap() - 5.0).abs() < 0.05,
        "{clip}"
    );
    app.finish().await;
}
