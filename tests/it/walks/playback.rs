//! What players ask for, byte by byte.

use reqwest::Response;

use crate::support::app::{TestApp, assert_problem};
use crate::support::{footage, on_both_databases};

on_both_databases!(playlists_and_segments_are_served_as_the_contract_has_it);

async fn playlists_and_segments_are_served_as_the_contract_has_it(app: &TestApp) {
    let file = footage::bars(app.folder.path(), "a.mp4", "1280x720", "25", 8, &[]);
    app.upload("test-clip-123", &file).await;
    assert_problem(
        app.get("/api/video/test-clip-123/master.m3u8").await,
        404,
        "hls_not_available",
    )
    .await;
    assert_problem(
        app.get("/api/video/test-clip-123/480p.m3u8").await,
        404,
        "hls_not_available",
    )
    .await;
    app.start_encoder();
    assert_eq!(
        app.ended("test-clip-123").await["hls_processing_status"],
        "completed"
    );
    master(app).await;
    variant(app).await;
    segment(app).await;
    ranges(app).await;
    refusals(app).await;
}

/// An answer 304 ends with its head: a body would be taken for the next answer on the connection.
async fn assert_nothing_follows_not_modified(app: &TestApp, path: &str, etag: &str) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut socket = tokio::net::TcpStream::connect(app.address.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nif-none-match: {etag}\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 304") && answer.ends_with("\r\n\r\n"),
        "{answer}"
    );
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

async fn master(app: &TestApp) {
    let response = app.get("/api/video/test-clip-123/master.m3u8").await;
    assert_eq!(header(&response, "content-type"), "application/vnd.apple.mpegurl");
    assert_eq!(header(&response, "cache-control"), "public, max-age=3600");
    let etag = header(&response, "etag").to_owned();
    let text = response.text().await.unwrap();
    let uris: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(uris, ["720p.m3u8", "480p.m3u8"], "{text}");
    for attribute in [
        "BANDWIDTH=",
        "AVERAGE-BANDWIDTH=",
        "CODECS=\"avc1.",
        "RESOLUTION=1280x720",
        "FRAME-RATE=25.000",
    ] {
        assert!(text.contains(attribute), "{attribute} is missing in {text}");
    }
    assert_nothing_follows_not_modified(app, "/api/video/test-clip-123/master.m3u8", &etag).await;
    let zipped = app
        .client
        .get(app.url("/api/video/test-clip-123/master.m3u8"))
        .header("accept-encoding", "gzip");
    assert_eq!(header(&zipped.send().await.unwrap(), "content-encoding"), "gzip");
    let head = app
        .client
        .head(app.url("/api/video/test-clip-123/master.m3u8"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        (head.status().as_u16(), header(&head, "content-type")),
        (200, "application/vnd.apple.mpegurl")
    );
}

async fn variant(app: &TestApp) {
    let text = app.text("/api/video/test-clip-123/480P.m3u8").await;
    assert!(
        text.contains("#EXT-X-PLAYLIST-TYPE:VOD") && text.ends_with("#EXT-X-ENDLIST\n"),
        "{text}"
    );
    assert_eq!(text.matches("#EXTINF:").count(), 2);
    let total: f64 = text
        .lines()
        .filter_map(|line| {
            line.strip_prefix("#EXTINF:")?
                .strip_suffix(',')?
                .parse::<f64>()
                .ok()
        })
        .sum();
    assert!((total - 8.0).abs() < 0.001, "{total}");
    for uri in text.lines().filter(|line| !line.starts_with('#')) {
        assert_eq!(
            app.get(&format!("/api/video/test-clip-123/{uri}")).await.status(),
            200,
            "{uri}"
        );
    }
}

async fn segment(app: &TestApp) {
    let response = app.get("/api/video/test-clip-123/480p/segment-0.ts").await;
    assert_eq!(header(&response, "content-type"), "video/MP2T");
    assert_eq!(
        header(&response, "cache-control"),
        "public, max-age=31536000, immutable"
    );
    assert_eq!(header(&response, "accept-ranges"), "bytes");
    let etag = header(&response, "etag").to_owned();
    let length = header(&response, "content-length").to_owned();
    let bytes = response.bytes().await.unwrap();
    assert_eq!((bytes.len() % 188, bytes[0]), (0, 0x47));
    for padded in ["segment-00.ts", "segment-000.ts", "segment-0000000.ts"] {
        let same = app.get(&format!("/api/video/test-clip-123/480p/{padded}")).await;
        assert!(same.bytes().await.unwrap() == bytes, "{padded}");
    }
    let url = app.url("/api/video/test-clip-123/480p/segment-0.ts");
    assert_nothing_follows_not_modified(app, "/api/video/test-clip-123/480p/segment-0.ts", &etag).await;
    let head = app.client.head(&url).send().await.unwrap();
    assert_eq!(
        (header(&head, "content-length"), header(&head, "etag")),
        (length.as_str(), etag.as_str())
    );
    assert!(head.bytes().await.unwrap().is_empty());
}

async fn ranges(app: &TestApp) {
    let url = app.url("/api/video/test-clip-123/480p/segment-1.ts");
    let whole = app.client.get(&url).send().await.unwrap().bytes().await.unwrap();
    let range = |value: &'static str| app.client.get(&url).header("range", value).send();
    let part = range("bytes=188-375").await.unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(
        header(&part, "content-range"),
        format!("bytes 188-375/{}", whole.len())
    );
    assert!(
        part.bytes().await.unwrap() == whole[188..376],
        "another part was sent"
    );
    let suffix = range("bytes=-188").await.unwrap().bytes().await.unwrap();
    assert!(suffix == whole[whole.len() - 188..], "another part was sent");
    let stale = app
        .client
        .get(&url)
        .header("range", "bytes=0-1")
        .header("if-range", "\"other\"")
        .send()
        .await
        .unwrap();
    assert_eq!(stale.status(), 200);
    let outside = range("bytes=99999999-").await.unwrap();
    assert_eq!(
        header(&outside, "content-range"),
        format!("bytes */{}", whole.len())
    );
    assert_problem(outside, 416, "range_not_satisfiable").await;
}

async fn refusals(app: &TestApp) {
    for (path, status, code) in [
        ("/api/video/nobody/master.m3u8", 404, "clip_not_found"),
        ("/api/video/test-clip-123/360p.m3u8", 400, "invalid_quality"),
        ("/api/video/test-clip-123/1080p.m3u8", 404, "variant_not_found"),
        (
            "/api/video/test-clip-123/4k/segment-0.ts",
            404,
            "variant_not_found",
        ),
        ("/api/video/test-clip-123/8k/segment-0.ts", 400, "invalid_quality"),
        (
            "/api/video/test-clip-123/480p/segment-2.ts",
            404,
            "segment_not_found",
        ),
        (
            "/api/video/test-clip-123/480p/segment--1.ts",
            404,
            "segment_not_found",
        ),
        (
            "/api/video/test-clip-123/480p/segment-99999999999.ts",
            404,
            "segment_not_found",
        ),
        (
            "/api/video/test-clip-123/480p/playlist.m3u8",
            404,
            "segment_not_found",
        ),
        (
            "/api/video/test-clip-123/480p/..%2f..%2fsource%2foriginal",
            404,
            "segment_not_found",
        ),
    ] {
        assert_problem(app.get(path).await, status, code).await;
    }
}
