//! What is kept at hand for viewers: it is what the application would answer, it follows the log, and it survives clients
//! that behave badly.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::app::{KEY, TestApp, assert_problem};
use crate::support::database::Backend;
use crate::support::{footage, on_both_databases};

on_both_databases!(
    what_is_at_hand_is_what_the_application_answers,
    what_changes_is_not_at_hand_any_more
);

const SEGMENT: &str = "/api/video/clip/720p/segment-0.ts";

/// A clip in two rungs, whose segments are too large to be kept in memory.
async fn encoded(app: &TestApp) {
    app.start_encoder();
    let file = footage::bars(app.folder.path(), "a.mp4", "1280x720", "25", 8, &[]);
    app.upload("clip", &file).await;
    assert_eq!(app.ended("clip").await["hls_processing_status"], "completed");
}

/// Status, headers and body; without what differs between any two answers.
type Seen = (u16, BTreeMap<String, String>, Vec<u8>);

async fn seen(app: &TestApp, path: &str, headers: &[(&str, &str)], key: bool) -> Seen {
    let mut request = app.client.get(app.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if key {
        // Whoever signs in is not answered from what is at hand.
        request = request.bearer_auth(KEY);
    }
    let answer = request.send().await.unwrap();
    let said = answer
        .headers()
        .iter()
        .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()))
        .map(|(name, value)| {
            // The order of a list says nothing.
            let mut parts: Vec<_> = value.to_str().unwrap().split(',').map(str::trim).collect();
            parts.sort_unstable();
            (name.to_string(), parts.join(","))
        })
        .collect();
    (
        answer.status().as_u16(),
        said,
        answer.bytes().await.unwrap().to_vec(),
    )
}

async fn hits(app: &TestApp) -> u64 {
    let metrics = app.text("/metrics").await;
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("clipper_segment_cache_hits_total "));
    line.map_or(0, |count| count.parse().unwrap())
}

async fn what_is_at_hand_is_what_the_application_answers(app: &TestApp) {
    encoded(app).await;
    let playlists = ["/api/video/clip/master.m3u8", "/api/video/clip/720p.m3u8"];
    for path in playlists.into_iter().chain([SEGMENT]) {
        app.get(path).await;
    }
    let etag = app.get(SEGMENT).await.headers()["etag"]
        .to_str()
        .unwrap()
        .to_owned();
    let before = hits(app).await;
    let asked: [&[(&str, &str)]; 9] = [
        &[],
        &[("origin", "https://elsewhere.example")],
        &[("accept-encoding", "gzip")],
        &[("accept-encoding", "br, gzip;q=0.5")],
        &[("range", "bytes=100-70000")],
        &[("range", "bytes=-5000")],
        &[("range", "bytes=0-0")],
        &[("range", "bytes=5-9"), ("if-range", "\"other\"")],
        &[("if-none-match", &etag)],
    ];
    for headers in asked {
        for path in playlists.into_iter().chain([SEGMENT]) {
            let at_hand = seen(app, path, headers, false).await;
            let application = seen(app, path, headers, true).await;
            assert_eq!(at_hand.0, application.0, "{path} {headers:?}");
            assert_eq!(at_hand.1, application.1, "{path} {headers:?}");
            assert!(at_hand.2 == application.2, "{path} {headers:?}: other bytes");
        }
    }
    assert_eq!(hits(app).await - before, asked.len() as u64);
    let outside = [("range", "bytes=999999999-")];
    assert_eq!(seen(app, SEGMENT, &outside, false).await.0, 416);
    let head = app.client.head(app.url(SEGMENT)).send().await.unwrap();
    let whole = app.get(SEGMENT).await;
    assert_eq!(
        head.headers()["content-length"],
        whole.headers()["content-length"]
    );
}

async fn what_changes_is_not_at_hand_any_more(app: &TestApp) {
    encoded(app).await;
    let master = "/api/video/clip/master.m3u8";
    let first = app.text(master).await;
    assert!(first.contains("480p.m3u8") && !first.contains("captions"));
    let captions = |language| app.url(&format!("/api/clips/clip/captions/{language}"));
    let shown = async || app.text(master).await.matches("TYPE=SUBTITLES").count();
    for (languages, language) in [(1, "de"), (2, "en")] {
        let text = "WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n";
        let put = app.client.put(captions(language)).bearer_auth(KEY).body(text);
        assert_eq!(put.send().await.unwrap().status(), 201);
        assert_eq!(shown().await, languages);
    }
    let delete = app.client.delete(captions("de")).bearer_auth(KEY);
    assert_eq!(delete.send().await.unwrap().status(), 204);
    assert_eq!(shown().await, 1);
    let again = json!({ "qualities": ["480p"] });
    let asked = app
        .post("/api/clips/clip/encodings", &again)
        .send()
        .await
        .unwrap();
    assert_eq!(asked.status(), 202);
    app.until("the new generation to play", async || {
        let playlist = app.text("/api/video/clip/480p.m3u8").await;
        playlist.contains("?g=2").then_some(())
    })
    .await;
}

