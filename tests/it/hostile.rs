//! Awkward and hostile files. Where the folder of collected ones lies beside the checkout, every one of them is sent.

use std::path::Path;
use std::time::Duration;

use clipper::config::Config;

use crate::support::app::{TestApp, files_below};
use crate::support::database::Backend;
use crate::support::footage;
use crate::support::screen::{self, Screening};

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
const REFUSED: [(&str, &str); 21] = [
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
    ("x_png_30000x30000.mp4", "not_a_video"),
    ("x_random_64k.mp4", "not_a_video"),
    ("x_svg_external.mp4", "not_a_video"),
    ("zero_bytes.mp4", "empty_source"),
];

/// Files that must play: rotated, anamorphic, interlaced, damaged, of a variable rate, HDR, with odd codecs and sizes.
const PLAYABLE: [&str; 34] = [
    "android_720p_rot90_1s.mp4",
    "arm_340x256_sar64_51_10s.mp4",
    "av1_360p_5s.mkv",
    "bbb_1080p60_vp8_6ch_1s.webm",
    "bbb_mpeg2_mp2_1080p24_start1.5.ts",
    "bbb_start10s_sar.mp4",
    "bee_720p2997_stereo_4s.mp4",
    "canon_mjpeg_pcm_640x480_3s.avi",
    "corrupted_decord.mp4",
    "decord_rot180_0.1s.mov",
    "decord_rot270_0.1s.mov",
    "dog_576i25_bff_sar64_45_4s.mpg",
    "dog_audio_starts_0.8s_late.mp4",
    "dog_hostile_metadata.mp4",
    "dog_prores422lt_pcm24_0.8s.mov",
    "dog_single_gop_8s.mp4",
    "dog_theora_3s.ogv",
    "dog_vp9_odd641x361_opus_3s.webm",
    "edit_list_preroll_only.mp4",
    "flower_540p_vp8_5s.webm",
    "gif_odd_314x273_3s.gif",
    "gif_people_480x270_2s.gif",
    "hdr10_pq_hevc10_1080p_1s.mp4",
    "iphone_rot90_gps_568x320_4s.mov",
    "iphone_rot90_mono_2s.mov",
    "phone_h263_amr_sar12_11_15s.3gp",
    "pixel_hevc_rot90_metadata_0.1s.mp4",
    "roadtrip_vp9_10bit_3s.webm",
    "sample_h264_ac3_vfr.mkv",
    "sample_mpeg4_mp3_960x400.avi",
    "sample_pgs_subtitles.mkv",
    "ts_3pct_packets_lost.ts",
    "webm_no_duration_vp9_opus.webm",
    "x_tiny_2x2.mp4",
];

/// Files that must play, and take longer.
const LONGER: [&str; 10] = [
    "bbb_1080p24_6ch_30s.mp4",
    "bbb_1080p60_6ch_10s.mp4",
    "bbb_480p24_6ch_30s.mp4",
    "bottle_640x360_2983fps_noaudio_40s.mp4",
    "car_768x432_12.5fps_30s.mp4",
    "dog_720p2997_stereo_10s.mp4",
    "foreman_hevc_720p_10s.mp4",
    "juggle_720p24_noaudio_10s.mp4",
    "phone_portrait_1080x1916_noaudio_6s.mp4",
    "screencast_monolens_1070x700_vfr_8s.mov",
];

/// Files that must play, each with a walk of its own.
const ALONE: [&str; 2] = ["long_362s_1080p30_lowbitrate.mp4", "portrait_4k60_rot90_0.3s.mp4"];

#[test]
fn every_file_of_the_collection_is_expected_to_be_refused_or_to_play() {
    let Some(corpus) = footage::corpus() else { return };
    let mut known: Vec<&str> = REFUSED.iter().map(|(name, _)| *name).collect();
    known.extend(PLAYABLE.iter().chain(&LONGER).chain(&ALONE));
    known.push("manifest.tsv");
    known.sort_unstable();
    assert_eq!(files_below(&corpus), known);
}

#[actix::test]
async fn every_refused_file_of_the_collection_has_its_code() {
    let Some(corpus) = footage::corpus() else { return };
    let app = TestApp::spawn(Backend::Sqlite).await;
    app.register("refused").await;
    let mut wrong = vec![];
    for (name, code) in REFUSED {
        let body = tokio::fs::read(corpus.join(name)).await.unwrap();
        let began = std::time::Instant::now();
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
        // All of them are small: what takes long here could take for ever.
        if began.elapsed() > Duration::from_secs(20) {
            wrong.push(format!("{name} took {:?}", began.elapsed()));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(
        files_below(&app.folder.path().join("data/video")),
        Vec::<String>::new()
    );
    app.finish().await;
}

/// Sends every file, waits, and looks at what is published with other programs' eyes.
async fn screen_all(names: &[&str], change: impl FnOnce(&mut Config)) {
    let Some(corpus) = footage::corpus() else { return };
    let app = TestApp::spawn_with(Backend::Sqlite, change).await;
    app.start_encoder();
    let mut wrong = vec![];
    for (n, name) in names.iter().enumerate() {
        let said = play(&app, &corpus.join(name), &format!("clip-{n}")).await;
        wrong.extend(said.into_iter().map(|what| format!("{name}: {what}")));
    }
    assert_eq!(wrong, Vec::<String>::new());
    app.finish().await;
}

async fn play(app: &TestApp, file: &Path, slug: &str) -> Vec<String> {
    app.register(slug).await;
    let body = tokio::fs::read(file).await.unwrap();
    let answer = app.put_source(slug, body).send().await.unwrap();
    if answer.status() != 202 {
        return vec![answer.text().await.unwrap()];
    }
    let clip = app.ended_within(slug, Duration::from_mins(7)).await;
    if clip["hls_processing_status"] != "completed" {
        return vec![clip["encoding"].to_string()];
    }
    Screening::of(app, slug, file).await.complaints().await
}

#[actix::test]
async fn walk_every_awkward_file_of_the_collection_plays_in_every_rung() {
    screen_all(&PLAYABLE, |_| {}).await;
}

#[actix::test]
async fn walk_every_longer_file_of_the_collection_plays_in_every_rung() {
    screen_all(&LONGER, |_| {}).await;
}

#[actix::test]
async fn walk_a_turned_4k_picture_at_60_frames_plays_in_all_five_rungs() {
    let all = |config: &mut Config| config.encode.qualities = "480p,720p,1080p,2k,4k".to_owned();
    screen_all(&["portrait_4k60_rot90_0.3s.mp4"], all).await;
}

#[actix::test]
async fn walk_six_minutes_play_from_seven_ranges() {
    let two = |config: &mut Config| config.encode.qualities = "480p,720p".to_owned();
    screen_all(&["long_362s_1080p30_lowbitrate.mp4"], two).await;
}

#[actix::test]
async fn walk_sound_that_begins_late_still_does() {
    let Some(corpus) = footage::corpus() else { return };
    let app = TestApp::spawn(Backend::Sqlite).await;
    app.start_encoder();
    app.upload("late", &corpus.join("dog_audio_starts_0.8s_late.mp4"))
        .await;
    app.ended("late").await;
    for quality in ["480p", "720p"] {
        let url = app.url(&format!("/api/video/late/{quality}.m3u8"));
        let (begins, ends) = screen::first_silence(&url).expect("it begins with silence");
        assert!(
            begins.abs() < 0.05 && (0.75..0.9).contains(&ends),
            "{quality}: {begins} to {ends}"
        );
    }
    app.finish().await;
}
