//! Awkward and hostile files. Where the folder of collected ones lies beside the checkout, every one of them is sent.

use std::path::Path;

use crate::support::app::{TestApp, files_below};
use crate::support::database::Backend;
use crate::support::footage;

/// An upload that is really a playlist must make nobody open what it names: neither a file nor a connection.
#[actix::test]
async fn a_playlist_called_mp4_opens_neither_file_nor_connection() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    let canary = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    canary.set_nonblocking(true).unwrap();
    let port = canary.local_addr().unwrap().port();
    // A real video next to it, which ffmpeg would gladly play through the playlist.
    let secret = footage::bars(
        app.folder.path(),
        "secret.ts",
        "320x180",
        "25",
        2,
        &["-f", "mpegts"],
    );
    app.register("attack").await;
    for target in [
        format!("http://127.0.0.1:{port}/x.ts"),
        secret.display().to_string(),
        format!("file:{}", secret.display()),
    ] {
        for body in [
            format!("#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n{target}\n#EXT-X-ENDLIST\n"),
            format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{target}\n"),
            format!("ffconcat version 1.0\nfile '{target}'\n"),
        ] {
            let answer = app.put_source("attack", body).send().await.unwrap();
            crate::support::app::assert_problem(answer, 422, "not_a_video").await;
        }
    }
    assert!(canary.accept().is_err(), "somebody connected");
    app.finish().await;
}

/// Files that must be refused, with the code that says why.
const REFUSED: [(&str, &str); 19] = [
    ("audio_only_beethoven.m4a", "no_video_stream"),
    ("audio_only_speech.mp3", "no_video_stream"),
    ("ffmpeg_lfi_exploit_xbin.avi", "no_video_stream"),
    ("missing_moov_malformed_free.mp4", "truncated"),
    ("moov_only_partial.mp4", "undecodable"),
    ("png_renamed.mp4", "not_a_video"),
    ("trunc_bee_60pct.mp4", "truncated"),
    ("trunc_flower_50pct.webm", "truncated"),
    ("x_24h_slideshow.mp4", "too_long"),
    ("x_ffconcat_etc_passwd.mp4", "not_a_video"),
    ("x_gif_65535x65535.gif", "undecodable"),
    ("x_gzip_bomb.mp4", "not_a_video"),
    ("x_h264_16000x16000_1frame.mp4", "too_many_pixels"),
    ("x_hls_master_ssrf.mov", "not_a_video"),
    ("x_hls_reads_etc_passwd.mp4", "not_a_video"),
    ("x_hls_ssrf.mp4", "not_a_video"),
    ("x_html.mp4", "not_a_video"),
    ("x_random_64k.mp4", "not_a_video"),
    ("zero_bytes.mp4", "empty_source"),
];

#[actix::test]
async fn every_refused_file_of_the_collection_has_its_code() {
    let Some(corpus) = footage::corpus() else { return };
    let app = TestApp::spawn(Backend::Sqlite).await;
    app.register("refused").await;
    let mut wrong = vec![];
    for (name, code) in REFUSED {
        let body = tokio::fs::read(corpus.join(name)).await.unwrap();
        let answer: serde_json::Value = app
            .put_source("refused", body)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        if answer["code"] != code {
            wrong.push(format!("{name}: {} instead of {code}", answer["code"]));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(
        files_below(&app.folder.path().join("data/video")),
        Vec::<String>::new()
    );
    app.finish().await;
}

/// Short files of every awkward kind: rotated, anamorphic, interlaced, variable rate, HDR, odd codecs and sizes.
const PLAYABLE: [&str; 22] = [
    "android_720p_rot90_1s.mp4",
    "av1_360p_5s.mkv",
    "bbb_mpeg2_mp2_1080p24_start1.5.ts",
    "canon_mjpeg_pcm_640x480_3s.avi",
    "decord_rot180_0.1s.mov",
    "decord_rot270_0.1s.mov",
    "dog_576i25_bff_sar64_45_4s.mpg",
    "dog_audio_starts_0.8s_late.mp4",
    "dog_hostile_metadata.mp4",
    "dog_prores422lt_pcm24_0.8s.mov",
    "dog_vp9_odd641x361_opus_3s.webm",
    "edit_list_preroll_only.mp4",
    "flower_540p_vp8_5s.webm",
    "gif_odd_314x273_3s.gif",
    "hdr10_pq_hevc10_1080p_1s.mp4",
    "iphone_rot90_gps_568x320_4s.mov",
    "pixel_hevc_rot90_metadata_0.1s.mp4",
    "phone_h263_amr_sar12_11_15s.3gp",
    "sample_h264_ac3_vfr.mkv",
    "sample_mpeg4_mp3_960x400.avi",
    "webm_no_duration_vp9_opus.webm",
    "x_tiny_2x2.mp4",
];

#[actix::test]
async fn walk_every_awkward_file_of_the_collection_becomes_playable() {
    let Some(corpus) = footage::corpus() else { return };
    let app = TestApp::spawn(Backend::Sqlite).await;
    app.start_encoder();
    let mut wrong = vec![];
    for (n, name) in PLAYABLE.iter().enumerate() {
        if let Err(problem) = play(&app, &corpus.join(name), &format!("clip-{n}")).await {
            wrong.push(format!("{name}: {problem}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    app.finish().await;
}

async fn play(app: &TestApp, file: &Path, slug: &str) -> Result<(), String> {
    app.register(slug).await;
    let answer = app
        .put_source(slug, tokio::fs::read(file).await.unwrap())
        .send()
        .await
        .unwrap();
    if answer.status() != 202 {
        return Err(answer.text().await.unwrap());
    }
    let clip = app.ended(slug).await;
    if clip["hls_processing_status"] != "completed" {
        return Err(clip["encoding"].to_string());
    }
    for quality in clip["hls_qualities"].as_array().unwrap() {
        let url = app.url(&format!("/api/video/{slug}/{}.m3u8", quality.as_str().unwrap()));
        footage::try_ffmpeg(&["-i", &url, "-f", "null", "-"])?;
    }
    Ok(())
}