/// Sends text over a connection of its own and reads what comes until the other side closes.
fn talk(address: &str, said: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(said.as_bytes()).unwrap();
    let mut heard = vec![];
    stream.read_to_end(&mut heard).unwrap();
    heard
}

#[actix::test]
async fn requests_in_one_packet_are_answered_in_order() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    encoded(&app).await;
    let playlist = app.text("/api/video/clip/720p.m3u8").await;
    let segment = app.get(SEGMENT).await.bytes().await.unwrap();
    let ask = |path: &str, rest: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n{rest}\r\n");
    let said = [
        ask("/api/video/clip/720p.m3u8", ""),
        ask(SEGMENT, ""),
        ask(SEGMENT, "Range: bytes=10-19\r\n"),
        ask("/healthz", ""),
        ask(SEGMENT, "Connection: close\r\n"),
    ]
    .concat();
    let address = app.address.clone();
    let heard = tokio::task::spawn_blocking(move || talk(&address, &said))
        .await
        .unwrap();
    let mut rest = &heard[..];
    let mut bodies = vec![];
    while !rest.is_empty() {
        let end = rest.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        let head = String::from_utf8_lossy(&rest[..end]).to_lowercase();
        let length = head.split("content-length: ").nth(1).unwrap();
        let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
        bodies.push(&rest[end..end + length]);
        rest = &rest[end + length..];
    }
    assert_eq!(bodies.len(), 5);
    assert!(bodies[0] == playlist.as_bytes());
    assert!(bodies[1] == &segment[..] && bodies[4] == &segment[..]);
    assert!(bodies[2] == &segment[10..20]);
    app.finish().await;
}

#[actix::test]
async fn clients_that_leave_in_the_middle_take_nothing_with_them() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    encoded(&app).await;
    let segment = app.get(SEGMENT).await.bytes().await.unwrap();
    let address = app.address.trim_start_matches("http://").to_owned();
    let leave = move || {
        for _ in 0..200 {
            let mut stream = TcpStream::connect(&address).unwrap();
            let said = format!("GET {SEGMENT} HTTP/1.1\r\nHost: a\r\n\r\n").repeat(8);
            stream.write_all(said.as_bytes()).unwrap();
            let mut some = [0; 4_096];
            assert!(stream.read(&mut some).unwrap() > 0);
        }
    };
    tokio::task::spawn_blocking(leave).await.unwrap();
    let after = app.get(SEGMENT).await;
    assert!(after.bytes().await.unwrap() == segment);
    app.until("the connections to be let go", async || {
        let metrics = app.text("/metrics").await;
        let open = metrics
            .lines()
            .find_map(|line| line.strip_prefix("process_open_fds "))?;
        (open.parse::<f64>().unwrap() < 150.0).then_some(())
    })
    .await;
    app.finish().await;
}

#[actix::test]
async fn no_address_leads_out_of_the_media_and_no_range_multiplies_it() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    encoded(&app).await;
    let whole = app.get(SEGMENT).await.bytes().await.unwrap();
    let long = format!("/api/video/clip/{}", "a/".repeat(4_000));
    let tricks = [
        "/api/video/clip/720p/../../../../admin.key",
        "/api/video/clip/720p/%2e%2e%2f%2e%2e%2f%2e%2e%2fadmin.key",
        "/api/video/clip/720p/..%2f..%2f..%2fadmin.key",
        "/api/video/clip/720p/segment-0.ts%00.jpg",
        "/api/video/clip/720p/segment-0%2ets/../../x",
        "/api/video/%2e%2e/%2e%2e/master.m3u8",
        "/api/video/..%5c..%5cclip/720p/segment-0.ts",
        "//etc/passwd",
        "/api/video/clip/720p/segment-99999999999999999999.ts",
        "/api/video/clip/720p/segment-0.ts?g=99999999999",
        "/s/%2e%2e/api/video/clip/master.m3u8",
        &long,
    ];
    let said = tricks.map(|path| format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    let address = app.address.clone();
    let heard = tokio::task::spawn_blocking(move || said.map(|said| (talk(&address, &said), said)));
    for (heard, said) in heard.await.unwrap() {
        let heard = String::from_utf8_lossy(&heard);
        assert!(heard.starts_with("HTTP/1.1 4"), "{said}{heard}");
        assert!(!heard.contains(KEY), "{said}{heard}");
    }
    // Ranges by the hundred are no ranges: the file comes once.
    let many: Vec<_> = (0..500).map(|first| format!("{first}-")).collect();
    for key in [false, true] {
        let range = format!("bytes={}", many.join(","));
        let (status, _, bytes) = seen(&app, SEGMENT, &[("range", &range)], key).await;
        assert_eq!((status, bytes.len()), (200, whole.len()));
    }
    app.finish().await;
}

