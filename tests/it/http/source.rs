use crate::support::app::{KEY, TestApp, assert_problem, files_below};
use crate::support::database::Backend;
use crate::support::{footage, on_both_databases};

on_both_databases!(
    what_is_no_video_is_refused_and_leaves_nothing,
    a_source_is_kept_once,
    a_source_needs_its_clip,
);

async fn what_is_no_video_is_refused_and_leaves_nothing(app: &TestApp) {
    app.register("bad").await;
    let folder = app.folder.path();
    let whole = std::fs::read(footage::bars(folder, "whole.mp4", "320x180", "25", 2, &[])).unwrap();
    let sound = folder.join("sound.m4a");
    let tone = [
        "-f",
        "lavfi",
        "-i",
        "sine=duration=1",
        "-c:a",
        "aac",
        sound.to_str().unwrap(),
    ];
    footage::ffmpeg(&tone);
    let playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n/etc/passwd\n#EXT-X-ENDLIST\n";
    let cases: [(&str, Vec<u8>, u16); 6] = [
        ("empty_source", vec![], 400),
        ("not_a_video", vec![7; 10_000], 422),
        ("not_a_video", playlist.as_bytes().to_vec(), 422),
        (
            "not_a_video",
            b"ffconcat version 1.0\nfile /etc/passwd\n".to_vec(),
            422,
        ),
        ("truncated", whole[..whole.len() / 2].to_vec(), 422),
        ("no_video_stream", std::fs::read(&sound).unwrap(), 422),
    ];
    for (code, body, status) in cases {
        assert_problem(app.put_source("bad", body).send().await.unwrap(), status, code).await;
    }
    let html = app
        .put_source("bad", "<html>")
        .header("content-type", "text/html")
        .send()
        .await
        .unwrap();
    assert_problem(html, 415, "unsupported_media_type").await;
    assert_eq!(
        app.json("/api/clips/bad").await["encoding"]["state"],
        "awaiting_source"
    );
    assert_eq!(files_below(&folder.join("data/video")), Vec::<String>::new());
}

async fn a_source_is_kept_once(app: &TestApp) {
    let file = footage::bars(app.folder.path(), "a.mp4", "320x180", "25", 1, &[]);
    let clip = app.upload("kept", &file).await;
    assert_eq!(
        (
            clip["hls_processing_status"].as_str(),
            clip["encoding"]["state"].as_str()
        ),
        (Some("processing"), Some("queued"))
    );
    let again = app
        .put_source("kept", std::fs::read(&file).unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), 202, "the same bytes again are no mistake");
    let other = footage::bars(app.folder.path(), "b.mp4", "320x180", "30", 1, &[]);
    let refused = app
        .put_source("kept", std::fs::read(other).unwrap())
        .send()
        .await
        .unwrap();
    assert_problem(refused, 409, "source_exists").await;
    let kept = files_below(&app.folder.path().join("data/video"));
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(
        kept[0].starts_with(&format!("{}/source/", clip["id"].as_str().unwrap())),
        "{kept:?}"
    );
    let stored = app.folder.path().join("data/video").join(&kept[0]);
    assert!(
        std::fs::read(stored).unwrap() == std::fs::read(&file).unwrap(),
        "a refused source replaces nothing"
    );
}

async fn a_source_needs_its_clip(app: &TestApp) {
    assert_problem(
        app.put_source("nobody", "x").send().await.unwrap(),
        404,
        "clip_not_found",
    )
    .await;
}

#[actix::test]
async fn a_source_over_the_cap_is_refused_whether_it_says_its_size_or_not() {
    let app = TestApp::spawn_with(Backend::Sqlite, |config| config.upload.max_bytes = 10_000).await;
    app.register("big").await;
    assert_problem(
        app.put_source("big", vec![0; 10_001]).send().await.unwrap(),
        413,
        "too_large",
    )
    .await;
    let parts = futures_util::stream::iter((0..20).map(|_| Ok::<_, std::io::Error>(vec![0_u8; 1_000])));
    let chunked = app
        .put_source("big", reqwest::Body::wrap_stream(parts))
        .send()
        .await
        .unwrap();
    assert_problem(chunked, 413, "too_large").await;
    app.finish().await;
}

#[actix::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    use tokio::io::AsyncWriteExt;
    let app = TestApp::spawn(Backend::Sqlite).await;
    app.register("cut").await;
    let host = app.address.strip_prefix("http://").unwrap();
    let mut socket = tokio::net::TcpStream::connect(host).await.unwrap();
    let head = format!(
        "PUT /api/clips/cut/source HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-length: 100000\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&[0; 5_000]).await.unwrap();
    let incoming = app.folder.path().join("data/video/.incoming");
    app.until("the upload to begin", async || {
        (!files_below(&incoming).is_empty()).then_some(())
    })
    .await;
    drop(socket);
    app.until("the upload to be gone", async || {
        files_below(&incoming).is_empty().then_some(())
    })
    .await;
    app.finish().await;
}