/// Registers a private clip and encodes it.
async fn private(app: &TestApp) {
    let clip = json!({ "title": "Secret", "slug": "secret", "visibility": "private" });
    assert_eq!(app.post("/api/clips", &clip).send().await.unwrap().status(), 201);
    let file = footage::bars(app.folder.path(), "a.mp4", "640x360", "25", 4, &[]);
    let put = app.put_source("secret", std::fs::read(file).unwrap());
    assert_eq!(put.send().await.unwrap().status(), 202);
    app.start_encoder();
    app.until("the clip to be encoded", async || {
        let clip = app.client.get(app.url("/api/clips/secret")).bearer_auth(KEY);
        let clip: Value = clip.send().await.unwrap().json().await.unwrap();
        (clip["hls_processing_status"] == "completed").then_some(())
    })
    .await;
}

async fn token(app: &TestApp, clip: &str, asked: Value) -> String {
    let minted = app.post(&format!("/api/clips/{clip}/playback-token"), &asked);
    let minted: Value = minted.send().await.unwrap().json().await.unwrap();
    minted["token"]
        .as_str()
        .unwrap_or_else(|| panic!("{minted}"))
        .to_owned()
}

#[actix::test]
async fn a_private_clip_plays_through_its_token_and_no_other() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    private(&app).await;
    let plain = "/api/video/secret/master.m3u8";
    assert_problem(app.get(plain).await, 404, "clip_not_found").await;
    let good = token(&app, "secret", json!({})).await;
    let refused = async |token: &str, code: &str| {
        // Both what answers first and what is at hand afterwards.
        for path in [plain, "/api/video/secret/480p/segment-0.ts"] {
            for _ in 0..2 {
                assert_problem(app.get(&format!("/s/{token}{path}")).await, 403, code).await;
            }
        }
    };
    refused("nonsense", "token_invalid").await;
    for _ in 0..2 {
        let url = app.url(&format!("/s/{good}{plain}"));
        let player = move || footage::ffmpeg(&["-i", &url, "-f", "null", "-"]);
        tokio::task::spawn_blocking(player).await.unwrap();
    }
    let segment = app
        .get(&format!("/s/{good}/api/video/secret/480p/segment-0.ts"))
        .await;
    assert_eq!(segment.headers()["cache-control"], "private, max-age=3600");
    refused("nonsense", "token_invalid").await;
    app.register("other").await;
    refused(&token(&app, "other", json!({})).await, "token_invalid").await;
    let page = json!({ "referrer": "https://site.example" });
    refused(&token(&app, "secret", page).await, "token_elsewhere").await;
    let network = json!({ "address": "192.0.2.1" });
    refused(&token(&app, "secret", network).await, "token_elsewhere").await;
    let here = token(&app, "secret", json!({ "address": "127.0.0.1" })).await;
    assert_eq!(app.get(&format!("/s/{here}{plain}")).await.status(), 200);
    // A token says nothing of what is not there, and opens nothing but media.
    let nobody = app.get(&format!("/s/{good}/api/video/nobody/master.m3u8")).await;
    assert_problem(nobody, 403, "token_invalid").await;
    assert_problem(
        app.get(&format!("/s/{good}/api/clips/secret")).await,
        404,
        "not_found",
    )
    .await;
    // A query leads to the path; without a key, nobody gets a token.
    for odd in ["%0d%0aSet-Cookie:%20a=b", "%C3%90%04", "a%2f..%2fb"] {
        let nowhere = app
            .get(&format!("/api/video/{odd}/master.m3u8?token={good}"))
            .await;
        assert_problem(nowhere, 404, "clip_not_found").await;
    }
    let led = app.get(&format!("{plain}?token={good}")).await;
    assert_eq!(
        (led.status().as_u16(), led.url().path()),
        (200, &*format!("/s/{good}{plain}"))
    );
    let unsigned = app.client.post(app.url("/api/clips/secret/playback-token"));
    assert_problem(unsigned.send().await.unwrap(), 401, "unauthorized").await;
    app.finish().await;
}
